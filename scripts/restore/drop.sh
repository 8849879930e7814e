#!/usr/bin/env bash
# The end of the possibility to undo.

[[ ! -v PGKEEP_RESTORE_DROP ]] || return 0
readonly PGKEEP_RESTORE_DROP=1

source "$SCRIPTS/core/time.sh"
source "$SCRIPTS/core/text.sh"
source "$SCRIPTS/core/log.sh"
source "$SCRIPTS/core/failure.sh"
source "$SCRIPTS/core/script.sh"
source "$SCRIPTS/server/maintenance.sh"
source "$SCRIPTS/aside/aside.sh"
source "$SCRIPTS/restore/state.sh"
source "$SCRIPTS/restore/aside.sh"

drop_old_main() {
  local which=${RESTORE_DROP:-$RESTORE_KEEP_DAYS} words
  begin_kept 'PostgreSQL databases kept by restores'
  if [[ -z ${RESTORE_DROP:-} ]] && ((RESTORE_KEEP_DAYS == 0)); then
    note 'Nothing was dropped: this Job does not say what (RESTORE_DROP: all, or one of these names), and restoreKeepDays is 0.'
    return
  fi
  if [[ $which != all ]] && ! is_number "$which" && ! is_kept "$which"; then
    fail 1 unknown "no database is kept as \"$which\"" \
      "RESTORE_DROP names one that no restore of \"$DATABASE_NAME\" has kept, or that is gone" \
      'set it to one of the names above, or to all'
  fi
  words="older than $RESTORE_KEEP_DAYS days"
  [[ -z ${RESTORE_DROP:-} ]] || words=$RESTORE_DROP
  if [[ ${RESTORE_DRY_RUN:-false} == true ]]; then
    note "Nothing was dropped: this is a dry run ($words)."
    return
  fi
  begin "Dropped what is kept ($words)"
  drop_kept_where "$MAINTENANCE" "$which"
  if ((${#STUCK[@]} > 0)); then
    fail 1 stuck "${#STUCK[@]} of the databases could not be dropped: ${STUCK[*]}" 'the lines above say why' \
      'mend that, or drop them by hand as their owner'
  fi
  done_step "${#DROPPED[@]}"
  section Summary
  setting dropped "${#DROPPED[@]} databases"
  setting freed "$(human_size "$FREED")"
  setting duration "$(seconds_since "$RUN_STARTED") s"
}

#!/usr/bin/env bash
# Drops databases that restores have put aside, and with them the possibility to undo: the one of a name, all, or those older
# than some days.

# Before the first command: without the shared files nothing below may run.
set -Eeuo pipefail
SCRIPTS=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
source "$SCRIPTS/core/shell.sh"
source "$SCRIPTS/core/time.sh"
source "$SCRIPTS/core/text.sh"
source "$SCRIPTS/core/log.sh"
source "$SCRIPTS/core/parameters.sh"
source "$SCRIPTS/core/script.sh"
source "$SCRIPTS/core/failure.sh"
source "$SCRIPTS/core/lock.sh"
source "$SCRIPTS/server/maintenance.sh"
source "$SCRIPTS/aside/aside.sh"
source "$SCRIPTS/restore/state.sh"
source "$SCRIPTS/restore/aside.sh"
source "$SCRIPTS/restore/record.sh"

AT_END=end_drop_aside
AT_STEP=note_step

end_drop_aside() {
  if (($1 != 0)); then
    EPILOGUE="\"$DATABASE_NAME\" was not touched"
    if ((${#DROPPED[@]} > 0)); then EPILOGUE+="; dropped before that: ${DROPPED[*]}"; fi
  fi
  if [[ -n $LOCK_DESCRIPTOR ]]; then record_aside "$1" drop-aside '' 2>/dev/null; fi
}

# What is to be dropped is said by RESTORE_DROP, or by restoreKeepDays. To look first there is a program that cannot drop.
check_drop_parameters() {
  check_aside_parameters
  require_number RESTORE_KEEP_DAYS 0
  [[ ${RESTORE_DRY_RUN:-false} == false ]] || fail 2 parameters "RESTORE_DRY_RUN is \"$RESTORE_DRY_RUN\"" \
    'dropping has no dry run' 'pgkeep drop-aside without a name, or RESTORE_ACTION=list-aside, shows what there is'
}

drop_asked() {
  local which=${RESTORE_DROP:-$RESTORE_KEEP_DAYS} words
  if [[ $which != all ]] && ! is_number "$which" && ! is_aside "$which"; then
    fail 1 unknown "no database was put aside as \"$which\"" \
      "RESTORE_DROP names one that no restore of \"$DATABASE_NAME\" has put aside, or that is gone" \
      'set it to one of the names above, or to all'
  fi
  words="older than $which days"
  is_number "$which" || words=$which
  begin "Dropped what was put aside ($words)"
  drop_aside_where "$MAINTENANCE" "$which"
  if ((${#STUCK[@]} > 0)); then
    fail 1 stuck "${#STUCK[@]} of the databases could not be dropped: ${STUCK[*]}" 'the lines above say why' \
      'mend that, or drop them by hand as their owner'
  fi
  done_step "${#DROPPED[@]}"
}

main() {
  start_script
  check_drop_parameters
  show_aside_configuration 'PostgreSQL databases that restores have put aside'
  begin_aside drop-aside
  if [[ -z ${RESTORE_DROP:-} ]] && ((RESTORE_KEEP_DAYS == 0)); then
    note 'Nothing was dropped: this Job does not say what (RESTORE_DROP: all, or one of these names), and restoreKeepDays is 0.'
    return
  fi
  drop_asked
  section Summary
  setting dropped "${#DROPPED[@]} databases"
  setting freed "$(human_size "$FREED")"
  setting duration "$(seconds_since "$RUN_STARTED") s"
}

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then main "$@"; fi

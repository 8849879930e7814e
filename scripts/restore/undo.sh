#!/usr/bin/env bash
# Back to the database that a restore has put aside: it takes its name again, and what had the name is put aside in turn.
#
# This may fail or be killed anywhere and be started again: the swap is one transaction, and connections that were switched
# off for it are allowed again by the next run.

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
source "$SCRIPTS/core/children.sh"
source "$SCRIPTS/core/lock.sh"
source "$SCRIPTS/server/errors.sh"
source "$SCRIPTS/server/psql.sh"
source "$SCRIPTS/server/findings.sh"
source "$SCRIPTS/server/maintenance.sh"
source "$SCRIPTS/volume/names.sh"
source "$SCRIPTS/volume/catalog.sh"
source "$SCRIPTS/volume/marks.sh"
source "$SCRIPTS/aside/aside.sh"
source "$SCRIPTS/load/state.sh"
source "$SCRIPTS/restore/state.sh"
source "$SCRIPTS/restore/aside.sh"
source "$SCRIPTS/restore/swap.sh"
source "$SCRIPTS/restore/back.sh"
source "$SCRIPTS/restore/record.sh"

AT_END=end_undo
AT_STEP=note_step

BACK=''      # the database that comes back
UNDONE_BY='' # `undo`, or the backup by whose restore it was replaced
REPLACED=''  # and when

end_undo() {
  if [[ $PHASE == swapping ]]; then
    if settle_swap && [[ $PHASE == before ]]; then allow_connections; fi
  fi
  if (($1 != 0)); then
    case $PHASE in
      before) EPILOGUE="\"$DATABASE_NAME\" was not touched" ;;
      swapping) EPILOGUE='whether the swap happened is not known: one of the two databases is whole under the name; start this again' ;;
      *) EPILOGUE="the swap is done${OLD:+: what \"$DATABASE_NAME\" was before it was put aside as $OLD}" ;;
    esac
  fi
  if [[ -n $LOCK_DESCRIPTOR ]]; then record_aside "$1" undo "$BACK" 2>/dev/null; fi
}

nothing_to_undo() {
  local safety name what="no database carries the mark of a restore of \"$DATABASE_NAME\"" cure
  cure="restore a backup from before instead: pgkeep list-backups"
  if [[ -s $WORK/aside ]]; then
    what="what was put aside belongs to another owner than \"$DATABASE_NAME\" (above), which may be somebody else's doing"
  fi
  while IFS= read -r name; do
    if [[ -z ${safety:-} ]] && has_mark safety "$name" \
      && [[ $(summary_value "$name" database) == "$(escape_as_copy "$DATABASE_NAME")" ]]; then
      safety=$name
    fi
  done < <(backup_names)
  [[ -z ${safety:-} ]] || cure="the last restore has made a safety backup before: pgkeep run-restore $safety"
  if [[ -s $WORK/aside ]]; then
    cure="if it is right: ALTER DATABASE … OWNER TO the owner of \"$DATABASE_NAME\", then start this again; or $cure"
  fi
  fail 1 nothing "there is nothing to undo for \"$DATABASE_NAME\"" "$what" "$cure"
}

# Sets LIVE, and OLD to the name that the live database gets.
plan_undo() {
  query "$MAINTENANCE" restore/undo-plan.sql -z -0 -v name="$DATABASE_NAME" -v kept="$BACK" >"$WORK/plan"
  read_findings "$WORK/plan"
  ((STOPS == 0)) || fail 1 refused "$BACK cannot take the name \"$DATABASE_NAME\"" "$STOP_DETAIL" "$STOP_CURE"
  LIVE=${FINDINGS[live]} OLD=${FINDINGS[undone]:-}
}

ask_it() {
  begin 'Asked it'
  run psql_on "$DATABASE_NAME" -c 'SELECT 1' >/dev/null 2>"$WORK/answer.errors" \
    || fail_explained "$WORK/answer.errors" "\"$DATABASE_NAME\" does not answer"
  done_step
}

# Sets BACK, UNDONE_BY and REPLACED to the newest that is ours.
choose_back() {
  local number name successor since seconds size owner may ours
  while next_aside; do
    if [[ -z $BACK && $ours == t ]]; then BACK=$name UNDONE_BY="$successor" REPLACED=$since; fi
  done <"$WORK/aside"
  [[ -n $BACK ]] || nothing_to_undo
}

show_undo_summary() {
  section Summary
  if [[ $UNDONE_BY == undo ]]; then
    setting database "$DATABASE_NAME is again what it was before the undo at $REPLACED UTC"
  else
    setting database "$DATABASE_NAME is again what it was before the restore of $UNDONE_BY at $REPLACED UTC"
  fi
  setting back "it was put aside as $BACK"
  setting duration "$(seconds_since "$RUN_STARTED") s"
  [[ -n $OLD ]] || return 0
  setting aside "what it was until now, as $OLD"
  print_undo
}

main() {
  start_script
  check_aside_parameters
  show_aside_configuration 'PostgreSQL undo of a restore'
  begin_aside undo
  choose_back
  allow_connections
  plan_undo
  [[ $LIVE == present ]] || OLD=''
  exchange undo "$BACK"
  ask_it
  show_undo_summary
  printf '\n✓ Database %s is back\n' "$DATABASE_NAME"
}

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then main "$@"; fi

#!/usr/bin/env bash
# Restores one backup without ever putting the database at risk: into a side database, compared with the manifest, then
# swapped in by renames. The old database stays, under another name.
#
# RESTORE_ACTION says whether the Job is one at all: undo.sh, drop-aside.sh and list-aside.sh are programs of their own.
#
# Until the swap the live database is not touched; the swap is one transaction; afterwards nothing is deleted.

# Before the first command: without the shared files nothing below may run.
set -Eeuo pipefail
SCRIPTS=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
source "$SCRIPTS/core/shell.sh"
source "$SCRIPTS/core/time.sh"
source "$SCRIPTS/core/log.sh"
source "$SCRIPTS/core/failure.sh"
source "$SCRIPTS/core/children.sh"
source "$SCRIPTS/core/lock.sh"
source "$SCRIPTS/core/parameters.sh"
source "$SCRIPTS/core/script.sh"
source "$SCRIPTS/server/versions.sh"
source "$SCRIPTS/server/credentials.sh"
source "$SCRIPTS/server/psql.sh"
source "$SCRIPTS/server/maintenance.sh"
source "$SCRIPTS/volume/names.sh"
source "$SCRIPTS/volume/marks.sh"
source "$SCRIPTS/volume/catalog.sh"
source "$SCRIPTS/volume/records.sh"
source "$SCRIPTS/volume/metrics.sh"
source "$SCRIPTS/load/state.sh"
source "$SCRIPTS/load/role.sh"
source "$SCRIPTS/load/create.sh"
source "$SCRIPTS/load/probe.sh"
source "$SCRIPTS/load/fill.sh"
source "$SCRIPTS/load/owners.sh"
source "$SCRIPTS/load/prove.sh"
source "$SCRIPTS/load/analyze.sh"
source "$SCRIPTS/load/drop.sh"
source "$SCRIPTS/tables/bring.sh"
source "$SCRIPTS/tables/tables.sh"
source "$SCRIPTS/restore/state.sh"
source "$SCRIPTS/restore/asked.sh"
source "$SCRIPTS/restore/choose.sh"
source "$SCRIPTS/restore/plan.sh"
source "$SCRIPTS/restore/safety.sh"
source "$SCRIPTS/restore/swap.sh"
source "$SCRIPTS/restore/by-hand.sh"
source "$SCRIPTS/restore/back.sh"
source "$SCRIPTS/restore/smoke.sh"
source "$SCRIPTS/restore/record.sh"

AT_END=end_restore
AT_STEP=note_step

# Sets MODE and PREPARED. Nothing after this asks the variables again what kind of restore it is.
decide_mode() {
  MODE=replace
  if [[ -n ${RESTORE_TABLES:-}${RESTORE_SCHEMAS:-} ]]; then MODE=tables; fi
  if [[ -n ${RESTORE_INTO:-} ]]; then
    [[ $MODE != tables ]] || fail 2 parameters 'RESTORE_INTO does not go with RESTORE_TABLES or RESTORE_SCHEMAS' \
      'single tables go beside those of the database, in a schema of their own' \
      'leave RESTORE_INTO empty, or restore the whole database into it'
    MODE=beside
  fi
  PREPARED=${RESTORE_SIDE:-}
  if [[ -n $PREPARED && ($MODE != replace || $RESTORE_DRY_RUN == true) ]]; then
    fail 2 parameters "RESTORE_SIDE is \"$RESTORE_SIDE\"" \
      'a prepared database is for a restore in the place of the live one: a trial, a new name or single tables need none' \
      'leave RESTORE_SIDE empty, or leave out RESTORE_DRY_RUN, RESTORE_INTO, RESTORE_TABLES and RESTORE_SCHEMAS'
  fi
  [[ $RESTORE_DRY_RUN == false ]] || MODE+=-trial
}

# Sets NAMES, MODE, PREPARED and, where it is clear by now, DATABASE_NAME.
check_restore_parameters() {
  require_programs psql pg_dump pg_restore
  require_parameter NAMESPACE VOLUME_NAME BACKUP_DIRECTORY DATABASE_HOST DATABASE_PORT DATABASE_NAMES
  require_number RESTORE_JOBS 1
  require_truth RESTORE_DRY_RUN
  require_truth RESTORE_SAFETY_BACKUP
  require_truth RESTORE_ALLOW_SUPERUSER_OBJECTS
  # Whoever asks for the content to be replaced where it is must not get another kind of restore instead.
  [[ ${RESTORE_IN_PLACE:-false} == false ]] || fail 2 parameters "RESTORE_IN_PLACE is \"$RESTORE_IN_PLACE\"" \
    'a live database is never emptied: the backup is restored beside it and takes its name in the end' \
    'leave it out; where the user may not create databases, an administrator makes an empty one: pgkeep run-restore --side NAME'
  [[ ${RESTORE_FREE_BYTES:-0} =~ ^[0-9]{1,18}$ ]] || fail 2 parameters "RESTORE_FREE_BYTES is \"$RESTORE_FREE_BYTES\"" \
    'a number of bytes is needed, or nothing' 'leave it empty: the restore then says how much must be free'
  mapfile -t NAMES <<<"$DATABASE_NAMES"
  if ((${#NAMES[@]} == 1)); then DATABASE_NAME=${NAMES[0]}; fi
  decide_mode
  check_choice
  [[ -d $BACKUP_DIRECTORY ]] || fail 1 volume "$BACKUP_DIRECTORY is not there" \
    "volume claim \"$VOLUME_NAME\" is not mounted" "kubectl -n $NAMESPACE describe pvc $VOLUME_NAME"
}

# What this run has made. A server that does not answer is asked once.
clear_away() {
  [[ -n $TABLES_BEGUN$SIDE_MADE$RESTORER_MADE$PREPARED_BEGUN ]] || return 0
  [[ -n $MAINTENANCE && -n $SIDE ]] || return 0
  if ! run psql_on "$MAINTENANCE" -c 'SELECT 1' >/dev/null 2>"$WORK/drop.errors"; then
    quote_output "$WORK/drop.errors"
    [[ -z $TABLES_BEGUN ]] || tables_left
    note 'what was made for this restore stays on the server: the next restore drops it'
    return
  fi
  drop_tables
  [[ -z $SIDE_MADE ]] || drop_side
  [[ -z $PREPARED_BEGUN ]] || note "what was restored so far is in $PREPARED: drop it, and prepare it again for the next try"
  drop_role
  [[ -z $RESTORER_MADE ]] || note "the role $RESTORER could not be dropped; the next restore does it"
}

end_restore() {
  if [[ $PHASE == swapping ]]; then
    if settle_swap && [[ $PHASE == before ]]; then allow_connections; fi
  fi
  if (($1 != 0)); then
    case $PHASE in
      before)
        clear_away
        EPILOGUE='the live database was not touched'
        ;;
      swapping)
        EPILOGUE='whether the swap happened is not known: the old or the new database is whole under the name'
        EPILOGUE+='; start the restore again'
        ;;
      *)
        EPILOGUE='the restored database is in place'
        [[ $LIVE != present ]] || EPILOGUE+=", the old one was put aside as $OLD"
        ;;
    esac
  fi
  # A restore proves a backup, or finds it damaged.
  if [[ -n $LOCK_DESCRIPTOR ]]; then
    {
      record_restore "$1"
      write_metrics
    } 2>/dev/null
  fi
}

show_restore_configuration() {
  banner "PostgreSQL restore$([[ $MODE == *-trial ]] && printf ' (dry run)')"
  section Configuration
  setting backup "${RESTORE_BACKUP:-the newest at or before $RESTORE_AT}"
  setting database "${RESTORE_INTO:-${RESTORE_DATABASE:-${NAMES[*]}}} on $DATABASE_HOST:$DATABASE_PORT"
  setting namespace "$NAMESPACE"
  setting volume "$VOLUME_NAME"
  setting 'server disk' "${RESTORE_DATABASE_VOLUME:-no claim is named for it (databaseVolumeName)}"
  setting jobs "$RESTORE_JOBS"
  setting applications "${RESTORE_APPLICATIONS:-none named; whoever is connected at the swap is disconnected}"
  section Steps
}

show_backup() {
  local key
  note "restoring $NAME ($(backup_status "$NAME"))"
  is_legacy "$NAME" || for key in created database server_version tables rows large_objects; do
    setting "  $key" "$(summary_value "$NAME" "$key")"
  done
  ! has_mark suspicious "$NAME" || warn "it is suspicious: $(mark_text suspicious "$NAME")"
}

# "Would it work?" is answered by having done it.
end_trial() {
  begin 'Dropped the side database'
  drop_side
  SIDE_MADE=''
  done_step
  section Summary
  setting 'dry run' "backup $NAME can be restored into database \"$DATABASE_NAME\"; nothing was changed"
  setting duration "$(seconds_since "$RUN_STARTED") s without a safety backup; a restore takes as long, and the swap"
  printf '\n✓ Dry run: database %s could be restored from %s\n' "$DATABASE_NAME" "$NAME"
}

show_restore_summary() {
  section Summary
  setting database "$DATABASE_NAME holds backup $NAME"
  setting duration "$(seconds_since "$RUN_STARTED") s"
  if [[ $LIVE == absent ]]; then
    note 'There was no database of that name before.'
    return
  fi
  setting aside "the old database, as $OLD"
  [[ -z $SAFETY ]] || setting safety "$SAFETY, pinned"
  print_undo
}

# --- the story of each mode ---------------------------------------------------------------------------------------------

# Everything up to the server's answer: which backup, into which database, and whether it can be done. Sets MAINTENANCE, NAME,
# MANIFEST, DATABASE_NAME, LIVE, SIDE, OLD and STAMP.
prepare_restore() {
  begin 'Chose the backup'
  mkdir -p "$BACKUP_DIRECTORY/.records"
  # A backup or a retention that runs at the same time could take the files away.
  take_lock restore
  note_killed
  choose_backup
  choose_database
  done_step "$NAME"
  show_backup
  verify_bytes

  begin 'Checked the server'
  use_credentials
  read_client_version
  connect_maintenance
  check_versions
  plan
  [[ -z $PREPARED ]] || check_prepared
  name_databases
  done_step "server $SERVER_VERSION, client $CLIENT_VERSION, user \"$PGUSER\", live database $LIVE"
}

# A side database that holds the backup, and was seen to. The live one is not touched.
fill_and_compare() {
  make_role
  if [[ -n $PREPARED ]]; then
    use_prepared_side
  else
    create_side
    probe_side
  fi
  restore_side
  hand_over
  compare_side
  analyze_side
}

# The compared side database gets the name that it was made for, and answers under it.
take_name() {
  swap
  smoke_query
  show_restore_summary
  printf '\n✓ Database %s is restored from %s\n' "$DATABASE_NAME" "$NAME"
}

restore_replace() {
  [[ $LIVE == absent ]] || make_safety_backup
  fill_and_compare
  if [[ $RENAMES == false ]]; then
    hand_over_swap
    return
  fi
  take_name
}

restore_beside() {
  fill_and_compare
  take_name
}

restore_trial() {
  fill_and_compare
  end_trial
}

main() {
  case ${RESTORE_ACTION:-restore} in
    restore) ;;
    undo) exec bash "$SCRIPTS/restore/undo.sh" ;;
    list-aside) exec bash "$SCRIPTS/restore/list-aside.sh" ;;
    # The second word is what it was called before.
    drop-aside | drop-old) exec bash "$SCRIPTS/restore/drop-aside.sh" ;;
    *)
      start_script
      fail 2 parameters "RESTORE_ACTION is \"$RESTORE_ACTION\"" 'it is restore, undo, list-aside or drop-aside' \
        'pgkeep run-restore, pgkeep undo-restore or pgkeep drop-aside'
      ;;
  esac
  start_script
  check_restore_parameters
  show_restore_configuration
  prepare_restore
  case $MODE in
    replace) restore_replace ;;
    beside) restore_beside ;;
    replace-trial | beside-trial) restore_trial ;;
    tables) restore_tables ;;
    tables-trial) try_tables ;;
    *) fail 1 mode "the restore has no mode" "MODE is \"$MODE\"" 'report this as a bug of pgkeep' ;;
  esac
}

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then main "$@"; fi

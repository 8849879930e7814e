#!/usr/bin/env bash
# Makes one backup of one database: preflight, a dump and its facts from one snapshot, all of it read back from the
# volume, published by one rename; then retention.
#
# A restore starts it as `one.sh safety LOCK FILE WHY` for the database it is about to replace: LOCK is the descriptor of
# the volume's lock, which the restore holds and this run shares; the name of the backup goes into FILE, WHY into its marks.
# By arguments, not by the environment: no setting and no `kubectl set env` can make a backup go without the lock.
#
# Until the rename there is nothing under a final name; whatever a failed or killed run leaves lies in .staging, which
# the next run empties.

# Before the first command: without the shared files nothing below may run.
set -Eeuo pipefail
SCRIPTS=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
source "$SCRIPTS/core/time.sh"
source "$SCRIPTS/core/text.sh"
source "$SCRIPTS/core/log.sh"
source "$SCRIPTS/core/failure.sh"
source "$SCRIPTS/core/children.sh"
source "$SCRIPTS/core/files.sh"
source "$SCRIPTS/core/lock.sh"
source "$SCRIPTS/core/parameters.sh"
source "$SCRIPTS/core/script.sh"
source "$SCRIPTS/volume/names.sh"
source "$SCRIPTS/volume/marks.sh"
source "$SCRIPTS/volume/catalog.sh"
source "$SCRIPTS/volume/space.sh"
source "$SCRIPTS/volume/retention.sh"
source "$SCRIPTS/volume/list.sh"
source "$SCRIPTS/volume/records.sh"
source "$SCRIPTS/volume/metrics.sh"
source "$SCRIPTS/dump/snapshot.sh"
source "$SCRIPTS/dump/make.sh"
source "$SCRIPTS/backup/safety.sh"
source "$SCRIPTS/backup/stage.sh"
source "$SCRIPTS/backup/preflight.sh"
source "$SCRIPTS/backup/prove.sh"
source "$SCRIPTS/backup/judge.sh"
source "$SCRIPTS/backup/publish.sh"
source "$SCRIPTS/backup/retain.sh"

AT_END=end_backup

check_backup_parameters() {
  require_programs psql pg_dump pg_dumpall pg_restore
  require_parameter NAMESPACE VOLUME_NAME BACKUP_DIRECTORY BACKUP_FORMAT BACKUP_COMPRESSION BACKUP_SCHEDULE \
    DATABASE_HOST DATABASE_PORT DATABASE_NAME
  require_number BACKUP_JOBS 1
  require_number BACKUP_ANOMALY_FACTOR 2
  require_truth BACKUP_OWNERS
  require_truth BACKUP_TABLE_HASHES
  require_number RESTORE_KEEP_DAYS 0
  check_retention_parameters
  case $BACKUP_FORMAT in
    directory | plain) ;;
    *) fail 2 parameters "format is \"$BACKUP_FORMAT\"" "pgkeep knows directory and plain" \
      "pulumi config set format directory" ;;
  esac
}

record_backup() {
  local result=ok
  local -a more=()
  (($1 == 0)) || result=failed
  [[ -z $SAFETY_LOCK ]] || more=(:safety true)
  append_record runs name "$NAME" database "$DATABASE_NAME" started "${STARTED:-$RUN_STARTED_ISO}" finished "$(now_iso)" \
    result "$result" reason "$FAILED_REASON" :seconds "$(seconds_since "$RUN_STARTED")" :bytes "$BYTES" ${more[@]+"${more[@]}"}
}

# Called by `finish`, whatever happened. Sets EPILOGUE, and LOCK_DESCRIPTOR for `finish`.
end_backup() {
  hurry # nobody is asked here, and what removes files must not be ended half-way
  if (($1 != 0)); then
    [[ -z $PUBLISHED ]] || EPILOGUE="the new backup $NAME is whole and published"
    if [[ -n $STAGE && -d $STAGE ]]; then rm -rf "$STAGE"; fi
    if [[ -n $NAME && -z $PUBLISHED ]]; then
      clear_mark suspicious "$NAME" 2>/dev/null
      [[ -z $SAFETY_LOCK ]] || { clear_mark safety "$NAME" && clear_mark pinned "$NAME"; } 2>/dev/null
    fi
  fi
  # Without the lock the run never began; the holder writes its own record.
  if [[ -n $LOCK_DESCRIPTOR ]]; then
    {
      record_backup "$1"
      append_line "$BACKUP_DIRECTORY/.records/space" "$EPOCHSECONDS $(free_bytes)"
      write_metrics
    } 2>/dev/null
  fi
  # The lock and the text in its file stay the restore's.
  [[ -z $SAFETY_LOCK ]] || LOCK_DESCRIPTOR=''
}

show_backup_configuration() {
  local content="$BACKUP_FORMAT, compression $BACKUP_COMPRESSION, $BACKUP_JOBS jobs"
  [[ $BACKUP_OWNERS == true ]] || content+=', without owners and rights'
  [[ $BACKUP_TABLE_HASHES == false ]] || content+=', with a hash of every table'
  banner "PostgreSQL backup${SAFETY_WHY:+ $SAFETY_WHY}"
  section Configuration
  setting database "$DATABASE_NAME on $DATABASE_HOST:$DATABASE_PORT"
  setting namespace "$NAMESPACE"
  setting volume "$VOLUME_NAME"
  setting format "$content"
  if [[ -z $SAFETY_LOCK ]]; then
    setting schedule "$BACKUP_SCHEDULE"
    setting retention "$(retention_words)"
  fi
  section Steps
}

show_backup_summary() {
  local free large_objects
  section Summary
  setting backup "$BACKUP_DIRECTORY/$NAME"
  setting size "$(human_size "$BYTES")"
  large_objects="$(summary_value "$NAME" large_objects) large objects"
  setting content "$(summary_value "$NAME" tables) tables, $(summary_value "$NAME" rows) rows, $large_objects"
  setting duration "$(seconds_since "$RUN_STARTED") s"
  free=$(free_bytes)
  setting volume "$(human_size "$free") free$(growth_words "$free")"
  [[ -z $SUSPICION ]] || setting suspicious "$SUSPICION"
  [[ -z $SAFETY_LOCK ]] || return 0
  section Backups
  print_list
}

main() {
  start_script
  if [[ ${1:-} == safety ]]; then SAFETY_LOCK=${2:-none} SAFETY_FILE=${3:-} SAFETY_WHY=${4:-}; fi
  check_backup_parameters
  show_backup_configuration
  preflight
  stage
  make_dump
  read_back
  write_manifest
  prove
  # What is unusual about a safety backup may be why it is made.
  if [[ -n $SAFETY_LOCK ]]; then mark_as_safety; else judge; fi
  publish
  if [[ -z $SAFETY_LOCK ]]; then
    retain
    drop_old_aside
  fi
  show_backup_summary
  printf '\n✓ Backup %s is complete and verified\n' "$NAME"
}

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then main "$@"; fi

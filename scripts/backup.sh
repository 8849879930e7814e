#!/usr/bin/env bash
# Makes one backup of one database: preflight, a dump and its facts from one snapshot, all of it read back from the
# volume, published by one rename; then retention.
#
# A restore starts it as `backup.sh safety LOCK FILE WHY` for the database it is about to replace: LOCK is the descriptor of
# the volume's lock, which the restore holds and this run shares; the name of the backup goes into FILE, WHY into its marks.
# By arguments, not by the environment: no setting and no `kubectl set env` can make a backup go without the lock.
#
# Until the rename there is nothing under a final name; whatever a failed or killed run leaves lies in .staging, which
# the next run empties.

# Before the first command: without the shared files nothing below may run.
set -Eeuo pipefail
SCRIPTS=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=common.sh
source "$SCRIPTS/common.sh"
# shellcheck source=database.sh
source "$SCRIPTS/database.sh"
# shellcheck source=catalog.sh
source "$SCRIPTS/catalog.sh"
# shellcheck source=marks.sh
source "$SCRIPTS/marks.sh"
# shellcheck source=verification.sh
source "$SCRIPTS/verification.sh"
# shellcheck source=retention.sh
source "$SCRIPTS/retention.sh"
# shellcheck source=metrics.sh
source "$SCRIPTS/metrics.sh"
# shellcheck source=preflight.sh
source "$SCRIPTS/preflight.sh"
# shellcheck source=snapshot.sh
source "$SCRIPTS/snapshot.sh"
# shellcheck source=kept.sh
source "$SCRIPTS/kept.sh"

# A median of fewer backups says nothing.
readonly ANOMALY_SAMPLE=3

NAME=''  # backup-YYYYMMDD-HHMMSS, the start of this run
STAGE='' # where it grows
STARTED=''
BYTES=0      # size of the dump and the SQL beside it
PUBLISHED='' # set by the rename
SUSPICION='' # why it is unlike the ones before it
DUMP_SECONDS=0
DELETED=0
SAFETY_LOCK='' # set in a safety backup: the descriptor of the lock
SAFETY_FILE='' # where its name goes
SAFETY_WHY=''  # which restore it was made for

# --- parameters -----------------------------------------------------------------------------------------------------------

check_parameters() {
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

# --- staging ------------------------------------------------------------------------------------------------------------

# Removes the unfinished work that killed runs left. Only names that this script makes.
sweep_staging() {
  local path name
  for path in "$BACKUP_DIRECTORY"/.staging/backup-*; do
    name=${path##*/}
    if [[ -d $path && ! -L $path ]] && is_backup_name "$name"; then
      note "removing .staging/$name, left by a run that was killed"
      run rm -rf "$path" 2>"$WORK/sweep.errors" \
        || volume_refused 'what a killed run has left in .staging cannot be removed' "$WORK/sweep.errors"
    fi
  done
}

name_taken() {
  local place
  for place in "" .staging/ .trash/; do
    [[ ! -e $BACKUP_DIRECTORY/$place$1 && ! -e $BACKUP_DIRECTORY/$place$1.sql.gz ]] || return 0
  done
  return 1
}

stage() {
  while
    printf -v NAME 'backup-%(%Y%m%d-%H%M%S)T' -1
    name_taken "$NAME"
  do
    run sleep 0.2
  done
  STARTED=$(name_to_iso "$NAME")
  STAGE="$BACKUP_DIRECTORY/.staging/$NAME" WORKPLACE="$BACKUP_DIRECTORY/.staging/$NAME"
  mkdir "$STAGE"
}

# --- proof and publication ------------------------------------------------------------------------------------------------

not_whole() {
  fail 1 unreadable "$1" "$2" "the volume is full or faulty: look at the node's kernel log, then start the backup again"
}

# Every byte as a restore would read it, and every COPY block and the large objects against what the snapshot held.
read_back() {
  begin 'Read the whole dump back'
  run check_dump "$STAGE" >"$WORK/verdict" || not_whole 'the finished dump cannot be read' "$(<"$WORK/verdict")"
  query "$DATABASE_NAME" blocks.sql -v facts_file="$WORK/facts.json" -v blocks_file="$WORK/blocks" >"$WORK/differences"
  if [[ -s $WORK/differences ]]; then
    awk -F '\t' '{ printf "    %s: expected %s, found %s\n", $1, $2, $3 }' "$WORK/differences" | head -n 50
    not_whole 'the finished dump does not hold the rows of its snapshot' \
      "$(awk -F '\t' 'NR == 1 { printf "%s: expected %s, found %s", $1, $2, $3 }' "$WORK/differences")"
  fi
  cat "$WORK/blocks" >"$STAGE/blocks"
  # The last two lines are about large objects.
  done_step "$(($(wc -l <"$STAGE/blocks") - 2)) COPY blocks, each with the rows of the snapshot"
}

write_manifest() {
  begin 'Wrote the manifest'
  BYTES=$(bytes_below "$STAGE")
  query "$DATABASE_NAME" manifest.sql -v facts_file="$WORK/facts.json" -v sequences_before="$WORK/sequences.before" \
    -v sequences_after="$WORK/sequences.after" -v manifest_file="$STAGE/manifest.json" -v summary_file="$STAGE/summary" \
    -v name="$NAME" -v created="$STARTED" -v format="$BACKUP_FORMAT" -v duration="$(seconds_since "$RUN_STARTED")" \
    -v dump_seconds="$DUMP_SECONDS" -v compression="$COMPRESSION" -v owners="$BACKUP_OWNERS" \
    -v table_hashes="$BACKUP_TABLE_HASHES" -v client_version="$CLIENT_VERSION" -v backup_bytes="$BYTES"
  done_step
}

# The hashes are made of what was written and read back; then everything goes to the device, and what comes back from
# there must be the same.
prove() {
  begin 'Read every byte from the volume'
  run write_hashes "$STAGE"
  run flush_tree "$STAGE"
  run check_written "$STAGE" >"$WORK/verdict" || not_whole 'the staged backup is not whole' "$(<"$WORK/verdict")"
  done_step "$(wc -l <"$STAGE/SHA256SUMS") files, $(human_size "$(bytes_below "$STAGE")")"
}

# The disk may have filled up under the last small files, which psql, pg_dumpall and sha256sum do not all report.
check_written() { check_hashes "$1" && check_companions "$1"; }

# A backup that is whole can still be of a database that somebody has emptied. It is kept, and it stops retention.
judge() {
  local database earlier
  begin 'Compared with the backups before it'
  database=$(escape_as_copy "$DATABASE_NAME")
  { sizes_of "$STAGE" && sizes_of_last_good "$database"; } >"$WORK/sizes"
  SUSPICION=$(awk -v factor="$BACKUP_ANOMALY_FACTOR" -v minimum="$ANOMALY_SAMPLE" -f "$SCRIPTS/anomaly.awk" "$WORK/sizes")
  # Marked before it is published: there is no moment in which it looks like the others.
  [[ -z $SUSPICION ]] || set_mark suspicious "$NAME" "$SUSPICION"
  earlier=$(($(wc -l <"$WORK/sizes") - 1))
  if [[ -n $SUSPICION ]]; then
    done_step "$SUSPICION"
  elif ((earlier < ANOMALY_SAMPLE)); then
    done_step "$earlier of them, too few to say what is usual"
  else
    done_step "$earlier of them, nothing unusual"
  fi
  [[ -z $SUSPICION ]] || warn "$NAME is suspicious: $SUSPICION. Nothing is deleted until somebody has looked:" \
    "pgkeep acknowledge $NAME"
}

# Before it is published, as a suspicious one: there is no moment in which it could be taken for the latest.
mark_as_safety() {
  set_mark safety "$NAME" "$SAFETY_WHY"
  set_mark pinned "$NAME" "$SAFETY_WHY"
}

publish() {
  begin 'Published'
  if ! { mv -T "$STAGE" "$BACKUP_DIRECTORY/$NAME" && flush_paths "$BACKUP_DIRECTORY" "$BACKUP_DIRECTORY/.staging"; } 2>"$WORK/publish.errors"; then
    quote_output "$WORK/publish.errors"
    # A name that might be gone after the next power cut is none: back with it.
    [[ ! -d $BACKUP_DIRECTORY/$NAME ]] || mv -T "$BACKUP_DIRECTORY/$NAME" "$STAGE" || true
    explain "$WORK/publish.errors"
    not_whole 'the name of the finished backup could not be written to the device' "$CAUSE"
  fi
  PUBLISHED=yes WORKPLACE=''
  [[ -z $SAFETY_FILE ]] || printf '%s\n' "$NAME" >"$SAFETY_FILE"
  done_step "$NAME"
}

# --- retention --------------------------------------------------------------------------------------------------------------

retain() {
  begin 'Retention'
  doubt_jumping_clock
  if [[ -n $CLOCK_DOUBTED ]]; then
    done_step "nothing deleted: $CLOCK_DOUBTED"
  # A new good backup stays a success even if an old one cannot be removed.
  elif empty_trash && plan_retention "$WORK/plan" && apply_plan "$WORK/plan"; then
    done_step "$(retention_words); $DELETED moved to .trash"
  else
    STEP=''
    warn "retention failed: old backups stay and the volume may fill up; the new backup is good. Look at the lines above"
  fi
}

# The databases that restores have replaced go with the age the setting names, once there is a good backup of what replaced
# them, and not while something is odd: then they may be what somebody wants back. None of it makes the backup a failure.
drop_old_databases() {
  local name odd=''
  ((RESTORE_KEEP_DAYS > 0)) || return 0
  while IFS= read -r name; do
    if [[ -z $odd ]] && has_mark suspicious "$name" && [[ $(summary_value "$name" database) == "$(escape_as_copy "$DATABASE_NAME")" ]]; then
      odd=$name
    fi
  done < <(backup_names)
  begin 'Databases kept by restores'
  if [[ -n $CLOCK_DOUBTED ]]; then
    done_step "none dropped: $CLOCK_DOUBTED"
  elif [[ -n $odd ]]; then
    done_step "none dropped: $odd is suspicious until it is acknowledged"
  elif ! list_kept "$DATABASE_NAME"; then
    STEP=''
    warn 'the databases that restores have kept could not be looked for; the new backup is good'
  else
    drop_kept_where "$DATABASE_NAME" "$RESTORE_KEEP_DAYS"
    done_step "older than $RESTORE_KEEP_DAYS days: ${#DROPPED[@]} dropped, $(human_size "$FREED") freed, ${#STUCK[@]} could not be"
  fi
}

# --- the run ------------------------------------------------------------------------------------------------------------------

record() {
  local result=ok safety='' line
  (($1 == 0)) || result=failed
  [[ -z $SAFETY_LOCK ]] || safety=',"safety":true'
  printf -v line '{"name":"%s","database":"%s","started":"%s","finished":"%s","result":"%s","reason":"%s","seconds":%s,"bytes":%s%s}' \
    "$NAME" "$(escape_for_json "$DATABASE_NAME")" "${STARTED:-$RUN_STARTED_ISO}" "$(now_iso)" "$result" "$FAILED_REASON" \
    "$(seconds_since "$RUN_STARTED")" "$BYTES" "$safety"
  append_line "$BACKUP_DIRECTORY/.records/runs.jsonl" "$line" || return 1
  flush_paths "$BACKUP_DIRECTORY/.records/runs.jsonl"
}

# Called by `finish`, whatever happened.
cleanup() {
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
      record "$1"
      append_line "$BACKUP_DIRECTORY/.records/space" "$EPOCHSECONDS $(free_bytes)"
      write_metrics
    } 2>/dev/null
  fi
  # The lock and the text in its file stay the restore's.
  [[ -z $SAFETY_LOCK ]] || LOCK_DESCRIPTOR=''
}

show_configuration() {
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

show_summary() {
  local free
  section Summary
  setting backup "$BACKUP_DIRECTORY/$NAME"
  setting size "$(human_size "$BYTES")"
  setting content "$(summary_value "$NAME" tables) tables, $(summary_value "$NAME" rows) rows, $(summary_value "$NAME" large_objects) large objects"
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
  RUN_STARTED=$(microseconds)
  RUN_STARTED_ISO=$(now_iso)
  check_parameters
  show_configuration
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
    drop_old_databases
  fi
  show_summary
  printf '\n✓ Backup %s is complete and verified\n' "$NAME"
}

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then main "$@"; fi

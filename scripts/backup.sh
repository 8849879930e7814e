#!/usr/bin/env bash
# Makes one backup: staged, dumped and counted in one snapshot, read back, hashed, published by one rename; then retention.
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
# shellcheck source=verification.sh
source "$SCRIPTS/verification.sh"

# A table under an exclusive lock (a migration) must not let the backup wait for ever, nor queue everyone behind it.
readonly LOCK_WAIT=60s
# Free space to leave over, so that records and another pod's log lines still fit.
readonly SPACE_RESERVE=$((16 * 1024 * 1024))

NAME=''  # backup-YYYYMMDD-HHMMSS, the start of this run
STAGE='' # where it grows
STARTED=''
BYTES=0      # size of the dump and globals.sql
PUBLISHED='' # set by the rename
SPACE_NEEDED=0
COMPRESSION=''
DUMP_SECONDS=0
FACTS_PROCESS='' # the session that holds the snapshot

# --- preflight ----------------------------------------------------------------------------------------------------------

check_parameters() {
  require_parameter NAMESPACE VOLUME_NAME BACKUP_DIRECTORY BACKUP_FORMAT BACKUP_COMPRESSION BACKUP_SCHEDULE
  require_number BACKUP_JOBS 1
  require_number RETENTION_DAYS 1
  require_number RETENTION_MINIMUM 1
  case $BACKUP_FORMAT in
    directory | plain) ;;
    *) fail 2 parameters "format is \"$BACKUP_FORMAT\"" "pgkeep knows directory and plain" \
      "pulumi config set format directory" ;;
  esac
}

check_volume() {
  local probe="$BACKUP_DIRECTORY/.staging/.probe" directory
  [[ -d $BACKUP_DIRECTORY ]] || fail 1 volume "$BACKUP_DIRECTORY is not there" \
    "volume claim \"$VOLUME_NAME\" is not mounted" "kubectl -n $NAMESPACE describe pvc $VOLUME_NAME"
  for directory in .staging .trash .records; do
    mkdir -p "$BACKUP_DIRECTORY/$directory" 2>"$WORK/volume.errors" || volume_refused
  done
  { printf 'probe\n' >"$probe" && sync "$probe" && rm "$probe"; } 2>"$WORK/volume.errors" || volume_refused
}

volume_refused() {
  local message
  message=$(head -n 1 "$WORK/volume.errors")
  quote_output "$WORK/volume.errors"
  case $message in
    *'No space left'* | *'quota exceeded'*)
      fail 1 space "no space is left on volume \"$VOLUME_NAME\"" "$message" \
        "enlarge it (volumeSize), or keep fewer backups (retentionDays, retentionMinimum)"
      ;;
    *)
      fail 1 volume "volume \"$VOLUME_NAME\" cannot be written" "$message" \
        "it must be writable for group $(id -g): chgrp -R and chmod -R g+rwX on the volume, or mend its mount options"
      ;;
  esac
}

# Sets COMPRESSION to what this client can do, as method:level or none.
choose_compression() {
  COMPRESSION=$BACKUP_COMPRESSION
  if [[ $COMPRESSION == auto ]]; then
    # zstd:1 is faster and smaller than any gzip level; else the cheapest gzip, because pg_dump's time is mostly gzip's.
    # A plain dump has one process and is often carried elsewhere: there a little more is worth it.
    if [[ $BACKUP_FORMAT == plain ]]; then
      COMPRESSION=gzip:3
    elif client_compresses zstd:1; then
      COMPRESSION=zstd:1
    else
      COMPRESSION=gzip:1
    fi
  fi
  [[ $COMPRESSION =~ ^(none|gzip:[1-9]|lz4:([1-9]|1[0-2])|zstd:([1-9]|1[0-9]))$ ]] \
    || fail 2 parameters "compression is \"$BACKUP_COMPRESSION\"" "pgkeep knows auto, none, gzip:1-9, lz4:1-12, zstd:1-19" \
      "pulumi config set compression auto"
  if [[ $BACKUP_FORMAT == plain && $COMPRESSION != gzip:* ]]; then
    fail 2 parameters "compression \"$COMPRESSION\" does not go with format plain" \
      "a plain backup is a .sql.gz that zcat reads" "pulumi config set compression auto (or gzip:1-9)"
  fi
  client_compresses "$COMPRESSION" || fail 1 compression "the client in the image (PostgreSQL $CLIENT_VERSION) cannot do $COMPRESSION" \
    "PostgreSQL 15 and older know only gzip, and some images are built without lz4 or zstd" \
    "pulumi config set compression auto"
}

client_compresses() {
  local words
  case $1 in
    none | gzip:*) return 0 ;;
    *) ((CLIENT_MAJOR >= 16)) || return 1 ;;
  esac
  # pg_dump refuses a method it was not built with before it looks for a server; here is none to find.
  words=$(PGHOST=/nonexistent pg_dump -Fd -Z "$1" -f "$WORK/probe" 2>&1) || true
  [[ $words != *compress* ]]
}

# pg_dump's option for COMPRESSION; clients before 16 know only a number.
compression_option() {
  if ((CLIENT_MAJOR >= 16)); then
    printf -- '--compress=%s' "$COMPRESSION"
  elif [[ $COMPRESSION == none ]]; then
    printf -- '--compress=0'
  else
    printf -- '--compress=%s' "${COMPRESSION#*:}"
  fi
}

check_access() {
  local missing count
  query "$DATABASE_NAME" access.sql >"$WORK/access"
  [[ -s $WORK/access ]] || return 0
  count=$(wc -l <"$WORK/access")
  note "rights that user \"$PGUSER\" lacks ($count):"
  sed -n '1,50s/^/    /p' "$WORK/access"
  missing=$(head -n 1 "$WORK/access")
  fail 1 rights "user \"$PGUSER\" cannot read all of database \"$DATABASE_NAME\": permission denied for $count objects" \
    "a backup without them would not be whole; first: $missing" \
    "run the statements above as a superuser, or GRANT pg_read_all_data TO \"$PGUSER\""
}

# Free space against the size of the last backup of this database, or else of the database.
check_space() {
  local last size free basis
  last=$(newest_verified_of "$(escape_as_copy "$DATABASE_NAME")")
  if [[ -n $last ]]; then
    size=$(summary_value "$last" backup_bytes)
    SPACE_NEEDED=$((size + size / 5 + SPACE_RESERVE))
    basis="the last backup of this database has $(human_size "$size"), a fifth is added"
  else
    size=$(psql_on "$DATABASE_NAME" -c 'SELECT pg_database_size(current_database())')
    # A dump holds no indexes and is compressed: half the database is already a cautious guess.
    [[ $COMPRESSION == none ]] || size=$((size / 2))
    SPACE_NEEDED=$((size + SPACE_RESERVE))
    basis="there is no earlier backup; reckoned from the size of the database"
  fi
  free=$(df -Pk "$BACKUP_DIRECTORY" | awk 'NR == 2 { print $4 }')
  free=$((free * 1024))
  if ((free < SPACE_NEEDED)); then
    fail 1 space "volume \"$VOLUME_NAME\" has $(human_size "$free") free, the backup needs about $(human_size "$SPACE_NEEDED")" \
      "$basis" "enlarge it (volumeSize), or keep fewer backups (retentionDays, retentionMinimum)"
  fi
}

preflight() {
  begin 'Volume is writable'
  check_volume
  take_lock backup
  done_step "$(human_size $(($(df -Pk "$BACKUP_DIRECTORY" | awk 'NR == 2 { print $4 }') * 1024))) free"
  begin 'Connected'
  use_credentials
  read_client_version
  connect_or_fail "$DATABASE_NAME"
  check_versions
  done_step "server $SERVER_VERSION, client $CLIENT_VERSION, user \"$PGUSER\""
  begin 'Checked rights, compression and space'
  choose_compression
  check_access
  check_space
  done_step "$COMPRESSION, needs about $(human_size "$SPACE_NEEDED")"
}

# --- staging ------------------------------------------------------------------------------------------------------------

# Removes what earlier runs left: unfinished work and tombstones. Only names that this script makes.
sweep() {
  local path name
  for path in "$BACKUP_DIRECTORY"/.staging/backup-* "$BACKUP_DIRECTORY"/.trash/backup-*; do
    name=${path##*/}
    if [[ -d $path && ! -L $path ]] && is_backup_name "$name"; then
      note "removing ${path#"$BACKUP_DIRECTORY"/}"
      run rm -rf "$path"
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
  STAGE="$BACKUP_DIRECTORY/.staging/$NAME"
  mkdir "$STAGE"
}

# --- dump and facts in one snapshot ---------------------------------------------------------------------------------------

# The session that exports the snapshot stays open beside pg_dump and reads the facts in it. It is a coprocess: when this
# script is gone, so is its input, psql ends, and with it the transaction.
open_snapshot() {
  set -m # a process group of its own, so that it can be ended as a whole
  coproc FACTS { psql_on "$DATABASE_NAME" 2>"$WORK/facts.errors"; }
  FACTS_PROCESS=$FACTS_PID
  set +m
  facts_say "SET lock_timeout = '$LOCK_WAIT';"
  facts_say "\\i '$SCRIPTS/session.sql'"
  facts_say 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;'
  facts_say 'SELECT pg_export_snapshot();'
  facts_hear SNAPSHOT
  facts_say "\\i '$SCRIPTS/locks.sql'"
  facts_say '\echo locked'
  facts_hear _
}

# bash takes the array FACTS away when the session has ended.
facts_say() {
  local input=${FACTS[1]:-}
  [[ -n $input ]] || facts_broken
  { printf '%s\n' "$1" >&"$input"; } 2>/dev/null || facts_broken
}

facts_hear() {
  local output=${FACTS[0]:-}
  [[ -n $output ]] || facts_broken
  IFS= read -r "$1" <&"$output" || facts_broken
}

facts_broken() {
  quote_output "$WORK/facts.errors"
  explain "$WORK/facts.errors"
  fail 1 "${KIND:-facts}" "the session that holds the snapshot ended early" "$CAUSE" "$CURE"
}

count_facts() {
  facts_say "\\o '$STAGE/facts.json'"
  facts_say "\\i '$SCRIPTS/facts.sql'"
  facts_say '\o'
  facts_say '\echo counted'
}

close_snapshot() {
  facts_hear _
  facts_say 'COMMIT;'
  facts_say '\q'
  wait "$FACTS_PROCESS" || true
}

dump() {
  local -a options=(--no-password "--snapshot=$1" "--lock-wait-timeout=$LOCK_WAIT" "$(compression_option)")
  if [[ $BACKUP_FORMAT == directory ]]; then
    options+=(--format=directory "--jobs=$BACKUP_JOBS" "--file=$STAGE/database")
  else
    options+=(--format=plain "--file=$STAGE/$NAME.sql.gz")
  fi
  start_child pg_dump "${options[@]}" --dbname="$(conninfo "$DATABASE_NAME")" 2>"$WORK/dump.errors"
}

dump_failed() {
  quote_output "$WORK/dump.errors"
  explain "$WORK/dump.errors"
  fail 1 "$KIND" "pg_dump of database \"$DATABASE_NAME\" failed" "$CAUSE" "$CURE"
}

make_dump() {
  local started SNAPSHOT=''
  begin 'Opened a snapshot'
  open_snapshot
  done_step "$SNAPSHOT"
  begin 'Dumped the database and counted its rows'
  started=$(microseconds)
  dump "$SNAPSHOT"
  count_facts
  wait_child || dump_failed
  quote_output "$WORK/dump.errors"
  close_snapshot
  [[ -s $STAGE/facts.json ]] || facts_broken
  DUMP_SECONDS=$(seconds_since "$started")
  # pg_dump makes its directory for the owner alone.
  chmod -R g+rwX "$STAGE"
  done_step "$BACKUP_FORMAT, $COMPRESSION, $(human_size "$(bytes_below "$STAGE")")"

  begin 'Saved roles and tablespaces'
  # The connection string of -l is taken apart by libpq, so a database name with "=" works as well.
  if ! run pg_dumpall --globals-only --no-role-passwords --no-password --file="$STAGE/globals.sql" \
    --database="$(conninfo "$DATABASE_NAME")" 2>"$WORK/globals.errors"; then
    quote_output "$WORK/globals.errors"
    explain "$WORK/globals.errors"
    fail 1 "$KIND" "pg_dumpall of roles and tablespaces failed" "$CAUSE" "$CURE"
  fi
  done_step 'without passwords'
}

# --- proof and publication ------------------------------------------------------------------------------------------------

read_back() {
  begin 'Read the whole dump back'
  if ! run check_dump "$STAGE" >"$WORK/verdict"; then
    fail 1 unreadable "the finished dump cannot be read" "$(<"$WORK/verdict")" \
      "the volume is full or faulty: look at the node's kernel log, then start the backup again"
  fi
  done_step
}

write_manifest() {
  begin 'Wrote the manifest and the hashes'
  BYTES=$(bytes_below "$STAGE")
  BYTES=$((BYTES - $(stat -c %s "$STAGE/facts.json")))
  query "$DATABASE_NAME" manifest.sql -v facts_file="$STAGE/facts.json" -v manifest_file="$STAGE/manifest.json" \
    -v summary_file="$STAGE/summary" -v name="$NAME" -v created="$STARTED" -v format="$BACKUP_FORMAT" \
    -v duration="$(seconds_since "$RUN_STARTED")" -v dump_seconds="$DUMP_SECONDS" \
    -v compression="$COMPRESSION" -v client_version="$CLIENT_VERSION" -v backup_bytes="$BYTES"
  rm "$STAGE/facts.json"
  run write_hashes "$STAGE"
  run check_written "$STAGE" >"$WORK/verdict" \
    || fail 1 unreadable "the staged backup is not whole" "$(<"$WORK/verdict")" "look at the volume, then start the backup again"
  done_step "$(wc -l <"$STAGE/SHA256SUMS") files"
}

# The disk may have filled up under the last small files, which psql and sha256sum do not all report.
check_written() {
  local key
  for key in $SUMMARY_KEYS; do
    grep -q "^$key=" "$1/summary" || {
      printf 'summary lacks %s' "$key"
      return 1
    }
  done
  [[ $(tail -c 2 "$1/manifest.json") == '}' ]] || {
    printf 'manifest.json is cut'
    return 1
  }
  check_hashes "$1"
}

publish() {
  begin 'Published'
  run flush_tree "$STAGE"
  mv -T "$STAGE" "$BACKUP_DIRECTORY/$NAME"
  PUBLISHED=yes
  flush_paths "$BACKUP_DIRECTORY" "$BACKUP_DIRECTORY/.staging"
  done_step "$NAME"
}

# --- retention --------------------------------------------------------------------------------------------------------------

# `keep|delete name reason` for every backup; each database has its own floor.
plan_retention() {
  local database
  local -A databases=()
  while IFS= read -r name; do
    database=-
    is_legacy "$name" || database=$(summary_value "$name" database)
    databases[$database]+="$name $(backup_status "$name")"$'\n'
  done < <(backup_names)
  for database in "${!databases[@]}"; do
    awk -v now="$EPOCHSECONDS" -v days="$RETENTION_DAYS" -v minimum="$RETENTION_MINIMUM" \
      -f "$SCRIPTS/retention.awk" <<<"${databases[$database]}"
  done
}

# Moves what may go to .trash; the next run empties that. By exact name, and never the backup just made.
apply_retention() {
  local verdict name reason deleted=0
  plan_retention >"$WORK/plan" || return 1
  while read -r verdict name reason; do
    [[ $verdict == delete ]] || continue
    if ! is_backup_name "$name" || [[ $name == "$NAME" || -L $BACKUP_DIRECTORY/$name ]]; then
      printf 'refused to delete %s\n' "$name"
      return 1
    fi
    mv -T "$BACKUP_DIRECTORY/$name" "$BACKUP_DIRECTORY/.trash/$name" || return 1
    note "$name goes: $reason"
    deleted=$((deleted + 1))
  done <"$WORK/plan"
  flush_paths "$BACKUP_DIRECTORY" "$BACKUP_DIRECTORY/.trash" || return 1
  printf '%s' "$deleted" >"$WORK/deleted"
}

retain() {
  begin 'Retention'
  # A new good backup stays a success even if an old one cannot be removed.
  if apply_retention; then
    done_step "$RETENTION_DAYS days, at least $RETENTION_MINIMUM; $(<"$WORK/deleted") moved to .trash"
  else
    STEP=''
    warn "retention failed: old backups stay and the volume may fill up; the new backup is good. Look at the lines above"
  fi
}

# --- the run ------------------------------------------------------------------------------------------------------------------

record() {
  local result=ok
  (($1 == 0)) || result=failed
  # Only words and numbers of our own, so nothing needs quoting.
  printf '{"name":"%s","started":"%s","finished":"%s","result":"%s","reason":"%s","seconds":%s,"bytes":%s}\n' \
    "$NAME" "${STARTED:-$RUN_STARTED_ISO}" "$(now_iso)" "$result" "$FAILED_REASON" "$(seconds_since "$RUN_STARTED")" "$BYTES" \
    >>"$BACKUP_DIRECTORY/.records/runs.jsonl"
  flush_paths "$BACKUP_DIRECTORY/.records/runs.jsonl"
}

# Called by `finish`, whatever happened.
cleanup() {
  if (($1 != 0)); then
    [[ -z $PUBLISHED ]] || EPILOGUE="the new backup $NAME is whole and published"
    if [[ -n $STAGE && -d $STAGE ]]; then rm -rf "$STAGE"; fi
  fi
  # Without the lock the run never began; the holder writes its own record.
  if [[ -n $LOCK_DESCRIPTOR ]]; then record "$1" 2>/dev/null; fi
}

show_configuration() {
  banner 'PostgreSQL backup'
  section Configuration
  setting database "$DATABASE_NAME on $DATABASE_HOST:$DATABASE_PORT"
  setting namespace "$NAMESPACE"
  setting volume "$VOLUME_NAME"
  setting format "$BACKUP_FORMAT, compression $BACKUP_COMPRESSION, $BACKUP_JOBS jobs"
  setting schedule "$BACKUP_SCHEDULE"
  setting retention "$RETENTION_DAYS days, at least $RETENTION_MINIMUM backups"
  section Steps
}

show_summary() {
  section Summary
  setting backup "$BACKUP_DIRECTORY/$NAME"
  setting size "$(human_size "$BYTES")"
  setting content "$(summary_value "$NAME" tables) tables, $(summary_value "$NAME" rows) rows, $(summary_value "$NAME" large_objects) large objects"
  setting duration "$(seconds_since "$RUN_STARTED") s"
  section Backups
  print_list
}

main() {
  start_script
  RUN_STARTED=$(microseconds)
  RUN_STARTED_ISO=$(now_iso)
  check_parameters
  require_parameter DATABASE_HOST DATABASE_PORT DATABASE_NAME
  show_configuration
  preflight
  sweep
  stage
  make_dump
  read_back
  write_manifest
  publish
  retain
  show_summary
  printf '\n✓ Backup %s is complete and verified\n' "$NAME"
}

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then main "$@"; fi

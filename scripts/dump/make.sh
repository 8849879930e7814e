#!/usr/bin/env bash
# A dump of one database and its facts, from one snapshot.

[[ ! -v PGKEEP_DUMP_MAKE ]] || return 0
readonly PGKEEP_DUMP_MAKE=1

source "$SCRIPTS/core/shell.sh"
source "$SCRIPTS/core/time.sh"
source "$SCRIPTS/core/text.sh"
source "$SCRIPTS/core/log.sh"
source "$SCRIPTS/core/failure.sh"
source "$SCRIPTS/core/children.sh"
source "$SCRIPTS/core/files.sh"
source "$SCRIPTS/server/versions.sh"
source "$SCRIPTS/server/errors.sh"
source "$SCRIPTS/server/psql.sh"
source "$SCRIPTS/server/connect.sh"
source "$SCRIPTS/volume/names.sh"
source "$SCRIPTS/dump/compression.sh"
source "$SCRIPTS/dump/snapshot.sh"

DUMP_SECONDS=0

dump() {
  local -a options=(--no-password "--snapshot=$SNAPSHOT" "--lock-wait-timeout=$LOCK_WAIT" "$(compression_option)")
  # Without this the dump would be in the client_encoding that is set for the database, which may lack some characters.
  options+=("--encoding=$SERVER_ENCODING")
  [[ $BACKUP_OWNERS == true ]] || options+=(--no-owner --no-acl)
  if [[ $BACKUP_FORMAT == directory ]]; then
    options+=(--format=directory "--jobs=$BACKUP_JOBS" "--file=$STAGE/database")
  else
    options+=(--format=plain "--file=$STAGE/$NAME.sql.gz")
  fi
  start_child pg_dump "${options[@]}" --dbname="$(conninfo "$DATABASE_NAME")" 2>"$WORK/dump.errors"
}

# Tells apart what pg_dump reports in the same words: a lock it did not get, and a connection that is gone. In the second case
# the session with the snapshot is gone too.
dump_failed() {
  local words="$WORK/dump.errors"
  quote_output "$words"
  if grep -q 'could not obtain lock on relation' "$words" && ! snapshot_is_held; then
    words="$WORK/lost.errors"
    printf 'connection to server was lost\n' >"$words"
  fi
  explain "$words"
  fail 1 "$KIND" "pg_dump of database \"$DATABASE_NAME\" failed" "$CAUSE" "$CURE"
}

# pg_dumpall of 15 does not say why it could not connect.
globals_failed() {
  if grep -q 'could not connect to database' "$WORK/globals.errors" && ! run try_connection "$DATABASE_NAME"; then
    cat "$WORK/connect.errors" >>"$WORK/globals.errors"
  fi
  fail_explained "$WORK/globals.errors" 'pg_dumpall of roles and tablespaces failed'
}

# Sets DUMP_SECONDS.
make_dump() {
  local started
  begin 'Opened a snapshot'
  open_snapshot
  done_step "$SNAPSHOT"
  begin 'Dumped the database and counted its rows'
  started=$(microseconds)
  dump
  request_facts
  wait_with_heartbeat || dump_failed
  quote_output "$WORK/dump.errors"
  close_snapshot
  DUMP_SECONDS=$(seconds_since "$started")
  # pg_dump makes its directory for the owner alone.
  chmod -R g+rwX "$STAGE"
  done_step "$BACKUP_FORMAT, $COMPRESSION, $(human_size "$(bytes_below "$STAGE")")"

  begin 'Saved roles and tablespaces'
  # The connection string of -l is taken apart by libpq, so a database name with "=" works as well.
  run pg_dumpall --globals-only --no-role-passwords --no-password --file="$STAGE/globals.sql" \
    --database="$(conninfo "$DATABASE_NAME")" 2>"$WORK/globals.errors" \
    || globals_failed
  done_step 'without passwords'
}

#!/usr/bin/env bash
# The session that exports the snapshot and reads the facts in it, while pg_dump dumps the same snapshot.
#
# The session is a coprocess: when this script is gone, so is its input, psql ends, and with it the transaction. Should
# the script only stand still, or the network swallow everything, the server itself ends the session (server/session.sql).

[[ ! -v PGKEEP_DUMP_SNAPSHOT ]] || return 0
readonly PGKEEP_DUMP_SNAPSHOT=1

source "$SCRIPTS/core/shell.sh"
source "$SCRIPTS/core/log.sh"
source "$SCRIPTS/core/failure.sh"
source "$SCRIPTS/core/children.sh"
source "$SCRIPTS/core/lock.sh"
source "$SCRIPTS/core/script.sh"
source "$SCRIPTS/server/errors.sh"
source "$SCRIPTS/server/psql.sh"
source "$SCRIPTS/facts/facts.sh"

# A table under an exclusive lock (a migration) must not let the backup wait for ever, nor queue everyone behind it.
LOCK_WAIT=60s
# A session that waits for pg_dump says something this often; server/session.sql lets the server end one that is silent for ten
# minutes. So short, because the pause outlives a script that is killed.
HEARTBEAT=5
SNAPSHOT=''
FACTS_PROCESS='' # the psql that holds the snapshot
FACTS_BACKEND='' # its process on the server
STAGE=''         # the directory in which the backup grows

# bash takes the array FACTS away when the session has ended.
facts_say() {
  local input=${FACTS[1]:-}
  [[ -n $input ]] || facts_broken
  { printf '%s\n' "$@" >&"$input"; } 2>/dev/null || facts_broken
}

facts_hear() {
  local output=${FACTS[0]:-}
  [[ -n $output ]] || facts_broken
  IFS=$'\t' read -r "$@" <&"$output" || facts_broken
}

facts_broken() { fail_explained "$WORK/facts.errors" 'the session that holds the snapshot ended early'; }

# facts_write FILE SCRIPT: what the script prints goes into the file.
facts_write() { facts_say "\\o '$1'" "\\i '$SCRIPTS/$2'" '\o'; }

open_snapshot() {
  set -m # a process group of its own, so that it can be ended as a whole
  # name is for facts/database-written.sql, table_hashes for facts/facts.sql. When the session ends early, facts_say or facts_hear
  # notices and reports it, so the trap of this process is taken away.
  coproc FACTS {
    trap - ERR
    psql_on "$DATABASE_NAME" -v name="$DATABASE_NAME" -v table_hashes="$BACKUP_TABLE_HASHES" -f - 2>"$WORK/facts.errors"
  }
  FACTS_PROCESS=$FACTS_PID
  CHILDREN+=("$FACTS_PROCESS")
  set +m
  facts_say "SET lock_timeout = '$LOCK_WAIT';" \
    'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;' 'SELECT pg_export_snapshot(), pg_backend_pid();'
  facts_hear SNAPSHOT FACTS_BACKEND
  facts_say "\\i '$SCRIPTS/dump/locks.sql'"
  facts_say "\\i '$SCRIPTS/facts/sequence-list.sql'" "\\o '$WORK/sequences.list'" '\qecho :sequences' '\o' '\echo locked'
  facts_hear _
  # Sequences know no snapshot: their values are read before the dump and after it, and the dump's lie between.
  read_sequences before
}

snapshot_is_held() {
  run psql_on "$DATABASE_NAME" -v pid="$FACTS_BACKEND" -f - <<<"SELECT count(*) FROM pg_stat_activity WHERE pid = :'pid'" \
    >"$WORK/answer" 2>/dev/null || return 1
  [[ $(<"$WORK/answer") == 1 ]]
}

# read_sequences WHEN: where the sequences of the snapshot stand, as $WORK/sequences.WHEN.
read_sequences() { query "$DATABASE_NAME" facts/sequences.sql -v list_file="$WORK/sequences.list" >"$WORK/sequences.$1"; }

# The facts are read while pg_dump runs; nobody waits here.
request_facts() {
  facts_write "$WORK/facts.json" facts/facts.sql
  facts_write "$STAGE/database.sql" facts/database-written.sql
  facts_say '\echo counted'
}

# Empties CHILDREN: pg_dump and the session have ended.
close_snapshot() {
  facts_hear _
  read_sequences after
  facts_say 'COMMIT;' '\q'
  wait "$FACTS_PROCESS" || facts_broken
  CHILDREN=()
  [[ -s $WORK/facts.json && -s $WORK/sequences.before && -s $WORK/sequences.after ]] || facts_broken
}

# A pause that holds nothing others might wait for, should this script be killed: neither the lock nor the log.
doze() { exec sleep "$1" {LOCK_DESCRIPTOR}>&- {REPORT}>&- >/dev/null 2>&1; }

# Waits for the newest child as `wait_child` does. Meanwhile keeps the session from falling silent, and does not go on
# dumping when it has ended.
wait_with_heartbeat() {
  local last=$((${#CHILDREN[@]} - 1)) dump pause
  dump=${CHILDREN[last]}
  while kill -0 "$dump" 2>/dev/null; do
    start_child doze "$HEARTBEAT"
    pause=${CHILDREN[last + 1]}
    wait -n "$dump" "$pause" "$FACTS_PROCESS" || true
    kill -KILL -- "-$pause" 2>/dev/null || true
    wait "$pause" 2>/dev/null || true
    unset "CHILDREN[$((last + 1))]"
    facts_say 'SELECT 1 \g /dev/null'
  done
  wait_child
}

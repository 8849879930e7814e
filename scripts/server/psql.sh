#!/usr/bin/env bash
# Sessions of psql: how they connect, and questions asked in them.

[[ ! -v PGKEEP_SERVER_PSQL ]] || return 0
readonly PGKEEP_SERVER_PSQL=1

source "$SCRIPTS/core/shell.sh"
source "$SCRIPTS/core/text.sh"
source "$SCRIPTS/core/log.sh"
source "$SCRIPTS/core/failure.sh"
source "$SCRIPTS/core/children.sh"
source "$SCRIPTS/server/errors.sh"

readonly CONNECT_TIMEOUT=10

# A connection string for a database of any name. Keepalives find a connection that a router has silently dropped.
conninfo() {
  local name=${1//\\/\\\\}
  printf "dbname='%s' connect_timeout=%d keepalives=1 keepalives_idle=60 keepalives_interval=10 keepalives_count=6" \
    "${name//\'/\\\'}" "$CONNECT_TIMEOUT"
  printf ' tcp_user_timeout=120000'
}

# patient_conninfo DATABASE: for clients that send a lot. tcp_user_timeout also counts while the server is there and takes
# nothing (a slow check during COPY, a disk that stalls). For clients that mostly wait it stays short: it ends their dead
# connections too.
patient_conninfo() { printf '%s tcp_user_timeout=600000' "$(conninfo "$1")"; }

# bare_psql_on DATABASE ARGUMENTS…: rows only, tab separated, stops at the first error. Without the settings of session.sql,
# for the first word to a server and for queries of others, which may read views. The encoding is set here only: in the
# environment it would change what pg_dump writes.
bare_psql_on() {
  PGCLIENTENCODING=UTF8 PGAPPNAME=pgkeep psql -X -q -A -t -F $'\t' --no-password -v ON_ERROR_STOP=1 -d "$(conninfo "$1")" "${@:2}"
}

# psql_on DATABASE ARGUMENTS…: the same with the settings of session.sql. What comes by standard input needs `-f -`.
psql_on() { bare_psql_on "$1" -f "$SCRIPTS/server/session.sql" "${@:2}"; }

# query DATABASE SCRIPT ARGUMENTS…: runs one of our SQL files and prints its rows; on an error explains it and fails.
query() {
  local errors="$WORK/query.errors"
  run psql_on "$1" -f "$SCRIPTS/$2" "${@:3}" 2>"$errors" \
    || fail_explained "$errors" "${2%.sql} failed on database \"$1\"" query >&2
}

ANSWER=''

# ask_number SQL: sets ANSWER to a whole number from the database that is backed up; an error as with `query`. A server may
# answer anything, so what is no number ends the run.
ask_number() {
  local errors="$WORK/ask.errors"
  run psql_on "$DATABASE_NAME" -c "$1" >"$WORK/answer" 2>"$errors" \
    || fail_explained "$errors" "a question to database \"$DATABASE_NAME\" failed"
  ANSWER=$(<"$WORK/answer")
  is_number "$ANSWER" || refuse_answer "$ANSWER" "$1"
}

# refuse_answer ANSWER QUESTION: what the server said where only a number can be right.
refuse_answer() {
  local answer=${1//[^ -~]/?}
  fail 1 answer "the server at $DATABASE_HOST:$DATABASE_PORT answers \"${answer:0:60}\" where only a number can be right" \
    "something stands in for PostgreSQL's own functions, or it is no PostgreSQL server; asked was: $2" \
    'look at what its superusers have made in pg_catalog; nothing was done with that answer'
}

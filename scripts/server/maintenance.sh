#!/usr/bin/env bash
# The database from which others are made, renamed and dropped, on a server that takes changes.

[[ ! -v PGKEEP_SERVER_MAINTENANCE ]] || return 0
readonly PGKEEP_SERVER_MAINTENANCE=1

source "$SCRIPTS/core/shell.sh"
source "$SCRIPTS/core/text.sh"
source "$SCRIPTS/core/failure.sh"
source "$SCRIPTS/server/errors.sh"
source "$SCRIPTS/server/psql.sh"
source "$SCRIPTS/server/connect.sh"

MAINTENANCE='' # the database from which the others are renamed

# A database is renamed from within another one. Connects to one that is there and sets MAINTENANCE to its name.
connect_maintenance() {
  MAINTENANCE=postgres
  [[ $DATABASE_NAME != postgres ]] || MAINTENANCE=template1
  if [[ $MAINTENANCE == postgres ]] && ! connect postgres; then
    [[ $KIND == database ]] || connect_or_fail postgres
    MAINTENANCE=template1
  fi
  connect_or_fail "$MAINTENANCE"
}

# Fails on a standby, or on a server that somebody has stopped from writing: nothing could be restored there.
require_writable() {
  local detail cure
  query "$MAINTENANCE" server/writable.sql -z -0 >"$WORK/writable"
  [[ -s $WORK/writable ]] || return 0
  read_fields detail cure <"$WORK/writable" || true
  fail 1 readonly "the server at $DATABASE_HOST:$DATABASE_PORT takes no changes" "$detail" "$cure"
}

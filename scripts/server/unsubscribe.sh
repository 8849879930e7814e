#!/usr/bin/env bash
# The end of a database's subscriptions.

[[ ! -v PGKEEP_SERVER_UNSUBSCRIBE ]] || return 0
readonly PGKEEP_SERVER_UNSUBSCRIBE=1

source "$SCRIPTS/core/shell.sh"
source "$SCRIPTS/core/log.sh"
source "$SCRIPTS/core/children.sh"
source "$SCRIPTS/server/psql.sh"

# unsubscribe DATABASE: drops its subscriptions, with which it could not be dropped itself.
unsubscribe() {
  run psql_on "$1" -f "$SCRIPTS/server/unsubscribe.sql" 2>"$WORK/unsubscribe.errors" && return
  quote_output "$WORK/unsubscribe.errors"
}

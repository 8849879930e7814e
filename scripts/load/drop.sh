#!/usr/bin/env bash
# The side database, dropped.

[[ ! -v PGKEEP_LOAD_DROP ]] || return 0
readonly PGKEEP_LOAD_DROP=1

source "$SCRIPTS/core/shell.sh"
source "$SCRIPTS/core/log.sh"
source "$SCRIPTS/core/children.sh"
source "$SCRIPTS/server/psql.sh"
source "$SCRIPTS/server/maintenance.sh"
source "$SCRIPTS/server/unsubscribe.sh"
source "$SCRIPTS/load/state.sh"

# drop_unmarked DATABASE: drops it if it bears no mark and nothing is in it, as when a restore was killed between making a side
# database and marking it.
drop_unmarked() {
  run psql_on "$1" -f "$SCRIPTS/load/is-empty.sql" >"$WORK/answer" 2>/dev/null || return 0
  [[ $(<"$WORK/answer") == t ]] || return 0
  run psql_on "$MAINTENANCE" -f "$SCRIPTS/load/drop-empty.sql" -v side="$1" 2>"$WORK/drop.errors" || quote_output "$WORK/drop.errors"
}

drop_side() {
  drop_unmarked "$SIDE" >/dev/null
  unsubscribe "$SIDE"
  run psql_on "$MAINTENANCE" -f "$SCRIPTS/load/drop.sql" -v side="$SIDE" -v number="${SIDE_NUMBER:-0}" -v name="$DATABASE_NAME" \
    2>"$WORK/drop.errors" && return
  quote_output "$WORK/drop.errors"
  note "the side database $SIDE could not be dropped; the next restore does it"
}

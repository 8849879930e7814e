#!/usr/bin/env bash
# What killed restores have left on the server.

[[ ! -v PGKEEP_RESTORE_LEFTOVERS ]] || return 0
readonly PGKEEP_RESTORE_LEFTOVERS=1

source "$SCRIPTS/core/shell.sh"
source "$SCRIPTS/core/log.sh"
source "$SCRIPTS/server/psql.sh"
source "$SCRIPTS/server/maintenance.sh"
source "$SCRIPTS/server/unsubscribe.sh"
source "$SCRIPTS/load/drop.sh"
source "$SCRIPTS/tables/bring.sh"
source "$SCRIPTS/restore/state.sh"

# What earlier, killed restores of this database left. Names may hold line breaks, hence -0.
sweep_leftovers() {
  local left
  query "$MAINTENANCE" restore/leftover-names.sql -0 -v name="$DATABASE_NAME" >"$WORK/leftovers"
  while IFS= read -r -d '' left; do unsubscribe "$left"; done <"$WORK/leftovers"
  query "$MAINTENANCE" restore/unmarked.sql -0 -v name="$DATABASE_NAME" >"$WORK/leftovers"
  while IFS= read -r -d '' left; do drop_unmarked "$left"; done <"$WORK/leftovers"
  sweep_tables
  query "$MAINTENANCE" restore/leftovers.sql -v name="$DATABASE_NAME" >"$WORK/leftovers"
  quote_output "$WORK/leftovers"
}

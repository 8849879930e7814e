#!/usr/bin/env bash
# Rows and hashes of chosen tables.

[[ ! -v PGKEEP_TABLES_COUNT ]] || return 0
readonly PGKEEP_TABLES_COUNT=1

source "$SCRIPTS/core/shell.sh"
source "$SCRIPTS/core/log.sh"
source "$SCRIPTS/core/failure.sh"
source "$SCRIPTS/core/children.sh"
source "$SCRIPTS/server/errors.sh"
source "$SCRIPTS/server/psql.sh"
source "$SCRIPTS/server/maintenance.sh"
source "$SCRIPTS/facts/facts.sh"
source "$SCRIPTS/load/state.sh"
source "$SCRIPTS/load/role.sh"

TOTAL='' # what was counted last: "2 tables, 3500 rows"

in_side() { as_restorer query "$SIDE" "$@"; }

facts_unreadable() { fail_explained "$WORK/tables.errors" 'the restored tables cannot be counted'; }

# count_tables DATABASE LIST FACTS HASHES: writes into the file FACTS what the relations of a list hold, and into
# FACTS.sequences where the sequences among them stand.
count_tables() {
  run as_restorer psql_on "$1" -1 -v list_file="$2" -v facts_file="$3" -v sequences_file="$3.sequences" -v table_hashes="$4" \
    -f "$SCRIPTS/tables/contents.sql" 2>"$WORK/tables.errors" || facts_unreadable
}

# total_rows FACTS: sets TOTAL to the number of tables and rows in a file of facts.
total_rows() {
  query "$MAINTENANCE" facts/totals.sql -v facts_file="$1" >"$WORK/totals"
  TOTAL=$(awk -F '\t' 'NR > 1 { tables++; rows += $2 } END { printf "%d tables, %.0f rows", tables, rows }' "$WORK/totals")
}

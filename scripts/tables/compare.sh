#!/usr/bin/env bash
# The restored tables, compared with the manifest, and what they need in the live database.

[[ ! -v PGKEEP_TABLES_COMPARE ]] || return 0
readonly PGKEEP_TABLES_COMPARE=1

source "$SCRIPTS/core/shell.sh"
source "$SCRIPTS/core/log.sh"
source "$SCRIPTS/core/failure.sh"
source "$SCRIPTS/server/psql.sh"
source "$SCRIPTS/server/maintenance.sh"
source "$SCRIPTS/volume/names.sh"
source "$SCRIPTS/volume/catalog.sh"
source "$SCRIPTS/facts/facts.sh"
source "$SCRIPTS/load/state.sh"
source "$SCRIPTS/tables/count.sh"

compare_tables() {
  local hashes=false
  begin 'Compared with the manifest'
  [[ $(summary_value "$NAME" table_hashes) != true ]] || hashes=true
  in_side tables/list.sql >"$WORK/chosen.json"
  count_tables "$SIDE" "$WORK/chosen.json" "$WORK/side.json" "$hashes"
  total_rows "$WORK/side.json"
  if [[ -z $MANIFEST ]]; then
    done_step "no manifest to compare with; restored $TOTAL"
    return
  fi
  query "$MAINTENANCE" tables/expected.sql -v manifest_file="$MANIFEST" -v wanted_file="$WORK/wanted.json" \
    -v list_file="$WORK/chosen.json" >"$WORK/expected.json"
  refuse_differences "$WORK/expected.json" "$WORK/side.json" 'the restored tables differ from the manifest'
  done_step "$TOTAL, equal$([[ $hashes == false ]] || printf ' by content')"
}

# Fails where the live database lacks what the tables are defined with and what cannot come along.
check_needs() {
  local first count
  begin 'Looked what the tables need in the live database'
  in_side tables/needs.sql -1 >"$WORK/needs.json"
  query "$DATABASE_NAME" tables/missing.sql -v needs_file="$WORK/needs.json" >"$WORK/missing.json"
  in_side tables/coming.sql -1 -v missing_file="$WORK/missing.json" >"$WORK/unmet"
  if [[ -s $WORK/unmet ]]; then
    quote_output "$WORK/unmet"
    first=$(head -n 1 "$WORK/unmet") count=$(wc -l <"$WORK/unmet")
    ((count < 2)) || first+=" and $((count - 1)) more"
    fail 1 refused "the live database lacks what the tables are defined with: $first" \
      'it was dropped since, or its name has changed' \
      'create it there first, or restore the whole backup under another name (--into)'
  fi
  done_step
}

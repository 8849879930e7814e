#!/usr/bin/env bash
# Statistics of the side database.

[[ ! -v PGKEEP_LOAD_ANALYZE ]] || return 0
readonly PGKEEP_LOAD_ANALYZE=1

source "$SCRIPTS/core/shell.sh"
source "$SCRIPTS/core/log.sh"
source "$SCRIPTS/core/failure.sh"
source "$SCRIPTS/core/children.sh"
source "$SCRIPTS/server/errors.sh"
source "$SCRIPTS/server/psql.sh"
source "$SCRIPTS/load/state.sh"

# Table by table: one that cannot be analyzed (a foreign table below it, whose server is away) must not keep the restored
# database, whose content is proven by now, from its place.
analyze_side() {
  begin 'Analyzed'
  run psql_on "$SIDE" -f "$SCRIPTS/load/analyze.sql" 2>"$WORK/analyze.errors" \
    || fail_explained "$WORK/analyze.errors" 'ANALYZE of the restored database failed'
  quote_output "$WORK/analyze.errors"
  if [[ -s $WORK/analyze.errors ]]; then
    warn 'some tables have no statistics yet: queries on them may be slow until somebody runs ANALYZE on them'
  fi
  # The first session after that writes a file (pg_internal.init), without which nobody gets in: here where the disk may be full.
  run psql_on "$SIDE" -c 'SELECT 1' >/dev/null 2>"$WORK/analyze.errors" \
    || fail_explained "$WORK/analyze.errors" 'the restored database does not answer'
  done_step
}

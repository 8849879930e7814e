#!/usr/bin/env bash
# The side database, compared with the manifest.

[[ ! -v PGKEEP_LOAD_PROVE ]] || return 0
readonly PGKEEP_LOAD_PROVE=1

source "$SCRIPTS/core/shell.sh"
source "$SCRIPTS/core/log.sh"
source "$SCRIPTS/core/failure.sh"
source "$SCRIPTS/core/children.sh"
source "$SCRIPTS/server/errors.sh"
source "$SCRIPTS/server/psql.sh"
source "$SCRIPTS/volume/names.sh"
source "$SCRIPTS/volume/marks.sh"
source "$SCRIPTS/volume/catalog.sh"
source "$SCRIPTS/facts/facts.sh"
source "$SCRIPTS/load/state.sh"

# Reads the facts of the side database in one snapshot, with hashes of tables where the manifest has them, and then its
# sequences. Writes $WORK/facts.json and $WORK/sequences.
read_facts() {
  local hashes=false
  if [[ $(summary_value "$NAME" table_hashes) == true ]]; then hashes=true; fi
  psql_on "$SIDE" -1 -v table_hashes="$hashes" -f "$SCRIPTS/facts/facts.sql" \
    >"$WORK/facts.json" || return 1
  psql_on "$SIDE" -f "$SCRIPTS/facts/sequences.sql" >"$WORK/sequences"
}

compare_side() {
  local tables rows
  begin 'Compared with the manifest'
  run read_facts 2>"$WORK/facts.errors" \
    || fail_explained "$WORK/facts.errors" 'the facts of the restored database cannot be read'
  query "$SIDE" facts/totals.sql -v facts_file="$WORK/facts.json" >"$WORK/totals"
  IFS=$'\t' read -r tables rows <"$WORK/totals"
  if [[ -z $MANIFEST ]]; then
    sed -n '2,$s/^/    /p' "$WORK/totals"
    done_step "no manifest to compare with; restored $tables tables, $rows rows"
    return
  fi
  query "$SIDE" facts/compare.sql -v manifest_file="$MANIFEST" -v found_file="$WORK/facts.json" \
    -v found_sequences="$WORK/sequences" >"$WORK/differences"
  [[ ! -s $WORK/differences ]] || fail_different
  # The mark says that the backup was restored with every fact equal; retention keeps the newest one that has it.
  set_mark proven "$NAME" "restored into $SIDE, every fact equal" || warn 'the mark for proven backups could not be written'
  done_step "$tables tables, $rows rows, every fact equal"
}

#!/usr/bin/env bash
# Single tables or schemas of a backup, beside the live ones in schemas of their own.
#
# Nothing live is overwritten or altered: the tables are restored into a side database, compared with the manifest, moved
# there into schemas `<schema>_restored_<stamp>`, and only those are dumped and restored into the live database, in one
# transaction. Definitions refer to types and functions of the live database where it has them; what it has not comes along.

[[ ! -v PGKEEP_TABLES_TABLES ]] || return 0
readonly PGKEEP_TABLES_TABLES=1

source "$SCRIPTS/core/shell.sh"
source "$SCRIPTS/core/time.sh"
source "$SCRIPTS/core/log.sh"
source "$SCRIPTS/core/script.sh"
source "$SCRIPTS/server/psql.sh"
source "$SCRIPTS/volume/names.sh"
source "$SCRIPTS/load/state.sh"
source "$SCRIPTS/load/role.sh"
source "$SCRIPTS/load/create.sh"
source "$SCRIPTS/load/drop.sh"
source "$SCRIPTS/tables/count.sh"
source "$SCRIPTS/tables/choose.sh"
source "$SCRIPTS/tables/fill.sh"
source "$SCRIPTS/tables/compare.sh"
source "$SCRIPTS/tables/bring.sh"

# Drops the side database and the role. Unsets SIDE_MADE.
end_tables() {
  drop_side
  SIDE_MADE=''
  drop_role || true
  [[ -z $RESTORER_MADE ]] || warn "role \"$RESTORER\" could not be dropped; the next restore does it"
}

show_left() {
  [[ -s $WORK/tables.left ]] || return 0
  section 'Left out (they would act on live tables, or on these while you look at them)'
  sort -u "$WORK/tables.left" | head -n 50 | sed 's/^/    /'
}

show_tables() {
  local what text number
  query "$DATABASE_NAME" tables/summary.sql -v list_file="$WORK/moved.json" -v facts_file="$WORK/live.json" \
    >"$WORK/summary"
  section Summary
  setting database "$DATABASE_NAME, whose own tables are as they were"
  setting backup "$NAME of $(created_of_backup)"
  setting duration "$(seconds_since "$RUN_STARTED") s"
  section Tables
  while IFS=$'\t' read -r what text number; do
    [[ $what != table ]] || printf '    %-60s %12s\n' "$text" "$number"
  done <"$WORK/summary"
  show_left
  section 'To look at them, and to take rows back (a person decides which)'
  awk -F '\t' '$1 == "example" { print "    " $2 }' "$WORK/summary"
  section 'To drop them when they are no longer needed'
  awk -F '\t' '$1 == "drop" { print "    " $2 }' "$WORK/summary"
}

# What the tables are taken from and into: chosen, filled, compared, and nothing lacking in the live database.
fill_and_compare_tables() {
  check_tables
  make_role
  create_side
  fill_side
  compare_tables
  check_needs
}

restore_tables() {
  fill_and_compare_tables
  move_tables
  bring_tables
  end_tables
  show_tables
  printf '\n✓ %s of %s are in database %s, in schemas that end in _restored_%s\n' "$TOTAL" "$NAME" "$DATABASE_NAME" "$STAMP"
}

try_tables() {
  fill_and_compare_tables
  end_tables
  show_left
  printf '\n✓ Dry run: these tables of %s can be restored (%s, %s s); nothing was changed\n' "$NAME" "$TOTAL" \
    "$(seconds_since "$RUN_STARTED")"
}

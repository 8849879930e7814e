#!/usr/bin/env bash
# Which tables are asked for, and whether they can be had.

[[ ! -v PGKEEP_TABLES_CHOOSE ]] || return 0
readonly PGKEEP_TABLES_CHOOSE=1

source "$SCRIPTS/core/shell.sh"
source "$SCRIPTS/core/text.sh"
source "$SCRIPTS/core/log.sh"
source "$SCRIPTS/core/failure.sh"
source "$SCRIPTS/server/psql.sh"
source "$SCRIPTS/server/maintenance.sh"
source "$SCRIPTS/volume/names.sh"
source "$SCRIPTS/load/state.sh"

# Sets the wishes down in $WORK/wanted.json and, for pg_restore, in $WORK/wanted; fails when one cannot be met.
choose_tables() {
  local what first second stops=0 detail='' cure=''
  query "$MAINTENANCE" tables/wanted.sql -z -0 -v tables="${RESTORE_TABLES:-}" -v schemas="${RESTORE_SCHEMAS:-}" \
    -v facts_file="$1" -v wanted_file="$WORK/wanted.json" >"$WORK/wanted"
  while read_fields what first second; do
    [[ $what == stop ]] || continue
    stops=$((stops + 1))
    note "$first ($second)"
    detail=${detail:-$first} cure=${cure:-$second}
  done <"$WORK/wanted"
  ((stops == 0)) || fail 2 unknown "$stops of the tables and schemas asked for cannot be taken from backup $NAME" \
    "$detail" "$cure"
  [[ $(<"$WORK/wanted.json") != '[]' ]] || fail 2 parameters 'no table and no schema is named' \
    'RESTORE_TABLES and RESTORE_SCHEMAS hold nothing but blanks' 'pgkeep run-restore … --table shop.orders'
}

check_tables() {
  local detail cure
  begin 'Chose the tables'
  [[ $LIVE == present ]] || fail 1 refused "there is no database \"$DATABASE_NAME\" to put the tables into" \
    'single tables arrive in a schema of the live database' 'restore the whole backup: leave --table and --schema away'
  query "$DATABASE_NAME" tables/live.sql -z -0 >"$WORK/refusals"
  if read_fields detail cure <"$WORK/refusals"; then
    fail 1 refused "tables cannot be added to database \"$DATABASE_NAME\"" "$detail" "$cure"
  fi
  if [[ -n $MANIFEST ]]; then
    choose_tables "$MANIFEST"
    done_step "$(tr -cd '\000' <"$WORK/wanted" | wc -c | awk '{ print $1 / 3 }') named"
  else
    done_step "$NAME has no manifest: what it holds is known when it is restored"
  fi
}

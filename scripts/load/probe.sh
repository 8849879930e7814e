#!/usr/bin/env bash
# A trial of the definitions in a dump, without data: what needs a superuser, and how everything is defined.

[[ ! -v PGKEEP_LOAD_PROBE ]] || return 0
readonly PGKEEP_LOAD_PROBE=1

source "$SCRIPTS/core/shell.sh"
source "$SCRIPTS/core/log.sh"
source "$SCRIPTS/core/failure.sh"
source "$SCRIPTS/core/children.sh"
source "$SCRIPTS/server/errors.sh"
source "$SCRIPTS/server/psql.sh"
source "$SCRIPTS/server/maintenance.sh"
source "$SCRIPTS/volume/names.sh"
source "$SCRIPTS/load/state.sh"
source "$SCRIPTS/load/role.sh"
source "$SCRIPTS/load/create.sh"
source "$SCRIPTS/load/guard.sh"
source "$SCRIPTS/load/entries.sh"

# The whole list of what needs a superuser, in a database without data: better now than after hours of loading.
probe_side() {
  local count
  [[ -n $RESTORER && -d $BACKUP_DIRECTORY/$NAME/database ]] && hands_over || return 0
  begin 'Checked that nothing in the dump needs a superuser'
  list_entries content >"$WORK/content.list"
  run as_restorer pg_restore --schema-only --no-owner --no-acl --no-password --use-list="$WORK/content.list" \
    --dbname="$(conninfo "$SIDE")" "$BACKUP_DIRECTORY/$NAME/database" 2>"$WORK/probe.errors" || true
  if grep -q 'error:' "$WORK/probe.errors"; then
    quote_output "$WORK/probe.errors"
    explain "$WORK/probe.errors"
    [[ ! $KIND =~ ^(lost|unreachable|starting|space|killed|connections)$ ]] \
      || fail 1 "$KIND" "restoring the schema of $NAME into the side database failed" "$CAUSE" "$CURE"
    count=$(grep -c 'error: could not execute query' "$WORK/probe.errors" || true)
    fail 1 superuser "backup $NAME cannot be restored without a superuser: $count of its statements fail" \
      "$(sed -n 's/.*error: could not execute query: ERROR: *//p' "$WORK/probe.errors" | sort | uniq -c | sort -rn \
        | awk '{ n = $1; sub(/^ *[0-9]+ /, ""); printf "%s%s (%d)", (NR > 1 ? "; " : ""), $0, n }' | head -c 1000)" \
      'they are listed above; if you trust everyone who could create objects there: pgkeep run-restore … --allow-superuser-objects'
  fi
  check_restorer
  definitions probed
  # Made again, empty: data is loaded before there are indexes and constraints.
  query "$MAINTENANCE" load/drop.sql -v side="$SIDE" -v number="${SIDE_NUMBER:-0}" -v name="$DATABASE_NAME"
  make_empty_side
  done_step
}

# While the side database is filled, everything in it belongs to the temporary role, and the check function of one owner could
# change what another has defined: a default, say, that the other would execute later. guard.sql lets no code that runs
# inside of another statement define anything; should it ever fail to, the trial without data shows how things were defined.
check_definitions() {
  [[ -s $WORK/definitions.probed ]] || return 0
  definitions filled
  cmp -s "$WORK/definitions.probed" "$WORK/definitions.filled" && return
  tampered "a check, index expression or the like is no mere calculation: $(changed_definition)"
}

definitions() {
  run dump_definitions >"$WORK/definitions.$1" 2>"$WORK/definitions.errors" && return
  fail_explained "$WORK/definitions.errors" 'the definitions in the side database cannot be read'
}

# \restrict and \unrestrict are left out: their key is a new one in each dump.
dump_definitions() {
  pg_dump --schema-only --no-owner --no-acl --no-password --dbname="$(conninfo "$SIDE")" | grep -v -E '^\\(un)?restrict '
}

changed_definition() {
  grep -vxF -f "$WORK/definitions.probed" "$WORK/definitions.filled" | grep -v '^--' | head -n 1
}

#!/usr/bin/env bash
# The restored tables, moved into schemas of their own and brought into the live database; or taken back.

[[ ! -v PGKEEP_TABLES_BRING ]] || return 0
readonly PGKEEP_TABLES_BRING=1

source "$SCRIPTS/core/shell.sh"
source "$SCRIPTS/core/log.sh"
source "$SCRIPTS/core/failure.sh"
source "$SCRIPTS/core/children.sh"
source "$SCRIPTS/server/errors.sh"
source "$SCRIPTS/server/psql.sh"
source "$SCRIPTS/volume/names.sh"
source "$SCRIPTS/volume/catalog.sh"
source "$SCRIPTS/facts/facts.sh"
source "$SCRIPTS/load/state.sh"
source "$SCRIPTS/load/role.sh"
source "$SCRIPTS/tables/count.sh"

TABLES_BEGUN='' # set before the first statement that changes the live database, unset when all is handed over

move_tables() {
  begin 'Moved them into schemas of their own'
  in_side tables/move.sql -1 -v stamp="$STAMP" -v backup="$NAME" -v created="$(created_of_backup)"
  in_side tables/list.sql >"$WORK/moved.json"
  # Counted anew, and with hashes in any case, because what arrives in the live database is compared with this.
  count_tables "$SIDE" "$WORK/moved.json" "$WORK/side.json" true
  printf '{"facts":%s}\n' "$(<"$WORK/side.json")" >"$WORK/expected.json"
  done_step
}

created_of_backup() { if is_legacy "$NAME"; then name_to_iso "$NAME"; else summary_value "$NAME" created; fi; }

# Dumps the new schemas and restores them into the live database. They are named by the stamp, which is plain ASCII; how a name
# in other letters is matched depends on the encoding.
carry_tables() {
  as_restorer pg_dump --format=custom --compress=0 --no-password --no-security-labels --no-publications --no-subscriptions \
    --schema="*_restored_$STAMP" --dbname="$(conninfo "$SIDE")" \
    | as_restorer pg_restore --single-transaction --exit-on-error --no-owner --no-acl --no-tablespaces --no-password \
      --dbname="$(conninfo "$DATABASE_NAME")"
}

# Sets TABLES_BEGUN.
bring_tables() {
  begin 'Brought them into the live database'
  TABLES_BEGUN=yes
  if [[ -n $RESTORER ]]; then
    query "$DATABASE_NAME" tables/allow.sql -1 -v role="$RESTORER" -v name="$DATABASE_NAME" -v needs_file="$WORK/needs.json"
  fi
  if ! run carry_tables 2>"$WORK/tables.errors"; then
    quote_output "$WORK/tables.errors"
    explain "$WORK/tables.errors"
    fail 1 "$KIND" 'the tables could not be restored into the live database' "$CAUSE" \
      "$CURE; or restore the whole backup under another name (--into)"
  fi
  quote_output "$WORK/tables.errors"
  done_step 'one transaction'

  begin 'Compared what arrived'
  count_tables "$DATABASE_NAME" "$WORK/moved.json" "$WORK/live.json" true
  refuse_differences "$WORK/expected.json" "$WORK/live.json" 'the tables in the live database differ from the restored ones'
  total_rows "$WORK/live.json"
  done_step "$TOTAL, equal by content"
  hand_tables_over
}

# Unsets TABLES_BEGUN.
hand_tables_over() {
  local manifest=$MANIFEST
  begin 'Gave them to their owners'
  [[ $(summary_value "$NAME" owners) != false ]] || manifest=''
  if run psql_on "$DATABASE_NAME" -1 -v name="$DATABASE_NAME" -v stamp="$STAMP" -v manifest_file="$manifest" \
    -v role="$RESTORER" -v trusted="${RESTORE_ALLOW_SUPERUSER_OBJECTS:-false}" \
    -f "$SCRIPTS/tables/hand-over.sql" 2>"$WORK/tables.errors"; then
    TABLES_BEGUN=''
    done_step
    return
  fi
  quote_output "$WORK/tables.errors"
  explain "$WORK/tables.errors"
  [[ -z $RESTORER ]] || fail 1 "$KIND" 'the restored tables could not be given to their owners' "${CAUSE##*ERROR:  }" \
    'if you trust everyone who could create objects in that database: pgkeep run-restore … --allow-superuser-objects'
  # Without a temporary role the tables are whole, and belong to the Secret's role.
  TABLES_BEGUN=''
  warn "the tables stay with \"$PGUSER\": $CAUSE"
  done_step
}

# Takes back what was brought into the live database and not handed over; called only when a restore fails. Unsets TABLES_BEGUN
# where that works.
drop_tables() {
  [[ -n $TABLES_BEGUN ]] || return 0
  run psql_on "$DATABASE_NAME" -1 -v role="$RESTORER" -v stamp="$STAMP" -f "$SCRIPTS/tables/drop.sql" 2>"$WORK/drop.errors" && {
    TABLES_BEGUN=''
    return
  }
  quote_output "$WORK/drop.errors"
  tables_left
}

tables_left() {
  note "what was restored so far, schemas …_restored_$STAMP, may still be there; nothing else of the live database was touched"
}

# Removes from the live database what temporary roles of killed restores have there; before that they cannot be dropped.
sweep_tables() {
  run psql_on "$DATABASE_NAME" -v name="$DATABASE_NAME" -f "$SCRIPTS/tables/sweep.sql" >"$WORK/leftovers" 2>/dev/null || true
  quote_output "$WORK/leftovers"
}

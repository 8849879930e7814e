#!/usr/bin/env bash
# The first questions to the restored database.

[[ ! -v PGKEEP_RESTORE_SMOKE ]] || return 0
readonly PGKEEP_RESTORE_SMOKE=1

source "$SCRIPTS/core/shell.sh"
source "$SCRIPTS/core/log.sh"
source "$SCRIPTS/core/failure.sh"
source "$SCRIPTS/core/children.sh"
source "$SCRIPTS/server/errors.sh"
source "$SCRIPTS/server/psql.sh"
source "$SCRIPTS/server/maintenance.sh"
source "$SCRIPTS/load/state.sh"
source "$SCRIPTS/restore/state.sh"
source "$SCRIPTS/restore/back.sh"

# Reads only, for at most a minute, and finds names as an application does.
ask_smoke_query() {
  PGOPTIONS='-c default_transaction_read_only=on -c statement_timeout=60s' bare_psql_on "$DATABASE_NAME" -c "$RESTORE_SMOKE_QUERY"
}

ask_smoke_query_as() { PGUSER=$1 PGPASSFILE="$WORK/asker-passwords" ask_smoke_query; }

# The user's own question. What it meets (a view, a function, a policy) came out of the dump, and runs with the rights of who
# asks. So a superuser does not: as for the restore a role is made, which is swept by the next restore if this is killed.
own_smoke_query() {
  local asker="pgkeep_restore_$STAMP" code=0 superuser
  local -a command=(ask_smoke_query)
  query "$MAINTENANCE" restore/smoke-superuser.sql >"$WORK/superuser"
  read -r superuser <"$WORK/superuser"
  if [[ $superuser == t ]]; then
    command=(ask_smoke_query_as "$asker")
    head -c 24 /dev/urandom | od -An -v -tx1 | tr -d ' \n' >"$WORK/asker-password"
    (umask 0077 && printf '*:*:*:%s:%s\n' "$asker" "$(<"$WORK/asker-password")" >"$WORK/asker-passwords")
    query "$MAINTENANCE" load/role-make.sql -v role="$asker" -v password_file="$WORK/asker-password" -v name="$DATABASE_NAME" \
      -v manifest_file='' -v member=false >/dev/null
    query "$MAINTENANCE" restore/smoke-role.sql -v role="$asker" -v name="$DATABASE_NAME"
  fi
  run "${command[@]}" >"$WORK/smoke" 2>"$WORK/smoke.errors" || code=$?
  if [[ $superuser == t ]]; then
    # In the other database what it was granted on tablespaces.
    run psql_on "$MAINTENANCE" -f "$SCRIPTS/load/role-drop.sql" -v role="$asker" 2>"$WORK/asker.errors" || quote_output "$WORK/asker.errors"
  fi
  if ((code != 0)); then
    quote_output "$WORK/smoke.errors"
    explain "$WORK/smoke.errors"
    fail 1 smoke 'the restored database does not answer the smoke query (smokeQuery)' "$CAUSE" \
      "look at the restored database; $(way_back)"
  fi
  [[ -s $WORK/smoke ]] || fail 1 smoke 'the restored database answers the smoke query (smokeQuery) with no row' \
    "$RESTORE_SMOKE_QUERY" "look at the restored database; $(way_back)"
}

smoke_query() {
  begin 'Asked the restored database'
  run psql_on "$DATABASE_NAME" -c "SELECT count(*) FROM pg_class WHERE relkind = 'r'" >"$WORK/smoke" 2>"$WORK/smoke.errors" \
    || fail_explained "$WORK/smoke.errors" "the restored database \"$DATABASE_NAME\" does not answer"
  if [[ -z ${RESTORE_SMOKE_QUERY:-} ]]; then
    done_step
  else
    own_smoke_query
    done_step "$(wc -l <"$WORK/smoke") rows of the smoke query"
  fi
}

#!/usr/bin/env bash
# The swap of a restore: the side database takes the name of the live one. Part of restore.sh.

# A session that reconnects between two statements of the swap makes it fail; then it is tried again.
SWAP_ATTEMPTS=5

attempt_swap() {
  local beside code=0 live
  # By its number: what is said of the name may come too late, and would meet the sessions of the database that has it then.
  live=$(psql_on "$MAINTENANCE" -v name="$DATABASE_NAME" -f - <<<"SELECT oid FROM pg_database WHERE datname = :'name'" \
    2>"$WORK/swap.errors") || return 1
  psql_on "$MAINTENANCE" -f "$SCRIPTS/session.sql" -f "$SCRIPTS/restore-disconnect.sql" -v live="${live:-0}" \
    >/dev/null 2>"$WORK/disconnect.errors" &
  beside=$!
  swap_names "$1" || code=$?
  kill "$beside" 2>/dev/null || true
  wait "$beside" 2>/dev/null || true
  ((code == 0)) || cat "$WORK/disconnect.errors" >>"$WORK/swap.errors"
  return "$code"
}

swap_names() {
  psql_on "$MAINTENANCE" -f "$SCRIPTS/session.sql" -f "$SCRIPTS/restore-swap.sql" -v name="$DATABASE_NAME" -v live="$LIVE" \
    -v side="$SIDE" -v old="$OLD" -v successor="$1" 2>"$WORK/swap.errors"
}

# What belongs to a database as such is in no dump of its content: the side database gets it from the live one.
carry_settings() {
  local statements="$WORK/settings.sql"
  query "$MAINTENANCE" database-settings.sql -v name="$DATABASE_NAME" -v target="$SIDE" -v comment=false >"$statements"
  run psql_on "$MAINTENANCE" -f "$statements" >/dev/null 2>"$WORK/settings.errors" && return
  quote_output "$WORK/settings.errors"
  explain "$WORK/settings.errors"
  fail 1 "$KIND" 'the settings of the live database cannot be carried over' "$CAUSE" "$CURE"
}

# Where there was no live database they come from the backup, whose statements name the database as it was called then.
bring_settings() {
  local statements="$BACKUP_DIRECTORY/$NAME/database.sql"
  [[ -s $statements && $(summary_value "$NAME" database) == "$(escape_as_copy "$DATABASE_NAME")" ]] || return 0
  run psql_on "$MAINTENANCE" -f "$statements" >/dev/null 2>"$WORK/settings.errors" && return
  quote_output "$WORK/settings.errors"
  warn "not every setting of the database could be brought back; the statements are in $statements"
}

swap() {
  if [[ $LIVE == present ]]; then carry_settings; fi
  exchange "$NAME"
  [[ $LIVE == present ]] || bring_settings
}

# exchange SUCCESSOR: SIDE takes the name of the live database, which is kept as OLD; also for an undo.
exchange() {
  local attempt
  begin 'Swapped'
  PHASE=swapping
  for ((attempt = 1; attempt <= SWAP_ATTEMPTS; attempt++)); do
    if run attempt_swap "$1"; then
      PHASE=after
      done_step "attempt $attempt"
      return
    fi
    quote_output "$WORK/swap.errors"
    # Its answer may be all that was lost.
    settle_swap || true
    if [[ $PHASE == after ]]; then
      done_step "attempt $attempt, whose answer was lost"
      return
    fi
    PHASE=swapping
    run sleep 1
  done
  explain_swap
  fail 1 swap "the swap failed $SWAP_ATTEMPTS times" "$CAUSE" "$CURE"
}

explain_swap() {
  explain "$WORK/swap.errors"
  case $(<"$WORK/swap.errors") in
    # First, because the swap then fails by its timeout too.
    *'must be a superuser to terminate'* | *'permission denied to terminate'*)
      because rights "a session on \"$DATABASE_NAME\" belongs to a role whose sessions user \"$PGUSER\" may not end (must be a superuser)" \
        "end it on the server (pg_stat_activity), or as a superuser: GRANT pg_signal_backend TO \"$PGUSER\"; a superuser's session only a superuser ends"
      ;;
    *'statement timeout'* | *'being accessed by other users'*)
      because sessions "sessions on \"$DATABASE_NAME\" did not end within a second when they were told to, or are prepared transactions" \
        'look at pg_stat_activity and pg_prepared_xacts on the server, end what is there, then start this again'
      ;;
    *) ;;
  esac
}

allow_connections() {
  psql_on "$MAINTENANCE" -f "$SCRIPTS/restore-allow.sql" -v name="$DATABASE_NAME" 2>"$WORK/allow.errors" && return
  quote_output "$WORK/allow.errors"
  warn "connections to \"$DATABASE_NAME\" may still be switched off; start the restore again, it allows them"
}

# Reads only, for at most a minute, and finds names as an application does.
ask_smoke_query() {
  PGOPTIONS='-c default_transaction_read_only=on -c statement_timeout=60s' psql_on "$DATABASE_NAME" -c "$RESTORE_SMOKE_QUERY"
}

ask_smoke_query_as() { PGUSER=$1 PGPASSFILE="$WORK/asker-passwords" ask_smoke_query; }

# How a person gets from the restored database to what was there before.
way_back() {
  if [[ $LIVE == present ]]; then
    printf 'to go back to the old one: pgkeep undo-restore%s' "$(database_option)"
  else
    printf 'there was no database "%s" before' "$DATABASE_NAME"
  fi
}

# The user's own question. What it meets (a view, a function, a policy) came out of the dump, and runs with the rights of who
# asks. So a superuser does not: as for the restore a role is made, which is swept by the next restore if this is killed.
own_smoke_query() {
  local asker="pgkeep_restore_$STAMP" code=0 superuser
  local -a command=(ask_smoke_query)
  query "$MAINTENANCE" smoke-superuser.sql >"$WORK/superuser"
  read -r superuser <"$WORK/superuser"
  if [[ $superuser == t ]]; then
    command=(ask_smoke_query_as "$asker")
    head -c 24 /dev/urandom | od -An -v -tx1 | tr -d ' \n' >"$WORK/asker-password"
    (umask 0077 && printf '*:*:*:%s:%s\n' "$asker" "$(<"$WORK/asker-password")" >"$WORK/asker-passwords")
    query "$MAINTENANCE" role-make.sql -v role="$asker" -v password_file="$WORK/asker-password" -v name="$DATABASE_NAME" \
      -v manifest_file='' -v member=false
    query "$MAINTENANCE" smoke-role.sql -v role="$asker" -v name="$DATABASE_NAME"
  fi
  run "${command[@]}" >"$WORK/smoke" 2>"$WORK/smoke.errors" || code=$?
  if [[ $superuser == t ]]; then
    # In the other database what it was granted on tablespaces.
    run psql_on "$MAINTENANCE" -f "$SCRIPTS/role-drop.sql" -v role="$asker" 2>"$WORK/asker.errors" || quote_output "$WORK/asker.errors"
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
  run psql_on "$DATABASE_NAME" -c "SELECT count(*) FROM pg_class WHERE relkind = 'r'" >"$WORK/smoke" 2>"$WORK/smoke.errors" || {
    quote_output "$WORK/smoke.errors"
    explain "$WORK/smoke.errors"
    fail 1 "$KIND" "the restored database \"$DATABASE_NAME\" does not answer" "$CAUSE" "$CURE"
  }
  if [[ -z ${RESTORE_SMOKE_QUERY:-} ]]; then
    done_step
  else
    own_smoke_query
    done_step "$(wc -l <"$WORK/smoke") rows of the smoke query"
  fi
}

# What became of the swap when its session was cut: the server knows. False when it cannot be asked.
settle_swap() {
  local found
  found=$(psql_on "$MAINTENANCE" -v side="$SIDE" -f - <<<"SELECT count(*) FROM pg_database WHERE datname = :'side'" 2>/dev/null) || return 1
  if [[ $found == 0 ]]; then PHASE=after; else PHASE=before; fi
}

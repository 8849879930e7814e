#!/usr/bin/env bash
# The swap of a restore: the side database takes the name of the live one.

[[ ! -v PGKEEP_RESTORE_SWAP ]] || return 0
readonly PGKEEP_RESTORE_SWAP=1

source "$SCRIPTS/core/shell.sh"
source "$SCRIPTS/core/log.sh"
source "$SCRIPTS/core/failure.sh"
source "$SCRIPTS/core/children.sh"
source "$SCRIPTS/server/errors.sh"
source "$SCRIPTS/server/psql.sh"
source "$SCRIPTS/server/maintenance.sh"
source "$SCRIPTS/volume/names.sh"
source "$SCRIPTS/load/state.sh"
source "$SCRIPTS/restore/state.sh"
source "$SCRIPTS/restore/settings.sh"

COMING='' # the database that takes the name of the live one

# A session that reconnects between two statements of the swap makes it fail; then it is tried again.
SWAP_ATTEMPTS=5

attempt_swap() {
  local beside code=0 live
  # By its number: what is said of the name may come too late, and would meet the sessions of the database that has it then.
  live=$(psql_on "$MAINTENANCE" -v name="$DATABASE_NAME" -f - <<<"SELECT oid FROM pg_database WHERE datname = :'name'" \
    2>"$WORK/swap.errors") || return 1
  psql_on "$MAINTENANCE" -f "$SCRIPTS/restore/disconnect.sql" -v live="${live:-0}" \
    >/dev/null 2>"$WORK/disconnect.errors" &
  beside=$!
  swap_names "$1" || code=$?
  kill "$beside" 2>/dev/null || true
  wait "$beside" 2>/dev/null || true
  ((code == 0)) || cat "$WORK/disconnect.errors" >>"$WORK/swap.errors"
  return "$code"
}

swap_names() {
  psql_on "$MAINTENANCE" -f "$SCRIPTS/restore/swap.sql" -v name="$DATABASE_NAME" -v live="$LIVE" \
    -v side="$COMING" -v old="$OLD" -v successor="$1" -v manifest_file="$MANIFEST" 2>"$WORK/swap.errors"
}

swap() {
  set_settings
  exchange "$NAME" "$SIDE"
  if [[ $LIVE == absent && -n $MANIFEST ]] && ! grep -q '"properties":' "$MANIFEST"; then
    note "an earlier version made this backup: settings of the database itself are in its file database.sql alone, for you to read"
  fi
}

# exchange SUCCESSOR COMING: that database takes the name of the live one, which is put aside as OLD. Sets COMING and PHASE.
exchange() {
  local attempt
  COMING=$2
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
  local end_it
  explain "$WORK/swap.errors"
  case $(<"$WORK/swap.errors") in
    # First, because the swap then fails by its timeout too.
    *'must be a superuser to terminate'* | *'permission denied to terminate'*)
      end_it="end it on the server (pg_stat_activity), or as a superuser: GRANT pg_signal_backend TO \"$PGUSER\""
      because rights "a session on \"$DATABASE_NAME\" belongs to a role whose sessions user \"$PGUSER\" may not end (must be a superuser)" \
        "$end_it; a superuser's session only a superuser ends"
      ;;
    *'statement timeout'* | *'being accessed by other users'*)
      because sessions "sessions on \"$DATABASE_NAME\" did not end within a second when they were told to, or are prepared transactions" \
        'look at pg_stat_activity and pg_prepared_xacts on the server, end what is there, then start this again'
      ;;
    *) ;;
  esac
}

allow_connections() {
  run psql_on "$MAINTENANCE" -f "$SCRIPTS/restore/allow.sql" -v name="$DATABASE_NAME" 2>"$WORK/allow.errors" && return
  quote_output "$WORK/allow.errors"
  warn "connections to \"$DATABASE_NAME\" may still be switched off; start the restore again, it allows them"
}

# Sets PHASE to what became of the swap when its session was cut: the server knows. False when it cannot be asked.
settle_swap() {
  run psql_on "$MAINTENANCE" -v side="$COMING" -f - <<<"SELECT count(*) FROM pg_database WHERE datname = :'side'" \
    >"$WORK/answer" 2>/dev/null || return 1
  if [[ $(<"$WORK/answer") == 0 ]]; then PHASE=after; else PHASE=before; fi
}

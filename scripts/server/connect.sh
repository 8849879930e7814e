#!/usr/bin/env bash
# The first connection of a run, to a server that may still be starting.

[[ ! -v PGKEEP_SERVER_CONNECT ]] || return 0
readonly PGKEEP_SERVER_CONNECT=1

source "$SCRIPTS/core/shell.sh"
source "$SCRIPTS/core/text.sh"
source "$SCRIPTS/core/log.sh"
source "$SCRIPTS/core/failure.sh"
source "$SCRIPTS/core/children.sh"
source "$SCRIPTS/server/versions.sh"
source "$SCRIPTS/server/errors.sh"
source "$SCRIPTS/server/psql.sh"

CONNECT_PATIENCE=30 # seconds to wait for a server that is starting up or not reachable yet

try_connection() {
  # shellcheck disable=SC2016 # $$ is SQL's, and nothing else here is the shell's
  bare_psql_on "$1" -z -0 -c "SELECT current_setting('server_version_num'), getdatabaseencoding(), current_setting('server_version')" \
    >"$WORK/version" 2>"$WORK/connect.errors"
}

# connect DATABASE: waits a bounded time for a server that may still come up; any other refusal is final.
# Sets SERVER_VERSION, SERVER_NUMBER and SERVER_ENCODING; on failure KIND says why and the exit code is 1.
# Adds to PGOPTIONS what only newer servers know.
connect() {
  local give_up=$((SECONDS + CONNECT_PATIENCE)) said=''
  until run try_connection "$1"; do
    explain "$WORK/connect.errors"
    case $KIND in
      starting | unreachable | connections | host) ;;
      *) return 1 ;;
    esac
    [[ -n $said ]] || note "no connection yet (${CAUSE}), trying for $CONNECT_PATIENCE s"
    said=yes
    ((SECONDS < give_up)) || return 1
    run sleep 2
  done
  read_fields SERVER_NUMBER SERVER_ENCODING SERVER_VERSION <"$WORK/version"
  is_number "$SERVER_NUMBER" || refuse_answer "$SERVER_NUMBER" 'its version'
  SERVER_VERSION=${SERVER_VERSION%% *}
  if ((SERVER_NUMBER >= 140000)) && [[ $PGOPTIONS != *idle_session_timeout* ]]; then
    PGOPTIONS+=' -c idle_session_timeout=0 -c client_connection_check_interval=2s'
    ((SERVER_NUMBER < 170000)) || PGOPTIONS+=' -c transaction_timeout=0'
  fi
}

connect_or_fail() {
  connect "$1" \
    || fail_explained "$WORK/connect.errors" "no connection to database \"$1\" on $DATABASE_HOST:$DATABASE_PORT as \"$PGUSER\""
}

#!/usr/bin/env bash
# The demo application: every two seconds it runs one statement, and is ready while that works.
set -Eeuo pipefail
shopt -s inherit_errexit

readonly ready=/tmp/ready

one_round() {
  psql --no-psqlrc --quiet --no-align --tuples-only --set=ON_ERROR_STOP=1 \
    --set=pod="${HOSTNAME}" <<<"${STATEMENT}"
}

main() {
  # PostgreSQL's image asks to be stopped by SIGINT.
  trap 'exit 0' TERM INT
  PGUSER=$(<"${CREDENTIALS_DIRECTORY}/username")
  PGPASSFILE=/tmp/pgpass
  (umask 0077 && printf '*:*:*:*:%s\n' "$(<"${CREDENTIALS_DIRECTORY}/password")" >"${PGPASSFILE}")
  export PGUSER PGPASSFILE
  while true; do
    if one_round; then
      touch "${ready}"
    else
      rm -f "${ready}"
    fi
    # In the background, so that a stopping pod does not wait for it.
    sleep 2 &
    wait "$!"
  done
}

main "$@"

#!/usr/bin/env bash
# The demo's PostgreSQL server: makes the data directory on the first start, then is the server.
# It needs nothing of an image but PostgreSQL itself, so the demo runs on any PostgreSQL image.
set -Eeuo pipefail
shopt -s inherit_errexit

# The role owns its database and may create databases, and is no superuser: that is all that
# pgkeep needs to back it up and to restore it.
initialise() {
  local staging=${PGDATA}.staging
  rm -rf "${staging}"
  initdb --pgdata="${staging}" --username=postgres --auth-local=trust \
    --auth-host=scram-sha-256 --encoding=UTF8 --locale=C.UTF-8 --data-checksums
  echo 'host all all all scram-sha-256' >>"${staging}/pg_hba.conf"
  pg_ctl --pgdata="${staging}" --wait --options='-c listen_addresses=' start
  psql --username=postgres --dbname=postgres --no-psqlrc --set=ON_ERROR_STOP=1 \
    --set=database="${DATABASE}" <<'SQL'
\set username `cat "$CREDENTIALS_DIRECTORY/username"`
\set password `cat "$CREDENTIALS_DIRECTORY/password"`
CREATE ROLE :"username" LOGIN CREATEDB PASSWORD :'password';
CREATE DATABASE :"database" OWNER :"username";
SQL
  pg_ctl --pgdata="${staging}" --wait stop
  # A start that was killed half-way leaves only the staging directory.
  mv "${staging}" "${PGDATA}"
}

main() {
  if [[ ! -s "${PGDATA}/PG_VERSION" ]]; then
    initialise
  fi
  exec postgres -c listen_addresses='*'
}

main "$@"

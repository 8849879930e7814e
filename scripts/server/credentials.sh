#!/usr/bin/env bash
# Credentials go from the mounted Secret into a password file of mode 0600: never into argv, the environment or the log.

[[ ! -v PGKEEP_SERVER_CREDENTIALS ]] || return 0
readonly PGKEEP_SERVER_CREDENTIALS=1

source "$SCRIPTS/core/shell.sh"
source "$SCRIPTS/core/failure.sh"
source "$SCRIPTS/core/parameters.sh"

read_credential() {
  local file="$CREDENTIALS_DIRECTORY/$1" key=$2
  if [[ ! -e $file ]]; then
    if compgen -G "$CREDENTIALS_DIRECTORY/*" >/dev/null; then
      fail 1 credentials "Secret \"$DATABASE_SECRET\" has no key \"$key\"" \
        "the setting that names the key of the $1 does not fit the Secret in namespace \"$NAMESPACE\"" \
        "kubectl -n $NAMESPACE describe secret $DATABASE_SECRET shows its keys; set databaseUserKey, databasePasswordKey"
    fi
    fail 1 credentials "Secret \"$DATABASE_SECRET\" is missing in namespace \"$NAMESPACE\"" \
      "it does not exist there, or it has neither of the keys \"$DATABASE_USER_KEY\" and \"$DATABASE_PASSWORD_KEY\"" \
      "kubectl -n $NAMESPACE get secret $DATABASE_SECRET; create it, or set databaseSecret to the right name"
  fi
  if [[ ! -s $file || ! -r $file ]]; then
    fail 1 credentials "key \"$key\" of Secret \"$DATABASE_SECRET\" is empty or not readable" \
      "the Secret in namespace \"$NAMESPACE\" holds no $1" \
      "kubectl -n $NAMESPACE edit secret $DATABASE_SECRET"
  fi
}

# Makes every client of this script log in as the Secret says.
# Sets and exports PGUSER, PGPASSFILE, PGHOST, PGPORT, PGSSLMODE and PGOPTIONS.
use_credentials() {
  local password
  require_parameter DATABASE_HOST DATABASE_PORT DATABASE_NAME DATABASE_SSLMODE DATABASE_SECRET DATABASE_USER_KEY \
    DATABASE_PASSWORD_KEY CREDENTIALS_DIRECTORY
  read_credential username "$DATABASE_USER_KEY"
  read_credential password "$DATABASE_PASSWORD_KEY"

  # Whatever the image or a person's shell has set must not lead us to another server.
  unset PGHOSTADDR PGSERVICE PGSERVICEFILE PGPASSWORD PGDATABASE PGSSLROOTCERT PGREQUIRESSL PGAPPNAME PGDATESTYLE PGTZ
  # A trailing newline is what `echo secret | base64` leaves; command substitution drops it.
  PGUSER=$(<"$CREDENTIALS_DIRECTORY/username")
  password=$(<"$CREDENTIALS_DIRECTORY/password")
  if [[ $PGUSER$password == *$'\n'* ]]; then
    fail 1 credentials "Secret \"$DATABASE_SECRET\" holds a line break inside the user name or password" \
      "PostgreSQL's password file cannot hold that" "kubectl -n $NAMESPACE edit secret $DATABASE_SECRET"
  fi
  password=${password//\\/\\\\}
  PGPASSFILE="$WORK/passwords"
  (umask 0077 && printf '*:*:*:*:%s\n' "${password//:/\\:}" >"$PGPASSFILE")
  PGHOST=$DATABASE_HOST PGPORT=$DATABASE_PORT PGSSLMODE=$DATABASE_SSLMODE
  # A role's own timeouts must not end a helper session; `connect` adds those that only newer servers know.
  # The search path keeps objects of the database from standing in for PostgreSQL's own.
  PGOPTIONS='-c statement_timeout=0 -c lock_timeout=0 -c idle_in_transaction_session_timeout=0'
  PGOPTIONS+=' -c search_path=pg_catalog -c row_security=off'
  # When a connection is cut without a word, the server's process ends within two minutes, with the locks it holds.
  PGOPTIONS+=' -c tcp_keepalives_idle=30 -c tcp_keepalives_interval=10 -c tcp_keepalives_count=6 -c tcp_user_timeout=90s'
  export PGUSER PGPASSFILE PGHOST PGPORT PGSSLMODE PGOPTIONS
}

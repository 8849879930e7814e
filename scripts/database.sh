#!/usr/bin/env bash
# The database side, shared by backup and restore: credentials, connections, versions, and what an error means.
#
# Credentials go from the mounted Secret into a password file of mode 0600: never into argv, the environment or the log.

CONNECT_PATIENCE=30 # seconds to wait for a server that is starting up or not reachable yet
readonly CONNECT_TIMEOUT=10

SERVER_VERSION=''  # 15.18
SERVER_NUMBER=0    # 150018
SERVER_ENCODING='' # of the connected database
CLIENT_VERSION=''
CLIENT_MAJOR=0

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
  # The server's side of a connection that was cut without a word ends in two minutes as well, with all that it holds.
  PGOPTIONS+=' -c tcp_keepalives_idle=30 -c tcp_keepalives_interval=10 -c tcp_keepalives_count=6 -c tcp_user_timeout=90s'
  export PGUSER PGPASSFILE PGHOST PGPORT PGSSLMODE PGOPTIONS
}

# A connection string for a database of any name. Keepalives find a connection that a router has silently dropped.
conninfo() {
  local name=${1//\\/\\\\}
  printf "dbname='%s' connect_timeout=%d keepalives=1 keepalives_idle=60 keepalives_interval=10 keepalives_count=6" \
    "${name//\'/\\\'}" "$CONNECT_TIMEOUT"
  printf ' tcp_user_timeout=120000'
}

# For those that send a lot: that timeout also counts while the server is there and takes nothing (a slow check during
# COPY, a disk that stalls). Not for all, because a connection that waits is given up by it as well.
patient_conninfo() { printf '%s tcp_user_timeout=600000' "$(conninfo "$1")"; }

# psql_on DATABASE ARGUMENTS…: rows only, tab separated, stops at the first error.
# The encoding is set here only: in the environment it would change what pg_dump writes.
psql_on() {
  PGCLIENTENCODING=UTF8 PGAPPNAME=pgkeep psql -X -q -A -t -F $'\t' --no-password -v ON_ERROR_STOP=1 -d "$(conninfo "$1")" "${@:2}"
}

# query DATABASE SCRIPT ARGUMENTS…: runs one of our SQL files and prints its rows; on an error explains it and fails.
query() {
  local errors="$WORK/query.errors"
  if ! run psql_on "$1" -f "$SCRIPTS/session.sql" -f "$SCRIPTS/$2" "${@:3}" 2>"$errors"; then
    quote_output "$errors" >&2
    explain "$errors"
    fail 1 query "${2%.sql} failed on database \"$1\"" "$CAUSE" "$CURE"
  fi
}

ANSWER=''

# ask_number SQL: sets ANSWER to a whole number from the database that is backed up; an error as with `query`. A server may
# answer anything, so what is no number ends the run.
ask_number() {
  local errors="$WORK/ask.errors"
  if ! run psql_on "$DATABASE_NAME" -c "$1" >"$WORK/answer" 2>"$errors"; then
    quote_output "$errors"
    explain "$errors"
    fail 1 "$KIND" "a question to database \"$DATABASE_NAME\" failed" "$CAUSE" "$CURE"
  fi
  ANSWER=$(<"$WORK/answer")
  is_number "$ANSWER" || refuse_answer "$ANSWER" "$1"
}

# refuse_answer ANSWER QUESTION: what the server said where only a number can be right.
refuse_answer() {
  local answer=${1//[^ -~]/?}
  fail 1 answer "the server at $DATABASE_HOST:$DATABASE_PORT answers \"${answer:0:60}\" where only a number can be right" \
    "something stands in for PostgreSQL's own functions, or it is no PostgreSQL server; asked was: $2" \
    'look at what its superusers have made in pg_catalog; nothing was done with that answer'
}

# --- what an error means ----------------------------------------------------------------------------------------------

KIND='' # one word beside CAUSE and CURE

because() { KIND=$1 CAUSE=$2 CURE=$3; }

# explain FILE: finds the error in a tool's output and sets KIND, CAUSE and CURE.
explain() {
  local text
  text=$(<"$1")
  case $text in
    '' | *Terminated | *Killed)
      because killed "it ended without a word: most likely it was killed, as a process is that needs too much memory" \
        "kubectl -n $NAMESPACE describe pod says so (OOMKilled); raise resourcesMemoryLimit, or lower jobs"
      ;;
    *'could not translate host name'*)
      because host "the name \"$DATABASE_HOST\" is not known to the cluster's DNS" \
        "kubectl -n $NAMESPACE get service; then set databaseHost to the right one"
      ;;
    *'starting up'* | *'shutting down'* | *'in recovery mode'* | *'not yet accepting'*)
      because starting "the server at $DATABASE_HOST:$DATABASE_PORT is starting up or shutting down" \
        "kubectl -n $NAMESPACE get pods; start this again when the server is ready"
      ;;
    *'Connection refused'* | *'timeout expired'* | *'No route to host'* | *'Network is unreachable'* | \
      *'Operation timed out'* | *'Host is unreachable'* | *'Connection timed out'*)
      because unreachable "nothing answers at $DATABASE_HOST:$DATABASE_PORT: the server is down, or a network policy is in the way" \
        "kubectl -n $NAMESPACE get pods,endpoints; check databaseHost and databasePort"
      ;;
    *'too many clients'* | *'remaining connection slots'* | *'too many connections'*)
      because connections "the server has no free connection" \
        "raise max_connections (or the limit of the role or database), or run at a quieter time"
      ;;
    *'authentication failed'* | *'no password supplied'*)
      because password "the server refused user \"$PGUSER\" with the password of Secret \"$DATABASE_SECRET\"" \
        "compare it with the database (ALTER ROLE … PASSWORD), or mend the Secret: kubectl -n $NAMESPACE edit secret $DATABASE_SECRET"
      ;;
    *'no pg_hba.conf entry'*)
      because refused "pg_hba.conf of the server does not let user \"$PGUSER\" in from this pod" \
        "add a line for it to pg_hba.conf and reload the server; check databaseSslMode too"
      ;;
    *'does not support SSL'*)
      because tls "databaseSslMode is \"$DATABASE_SSLMODE\", but the server does not speak TLS" \
        "pulumi config set databaseSslMode prefer"
      ;;
    *'not currently accepting connections'*)
      because blocked "connections to it are switched off, as in the middle of a restore" \
        "if no restore is running: start the restore again, it finishes or rolls back; or ALTER DATABASE … ALLOW_CONNECTIONS true"
      ;;
    *'database "'*'" does not exist'*)
      because database "there is no such database on $DATABASE_HOST:$DATABASE_PORT" \
        "set databaseName to the right one (psql -l lists them)"
      ;;
    *'could not extend file'* | *'Check free disk space'* | *'could not write init file'* | *'checkpoint request failed'*)
      because space "no space is left on the disk of the server at $DATABASE_HOST:$DATABASE_PORT" \
        "enlarge it, or drop what it needs no more (what restores have kept: pgkeep undo-restore --drop-old), then start again"
      ;;
    *'No space left on device'* | *'Disk quota exceeded'*)
      because space "no space is left on volume \"$VOLUME_NAME\" or on the server" \
        "enlarge it (volumeSize), or keep fewer backups (retentionDays), then start again"
      ;;
    # pg_dump waits for its locks by a statement timeout.
    *'due to lock timeout'* | *'could not obtain lock on relation'* | *'statement timeout'*'LOCK TABLE'*)
      because lock "another session holds or wants an exclusive lock on a table (a migration, VACUUM FULL, TRUNCATE)" \
        "run the backup again when that has ended; see pg_stat_activity"
      ;;
    *'row-level security'*)
      because rights "user \"$PGUSER\" may not see every row of a table with row-level security" \
        "ALTER ROLE \"$PGUSER\" BYPASSRLS, or use the owner of the tables"
      ;;
    *'permission denied for '*)
      because rights "user \"$PGUSER\" lacks a right: $(grep -o 'permission denied for .*' "$1" | head -n 3 | tr '\n' ';')" \
        "GRANT pg_read_all_data TO \"$PGUSER\", or use the owner of the database in Secret \"$DATABASE_SECRET\""
      ;;
    *'must be owner of'* | *'must be member of role'* | *'must be able to SET ROLE'* | *'must be superuser'*)
      because rights "user \"$PGUSER\" lacks a right: $(grep -oE 'must be .*' "$1" | head -n 1)" \
        "use a role in Secret \"$DATABASE_SECRET\" that owns the objects or is a member of their owners"
      ;;
    *'server version mismatch'* | *'unsupported version '*)
      because version "the client in the image (PostgreSQL $CLIENT_VERSION) is too old" "set image to a newer PostgreSQL"
      ;;
    *'server closed the connection'* | *'terminating connection'* | *'connection to server was lost'* | \
      *'SSL connection has been closed'* | *'could not receive data'* | *'no connection to the server'*)
      because lost "the connection to the server was cut: it was restarted, the session ended by an administrator, or the network failed" \
        "look at the server's log; then start this again"
      ;;
    *'is not permitted to log in'*)
      because rights "role \"$PGUSER\" is not permitted to log in any more" "as a superuser: ALTER ROLE \"$PGUSER\" LOGIN"
      ;;
    *'cache lookup failed'* | *'could not open relation with OID'*)
      because changed "a table was changed or dropped after the snapshot was taken and before it was locked" \
        "run the backup again when the migration has ended"
      ;;
    *'invalid snapshot identifier'*)
      because lost "the session that holds the snapshot was ended before pg_dump could use it" \
        "look at the server's log for who ended it; then start this again"
      ;;
    *'role "'*'" does not exist'*)
      because role "$(grep -o 'role ".*" does not exist' "$1" | head -n 1)" \
        "create it first: globals.sql of the backup holds the roles (without passwords)"
      ;;
    *)
      because other "$(grep -v '^$' "$1" | head -n 1)" "the tool's own words above say what to mend"
      ;;
  esac
}

# --- connecting -------------------------------------------------------------------------------------------------------

try_connection() {
  # shellcheck disable=SC2016 # $$ is SQL's, and nothing else here is the shell's
  psql_on "$1" -z -0 -c "SELECT current_setting('server_version_num'), getdatabaseencoding(), current_setting('server_version')" \
    >"$WORK/version" 2>"$WORK/connect.errors"
}

# connect DATABASE: waits a bounded time for a server that may still come up; any other refusal is final.
# Sets SERVER_VERSION, SERVER_NUMBER and SERVER_ENCODING; on failure KIND says why and the exit code is 1.
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
  connect "$1" && return
  quote_output "$WORK/connect.errors"
  fail 1 "$KIND" "no connection to database \"$1\" on $DATABASE_HOST:$DATABASE_PORT as \"$PGUSER\"" "$CAUSE" "$CURE"
}

# --- versions ---------------------------------------------------------------------------------------------------------

read_client_version() {
  local words
  words=$(pg_dump --version)
  [[ $words =~ \ ([0-9]+)([.0-9a-z]*) ]] || fail 1 version "pg_dump --version says \"$words\"" \
    "the image holds no PostgreSQL client pgkeep knows" "set image to an official postgres image"
  CLIENT_MAJOR=${BASH_REMATCH[1]}
  CLIENT_VERSION=${BASH_REMATCH[1]}${BASH_REMATCH[2]}
}

# Minors whose dumps can carry code into a restore (CVE-2025-8714, CVE-2026-18408, CVE-2026-15741).
warn_about_client() {
  local minor=${CLIENT_VERSION#*.} fixed
  case $CLIENT_MAJOR in
    15) fixed=19 ;;
    16) fixed=15 ;;
    17) fixed=11 ;;
    18) fixed=6 ;;
    *) return 0 ;;
  esac
  if is_number "$minor" && ((minor < fixed)); then
    warn "client $CLIENT_VERSION has known flaws in how it writes dumps (CVE-2026-18408); fixed in $CLIENT_MAJOR.$fixed: update image"
  fi
}

check_versions() {
  local server_major=$((SERVER_NUMBER / 10000))
  if ((CLIENT_MAJOR < server_major)); then
    fail 1 version "the server runs PostgreSQL $SERVER_VERSION, the image's client is $CLIENT_VERSION" \
      "pg_dump and pg_restore refuse a server of a newer major version" \
      "pulumi config set image postgres:$server_major-bookworm (or another image of PostgreSQL $server_major)"
  fi
  # From 17 on pg_restore and plain dumps begin with SET transaction_timeout, an error for every older server.
  if ((CLIENT_MAJOR >= 17 && server_major < 17)); then
    fail 1 version "the server runs PostgreSQL $SERVER_VERSION, the image's client is $CLIENT_VERSION" \
      "a dump of this client could not be restored into this server (SET transaction_timeout)" \
      "pulumi config set image postgres:$server_major-bookworm (or another image of PostgreSQL $server_major)"
  fi
  ((CLIENT_MAJOR == server_major)) || warn "client $CLIENT_VERSION is newer than server $SERVER_VERSION; the same major is safest"
  warn_about_client
}

#!/usr/bin/env bash
# What an error of PostgreSQL's server or clients means, and what mends it.

[[ ! -v PGKEEP_SERVER_ERRORS ]] || return 0
readonly PGKEEP_SERVER_ERRORS=1

source "$SCRIPTS/core/log.sh"
source "$SCRIPTS/core/failure.sh"
source "$SCRIPTS/server/versions.sh"

KIND='' # one word beside CAUSE and CURE

# because WORD CAUSE CURE: sets KIND, CAUSE and CURE.
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
        "enlarge it, or drop what it needs no more (what restores have put aside: pgkeep drop-aside), then start again"
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

# fail_explained FILE ERROR [REASON]: quotes a tool's words and fails with what they mean; REASON is KIND unless given.
# Sets KIND, CAUSE and CURE.
fail_explained() {
  quote_output "$1"
  explain "$1"
  fail 1 "${3:-$KIND}" "$2" "$CAUSE" "$CURE"
}

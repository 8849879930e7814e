#!/usr/bin/env bash
# What keeps the code in a dump from defining anything, and from giving away the role that executes it.

[[ ! -v PGKEEP_LOAD_GUARD ]] || return 0
readonly PGKEEP_LOAD_GUARD=1

source "$SCRIPTS/core/shell.sh"
source "$SCRIPTS/core/failure.sh"
source "$SCRIPTS/server/psql.sh"
source "$SCRIPTS/server/maintenance.sh"
source "$SCRIPTS/volume/names.sh"
source "$SCRIPTS/load/state.sh"
source "$SCRIPTS/load/role.sh"

# The role could have been given away by the dump's code, which acts as that role: by another password, or to a member. Then
# somebody could have done from outside what code inside may not.
check_restorer() {
  query "$MAINTENANCE" load/check.sql -v role="$RESTORER" -v verifier="$(<"$WORK/restorer-verifier")" >"$WORK/given-away"
  [[ ! -s $WORK/given-away ]] || tampered "it has given away the role that executes the dump: $(head -n 1 "$WORK/given-away")"
}

# tampered WHAT: fails because the dump's code has changed definitions. The cure names no flag that would give that code more
# rights.
tampered() {
  fail 1 tampered "code in backup $NAME has changed definitions while it was restored" "$1" \
    'look at who could create such functions; what they cannot touch comes back one by one: pgkeep run-restore … --table SCHEMA.TABLE'
}

drop_guard() {
  [[ -z $RESTORER ]] || query "$SIDE" load/unguard.sql -v guard="pgkeep_guard_$STAMP"
}

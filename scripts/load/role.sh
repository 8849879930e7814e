#!/usr/bin/env bash
# The role that executes what is in a dump.
#
# A dump is a program, written by everyone who could create an object in the database: defaults, checks, index
# expressions and triggers run while it is restored. So it is never restored as a superuser: where the Secret's role is
# one, a role without rights is made for the run, owns the side database alone, and is gone before the swap. What it has
# made is then handed to the owners the manifest names; no text of the dump is executed for that but GRANT and REVOKE,
# which are read first.

[[ ! -v PGKEEP_LOAD_ROLE ]] || return 0
readonly PGKEEP_LOAD_ROLE=1

source "$SCRIPTS/core/shell.sh"
source "$SCRIPTS/core/log.sh"
source "$SCRIPTS/core/children.sh"
source "$SCRIPTS/server/psql.sh"
source "$SCRIPTS/server/maintenance.sh"
source "$SCRIPTS/volume/names.sh"
source "$SCRIPTS/volume/catalog.sh"
source "$SCRIPTS/load/state.sh"

RESTORER=''      # the role of this run; empty where the Secret's own role is no superuser, or may be used as one
RESTORER_MADE='' # set before CREATE ROLE

# as_restorer COMMAND…: with the rights that the content of a dump may have.
as_restorer() {
  if [[ -z $RESTORER ]]; then
    "$@"
  else
    PGUSER=$RESTORER PGPASSFILE="$WORK/restorer-passwords" "$@"
  fi
}

# Is everything made by the temporary role and handed over afterwards? Else the dump names the owners itself.
hands_over() {
  [[ -n $RESTORER ]] || return 1
  is_legacy "$NAME" || [[ $(summary_value "$NAME" owners) == false || $OWNERSHIP == known && -d $BACKUP_DIRECTORY/$NAME/database ]]
}

# Sets RESTORER, RESTORER_MADE and OWNERSHIP.
make_role() {
  local superuser
  begin 'Chose the role that executes the dump'
  query "$MAINTENANCE" load/role-plan.sql -v manifest_file="$MANIFEST" >"$WORK/role"
  IFS=$'\t' read -r superuser OWNERSHIP <"$WORK/role"
  if [[ $superuser == false ]]; then
    done_step "\"$PGUSER\", which is no superuser"
    return
  fi
  if [[ ${RESTORE_ALLOW_SUPERUSER_OBJECTS:-false} == true ]]; then
    warn "the dump is executed as superuser \"$PGUSER\": whoever could create objects in the database gets its rights"
    done_step "\"$PGUSER\", a superuser, because RESTORE_ALLOW_SUPERUSER_OBJECTS is true"
    return
  fi
  RESTORER="pgkeep_restore_$STAMP" RESTORER_MADE=yes
  head -c 24 /dev/urandom | od -An -v -tx1 | tr -d ' \n' >"$WORK/restorer-password"
  (umask 0077 && printf '*:*:*:%s:%s\n' "$RESTORER" "$(<"$WORK/restorer-password")" >"$WORK/restorer-passwords")
  query "$MAINTENANCE" load/role-make.sql -v role="$RESTORER" -v password_file="$WORK/restorer-password" \
    -v name="$DATABASE_NAME" -v manifest_file="$MANIFEST" -v member="$(if hands_over; then printf false; else printf true; fi)" \
    >"$WORK/restorer-verifier"
  done_step "\"$RESTORER\", made for this run; no superuser"
}

# Drops the temporary role and unsets RESTORER_MADE. When it could not be dropped, its reason is shown and RESTORER_MADE stays.
drop_role() {
  local database count="SELECT count(*) FROM pg_roles WHERE rolname = :'role'"
  [[ -n $RESTORER_MADE ]] || return 0
  # In the side database, if it is still there, goes what the role owned; in the other what it was granted on tablespaces.
  for database in "$SIDE" "$MAINTENANCE"; do
    run psql_on "$database" -f "$SCRIPTS/load/role-drop.sql" -v role="$RESTORER" 2>"$WORK/role.errors" || true
  done
  if run psql_on "$MAINTENANCE" -v role="$RESTORER" -f - <<<"$count" \
    >"$WORK/answer" 2>/dev/null && [[ $(<"$WORK/answer") == 0 ]]; then
    RESTORER_MADE=''
    return
  fi
  quote_output "$WORK/role.errors"
}

#!/usr/bin/env bash
# The role that executes what is in a dump. Part of restore.sh, which holds the variables.
#
# A dump is a program, written by everyone who could create an object in the database: defaults, checks, index
# expressions and triggers run while it is restored. So it is never restored as a superuser: where the Secret's role is
# one, a role without rights is made for the run, owns the side database alone, and is gone before the swap. What it has
# made is then handed to the owners the manifest names; no text of the dump is executed for that but GRANT and REVOKE,
# which are read first.

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

make_role() {
  local superuser
  begin 'Chose the role that executes the dump'
  query "$MAINTENANCE" role-plan.sql -v manifest_file="$MANIFEST" >"$WORK/role"
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
  query "$MAINTENANCE" role-make.sql -v role="$RESTORER" -v password_file="$WORK/restorer-password" \
    -v name="$DATABASE_NAME" -v manifest_file="$MANIFEST" -v member="$(if hands_over; then printf false; else printf true; fi)" \
    >"$WORK/restorer-verifier"
  done_step "\"$RESTORER\", made for this run; no superuser"
}

# In the empty side database: what only a superuser may make and no dump's code has touched yet.
prepare_side() {
  [[ -n $RESTORER ]] || return 0
  query "$SIDE" role-prepare.sql -v role="$RESTORER" -v manifest_file="$MANIFEST" >"$WORK/prepared"
  if ! run as_restorer psql_on "$SIDE" -c 'SELECT 1' >/dev/null 2>"$WORK/restorer.errors"; then
    quote_output "$WORK/restorer.errors"
    explain "$WORK/restorer.errors"
    fail 1 "$KIND" "the role made for this restore, \"$RESTORER\", cannot log in" "$CAUSE" \
      "let roles named pgkeep_restore_… in (pg_hba.conf), or trust this dump: pgkeep run-restore … --allow-superuser-objects"
  fi
  query "$SIDE" role-guard.sql -v role="$RESTORER" -v guard="pgkeep_guard_$STAMP"
}

# list_entries KIND: writes the archive's list of contents for one of the passes:
#   content  everything but extensions and rights; schemas that are there already are left out too
#   rights   GRANT, REVOKE, ALTER DEFAULT PRIVILEGES, and comments on extensions, whose owner is not the temporary role
#   comments only those comments
list_entries() {
  pg_restore --list "$BACKUP_DIRECTORY/$NAME/database" \
    | awk -v pass="$1" -v prepared="$WORK/prepared" -f "$SCRIPTS/role-entries.awk"
}

# The whole list of what needs a superuser, in a database without data: better now than after hours of loading.
probe_side() {
  local count
  [[ -n $RESTORER && -d $BACKUP_DIRECTORY/$NAME/database ]] && hands_over || return 0
  begin 'Checked that nothing in the dump needs a superuser'
  list_entries content >"$WORK/content.list"
  run as_restorer pg_restore --schema-only --no-owner --no-acl --no-password --use-list="$WORK/content.list" \
    --dbname="$(conninfo "$SIDE")" "$BACKUP_DIRECTORY/$NAME/database" 2>"$WORK/probe.errors" || true
  if grep -q 'error:' "$WORK/probe.errors"; then
    quote_output "$WORK/probe.errors"
    explain "$WORK/probe.errors"
    [[ ! $KIND =~ ^(lost|unreachable|starting|space|killed|connections)$ ]] \
      || fail 1 "$KIND" "restoring the schema of $NAME into the side database failed" "$CAUSE" "$CURE"
    count=$(grep -c 'error: could not execute query' "$WORK/probe.errors" || true)
    fail 1 superuser "backup $NAME cannot be restored without a superuser: $count of its statements fail" \
      "$(sed -n 's/.*error: could not execute query: ERROR: *//p' "$WORK/probe.errors" | sort | uniq -c | sort -rn | awk '{ n = $1; sub(/^ *[0-9]+ /, ""); printf "%s%s (%d)", (NR > 1 ? "; " : ""), $0, n }' | head -c 1000)" \
      'they are listed above; if you trust everyone who could create objects in that database: pgkeep run-restore … --allow-superuser-objects'
  fi
  check_restorer
  definitions probed
  # Made again, empty: data is loaded before there are indexes and constraints.
  query "$MAINTENANCE" restore-drop.sql -v side="$SIDE" -v number="${SIDE_NUMBER:-0}" -v name="$DATABASE_NAME"
  make_empty_side
  done_step
}

# Everything gets its owner, then its rights; after that nothing of the temporary role is left.
hand_over() {
  local owners=live
  [[ -n $RESTORER ]] || return 0
  begin 'Handed everything to its owners'
  # Nobody may be in there, or come in, who could change again what is now looked at.
  query "$MAINTENANCE" role-close.sql -v role="$RESTORER" -v side="$SIDE"
  check_restorer
  check_definitions
  drop_guard
  if ! is_legacy "$NAME" && [[ $(summary_value "$NAME" owners) != false ]]; then
    owners=database
    ! hands_over || owners=each
  fi
  query "$SIDE" role-owners.sql -v role="$RESTORER" -v name="$DATABASE_NAME" -v manifest_file="$MANIFEST" -v owners="$owners"
  if [[ $owners == each ]]; then restore_rights rights; elif hands_over; then restore_rights comments; fi
  drop_role
  if [[ -n $RESTORER_MADE ]]; then
    explain "$WORK/role.errors"
    [[ ! $KIND =~ ^(lost|unreachable|starting|connections)$ ]] \
      || fail 1 "$KIND" "the role \"$RESTORER\" could not be dropped" "$CAUSE" "$CURE"
  fi
  [[ -z $RESTORER_MADE ]] || fail 1 role "the role \"$RESTORER\" could not be dropped" \
    'something on the server still belongs to it; see the lines above' \
    "as a superuser, in every database: DROP OWNED BY $RESTORER; then DROP ROLE $RESTORER"
  RESTORER=''
  done_step
}

# While the side database is filled, everything in it belongs to the temporary role, and the check function of one owner could
# change what another has defined: a default, say, that the other would execute later. role-guard.sql lets no code that runs
# inside of another statement define anything; should it ever fail to, the trial without data shows how things were defined.
check_definitions() {
  [[ -s $WORK/definitions.probed ]] || return 0
  definitions filled
  cmp -s "$WORK/definitions.probed" "$WORK/definitions.filled" && return
  tampered "a check, index expression or the like is no mere calculation: $(changed_definition)"
}

# The role could have been given away by the dump's code, which acts as that role: by another password, or to a member. Then
# somebody could have done from outside what code inside may not.
check_restorer() {
  query "$MAINTENANCE" role-check.sql -v role="$RESTORER" -v verifier="$(<"$WORK/restorer-verifier")" >"$WORK/given-away"
  [[ ! -s $WORK/given-away ]] || tampered "it has given away the role that executes the dump: $(head -n 1 "$WORK/given-away")"
}

# tampered WHAT: no flag is named here that would give the same code more rights.
tampered() {
  fail 1 tampered "code in backup $NAME has changed definitions while it was restored" "$1" \
    'look at who could create such functions; what they cannot touch comes back one by one: pgkeep run-restore … --table SCHEMA.TABLE'
}

drop_guard() {
  [[ -z $RESTORER ]] || query "$SIDE" role-unguard.sql -v guard="pgkeep_guard_$STAMP"
}

definitions() {
  run dump_definitions >"$WORK/definitions.$1" 2>"$WORK/definitions.errors" && return
  quote_output "$WORK/definitions.errors"
  explain "$WORK/definitions.errors"
  fail 1 "$KIND" 'the definitions in the side database cannot be read' "$CAUSE" "$CURE"
}

# The lines left out have a random key.
dump_definitions() {
  pg_dump --schema-only --no-owner --no-acl --no-password --dbname="$(conninfo "$SIDE")" | grep -v -E '^\\(un)?restrict '
}

changed_definition() {
  grep -vxF -f "$WORK/definitions.probed" "$WORK/definitions.filled" | grep -v '^--' | head -n 1
}

# The one part of a dump that a superuser executes: GRANT and REVOKE run nobody's code. Read before, word by word.
restore_rights() {
  [[ -d $BACKUP_DIRECTORY/$NAME/database ]] || return 0
  list_entries "$1" >"$WORK/rights.list"
  [[ -s $WORK/rights.list ]] || return 0
  run pg_restore --use-list="$WORK/rights.list" --file="$WORK/rights.sql" "$BACKUP_DIRECTORY/$NAME/database"
  awk -f "$SCRIPTS/role-rights.awk" "$WORK/rights.sql" >"$WORK/rights.foreign"
  if [[ -s $WORK/rights.foreign ]]; then
    quote_output "$WORK/rights.foreign"
    fail 1 superuser "the rights in backup $NAME hold other statements than GRANT and REVOKE" "$(head -n 1 "$WORK/rights.foreign")" \
      'look at the lines above; if you trust this dump: pgkeep run-restore … --allow-superuser-objects'
  fi
  run pg_restore --exit-on-error --no-password --use-list="$WORK/rights.list" --dbname="$(conninfo "$SIDE")" \
    "$BACKUP_DIRECTORY/$NAME/database" 2>"$WORK/rights.errors" && return
  quote_output "$WORK/rights.errors"
  explain "$WORK/rights.errors"
  fail 1 "$KIND" "the rights of $NAME could not be restored" "$CAUSE" "$CURE"
}

# False, with its reason shown, when it could not be dropped; RESTORER_MADE says so too.
drop_role() {
  local database=$MAINTENANCE
  [[ -n $RESTORER_MADE ]] || return 0
  # Where it owned something, if that is still there; in the other database what it was granted on tablespaces.
  for database in "$SIDE" "$MAINTENANCE"; do
    run psql_on "$database" -f "$SCRIPTS/role-drop.sql" -v role="$RESTORER" 2>"$WORK/role.errors" || true
  done
  if run psql_on "$MAINTENANCE" -v role="$RESTORER" -f - <<<"SELECT count(*) FROM pg_roles WHERE rolname = :'role'" \
    >"$WORK/answer" 2>/dev/null && [[ $(<"$WORK/answer") == 0 ]]; then
    RESTORER_MADE=''
    return
  fi
  quote_output "$WORK/role.errors"
}

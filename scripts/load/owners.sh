#!/usr/bin/env bash
# What was filled, handed to its owners, with its rights.

[[ ! -v PGKEEP_LOAD_OWNERS ]] || return 0
readonly PGKEEP_LOAD_OWNERS=1

source "$SCRIPTS/core/shell.sh"
source "$SCRIPTS/core/log.sh"
source "$SCRIPTS/core/failure.sh"
source "$SCRIPTS/core/children.sh"
source "$SCRIPTS/server/errors.sh"
source "$SCRIPTS/server/psql.sh"
source "$SCRIPTS/server/maintenance.sh"
source "$SCRIPTS/volume/names.sh"
source "$SCRIPTS/volume/catalog.sh"
source "$SCRIPTS/load/state.sh"
source "$SCRIPTS/load/role.sh"
source "$SCRIPTS/load/guard.sh"
source "$SCRIPTS/load/entries.sh"
source "$SCRIPTS/load/probe.sh"

# Everything gets its owner, then its rights; after that nothing of the temporary role is left. Unsets RESTORER.
hand_over() {
  local owners=live
  [[ -n $RESTORER ]] || return 0
  begin 'Handed everything to its owners'
  # The role's sessions end and no new one may begin: nothing changes any more while it is looked at.
  query "$MAINTENANCE" load/close.sql -v role="$RESTORER" -v side="$SIDE"
  check_restorer
  check_definitions
  drop_guard
  if ! is_legacy "$NAME" && [[ $(summary_value "$NAME" owners) != false ]]; then
    owners=database
    ! hands_over || owners=each
  fi
  query "$SIDE" load/owners.sql -v role="$RESTORER" -v name="$DATABASE_NAME" -v manifest_file="$MANIFEST" -v owners="$owners"
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

# restore_rights KIND: the one part of a dump that a superuser executes. It may hold only GRANT and REVOKE, which run nobody's
# code; rights.awk reads every statement before.
restore_rights() {
  [[ -d $BACKUP_DIRECTORY/$NAME/database ]] || return 0
  list_entries "$1" >"$WORK/rights.list"
  [[ -s $WORK/rights.list ]] || return 0
  run pg_restore --use-list="$WORK/rights.list" --file="$WORK/rights.sql" "$BACKUP_DIRECTORY/$NAME/database"
  awk -f "$SCRIPTS/load/rights.awk" "$WORK/rights.sql" >"$WORK/rights.foreign"
  if [[ -s $WORK/rights.foreign ]]; then
    quote_output "$WORK/rights.foreign"
    fail 1 superuser "the rights in backup $NAME hold other statements than GRANT and REVOKE" "$(head -n 1 "$WORK/rights.foreign")" \
      'look at the lines above; if you trust this dump: pgkeep run-restore … --allow-superuser-objects'
  fi
  run pg_restore --exit-on-error --no-password --use-list="$WORK/rights.list" --dbname="$(conninfo "$SIDE")" \
    "$BACKUP_DIRECTORY/$NAME/database" 2>"$WORK/rights.errors" && return
  fail_explained "$WORK/rights.errors" "the rights of $NAME could not be restored"
}

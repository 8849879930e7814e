#!/usr/bin/env bash
# The side database, made and prepared, with nothing in it.

[[ ! -v PGKEEP_LOAD_CREATE ]] || return 0
readonly PGKEEP_LOAD_CREATE=1

source "$SCRIPTS/core/shell.sh"
source "$SCRIPTS/core/text.sh"
source "$SCRIPTS/core/log.sh"
source "$SCRIPTS/core/failure.sh"
source "$SCRIPTS/core/children.sh"
source "$SCRIPTS/server/errors.sh"
source "$SCRIPTS/server/psql.sh"
source "$SCRIPTS/server/maintenance.sh"
source "$SCRIPTS/volume/names.sh"
source "$SCRIPTS/load/state.sh"
source "$SCRIPTS/load/role.sh"

# Sets SIDE_MADE.
create_side() {
  begin 'Created the side database'
  SIDE_MADE=yes
  make_empty_side
  done_step "$SIDE"
}

# The side database that an administrator has made: as it is, with what the temporary role needs there. Sets PREPARED_BEGUN.
use_prepared_side() {
  begin 'Took the prepared side database'
  PREPARED_BEGUN=yes
  if [[ -n $RESTORER ]]; then
    query "$MAINTENANCE" load/allow.sql -v side="$SIDE" -v role="$RESTORER"
    prepare_side
  else
    query "$SIDE" load/schemas.sql >"$WORK/prepared"
  fi
  done_step "$SIDE"
}

# Sets SIDE_NUMBER.
make_empty_side() {
  local hands_over=false
  ! hands_over || hands_over=true
  SIDE_NUMBER=''
  query "$MAINTENANCE" load/create.sql -v name="$DATABASE_NAME" -v side="$SIDE" -v backup="$NAME" \
    -v manifest_file="$MANIFEST" -v restorer="$RESTORER" -v hands_over="$hands_over" >"$WORK/side"
  SIDE_NUMBER=$(<"$WORK/side")
  is_number "$SIDE_NUMBER" || refuse_answer "$SIDE_NUMBER" 'the OID of the side database'
  prepare_side
}

# Makes in the empty side database what only a superuser may make, before any code of the dump has run there.
prepare_side() {
  local hands_over=false
  [[ -n $RESTORER ]] || return 0
  ! hands_over || hands_over=true
  query "$SIDE" load/prepare.sql -v role="$RESTORER" -v manifest_file="$MANIFEST" -v hands_over="$hands_over" >"$WORK/prepared"
  if ! run as_restorer psql_on "$SIDE" -c 'SELECT 1' >/dev/null 2>"$WORK/restorer.errors"; then
    quote_output "$WORK/restorer.errors"
    explain "$WORK/restorer.errors"
    fail 1 "$KIND" "the role made for this restore, \"$RESTORER\", cannot log in" "$CAUSE" \
      "let roles named pgkeep_restore_… in (pg_hba.conf), or trust this dump: pgkeep run-restore … --allow-superuser-objects"
  fi
  query "$SIDE" load/guard.sql -v role="$RESTORER" -v guard="pgkeep_guard_$STAMP"
}

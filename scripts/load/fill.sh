#!/usr/bin/env bash
# The side database, filled.

[[ ! -v PGKEEP_LOAD_FILL ]] || return 0
readonly PGKEEP_LOAD_FILL=1

source "$SCRIPTS/core/shell.sh"
source "$SCRIPTS/core/log.sh"
source "$SCRIPTS/core/failure.sh"
source "$SCRIPTS/core/children.sh"
source "$SCRIPTS/server/errors.sh"
source "$SCRIPTS/server/psql.sh"
source "$SCRIPTS/volume/names.sh"
source "$SCRIPTS/volume/catalog.sh"
source "$SCRIPTS/dump/plain.sh"
source "$SCRIPTS/load/state.sh"
source "$SCRIPTS/load/role.sh"
source "$SCRIPTS/load/guard.sh"
source "$SCRIPTS/load/entries.sh"

# restore_plain FILE: in one transaction that stops at the first error. gzip's exit code counts as much as psql's, which
# takes the end of a cut stream for the end of the dump.
restore_plain() {
  plain_text "$1" \
    | as_restorer psql -X -q --no-password -1 -v ON_ERROR_STOP=1 -o /dev/null -d "$(patient_conninfo "$SIDE")"
}

restore_side() {
  local directory="$BACKUP_DIRECTORY/$NAME" errors="$WORK/restore.errors" code=0
  local -a options=(--exit-on-error --no-password "--jobs=$RESTORE_JOBS")
  begin 'Restored into the side database'
  # pg_dump writes owners and rights into an archive in any case; leaving them out is pg_restore's part.
  if hands_over; then
    options+=(--no-owner --no-acl)
    if [[ -d $directory/database ]]; then
      list_entries content >"$WORK/content.list"
      options+=(--use-list="$WORK/content.list")
    fi
  elif [[ $(summary_value "$NAME" owners) == false ]]; then
    options+=(--no-owner --no-acl)
  fi
  if [[ -n $PREPARED && -d $directory/database ]] && ! hands_over; then
    list_entries prepared >"$WORK/content.list"
    options+=(--use-list="$WORK/content.list")
  fi
  if is_legacy "$NAME"; then
    run restore_plain "$directory" 2>"$errors" || code=$?
  elif [[ -d $directory/database ]]; then
    run as_restorer pg_restore "${options[@]}" --dbname="$(patient_conninfo "$SIDE")" "$directory/database" 2>"$errors" || code=$?
  else
    run restore_plain "$directory/$NAME.sql.gz" 2>"$errors" || code=$?
  fi
  # A plain dump brings its own BEGIN and COMMIT around large objects; psql remarks on that.
  grep -v 'transaction in progress' "$errors" >"$WORK/restore.output" || true
  quote_output "$WORK/restore.output"
  if ((code != 0)); then
    # When the dump's code has changed the role's password, the error looks like a wrong Secret: that is looked at first.
    [[ -z $RESTORER ]] || check_restorer
    explain "$errors"
    if [[ -n $RESTORER && $KIND == rights ]]; then
      CAUSE="the role that executes the dump is no superuser: ${CAUSE#*: }"
      CURE='if you trust everyone who could create objects in that database: pgkeep run-restore … --allow-superuser-objects'
    fi
    fail 1 "$KIND" "restoring $NAME into the side database failed" "$CAUSE" "$CURE"
  fi
  done_step "$RESTORE_JOBS jobs"
}

#!/usr/bin/env bash
# What undo, drop and list begin with: one database of the stack, and what restores of it have put aside.

[[ ! -v PGKEEP_RESTORE_ASIDE ]] || return 0
readonly PGKEEP_RESTORE_ASIDE=1

source "$SCRIPTS/core/shell.sh"
source "$SCRIPTS/core/log.sh"
source "$SCRIPTS/core/failure.sh"
source "$SCRIPTS/core/lock.sh"
source "$SCRIPTS/core/parameters.sh"
source "$SCRIPTS/core/script.sh"
source "$SCRIPTS/server/errors.sh"
source "$SCRIPTS/server/credentials.sh"
source "$SCRIPTS/server/maintenance.sh"
source "$SCRIPTS/volume/records.sh"
source "$SCRIPTS/aside/aside.sh"
source "$SCRIPTS/restore/state.sh"
source "$SCRIPTS/restore/swap.sh"
source "$SCRIPTS/restore/record.sh"

# Sets NAMES, and DATABASE_NAME to the one that is named. Of several none is chosen: to undo the wrong one would be one more
# accident.
check_aside_parameters() {
  local name
  require_programs psql
  require_parameter NAMESPACE VOLUME_NAME BACKUP_DIRECTORY DATABASE_HOST DATABASE_PORT DATABASE_NAMES
  mapfile -t NAMES <<<"$DATABASE_NAMES"
  for name in "${NAMES[@]}"; do
    if [[ $name == "${RESTORE_DATABASE:-${NAMES[0]}}" ]]; then DATABASE_NAME=$name; fi
  done
  [[ -n $DATABASE_NAME ]] || fail 2 parameters "RESTORE_DATABASE is \"$RESTORE_DATABASE\"" \
    "this stack has: ${NAMES[*]}" 'set it to one of them'
  if ((${#NAMES[@]} > 1)) && [[ -z ${RESTORE_DATABASE:-} ]]; then
    fail 2 parameters 'RESTORE_DATABASE is empty' "this stack has ${#NAMES[@]} databases: ${NAMES[*]}" \
      'say which one is meant (--database)'
  fi
  [[ -d $BACKUP_DIRECTORY ]] || fail 1 volume "$BACKUP_DIRECTORY is not there" \
    "volume claim \"$VOLUME_NAME\" is not mounted" "kubectl -n $NAMESPACE describe pvc $VOLUME_NAME"
}

show_aside_configuration() {
  banner "$1"
  section Configuration
  setting database "$DATABASE_NAME on $DATABASE_HOST:$DATABASE_PORT"
  setting namespace "$NAMESPACE"
  setting applications "${RESTORE_APPLICATIONS:-none named}"
  section Steps
}

# $WORK/aside gets the list, or the run fails.
find_aside() {
  use_credentials
  connect_maintenance
  list_aside "$MAINTENANCE" && return
  fail_explained "$WORK/aside.errors" 'the databases that restores have put aside cannot be looked for'
}

# begin_aside ACTION: the lock, and the list for people. Neither a restore nor a backup may be in the middle of something.
begin_aside() {
  begin 'Looked for what restores have put aside'
  mkdir -p "$BACKUP_DIRECTORY/.records"
  take_lock "$1"
  note_killed
  find_aside
  done_step "$(count_aside) of \"$DATABASE_NAME\""
  print_aside
}

#!/usr/bin/env bash
# The beginning and the end of what works on databases that restores have put aside.

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

# Of several databases the one that is named. None is chosen: to undo the wrong one would be one more accident.
check_kept_parameters() {
  local name
  require_programs psql
  require_parameter NAMESPACE VOLUME_NAME BACKUP_DIRECTORY DATABASE_HOST DATABASE_PORT DATABASE_NAMES
  require_number RESTORE_KEEP_DAYS 0
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

# Called by `finish` in place of a restore's.
cleanup_kept() {
  if [[ $PHASE == swapping ]]; then
    if settle_swap && [[ $PHASE == before ]]; then allow_connections; fi
  fi
  if (($1 != 0)); then
    case $PHASE in
      before)
        EPILOGUE="\"$DATABASE_NAME\" was not touched"
        if ((${#DROPPED[@]} > 0)); then EPILOGUE+="; dropped before that: ${DROPPED[*]}"; fi
        ;;
      swapping) EPILOGUE='whether the swap happened is not known: one of the two databases is whole under the name; start this again' ;;
      *) EPILOGUE="the swap is done${OLD:+: what \"$DATABASE_NAME\" was before it is kept as $OLD}" ;;
    esac
  fi
  if [[ -n $LOCK_DESCRIPTOR ]]; then record_kept "$1" 2>/dev/null; fi
}

# Everything up to the list of what is kept.
begin_kept() {
  AT_END=cleanup_kept
  check_kept_parameters
  banner "$1"
  section Configuration
  setting database "$DATABASE_NAME on $DATABASE_HOST:$DATABASE_PORT"
  setting namespace "$NAMESPACE"
  setting applications "${RESTORE_APPLICATIONS:-none named}"
  section Steps
  begin 'Looked for kept databases'
  mkdir -p "$BACKUP_DIRECTORY/.records"
  # Neither a restore nor a backup may be in the middle of something.
  take_lock "$RESTORE_ACTION"
  note_killed
  use_credentials
  connect_maintenance
  if ! list_kept "$MAINTENANCE"; then
    explain "$WORK/kept.errors"
    fail 1 "$KIND" 'the databases that restores have kept cannot be looked for' "$CAUSE" "$CURE"
  fi
  done_step "$(count_kept) of \"$DATABASE_NAME\""
  print_kept
}

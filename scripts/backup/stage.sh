#!/usr/bin/env bash
# Where a backup grows until it is published.

[[ ! -v PGKEEP_BACKUP_STAGE ]] || return 0
readonly PGKEEP_BACKUP_STAGE=1

source "$SCRIPTS/core/shell.sh"
source "$SCRIPTS/core/log.sh"
source "$SCRIPTS/core/refusal.sh"
source "$SCRIPTS/core/children.sh"
source "$SCRIPTS/volume/names.sh"
source "$SCRIPTS/dump/snapshot.sh"

STARTED='' # when it was begun, as its name says

# Removes the unfinished work that killed runs left. Only names that this script makes.
sweep_staging() {
  local path name
  for path in "$BACKUP_DIRECTORY"/.staging/backup-*; do
    name=${path##*/}
    if [[ -d $path && ! -L $path ]] && is_backup_name "$name"; then
      note "removing .staging/$name, left by a run that was killed"
      run rm -rf "$path" 2>"$WORK/sweep.errors" \
        || volume_refused 'what a killed run has left in .staging cannot be removed' "$WORK/sweep.errors"
    fi
  done
}

name_taken() {
  local place
  for place in "" .staging/ .trash/; do
    [[ ! -e $BACKUP_DIRECTORY/$place$1 && ! -e $BACKUP_DIRECTORY/$place$1.sql.gz ]] || return 0
  done
  return 1
}

# Makes the directory in which a backup grows. Sets NAME, STARTED, STAGE and WORKPLACE.
stage() {
  while
    printf -v NAME 'backup-%(%Y%m%d-%H%M%S)T' -1
    name_taken "$NAME"
  do
    run sleep 0.2
  done
  STARTED=$(name_to_iso "$NAME")
  STAGE="$BACKUP_DIRECTORY/.staging/$NAME" WORKPLACE="$BACKUP_DIRECTORY/.staging/$NAME"
  mkdir "$STAGE"
}

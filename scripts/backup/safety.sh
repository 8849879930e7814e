#!/usr/bin/env bash
# A backup that a restore starts, of the database it is about to replace.

[[ ! -v PGKEEP_BACKUP_SAFETY ]] || return 0
readonly PGKEEP_BACKUP_SAFETY=1

source "$SCRIPTS/volume/names.sh"
source "$SCRIPTS/volume/marks.sh"

SAFETY_LOCK='' # set in a safety backup: the descriptor of the lock
SAFETY_FILE='' # where its name goes
SAFETY_WHY=''  # which restore it was made for

# Before it is published, as a suspicious one: there is no moment in which it could be taken for the latest.
mark_as_safety() {
  set_mark safety "$NAME" "$SAFETY_WHY"
  set_mark pinned "$NAME" "$SAFETY_WHY"
}

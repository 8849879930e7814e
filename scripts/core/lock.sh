#!/usr/bin/env bash
# The lock of the volume: one writer at a time.

[[ ! -v PGKEEP_CORE_LOCK ]] || return 0
readonly PGKEEP_CORE_LOCK=1

source "$SCRIPTS/core/shell.sh"
source "$SCRIPTS/core/time.sh"
source "$SCRIPTS/core/text.sh"
source "$SCRIPTS/core/failure.sh"
source "$SCRIPTS/core/refusal.sh"
source "$SCRIPTS/core/files.sh"

LOCK_DESCRIPTOR='' # open while this run holds the lock

# take_lock WHO: one writer at a time on the volume. The kernel frees it when the last process of the run is gone, so a
# stale lock cannot exist; the text in the file is only for the message. Sets LOCK_DESCRIPTOR.
take_lock() {
  local file="$BACKUP_DIRECTORY/.lock" holder
  if [[ -e $file || -L $file ]] && ! is_plain "$file"; then
    fail 1 volume 'the lock file cannot be opened' "$file is no plain file" \
      "remove it from volume \"$VOLUME_NAME\", and look at who else can write there"
  fi
  { exec {LOCK_DESCRIPTOR}>>"$file"; } 2>"$WORK/lock.errors" || {
    LOCK_DESCRIPTOR=''
    volume_refused 'the lock file cannot be opened' "$WORK/lock.errors"
  }
  if ! flock -n "$LOCK_DESCRIPTOR"; then
    holder=$(first_line "$file") || holder=''
    holder=$(printable "$holder")
    exec {LOCK_DESCRIPTOR}>&-
    LOCK_DESCRIPTOR=''
    fail 75 locked "another run works on volume ${VOLUME_NAME:-$BACKUP_DIRECTORY}" \
      "the lock is held by ${holder:-a run that has just started}" \
      "wait until it has ended (kubectl get jobs -n ${NAMESPACE:-NAMESPACE}), then start this one again"
  fi
  printf '%s in pod %s since %s\n' "$1" "${HOSTNAME:-unknown}" "$(now_iso)" >"$file"
}

# A safety backup works under the lock of the restore that has started it: the same open file, so that the kernel knows
# one holder, and nobody gets in between should the restore be killed alone. A descriptor of any other file is refused.
# Sets LOCK_DESCRIPTOR.
share_lock() {
  if [[ ! $1 =~ ^[0-9]+$ || ! /proc/self/fd/$1 -ef $BACKUP_DIRECTORY/.lock ]] || ! flock -n "$1"; then
    fail 2 parameters 'a safety backup was started without the lock of its restore' \
      'only a restore starts one' 'pgkeep run-backup makes a backup'
  fi
  LOCK_DESCRIPTOR=$1
}

# Gives the lock back and unsets LOCK_DESCRIPTOR.
unlock() {
  [[ -n $LOCK_DESCRIPTOR ]] || return 0
  # On a full volume the text cannot be emptied; it is only for a message, so nothing is wrong then.
  { : >"$BACKUP_DIRECTORY/.lock"; } 2>/dev/null || true
  exec {LOCK_DESCRIPTOR}>&-
  LOCK_DESCRIPTOR=''
}

#!/usr/bin/env bash
# A backup that is being read is known by a lock: the kernel frees it when the reader is gone, however it went.

[[ ! -v PGKEEP_VOLUME_HOLDS ]] || return 0
readonly PGKEEP_VOLUME_HOLDS=1

HELD_DESCRIPTOR='' # open while this run reads a backup

# hold NAME: until `release` or the end of this run retention leaves the backup alone. False when it has just gone.
# Legacy files need no lock: retention never touches them.
hold() {
  local file="$BACKUP_DIRECTORY/$1/manifest.json"
  release
  [[ -f $file ]] || return 0
  exec {HELD_DESCRIPTOR}<"$file" || return 1
  flock -s "$HELD_DESCRIPTOR" && [[ -f $file ]]
}

# Unsets HELD_DESCRIPTOR.
release() {
  [[ -n $HELD_DESCRIPTOR ]] || return 0
  exec {HELD_DESCRIPTOR}<&-
  HELD_DESCRIPTOR=''
}

# while_unused NAME COMMAND…: runs the command while nobody can begin to read the backup; exit code 75 when it is in use.
# Opened for writing too where that is possible: NFS gives exclusive locks on no other terms.
while_unused() {
  local file="$BACKUP_DIRECTORY/$1/manifest.json" descriptor code=0
  [[ -f $file ]] || {
    "${@:2}"
    return
  }
  { exec {descriptor}<>"$file" || exec {descriptor}<"$file"; } 2>/dev/null || return 75
  if flock -n -x "$descriptor"; then "${@:2}" || code=$?; else code=75; fi
  exec {descriptor}<&-
  return "$code"
}

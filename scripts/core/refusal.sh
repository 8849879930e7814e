#!/usr/bin/env bash
# What it means when the volume takes nothing any more.

[[ ! -v PGKEEP_CORE_REFUSAL ]] || return 0
readonly PGKEEP_CORE_REFUSAL=1

source "$SCRIPTS/core/shell.sh"
source "$SCRIPTS/core/failure.sh"

WORKPLACE='' # a directory on the volume that has to be there while this run works

# Tries to write to the volume and prints the error, or nothing when it works. A full disk often still takes a little: hence
# 64 KiB.
refusal_of_volume() {
  local probe="$BACKUP_DIRECTORY/.probe" message
  [[ ! -d $BACKUP_DIRECTORY/.staging ]] || probe="$BACKUP_DIRECTORY/.staging/.probe"
  rm -f "$probe" 2>/dev/null || true # what lies there may be a pipe, and to write into that might never end
  message=$({ head -c 65536 /dev/zero >"$probe" && sync "$probe"; } 2>&1) && message=''
  rm -f "$probe" 2>/dev/null || true
  if [[ -z $message && -n $WORKPLACE && ! -d $WORKPLACE ]]; then message="$WORKPLACE: No such file or directory"; fi
  message=${message%%$'\n'*}
  printf '%s' "${message#*: line *: }" # bash's own place is of no use to anybody
}

# Sets CAUSE and CURE to what such an answer means.
explain_volume() {
  case $1 in
    *'No space left'* | *'quota exceeded'*)
      CAUSE="no space is left on volume \"$VOLUME_NAME\": $1"
      CURE='enlarge it (volumeSize), or keep fewer backups (retentionDays, retentionMinimum); inodes count too (df -i)'
      ;;
    *'No such file'*)
      CAUSE="what lay on volume \"$VOLUME_NAME\" is not there any more: $1"
      CURE="kubectl -n $NAMESPACE describe pvc $VOLUME_NAME, and the events of its node"
      ;;
    *)
      CAUSE="volume \"$VOLUME_NAME\" cannot be written: $1"
      CURE="it must be writable for group $(id -g): chgrp -R and chmod -R g+rwX on the volume, or mend its mount options"
      CURE+='; after an I/O error the kernel log of the node says more'
      ;;
  esac
}

# volume_refused ERROR FILE: fails with what a command on the volume has said.
volume_refused() {
  local message
  message=$(head -n 1 "$2")
  explain_volume "${message#*: line *: }"
  fail 1 volume "$1" "$CAUSE" "$CURE"
}

# When a run fails for a reason that may have another behind it, looks whether the volume can be written; if not, that becomes
# the failure. Sets CAUSE and CURE.
suspect_volume() {
  local message reason
  local -a lines=()
  [[ -n ${BACKUP_DIRECTORY:-} && -n ${VOLUME_NAME:-} && -s $WORK/failure ]] || return 0
  mapfile -t lines <"$WORK/failure"
  reason=${lines[0]}
  [[ $reason =~ ^(unexpected|unreadable|facts|other|query|retention)$ ]] || return 0
  message=$(refusal_of_volume)
  [[ -n $message ]] || return 0
  explain_volume "$message"
  printf '%s\n%s\nCAUSE: %s\nCURE: %s\n' volume "${lines[1]}" "$CAUSE" "$CURE" >"$WORK/failure"
}

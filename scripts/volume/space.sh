#!/usr/bin/env bash
# Room on the volume, and how long it will last.

[[ ! -v PGKEEP_VOLUME_SPACE ]] || return 0
readonly PGKEEP_VOLUME_SPACE=1

source "$SCRIPTS/core/files.sh"

free_bytes() { df -Pk "$BACKUP_DIRECTORY" | awk 'NR == 2 { printf "%.0f", $4 * 1024 }'; }

# What the last days' records of free space say about the next ones: whole days, or "-".
days_left() {
  if [[ ! -s $BACKUP_DIRECTORY/.records/space ]] || ! is_plain "$BACKUP_DIRECTORY/.records/space"; then
    printf -- '-'
    return
  fi
  # Two months of hourly runs of two databases; the forecast looks back two weeks.
  tail -n 3000 "$BACKUP_DIRECTORY/.records/space" | awk -v now="$EPOCHSECONDS" -v free="$1" -f "$SCRIPTS/volume/forecast.awk"
}

growth_words() {
  local days
  days=$(days_left "$1")
  [[ $days == - ]] || printf '; at the present growth nothing is free in %s days' "$days"
}

# Used by the backups directory, free and total of its file system, in bytes.
disk_use() {
  local used free total
  # A file system's own lost+found is closed to us, and du says so with its exit code.
  used=$({ du -sk "$BACKUP_DIRECTORY" 2>/dev/null || true; } | awk '{ print $1 }')
  read -r total free < <(df -Pk "$BACKUP_DIRECTORY" | awk 'NR == 2 { print $2, $4 }')
  printf '%s %s %s' $((used * 1024)) $((free * 1024)) $((total * 1024))
}

#!/usr/bin/env bash
# Names of backups: backup-YYYYMMDD-HHMMSS for a directory, with .sql.gz for a file of the older script.

[[ ! -v PGKEEP_VOLUME_NAMES ]] || return 0
readonly PGKEEP_VOLUME_NAMES=1

source "$SCRIPTS/core/time.sh"

NAME='' # the backup of this run: backup-YYYYMMDD-HHMMSS, or a file of the older script

is_backup_name() { [[ $1 =~ ^backup-[0-9]{8}-[0-9]{6}$ ]]; }

is_legacy() { [[ $1 == *.sql.gz ]]; }

# 2026-11-23T02:00:00Z, from the name.
name_to_iso() {
  local digits=${1#backup-}
  printf '%s-%s-%sT%s:%s:%sZ' "${digits:0:4}" "${digits:4:2}" "${digits:6:2}" "${digits:9:2}" "${digits:11:2}" "${digits:13:2}"
}

# Seconds since 1970 of a backup's name.
epoch_of_name() {
  local digits=${1#backup-}
  epoch_of "${digits/-/}"
}

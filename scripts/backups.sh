#!/usr/bin/env bash
# Backs up each database of the stack in turn, each in a process of its own: whatever one meets, the next is begun.

# Before the first command: without the shared files nothing below may run.
set -Eeuo pipefail
SCRIPTS=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=common.sh
source "$SCRIPTS/common.sh"

# One that hangs must not take the time of the next. Its own handler for SIGTERM cleans up and says what happened.
# By exec, so that `timeout` leads the process group that a signal for us is passed on to; else it makes one of its own.
backup_in_time() { DATABASE_NAME=$1 exec timeout "$BACKUP_TIMEOUT" bash "$SCRIPTS/backup.sh"; }

main() {
  local database failed=0
  local -a names=() lines=()
  mapfile -t names <<<"${DATABASE_NAMES:-}"
  # One database needs nobody to watch over it: its log and its exit code are the Job's.
  if ((${#names[@]} == 1)); then DATABASE_NAME=${names[0]} exec bash "$SCRIPTS/backup.sh"; fi

  start_script
  require_parameter NAMESPACE
  require_number BACKUP_TIMEOUT 1
  for database in "${names[@]}"; do
    if run backup_in_time "$database"; then
      lines+=("✓ $database")
    else
      lines+=("✗ $database")
      failed=$((failed + 1))
    fi
    printf '\n'
  done
  section Databases
  printf '%s\n' "${lines[@]}"
  ((failed == 0)) || fail 1 databases "$failed of ${#names[@]} databases were not backed up" \
    "each one's own ERROR, CAUSE and CURE stand above; the others are not affected" \
    "mend that, then: kubectl -n $NAMESPACE create job --from=cronjob/postgres-backup backup-now"
}

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then main "$@"; fi

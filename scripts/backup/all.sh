#!/usr/bin/env bash
# Backs up each database of the stack in turn, each in a process of its own: whatever one meets, the next is begun.

# Before the first command: without the shared files nothing below may run.
set -Eeuo pipefail
SCRIPTS=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
source "$SCRIPTS/core/log.sh"
source "$SCRIPTS/core/failure.sh"
source "$SCRIPTS/core/children.sh"
source "$SCRIPTS/core/parameters.sh"
source "$SCRIPTS/core/script.sh"

# backup_in_time: a backup that hangs must not take the time of the next database. Its own handler for SIGTERM cleans up and
# says what happened. By exec, so that `timeout` leads the process group that a signal for us is passed on to; else it makes
# one of its own.
backup_in_time() { DATABASE_NAME=$1 exec timeout "$BACKUP_TIMEOUT" bash "$SCRIPTS/backup/one.sh"; }

# What a backup that was killed (out of memory) leaves running goes on writing, and holds the lock. No backup runs now, and
# all processes of a pod are one session: every other one is such a remainder.
end_remainders() {
  local stat line
  local -a own=() fields=()
  read -r line <"/proc/$$/stat"
  read -r -a own <<<"${line##*) }" # state, parent, group, session
  for stat in /proc/[0-9]*/stat; do
    { read -r line <"$stat"; } 2>/dev/null || continue
    read -r -a fields <<<"${line##*) }"
    if [[ ${fields[3]} == "${own[3]}" && ${line%% *} != "$$" ]]; then kill -KILL "${line%% *}" 2>/dev/null || true; fi
  done
}

main() {
  local database failed=0
  local -a names=() lines=()
  mapfile -t names <<<"${DATABASE_NAMES:-}"
  # One database needs nobody to watch over it: its log and its exit code are the Job's.
  if ((${#names[@]} == 1)); then DATABASE_NAME=${names[0]} exec bash "$SCRIPTS/backup/one.sh"; fi

  start_script
  CHILD_PATIENCE=25 # it has children of its own to end and staging to remove
  require_parameter NAMESPACE
  require_number BACKUP_TIMEOUT 1
  for database in "${names[@]}"; do
    if run backup_in_time "$database"; then
      lines+=("✓ $database")
    else
      lines+=("✗ $database")
      failed=$((failed + 1))
      end_remainders
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

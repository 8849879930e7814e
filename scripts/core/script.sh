#!/usr/bin/env bash
# The beginning and the end of every script: signals, the last words, the clean-up.
#
# A script names a function in AT_END if it has something to undo, and one in AT_STEP if it notes where it is; it calls
# `start_script`, and ends with `fail` or by falling off its end. Whatever happens, `finish` runs once.

[[ ! -v PGKEEP_CORE_SCRIPT ]] || return 0
readonly PGKEEP_CORE_SCRIPT=1

source "$SCRIPTS/core/shell.sh"
source "$SCRIPTS/core/time.sh"
source "$SCRIPTS/core/log.sh"
source "$SCRIPTS/core/failure.sh"
source "$SCRIPTS/core/refusal.sh"
source "$SCRIPTS/core/children.sh"
source "$SCRIPTS/core/lock.sh"

REPORT=1      # where the log goes, whatever a command's output is redirected to
AT_END=''     # the function that `finish` calls with the exit code, whatever happened
RUN_STARTED=0 # when this run was begun, in microseconds, and for the records
RUN_STARTED_ISO=''

# A child that has just been forked still has our traps for a moment: it must not clean up in our place.
is_main() { [[ $BASHPID == "$$" ]]; }

# on_signal NAME NUMBER: sets SIGNALLED and leaves.
on_signal() {
  is_main || kill -KILL "$BASHPID"
  # It may come several times at once (from the parent, from `timeout`, to the group): the next one would end the exit handler.
  if [[ " ${FUNCNAME[*]} " == *' finish '* ]]; then
    hurry
    return
  fi
  hurry
  SIGNALLED=$1
  exit $((128 + $2))
}

# The EXIT trap. Sets FAILED_REASON for AT_END.
finish() {
  local code=$? step=$STEP
  is_main || exit "$code"
  # The command that failed may have had its output redirected to a file: the last lines belong into the log.
  exec >&"$REPORT" 2>&1
  # A run that fails by itself may take all the time its clean-up needs. Should a signal come meanwhile, `on_signal` hurries.
  set +m
  trap - EXIT ERR
  set +e
  stop_children
  [[ -z $SIGNALLED ]] || describe_signal
  if ((code != 0)); then
    [[ -s $WORK/failure ]] || unexpected "$code" "unknown" 0 "$0"
    [[ -n $SIGNALLED ]] || suspect_volume # before AT_END, which removes files and so makes room
    read -r FAILED_REASON <"$WORK/failure"
    [[ -z $step ]] || printf '✗ %s (after %s s)\n' "$step" "$(seconds_since "$STEP_STARTED")"
  fi
  [[ -z $AT_END ]] || "$AT_END" "$code"
  hurry
  ((code == 0)) || print_failure
  rm -rf "$WORK" 2>/dev/null
  unlock
  exit "$code"
}

# Sets the traps, REPORT, WORK, RUN_STARTED and RUN_STARTED_ISO.
start_script() {
  # One pipe for output and errors: of two the container runtime would mix up the last lines.
  exec 2>&1 {REPORT}>&1
  WORK=$(mktemp -d "${TMPDIR:-/tmp}/pgkeep.XXXXXX")
  RUN_STARTED=$(microseconds)
  RUN_STARTED_ISO=$(now_iso)
  trap finish EXIT
  trap 'unexpected "$?" "$BASH_COMMAND" "$LINENO" "${BASH_SOURCE[0]:-bash}"' ERR
  trap 'on_signal TERM 15' TERM
  trap 'on_signal INT 2' INT
  trap 'on_signal HUP 1' HUP
  # SIGPIPE is handled, not ignored: so a write to a child that is gone is an error here, and children keep the default.
  trap : PIPE
}

#!/usr/bin/env bash
# The log of a run: banner, configuration, a line for each step, a summary.

[[ ! -v PGKEEP_CORE_LOG ]] || return 0
readonly PGKEEP_CORE_LOG=1

source "$SCRIPTS/core/time.sh"

STEP='' # the step that is running, and since when (microseconds)
STEP_STARTED=0
STEPS_DONE=() # those that have ended: name, tab, seconds
AT_STEP=''    # the function that is called at the beginning of every step
readonly RULE='========================================================================'

banner() {
  printf '%s\n  %s\n  %(%Y-%m-%d %H:%M:%S)T UTC\n%s\n' "$RULE" "$1" -1 "$RULE"
}

section() { printf '\n%s\n' "$1"; }

setting() { printf '  %-13s %s\n' "$1" "$2"; }

note() { printf '  %s\n' "$*"; }

warn() { printf '! WARNING: %s\n' "$*"; }

# begin NAME: a step begins. Sets STEP and STEP_STARTED.
begin() {
  STEP=$1
  STEP_STARTED=$(microseconds)
  [[ -z $AT_STEP ]] || "$AT_STEP"
}

# Ends the step: `✓ Dumped (details, 1.2 s)`. Unsets STEP and adds it to STEPS_DONE.
done_step() {
  local details=${1:+$1, } seconds
  seconds=$(seconds_since "$STEP_STARTED")
  printf '✓ %s (%s%s s)\n' "$STEP" "$details" "$seconds"
  STEPS_DONE+=("$STEP"$'\t'"$seconds")
  STEP=''
}

# A tool's own words, indented, so that they are not taken for ours.
quote_output() {
  [[ ! -s $1 ]] || sed 's/^/    | /' "$1"
}

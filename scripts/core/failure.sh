#!/usr/bin/env bash
# Failing with cause and cure. The last three lines of a failed run are ERROR, CAUSE and CURE.

[[ ! -v PGKEEP_CORE_FAILURE ]] || return 0
readonly PGKEEP_CORE_FAILURE=1

source "$SCRIPTS/core/shell.sh"
source "$SCRIPTS/core/log.sh"

EPILOGUE=''      # what AT_END adds to the ERROR line, e.g. that nothing was touched
FAILED_REASON='' # one fixed word for the records, known to AT_END
SIGNALLED=''
CAUSE='' CURE='' # what `explain` and its like find

# fail EXIT_CODE REASON ERROR CAUSE CURE: remembers the words and leaves; `finish` prints them last, after any clean-up.
# The words go into a file, because a command substitution, in which this may be called, is another process.
fail() {
  printf '%s\nERROR: %s\nCAUSE: %s\nCURE: %s\n' "$2" "${3//$'\n'/ }" "${4//$'\n'/ }" "${5//$'\n'/ }" >"$WORK/failure"
  exit "$1"
}

unexpected() {
  local cause cure
  [[ -s $WORK/failure ]] && return
  cause="line $3 of ${4#"${SCRIPTS:-}"/}: ${2//$'\n'/ }"
  cure='read the lines above; if they do not explain it, report them as a bug of pgkeep'
  if (($1 == 137)); then
    cause="a program was killed (SIGKILL), as one is that needs more memory than the container may have; $cause"
    cure="kubectl -n ${NAMESPACE:-NAMESPACE} describe pod says OOMKilled then; raise resourcesMemoryLimit, or lower jobs"
  fi
  printf '%s\nERROR: %s\nCAUSE: %s\nCURE: %s\n' unexpected "step \"${STEP:-start}\" ended with exit code $1" "$cause" "$cure" \
    >"$WORK/failure"
}

describe_signal() {
  printf '%s\nERROR: %s\nCAUSE: %s\nCURE: %s\n' signal "stopped by SIG$SIGNALLED during step \"${STEP:-start}\"" \
    "the pod was deleted or evicted, its node drained, or the Job passed its activeDeadlineSeconds" \
    "kubectl describe job/pod tells which; for a deadline raise backupTimeout or restoreTimeout, then start it again" \
    >"$WORK/failure"
}

print_failure() {
  local -a lines=()
  mapfile -t lines <"$WORK/failure"
  printf '%s\n' "${lines[1]:-ERROR: failed, and the temporary directory is gone}${EPILOGUE:+; $EPILOGUE}" \
    "${lines[2]:-CAUSE: /tmp of the pod is full or not writable}" "${lines[3]:-CURE: start it again}"
}

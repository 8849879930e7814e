#!/usr/bin/env bash
# Long commands as children in process groups of their own, and their end.

[[ ! -v PGKEEP_CORE_CHILDREN ]] || return 0
readonly PGKEEP_CORE_CHILDREN=1

source "$SCRIPTS/core/shell.sh"

CHILD_PATIENCE=5 # seconds a child gets to end after SIGTERM; a pod has 30
LAST_WORDS=20    # seconds from SIGTERM within which the clean-up may wait for anybody
WAIT_UNTIL=''    # the second (of SECONDS) at which that time is over
CHILDREN=()      # process groups started by `run` and not yet waited for

# Sets WAIT_UNTIL: `wait_child` lets nobody keep the run from its last words. Later signals change nothing any more.
hurry() {
  trap '' TERM INT HUP
  WAIT_UNTIL=${WAIT_UNTIL:-$((SECONDS + LAST_WORDS))}
}

# bash runs a trap only when its foreground command ends, and process 1 of a pod gets no second chance: what takes long, or
# asks a server that may fall silent, runs in the background, in a process group of its own, so that SIGTERM ends it and
# all it started, at once. That holds in this process alone: not in a pipeline, nor in a command substitution.
# Adds the child to CHILDREN.
start_child() {
  set -m
  {
    trap - ERR # the parent says what failed
    "$@"
  } &
  CHILDREN+=("$!")
  set +m
}

# Waits for the newest child, takes it from CHILDREN and hands back its exit code. A child that was killed may leave
# children of its own behind: they are ended with its process group.
wait_child() {
  local last=$((${#CHILDREN[@]} - 1)) code=0
  wait_for_end "${CHILDREN[last]}"
  wait "${CHILDREN[last]}" || code=$?
  ((code == 0)) || kill -KILL -- "-${CHILDREN[last]}" 2>/dev/null || true
  unset "CHILDREN[$last]"
  return "$code"
}

# wait_for_end CHILD: in the clean-up alone, where `wait` comes back too early when a signal comes. From that signal on a child
# that does not end is killed at WAIT_UNTIL.
wait_for_end() {
  [[ " ${FUNCNAME[*]} " == *' finish '* ]] || return 0
  while kill -0 "$1" 2>/dev/null; do
    if [[ -z $WAIT_UNTIL ]]; then
      wait "$1" 2>/dev/null
    elif ((SECONDS < WAIT_UNTIL)); then
      sleep 0.1
    else
      printf 'given up: no answer, and no more time to wait for one\n' >&2
      kill -KILL -- "-$1" 2>/dev/null
      wait "$1" 2>/dev/null
    fi
  done
}

run() {
  start_child "$@"
  wait_child
}

# Ends every child, with all it started: those in CHILDREN and those in bash's own list of jobs. A signal may come between the
# start of a child and our note of it, and a group whose leader was killed is no job any more.
stop_children() {
  local child give_up
  local -a children=()
  jobs -p >"$WORK/children"
  mapfile -t children <"$WORK/children"
  for child in ${children[@]+"${children[@]}"} ${CHILDREN[@]+"${CHILDREN[@]}"}; do
    # SIGTERM again and again: a child that has just been forked still has our handler and drops the first one.
    give_up=$((SECONDS + CHILD_PATIENCE))
    while ((SECONDS < give_up)); do
      kill -TERM -- "-$child" 2>/dev/null || break
      sleep 0.1
    done
    kill -KILL -- "-$child" 2>/dev/null
    wait "$child" 2>/dev/null
  done
}

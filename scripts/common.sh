#!/usr/bin/env bash
# Shared by every script: strict mode, the log, failing with cause and cure, signals, children, the lock.
#
# A script defines `cleanup` if it has something to undo, and `on_step` if it notes where it is; it calls `start_script`, and ends with `fail` or by falling off
# its end. Whatever happens, `finish` runs once, and the last three lines of a failure are ERROR, CAUSE and CURE.

set -Eeuo pipefail
shopt -s inherit_errexit
# The group is the one thing the Debian (uid 999) and the Alpine (uid 70) image share: it may read and write everything.
umask 0007
# One clock and one sort order, whatever the image says; bytes pass through, so UTF-8 stays UTF-8.
export LC_ALL=C TZ=UTC0

WORK=''          # private directory under TMPDIR, gone at the end
CHILD_PATIENCE=5 # seconds a child gets to end after SIGTERM; a pod has 30
LAST_WORDS=20    # seconds from SIGTERM within which the clean-up may wait for anybody
WAIT_UNTIL=''    # the second (of SECONDS) at which these are over
CHILDREN=()      # process groups started by `run` and not yet waited for
WORKPLACE=''     # a directory on the volume that has to be there while this run works
STEP=''          # the step that is running, and since when (microseconds)
STEP_STARTED=0
STEPS_DONE=()    # those that have ended: name, tab, seconds
EPILOGUE=''      # what `cleanup` adds to the ERROR line, e.g. that nothing was touched
FAILED_REASON='' # one fixed word for the records, known to `cleanup`
SIGNALLED=''
CAUSE='' CURE=''   # what `explain` and its like find
REPORT=1           # where the log goes, whatever a command's output is redirected to
LOCK_DESCRIPTOR='' # open while this run holds the lock

# --- the log --------------------------------------------------------------------------------------------------------

readonly RULE='========================================================================'

now_iso() { printf '%(%Y-%m-%dT%H:%M:%SZ)T' -1; }

banner() {
  printf '%s\n  %s\n  %(%Y-%m-%d %H:%M:%S)T UTC\n%s\n' "$RULE" "$1" -1 "$RULE"
}

section() { printf '\n%s\n' "$1"; }

setting() { printf '  %-13s %s\n' "$1" "$2"; }

note() { printf '  %s\n' "$*"; }

warn() { printf '! WARNING: %s\n' "$*"; }

microseconds() { printf '%s' "${EPOCHREALTIME/[.,]/}"; }

# Seconds with one decimal since a moment of `microseconds`.
seconds_since() {
  local tenths=$((($(microseconds) - $1) / 100000))
  printf '%d.%d' $((tenths / 10)) $((tenths % 10))
}

begin() {
  STEP=$1
  STEP_STARTED=$(microseconds)
  if declare -F on_step >/dev/null; then on_step; fi
}

# Ends the step: `✓ Dumped (details, 1.2 s)`.
done_step() {
  local details=${1:+$1, } seconds
  seconds=$(seconds_since "$STEP_STARTED")
  printf '✓ %s (%s%s s)\n' "$STEP" "$details" "$seconds"
  STEPS_DONE+=("$STEP"$'\t'"$seconds")
  STEP=''
}

# is_number TEXT: digits and nothing else, and few enough for the shell's 64 bits.
#
# bash takes a word in arithmetic for an expression and runs the command in `a[$(command)]`. So a word that comes from a
# server, from a file on the volume or from the environment is reckoned with only after it has passed here.
is_number() { [[ $1 =~ ^(0|[1-9][0-9]{0,17})$ ]]; }

# read_fields NAME…: sets the variables to the next row that `psql -z -0` has written to standard input. No value can hold
# the zero byte between two fields, so none can pass for another field or for another row.
read_fields() {
  local name
  for name in "$@"; do IFS= read -r -d '' "$name" || return 1; done
}

human_size() {
  local bytes=$1 unit tenths
  if ! is_number "$bytes"; then
    printf 'unknown size'
    return
  fi
  for unit in TiB:40 GiB:30 MiB:20 KiB:10; do
    if ((bytes >= 1 << ${unit#*:})); then
      tenths=$((bytes * 10 >> ${unit#*:}))
      printf '%d.%d %s' $((tenths / 10)) $((tenths % 10)) "${unit%:*}"
      return
    fi
  done
  printf '%d B' "$bytes"
}

# printable TEXT: without what a terminal or a table would take for more than text.
printable() { printf '%s' "${1//[[:cntrl:]]/?}"; }

# A tool's own words, indented, so that they are not taken for ours.
quote_output() {
  [[ ! -s $1 ]] || sed 's/^/    | /' "$1"
}

# --- failing --------------------------------------------------------------------------------------------------------

# fail EXIT_CODE REASON ERROR CAUSE CURE: remembers the words and leaves; `finish` prints them last, after any clean-up.
# Written to a file, because a command substitution is another process.
fail() {
  printf '%s\nERROR: %s\nCAUSE: %s\nCURE: %s\n' "$2" "${3//$'\n'/ }" "${4//$'\n'/ }" "${5//$'\n'/ }" >"$WORK/failure"
  exit "$1"
}

unexpected() {
  local cause cure
  [[ -s $WORK/failure ]] && return
  cause="line $3 of ${4##*/}: ${2//$'\n'/ }"
  cure='read the lines above; if they do not explain it, report them as a bug of pgkeep'
  if (($1 == 137)); then
    cause="a program was killed (SIGKILL), as one is that needs more memory than the container may have; $cause"
    cure="kubectl -n ${NAMESPACE:-NAMESPACE} describe pod says OOMKilled then; raise resourcesMemoryLimit, or lower jobs"
  fi
  printf '%s\nERROR: %s\nCAUSE: %s\nCURE: %s\n' unexpected "step \"${STEP:-start}\" ended with exit code $1" "$cause" "$cure" \
    >"$WORK/failure"
}

# What a write to the volume is answered, or nothing when it works. A full disk often still takes a little: hence 64 KiB.
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

# Whatever step failed without a word of its own: where the volume takes nothing any more, that is why.
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

# A child that has just been forked still has our traps for a moment: it must not clean up in our place.
is_main() { [[ $BASHPID == "$$" ]]; }

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

# Sets WAIT_UNTIL: `wait_child` lets nobody keep the run from its last words. Later signals change nothing any more.
hurry() {
  trap '' TERM INT HUP
  WAIT_UNTIL=${WAIT_UNTIL:-$((SECONDS + LAST_WORDS))}
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

# The EXIT trap.
finish() {
  local code=$? step=$STEP
  is_main || exit "$code"
  # What failed may have had its output in a file, and the last lines with it.
  exec >&"$REPORT" 2>&1
  # One that fails by itself has all the time its clean-up needs, until a signal comes: `on_signal` says the rest.
  set +m
  trap - EXIT ERR
  set +e
  stop_children
  [[ -z $SIGNALLED ]] || describe_signal
  if ((code != 0)); then
    [[ -s $WORK/failure ]] || unexpected "$code" "unknown" 0 "$0"
    [[ -n $SIGNALLED ]] || suspect_volume # before cleanup: that makes room
    read -r FAILED_REASON <"$WORK/failure"
    [[ -z $step ]] || printf '✗ %s (after %s s)\n' "$step" "$(seconds_since "$STEP_STARTED")"
  fi
  if declare -F cleanup >/dev/null; then cleanup "$code"; fi
  hurry
  ((code == 0)) || print_failure
  rm -rf "$WORK" 2>/dev/null
  unlock
  exit "$code"
}

start_script() {
  # Two pipes would let the container runtime shuffle the last lines.
  exec 2>&1 {REPORT}>&1
  WORK=$(mktemp -d "${TMPDIR:-/tmp}/pgkeep.XXXXXX")
  trap finish EXIT
  trap 'unexpected "$?" "$BASH_COMMAND" "$LINENO" "${BASH_SOURCE[0]:-bash}"' ERR
  trap 'on_signal TERM 15' TERM
  trap 'on_signal INT 2' INT
  trap 'on_signal HUP 1' HUP
  # Handled, not ignored: a write to a child that is gone is an error here, and children keep the default.
  trap : PIPE
}

# --- children -------------------------------------------------------------------------------------------------------

# bash runs a trap only when its foreground command ends, and process 1 of a pod gets no second chance: what takes long, or
# asks a server that may fall silent, runs in the background, in a process group of its own, so that SIGTERM ends it and
# all it started, at once. That holds in this process alone: not in a pipeline, nor in a command substitution.
start_child() {
  set -m
  {
    trap - ERR # the parent says what failed
    "$@"
  } &
  CHILDREN+=("$!")
  set +m
}

# Waits for the newest child and hands back its exit code. One that was killed may leave its own children behind.
wait_child() {
  local last=$((${#CHILDREN[@]} - 1)) code=0
  wait_for_end "${CHILDREN[last]}"
  wait "${CHILDREN[last]}" || code=$?
  ((code == 0)) || kill -KILL -- "-${CHILDREN[last]}" 2>/dev/null || true
  unset "CHILDREN[$last]"
  return "$code"
}

# In the clean-up `wait` comes back too early when a signal comes; from then on time is short.
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

# From our notes, and from bash's own list of jobs: a signal may come between the start of a child and our note of it,
# and a group whose leader was killed is no job any more.
stop_children() {
  local child give_up
  local -a children=()
  jobs -p >"$WORK/children"
  mapfile -t children <"$WORK/children"
  for child in ${children[@]+"${children[@]}"} ${CHILDREN[@]+"${CHILDREN[@]}"}; do
    # Again and again, because a child that has just been forked still has our own handler and drops the first one.
    give_up=$((SECONDS + CHILD_PATIENCE))
    while ((SECONDS < give_up)); do
      kill -TERM -- "-$child" 2>/dev/null || break
      sleep 0.1
    done
    kill -KILL -- "-$child" 2>/dev/null
    wait "$child" 2>/dev/null
  done
}

# --- files ----------------------------------------------------------------------------------------------------------

# fsync of files and directories; an old sync that takes no operands says so and flushes everything. An error is an error:
# the device has not got what was written.
flush_paths() { sync "$@"; }

flush_tree() { find "$1" -exec sync {} +; }

bytes_below() { find "$1" -type f -exec stat -c %s {} + | awk '{ total += $1 } END { printf "%.0f", total }'; }

# Of the volume, which others may be able to write: only plain files are read and appended to. A pipe in the place of one
# would never end, and a link may lead to what only this pod may read.
is_plain() { [[ -f $1 && ! -L $1 ]]; }

# first_line FILE: the first line of a plain file, at most 4,000 characters of it; false where it is none.
first_line() {
  local text=''
  is_plain "$1" || return 1
  { IFS= read -r -n 4000 text <"$1" || [[ -n $text ]]; } 2>/dev/null || return 1
  printf '%s' "$text"
}

# append_line FILE TEXT: false, with a warning, where something else lies in the place of the file.
append_line() {
  if [[ -e $1 || -L $1 ]] && ! is_plain "$1"; then
    warn "${1#"$BACKUP_DIRECTORY"/} on volume \"$VOLUME_NAME\" is no plain file; nothing is written to it: remove it"
    return 1
  fi
  printf '%s\n' "$2" >>"$1"
}

# --- parameters -----------------------------------------------------------------------------------------------------

require_parameter() {
  local name
  for name in "$@"; do
    [[ -n ${!name:-} ]] || fail 2 parameters "the environment variable $name is empty" \
      "the pod was not made from pgkeep's template, or its template was edited" "run pulumi up for this stack again"
  done
}

# require_number NAME MINIMUM: fails unless the variable holds a whole number; rewrites it without leading zeros.
require_number() {
  require_parameter "$1"
  if [[ ! ${!1} =~ ^[0-9]{1,9}$ ]] || ((10#${!1} < $2)); then
    fail 2 parameters "$1 is \"${!1}\"" "a whole number of at least $2 is needed" "mend the setting and run pulumi up"
  fi
  printf -v "$1" '%d' "$((10#${!1}))" # 08 is no number to the shell, and 010 is eight
}

# An image of another make may lack one, and would fail somewhere in the middle, for a reason that names something else.
require_programs() {
  local name
  for name in awk cat chmod cut date dd df du find flock grep gzip head id mkdir mv rm sed sha256sum sort stat sync tail wc \
    xargs "$@"; do
    command -v "$name" >/dev/null || fail 1 image "the image has no program \"$name\"" \
      "pgkeep needs bash, PostgreSQL's clients, and the usual tools of Debian or Alpine" \
      "pulumi config set image postgres:17-bookworm (or another official postgres image)"
  done
}

require_truth() {
  require_parameter "$1"
  [[ ${!1} == true || ${!1} == false ]] \
    || fail 2 parameters "$1 is \"${!1}\"" "true or false is needed" "mend the setting and run pulumi up"
}

# Inside double quotes of JSON. Names of databases hold no control characters (the settings refuse them).
escape_for_json() {
  local value=${1//\\/\\\\}
  printf '%s' "${value//\"/\\\"}"
}

# --- the lock -------------------------------------------------------------------------------------------------------

# take_lock WHO: one writer at a time on the volume. The kernel frees it when the last process of the run is gone, so a
# stale lock cannot exist; the text in the file is only for the message.
take_lock() {
  local file="$BACKUP_DIRECTORY/.lock" holder
  if [[ -e $file || -L $file ]] && ! is_plain "$file"; then
    fail 1 volume 'the lock file cannot be opened' "$file is no plain file" \
      "remove it from volume \"$VOLUME_NAME\", and look at who else can write there"
  fi
  { exec {LOCK_DESCRIPTOR}>>"$file"; } 2>"$WORK/lock.errors" || {
    LOCK_DESCRIPTOR=''
    volume_refused 'the lock file cannot be opened' "$WORK/lock.errors"
  }
  if ! flock -n "$LOCK_DESCRIPTOR"; then
    holder=$(first_line "$file") || holder=''
    holder=$(printable "$holder")
    exec {LOCK_DESCRIPTOR}>&-
    LOCK_DESCRIPTOR=''
    fail 75 locked "another run works on volume ${VOLUME_NAME:-$BACKUP_DIRECTORY}" \
      "the lock is held by ${holder:-a run that has just started}" \
      "wait until it has ended (kubectl get jobs -n ${NAMESPACE:-NAMESPACE}), then start this one again"
  fi
  printf '%s in pod %s since %s\n' "$1" "${HOSTNAME:-unknown}" "$(now_iso)" >"$file"
}

unlock() {
  [[ -n $LOCK_DESCRIPTOR ]] || return 0
  # A volume that takes nothing any more keeps the text; it is only for a message.
  { : >"$BACKUP_DIRECTORY/.lock"; } 2>/dev/null || true
  exec {LOCK_DESCRIPTOR}>&-
  LOCK_DESCRIPTOR=''
}

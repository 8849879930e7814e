#!/usr/bin/env bash
# Files and directories on the volume's device.

[[ ! -v PGKEEP_CORE_FILES ]] || return 0
readonly PGKEEP_CORE_FILES=1

source "$SCRIPTS/core/log.sh"

# fsync of files and directories; an old sync that takes no operands says so and flushes everything. An error is an error:
# the device has not got what was written.
flush_paths() { sync "$@"; }

flush_tree() { find "$1" -exec sync {} +; }

bytes_below() { find "$1" -type f -exec stat -c %s {} + | awk '{ total += $1 } END { printf "%.0f", total }'; }

# is_plain FILE: others may be able to write to the volume, so only plain files on it are read and appended to. Reading a pipe
# might never end, and a link may lead to what only this pod may read.
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

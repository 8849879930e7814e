#!/usr/bin/env bash
# What is known of a backup beyond its own files.
#
# A mark is one small file, .records/KIND/NAME, holding `TIME why`:
#   damaged       a verification failed                     pinned      retention must leave it alone
#   proven        restored, and every fact compared equal   suspicious  unlike the ones before it, nobody has looked yet
#   acknowledged  it was suspicious, and somebody has looked
#   safety        made of the live database before a restore replaced it. Never `latest`, and it counts for nothing: only
#                 its name restores it, and only its pin keeps it

[[ ! -v PGKEEP_VOLUME_MARKS ]] || return 0
readonly PGKEEP_VOLUME_MARKS=1

source "$SCRIPTS/core/time.sh"
source "$SCRIPTS/core/text.sh"
source "$SCRIPTS/core/files.sh"
source "$SCRIPTS/volume/names.sh"
source "$SCRIPTS/volume/holds.sh"

has_mark() { [[ -e $BACKUP_DIRECTORY/.records/$1/$2 ]]; }

# set_mark KIND NAME WHY: writes the mark whole or not at all; it is on the disk when this is over.
set_mark() {
  local directory="$BACKUP_DIRECTORY/.records/$1"
  mkdir -p "$directory" || return 1
  rm -f "$directory/.$2.new" || return 1
  { printf '%s %s\n' "$(now_iso)" "${3//$'\n'/ }" >"$directory/.$2.new"; } 2>/dev/null || return 1
  mv -f "$directory/.$2.new" "$directory/$2" || return 1
  flush_paths "$directory/$2" "$directory"
}

clear_mark() { rm -f "$BACKUP_DIRECTORY/.records/$1/$2"; }

# `TIME why` of a mark, or "-". What lies in its place and has not that form is not shown: who can write to the volume can
# make a link there to a file that only this pod may read.
mark_text() {
  local text
  if ! has_mark "$1" "$2"; then
    printf -- '-'
  elif ! text=$(first_line "$BACKUP_DIRECTORY/.records/$1/$2"); then
    printf 'the mark is no plain file'
  elif [[ $text =~ ^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z\ .+ ]]; then
    printable "$text"
  else
    printf 'the mark does not say when and why'
  fi
}

# Removes the marks of backups that are no longer there.
sweep_marks() {
  local mark name
  for mark in "$BACKUP_DIRECTORY"/.records/{damaged,pinned,proven,suspicious,acknowledged,safety}/backup-*; do
    name=${mark##*/}
    if [[ -f $mark && ! -e $BACKUP_DIRECTORY/$name && ! -e $BACKUP_DIRECTORY/.trash/$name ]]; then rm -f "$mark"; fi
  done
}

# backup_flags NAME: its marks and `in-use`, separated by commas, always in this order; "-" for none.
backup_flags() {
  local flags=''
  ! has_mark safety "$1" || flags+=,safety
  ! has_mark pinned "$1" || flags+=,pinned
  ! has_mark proven "$1" || flags+=,proven
  ! has_mark suspicious "$1" || flags+=,suspicious
  is_legacy "$1" || while_unused "$1" true || flags+=,in-use
  flags=${flags#,}
  printf '%s' "${flags:--}"
}

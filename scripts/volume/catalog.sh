#!/usr/bin/env bash
# What lies on the volume: names, states and headline facts. Reads only; needs no database.

[[ ! -v PGKEEP_VOLUME_CATALOG ]] || return 0
readonly PGKEEP_VOLUME_CATALOG=1

source "$SCRIPTS/core/text.sh"
source "$SCRIPTS/volume/names.sh"
source "$SCRIPTS/volume/marks.sh"

# The keys of a backup's file `summary`, which the console prints and the tool reads.
readonly SUMMARY_KEYS='schema_version name database created duration_seconds format compression server_version
  client_version tables rows large_objects database_bytes backup_bytes owners table_hashes'
declare -A FACT=()    # what read_summary has found, by key
SUMMARY_FAULT=''      # and what was wrong with it
SUMMARY_LARGEST=65536 # characters; a summary has some hundred

# Names of all backups, newest first: published directories and single files of the older script.
backup_names() {
  local path name
  for path in "$BACKUP_DIRECTORY"/backup-*; do
    name=${path##*/}
    if [[ -d $path ]] && is_backup_name "$name"; then
      printf '%s\n' "$name"
    elif [[ -f $path && $name == *.sql.gz ]] && is_backup_name "${name%.sql.gz}"; then
      printf '%s\n' "$name"
    fi
  done | sort -r
}

# has_form KEY VALUE: whether that value may stand behind that key of a summary. Who can write to the volume can write
# anything there: what is no number must never be reckoned with, and what holds a tab must never become a row.
has_form() {
  case $1 in
    schema_version) is_number "$2" ;;
    tables | rows | large_objects | database_bytes | backup_bytes) [[ $2 == - ]] || is_number "$2" ;;
    duration_seconds) [[ $2 =~ ^[0-9]{1,9}(\.[0-9]{1,9})?$ ]] ;;
    name) is_backup_name "$2" ;;
    created) [[ $2 =~ ^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$ ]] ;;
    owners | table_hashes) [[ $2 =~ ^(true|false)$ ]] ;;
    # Escaped as COPY does. 63 bytes, each of which may have become two.
    database) [[ ${#2} -ge 1 && ${#2} -le 126 && $2 != *[[:cntrl:]]* ]] ;;
    *) [[ $2 =~ ^[A-Za-z0-9][A-Za-z0-9._:+~-]{0,62}$ || $2 == - ]] ;;
  esac
}

# read_summary FILE: sets FACT to what a summary says and SUMMARY_FAULT to the first thing in it that cannot be, or to
# nothing. Keys that this version does not know are passed over.
read_summary() {
  local text='' line key value known=" ${SUMMARY_KEYS//[[:space:]]/ } "
  FACT=() SUMMARY_FAULT=''
  # A pipe or a link in the place of the file is not read.
  if [[ ! -f $1 || -L $1 ]]; then
    SUMMARY_FAULT='summary is missing, or no plain file'
    return
  fi
  # read is false when it reaches the end of the file, as it should here.
  { IFS= read -r -N $((SUMMARY_LARGEST + 1)) text <"$1" || true; } 2>/dev/null
  if ((${#text} > SUMMARY_LARGEST)); then
    SUMMARY_FAULT="summary has more than $SUMMARY_LARGEST characters"
    return
  fi
  while IFS= read -r line; do
    key=${line%%=*} value=${line#*=}
    [[ -n $key && $key != *[[:space:]]* && $known == *" $key "* ]] || continue
    if [[ -v FACT[$key] ]]; then
      SUMMARY_FAULT="summary says twice what $key is"
    elif has_form "$key" "$value"; then
      FACT[$key]=$value
    else
      SUMMARY_FAULT="summary says that $key is \"$(printable "$value")\""
    fi
    [[ -z $SUMMARY_FAULT ]] || return 0
  done <<<"$text"
}

# One fact of a backup's summary, or "-" where it is not known. Numbers are digits, and no value holds a line break or tab.
summary_value() {
  read_summary "$BACKUP_DIRECTORY/$1/summary"
  printf '%s' "${FACT[$2]:--}"
}

fact_of() { summary_value "$2" "$1"; }

# backup_status NAME: prints verified, damaged or unverified (a file of the older script). A verified backup was read to its
# end before it was published, and nothing bad was found since. Marks other than `damaged` do not change that.
backup_status() {
  local path="$BACKUP_DIRECTORY/$1"
  if is_legacy "$1"; then
    printf unverified
  elif has_mark damaged "$1" || [[ ! -s $path/summary || ! -s $path/manifest.json || ! -s $path/SHA256SUMS ]]; then
    printf damaged
  else
    read_summary "$path/summary"
    if [[ -n $SUMMARY_FAULT ]]; then printf damaged; else printf verified; fi
  fi
}

# Why a backup is called damaged.
damage_reason() {
  read_summary "$BACKUP_DIRECTORY/$1/summary"
  if has_mark damaged "$1"; then
    mark_text damaged "$1"
  elif [[ -s $BACKUP_DIRECTORY/$1/summary && -n $SUMMARY_FAULT ]]; then
    printf '%s' "$SUMMARY_FAULT"
  else
    printf 'summary, manifest.json or SHA256SUMS is missing or empty'
  fi
}

# A day of tolerance: clocks of nodes differ, and a backup of a moment ago is the latest all the same. One that a clock
# gone wrong has dated a year ahead is not, or it would stay the latest for that year.
is_from_the_future() {
  local tomorrow
  printf -v tomorrow 'backup-%(%Y%m%d-%H%M%S)T' $((EPOCHSECONDS + 86400))
  is_backup_name "${1%.sql.gz}" && [[ ${1%.sql.gz} > $tomorrow ]]
}

# Whether "latest" or a time may mean a backup. A safety backup is of what a restore was to replace: only its name does.
may_be_latest() { [[ $(backup_status "$1") == verified ]] && ! has_mark safety "$1" && ! is_from_the_future "$1"; }

# What "latest" means everywhere.
newest_verified() {
  local name
  while IFS= read -r name; do
    if may_be_latest "$name"; then
      printf '%s' "$name"
      return
    fi
  done < <(backup_names)
}

# The newest verified backup of one database (as its summary spells it).
newest_verified_of() {
  local name
  while IFS= read -r name; do
    if may_be_latest "$name" && [[ $(summary_value "$name" database) == "$1" ]]; then
      printf '%s' "$name"
      return
    fi
  done < <(backup_names)
}

# The oldest verified backup of one database.
oldest_verified_of() {
  local name oldest=''
  while IFS= read -r name; do
    if may_be_latest "$name" && [[ $(summary_value "$name" database) == "$1" ]]; then oldest=$name; fi
  done < <(backup_names)
  printf '%s' "$oldest"
}

# `bytes rows tables large_objects` of a backup's directory, for backup/anomaly.awk.
sizes_of() {
  read_summary "$1/summary"
  printf '%s %s %s %s\n' "${FACT[backup_bytes]:--}" "${FACT[rows]:--}" "${FACT[tables]:--}" "${FACT[large_objects]:--}"
}

# sizes_of_last_good DATABASE: lines of `sizes_of` for its last ten good backups, from which follows what is usual. Left out
# are suspicious ones that nobody has acknowledged, and safety backups. At an acknowledged one it ends: that one begins a
# new usual.
sizes_of_last_good() {
  local name count=0
  while IFS= read -r name && ((count < 10)); do
    [[ $(backup_status "$name") == verified && $(summary_value "$name" database) == "$1" ]] || continue
    if has_mark suspicious "$name" || has_mark safety "$name"; then continue; fi
    sizes_of "$BACKUP_DIRECTORY/$name"
    count=$((count + 1))
    ! has_mark acknowledged "$name" || break
  done < <(backup_names)
}

#!/usr/bin/env bash
# What lies on the volume: names, states and headline facts. Reads only; needs no database.

# The console's own words; pgkeep (the tool) reads this version.
readonly SUMMARY_KEYS='schema_version name database created duration_seconds format compression server_version
  client_version tables rows large_objects database_bytes backup_bytes'

is_backup_name() { [[ $1 =~ ^backup-[0-9]{8}-[0-9]{6}$ ]]; }

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

is_legacy() { [[ $1 == *.sql.gz ]]; }

# 2026-11-23T02:00:00Z, from the name.
name_to_iso() {
  local digits=${1#backup-}
  printf '%s-%s-%sT%s:%s:%sZ' "${digits:0:4}" "${digits:4:2}" "${digits:6:2}" "${digits:9:2}" "${digits:11:2}" "${digits:13:2}"
}

# One fact of a backup's summary, or "-". Values are escaped as COPY does: one line, no tabs.
summary_value() {
  local line
  while IFS= read -r line; do
    if [[ ${line%%=*} == "$2" ]]; then
      printf '%s' "${line#*=}"
      return
    fi
  done 2>/dev/null <"$BACKUP_DIRECTORY/$1/summary"
  printf -- '-'
}

# A value as COPY writes it, to compare with one of a summary.
escape_as_copy() {
  local value=${1//\\/\\\\}
  value=${value//$'\b'/\\b} value=${value//$'\f'/\\f} value=${value//$'\v'/\\v}
  value=${value//$'\n'/\\n} value=${value//$'\r'/\\r} value=${value//$'\t'/\\t}
  printf '%s' "$value"
}

# verified: published, which happens only after a full read, and nothing bad was found since.
backup_status() {
  local path="$BACKUP_DIRECTORY/$1"
  if is_legacy "$1"; then
    printf unverified
  elif [[ -e $BACKUP_DIRECTORY/.records/damaged/$1 || ! -s $path/summary || ! -s $path/manifest.json || ! -s $path/SHA256SUMS ]]; then
    printf damaged
  else
    printf verified
  fi
}

# Why a backup is called damaged.
damage_reason() {
  local mark="$BACKUP_DIRECTORY/.records/damaged/$1"
  if [[ -s $mark ]]; then
    printf '%s' "$(<"$mark")"
  else
    printf 'summary, manifest.json or SHA256SUMS is missing or empty'
  fi
}

newest_verified() {
  local name
  while IFS= read -r name; do
    if [[ $(backup_status "$name") == verified ]]; then
      printf '%s' "$name"
      return
    fi
  done < <(backup_names)
}

# The newest verified backup of one database (as its summary spells it).
newest_verified_of() {
  local name
  while IFS= read -r name; do
    if [[ $(backup_status "$name") == verified && $(summary_value "$name" database) == "$1" ]]; then
      printf '%s' "$name"
      return
    fi
  done < <(backup_names)
}

# Tab separated, in the order of the console's list; one read of the summary for each backup.
backup_row() {
  local name=$1 key value
  local -A fact=()
  if is_legacy "$name"; then
    fact[created]=$(name_to_iso "$name")
    fact[backup_bytes]=$(stat -c %s "$BACKUP_DIRECTORY/$name")
    fact[format]=plain
  else
    while IFS='=' read -r key value; do
      fact[${key:-none}]=$value
    done 2>/dev/null <"$BACKUP_DIRECTORY/$name/summary" || true
  fi
  printf '%s\t%s' "$name" "$(backup_status "$name")"
  for key in created duration_seconds backup_bytes database format server_version tables rows large_objects; do
    printf '\t%s' "${fact[$key]:--}"
  done
  printf '\t%s\n' "$BACKUP_DIRECTORY/$name"
}

# Used by the backups directory, free and total of its file system, in bytes.
disk_use() {
  local used free total
  used=$(du -sk "$BACKUP_DIRECTORY" 2>/dev/null | awk '{ print $1 }')
  read -r total free < <(df -Pk "$BACKUP_DIRECTORY" | awk 'NR == 2 { print $2, $4 }')
  printf '%s %s %s' $((used * 1024)) $((free * 1024)) $((total * 1024))
}

# The list a person reads.
print_list() {
  local name status created duration bytes database format server tables rows objects path used free total newest
  newest=$(newest_verified)
  printf '  %-29s %-10s %10s %8s %12s  %s\n' NAME STATUS SIZE TABLES ROWS DATABASE
  while IFS=$'\t' read -r name status created duration bytes database format server tables rows objects path; do
    [[ $bytes == - ]] || bytes=$(human_size "$bytes")
    printf '  %-29s %-10s %10s %8s %12s  %s%s\n' "$name" "$status" "$bytes" "$tables" "$rows" "$database" \
      "$([[ $name != "$newest" ]] || printf '  (latest)')"
  done < <(backup_names | while IFS= read -r name; do backup_row "$name"; done)
  read -r used free total < <(disk_use) || true
  note "disk: $(human_size "$used") used by backups, $(human_size "$free") free of $(human_size "$total")"
}

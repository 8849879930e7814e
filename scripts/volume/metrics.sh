#!/usr/bin/env bash
# .records/metrics.prom: the state of the volume in Prometheus' text format.
#
# Written anew by whoever changes what it says, by one rename; a collector reads it at any time.

[[ ! -v PGKEEP_VOLUME_METRICS ]] || return 0
readonly PGKEEP_VOLUME_METRICS=1

source "$SCRIPTS/core/log.sh"
source "$SCRIPTS/core/failure.sh"
source "$SCRIPTS/volume/names.sh"
source "$SCRIPTS/volume/marks.sh"
source "$SCRIPTS/volume/catalog.sh"
source "$SCRIPTS/volume/space.sh"

# metric NAME HELP: the head of one; every metric here is a gauge.
metric() { printf '# HELP %s %s\n# TYPE %s gauge\n' "$1" "$2" "$1"; }

# label VALUE: as it stands in a label's quotes. Names of databases come escaped as COPY does it, which for a backslash is what
# Prometheus wants.
label() { printf '%s' "${1//\"/\\\"}"; }

collect_metrics() {
  local name database status key free size days
  local -A databases=() count=() suspicious=() latest=() proven=()
  while IFS= read -r name; do
    status=$(backup_status "$name")
    database=''
    is_legacy "$name" || database=$(summary_value "$name" database)
    databases[_$database]=$database
    key="_$database $status"
    count[$key]=$((${count[$key]:-0} + 1))
    ! has_mark suspicious "$name" || suspicious[_$database]=$((${suspicious[_$database]:-0} + 1))
    # A safety backup must not make up for one that the schedule has not made.
    if may_be_latest "$name"; then
      [[ -n ${latest[_$database]:-} ]] || latest[_$database]=$name
      if [[ -z ${proven[_$database]:-} ]] && has_mark proven "$name"; then proven[_$database]=$name; fi
    fi
  done < <(backup_names)

  metric pgkeep_backups 'Backups on the volume. Only verified ones count for retention; unverified ones are files of an older script.'
  for database in "${!databases[@]}"; do
    for status in verified damaged unverified; do
      key="$database $status"
      printf 'pgkeep_backups{database="%s",status="%s"} %s\n' "$(label "${databases[$database]}")" "$status" \
        "${count[$key]:-0}"
    done
  done
  metric pgkeep_backups_suspicious 'Backups that are unlike those before them and that nobody has acknowledged; they hold retention.'
  for database in "${!databases[@]}"; do
    printf 'pgkeep_backups_suspicious{database="%s"} %s\n' "$(label "${databases[$database]}")" "${suspicious[$database]:-0}"
  done
  metric pgkeep_latest_backup_timestamp_seconds 'When the newest verified backup was begun.'
  each_latest latest 'epoch_of_name' pgkeep_latest_backup_timestamp_seconds
  metric pgkeep_latest_proven_backup_timestamp_seconds 'When the newest backup was begun that has been restored with every fact equal.'
  each_latest proven 'epoch_of_name' pgkeep_latest_proven_backup_timestamp_seconds
  metric pgkeep_latest_backup_size_bytes 'Size of the newest verified backup.'
  each_latest latest 'fact_of backup_bytes' pgkeep_latest_backup_size_bytes
  metric pgkeep_latest_backup_rows 'Rows in the newest verified backup.'
  each_latest latest 'fact_of rows' pgkeep_latest_backup_rows
  metric pgkeep_latest_backup_duration_seconds 'How long the newest verified backup took.'
  each_latest latest 'fact_of duration_seconds' pgkeep_latest_backup_duration_seconds

  read -r _ free size < <(disk_use) || true
  metric pgkeep_volume_free_bytes 'Free space on the volume.'
  printf 'pgkeep_volume_free_bytes %s\n' "$free"
  metric pgkeep_volume_size_bytes 'Size of the volume.'
  printf 'pgkeep_volume_size_bytes %s\n' "$size"
  days=$(days_left "$free")
  if [[ $days != - ]]; then
    metric pgkeep_volume_days_left 'Days until the volume is full at the growth of the last two weeks.'
    printf 'pgkeep_volume_days_left %s\n' "$days"
  fi
}

# each_latest ARRAY COMMAND METRIC: a sample for each database that has such a backup. The array is the caller's.
each_latest() {
  local -n backups=$1
  local -a command=()
  local key value
  read -r -a command <<<"$2"
  for key in "${!backups[@]}"; do
    value=$("${command[@]}" "${backups[$key]}")
    [[ $value == - ]] || printf '%s{database="%s"} %s\n' "$3" "$(label "${databases[$key]}")" "$value"
  done
}

# When the metrics cannot be written, that is a warning: what they tell is on the volume all the same. After a signal there
# is no time for them.
write_metrics() {
  [[ -z $SIGNALLED ]] || return 0
  local file="$BACKUP_DIRECTORY/.records/metrics.prom"
  rm -f "$file.new"
  collect_metrics >"$file.new" && mv -f "$file.new" "$file" && return
  rm -f "$file.new"
  warn 'the metrics could not be written; .records/metrics.prom is the one of an earlier run'
}

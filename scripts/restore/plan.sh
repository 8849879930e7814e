#!/usr/bin/env bash
# What a restore has to know of the server before it touches anything.

[[ ! -v PGKEEP_RESTORE_PLAN ]] || return 0
readonly PGKEEP_RESTORE_PLAN=1

source "$SCRIPTS/core/shell.sh"
source "$SCRIPTS/core/text.sh"
source "$SCRIPTS/core/log.sh"
source "$SCRIPTS/core/failure.sh"
source "$SCRIPTS/server/psql.sh"
source "$SCRIPTS/server/findings.sh"
source "$SCRIPTS/server/maintenance.sh"
source "$SCRIPTS/volume/names.sh"
source "$SCRIPTS/volume/catalog.sh"
source "$SCRIPTS/load/state.sh"
source "$SCRIPTS/restore/state.sh"
source "$SCRIPTS/restore/leftovers.sh"

# What the disk of the server has to have free, which PostgreSQL cannot tell; the tool may know it from the volume's claim.
# Arguments: bytes, or "-", of the live database, the restored one, those put aside, and WAL.
plan_space() {
  local live=$1 restored=$2 aside=$3 wal=$4 needed free basis
  if [[ $restored != - ]]; then
    basis="the database had $(human_size "$restored") when it was backed up"
  elif [[ $live != - ]]; then
    restored=$live
    basis="reckoned from the live database; a file of the older script does not say"
  else
    note 'disk: how large the database will be is not known, and PostgreSQL does not tell what is free on the server'
    return
  fi
  # A tenth for what is kept while indexes are built, and as much WAL as a checkpoint waits for, if there will be so much.
  is_number "$wal" || wal=$restored
  needed=$((restored + restored / 10 + (wal < restored ? wal : restored)))
  [[ $live == - ]] || basis+=", the live one, which stays, has $(human_size "$live")"
  if [[ -z ${RESTORE_FREE_BYTES:-} ]]; then
    note "disk: the server needs about $(human_size "$needed") free ($basis)"
    note 'disk: what is free there PostgreSQL does not tell. On a full disk the restore fails and what it made is dropped;'
    note '      the live database loses nothing, but a server that cannot write its WAL stops until there is room'
    return
  fi
  free=$((10#$RESTORE_FREE_BYTES))
  note "disk: the server has $(human_size "$free") free and needs about $(human_size "$needed") ($basis)"
  ((free >= needed)) && return
  if [[ $aside == - ]]; then aside=''; else aside=", drop what earlier restores have put aside ($(human_size "$aside"))"; fi
  fail 1 space "the server's disk has $(human_size "$free") free, the restore needs about $(human_size "$needed")" \
    "a second copy is made beside the live database: $basis" "enlarge the server's volume$aside, or restore into another server"
}

# How large single tables are no manifest says.
plan_space_of_tables() {
  note 'disk: the server needs room for the tables twice, in a side database and in the live one; how much that is,'
  note '      and what is free there, is not known. On a full disk the restore fails, and the live tables are as they were'
}

# What the server says of this restore, or why it cannot be done. Sets LIVE, and FINDINGS for plan_room.
plan() {
  local into=false swaps=true creates=true
  [[ $MODE != beside* ]] || into=true
  [[ $MODE != tables* ]] || swaps=false
  [[ -z $PREPARED ]] || creates=false
  require_writable
  sweep_leftovers
  # pg_restore has a connection of its own and one for each job; ours is one, and one is to spare.
  query "$MAINTENANCE" restore/plan.sql -z -0 -v name="$DATABASE_NAME" -v manifest_file="$MANIFEST" -v into="$into" \
    -v swaps="$swaps" -v creates="$creates" -v connections=$((RESTORE_JOBS + 3)) \
    -v trusted="${RESTORE_ALLOW_SUPERUSER_OBJECTS:-false}" >"$WORK/plan"
  read_findings "$WORK/plan"
  ((STOPS == 0)) || fail 1 refused "backup $NAME cannot be restored into database \"$DATABASE_NAME\"" "$STOP_DETAIL" "$STOP_CURE"
  LIVE=${FINDINGS[live]}
  if [[ $swaps == true ]]; then
    plan_space "$(figure live_bytes)" "$(figure restored_bytes)" "$(figure kept_bytes)" "$(figure wal_bytes)"
  else
    plan_space_of_tables
  fi
  [[ $MODE != beside* ]] || note "it goes into the new database \"$DATABASE_NAME\"; every other one, and whoever uses it, is left alone"
}

# Sets STAMP, SIDE and OLD.
name_databases() {
  printf -v STAMP '%(%Y%m%d_%H%M%S)T' -1
  query "$MAINTENANCE" restore/names.sql -z -0 -v name="$DATABASE_NAME" -v stamp="$STAMP" >"$WORK/names"
  read_fields SIDE OLD <"$WORK/names"
  [[ -z $PREPARED ]] || SIDE=$PREPARED
}

# The database that an administrator has made must be what a restore needs: there, empty, and like the backup's. Sets RENAMES.
check_prepared() {
  query "$MAINTENANCE" restore/prepared.sql -z -0 -v side="$PREPARED" -v name="$DATABASE_NAME" -v manifest_file="$MANIFEST" >"$WORK/plan"
  read_findings "$WORK/plan"
  RENAMES=${FINDINGS[renames]:-$RENAMES}
  if ((STOPS == 0)); then
    query "$PREPARED" restore/prepared-empty.sql -z -0 >"$WORK/plan"
    read_findings "$WORK/plan"
  fi
  ((STOPS == 0)) || fail 1 refused "database \"$PREPARED\" (RESTORE_SIDE) cannot be filled" "$STOP_DETAIL" "$STOP_CURE"
}

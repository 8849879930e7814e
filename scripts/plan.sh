#!/usr/bin/env bash
# What a restore has to know of the server before it touches anything, and what killed ones left. Part of restore.sh.

# Renames happen from another database than the one renamed.
connect_maintenance() {
  MAINTENANCE=postgres
  [[ $DATABASE_NAME != postgres ]] || MAINTENANCE=template1
  if [[ $MAINTENANCE == postgres ]] && ! connect postgres; then
    [[ $KIND == database ]] || connect_or_fail postgres
    MAINTENANCE=template1
  fi
  connect_or_fail "$MAINTENANCE"
}

# A database that has subscriptions cannot be dropped.
unsubscribe() {
  run psql_on "$1" -f "$SCRIPTS/session.sql" -f "$SCRIPTS/restore-unsubscribe.sql" 2>"$WORK/unsubscribe.errors" && return
  quote_output "$WORK/unsubscribe.errors"
}

# drop_unmarked DATABASE: one that was made and not marked any more, if nothing is in it.
drop_unmarked() {
  [[ $(psql_on "$1" -f "$SCRIPTS/restore-is-empty.sql" 2>/dev/null) == t ]] || return 0
  psql_on "$MAINTENANCE" -f "$SCRIPTS/restore-drop-empty.sql" -v side="$1" 2>"$WORK/drop.errors" || quote_output "$WORK/drop.errors"
}

# What earlier, killed restores of this database left. Names may hold line breaks, hence -0.
sweep_leftovers() {
  local left
  query "$MAINTENANCE" restore-leftover-names.sql -0 -v name="$DATABASE_NAME" >"$WORK/leftovers"
  while IFS= read -r -d '' left; do unsubscribe "$left"; done <"$WORK/leftovers"
  query "$MAINTENANCE" restore-unmarked.sql -0 -v name="$DATABASE_NAME" >"$WORK/leftovers"
  while IFS= read -r -d '' left; do drop_unmarked "$left"; done <"$WORK/leftovers"
  sweep_parts
  query "$MAINTENANCE" restore-leftovers.sql -v name="$DATABASE_NAME" >"$WORK/leftovers"
  quote_output "$WORK/leftovers"
}

# A standby, or a server that somebody has stopped from writing: nothing could be mended or made there.
require_writable() {
  local detail cure
  query "$MAINTENANCE" restore-writable.sql >"$WORK/writable"
  [[ -s $WORK/writable ]] || return 0
  IFS=$'\t' read -r detail cure <"$WORK/writable"
  fail 1 readonly "the server at $DATABASE_HOST:$DATABASE_PORT takes no changes" "$detail" "$cure"
}

# What the disk of the server has to have free, which PostgreSQL cannot tell; the tool may know it from the volume's claim.
# Arguments: bytes, or "-", of the live database, the restored one, kept ones, and WAL.
plan_space() {
  local live=$1 restored=$2 kept=$3 wal=$4 needed free basis
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
  if [[ $kept == - ]]; then kept=''; else kept=", drop databases that earlier restores have kept ($(human_size "$kept"))"; fi
  fail 1 space "the server's disk has $(human_size "$free") free, the restore needs about $(human_size "$needed")" \
    "a second copy is made beside the live database: $basis" "enlarge the server's volume$kept, or restore into another server"
}

# How large single tables are no manifest says.
plan_space_of_parts() {
  note 'disk: the server needs room for the tables twice, in a side database and in the live one; how much that is,'
  note '      and what is free there, is not known. On a full disk the restore fails, and the live tables are as they were'
}

plan() {
  local kind detail cure stops=0 first_detail='' first_cure='' into=false swaps=true live_bytes=- restored_bytes=- kept_bytes=- wal_bytes=0
  if [[ -n ${RESTORE_INTO:-} ]]; then into=true; fi
  if [[ -n ${RESTORE_TABLES:-}${RESTORE_SCHEMAS:-} ]]; then swaps=false; fi
  [[ ${RESTORE_FREE_BYTES:-0} =~ ^[0-9]{1,18}$ ]] || fail 2 parameters "RESTORE_FREE_BYTES is \"$RESTORE_FREE_BYTES\"" \
    'a number of bytes is needed, or nothing' 'leave it empty: the restore then says how much must be free'
  require_writable
  sweep_leftovers
  # pg_restore has a connection of its own and one for each job; ours is one, and one is to spare.
  query "$MAINTENANCE" restore-plan.sql -v name="$DATABASE_NAME" -v manifest_file="$MANIFEST" -v into="$into" \
    -v swaps="$swaps" -v connections=$((RESTORE_JOBS + 3)) -v trusted="${RESTORE_ALLOW_SUPERUSER_OBJECTS:-false}" >"$WORK/plan"
  while IFS=$'\t' read -r kind detail cure; do
    case $kind:$detail in
      fact:live) LIVE=$cure ;;
      fact:live_bytes) live_bytes=$cure ;;
      fact:restored_bytes) restored_bytes=$cure ;;
      fact:kept_bytes) kept_bytes=$cure ;;
      fact:wal_bytes) wal_bytes=$cure ;;
      warning:*) warn "$detail" ;;
      *)
        stops=$((stops + 1))
        note "$detail"
        first_detail=${first_detail:-$detail} first_cure=${first_cure:-$cure}
        ;;
    esac
  done <"$WORK/plan"
  ((stops == 0)) || fail 1 refused "backup $NAME cannot be restored into database \"$DATABASE_NAME\"" "$first_detail" "$first_cure"
  if [[ $swaps == true ]]; then plan_space "$live_bytes" "$restored_bytes" "$kept_bytes" "$wal_bytes"; else plan_space_of_parts; fi
  if [[ $into == true ]]; then
    note "it goes into the new database \"$DATABASE_NAME\"; every other database, and whoever uses it, is left alone"
    # As bring_settings does: its statements name the database of the backup, which may be there, and in use.
    is_legacy "$NAME" || [[ $(summary_value "$NAME" database) == "$(escape_as_copy "$DATABASE_NAME")" ]] \
      || note "settings and rights of the database as such are left out: database.sql of the backup has them, under the old name"
  fi
  printf -v STAMP '%(%Y%m%d_%H%M%S)T' -1
  query "$MAINTENANCE" restore-names.sql -v name="$DATABASE_NAME" -v stamp="$STAMP" >"$WORK/names"
  IFS=$'\t' read -r SIDE OLD <"$WORK/names"
}

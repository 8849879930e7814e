#!/usr/bin/env bash
# What a restore has to know of the server before it touches anything, and what killed ones left. Part of restore.sh.

# Renames happen from another database than the one renamed.
connect_maintenance() {
  MAINTENANCE=postgres
  [[ $DATABASE_NAME != postgres ]] || MAINTENANCE=template1
  if [[ $MAINTENANCE == postgres ]] && ! connect postgres; then
    [[ $KIND == database ]] || is_in_place || connect_or_fail postgres
    MAINTENANCE=template1
  fi
  # In place nothing is renamed: one database is enough.
  if is_in_place && ! connect "$MAINTENANCE"; then MAINTENANCE=$DATABASE_NAME; fi
  connect_or_fail "$MAINTENANCE"
}

# A database that has subscriptions cannot be dropped.
unsubscribe() {
  run psql_on "$1" -f "$SCRIPTS/session.sql" -f "$SCRIPTS/restore-unsubscribe.sql" 2>"$WORK/unsubscribe.errors" && return
  quote_output "$WORK/unsubscribe.errors"
}

# What earlier, killed restores of this database left. Names may hold line breaks, hence -0.
sweep_leftovers() {
  local left
  query "$MAINTENANCE" restore-leftover-names.sql -0 -v name="$DATABASE_NAME" >"$WORK/leftovers"
  while IFS= read -r -d '' left; do unsubscribe "$left"; done <"$WORK/leftovers"
  query "$MAINTENANCE" restore-leftovers.sql -v name="$DATABASE_NAME" >"$WORK/leftovers"
  quote_output "$WORK/leftovers"
}

plan() {
  local kind detail cure stops=0 first_detail='' first_cure=''
  sweep_leftovers
  query "$MAINTENANCE" restore-plan.sql -v name="$DATABASE_NAME" -v manifest_file="$MANIFEST" \
    -v in_place="${RESTORE_IN_PLACE:-false}" >"$WORK/plan"
  while IFS=$'\t' read -r kind detail cure; do
    case $kind in
      fact) LIVE=$cure ;;
      warning) warn "$detail" ;;
      *)
        stops=$((stops + 1))
        note "$detail"
        first_detail=${first_detail:-$detail} first_cure=${first_cure:-$cure}
        ;;
    esac
  done <"$WORK/plan"
  ((stops == 0)) || fail 1 refused "backup $NAME cannot be restored into database \"$DATABASE_NAME\"" "$first_detail" "$first_cure"
  printf -v STAMP '%(%Y%m%d_%H%M%S)T' -1
  query "$MAINTENANCE" restore-names.sql -v name="$DATABASE_NAME" -v stamp="$STAMP" >"$WORK/names"
  IFS=$'\t' read -r SIDE OLD <"$WORK/names"
}

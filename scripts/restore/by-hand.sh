#!/usr/bin/env bash
# A restore whose swap somebody else has to make, because this user may not rename databases.

[[ ! -v PGKEEP_RESTORE_BY_HAND ]] || return 0
readonly PGKEEP_RESTORE_BY_HAND=1

source "$SCRIPTS/core/shell.sh"
source "$SCRIPTS/core/time.sh"
source "$SCRIPTS/core/log.sh"
source "$SCRIPTS/core/script.sh"
source "$SCRIPTS/server/psql.sh"
source "$SCRIPTS/server/maintenance.sh"
source "$SCRIPTS/volume/names.sh"
source "$SCRIPTS/load/state.sh"
source "$SCRIPTS/restore/state.sh"

# The restored database is whole and compared; the live one is as it was.
hand_over_swap() {
  query "$MAINTENANCE" restore/swap-by-hand.sql -v name="$DATABASE_NAME" -v live="$LIVE" -v side="$SIDE" -v old="$OLD" \
    -v successor="$NAME" >"$WORK/by-hand"
  section Summary
  setting restored "$NAME, into database $SIDE, compared with its manifest"
  setting database "$DATABASE_NAME is as it was: user \"$PGUSER\" may not rename databases"
  setting duration "$(seconds_since "$RUN_STARTED") s"
  section "To put it in its place: stop the applications, then as an administrator, in database $MAINTENANCE"
  sed 's/^/    /' "$WORK/by-hand"
  printf '\n✓ Backup %s is restored into %s; its swap is left to somebody who may rename databases\n' "$NAME" "$SIDE"
}

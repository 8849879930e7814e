#!/usr/bin/env bash
# How a person gets back to what was there before a restore.

[[ ! -v PGKEEP_RESTORE_BACK ]] || return 0
readonly PGKEEP_RESTORE_BACK=1

source "$SCRIPTS/core/shell.sh"
source "$SCRIPTS/core/log.sh"
source "$SCRIPTS/server/psql.sh"
source "$SCRIPTS/server/maintenance.sh"
source "$SCRIPTS/load/state.sh"
source "$SCRIPTS/restore/state.sh"

# How a person gets from the restored database to what was there before.
way_back() {
  if [[ $LIVE == present ]]; then
    printf 'to go back to the old one: pgkeep undo-restore%s' "$(database_option)"
  else
    printf 'there was no database "%s" before' "$DATABASE_NAME"
  fi
}

# Which one, where the stack has several.
database_option() { ((${#NAMES[@]} == 1)) || printf ' --database %q' "$DATABASE_NAME"; }

# How the swap that this run made is undone, by the tool and by hand, and how its possibility ends.
print_undo() {
  local option
  option=$(database_option)
  query "$MAINTENANCE" restore/undo.sql -v name="$DATABASE_NAME" -v old="$OLD" >"$WORK/undo"
  section 'To undo this'
  printf '    pgkeep undo-restore%s\n' "$option"
  section "or by hand, as a superuser or the owner, in database $MAINTENANCE (stop the applications first)"
  sed -e '$d' -e 's/^/    /' "$WORK/undo"
  section 'To drop what was put aside when it is no longer needed'
  printf '    pgkeep drop-aside %s%s\n' "$OLD" "$option"
  sed -n '$s/^/    /p' "$WORK/undo"
}

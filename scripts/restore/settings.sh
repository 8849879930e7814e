#!/usr/bin/env bash
# What belongs to a database as such, and is in no dump of its content.

[[ ! -v PGKEEP_RESTORE_SETTINGS ]] || return 0
readonly PGKEEP_RESTORE_SETTINGS=1

source "$SCRIPTS/core/shell.sh"
source "$SCRIPTS/core/text.sh"
source "$SCRIPTS/core/log.sh"
source "$SCRIPTS/core/failure.sh"
source "$SCRIPTS/core/children.sh"
source "$SCRIPTS/server/errors.sh"
source "$SCRIPTS/server/psql.sh"
source "$SCRIPTS/server/maintenance.sh"
source "$SCRIPTS/volume/names.sh"
source "$SCRIPTS/volume/catalog.sh"
# For what settings.sql reads of that room.
source "$SCRIPTS/facts/facts.sh"
source "$SCRIPTS/load/state.sh"
source "$SCRIPTS/restore/state.sh"

# What belongs to a database as such is in no dump of its content: the side database gets it from the live one, or from the
# manifest where there is none.
set_settings() {
  local owned=true role
  is_legacy "$NAME" || [[ $(summary_value "$NAME" owners) != false ]] || owned=false
  if ! run psql_on "$MAINTENANCE" -f "$SCRIPTS/restore/settings.sql" -z -0 -v name="$DATABASE_NAME" \
    -v side="$SIDE" -v manifest_file="$MANIFEST" -v owned="$owned" >"$WORK/settings" 2>"$WORK/settings.errors"; then
    fail_explained "$WORK/settings.errors" 'the settings and rights of the database itself cannot be set'
  fi
  while read_fields role; do
    warn "what the backup says of role \"$(printable "$role")\" in the database itself is left out: there is no such role"
  done <"$WORK/settings"
}

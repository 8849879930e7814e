#!/usr/bin/env bash
# The archive's list of contents, for one pass of a load.

[[ ! -v PGKEEP_LOAD_ENTRIES ]] || return 0
readonly PGKEEP_LOAD_ENTRIES=1

source "$SCRIPTS/core/shell.sh"
source "$SCRIPTS/volume/names.sh"

# list_entries KIND: writes the archive's list of contents for one of the passes:
#   content  everything but extensions and rights; schemas that are there already are left out too
#   prepared the same with rights, for a database in which an administrator has made the extensions
#   rights   GRANT, REVOKE, ALTER DEFAULT PRIVILEGES, and comments on extensions, whose owner is not the temporary role
#   comments only those comments
list_entries() {
  pg_restore --list "$BACKUP_DIRECTORY/$NAME/database" \
    | awk -v pass="$1" -v prepared="$WORK/prepared" -f "$SCRIPTS/load/entries.awk"
}

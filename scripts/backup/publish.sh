#!/usr/bin/env bash
# The one rename that makes a backup.

[[ ! -v PGKEEP_BACKUP_PUBLISH ]] || return 0
readonly PGKEEP_BACKUP_PUBLISH=1

source "$SCRIPTS/core/shell.sh"
source "$SCRIPTS/core/log.sh"
source "$SCRIPTS/core/failure.sh"
source "$SCRIPTS/core/refusal.sh"
source "$SCRIPTS/core/files.sh"
source "$SCRIPTS/server/errors.sh"
source "$SCRIPTS/volume/names.sh"
source "$SCRIPTS/dump/snapshot.sh"
source "$SCRIPTS/backup/safety.sh"
source "$SCRIPTS/backup/prove.sh"

PUBLISHED='' # set by the rename

# Sets PUBLISHED and unsets WORKPLACE.
publish() {
  begin 'Published'
  if ! { mv -T "$STAGE" "$BACKUP_DIRECTORY/$NAME" && flush_paths "$BACKUP_DIRECTORY" "$BACKUP_DIRECTORY/.staging"; } \
    2>"$WORK/publish.errors"; then
    quote_output "$WORK/publish.errors"
    # The name may be gone after the next power cut, so the backup does not count as published: it goes back to .staging.
    [[ ! -d $BACKUP_DIRECTORY/$NAME ]] || mv -T "$BACKUP_DIRECTORY/$NAME" "$STAGE" || true
    explain "$WORK/publish.errors"
    not_whole 'the name of the finished backup could not be written to the device' "$CAUSE"
  fi
  PUBLISHED=yes WORKPLACE=''
  [[ -z $SAFETY_FILE ]] || printf '%s\n' "$NAME" >"$SAFETY_FILE"
  done_step "$NAME"
}

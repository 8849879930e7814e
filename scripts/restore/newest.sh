#!/usr/bin/env bash
# The newest backup that will do, and the newer ones that are passed over.

[[ ! -v PGKEEP_RESTORE_NEWEST ]] || return 0
readonly PGKEEP_RESTORE_NEWEST=1

source "$SCRIPTS/core/text.sh"
source "$SCRIPTS/core/log.sh"
source "$SCRIPTS/core/failure.sh"
source "$SCRIPTS/volume/names.sh"
source "$SCRIPTS/volume/marks.sh"
source "$SCRIPTS/volume/catalog.sh"
source "$SCRIPTS/restore/state.sh"

readonly PASSED_OVER_LINES=10
NEWEST=''      # what find_newest has found
PASSED_OVER=() # `warn|note NAME: why`, of newer ones it did not take

# find_newest DATABASE LIMIT: the newest verified backup of the database (as its summary spells it) that is not newer than
# the name LIMIT. Sets NEWEST, and PASSED_OVER to the newer ones that are not taken, though they are, or may be, of it.
find_newest() {
  local name database
  NEWEST='' PASSED_OVER=()
  while IFS= read -r name; do
    [[ ! ${name%.sql.gz} > $2 ]] || continue
    database=-
    is_legacy "$name" || database=$(summary_value "$name" database)
    [[ $database == "$1" || $database == - ]] || continue
    if [[ $database == "$1" ]] && may_be_latest "$name"; then
      NEWEST=$name
      return
    fi
    PASSED_OVER+=("$(passed_over "$name" "$database")")
  done < <(backup_names)
}

passed_over() {
  if is_legacy "$1"; then
    printf 'note %s: an older script made it, and it was never verified' "$1"
  elif [[ $(backup_status "$1") != verified ]]; then
    printf 'warn %s: it is damaged (%s)' "$1" "$(damage_reason "$1")"
  elif [[ $2 == - ]]; then
    printf 'warn %s: its summary does not say of which database it is' "$1"
  elif has_mark safety "$1"; then
    printf 'note %s: it was made before a restore, of what that was to replace' "$1"
  else
    printf 'warn %s: it is dated in the future, by a clock that was wrong' "$1"
  fi
}

# Nothing is silently taken in the place of something newer.
tell_passed_over() {
  local line count=${#PASSED_OVER[@]}
  for line in ${PASSED_OVER[@]+"${PASSED_OVER[@]:0:PASSED_OVER_LINES}"}; do "${line%% *}" "passed over ${line#* }"; done
  ((count <= PASSED_OVER_LINES)) || warn "passed over $((count - PASSED_OVER_LINES)) more; pgkeep list-backups shows them all"
}

# newest_of_each LIMIT: of several databases none is chosen: the one must not take the place of the other.
refuse_to_choose() {
  local database line=''
  for database in "${NAMES[@]}"; do
    find_newest "$(escape_as_copy "$database")" "$2"
    line+=", ${NEWEST:-none} of \"$database\""
  done
  fail 2 parameters "$1, which is not one backup here" \
    "this stack backs up ${#NAMES[@]} databases; the newest verified ones are ${line#, }" \
    'say which database: RESTORE_DATABASE=… (pgkeep run-restore … --database …), or name one of these: RESTORE_BACKUP=…'
}

#!/usr/bin/env bash
# Which backup a restore takes and into which database, and whether its bytes are what they were.

[[ ! -v PGKEEP_RESTORE_CHOOSE ]] || return 0
readonly PGKEEP_RESTORE_CHOOSE=1

source "$SCRIPTS/core/shell.sh"
source "$SCRIPTS/core/time.sh"
source "$SCRIPTS/core/text.sh"
source "$SCRIPTS/core/log.sh"
source "$SCRIPTS/core/failure.sh"
source "$SCRIPTS/core/children.sh"
source "$SCRIPTS/volume/names.sh"
source "$SCRIPTS/volume/holds.sh"
source "$SCRIPTS/volume/marks.sh"
source "$SCRIPTS/volume/catalog.sh"
source "$SCRIPTS/dump/reading.sh"
source "$SCRIPTS/load/state.sh"
source "$SCRIPTS/restore/state.sh"
source "$SCRIPTS/restore/asked.sh"
source "$SCRIPTS/restore/newest.sh"

list_hint() {
  printf 'pgkeep list-backups, or: kubectl -n %s create job --from=cronjob/postgres-backup-console list-backups' "$NAMESPACE"
}

# The newest verified backup of the stack's database.
choose_latest() {
  local limit='backup-99999999-999999'
  [[ -n $DATABASE_NAME ]] || refuse_to_choose 'RESTORE_BACKUP is "latest"' "$limit"
  find_newest "$(escape_as_copy "$DATABASE_NAME")" "$limit"
  NAME=$NEWEST
  tell_passed_over
  [[ -z $NAME ]] || return 0
  NAME=$(newest_verified)
  [[ -n $NAME ]] || fail 1 none 'there is no verified backup to restore' \
    "volume \"$VOLUME_NAME\" holds none that is dated before $(now_iso)" \
    'pgkeep list-backups shows what there is; a file of the older script can be restored by its name'
  fail 1 refused "the latest backup, $NAME, is of database \"$(summary_value "$NAME" database)\", not of \"$DATABASE_NAME\"" \
    'other databases have their backups on this volume, or databaseName was changed' \
    "say which backup to restore: RESTORE_BACKUP=$NAME if it is meant, else a name from pgkeep list-backups"
}

# The newest verified backup at or before the time that was asked for.
choose_by_time() {
  local limit oldest digits gap time
  printf -v limit 'backup-%(%Y%m%d-%H%M%S)T' "$ASKED_EPOCH"
  printf -v time '%(%Y-%m-%dT%H:%M:%SZ)T' "$ASKED_EPOCH"
  [[ -n $DATABASE_NAME ]] || refuse_to_choose "RESTORE_AT is \"$RESTORE_AT\"" "$limit"
  find_newest "$(escape_as_copy "$DATABASE_NAME")" "$limit"
  NAME=$NEWEST
  tell_passed_over
  if [[ -z $NAME ]]; then
    oldest=$(oldest_verified_of "$(escape_as_copy "$DATABASE_NAME")")
    [[ -n $oldest ]] || fail 1 none "there is no verified backup of \"$DATABASE_NAME\" at or before $time" \
      "volume \"$VOLUME_NAME\" holds none of it at all" \
      'pgkeep list-backups shows what there is; a file of the older script can be restored by its name'
    fail 1 none "there is no verified backup of \"$DATABASE_NAME\" at or before $time" \
      "the oldest one is $oldest, of $(name_to_iso "$oldest")" \
      "RESTORE_BACKUP=$oldest restores that; what lay before it is on no backup of volume \"$VOLUME_NAME\""
  fi
  digits=${NAME#backup-}
  gap=$((ASKED_EPOCH - $(epoch_of "${digits/-/}")))
  note "the newest verified backup at or before $time is $NAME, of $(name_to_iso "$NAME")"
  if ((gap == 0)); then
    note 'nothing lies between the two'
  else
    note "changes of $(duration_words "$gap") before $time are not in it, nor any later ones"
  fi
  # The name is the start of the run. What is to be undone may be moments old, and then it is in the backup.
  ((gap >= 60)) || warn "its content was read moments after its name's time, perhaps after $time;" \
    'for an earlier state ask for an earlier time'
}

# Sets NAME, or fails. Never chooses another backup than the one asked for.
choose_backup() {
  local wanted=$RESTORE_BACKUP
  if [[ -n ${RESTORE_AT:-} ]]; then
    choose_by_time
    return
  elif [[ $wanted == latest ]]; then
    choose_latest
    return
  fi
  wanted=${wanted#"$BACKUP_DIRECTORY"/}
  if ! is_backup_name "${wanted%.sql.gz}"; then
    fail 2 parameters "RESTORE_BACKUP is \"$RESTORE_BACKUP\"" \
      'that is neither "latest" nor a name like backup-20261123-020000 or backup-20261123-020000.sql.gz' "$(list_hint)"
  fi
  if [[ -d $BACKUP_DIRECTORY/$wanted || -f $BACKUP_DIRECTORY/$wanted ]]; then
    NAME=$wanted
  elif [[ -f $BACKUP_DIRECTORY/$wanted.sql.gz ]]; then
    NAME=$wanted.sql.gz
  else
    fail 1 unknown "there is no backup \"$wanted\"" \
      "volume \"$VOLUME_NAME\" holds $(backup_names | wc -l) backups, none of that name" "$(list_hint)"
  fi
  [[ $(backup_status "$NAME") != damaged ]] || refuse_damaged "$(damage_reason "$NAME")"
}

refuse_damaged() {
  fail 1 damaged "backup $NAME is damaged" "$1" \
    "choose another (pgkeep list-backups); the newest verified one is now $(newest_instead)"
}

# The newest verified backup of the database that the chosen one is of; of any where that is not known.
newest_instead() {
  local database=- newest
  is_legacy "$NAME" || database=$(summary_value "$NAME" database)
  if [[ $database == - && -n $DATABASE_NAME ]]; then database=$(escape_as_copy "$DATABASE_NAME"); fi
  newest=$(if [[ $database == - ]]; then newest_verified; else newest_verified_of "$database"; fi)
  printf '%s' "${newest:-none}"
}

# A new name, or else the database named, the stack's only one, or the one that the backup was taken from.
choose_database() {
  local database taken_from=- own=''
  is_legacy "$NAME" || taken_from=$(summary_value "$NAME" database)
  if [[ -n ${RESTORE_INTO:-} ]]; then
    DATABASE_NAME=$RESTORE_INTO
    return
  fi
  for database in "${NAMES[@]}"; do
    [[ $(escape_as_copy "$database") != "$taken_from" ]] || own=$database
  done
  if [[ -n $DATABASE_NAME ]]; then
    # Of a database that has been renamed since, it may be meant; of the neighbour, it is a slip.
    [[ -z $own || $own == "$DATABASE_NAME" ]] || fail 1 refused "backup $NAME is of database \"$own\", not of \"$DATABASE_NAME\"" \
      'RESTORE_BACKUP and RESTORE_DATABASE name different databases of this stack' \
      'leave RESTORE_DATABASE empty, or choose another backup (pgkeep list-backups); beside both goes RESTORE_INTO=…'
    return
  fi
  ! is_legacy "$NAME" || fail 1 refused "$NAME does not say of which database it is" \
    "this stack backs up ${#NAMES[@]} databases, and a file of the older script has no manifest" \
    'say into which one it goes: RESTORE_DATABASE=… (pgkeep run-restore … --database …)'
  [[ $taken_from != - ]] || refuse_damaged 'its summary does not say of which database it is'
  [[ -n $own ]] || fail 1 refused "backup $NAME is of database \"$taken_from\"" 'the setting databases does not name it' \
    'add it to databases, choose another backup (pgkeep list-backups), or restore it under a new name: RESTORE_INTO=…'
  DATABASE_NAME=$own
}

verify_bytes() {
  begin 'Verified the bytes of the backup'
  if is_legacy "$NAME"; then
    run check_plain "$BACKUP_DIRECTORY/$NAME" >"$WORK/verdict" \
      || fail 1 damaged "$NAME cannot be read" "$(<"$WORK/verdict")" 'choose another backup (pgkeep list-backups)'
    done_step 'made by an older script: complete, but without hashes and counts to compare with'
    return
  fi
  if ! hold "$NAME" || ! run check_backup "$NAME" >"$WORK/verdict"; then
    set_mark damaged "$NAME" "$(<"$WORK/verdict")" || warn 'the mark for damaged backups could not be written'
    refuse_damaged "$(<"$WORK/verdict")"
  fi
  MANIFEST="$BACKUP_DIRECTORY/$NAME/manifest.json"
  done_step "$(wc -l <"$BACKUP_DIRECTORY/$NAME/SHA256SUMS") files"
}

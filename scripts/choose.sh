#!/usr/bin/env bash
# Which backup a restore takes, and whether its bytes are what they were. Part of restore.sh, which holds the variables.

# The newest verified backup of the stack's database. Of several databases none is chosen: the one must not take the
# place of the other.
choose_latest() {
  local database line=''
  if [[ -z $DATABASE_NAME ]]; then
    for database in "${NAMES[@]}"; do line+=", $(newest_or_none "$database") of \"$database\""; done
    fail 2 parameters 'RESTORE_BACKUP is "latest", which is not one backup here' \
      "this stack backs up ${#NAMES[@]} databases; the newest verified ones are ${line#, }" \
      'say which backup to restore: RESTORE_BACKUP=… with one of these names'
  fi
  NAME=$(newest_verified_of "$(escape_as_copy "$DATABASE_NAME")")
  [[ -z $NAME ]] || return 0
  NAME=$(newest_verified)
  [[ -n $NAME ]] || fail 1 none 'there is no verified backup to restore' \
    "volume \"$VOLUME_NAME\" holds none that is dated before $(now_iso)" \
    'pgkeep list-backups shows what there is; a file of the older script can be restored by its name'
  fail 1 refused "the latest backup, $NAME, is of database \"$(summary_value "$NAME" database)\", not of \"$DATABASE_NAME\"" \
    'other databases have their backups on this volume, or databaseName was changed' \
    "say which backup to restore: RESTORE_BACKUP=$NAME if it is meant, else a name from pgkeep list-backups"
}

# Of several databases: the one that the backup was taken from.
choose_database() {
  local database taken_from
  [[ -z $DATABASE_NAME ]] || return 0
  is_legacy "$NAME" && fail 1 refused "$NAME does not say of which database it is" \
    "this stack backs up ${#NAMES[@]} databases, and a file of the older script has no manifest" \
    'restore it from a stack that has only that database (databaseName)'
  taken_from=$(summary_value "$NAME" database)
  for database in "${NAMES[@]}"; do
    [[ $(escape_as_copy "$database") != "$taken_from" ]] || DATABASE_NAME=$database
  done
  [[ -n $DATABASE_NAME ]] || fail 1 refused "backup $NAME is of database \"$taken_from\"" \
    'the setting databases does not name it' "add it to databases, or choose another backup (pgkeep list-backups)"
}

# Sets NAME, or fails. Never chooses another backup than the one asked for.
choose_backup() {
  local wanted=$RESTORE_BACKUP
  if [[ $wanted == latest ]]; then
    choose_latest
    return
  fi
  wanted=${wanted#"$BACKUP_DIRECTORY"/}
  if ! is_backup_name "${wanted%.sql.gz}"; then
    fail 2 parameters "RESTORE_BACKUP is \"$RESTORE_BACKUP\"" \
      'that is neither "latest" nor a name like backup-20261123-020000 or backup-20261123-020000.sql.gz' \
      "pgkeep list-backups, or: kubectl -n $NAMESPACE create job --from=cronjob/postgres-backup-console list-backups"
  fi
  if [[ -d $BACKUP_DIRECTORY/$wanted || -f $BACKUP_DIRECTORY/$wanted ]]; then
    NAME=$wanted
  elif [[ -f $BACKUP_DIRECTORY/$wanted.sql.gz ]]; then
    NAME=$wanted.sql.gz
  else
    fail 1 unknown "there is no backup \"$wanted\"" \
      "volume \"$VOLUME_NAME\" holds $(backup_names | wc -l) backups, none of that name" \
      "pgkeep list-backups, or: kubectl -n $NAMESPACE create job --from=cronjob/postgres-backup-console list-backups"
  fi
  if [[ $(backup_status "$NAME") == damaged ]]; then
    fail 1 damaged "backup $NAME is damaged" "$(damage_reason "$NAME")" \
      "choose another (pgkeep list-backups); the newest verified one is $(newest_or_none "${DATABASE_NAME:-}")"
  fi
}

# The newest verified backup of a database, or of any.
newest_or_none() {
  local newest
  newest=$(if [[ -n $1 ]]; then newest_verified_of "$(escape_as_copy "$1")"; else newest_verified; fi)
  printf '%s' "${newest:-none}"
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
    fail 1 damaged "backup $NAME is damaged" "$(<"$WORK/verdict")" \
      "choose another (pgkeep list-backups); the newest verified one is now $(newest_or_none "$DATABASE_NAME")"
  fi
  MANIFEST="$BACKUP_DIRECTORY/$NAME/manifest.json"
  done_step "$(wc -l <"$BACKUP_DIRECTORY/$NAME/SHA256SUMS") files"
}

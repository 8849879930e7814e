#!/usr/bin/env bash
# Which backup a restore takes and into which database, and whether its bytes are what they were. Part of restore.sh,
# which holds the variables.

readonly PASSED_OVER_LINES=10

ASKED_EPOCH=0  # RESTORE_AT in seconds since 1970
NEWEST=''      # what find_newest has found
PASSED_OVER=() # `warn|note NAME: why`, of newer ones it did not take

list_hint() {
  printf 'pgkeep list-backups, or: kubectl -n %s create job --from=cronjob/postgres-backup-console list-backups' "$NAMESPACE"
}

# --- what is asked for --------------------------------------------------------------------------------------------------

# As far as it can be judged without a look at the volume. Sets DATABASE_NAME where it is clear.
check_choice() {
  local line
  if [[ -z ${RESTORE_BACKUP:-}${RESTORE_AT:-} ]]; then
    line="kubectl -n $NAMESPACE create job --from=cronjob/postgres-restore restore-now --dry-run=client -o yaml"
    line+=" | kubectl set env --local -f - RESTORE_BACKUP=latest -o yaml | kubectl create -f -"
    note 'Nothing was restored: this Job does not say which backup. Either of these does:'
    note '    pgkeep run-restore latest'
    note "    $line"
    fail 2 parameters 'RESTORE_BACKUP is empty' 'the template restores nothing unless it is told what' "$line"
  fi
  if [[ -n ${RESTORE_AT:-} ]]; then
    [[ -z ${RESTORE_BACKUP:-} ]] || fail 2 parameters "RESTORE_BACKUP is \"$RESTORE_BACKUP\" and RESTORE_AT is \"$RESTORE_AT\"" \
      'the one names a backup, the other a time to find one by' 'leave one of them empty'
    read_asked_time
  fi
  choose_named_database
  check_new_name
}

# Of the databases of the stack, the one that RESTORE_DATABASE names.
choose_named_database() {
  local database list=''
  [[ -n ${RESTORE_DATABASE:-} ]] || return 0
  for database in "${NAMES[@]}"; do
    list+=", \"$database\""
    [[ $database != "$RESTORE_DATABASE" ]] || DATABASE_NAME=$database
  done
  [[ $DATABASE_NAME == "$RESTORE_DATABASE" ]] || fail 2 parameters "RESTORE_DATABASE is \"$RESTORE_DATABASE\"" \
    "this stack backs up ${list#, }" 'name one of these; to restore under another name there is RESTORE_INTO'
}

refuse_time() {
  fail 2 parameters "RESTORE_AT is \"$RESTORE_AT\"" "$1" \
    'write 2026-11-20T14:00Z or 2026-11-20T14:00:30Z in UTC, or with the distance from UTC: 2026-11-20T15:00+01:00'
}

# Sets ASKED_EPOCH. By our own arithmetic: what `date -d` understands differs from image to image.
read_asked_time() {
  local form='^([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2})(:([0-9]{2}))?(Z|([+-])([0-9]{2}):?([0-9]{2}))$' again
  local -a part=()
  [[ $RESTORE_AT =~ $form ]] || refuse_time 'that is not a time as pgkeep reads it'
  part=("${BASH_REMATCH[@]}")
  ASKED_EPOCH=$(epoch_of "${part[1]}${part[2]}${part[3]}${part[4]}${part[5]}${part[7]:-00}")
  # No backup is that old; -1 and -2 are words of printf's own.
  ((ASKED_EPOCH > 86400)) || refuse_time 'no backup can be that old'
  # A 31 April, or an hour 24, comes back as another day.
  printf -v again '%(%Y-%m-%dT%H:%M:%S)T' "$ASKED_EPOCH"
  [[ $again == "${part[1]}-${part[2]}-${part[3]}T${part[4]}:${part[5]}:${part[7]:-00}" ]] \
    || refuse_time 'there is no such day or time of day'
  if [[ -n ${part[9]} ]]; then
    ((10#${part[10]} <= 14 && 10#${part[11]} < 60)) || refuse_time 'no place is that far from UTC'
    ASKED_EPOCH=$((ASKED_EPOCH - ${part[9]}1 * (10#${part[10]} * 3600 + 10#${part[11]} * 60)))
  fi
  ((ASKED_EPOCH <= EPOCHSECONDS)) || fail 2 parameters "RESTORE_AT is \"$RESTORE_AT\", which is in the future" \
    "it is $(now_iso) now" 'RESTORE_BACKUP=latest takes the newest backup; a time is written in UTC'
}

# Seconds since 1970 of YYYYMMDDHHMMSS in UTC.
epoch_of() {
  local year=$((10#${1:0:4})) month=$((10#${1:4:2})) days
  # January and February count as months of the year before: the day that is only sometimes there is then a year's last.
  if ((month < 3)); then year=$((year - 1)) month=$((month + 12)); fi
  days=$((year * 365 + year / 4 - year / 100 + year / 400 + (153 * (month - 3) + 2) / 5 + 10#${1:6:2} - 719469))
  printf '%d' $((days * 86400 + 10#${1:8:2} * 3600 + 10#${1:10:2} * 60 + 10#${1:12:2}))
}

# RESTORE_INTO, as far as no server is needed to judge it.
check_new_name() {
  local database cause=''
  [[ -n ${RESTORE_INTO:-} ]] || return 0
  ((${#RESTORE_INTO} <= 63)) || cause="a name has at most 63 bytes, this one has ${#RESTORE_INTO}"
  [[ $RESTORE_INTO != *[[:cntrl:]]* ]] || cause='it holds a control character, such as a line break'
  [[ ! $RESTORE_INTO =~ ^(postgres|template0|template1)$ ]] || cause='that database belongs to the server itself'
  for database in "${NAMES[@]}"; do
    [[ $database != "$RESTORE_INTO" ]] || cause='that is a database of this stack; leave RESTORE_INTO empty to restore it'
  done
  [[ -z $cause ]] || fail 2 parameters "RESTORE_INTO is \"$RESTORE_INTO\"" "$cause" \
    'name a database that does not exist yet; it is made for the restored content'
  [[ -z ${RESTORE_TABLES:-}${RESTORE_SCHEMAS:-} ]] || fail 2 parameters 'RESTORE_INTO does not go with RESTORE_TABLES or RESTORE_SCHEMAS' \
    'single tables go beside those of the database, in a schema of their own' \
    'leave RESTORE_INTO empty, or restore the whole database into it'
}

# --- which backup -------------------------------------------------------------------------------------------------------

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
  ((gap >= 60)) || warn "its content was read moments after its name's time, perhaps after $time; for an earlier state ask for an earlier time"
}

# The two largest units: 3 h 12 min.
duration_words() {
  local seconds=$1
  if ((seconds >= 86400)); then
    printf '%d d %d h' $((seconds / 86400)) $((seconds % 86400 / 3600))
  elif ((seconds >= 3600)); then
    printf '%d h %d min' $((seconds / 3600)) $((seconds % 3600 / 60))
  elif ((seconds >= 60)); then
    printf '%d min %d s' $((seconds / 60)) $((seconds % 60))
  else
    printf '%d s' "$seconds"
  fi
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

# --- into which database ------------------------------------------------------------------------------------------------

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

# --- its bytes ----------------------------------------------------------------------------------------------------------

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

#!/usr/bin/env bash
# What a restore is asked for, as far as it can be judged without a look at the volume.

[[ ! -v PGKEEP_RESTORE_ASKED ]] || return 0
readonly PGKEEP_RESTORE_ASKED=1

source "$SCRIPTS/core/time.sh"
source "$SCRIPTS/core/log.sh"
source "$SCRIPTS/core/failure.sh"
source "$SCRIPTS/restore/state.sh"

ASKED_EPOCH=0 # RESTORE_AT in seconds since 1970

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
}

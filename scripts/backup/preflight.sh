#!/usr/bin/env bash
# What must hold before a dump is begun: found in seconds instead of hours later, and told with its cure.

[[ ! -v PGKEEP_BACKUP_PREFLIGHT ]] || return 0
readonly PGKEEP_BACKUP_PREFLIGHT=1

source "$SCRIPTS/core/shell.sh"
source "$SCRIPTS/core/text.sh"
source "$SCRIPTS/core/log.sh"
source "$SCRIPTS/core/failure.sh"
source "$SCRIPTS/core/refusal.sh"
source "$SCRIPTS/core/lock.sh"
source "$SCRIPTS/server/versions.sh"
source "$SCRIPTS/server/credentials.sh"
source "$SCRIPTS/server/psql.sh"
source "$SCRIPTS/server/connect.sh"
source "$SCRIPTS/volume/catalog.sh"
source "$SCRIPTS/volume/space.sh"
source "$SCRIPTS/volume/retention.sh"
source "$SCRIPTS/dump/compression.sh"
source "$SCRIPTS/backup/safety.sh"
source "$SCRIPTS/backup/stage.sh"
source "$SCRIPTS/backup/clock.sh"

# Free space to leave over, so that records and another pod's log lines still fit.
readonly SPACE_RESERVE=$((16 * 1024 * 1024))
SPACE_NEEDED=0 # bytes
SPACE_BASIS='' # how that was reckoned

check_volume() {
  local directory
  [[ -d $BACKUP_DIRECTORY ]] || fail 1 volume "$BACKUP_DIRECTORY is not there" \
    "volume claim \"$VOLUME_NAME\" is not mounted" "kubectl -n $NAMESPACE describe pvc $VOLUME_NAME"
  for directory in .staging .trash .records; do
    mkdir -p "$BACKUP_DIRECTORY/$directory" 2>"$WORK/volume.errors" \
      || volume_refused "volume \"$VOLUME_NAME\" takes no backup" "$WORK/volume.errors"
    # Through a link, sweeping would remove files elsewhere.
    [[ ! -L $BACKUP_DIRECTORY/$directory ]] || fail 1 volume "volume \"$VOLUME_NAME\" takes no backup" \
      "$BACKUP_DIRECTORY/$directory is a link" 'remove the link, and look at who else can write to the volume'
  done
  refusal_of_volume >"$WORK/volume.errors"
  [[ ! -s $WORK/volume.errors ]] || volume_refused "volume \"$VOLUME_NAME\" takes no backup" "$WORK/volume.errors"
}

check_access() {
  local missing count
  query "$DATABASE_NAME" backup/access.sql >"$WORK/access"
  [[ -s $WORK/access ]] || return 0
  count=$(wc -l <"$WORK/access")
  note "rights that user \"$PGUSER\" lacks ($count):"
  sed -n '1,50s/^/    /p' "$WORK/access"
  missing=$(head -n 1 "$WORK/access")
  fail 1 rights "user \"$PGUSER\" cannot read all of database \"$DATABASE_NAME\": permission denied for $count objects" \
    "a backup without them would not be whole; first: $missing" \
    "run the statements above as a superuser, or GRANT pg_read_all_data TO \"$PGUSER\""
}

# Sets SPACE_BASIS and SPACE_NEEDED: the last backup of this database, grown as the database has grown since, or else half the
# database.
estimate_space() {
  local last bytes before now
  ask_number 'SELECT pg_catalog.pg_database_size(pg_catalog.current_database())'
  now=$ANSWER
  last=$(newest_verified_of "$(escape_as_copy "$DATABASE_NAME")")
  if [[ -n $last ]]; then
    bytes=$(summary_value "$last" backup_bytes)
    before=$(summary_value "$last" database_bytes)
    SPACE_BASIS="$last has $(human_size "$bytes"), the database had $(human_size "$before") then and has $(human_size "$now") now"
    SPACE_BASIS+='; a fifth is added'
    # In floating point: the product of two sizes leaves the shell's 64 bits.
    SPACE_NEEDED=$(awk -v bytes="$bytes" -v before="$before" -v now="$now" -v reserve="$SPACE_RESERVE" \
      'BEGIN { grown = before > 0 && now > before ? now / before : 1; printf "%.0f", bytes * grown * 1.2 + reserve }')
    return
  fi
  # A dump holds no indexes and is compressed: half the database is already a cautious guess.
  SPACE_BASIS="there is no earlier backup; reckoned from the size of the database, $(human_size "$now")"
  [[ $COMPRESSION == none ]] || now=$((now / 2))
  SPACE_NEEDED=$((now + SPACE_RESERVE))
}

check_space() {
  local free inodes files=64 last
  estimate_space
  free=$(free_bytes)
  if ((free < SPACE_NEEDED)); then
    # Deleted backups wait for one good run more, unless their room is needed.
    empty_trash
    free=$(free_bytes)
  fi
  if ((free < SPACE_NEEDED)); then
    fail 1 space "volume \"$VOLUME_NAME\" has $(human_size "$free") free, the backup needs about $(human_size "$SPACE_NEEDED")" \
      "$SPACE_BASIS$(growth_words "$free")" "enlarge it (volumeSize), or keep fewer backups (retentionDays, retentionMinimum)"
  fi
  # A file a table and a few more. File systems that have no fixed number of inodes report none at all.
  last=$(newest_verified_of "$(escape_as_copy "$DATABASE_NAME")")
  if [[ -n $last ]]; then files=$((files + $(wc -l <"$BACKUP_DIRECTORY/$last/SHA256SUMS"))); fi
  read -r inodes < <(stat -f -c '%c %d' "$BACKUP_DIRECTORY" | awk '{ print ($1 > 0 ? $2 : "-") }') || inodes=-
  if is_number "$inodes" && ((inodes < files)); then
    fail 1 space "volume \"$VOLUME_NAME\" has $inodes inodes free, the backup needs about $files" \
      "the file system holds as many files as it can, whatever their size" \
      "make a new volume with more inodes, or keep fewer backups (retentionDays, retentionMinimum)"
  fi
}

preflight() {
  local free
  begin 'Volume is writable'
  check_volume
  if [[ -n $SAFETY_LOCK ]]; then share_lock "$SAFETY_LOCK"; else take_lock backup; fi
  sweep_staging
  free=$(free_bytes)
  done_step "$(human_size "$free") free$(growth_words "$free")"
  begin 'Connected'
  use_credentials
  read_client_version
  connect_or_fail "$DATABASE_NAME"
  check_versions
  done_step "server $SERVER_VERSION, client $CLIENT_VERSION, user \"$PGUSER\""
  begin 'Checked rights, compression, space and clock'
  choose_compression
  check_access
  check_space
  check_clock
  done_step "$COMPRESSION, needs about $(human_size "$SPACE_NEEDED")"
}

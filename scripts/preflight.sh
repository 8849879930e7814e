#!/usr/bin/env bash
# What must hold before a dump is begun: found in seconds instead of hours later, and told with its cure. Part of backup.

# Free space to leave over, so that records and another pod's log lines still fit.
readonly SPACE_RESERVE=$((16 * 1024 * 1024))
# Clocks of two machines that keep time differ by less. Beyond it one of them is wrong, and names and ages with it.
readonly CLOCK_TOLERANCE=3600

SPACE_NEEDED=0 # bytes
SPACE_BASIS='' # how that was reckoned
COMPRESSION=''
CLOCK_BASE=0     # what this pod's clock said when the machine was started
CLOCK_DOUBTED='' # why nobody should delete anything by this pod's clock

check_volume() {
  local directory
  [[ -d $BACKUP_DIRECTORY ]] || fail 1 volume "$BACKUP_DIRECTORY is not there" \
    "volume claim \"$VOLUME_NAME\" is not mounted" "kubectl -n $NAMESPACE describe pvc $VOLUME_NAME"
  for directory in .staging .trash .records; do
    mkdir -p "$BACKUP_DIRECTORY/$directory" 2>"$WORK/volume.errors" \
      || volume_refused "volume \"$VOLUME_NAME\" takes no backup" "$WORK/volume.errors"
    # What is swept there would be swept where a link leads to.
    [[ ! -L $BACKUP_DIRECTORY/$directory ]] || fail 1 volume "volume \"$VOLUME_NAME\" takes no backup" \
      "$BACKUP_DIRECTORY/$directory is a link" 'remove the link, and look at who else can write to the volume'
  done
  refusal_of_volume >"$WORK/volume.errors"
  [[ ! -s $WORK/volume.errors ]] || volume_refused "volume \"$VOLUME_NAME\" takes no backup" "$WORK/volume.errors"
}

# Sets COMPRESSION to what this client can do, as method:level or none.
choose_compression() {
  COMPRESSION=$BACKUP_COMPRESSION
  if [[ $COMPRESSION == auto ]]; then
    # zstd:1 is faster and smaller than any gzip level; else the cheapest gzip, because pg_dump's time is mostly gzip's.
    # A plain dump has one process and is often carried elsewhere: there a little more is worth it.
    if [[ $BACKUP_FORMAT == plain ]]; then
      COMPRESSION=gzip:3
    elif client_compresses zstd:1; then
      COMPRESSION=zstd:1
    else
      COMPRESSION=gzip:1
    fi
  fi
  [[ $COMPRESSION =~ ^(none|gzip:[1-9]|lz4:([1-9]|1[0-2])|zstd:([1-9]|1[0-9]))$ ]] \
    || fail 2 parameters "compression is \"$BACKUP_COMPRESSION\"" "pgkeep knows auto, none, gzip:1-9, lz4:1-12, zstd:1-19" \
      "pulumi config set compression auto"
  if [[ $BACKUP_FORMAT == plain && $COMPRESSION != gzip:* ]]; then
    fail 2 parameters "compression \"$COMPRESSION\" does not go with format plain" \
      "a plain backup is a .sql.gz that zcat reads" "pulumi config set compression auto (or gzip:1-9)"
  fi
  client_compresses "$COMPRESSION" || fail 1 compression "the client in the image (PostgreSQL $CLIENT_VERSION) cannot do $COMPRESSION" \
    "PostgreSQL 15 and older know only gzip, and some images are built without lz4 or zstd" \
    "pulumi config set compression auto"
}

client_compresses() {
  local words
  case $1 in
    none | gzip:*) return 0 ;;
    *) ((CLIENT_MAJOR >= 16)) || return 1 ;;
  esac
  # pg_dump refuses a method it was not built with before it looks for a server; here is none to find.
  words=$(PGHOST=/nonexistent pg_dump -Fd -Z "$1" -f "$WORK/probe" 2>&1) || true
  [[ $words != *compress* ]]
}

# pg_dump's option for COMPRESSION; clients before 16 know only a number.
compression_option() {
  if ((CLIENT_MAJOR >= 16)); then
    printf -- '--compress=%s' "$COMPRESSION"
  elif [[ $COMPRESSION == none ]]; then
    printf -- '--compress=0'
  else
    printf -- '--compress=%s' "${COMPRESSION#*:}"
  fi
}

check_access() {
  local missing count
  query "$DATABASE_NAME" access.sql >"$WORK/access"
  [[ -s $WORK/access ]] || return 0
  count=$(wc -l <"$WORK/access")
  note "rights that user \"$PGUSER\" lacks ($count):"
  sed -n '1,50s/^/    /p' "$WORK/access"
  missing=$(head -n 1 "$WORK/access")
  fail 1 rights "user \"$PGUSER\" cannot read all of database \"$DATABASE_NAME\": permission denied for $count objects" \
    "a backup without them would not be whole; first: $missing" \
    "run the statements above as a superuser, or GRANT pg_read_all_data TO \"$PGUSER\""
}

# Sets SPACE_NEEDED: the last backup of this database, grown as the database has grown since, or else half the database.
estimate_space() {
  local last bytes before now
  ask_number 'SELECT pg_catalog.pg_database_size(pg_catalog.current_database())'
  now=$ANSWER
  last=$(newest_verified_of "$(escape_as_copy "$DATABASE_NAME")")
  if [[ -n $last ]]; then
    bytes=$(summary_value "$last" backup_bytes)
    before=$(summary_value "$last" database_bytes)
    SPACE_BASIS="$last has $(human_size "$bytes"), the database had $(human_size "$before") then and has $(human_size "$now") now; a fifth is added"
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

# Seconds since the machine was started: this clock nobody sets.
uptime_seconds() {
  local seconds
  read -r seconds _ </proc/uptime
  printf '%s' "${seconds%%.*}"
}

# A clock that was right when the run began may have been set since.
doubt_jumping_clock() {
  local jump=$((EPOCHSECONDS - $(uptime_seconds) - CLOCK_BASE))
  if ((jump > CLOCK_TOLERANCE || -jump > CLOCK_TOLERANCE)); then
    CLOCK_DOUBTED="this pod's clock has jumped by $jump seconds during the run"
    warn "$CLOCK_DOUBTED; retention waits until the next run"
  fi
}

# Names and ages come from this pod's clock; the server's is a second opinion.
check_clock() {
  local difference newest
  ask_number 'SELECT pg_catalog.floor(extract(epoch FROM pg_catalog.clock_timestamp()))::bigint'
  difference=$((EPOCHSECONDS - ANSWER))
  CLOCK_BASE=$((EPOCHSECONDS - $(uptime_seconds)))
  ((difference >= 0)) || difference=$((-difference))
  if ((difference > CLOCK_TOLERANCE)); then
    CLOCK_DOUBTED="this pod's clock says $(now_iso), the server's differs by $difference seconds"
    warn "$CLOCK_DOUBTED; retention waits until that is mended"
  fi
  newest=$(backup_names | head -n 1)
  ! is_from_the_future "${newest:-none}" || warn "$newest is dated in the future: the clock was wrong when it was made, or is" \
    "now ($(now_iso)). It is neither counted nor deleted, and latest does not mean it"
}

# A safety backup works under the lock of the restore that has started it: the same open file, so that the kernel knows
# one holder, and nobody gets in between should the restore be killed alone. Only what is really that file will do.
share_lock() {
  if [[ ! $1 =~ ^[0-9]+$ || ! /proc/self/fd/$1 -ef $BACKUP_DIRECTORY/.lock ]] || ! flock -n "$1"; then
    fail 2 parameters 'a safety backup was started without the lock of its restore' \
      'only a restore starts one' 'pgkeep run-backup makes a backup'
  fi
  LOCK_DESCRIPTOR=$1
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

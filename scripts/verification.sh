#!/usr/bin/env bash
# Reading a backup to its last byte. Shared by backup (before publishing), console (verify) and restore.
#
# Each function prints nothing when all is well and one line that names the damage otherwise, and returns 1 then.

# SHA256SUMS of every other file of a backup, in the format of `sha256sum -c`.
write_hashes() (
  cd "$1" || exit 1
  find . -type f ! -name SHA256SUMS | sed 's|^\./||' | sort | xargs sha256sum >"$WORK/SHA256SUMS"
  cat "$WORK/SHA256SUMS" >SHA256SUMS
)

# The files that are there must be the files that are listed, and each must have its hash.
check_hashes() (
  cd "$1" || exit 1
  if [[ ! -s SHA256SUMS ]]; then
    printf 'SHA256SUMS is missing or empty'
    exit 1
  fi
  # A cut list would make everything after the cut unproven, so each line is held to its form.
  if ! awk 'length($1) != 64 || $1 ~ /[^0-9a-f]/ || substr($0, 65, 2) != "  " || length($0) < 67 { exit 1 }' SHA256SUMS \
    || [[ -n $(tail -c 1 SHA256SUMS) ]]; then
    printf 'SHA256SUMS is not a list of hashes'
    exit 1
  fi
  find . ! -type d ! -name SHA256SUMS | sed 's|^\./||' >"$WORK/found"
  cut -c 67- SHA256SUMS >"$WORK/listed"
  local difference
  difference=$(awk '
    FNR == NR { listed[$0] = 1; next }
    $0 in listed { delete listed[$0]; next }
    { print "not in SHA256SUMS: " $0 }
    END { for (name in listed) print "missing: " name }
  ' "$WORK/listed" "$WORK/found" | sort | head -n 5 | paste_lines)
  if [[ -n $difference ]]; then
    printf '%s' "$difference"
    exit 1
  fi
  if ! sha256sum -c SHA256SUMS >"$WORK/hashes" 2>/dev/null; then
    printf 'changed: %s' "$(sed -n 's/: FAILED.*//p' "$WORK/hashes" | head -n 5 | paste_lines)"
    exit 1
  fi
)

paste_lines() { awk '{ printf "%s%s", (NR > 1 ? ", " : ""), $0 }'; }

# Decompresses and parses the whole archive, as a restore would. `pg_restore -l` would accept a cut one.
check_directory() {
  if ! pg_restore -f /dev/null "$1" 2>"$WORK/read.errors"; then
    printf 'pg_restore cannot read it: %s' "$(head -n 1 "$WORK/read.errors")"
    return 1
  fi
}

# gzip's own checksum, and the line pg_dump writes last: a dump that was cut before it was compressed has none.
# Newer versions of pg_dump write an \unrestrict line after it.
check_plain() {
  if ! gzip -dc "$1" 2>"$WORK/read.errors" | tail -n 12 >"$WORK/tail"; then
    printf 'gzip cannot read it: %s' "$(head -n 1 "$WORK/read.errors")"
    return 1
  fi
  if ! grep -q '^-- PostgreSQL database dump complete' "$WORK/tail"; then
    printf 'the dump is cut: its end marker is missing'
    return 1
  fi
}

# The dump of a backup directory, in either format.
check_dump() {
  local plain
  plain="$1/${1##*/}.sql.gz"
  if [[ -d $1/database ]]; then
    check_directory "$1/database"
  elif [[ -f $plain ]]; then
    check_plain "$plain"
  else
    printf 'it holds no dump'
    return 1
  fi
}

# Everything, for a published backup.
check_backup() {
  local directory="$BACKUP_DIRECTORY/$1" file
  for file in manifest.json summary globals.sql; do
    if [[ ! -s $directory/$file ]]; then
      printf 'missing or empty: %s' "$file"
      return 1
    fi
  done
  if [[ $(summary_value "$1" name) != "$1" ]]; then
    printf 'it is a copy of %s under another name' "$(summary_value "$1" name)"
    return 1
  fi
  check_hashes "$directory" && check_dump "$directory"
}

mark_damaged() {
  mkdir -p "$BACKUP_DIRECTORY/.records/damaged"
  printf '%s %s\n' "$(now_iso)" "$2" >"$BACKUP_DIRECTORY/.records/damaged/$1"
  flush_paths "$BACKUP_DIRECTORY/.records/damaged/$1" "$BACKUP_DIRECTORY/.records/damaged"
}

clear_damaged() { rm -f "$BACKUP_DIRECTORY/.records/damaged/$1"; }

#!/usr/bin/env bash
# Reading a backup to its last byte. Shared by backup (before publishing), console (verify) and restore.
#
# Each check prints nothing when all is well and one line that names the damage otherwise, and returns 1 then.

# SHA256SUMS of every other file of a backup, in the format of `sha256sum -c`.
write_hashes() (
  cd "$1" || exit 1
  find . -type f ! -name SHA256SUMS | sed 's|^\./||' | sort | xargs sha256sum >"$WORK/SHA256SUMS"
  cat "$WORK/SHA256SUMS" >SHA256SUMS
)

# The bytes of a file as the device has them, not as memory remembers them: a write that never arrived shows only there.
# GNU dd gives up the file's pages in memory, after which a plain read fetches them anew; busybox dd can read past the
# memory. A file system that is nothing but memory (tmpfs) knows neither.
read_from_device() {
  if dd if="$1" iflag=nocache count=0 2>/dev/null; then
    cat "$1"
  elif dd if="$1" iflag=direct bs=4096 count=1 of=/dev/null 2>/dev/null; then
    dd if="$1" iflag=direct bs=1M 2>/dev/null
  else
    cat "$1"
  fi
}

# sha256sum -c over the device's bytes: prints the names of the files that are not as listed.
changed_files() {
  local line
  while IFS= read -r line; do
    [[ $(read_from_device "${line:66}" | sha256sum) == "${line:0:64}  -" ]] || printf '%s\n' "${line:66}"
  done <"$WORK/sums" 2>/dev/null
}

# The files that are there must be the files that are listed, and each must have its hash.
check_hashes() (
  cd "$1" || exit 1
  if [[ ! -f SHA256SUMS || -L SHA256SUMS || ! -s SHA256SUMS ]]; then
    printf 'SHA256SUMS is missing or empty'
    exit 1
  fi
  read_from_device SHA256SUMS >"$WORK/sums"
  # A cut list would make everything after the cut unproven, so each line is held to its form.
  if ! awk '
    length($1) != 64 || $1 ~ /[^0-9a-f]/ || substr($0, 65, 2) != "  " || length($0) < 67 || seen[substr($0, 67)]++ { exit 1 }
  ' "$WORK/sums" \
    || [[ -n $(tail -c 1 "$WORK/sums") ]]; then
    printf 'SHA256SUMS is not a list of hashes'
    exit 1
  fi
  # A link or a pipe in the place of a file is not the file, and to read it might never end.
  local difference
  difference=$(find . ! -type d ! -type f | sed 's|^\./|not a plain file: |' | head -n 5 | paste_lines)
  if [[ -n $difference ]]; then
    printf '%s' "$difference"
    exit 1
  fi
  find . ! -type d ! -path ./SHA256SUMS | sed 's|^\./||' >"$WORK/found"
  cut -c 67- "$WORK/sums" >"$WORK/listed"
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
  changed_files >"$WORK/changed"
  if [[ -s $WORK/changed ]]; then
    printf 'changed: %s' "$(head -n 5 "$WORK/changed" | paste_lines)"
    exit 1
  fi
)

paste_lines() { awk '{ printf "%s%s", (NR > 1 ? ", " : ""), $0 }'; }

# Decompresses and parses the whole archive, as a restore would, and writes the rows of every COPY block to $WORK/blocks.
# `pg_restore -l` would accept a cut archive, and to some readers a cut zstd stream is only a short one.
check_directory() {
  local -a codes=()
  if ! pg_restore --section=pre-data --section=post-data -f /dev/null "$1" 2>"$WORK/read.errors"; then
    printf 'pg_restore cannot read it: %s' "$(head -n 1 "$WORK/read.errors")"
    return 1
  fi
  pg_restore --section=data -f - "$1" 2>"$WORK/read.errors" | awk -f "$SCRIPTS/blocks.awk" >"$WORK/blocks" || codes=("${PIPESTATUS[@]}")
  if ((${codes[0]:-0} != 0)); then
    printf 'pg_restore cannot read it: %s' "$(head -n 1 "$WORK/read.errors")"
    return 1
  elif ((${codes[1]:-0} != 0)); then
    printf 'its last COPY block is cut'
    return 1
  fi
}

# gzip's own checksum, every COPY block, and the line pg_dump writes last: a dump that was cut before it was compressed
# has none.
check_plain() {
  local -a codes=()
  gzip -dc "$1" 2>"$WORK/read.errors" | awk -v whole=1 -f "$SCRIPTS/blocks.awk" >"$WORK/blocks" || codes=("${PIPESTATUS[@]}")
  if ((${codes[0]:-0} != 0)); then
    printf 'gzip cannot read it: %s' "$(head -n 1 "$WORK/read.errors")"
    return 1
  elif ((${codes[1]:-0} != 0)); then
    printf 'the dump is cut: its end marker is missing'
    return 1
  fi
}

# The dump of a backup directory, in either format.
check_dump() {
  local plain
  plain="$1/${1##*/}.sql.gz"
  if [[ -d $1/database ]]; then
    check_directory "$1/database" || return 1
  elif [[ -f $plain ]]; then
    check_plain "$plain" || return 1
  else
    printf 'it holds no dump'
    return 1
  fi
  { sort -k 2 "$WORK/blocks" >"$WORK/sorted" && mv "$WORK/sorted" "$WORK/blocks"; } || {
    printf 'its COPY blocks could not be sorted: /tmp of the pod is full, or a program was killed'
    return 1
  }
}

# The small files around the dump: each names this backup, or ends as its tool ends it.
check_companions() {
  local directory=$1 name=${1##*/} file key
  for file in manifest.json summary globals.sql; do
    if [[ ! -f $directory/$file || ! -s $directory/$file ]]; then
      printf 'missing or empty: %s' "$file"
      return 1
    fi
  done
  for key in $SUMMARY_KEYS; do
    grep -q "^$key=" "$directory/summary" || [[ $key == owners || $key == table_hashes ]] || {
      printf 'summary lacks %s' "$key"
      return 1
    }
  done
  if ! grep -qxF "name=$name" "$directory/summary"; then
    printf 'it is a copy of %s under another name' "$(sed -n 's/^name=//p' "$directory/summary")"
    return 1
  fi
  if [[ $(tail -c 2 "$directory/manifest.json") != '}' ]] || ! grep -qF "\"name\": \"$name\"" "$directory/manifest.json"; then
    printf 'manifest.json is cut, or of another backup'
    return 1
  fi
  if ! tail -n 12 "$directory/globals.sql" | grep -q '^-- PostgreSQL database cluster dump complete'; then
    printf 'globals.sql is cut: its end marker is missing'
    return 1
  fi
}

# Everything, for a published backup.
check_backup() {
  local directory="$BACKUP_DIRECTORY/$1"
  check_hashes "$directory" && check_companions "$directory" && check_dump "$directory" || return 1
  # The first version of the layout did not write them down.
  [[ $(summary_value "$1" schema_version) != 1 ]] || return 0
  if [[ $(<"$WORK/blocks") != "$(<"$directory/blocks")" ]]; then
    printf 'the rows in its COPY blocks are not those it was published with'
    return 1
  fi
  # The dump may hold more than the summary counts: tables of extensions.
  if ! awk -F '\t' -v rows="$(summary_value "$1" rows)" '
    $2 !~ /large objects$/ { held += $1 }
    END { exit held < rows }
  ' "$WORK/blocks"; then
    printf 'its summary speaks of more rows than the dump holds'
    return 1
  fi
}

#!/usr/bin/env bash
# Reading a backup to its last byte: before it is published, when it is verified, and before it is restored.
#
# Each check prints nothing when all is well and one line that names the damage otherwise, and returns 1 then.

[[ ! -v PGKEEP_DUMP_READING ]] || return 0
readonly PGKEEP_DUMP_READING=1

source "$SCRIPTS/core/shell.sh"
source "$SCRIPTS/volume/catalog.sh"
source "$SCRIPTS/volume/hashes.sh"

# Decompresses and parses the whole archive, as a restore would, and writes the rows of every COPY block to $WORK/blocks.
# `pg_restore -l` would accept a cut archive, and to some readers a cut zstd stream is only a short one.
check_directory() {
  local -a codes=()
  if ! pg_restore --section=pre-data --section=post-data -f /dev/null "$1" 2>"$WORK/read.errors"; then
    printf 'pg_restore cannot read it: %s' "$(head -n 1 "$WORK/read.errors")"
    return 1
  fi
  pg_restore --section=data -f - "$1" 2>"$WORK/read.errors" | awk -f "$SCRIPTS/dump/blocks.awk" >"$WORK/blocks" \
    || codes=("${PIPESTATUS[@]}")
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
  gzip -dc "$1" 2>"$WORK/read.errors" | awk -v whole=1 -f "$SCRIPTS/dump/blocks.awk" >"$WORK/blocks" || codes=("${PIPESTATUS[@]}")
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

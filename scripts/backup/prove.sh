#!/usr/bin/env bash
# The staged backup, read back and held against its snapshot, with its manifest and its hashes.

[[ ! -v PGKEEP_BACKUP_PROVE ]] || return 0
readonly PGKEEP_BACKUP_PROVE=1

source "$SCRIPTS/core/shell.sh"
source "$SCRIPTS/core/time.sh"
source "$SCRIPTS/core/text.sh"
source "$SCRIPTS/core/log.sh"
source "$SCRIPTS/core/failure.sh"
source "$SCRIPTS/core/children.sh"
source "$SCRIPTS/core/files.sh"
source "$SCRIPTS/core/script.sh"
source "$SCRIPTS/server/versions.sh"
source "$SCRIPTS/server/psql.sh"
source "$SCRIPTS/volume/names.sh"
source "$SCRIPTS/volume/hashes.sh"
source "$SCRIPTS/dump/compression.sh"
source "$SCRIPTS/dump/snapshot.sh"
source "$SCRIPTS/dump/make.sh"
source "$SCRIPTS/dump/reading.sh"
source "$SCRIPTS/backup/stage.sh"

BYTES=0 # size of the dump and the SQL beside it

not_whole() {
  fail 1 unreadable "$1" "$2" "the volume is full or faulty: look at the node's kernel log, then start the backup again"
}

# Every byte as a restore would read it, and every COPY block and the large objects against what the snapshot held.
read_back() {
  begin 'Read the whole dump back'
  run check_dump "$STAGE" >"$WORK/verdict" || not_whole 'the finished dump cannot be read' "$(<"$WORK/verdict")"
  query "$DATABASE_NAME" dump/blocks.sql -v facts_file="$WORK/facts.json" -v blocks_file="$WORK/blocks" >"$WORK/differences"
  if [[ -s $WORK/differences ]]; then
    awk -F '\t' '{ printf "    %s: expected %s, found %s\n", $1, $2, $3 }' "$WORK/differences" | head -n 50
    not_whole 'the finished dump does not hold the rows of its snapshot' \
      "$(awk -F '\t' 'NR == 1 { printf "%s: expected %s, found %s", $1, $2, $3 }' "$WORK/differences")"
  fi
  cat "$WORK/blocks" >"$STAGE/blocks"
  # The last two lines are about large objects.
  done_step "$(($(wc -l <"$STAGE/blocks") - 2)) COPY blocks, each with the rows of the snapshot"
}

# Sets BYTES.
write_manifest() {
  begin 'Wrote the manifest'
  BYTES=$(bytes_below "$STAGE")
  query "$DATABASE_NAME" backup/manifest.sql -v facts_file="$WORK/facts.json" -v sequences_before="$WORK/sequences.before" \
    -v sequences_after="$WORK/sequences.after" -v manifest_file="$STAGE/manifest.json" -v summary_file="$STAGE/summary" \
    -v name="$NAME" -v created="$STARTED" -v format="$BACKUP_FORMAT" -v duration="$(seconds_since "$RUN_STARTED")" \
    -v dump_seconds="$DUMP_SECONDS" -v compression="$COMPRESSION" -v owners="$BACKUP_OWNERS" \
    -v table_hashes="$BACKUP_TABLE_HASHES" -v client_version="$CLIENT_VERSION" -v backup_bytes="$BYTES"
  done_step
}

# The hashes are made of what was written and read back; then everything goes to the device, and what comes back from
# there must be the same.
prove() {
  begin 'Read every byte from the volume'
  run write_hashes "$STAGE"
  run flush_tree "$STAGE"
  run check_written "$STAGE" >"$WORK/verdict" || not_whole 'the staged backup is not whole' "$(<"$WORK/verdict")"
  done_step "$(wc -l <"$STAGE/SHA256SUMS") files, $(human_size "$(bytes_below "$STAGE")")"
}

# The disk may have filled up under the last small files, which psql, pg_dumpall and sha256sum do not all report.
check_written() { check_hashes "$1" && check_companions "$1"; }

#!/usr/bin/env bash
# The compression of a dump: what is wished, and what the image's client can do.

[[ ! -v PGKEEP_DUMP_COMPRESSION ]] || return 0
readonly PGKEEP_DUMP_COMPRESSION=1

source "$SCRIPTS/core/shell.sh"
source "$SCRIPTS/core/failure.sh"
source "$SCRIPTS/server/versions.sh"

COMPRESSION=''

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

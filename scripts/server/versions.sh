#!/usr/bin/env bash
# Versions of the server and of the image's client, and whether the two go together.

[[ ! -v PGKEEP_SERVER_VERSIONS ]] || return 0
readonly PGKEEP_SERVER_VERSIONS=1

source "$SCRIPTS/core/text.sh"
source "$SCRIPTS/core/log.sh"
source "$SCRIPTS/core/failure.sh"

SERVER_VERSION=''  # 15.18
SERVER_NUMBER=0    # 150018
SERVER_ENCODING='' # of the connected database
CLIENT_VERSION=''
CLIENT_MAJOR=0

# Sets CLIENT_VERSION and CLIENT_MAJOR.
read_client_version() {
  local words
  words=$(pg_dump --version)
  [[ $words =~ \ ([0-9]+)([.0-9a-z]*) ]] || fail 1 version "pg_dump --version says \"$words\"" \
    "the image holds no PostgreSQL client pgkeep knows" "set image to an official postgres image"
  CLIENT_MAJOR=${BASH_REMATCH[1]}
  CLIENT_VERSION=${BASH_REMATCH[1]}${BASH_REMATCH[2]}
}

# Minors whose dumps can carry code into a restore (CVE-2025-8714, CVE-2026-18408, CVE-2026-15741).
warn_about_client() {
  local minor=${CLIENT_VERSION#*.} fixed
  case $CLIENT_MAJOR in
    15) fixed=19 ;;
    16) fixed=15 ;;
    17) fixed=11 ;;
    18) fixed=6 ;;
    *) return 0 ;;
  esac
  if is_number "$minor" && ((minor < fixed)); then
    warn "client $CLIENT_VERSION has known flaws in how it writes dumps (CVE-2026-18408); fixed in $CLIENT_MAJOR.$fixed: update image"
  fi
}

check_versions() {
  local server_major=$((SERVER_NUMBER / 10000))
  if ((CLIENT_MAJOR < server_major)); then
    fail 1 version "the server runs PostgreSQL $SERVER_VERSION, the image's client is $CLIENT_VERSION" \
      "pg_dump and pg_restore refuse a server of a newer major version" \
      "pulumi config set image postgres:$server_major-bookworm (or another image of PostgreSQL $server_major)"
  fi
  # From 17 on pg_restore and plain dumps begin with SET transaction_timeout, an error for every older server.
  if ((CLIENT_MAJOR >= 17 && server_major < 17)); then
    fail 1 version "the server runs PostgreSQL $SERVER_VERSION, the image's client is $CLIENT_VERSION" \
      "a dump of this client could not be restored into this server (SET transaction_timeout)" \
      "pulumi config set image postgres:$server_major-bookworm (or another image of PostgreSQL $server_major)"
  fi
  ((CLIENT_MAJOR == server_major)) || warn "client $CLIENT_VERSION is newer than server $SERVER_VERSION; the same major is safest"
  warn_about_client
}

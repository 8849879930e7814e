#!/usr/bin/env bash
# A dump as text, in which psql obeys no command.

[[ ! -v PGKEEP_DUMP_PLAIN ]] || return 0
readonly PGKEEP_DUMP_PLAIN=1

# plain_text FILE: the SQL of a plain dump, in which psql obeys no command of its own.
#
# A dump's text can hold such commands, a shell among them: in the name of an object, say. Newer dumps forbid them themselves
# in their fifth line (CVE-2025-8714), but whoever has written the file may have left that out, or have put a command before
# it. So our own word comes first, which its makers cannot know, and theirs, which psql would refuse then, is left out.
plain_text() {
  local line
  printf '\\restrict %s\n' "$(head -c 16 /dev/urandom | od -An -v -tx1 | tr -d ' \n')"
  line=$({ gzip -dc "$1" 2>/dev/null || true; } | head -n 5 | tail -n 1)
  if [[ $line =~ ^'\restrict '([A-Za-z0-9]+)$ ]]; then
    gzip -dc "$1" | sed -e "5{/^\\\\restrict ${BASH_REMATCH[1]}\$/d;}" -e "/^\\\\unrestrict ${BASH_REMATCH[1]}\$/d"
  else
    gzip -dc "$1"
  fi
}

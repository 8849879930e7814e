#!/usr/bin/env bash
# Words for people, and values as other programs want them.

[[ ! -v PGKEEP_CORE_TEXT ]] || return 0
readonly PGKEEP_CORE_TEXT=1

source "$SCRIPTS/core/shell.sh"

# is_number TEXT: digits and nothing else, and few enough for the shell's 64 bits.
#
# bash takes a word in arithmetic for an expression and runs the command in `a[$(command)]`. So a word that comes from a
# server, from a file on the volume or from the environment is reckoned with only after it has passed here.
is_number() { [[ $1 =~ ^(0|[1-9][0-9]{0,17})$ ]]; }

# read_fields NAME…: sets the variables to the next row that `psql -z -0` has written to standard input. No value can hold
# the zero byte between two fields, so none can pass for another field or for another row.
read_fields() {
  local _field # not a name that a caller would give
  for _field in "$@"; do IFS= read -r -d '' "$_field" || return 1; done
}

# printable TEXT: without what a terminal or a table would take for more than text.
printable() { printf '%s' "${1//[[:cntrl:]]/?}"; }

human_size() {
  local bytes=$1 unit tenths
  if ! is_number "$bytes"; then
    printf 'unknown size'
    return
  fi
  for unit in TiB:40 GiB:30 MiB:20 KiB:10; do
    if ((bytes >= 1 << ${unit#*:})); then
      tenths=$((bytes * 10 >> ${unit#*:}))
      printf '%d.%d %s' $((tenths / 10)) $((tenths % 10)) "${unit%:*}"
      return
    fi
  done
  printf '%d B' "$bytes"
}

# escape_for_json TEXT: as it stands inside double quotes of JSON. Names of databases hold no control characters (the
# settings refuse them).
escape_for_json() {
  local value=${1//\\/\\\\}
  printf '%s' "${value//\"/\\\"}"
}

# escape_as_copy TEXT: as COPY writes it, to compare it with a value of a summary.
escape_as_copy() {
  local value=${1//\\/\\\\}
  value=${value//$'\b'/\\b} value=${value//$'\f'/\\f} value=${value//$'\v'/\\v}
  value=${value//$'\n'/\\n} value=${value//$'\r'/\\r} value=${value//$'\t'/\\t}
  printf '%s' "$value"
}

paste_lines() { awk '{ printf "%s%s", (NR > 1 ? ", " : ""), $0 }'; }

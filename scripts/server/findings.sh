#!/usr/bin/env bash
# What a plan's SQL has found: rows of kind, detail and cure.

[[ ! -v PGKEEP_SERVER_FINDINGS ]] || return 0
readonly PGKEEP_SERVER_FINDINGS=1

source "$SCRIPTS/core/shell.sh"
source "$SCRIPTS/core/text.sh"
source "$SCRIPTS/core/log.sh"
source "$SCRIPTS/server/psql.sh"

declare -A FINDINGS=() # facts, by key
STOPS=0                # reasons to refuse, and the first of them
STOP_DETAIL='' STOP_CURE=''

# read_findings FILE: the rows that `psql -z -0` has written there: `fact` (key, value), `warning` (what to know) and `stop` (a
# reason to refuse, and what mends it). Warnings and reasons are said. Sets FINDINGS, STOPS, STOP_DETAIL and STOP_CURE.
read_findings() {
  local kind detail cure
  FINDINGS=() STOPS=0 STOP_DETAIL='' STOP_CURE=''
  while read_fields kind detail cure; do
    case $kind in
      fact) FINDINGS[$detail]=$cure ;;
      warning) warn "$detail" ;;
      *)
        STOPS=$((STOPS + 1))
        note "$detail"
        STOP_DETAIL=${STOP_DETAIL:-$detail} STOP_CURE=${STOP_CURE:-$cure}
        ;;
    esac
  done <"$1"
}

# figure KEY: a size among the findings, "-" where it is not known. What is neither is not believed.
figure() {
  local value=${FINDINGS[$1]:--}
  [[ $value == - ]] || is_number "$value" || refuse_answer "$value" "$1"
  printf '%s' "$value"
}

#!/usr/bin/env bash
# Lists the databases that restores have put aside. Only reads: it takes no lock, and can drop nothing.

# Before the first command: without the shared files nothing below may run.
set -Eeuo pipefail
SCRIPTS=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
source "$SCRIPTS/core/shell.sh"
source "$SCRIPTS/core/text.sh"
source "$SCRIPTS/core/log.sh"
source "$SCRIPTS/core/parameters.sh"
source "$SCRIPTS/core/script.sh"
source "$SCRIPTS/core/failure.sh"
source "$SCRIPTS/server/psql.sh"
source "$SCRIPTS/aside/aside.sh"
source "$SCRIPTS/restore/state.sh"
source "$SCRIPTS/restore/aside.sh"

# list_aside_tsv: the list as pgkeep (the tool) reads it. Values are escaped as COPY does it.
list_aside_tsv() {
  local number name successor since seconds size owner may ours count=0
  printf '#pgkeep-aside 1\nname\tsince\tage_seconds\tbytes\towner\tsuccessor\tours\tdroppable\n'
  while next_aside; do
    printf '%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n' "$(escape_as_copy "$name")" "${since/ /T}Z" "$seconds" "$size" \
      "$(escape_as_copy "$owner")" "$successor" "$(true_or_false "$ours")" "$(true_or_false "$may")"
    count=$((count + 1))
  done <"$WORK/aside"
  printf '#end %d\n' "$count"
}

true_or_false() { if [[ $1 == t ]]; then printf true; else printf false; fi; }

main() {
  start_script
  check_aside_parameters
  case ${RESTORE_OUTPUT:-text} in
    tsv)
      find_aside
      list_aside_tsv
      ;;
    text)
      show_aside_configuration 'PostgreSQL databases that restores have put aside'
      begin 'Looked for what restores have put aside'
      find_aside
      done_step "$(count_aside) of \"$DATABASE_NAME\""
      print_aside
      ;;
    *) fail 2 parameters "RESTORE_OUTPUT is \"$RESTORE_OUTPUT\"" 'it is text or tsv' 'set RESTORE_OUTPUT to one of them' ;;
  esac
}

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then main "$@"; fi

#!/usr/bin/env bash
# What is true of a database is read and compared by the SQL files of this room; here is what becomes of a difference.
#
# Whoever hands one of them to psql sources this file: by that its pod has the room.

[[ ! -v PGKEEP_FACTS_FACTS ]] || return 0
readonly PGKEEP_FACTS_FACTS=1

source "$SCRIPTS/core/shell.sh"
source "$SCRIPTS/core/failure.sh"
source "$SCRIPTS/server/psql.sh"
source "$SCRIPTS/server/maintenance.sh"

# Fails with the differences that compare.sql has found between the manifest and the restored database.
fail_different() {
  awk -F '\t' '{ printf "    %s: expected %s, found %s\n", $1, $2, $3 }' "$WORK/differences" | head -n 50
  fail 1 different "the restored database differs from the manifest in $(wc -l <"$WORK/differences") facts" \
    "$(awk -F '\t' 'NR == 1 { printf "%s: expected %s, found %s", $1, $2, $3 }' "$WORK/differences")" \
    'read the list above; restore another backup, or report this as a bug of pgkeep'
}

# refuse_differences EXPECTED FACTS WHOSE: fails with what is not equal.
refuse_differences() {
  query "$MAINTENANCE" facts/compare.sql -v manifest_file="$1" -v found_file="$2" -v found_sequences="$2.sequences" \
    >"$WORK/differences"
  [[ -s $WORK/differences ]] || return 0
  awk -F '\t' '{ printf "    %s: expected %s, found %s\n", $1, $2, $3 }' "$WORK/differences" | head -n 50
  fail 1 different "$3 in $(wc -l <"$WORK/differences") facts" \
    "$(awk -F '\t' 'NR == 1 { printf "%s: expected %s, found %s", $1, $2, $3 }' "$WORK/differences")" \
    'read the list above; take another backup, or report this as a bug of pgkeep'
}

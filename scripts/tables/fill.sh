#!/usr/bin/env bash
# The chosen tables, restored into the side database.
#
# Of an archive in directory format only the wanted entries are restored, so that a small table of a huge database costs
# what a small table costs. Other formats have to be restored whole first.

[[ ! -v PGKEEP_TABLES_FILL ]] || return 0
readonly PGKEEP_TABLES_FILL=1

source "$SCRIPTS/core/shell.sh"
source "$SCRIPTS/core/text.sh"
source "$SCRIPTS/core/log.sh"
source "$SCRIPTS/core/failure.sh"
source "$SCRIPTS/core/children.sh"
source "$SCRIPTS/server/errors.sh"
source "$SCRIPTS/server/psql.sh"
source "$SCRIPTS/volume/names.sh"
source "$SCRIPTS/load/state.sh"
source "$SCRIPTS/load/role.sh"
source "$SCRIPTS/load/guard.sh"
source "$SCRIPTS/load/fill.sh"
source "$SCRIPTS/load/prove.sh"
source "$SCRIPTS/tables/count.sh"
source "$SCRIPTS/tables/choose.sh"

archive() { printf '%s/%s/database' "$BACKUP_DIRECTORY" "$NAME"; }

# The lists of contents for restore_entries, as $WORK/tables.<list>.
list_tables() {
  local what first second
  pg_restore --list --section=post-data "$(archive)" >"$WORK/tables.later" || return 1
  while read_fields what first second; do
    if [[ $what == table ]]; then
      pg_restore --list --schema="$first" --table="$second" "$(archive)" | grep -E '^[0-9]+; 1259 [0-9]+ TABLE ' || return 1
    else
      pg_restore --list --schema="$first" "$(archive)" | grep -E '^[0-9]+; 1259 [0-9]+ (TABLE|SEQUENCE) ' || return 1
    fi
  done <"$WORK/wanted" >"$WORK/tables.chosen"
  pg_restore --list --verbose "$(archive)" >"$WORK/tables.contents" || return 1
  [[ -f $WORK/prepared ]] || : >"$WORK/prepared"
  awk -v chosen="$WORK/tables.chosen" -v later="$WORK/tables.later" -v prepared="$WORK/prepared" \
    -f "$SCRIPTS/tables/entries.awk" "$WORK/tables.contents" >"$WORK/tables.lists" || return 1
  for what in schema needed extra data left child; do
    awk -F '\t' -v list="$what" '$1 == list { print substr($0, length(list) + 2) }' "$WORK/tables.lists" \
      >"$WORK/tables.$what" || return 1
  done
}

restore_list() {
  [[ -s $WORK/tables.$1 ]] || return 0
  as_restorer pg_restore --no-owner --no-acl --no-security-labels --no-publications --no-subscriptions --no-password \
    --use-list="$WORK/tables.$1" "${@:2}" --dbname="$(patient_conninfo "$SIDE")" "$(archive)"
}

restore_entries() {
  restore_list schema --exit-on-error && restore_list needed --exit-on-error || return 1
  # Only bodies of functions can need the entries of this list, and no catalogue says whether they do: errors are no failure.
  restore_list extra 2>"$WORK/tables.extra-errors" || true
  restore_list data --exit-on-error "--jobs=$RESTORE_JOBS"
}

restore_wanted() {
  local loaded whole
  begin 'Restored the tables into the side database'
  if ! run list_tables 2>"$WORK/tables.errors"; then
    quote_output "$WORK/tables.errors"
    fail 1 refused "the list of contents of $NAME does not hold what its manifest names" \
      "$(head -n 1 "$WORK/tables.errors")" 'restore the whole backup under another name (--into)'
  fi
  if ! run restore_entries 2>"$WORK/tables.errors"; then
    quote_output "$WORK/tables.errors"
    explain "$WORK/tables.errors"
    if [[ -n $RESTORER && $KIND == rights ]]; then
      CAUSE="the role that executes the dump is no superuser: ${CAUSE#*: }"
      CURE='if you trust everyone who could create objects in that database: pgkeep run-restore … --allow-superuser-objects'
    elif [[ -s $WORK/tables.extra-errors ]]; then
      note 'Functions that could not be made, because they need what was not restored:'
      quote_output "$WORK/tables.extra-errors"
      CURE+='; where a function needs other tables than those chosen: restore the whole backup (--into)'
    fi
    fail 1 "$KIND" "restoring tables of $NAME into the side database failed" "$CAUSE" "$CURE"
  fi
  quote_output "$WORK/tables.errors"
  loaded=$(grep -cE '^[0-9]+; 0 [0-9]+ TABLE DATA ' "$WORK/tables.data" || true)
  whole=$(grep -cE '^[0-9]+; 0 [0-9]+ TABLE DATA ' "$WORK/tables.contents" || true)
  done_step "$loaded of $whole tables with their rows, $RESTORE_JOBS jobs"
}

fill_side() {
  local line
  : >"$WORK/tables.left" && : >"$WORK/tables.child"
  if [[ -n $MANIFEST && -d $(archive) ]]; then
    restore_wanted
  else
    note 'a plain dump is one piece: the whole of it is restored into the side database first'
    restore_side
    if [[ -z $MANIFEST ]]; then
      begin 'Looked for the tables'
      run read_facts 2>"$WORK/tables.errors" || facts_unreadable
      choose_tables "$WORK/facts.json"
      done_step
    fi
  fi
  # The scripts that move the tables define things from within blocks; what comes of that is judged before it changes hands.
  drop_guard
  in_side tables/find.sql -1 -v wanted_file="$WORK/wanted.json"
  in_side tables/strip.sql -1 >>"$WORK/tables.left"
  in_side tables/notes.sql >"$WORK/notes"
  while IFS= read -r line; do warn "$line"; done <"$WORK/notes"
  while IFS= read -r line; do note "not chosen, though built on a chosen table: $line"; done <"$WORK/tables.child"
}

#!/usr/bin/env bash
# Single tables or schemas of a backup, beside the live ones in schemas of their own. Part of restore.sh.
#
# Nothing live is overwritten or altered: the tables are restored into a side database, compared with the manifest, moved
# there into schemas `<schema>_restored_<stamp>`, and only those are dumped and restored into the live database, in one
# transaction. Definitions refer to types and functions of the live database where it has them; what it has not comes along.
#
# Of an archive in directory format only the wanted entries are restored, so that a small table of a huge database costs
# what a small table costs. Other formats have to be restored whole first.

PARTS_BEGUN='' # set before the first statement that changes the live database, unset when all is handed over
TOTAL=''       # what was counted last: "2 tables, 3500 rows"

in_side() { as_restorer query "$SIDE" "$@"; }

# Sets the wishes down in $WORK/wanted.json and, for pg_restore, in $WORK/wanted; fails when one cannot be met.
choose_parts() {
  local what first second stops=0 detail='' cure=''
  query "$MAINTENANCE" parts-wanted.sql -z -0 -v tables="${RESTORE_TABLES:-}" -v schemas="${RESTORE_SCHEMAS:-}" \
    -v facts_file="$1" -v wanted_file="$WORK/wanted.json" >"$WORK/wanted"
  while IFS= read -r -d '' what && IFS= read -r -d '' first && IFS= read -r -d '' second; do
    [[ $what == stop ]] || continue
    stops=$((stops + 1))
    note "$first ($second)"
    detail=${detail:-$first} cure=${cure:-$second}
  done <"$WORK/wanted"
  ((stops == 0)) || fail 2 unknown "$stops of the tables and schemas asked for cannot be taken from backup $NAME" \
    "$detail" "$cure"
  [[ $(<"$WORK/wanted.json") != '[]' ]] || fail 2 parameters 'no table and no schema is named' \
    'RESTORE_TABLES and RESTORE_SCHEMAS hold nothing but blanks' 'pgkeep run-restore … --table shop.orders'
}

check_parts() {
  local detail cure
  begin 'Chose the tables'
  [[ -z ${RESTORE_INTO:-} ]] || fail 2 parameters 'single tables are not restored into another database' \
    '--table and --schema put them beside the live ones; --into restores a whole backup' 'leave one of the two away'
  [[ $LIVE == present ]] || fail 1 refused "there is no database \"$DATABASE_NAME\" to put the tables into" \
    'single tables arrive in a schema of the live database' 'restore the whole backup: leave --table and --schema away'
  query "$DATABASE_NAME" parts-live.sql -z -0 >"$WORK/refusals"
  if read_fields detail cure <"$WORK/refusals"; then
    fail 1 refused "tables cannot be added to database \"$DATABASE_NAME\"" "$detail" "$cure"
  fi
  if [[ -n $MANIFEST ]]; then
    choose_parts "$MANIFEST"
    done_step "$(tr -cd '\000' <"$WORK/wanted" | wc -c | awk '{ print $1 / 3 }') named"
  else
    done_step "$NAME has no manifest: what it holds is known when it is restored"
  fi
}

# --- the side database ------------------------------------------------------------------------------------------------------

archive() { printf '%s/%s/database' "$BACKUP_DIRECTORY" "$NAME"; }

# The lists of contents for restore_entries, as $WORK/parts.<list>.
list_parts() {
  local what first second
  pg_restore --list --section=post-data "$(archive)" >"$WORK/parts.later" || return 1
  while IFS= read -r -d '' what && IFS= read -r -d '' first && IFS= read -r -d '' second; do
    if [[ $what == table ]]; then
      pg_restore --list --schema="$first" --table="$second" "$(archive)" | grep -E '^[0-9]+; 1259 [0-9]+ TABLE ' || return 1
    else
      pg_restore --list --schema="$first" "$(archive)" | grep -E '^[0-9]+; 1259 [0-9]+ (TABLE|SEQUENCE) ' || return 1
    fi
  done <"$WORK/wanted" >"$WORK/parts.chosen"
  pg_restore --list --verbose "$(archive)" >"$WORK/parts.contents" || return 1
  [[ -f $WORK/prepared ]] || : >"$WORK/prepared"
  awk -v chosen="$WORK/parts.chosen" -v later="$WORK/parts.later" -v prepared="$WORK/prepared" \
    -f "$SCRIPTS/parts-entries.awk" "$WORK/parts.contents" >"$WORK/parts.lists" || return 1
  for what in schema needed extra data left child; do
    awk -F '\t' -v list="$what" '$1 == list { print substr($0, length(list) + 2) }' "$WORK/parts.lists" \
      >"$WORK/parts.$what" || return 1
  done
}

restore_list() {
  [[ -s $WORK/parts.$1 ]] || return 0
  as_restorer pg_restore --no-owner --no-acl --no-security-labels --no-publications --no-subscriptions --no-password \
    --use-list="$WORK/parts.$1" "${@:2}" --dbname="$(patient_conninfo "$SIDE")" "$(archive)"
}

restore_entries() {
  restore_list schema --exit-on-error && restore_list needed --exit-on-error || return 1
  # Only bodies of functions can need these, and whether they do no catalogue knows.
  restore_list extra 2>"$WORK/parts.extra-errors" || true
  restore_list data --exit-on-error "--jobs=$RESTORE_JOBS"
}

restore_wanted() {
  local loaded whole
  begin 'Restored the tables into the side database'
  if ! run list_parts 2>"$WORK/parts.errors"; then
    quote_output "$WORK/parts.errors"
    fail 1 refused "the list of contents of $NAME does not hold what its manifest names" \
      "$(head -n 1 "$WORK/parts.errors")" 'restore the whole backup under another name (--into)'
  fi
  if ! run restore_entries 2>"$WORK/parts.errors"; then
    quote_output "$WORK/parts.errors"
    explain "$WORK/parts.errors"
    if [[ -n $RESTORER && $KIND == rights ]]; then
      CAUSE="the role that executes the dump is no superuser: ${CAUSE#*: }"
      CURE='if you trust everyone who could create objects in that database: pgkeep run-restore … --allow-superuser-objects'
    elif [[ -s $WORK/parts.extra-errors ]]; then
      note 'Functions that could not be made, because they need what was not restored:'
      quote_output "$WORK/parts.extra-errors"
      CURE+='; where a function needs other tables than those chosen: restore the whole backup (--into)'
    fi
    fail 1 "$KIND" "restoring tables of $NAME into the side database failed" "$CAUSE" "$CURE"
  fi
  quote_output "$WORK/parts.errors"
  loaded=$(grep -cE '^[0-9]+; 0 [0-9]+ TABLE DATA ' "$WORK/parts.data" || true)
  whole=$(grep -cE '^[0-9]+; 0 [0-9]+ TABLE DATA ' "$WORK/parts.contents" || true)
  done_step "$loaded of $whole tables with their rows, $RESTORE_JOBS jobs"
}

fill_side() {
  local line
  : >"$WORK/parts.left" && : >"$WORK/parts.child"
  if [[ -n $MANIFEST && -d $(archive) ]]; then
    restore_wanted
  else
    note 'a plain dump is one piece: the whole of it is restored into the side database first'
    restore_side
    if [[ -z $MANIFEST ]]; then
      begin 'Looked for the tables'
      run read_facts 2>"$WORK/parts.errors" || facts_unreadable
      choose_parts "$WORK/facts.json"
      done_step
    fi
  fi
  # The scripts that move the tables define things from within blocks; what comes of that is judged before it changes hands.
  drop_guard
  in_side parts-find.sql -1 -v wanted_file="$WORK/wanted.json"
  in_side parts-strip.sql -1 >>"$WORK/parts.left"
  in_side parts-notes.sql >"$WORK/notes"
  while IFS= read -r line; do warn "$line"; done <"$WORK/notes"
  while IFS= read -r line; do note "not chosen, though built on a chosen table: $line"; done <"$WORK/parts.child"
}

facts_unreadable() {
  quote_output "$WORK/parts.errors"
  explain "$WORK/parts.errors"
  fail 1 "$KIND" 'the restored tables cannot be counted' "$CAUSE" "$CURE"
}

# count_parts DATABASE LIST FACTS HASHES: what is in the relations of a list; positions of sequences into FACTS.sequences.
count_parts() {
  run as_restorer psql_on "$1" -1 -v list_file="$2" -v facts_file="$3" -v sequences_file="$3.sequences" -v table_hashes="$4" \
    -f "$SCRIPTS/session.sql" -f "$SCRIPTS/parts-contents.sql" 2>"$WORK/parts.errors" || facts_unreadable
}

# refuse_differences EXPECTED FACTS WHOSE: fails with what is not equal.
refuse_differences() {
  query "$MAINTENANCE" compare.sql -v manifest_file="$1" -v found_file="$2" -v found_sequences="$2.sequences" \
    >"$WORK/differences"
  [[ -s $WORK/differences ]] || return 0
  awk -F '\t' '{ printf "    %s: expected %s, found %s\n", $1, $2, $3 }' "$WORK/differences" | head -n 50
  fail 1 different "$3 in $(wc -l <"$WORK/differences") facts" \
    "$(awk -F '\t' 'NR == 1 { printf "%s: expected %s, found %s", $1, $2, $3 }' "$WORK/differences")" \
    'read the list above; take another backup, or report this as a bug of pgkeep'
}

total_rows() {
  query "$MAINTENANCE" restore-totals.sql -v facts_file="$1" >"$WORK/totals"
  TOTAL=$(awk -F '\t' 'NR > 1 { tables++; rows += $2 } END { printf "%d tables, %.0f rows", tables, rows }' "$WORK/totals")
}

compare_parts() {
  local hashes=false
  begin 'Compared with the manifest'
  [[ $(summary_value "$NAME" table_hashes) != true ]] || hashes=true
  in_side parts-list.sql >"$WORK/chosen.json"
  count_parts "$SIDE" "$WORK/chosen.json" "$WORK/side.json" "$hashes"
  total_rows "$WORK/side.json"
  if [[ -z $MANIFEST ]]; then
    done_step "no manifest to compare with; restored $TOTAL"
    return
  fi
  query "$MAINTENANCE" parts-expected.sql -v manifest_file="$MANIFEST" -v wanted_file="$WORK/wanted.json" \
    -v list_file="$WORK/chosen.json" >"$WORK/expected.json"
  refuse_differences "$WORK/expected.json" "$WORK/side.json" 'the restored tables differ from the manifest'
  done_step "$TOTAL, equal$([[ $hashes == false ]] || printf ' by content')"
}

# What the tables need and the live database has not.
check_needs() {
  local first count
  begin 'Looked what the tables need in the live database'
  in_side parts-needs.sql -1 >"$WORK/needs.json"
  query "$DATABASE_NAME" parts-missing.sql -v needs_file="$WORK/needs.json" >"$WORK/missing.json"
  in_side parts-coming.sql -1 -v missing_file="$WORK/missing.json" >"$WORK/unmet"
  if [[ -s $WORK/unmet ]]; then
    quote_output "$WORK/unmet"
    first=$(head -n 1 "$WORK/unmet") count=$(wc -l <"$WORK/unmet")
    ((count < 2)) || first+=" and $((count - 1)) more"
    fail 1 refused "the live database lacks what the tables are defined with: $first" \
      'it was dropped since, or its name has changed' \
      'create it there first, or restore the whole backup under another name (--into)'
  fi
  done_step
}

# --- into the live database -------------------------------------------------------------------------------------------------

move_parts() {
  begin 'Moved them into schemas of their own'
  in_side parts-move.sql -1 -v stamp="$STAMP" -v backup="$NAME" -v created="$(created_of_backup)"
  in_side parts-list.sql >"$WORK/moved.json"
  # Anew, and with hashes in any case: what arrives is held against it.
  count_parts "$SIDE" "$WORK/moved.json" "$WORK/side.json" true
  printf '{"facts":%s}\n' "$(<"$WORK/side.json")" >"$WORK/expected.json"
  done_step
}

created_of_backup() { if is_legacy "$NAME"; then name_to_iso "$NAME"; else summary_value "$NAME" created; fi; }

# By the stamp, which is plain ASCII; names in other letters would depend on the encoding.
carry_parts() {
  as_restorer pg_dump --format=custom --compress=0 --no-password --no-security-labels --no-publications --no-subscriptions \
    --schema="*_restored_$STAMP" --dbname="$(conninfo "$SIDE")" \
    | as_restorer pg_restore --single-transaction --exit-on-error --no-owner --no-acl --no-tablespaces --no-password \
      --dbname="$(conninfo "$DATABASE_NAME")"
}

bring_parts() {
  begin 'Brought them into the live database'
  PARTS_BEGUN=yes
  if [[ -n $RESTORER ]]; then
    query "$DATABASE_NAME" parts-allow.sql -1 -v role="$RESTORER" -v name="$DATABASE_NAME" -v needs_file="$WORK/needs.json"
  fi
  if ! run carry_parts 2>"$WORK/parts.errors"; then
    quote_output "$WORK/parts.errors"
    explain "$WORK/parts.errors"
    fail 1 "$KIND" 'the tables could not be restored into the live database' "$CAUSE" \
      "$CURE; or restore the whole backup under another name (--into)"
  fi
  quote_output "$WORK/parts.errors"
  done_step 'one transaction'

  begin 'Compared what arrived'
  count_parts "$DATABASE_NAME" "$WORK/moved.json" "$WORK/live.json" true
  refuse_differences "$WORK/expected.json" "$WORK/live.json" 'the tables in the live database differ from the restored ones'
  total_rows "$WORK/live.json"
  done_step "$TOTAL, equal by content"
  hand_parts_over
}

hand_parts_over() {
  local manifest=$MANIFEST
  begin 'Gave them to their owners'
  [[ $(summary_value "$NAME" owners) != false ]] || manifest=''
  if run psql_on "$DATABASE_NAME" -1 -v name="$DATABASE_NAME" -v stamp="$STAMP" -v manifest_file="$manifest" \
    -v role="$RESTORER" -v trusted="${RESTORE_ALLOW_SUPERUSER_OBJECTS:-false}" \
    -f "$SCRIPTS/session.sql" -f "$SCRIPTS/parts-hand-over.sql" 2>"$WORK/parts.errors"; then
    PARTS_BEGUN=''
    done_step
    return
  fi
  quote_output "$WORK/parts.errors"
  explain "$WORK/parts.errors"
  [[ -z $RESTORER ]] || fail 1 "$KIND" 'the restored tables could not be given to their owners' "${CAUSE##*ERROR:  }" \
    'if you trust everyone who could create objects in that database: pgkeep run-restore … --allow-superuser-objects'
  # They are whole, and the Secret's role has them.
  PARTS_BEGUN=''
  warn "the tables stay with \"$PGUSER\": $CAUSE"
  done_step
}

# Called by cleanup and, where nothing is wrong, never. Takes back what is not handed over.
drop_parts() {
  [[ -n $PARTS_BEGUN ]] || return 0
  run psql_on "$DATABASE_NAME" -1 -v role="$RESTORER" -v stamp="$STAMP" -f "$SCRIPTS/parts-drop.sql" 2>"$WORK/drop.errors" && {
    PARTS_BEGUN=''
    return
  }
  quote_output "$WORK/drop.errors"
  parts_left
}

parts_left() {
  note "what was restored so far, schemas …_restored_$STAMP, may still be there; nothing else of the live database was touched"
}

# Called before leftover roles are dropped, which cannot be while they have anything in the live database.
sweep_parts() {
  run psql_on "$DATABASE_NAME" -v name="$DATABASE_NAME" -f "$SCRIPTS/parts-sweep.sql" >"$WORK/leftovers" 2>/dev/null || true
  quote_output "$WORK/leftovers"
}

# --- the run ------------------------------------------------------------------------------------------------------------------

end_parts() {
  drop_side
  SIDE_MADE=''
  drop_role || true
  [[ -z $RESTORER_MADE ]] || warn "role \"$RESTORER\" could not be dropped; the next restore does it"
}

show_left() {
  [[ -s $WORK/parts.left ]] || return 0
  section 'Left out (they would act on live tables, or on these while you look at them)'
  sort -u "$WORK/parts.left" | head -n 50 | sed 's/^/    /'
}

show_parts() {
  local what text number
  query "$DATABASE_NAME" parts-summary.sql -v list_file="$WORK/moved.json" -v facts_file="$WORK/live.json" \
    >"$WORK/summary"
  section Summary
  setting database "$DATABASE_NAME, whose own tables are as they were"
  setting backup "$NAME of $(created_of_backup)"
  setting duration "$(seconds_since "$RUN_STARTED") s"
  section Tables
  while IFS=$'\t' read -r what text number; do
    [[ $what != table ]] || printf '    %-60s %12s\n' "$text" "$number"
  done <"$WORK/summary"
  show_left
  section 'To look at them, and to take rows back (a person decides which)'
  awk -F '\t' '$1 == "example" { print "    " $2 }' "$WORK/summary"
  section 'To drop them when they are no longer needed'
  awk -F '\t' '$1 == "drop" { print "    " $2 }' "$WORK/summary"
}

restore_parts() {
  check_parts
  make_role
  create_side
  fill_side
  compare_parts
  check_needs
  if [[ ${RESTORE_DRY_RUN:-false} == true ]]; then
    end_parts
    show_left
    printf '\n✓ Dry run: these tables of %s can be restored (%s, %s s); nothing was changed\n' "$NAME" "$TOTAL" \
      "$(seconds_since "$RUN_STARTED")"
    return
  fi
  move_parts
  bring_parts
  end_parts
  show_parts
  printf '\n✓ %s of %s are in database %s, in schemas that end in _restored_%s\n' "$TOTAL" "$NAME" "$DATABASE_NAME" "$STAMP"
}

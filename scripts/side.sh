#!/usr/bin/env bash
# The side database of a restore: made, filled, compared with the manifest, analyzed, dropped. Part of restore.sh.

create_side() {
  begin 'Created the side database'
  SIDE_MADE=yes
  make_empty_side
  done_step "$SIDE"
}

make_empty_side() {
  local hands_over=false
  ! hands_over || hands_over=true
  query "$MAINTENANCE" restore-create.sql -v name="$DATABASE_NAME" -v side="$SIDE" -v backup="$NAME" \
    -v manifest_file="$MANIFEST" -v restorer="$RESTORER" -v hands_over="$hands_over"
  prepare_side
}

# One transaction that stops at the first error. gzip's exit code counts as much as psql's, which takes the end of a cut
# stream for the end of the dump.
restore_plain() {
  { restriction "$1" && gzip -dc "$1"; } \
    | as_restorer psql -X -q --no-password -1 -v ON_ERROR_STOP=1 -o /dev/null -d "$(patient_conninfo "$SIDE")"
}

# A dump's text can hold commands of psql, a shell among them: in the name of an object, say. Newer dumps forbid them
# themselves in their fifth line (CVE-2025-8714); for the others we do, with a word that their makers cannot know.
restriction() {
  local line
  line=$({ gzip -dc "$1" 2>/dev/null || true; } | head -n 5 | tail -n 1)
  [[ $line == '\restrict '* ]] || printf '\\restrict %s\n' "$(head -c 16 /dev/urandom | od -An -v -tx1 | tr -d ' \n')"
}

restore_side() {
  local directory="$BACKUP_DIRECTORY/$NAME" errors="$WORK/restore.errors" code=0
  local -a options=(--exit-on-error --no-password "--jobs=$RESTORE_JOBS")
  begin 'Restored into the side database'
  # pg_dump writes owners and rights into an archive in any case; leaving them out is pg_restore's part.
  if hands_over; then
    options+=(--no-owner --no-acl)
    if [[ -d $directory/database ]]; then
      list_entries content >"$WORK/content.list"
      options+=(--use-list="$WORK/content.list")
    fi
  elif [[ $(summary_value "$NAME" owners) == false ]]; then
    options+=(--no-owner --no-acl)
  fi
  if is_legacy "$NAME"; then
    run restore_plain "$directory" 2>"$errors" || code=$?
  elif [[ -d $directory/database ]]; then
    run as_restorer pg_restore "${options[@]}" --dbname="$(patient_conninfo "$SIDE")" "$directory/database" 2>"$errors" || code=$?
  else
    run restore_plain "$directory/$NAME.sql.gz" 2>"$errors" || code=$?
  fi
  # A plain dump brings its own BEGIN and COMMIT around large objects; psql remarks on that.
  grep -v 'transaction in progress' "$errors" >"$WORK/restore.output" || true
  quote_output "$WORK/restore.output"
  if ((code != 0)); then
    explain "$errors"
    if [[ -n $RESTORER && $KIND == rights ]]; then
      CAUSE="the role that executes the dump is no superuser: ${CAUSE#*: }"
      CURE='if you trust everyone who could create objects in that database: pgkeep run-restore … --allow-superuser-objects'
    fi
    fail 1 "$KIND" "restoring $NAME into the side database failed" "$CAUSE" "$CURE"
  fi
  done_step "$RESTORE_JOBS jobs"
}

# The facts of the side database, in one snapshot; hashes of tables where the manifest has them to compare with.
read_facts() {
  local hashes=false
  if [[ $(summary_value "$NAME" table_hashes) == true ]]; then hashes=true; fi
  psql_on "$SIDE" -1 -v table_hashes="$hashes" -f "$SCRIPTS/session.sql" -f "$SCRIPTS/facts.sql" >"$WORK/facts.json" || return 1
  psql_on "$SIDE" -f "$SCRIPTS/session.sql" -f "$SCRIPTS/sequences.sql" >"$WORK/sequences"
}

# With what compare.sql has found.
fail_different() {
  awk -F '\t' '{ printf "    %s: expected %s, found %s\n", $1, $2, $3 }' "$WORK/differences" | head -n 50
  fail 1 different "the restored database differs from the manifest in $(wc -l <"$WORK/differences") facts" \
    "$(awk -F '\t' 'NR == 1 { printf "%s: expected %s, found %s", $1, $2, $3 }' "$WORK/differences")" \
    'read the list above; restore another backup, or report this as a bug of pgkeep'
}

compare_side() {
  local tables rows
  begin 'Compared with the manifest'
  if ! run read_facts 2>"$WORK/facts.errors"; then
    quote_output "$WORK/facts.errors"
    explain "$WORK/facts.errors"
    fail 1 "$KIND" 'the facts of the restored database cannot be read' "$CAUSE" "$CURE"
  fi
  query "$SIDE" restore-totals.sql -v facts_file="$WORK/facts.json" >"$WORK/totals"
  IFS=$'\t' read -r tables rows <"$WORK/totals"
  if [[ -z $MANIFEST ]]; then
    sed -n '2,$s/^/    /p' "$WORK/totals"
    done_step "no manifest to compare with; restored $tables tables, $rows rows"
    return
  fi
  query "$SIDE" compare.sql -v manifest_file="$MANIFEST" -v found_file="$WORK/facts.json" \
    -v found_sequences="$WORK/sequences" >"$WORK/differences"
  [[ ! -s $WORK/differences ]] || fail_different
  # What this run has just shown is worth knowing: retention never lets the newest such backup go.
  set_mark proven "$NAME" "restored into $SIDE, every fact equal" || warn 'the mark for proven backups could not be written'
  done_step "$tables tables, $rows rows, every fact equal"
}

# Table by table: one that cannot be analyzed (a foreign table below it, whose server is away) must not keep the restored
# database, whose content is proven by now, from its place.
analyze_side() {
  begin 'Analyzed'
  run psql_on "$SIDE" -f "$SCRIPTS/session.sql" -f "$SCRIPTS/restore-analyze.sql" 2>"$WORK/analyze.errors" || {
    quote_output "$WORK/analyze.errors"
    explain "$WORK/analyze.errors"
    fail 1 "$KIND" 'ANALYZE of the restored database failed' "$CAUSE" "$CURE"
  }
  quote_output "$WORK/analyze.errors"
  if [[ -s $WORK/analyze.errors ]]; then
    warn 'some tables have no statistics yet: queries on them may be slow until somebody runs ANALYZE on them'
  fi
  # The first session after that writes a file (pg_internal.init), without which nobody gets in: here where the disk may be full.
  run psql_on "$SIDE" -c 'SELECT 1' >/dev/null 2>"$WORK/analyze.errors" || {
    quote_output "$WORK/analyze.errors"
    explain "$WORK/analyze.errors"
    fail 1 "$KIND" 'the restored database does not answer' "$CAUSE" "$CURE"
  }
  done_step
}

drop_side() {
  drop_unmarked "$SIDE" >/dev/null
  unsubscribe "$SIDE"
  psql_on "$MAINTENANCE" -f "$SCRIPTS/restore-drop.sql" -v side="$SIDE" -v name="$DATABASE_NAME" 2>"$WORK/drop.errors" && return
  quote_output "$WORK/drop.errors"
  note "the side database $SIDE could not be dropped; the next restore does it"
}

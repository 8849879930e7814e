#!/usr/bin/env bash
# Restoring in place: the live database is emptied and filled again, in one transaction of one session. Part of restore.sh.
#
# For roles that may not create or rename databases, and for servers that let them into one database only. It saves no
# room: PostgreSQL keeps the old files until the COMMIT, so it needs as much as a side database. Until the COMMIT nothing
# has happened; after it there is no kept database: the way back is the safety backup.

IN_PLACE_PATIENCE=20 # seconds to wait for a lock that somebody holds whose session may not be ended

# Nobody else gets in meanwhile: a line for each database that a killed run may have left closed.
closed_file() { printf '%s/.records/closed' "$BACKUP_DIRECTORY"; }

is_in_place() { [[ ${RESTORE_IN_PLACE:-false} == true ]]; }

# What cannot be asked for together with it. Called with the other checks of parameters.
check_in_place() {
  local with=''
  is_in_place || return 0
  [[ -z ${RESTORE_INTO:-} ]] || with=RESTORE_INTO
  [[ -z ${RESTORE_TABLES:-}${RESTORE_SCHEMAS:-} ]] || with='RESTORE_TABLES or RESTORE_SCHEMAS'
  [[ ${RESTORE_DRY_RUN:-false} != true ]] || with=RESTORE_DRY_RUN
  [[ -z $with ]] || fail 2 parameters "RESTORE_IN_PLACE and $with cannot go together" \
    'in place the whole live database is replaced, in one transaction' 'leave one of them out'
  [[ ${RESTORE_SAFETY_BACKUP:-true} == true ]] || fail 2 parameters 'RESTORE_IN_PLACE needs the safety backup' \
    'in place there is no kept database: the safety backup is the only way back' \
    'leave --skip-safety-backup out; or restore without --in-place, which keeps the old database on the server'
}

backup_format() {
  if is_legacy "$NAME"; then
    printf legacy
  elif [[ -d $BACKUP_DIRECTORY/$NAME/database ]]; then
    printf directory
  else
    printf plain
  fi
}

plan_in_place() {
  local kind detail cure stops=0 first_detail='' first_cure=''
  begin 'Checked that it can be restored in place'
  [[ $LIVE == present ]] || fail 1 refused "there is no database \"$DATABASE_NAME\" to restore in place" \
    'in place the content of a database is replaced; it does not make one' 'restore without --in-place'
  pg_restore --help | grep -q -e --restrict-key || fail 1 version \
    "pg_restore $CLIENT_VERSION writes dumps that psql could take for commands of its own (CVE-2025-8714)" \
    'in place a dump is restored as text' 'set image to a newer minor version of PostgreSQL; or restore without --in-place'
  query "$DATABASE_NAME" in-place-plan.sql -v manifest_file="$MANIFEST" -v format="$(backup_format)" \
    -v trusted="${RESTORE_ALLOW_SUPERUSER_OBJECTS:-false}" >"$WORK/in-place-plan"
  : >"$WORK/in-place-kept"
  : >"$WORK/in-place-schemas"
  while IFS=$'\t' read -r kind detail cure; do
    case $kind in
      kept)
        note "extension $detail stays as it is: this role could not make it again"
        printf '%s\n' "$detail" >>"$WORK/in-place-kept"
        ;;
      schema) printf '%s\n' "$detail" >>"$WORK/in-place-schemas" ;;
      *)
        stops=$((stops + 1))
        note "$detail"
        first_detail=${first_detail:-$detail} first_cure=${first_cure:-$cure}
        ;;
    esac
  done <"$WORK/in-place-plan"
  ((stops == 0)) || fail 1 refused "backup $NAME cannot be restored in place into database \"$DATABASE_NAME\"" "$first_detail" "$first_cure"
  query "$DATABASE_NAME" in-place-written.sql >"$WORK/in-place-written"
  done_step
}

# --- the one session --------------------------------------------------------------------------------------------------------

# From another database, where the server lets us into one.
close_database() {
  [[ $MAINTENANCE != "$DATABASE_NAME" ]] || return 0
  printf '%s\n' "$DATABASE_NAME" >>"$(closed_file)" && flush_paths "$(closed_file)" || return 1
  psql_on "$MAINTENANCE" -f "$SCRIPTS/session.sql" -f "$SCRIPTS/in-place-close.sql" -v name="$DATABASE_NAME" >/dev/null
}

# Extensions that stay, and their schemas, are made by nobody; their comments are their owners'.
list_in_place() {
  pg_restore --list "$BACKUP_DIRECTORY/$NAME/database" \
    | awk -v extensions="$WORK/in-place-kept" -v schemas="$WORK/in-place-schemas" -v pass=list -f "$SCRIPTS/in-place.awk"
}

# The dump as SQL. Only the part with the rows is filtered, where it is told apart; it alone holds large objects.
dump_text() {
  local directory="$BACKUP_DIRECTORY/$NAME" word section file
  local -a options=(--exit-on-error)
  if [[ $(backup_format) == directory ]]; then
    [[ $(summary_value "$NAME" owners) != false ]] || options+=(--no-owner --no-acl)
    list_in_place >"$WORK/in-place.list"
    for section in pre-data data post-data; do
      pg_restore "${options[@]}" --use-list="$WORK/in-place.list" --section="$section" --file=- "$directory/database" \
        | if [[ $section == data ]]; then awk -v pass=text -f "$SCRIPTS/in-place.awk"; else cat; fi || return 1
    done
    return
  fi
  file=$directory
  is_legacy "$NAME" || file="$directory/$NAME.sql.gz"
  word=$(restriction "$file")
  [[ -z $word ]] || printf '%s\n' "$word"
  gzip -dc "$file" | awk -v pass=text -f "$SCRIPTS/in-place.awk" || return 1
  [[ -z $word ]] || printf '\n%s\n' "${word/restrict/unrestrict}"
}

# What the session is told, in its order. The last part, with the COMMIT, is said only if all before it was: psql takes the
# end of a cut stream for the end of the dump.
tell_session() {
  printf "\\\\i '%s/session.sql'\n\\\\o /dev/null\n" "$SCRIPTS"
  # It has to be in before nobody can get in any more.
  printf '\\o :ready_file\nSELECT 1;\n\\o /dev/null\n'
  until [[ -s $WORK/in-place.ready ]]; do
    sleep 0.1
    printf '\n' 2>/dev/null || return 1
  done
  close_database || return 1
  printf "\\\\i '%s/in-place-empty.sql'\n" "$SCRIPTS"
  dump_text || return 1
  : >"$WORK/in-place.finishing"
  printf "\\\\i '%s/in-place-finish.sql'\n" "$SCRIPTS"
}

in_place_session() {
  local hashes=false closed=true
  if ! is_legacy "$NAME" && [[ $(summary_value "$NAME" table_hashes) == true ]]; then hashes=true; fi
  [[ $MAINTENANCE != "$DATABASE_NAME" ]] || closed=false
  tell_session | psql_on "$DATABASE_NAME" -v name="$DATABASE_NAME" -v closed="$closed" -v manifest_file="$MANIFEST" \
    -v table_hashes="$hashes" -v patience="${IN_PLACE_PATIENCE}s" -v xid_file="$WORK/in-place.xid" -v ready_file="$WORK/in-place.ready" \
    -v written_file="$WORK/in-place-written" -v written_now="$WORK/in-place-written-now" -v found_file="$WORK/facts.json" \
    -v found_sequences="$WORK/sequences" -v differences_file="$WORK/differences"
}

replace_content() {
  local errors="$WORK/in-place.errors" code=0 tables rows
  begin 'Replaced the content, in one transaction'
  note 'until its end the old files stay: this needs as much room on the server as a side database'
  [[ $MAINTENANCE != "$DATABASE_NAME" ]] \
    || warn "the server lets \"$PGUSER\" into no other database, so nobody can be kept out of this one: whoever comes waits until the end"
  : >"$WORK/differences"
  PHASE=replacing
  run in_place_session 2>"$errors" || code=$?
  grep -v -e 'transaction in progress' "$errors" >"$WORK/in-place.output" || true
  quote_output "$WORK/in-place.output"
  ((code == 0)) || explain_in_place "$errors"
  PHASE=after
  rm -f "$(closed_file)"
  query "$DATABASE_NAME" restore-totals.sql -v facts_file="$WORK/facts.json" >"$WORK/totals"
  IFS=$'\t' read -r tables rows <"$WORK/totals"
  if [[ -z $MANIFEST ]]; then
    sed -n '2,$s/^/    /p' "$WORK/totals"
    done_step "no manifest to compare with; restored $tables tables, $rows rows"
    return
  fi
  set_mark proven "$NAME" "restored into $DATABASE_NAME in place, every fact equal" || warn 'the mark for proven backups could not be written'
  done_step "$tables tables, $rows rows, every fact equal"
}

explain_in_place() {
  case $(<"$1") in
    *'pgkeep: the restored database differs'*) fail_different ;;
    *'pgkeep: the database was written to'*)
      because written 'somebody wrote to it after the safety backup began, and that is in no backup' \
        'stop the applications (pgkeep run-restore does, with RESTORE_APPLICATIONS), then start this again'
      ;;
    *'pgkeep: the dump ends the transaction'*)
      because transaction 'the dump holds a COMMIT of its own, in a place where none is known' 'restore without --in-place'
      ;;
    *'pgkeep: these could not be dropped'*)
      because other "$(grep -o 'these could not be dropped.*' "$1" | head -c 1000)" 'restore without --in-place, or report this as a bug of pgkeep'
      ;;
    *'max_locks_per_transaction'*)
      because locks 'one transaction for the whole database needs more locks than the server has room for' \
        'restore without --in-place; or raise max_locks_per_transaction and restart the server'
      ;;
    *'due to lock timeout'*)
      because sessions "sessions that \"$PGUSER\" may not end hold locks in \"$DATABASE_NAME\"" \
        'look at pg_stat_activity on the server, end them, then start this again'
      ;;
    *) explain "$1" ;;
  esac
  fail 1 "$KIND" "restoring $NAME in place failed" "$CAUSE" "$CURE"
}

# --- what became of it ------------------------------------------------------------------------------------------------------

# In cleanup, when the session has ended without a word: before COMMIT was said nothing has happened; after that the server
# knows. It may be starting up again; but a pod has half a minute for its last words, and one attempt may take ten seconds.
settle_in_place() {
  local xid='' status='' give_up=$((SECONDS + 10))
  if [[ -s $WORK/in-place.xid ]]; then read -r xid <"$WORK/in-place.xid"; fi
  while ((SECONDS < give_up)); do
    if [[ -n $xid ]]; then
      run psql_on "$MAINTENANCE" -f "$SCRIPTS/in-place-settle.sql" -v xid="$xid" >"$WORK/answer" 2>"$WORK/settle.errors"
      status=$(<"$WORK/answer")
      # Its number may be another's after a crash; but not once the whole dump has gone through the log.
      [[ $status != committed || -e $WORK/in-place.finishing ]] || status=aborted
      case $status in
        committed) PHASE=after ;;
        aborted) PHASE=before ;;
        *)
          sleep 0.1
          continue
          ;;
      esac
    else
      PHASE=before # it never began
    fi
    ! open_database || return 0
    sleep 0.1
  done
  # The server cannot be asked. Without COMMIT having been said the answer is known all the same.
  [[ -e $WORK/in-place.finishing ]] || PHASE=before
  quote_output "$WORK/settle.errors"
  warn "connections to \"$DATABASE_NAME\" may still be switched off; start the restore again, it allows them"
}

open_database() {
  [[ -e $(closed_file) ]] || return 0
  run psql_on "$MAINTENANCE" -f "$SCRIPTS/restore-allow.sql" -v name="$DATABASE_NAME" 2>"$WORK/settle.errors" && rm -f "$(closed_file)"
}

# What a killed run left, whatever this one is about: called before anything else that needs the live database.
open_left() {
  local name
  [[ -s $(closed_file) ]] || return 0
  while IFS= read -r name; do
    query "$MAINTENANCE" in-place-open.sql -v name="$name" >"$WORK/opened"
    quote_output "$WORK/opened"
  done < <(sort -u "$(closed_file)")
  rm -f "$(closed_file)"
}

in_place_epilogue() {
  case $PHASE in
    before)
      EPILOGUE='the live database was not touched'
      [[ ! -s $WORK/in-place.xid ]] || EPILOGUE='everything was rolled back: the live database is as it was'
      ;;
    after) EPILOGUE="the restored content is in place; the way back is the safety backup $SAFETY" ;;
    *) EPILOGUE='whether the transaction was committed is not known: the old or the new content is whole; start the restore again' ;;
  esac
}

summary_in_place() {
  section Summary
  setting database "$DATABASE_NAME holds backup $NAME"
  setting duration "$(seconds_since "$RUN_STARTED") s"
  setting kept 'nothing on the server'
  setting safety "$SAFETY, pinned"
  section 'To undo'
  note "  pgkeep run-restore $SAFETY --in-place"
}

restore_in_place() {
  OLD='' # nothing is kept
  plan_in_place
  make_safety_backup
  [[ -n $SAFETY ]] || fail 1 safety 'there is no safety backup' 'in place it is the only way back' 'report this as a bug of pgkeep'
  replace_content
  SIDE=$DATABASE_NAME
  analyze_side
  smoke_query
  summary_in_place
  printf '\n✓ Database %s is restored from %s, in place\n' "$DATABASE_NAME" "$NAME"
}

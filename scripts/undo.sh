#!/usr/bin/env bash
# Back to the database that a restore has kept, or the end of that possibility. Part of restore.sh.

# shellcheck source=kept.sh
source "$SCRIPTS/kept.sh"

UNDONE_BY='' # `undo`, or the backup by whose restore the database that comes back was replaced

# Of several databases the one that is named. None is chosen: to undo the wrong one would be one more accident.
check_kept_parameters() {
  local name
  require_programs psql
  require_parameter NAMESPACE VOLUME_NAME BACKUP_DIRECTORY DATABASE_HOST DATABASE_PORT DATABASE_NAMES
  require_number RESTORE_KEEP_DAYS 0
  mapfile -t NAMES <<<"$DATABASE_NAMES"
  for name in "${NAMES[@]}"; do
    if [[ $name == "${RESTORE_DATABASE:-${NAMES[0]}}" ]]; then DATABASE_NAME=$name; fi
  done
  [[ -n $DATABASE_NAME ]] || fail 2 parameters "RESTORE_DATABASE is \"$RESTORE_DATABASE\"" \
    "this stack has: ${NAMES[*]}" 'set it to one of them'
  if ((${#NAMES[@]} > 1)) && [[ -z ${RESTORE_DATABASE:-} ]]; then
    fail 2 parameters 'RESTORE_DATABASE is empty' "this stack has ${#NAMES[@]} databases: ${NAMES[*]}" \
      'say which one is meant (--database)'
  fi
  [[ -d $BACKUP_DIRECTORY ]] || fail 1 volume "$BACKUP_DIRECTORY is not there" \
    "volume claim \"$VOLUME_NAME\" is not mounted" "kubectl -n $NAMESPACE describe pvc $VOLUME_NAME"
}

# Called by `finish` in place of a restore's.
cleanup_kept() {
  if [[ $PHASE == swapping ]]; then
    if settle_swap && [[ $PHASE == before ]]; then allow_connections; fi
  fi
  if (($1 != 0)); then
    case $PHASE in
      before)
        EPILOGUE="\"$DATABASE_NAME\" was not touched"
        if ((${#DROPPED[@]} > 0)); then EPILOGUE+="; dropped before that: ${DROPPED[*]}"; fi
        ;;
      swapping) EPILOGUE='whether the swap happened is not known: one of the two databases is whole under the name; start this again' ;;
      *) EPILOGUE="the swap is done${OLD:+: what \"$DATABASE_NAME\" was before it is kept as $OLD}" ;;
    esac
  fi
  if [[ -n $LOCK_DESCRIPTOR ]]; then record_kept "$1" 2>/dev/null; fi
}

record_kept() {
  local result=ok dropped='' name
  (($1 == 0)) || result=failed
  for name in ${DROPPED[@]+"${DROPPED[@]}"}; do dropped+=",\"$(escape_for_json "$name")\""; done
  {
    printf '{"action":"%s","database":"%s","started":"%s","finished":"%s","result":"%s","reason":"%s","swapped":%s' \
      "$RESTORE_ACTION" "$(escape_for_json "$DATABASE_NAME")" "$RUN_STARTED_ISO" "$(now_iso)" "$result" "$FAILED_REASON" \
      "$([[ $PHASE == after ]] && printf true || printf false)"
    printf ',"back":"%s","kept":"%s","dropped":[%s],"freedBytes":%s,"seconds":%s,"steps":[%s]}\n' "$(escape_for_json "$SIDE")" \
      "$(escape_for_json "$OLD")" "${dropped#,}" "$FREED" "$(seconds_since "$RUN_STARTED")" "$(steps_for_json)"
  } >>"$BACKUP_DIRECTORY/.records/restores.jsonl"
  flush_paths "$BACKUP_DIRECTORY/.records/restores.jsonl"
  rm -f "$(running_file)"
}

# Everything up to the list of what is kept.
begin_kept() {
  # shellcheck disable=SC2329 # called by `finish`
  cleanup() { cleanup_kept "$1"; }
  check_kept_parameters
  banner "$1"
  section Configuration
  setting database "$DATABASE_NAME on $DATABASE_HOST:$DATABASE_PORT"
  setting namespace "$NAMESPACE"
  setting applications "${RESTORE_APPLICATIONS:-none named}"
  section Steps
  begin 'Looked for kept databases'
  mkdir -p "$BACKUP_DIRECTORY/.records"
  # Neither a restore nor a backup may be in the middle of something.
  take_lock "$RESTORE_ACTION"
  note_killed
  use_credentials
  connect_maintenance
  if ! list_kept "$MAINTENANCE"; then
    explain "$WORK/kept.errors"
    fail 1 "$KIND" 'the databases that restores have kept cannot be looked for' "$CAUSE" "$CURE"
  fi
  done_step "$(wc -l <"$WORK/kept") of \"$DATABASE_NAME\""
  print_kept
}

# --- undo -------------------------------------------------------------------------------------------------------------

nothing_to_undo() {
  local safety name what="no database carries the mark of a restore of \"$DATABASE_NAME\"" cure
  cure="restore a backup from before instead: pgkeep list-backups"
  [[ ! -s $WORK/kept ]] || what="what is kept belongs to another owner than \"$DATABASE_NAME\" (above), which may be somebody else's doing"
  while IFS= read -r name; do
    if [[ -z ${safety:-} ]] && has_mark safety "$name" && [[ $(summary_value "$name" database) == "$(escape_as_copy "$DATABASE_NAME")" ]]; then
      safety=$name
    fi
  done < <(backup_names)
  [[ -z ${safety:-} ]] || cure="the last restore has made a safety backup before: pgkeep run-restore $safety"
  [[ ! -s $WORK/kept ]] || cure="if it is right: ALTER DATABASE … OWNER TO the owner of \"$DATABASE_NAME\", then start this again; or $cure"
  fail 1 nothing "there is nothing to undo for \"$DATABASE_NAME\"" "$what" "$cure"
}

plan_undo() {
  local kind detail cure stops=0 first_detail='' first_cure=''
  query "$MAINTENANCE" undo-plan.sql -v name="$DATABASE_NAME" -v kept="$SIDE" >"$WORK/plan"
  while IFS=$'\t' read -r kind detail cure; do
    case $kind in
      fact) if [[ $detail == live ]]; then LIVE=$cure; else OLD=$cure; fi ;;
      *)
        stops=$((stops + 1))
        note "$detail"
        first_detail=${first_detail:-$detail} first_cure=${first_cure:-$cure}
        ;;
    esac
  done <"$WORK/plan"
  ((stops == 0)) || fail 1 refused "$SIDE cannot take the name \"$DATABASE_NAME\"" "$first_detail" "$first_cure"
}

ask_it() {
  begin 'Asked it'
  run psql_on "$DATABASE_NAME" -c 'SELECT 1' >/dev/null 2>"$WORK/answer.errors" || {
    quote_output "$WORK/answer.errors"
    explain "$WORK/answer.errors"
    fail 1 "$KIND" "\"$DATABASE_NAME\" does not answer" "$CAUSE" "$CURE"
  }
  done_step
}

# This may fail or be killed anywhere and be started again: the swap is one transaction, and connections that were switched
# off for it are allowed again by the next run.
undo_main() {
  local kept successor since ours
  begin_kept 'PostgreSQL undo of a restore'
  while IFS=$'\t' read -r kept successor since _ _ _ _ ours; do
    [[ -n $SIDE || $ours != t ]] || SIDE=$kept UNDONE_BY="$successor" STAMP=$since
  done <"$WORK/kept"
  [[ -n $SIDE ]] || nothing_to_undo
  allow_connections
  plan_undo
  [[ $LIVE == present ]] || OLD=''
  exchange undo
  ask_it

  section Summary
  if [[ $UNDONE_BY == undo ]]; then
    setting database "$DATABASE_NAME is again what it was before the undo at $STAMP UTC"
  else
    setting database "$DATABASE_NAME is again what it was before the restore of $UNDONE_BY at $STAMP UTC"
  fi
  setting back "it was kept as $SIDE"
  setting duration "$(seconds_since "$RUN_STARTED") s"
  if [[ -n $OLD ]]; then
    setting kept "what it was until now, as $OLD"
    print_undo
  fi
  printf '\n✓ Database %s is back\n' "$DATABASE_NAME"
}

# Which one, where the stack has several.
database_option() { ((${#NAMES[@]} == 1)) || printf ' --database %q' "$DATABASE_NAME"; }

# print_undo: how the swap that this run made is undone, by the tool and by hand, and how its possibility ends.
print_undo() {
  local option dash='--'
  option=$(database_option)
  query "$MAINTENANCE" restore-undo.sql -v name="$DATABASE_NAME" -v old="$OLD" >"$WORK/undo"
  section 'To undo this'
  printf '    pgkeep undo-restore%s\n' "$option"
  section "or by hand, as a superuser or the owner, in database $MAINTENANCE (stop the applications first)"
  sed -e '$d' -e 's/^/    /' "$WORK/undo"
  section 'To drop what is kept when it is no longer needed'
  printf '    pgkeep undo-restore %sdrop-old%s\n' "$dash" "$option"
  sed -n '$s/^/    /p' "$WORK/undo"
}

# --- the end of undo ----------------------------------------------------------------------------------------------------

drop_old_main() {
  local which=${RESTORE_DROP:-$RESTORE_KEEP_DAYS} words
  begin_kept 'PostgreSQL databases kept by restores'
  if [[ -z ${RESTORE_DROP:-} ]] && ((RESTORE_KEEP_DAYS == 0)); then
    note 'Nothing was dropped: this Job does not say what (RESTORE_DROP: all, or one of these names), and restoreKeepDays is 0.'
    return
  fi
  if [[ ! $which =~ ^([0-9]+|all)$ ]] && ! cut -f 1 "$WORK/kept" | grep -qxF -- "$which"; then
    fail 1 unknown "no database is kept as \"$which\"" \
      "RESTORE_DROP names one that no restore of \"$DATABASE_NAME\" has kept, or that is gone" \
      'set it to one of the names above, or to all'
  fi
  words="older than $RESTORE_KEEP_DAYS days"
  [[ -z ${RESTORE_DROP:-} ]] || words=$RESTORE_DROP
  if [[ ${RESTORE_DRY_RUN:-false} == true ]]; then
    note "Nothing was dropped: this is a dry run ($words)."
    return
  fi
  begin "Dropped what is kept ($words)"
  drop_kept_where "$MAINTENANCE" "$which"
  if ((${#STUCK[@]} > 0)); then
    fail 1 stuck "${#STUCK[@]} of the databases could not be dropped: ${STUCK[*]}" 'the lines above say why' \
      'mend that, or drop them by hand as their owner'
  fi
  done_step "${#DROPPED[@]}"
  section Summary
  setting dropped "${#DROPPED[@]} databases"
  setting freed "$(human_size "$FREED")"
  setting duration "$(seconds_since "$RUN_STARTED") s"
}

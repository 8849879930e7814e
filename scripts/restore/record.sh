#!/usr/bin/env bash
# What a restore writes down of itself.

[[ ! -v PGKEEP_RESTORE_RECORD ]] || return 0
readonly PGKEEP_RESTORE_RECORD=1

source "$SCRIPTS/core/time.sh"
source "$SCRIPTS/core/text.sh"
source "$SCRIPTS/core/log.sh"
source "$SCRIPTS/core/failure.sh"
source "$SCRIPTS/core/files.sh"
source "$SCRIPTS/core/lock.sh"
source "$SCRIPTS/core/script.sh"
source "$SCRIPTS/volume/names.sh"
source "$SCRIPTS/volume/records.sh"
source "$SCRIPTS/aside/aside.sh"
source "$SCRIPTS/load/state.sh"
source "$SCRIPTS/restore/state.sh"
source "$SCRIPTS/restore/safety.sh"

# Called at the beginning of every step: what a run that is killed leaves behind.
note_step() {
  local file line
  [[ -n $LOCK_DESCRIPTOR ]] || return 0
  file=$(running_file)
  printf -v line '{"action":"%s","backup":"%s","database":"%s","started":"%s","result":"killed","step":"%s","at":"%s"}' \
    "${RESTORE_ACTION:-restore}" "$NAME" "$(escape_for_json "$DATABASE_NAME")" "$RUN_STARTED_ISO" "$STEP" "$(now_iso)"
  { rm -f "$file" && printf '%s\n' "$line" >"$file"; } 2>/dev/null || true
}

# record_restore EXIT_CODE: a line in restores.jsonl.
record_restore() {
  local result=ok line
  (($1 == 0)) || result=failed
  printf -v line '{"action":"restore","backup":"%s","database":"%s","started":"%s","finished":"%s","result":"%s","reason":"%s"' \
    "$NAME" "$(escape_for_json "$DATABASE_NAME")" "$RUN_STARTED_ISO" "$(now_iso)" "$result" "$FAILED_REASON"
  printf -v line '%s,"dryRun":%s,"swapped":%s,"kept":"%s","safetyBackup":"%s","seconds":%s,"steps":[%s]}' "$line" \
    "${RESTORE_DRY_RUN:-false}" "$([[ $PHASE == after ]] && printf true || printf false)" \
    "$([[ $PHASE == after && $LIVE == present ]] && escape_for_json "$OLD")" "$SAFETY" \
    "$(seconds_since "$RUN_STARTED")" "$(steps_for_json)"
  append_line "$BACKUP_DIRECTORY/.records/restores.jsonl" "$line" && flush_paths "$BACKUP_DIRECTORY/.records/restores.jsonl"
  rm -f "$(running_file)"
}

# record_aside EXIT_CODE ACTION BACK: the same for what works on databases that were put aside; BACK is the one that came back.
record_aside() {
  local result=ok dropped='' name line
  (($1 == 0)) || result=failed
  for name in ${DROPPED[@]+"${DROPPED[@]}"}; do dropped+=",\"$(escape_for_json "$name")\""; done
  printf -v line '{"action":"%s","database":"%s","started":"%s","finished":"%s","result":"%s","reason":"%s","swapped":%s' \
    "$2" "$(escape_for_json "$DATABASE_NAME")" "$RUN_STARTED_ISO" "$(now_iso)" "$result" "$FAILED_REASON" \
    "$([[ $PHASE == after ]] && printf true || printf false)"
  printf -v line '%s,"back":"%s","kept":"%s","dropped":[%s],"freedBytes":%s,"seconds":%s,"steps":[%s]}' "$line" \
    "$(escape_for_json "$3")" "$(escape_for_json "$OLD")" "${dropped#,}" "$FREED" "$(seconds_since "$RUN_STARTED")" \
    "$(steps_for_json)"
  append_line "$BACKUP_DIRECTORY/.records/restores.jsonl" "$line" && flush_paths "$BACKUP_DIRECTORY/.records/restores.jsonl"
  rm -f "$(running_file)"
}

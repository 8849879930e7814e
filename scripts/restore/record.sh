#!/usr/bin/env bash
# What a restore writes down of itself.

[[ ! -v PGKEEP_RESTORE_RECORD ]] || return 0
readonly PGKEEP_RESTORE_RECORD=1

source "$SCRIPTS/core/time.sh"
source "$SCRIPTS/core/text.sh"
source "$SCRIPTS/core/log.sh"
source "$SCRIPTS/core/failure.sh"
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
  line=$(json_of action "${RESTORE_ACTION:-restore}" backup "$NAME" database "$DATABASE_NAME" started "$RUN_STARTED_ISO" \
    result killed step "$STEP" at "$(now_iso)")
  { rm -f "$file" && printf '%s\n' "$line" >"$file"; } 2>/dev/null || true
}

# swapped: true or false, for a record.
swapped() { if [[ $PHASE == after ]]; then printf true; else printf false; fi; }

# append_end EXIT_CODE ACTION KEY VALUE…: a line in restores.jsonl; this run is no longer one that runs.
append_end() {
  local result=ok
  (($1 == 0)) || result=failed
  append_record restores action "$2" database "$DATABASE_NAME" started "$RUN_STARTED_ISO" finished "$(now_iso)" result "$result" \
    reason "$FAILED_REASON" :swapped "$(swapped)" "${@:3}" :seconds "$(seconds_since "$RUN_STARTED")" :steps "[$(steps_for_json)]"
  rm -f "$(running_file)"
}

# record_restore EXIT_CODE
record_restore() {
  local aside=''
  if [[ $PHASE == after && $LIVE == present ]]; then aside=$OLD; fi
  append_end "$1" restore backup "$NAME" :dryRun "${RESTORE_DRY_RUN:-false}" kept "$aside" safetyBackup "$SAFETY"
}

# record_aside EXIT_CODE ACTION BACK: the same for what works on databases that were put aside; BACK is the one that came back.
record_aside() {
  local dropped='' name
  for name in ${DROPPED[@]+"${DROPPED[@]}"}; do dropped+=",\"$(escape_for_json "$name")\""; done
  append_end "$1" "$2" back "$3" kept "$OLD" :dropped "[${dropped#,}]" :freedBytes "$FREED"
}

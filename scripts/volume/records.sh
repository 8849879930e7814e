#!/usr/bin/env bash
# What is known of a run, whoever asks and from where: .records/ on the volume.

[[ ! -v PGKEEP_VOLUME_RECORDS ]] || return 0
readonly PGKEEP_VOLUME_RECORDS=1

source "$SCRIPTS/core/time.sh"
source "$SCRIPTS/core/text.sh"
source "$SCRIPTS/core/log.sh"
source "$SCRIPTS/core/files.sh"

running_file() { printf '%s/.records/restore-running.json' "$BACKUP_DIRECTORY"; }

# An earlier run that was killed could not write its own record. What lies in the place of one and has not its form is
# neither shown nor kept: it may be a link to a file that only this pod may read.
note_killed() {
  local file line form='^\{"action":"[a-z-]{1,20}","backup":"[a-z0-9.-]*","database":".{0,300}",'
  form+='"started":"[0-9TZ:-]+","result":"killed",'
  file=$(running_file)
  [[ -e $file || -L $file ]] || return 0
  if line=$(first_line "$file") && [[ $line =~ $form ]]; then
    line=$(printable "$line")
    note "an earlier run was killed: $line"
    append_line "$BACKUP_DIRECTORY/.records/restores.jsonl" "$line" || true
  fi
  rm -f "$file"
}

# The steps that are done, with their seconds, as the elements of a JSON array.
steps_for_json() {
  local step steps=''
  for step in ${STEPS_DONE[@]+"${STEPS_DONE[@]}"}; do steps+=",{\"step\":\"${step%$'\t'*}\",\"seconds\":${step#*$'\t'}}"; done
  printf '%s' "${steps#,}"
}

# json_of KEY VALUE…: one JSON object on one line. A value is text; behind a key that begins with a colon it is JSON already,
# and the colon is no part of the key.
json_of() {
  local members=''
  while (($# > 0)); do
    case $1 in
      :*) members+=",\"${1#:}\":$2" ;;
      *) members+=",\"$1\":\"$(escape_for_json "$2")\"" ;;
    esac
    shift 2
  done
  printf '{%s}' "${members#,}"
}

# append_record FILE KEY VALUE…: a line in .records/FILE.jsonl, on the disk when this is over. False where it could not be
# written.
append_record() {
  local file="$BACKUP_DIRECTORY/.records/$1.jsonl"
  append_line "$file" "$(json_of "${@:2}")" && flush_paths "$file"
}

record_verification() { append_record verifications name "$1" time "$(now_iso)" result "$2" || true; }

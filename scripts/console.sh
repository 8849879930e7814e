#!/usr/bin/env bash
# Shows and checks what lies on the volume. Has no database and no credentials.

# Before the first command: without the shared files nothing below may run.
set -Eeuo pipefail
SCRIPTS=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=common.sh
source "$SCRIPTS/common.sh"
# shellcheck source=catalog.sh
source "$SCRIPTS/catalog.sh"
# shellcheck source=verification.sh
source "$SCRIPTS/verification.sh"

readonly COLUMNS_OF_LIST='name status created duration_seconds backup_bytes database format server_version tables rows large_objects path'

check_parameters() {
  require_parameter NAMESPACE VOLUME_NAME BACKUP_DIRECTORY CONSOLE_COMMAND CONSOLE_BACKUP CONSOLE_OUTPUT
  [[ $CONSOLE_COMMAND =~ ^(list|show|verify)$ ]] || fail 2 parameters "CONSOLE_COMMAND is \"$CONSOLE_COMMAND\"" \
    "the console knows list, show and verify" "set CONSOLE_COMMAND to one of them"
  [[ $CONSOLE_OUTPUT =~ ^(text|tsv)$ ]] || fail 2 parameters "CONSOLE_OUTPUT is \"$CONSOLE_OUTPUT\"" \
    "the console knows text and tsv" "set CONSOLE_OUTPUT to one of them"
  [[ -d $BACKUP_DIRECTORY ]] || fail 1 volume "$BACKUP_DIRECTORY is not there" \
    "volume claim \"$VOLUME_NAME\" is not mounted" "kubectl -n $NAMESPACE describe pvc $VOLUME_NAME"
}

# A name as a person may give it, as it is on the volume: a path, or a legacy file without its ending.
find_backup() {
  local wanted=${1##*/} name
  if [[ $wanted == latest ]]; then
    wanted=$(newest_verified)
    [[ -n $wanted ]] || fail 1 none "there is no verified backup" "volume \"$VOLUME_NAME\" holds none yet" \
      "kubectl -n $NAMESPACE create job --from=cronjob/postgres-backup backup-now"
  fi
  while IFS= read -r name; do
    if [[ $name == "$wanted" || $name == "$wanted.sql.gz" ]]; then
      printf '%s' "$name"
      return
    fi
  done < <(backup_names)
  fail 1 unknown "there is no backup \"$1\"" "volume \"$VOLUME_NAME\" holds $(backup_names | wc -l) backups, none of that name" \
    "pgkeep list-backups, or: kubectl -n $NAMESPACE create job --from=cronjob/postgres-backup-console list-backups"
}

list_tsv() {
  local name
  printf '#pgkeep-list 1\n%s\n' "${COLUMNS_OF_LIST// /$'\t'}"
  while IFS= read -r name; do backup_row "$name"; done < <(backup_names)
  printf '#disk %s\n' "$(disk_use)"
}

list_text() {
  local count
  banner "Backups on volume $VOLUME_NAME"
  count=$(backup_names | wc -l)
  if ((count == 0)); then
    note "no backups yet"
    note "make one: kubectl -n $NAMESPACE create job --from=cronjob/postgres-backup backup-now"
    return
  fi
  print_list
}

show_facts() {
  local key
  if is_legacy "$1"; then
    printf 'name=%s\ncreated=%s\nformat=plain\nbackup_bytes=%s\n' "$1" "$(name_to_iso "$1")" \
      "$(stat -c %s "$BACKUP_DIRECTORY/$1")"
  else
    for key in $SUMMARY_KEYS; do printf '%s=%s\n' "$key" "$(summary_value "$1" "$key")"; done
  fi
  printf 'status=%s\npath=%s\n' "$(backup_status "$1")" "$BACKUP_DIRECTORY/$1"
}

show() {
  local name
  name=$(find_backup "$CONSOLE_BACKUP")
  if [[ $CONSOLE_OUTPUT == tsv ]]; then
    printf '#pgkeep-show 1\n'
    show_facts "$name"
    return
  fi
  banner "Backup $name"
  show_facts "$name" | while IFS='=' read -r key value; do
    case $key in
      *_bytes) [[ $value == - ]] || value="$(human_size "$value") ($value bytes)" ;;
      *) ;;
    esac
    printf '  %-17s %s\n' "$key" "$value"
  done
  [[ $(backup_status "$name") != damaged ]] || note "damaged: $(damage_reason "$name")"
}

check_one() {
  if is_legacy "$1"; then
    check_plain "$BACKUP_DIRECTORY/$1"
  else
    check_backup "$1"
  fi
}

record_verification() {
  printf '{"name":"%s","time":"%s","result":"%s"}\n' "$1" "$(now_iso)" "$2" >>"$BACKUP_DIRECTORY/.records/verifications.jsonl"
}

# ✓ only for what was read to its end just now.
verify_one() {
  local name=$1 started verdict
  started=$(microseconds)
  if run check_one "$name" >"$WORK/verdict"; then
    if is_legacy "$name"; then
      verdict='readable to its end; an older script made it: there are no hashes to compare with'
    else
      verdict="all $(wc -l <"$BACKUP_DIRECTORY/$name/SHA256SUMS") files have their hash, read to the end"
      clear_damaged "$name"
    fi
    record_verification "$name" ok
    printf '✓ %s (%s, %s s)\n' "$name" "$verdict" "$(seconds_since "$started")"
    return 0
  fi
  verdict=$(<"$WORK/verdict")
  if [[ ! -e $BACKUP_DIRECTORY/$name ]]; then
    printf '✗ %s (was removed by retention while it was being read)\n' "$name"
    return 1
  fi
  is_legacy "$name" || mark_damaged "$name" "$verdict"
  record_verification "$name" damaged
  printf '✗ %s (%s)\n' "$name" "${verdict:-could not be read}"
  return 1
}

verify() {
  local name bad=() names=()
  mkdir -p "$BACKUP_DIRECTORY/.records"
  if [[ $CONSOLE_BACKUP == all ]]; then
    mapfile -t names < <(backup_names)
  else
    name=$(find_backup "$CONSOLE_BACKUP")
    names=("$name")
  fi
  banner "Verifying ${#names[@]} backups on volume $VOLUME_NAME"
  ((${#names[@]} > 0)) || note "no backups yet"
  for name in ${names[@]+"${names[@]}"}; do
    verify_one "$name" || bad+=("$name")
  done
  ((${#bad[@]} == 0)) || fail 1 damaged "${#bad[@]} of ${#names[@]} backups are damaged: ${bad[*]}" \
    "see the lines above" "make a new backup now: kubectl -n $NAMESPACE create job --from=cronjob/postgres-backup backup-now"
}

main() {
  start_script
  check_parameters
  case $CONSOLE_COMMAND in
    list) "list_$CONSOLE_OUTPUT" ;;
    show) show ;;
    *) verify ;;
  esac
}

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then main "$@"; fi

#!/usr/bin/env bash
# Shows, checks and tidies what lies on the volume. Has no database and no credentials.

# Before the first command: without the shared files nothing below may run.
set -Eeuo pipefail
SCRIPTS=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
source "$SCRIPTS/core/shell.sh"
source "$SCRIPTS/core/time.sh"
source "$SCRIPTS/core/text.sh"
source "$SCRIPTS/core/log.sh"
source "$SCRIPTS/core/failure.sh"
source "$SCRIPTS/core/children.sh"
source "$SCRIPTS/core/lock.sh"
source "$SCRIPTS/core/parameters.sh"
source "$SCRIPTS/core/script.sh"
source "$SCRIPTS/volume/names.sh"
source "$SCRIPTS/volume/holds.sh"
source "$SCRIPTS/volume/marks.sh"
source "$SCRIPTS/volume/catalog.sh"
source "$SCRIPTS/volume/space.sh"
source "$SCRIPTS/volume/retention.sh"
source "$SCRIPTS/volume/list.sh"
source "$SCRIPTS/volume/records.sh"
source "$SCRIPTS/volume/metrics.sh"
source "$SCRIPTS/dump/reading.sh"

readonly COMMANDS='list show verify prune pin unpin acknowledge'
readonly COLUMNS_OF_LIST='name status created duration_seconds backup_bytes database format server_version tables rows
  large_objects path flags kept database_bytes compression client_version suspicion damage'

check_console_parameters() {
  require_programs pg_restore
  require_parameter NAMESPACE VOLUME_NAME BACKUP_DIRECTORY CONSOLE_COMMAND CONSOLE_BACKUP CONSOLE_OUTPUT
  require_truth CONSOLE_DRY_RUN
  check_retention_parameters
  [[ " $COMMANDS " == *" $CONSOLE_COMMAND "* ]] || fail 2 parameters "CONSOLE_COMMAND is \"$CONSOLE_COMMAND\"" \
    "the console knows ${COMMANDS// /, }" "set CONSOLE_COMMAND to one of them"
  [[ $CONSOLE_OUTPUT =~ ^(text|tsv)$ ]] || fail 2 parameters "CONSOLE_OUTPUT is \"$CONSOLE_OUTPUT\"" \
    "the console knows text and tsv" "set CONSOLE_OUTPUT to one of them"
  [[ -d $BACKUP_DIRECTORY ]] || fail 1 volume "$BACKUP_DIRECTORY is not there" \
    "volume claim \"$VOLUME_NAME\" is not mounted" "kubectl -n $NAMESPACE describe pvc $VOLUME_NAME"
}

# find_backup WORD: prints the name on the volume of what a person has typed: a name, `latest`, a path, or a file of the older
# script without its ending.
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

plan_or_fail() {
  plan_retention "$WORK/plan" || fail 1 plan 'the retention plan could not be made' \
    'the lines above say why' 'report them as a bug of pgkeep'
}

list_tsv() {
  local name
  plan_or_fail
  # Unquoted: the words of the list, however they are broken into lines.
  # shellcheck disable=SC2086
  printf '#pgkeep-list 1\n%s\n' "$(printf '%s\t' $COLUMNS_OF_LIST | sed 's/\t$//')"
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
  printf 'flags=%s\nkept=%s\n' "$(backup_flags "$1")" "$(kept_because "$1")"
  printf 'suspicion=%s\n' "$(mark_text suspicious "$1")"
  printf 'damage=%s\n' "$([[ $(backup_status "$1") == damaged ]] && damage_reason "$1" || printf -- -)"
}

show() {
  local name
  name=$(find_backup "$CONSOLE_BACKUP")
  plan_or_fail
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
}

check_one() {
  if is_legacy "$1"; then
    check_plain "$BACKUP_DIRECTORY/$1"
  else
    check_backup "$1"
  fi
}

# verify_one NAME: reads it to its end, records the result and marks a damaged one.
verify_one() {
  local name=$1 started verdict
  started=$(microseconds)
  # While it is held, retention leaves it where it is.
  if hold "$name" && run check_one "$name" >"$WORK/verdict"; then
    if is_legacy "$name"; then
      verdict='readable to its end; an older script made it: there are no hashes to compare with'
    else
      verdict="all $(wc -l <"$BACKUP_DIRECTORY/$name/SHA256SUMS") files have their hash, read to the end"
      clear_mark damaged "$name"
    fi
    record_verification "$name" ok
    printf '✓ %s (%s, %s s)\n' "$name" "$verdict" "$(seconds_since "$started")"
    return 0
  fi
  if [[ ! -e $BACKUP_DIRECTORY/$name ]]; then
    printf '✗ %s (was removed by retention a moment ago)\n' "$name"
    return 1
  fi
  verdict=$(<"$WORK/verdict")
  is_legacy "$name" || set_mark damaged "$name" "${verdict:-could not be read}" \
    || warn "the mark for damaged backups could not be written: $name still looks verified"
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
    : >"$WORK/verdict"
    verify_one "$name" || bad+=("$name")
    release
  done
  write_metrics
  ((${#bad[@]} == 0)) || fail 1 damaged "${#bad[@]} of ${#names[@]} backups are damaged: ${bad[*]}" \
    "see the lines above" "make a new backup now: kubectl -n $NAMESPACE create job --from=cronjob/postgres-backup backup-now"
}

# With CONSOLE_DRY_RUN shows what the next retention would delete; without it deletes that now.
prune() {
  local planned
  if [[ $CONSOLE_DRY_RUN == false ]]; then
    mkdir -p "$BACKUP_DIRECTORY/.trash" "$BACKUP_DIRECTORY/.records"
    take_lock prune
  fi
  plan_or_fail
  planned=$(grep -c '^delete' "$WORK/plan" || true)
  if [[ $CONSOLE_OUTPUT == tsv ]]; then
    printf '#pgkeep-prune 1\n'
    cat "$WORK/plan"
  else
    banner "Retention of volume $VOLUME_NAME: $(retention_words)"
    print_plan "$WORK/plan"
  fi
  if [[ $CONSOLE_DRY_RUN == true ]]; then
    if [[ $CONSOLE_OUTPUT == tsv ]]; then printf '#result dry-run %s\n' "$planned"; else note "$planned would go; nothing was changed"; fi
    return
  fi
  # Its notes are for people and must not stand among the lines that the tool reads.
  { empty_trash && apply_plan "$WORK/plan"; } >"$WORK/said" || {
    cat "$WORK/said"
    fail 1 retention 'not every backup could be moved to .trash' 'the lines above say which and why' \
      "look at volume \"$VOLUME_NAME\", then prune again"
  }
  write_metrics
  if [[ $CONSOLE_OUTPUT == tsv ]]; then
    printf '#result done %s\n' "$DELETED"
  else
    cat "$WORK/said"
    printf '✓ %s moved to .trash; the next retention removes them for good\n' "$DELETED"
  fi
}

pin() {
  local name
  name=$(find_backup "$CONSOLE_BACKUP")
  ! is_legacy "$name" || fail 1 legacy "$name needs no pin" 'a file of an older script is never deleted' 'nothing is to be done'
  set_mark pinned "$name" 'by an operator'
  printf '✓ %s is pinned: retention leaves it alone until it is unpinned\n' "$name"
}

unpin() {
  local name
  name=$(find_backup "$CONSOLE_BACKUP")
  has_mark pinned "$name" || fail 1 unpinned "$name is not pinned" 'there is nothing to take back' 'pgkeep list-backups shows the pins'
  clear_mark pinned "$name"
  printf '✓ %s is no longer pinned\n' "$name"
}

# Whoever has looked at a backup has seen what led to it: the older suspicious ones of its database are acknowledged too.
acknowledge() {
  local name database other
  name=$(find_backup "$CONSOLE_BACKUP")
  has_mark suspicious "$name" || fail 1 unsuspicious "$name is not suspicious" 'there is nothing to acknowledge' \
    'pgkeep list-backups shows the suspicious ones'
  database=$(summary_value "$name" database)
  while IFS= read -r other; do
    [[ ! $other > $name && $(summary_value "$other" database) == "$database" ]] || continue
    has_mark suspicious "$other" || continue
    # The mark that replaces the suspicion keeps its reason.
    set_mark acknowledged "$other" "by an operator: $(mark_text suspicious "$other")"
    clear_mark suspicious "$other"
    printf '✓ %s is acknowledged; what it is like counts as usual from now on\n' "$other"
  done < <(backup_names)
}

main() {
  start_script
  check_console_parameters
  case $CONSOLE_COMMAND in
    list) "list_$CONSOLE_OUTPUT" ;;
    show | verify | prune) "$CONSOLE_COMMAND" ;;
    *)
      "$CONSOLE_COMMAND"
      write_metrics
      ;;
  esac
}

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then main "$@"; fi

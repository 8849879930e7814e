#!/usr/bin/env bash
# Which backups go, and their going.
#
# What is decided stands in volume/retention.awk; here is what it is told and what is done about its answer.

[[ ! -v PGKEEP_VOLUME_RETENTION ]] || return 0
readonly PGKEEP_VOLUME_RETENTION=1

source "$SCRIPTS/core/shell.sh"
source "$SCRIPTS/core/log.sh"
source "$SCRIPTS/core/children.sh"
source "$SCRIPTS/core/files.sh"
source "$SCRIPTS/core/parameters.sh"
source "$SCRIPTS/volume/names.sh"
source "$SCRIPTS/volume/holds.sh"
source "$SCRIPTS/volume/marks.sh"
source "$SCRIPTS/volume/catalog.sh"

DELETED=0 # backups that apply_plan has moved to .trash

check_retention_parameters() {
  require_number RETENTION_DAYS 1
  require_number RETENTION_MINIMUM 1
  require_number RETENTION_DAILY 0
  require_number RETENTION_WEEKLY 0
  require_number RETENTION_MONTHLY 0
}

retention_words() {
  local words="$RETENTION_DAYS days, at least $RETENTION_MINIMUM backups"
  ((RETENTION_DAILY == 0)) || words+=", $RETENTION_DAILY daily"
  ((RETENTION_WEEKLY == 0)) || words+=", $RETENTION_WEEKLY weekly"
  ((RETENTION_MONTHLY == 0)) || words+=", $RETENTION_MONTHLY monthly"
  printf '%s' "$words"
}

# plan_retention FILE: writes `keep|delete<TAB>name<TAB>database<TAB>reason` for every backup, newest first of each database.
plan_retention() {
  local name database
  local -A group_of=()
  : >"$WORK/catalog"
  : >"$WORK/groups"
  while IFS= read -r name; do
    database=-
    is_legacy "$name" || database=$(summary_value "$name" database)
    # A word of our own for each database: their names may hold spaces.
    if [[ -z ${group_of[_$database]:-} ]]; then
      group_of[_$database]=g${#group_of[@]}
      printf '%s\t%s\n' "${group_of[_$database]}" "$database" >>"$WORK/groups"
    fi
    printf '%s %s %s %s\n' "${group_of[_$database]}" "$name" "$(backup_status "$name")" "$(backup_flags "$name")" >>"$WORK/catalog"
  done < <(backup_names)
  awk -v now="$EPOCHSECONDS" -v days="$RETENTION_DAYS" -v minimum="$RETENTION_MINIMUM" -v daily="$RETENTION_DAILY" \
    -v weekly="$RETENTION_WEEKLY" -v monthly="$RETENTION_MONTHLY" -f "$SCRIPTS/volume/retention.awk" "$WORK/catalog" >"$WORK/decided" \
    || return 1
  awk '
    FNR == NR { tab = index($0, "\t"); database[substr($0, 1, tab - 1)] = substr($0, tab + 1); next }
    {
      reason = $0
      sub(/^[^ ]+ [^ ]+ [^ ]+ /, "", reason)
      print $1 "\t" $3 "\t" database[$2] "\t" reason
    }
  ' "$WORK/groups" "$WORK/decided" >"$1" || return 1
  # A plan with a line missing is not acted on.
  [[ $(wc -l <"$1") == "$(wc -l <"$WORK/catalog")" ]]
}

# The whole plan, for people.
print_plan() {
  local verdict name database reason
  while IFS=$'\t' read -r verdict name database reason; do
    printf '  %-6s %-29s %s (%s)\n' "$verdict" "$name" "$database" "$reason"
  done <"$1"
}

# Removes for good what earlier runs have moved to .trash, and only names that this program makes.
empty_trash() {
  local path name
  for path in "$BACKUP_DIRECTORY"/.trash/backup-*; do
    name=${path##*/}
    if [[ -d $path && ! -L $path ]] && is_backup_name "$name"; then
      note "removing .trash/$name, which an earlier run has put there"
      run rm -rf "$path" || return 1
    fi
  done
  sweep_marks
}

# apply_plan FILE: moves what may go to .trash, by its exact name. What the plan says is done, or less; never more.
# Sets DELETED to the number of backups that went.
apply_plan() {
  local verdict name database reason code
  DELETED=0
  while IFS=$'\t' read -r verdict name database reason; do
    [[ $verdict == delete ]] || continue
    # Should the plan be wrong, this is the last place to notice it before something is deleted.
    if ! is_backup_name "$name" || [[ -L $BACKUP_DIRECTORY/$name || ! -d $BACKUP_DIRECTORY/$name ]]; then
      note "refused to delete \"$name\": it is no directory of a backup"
      return 1
    fi
    if [[ $(backup_status "$name") != verified || $name == "$(newest_verified_of "$database")" ]] || has_mark pinned "$name"; then
      note "refused to delete $name: it is the newest verified one, pinned, or not verified"
      return 1
    fi
    code=0
    while_unused "$name" mv -T "$BACKUP_DIRECTORY/$name" "$BACKUP_DIRECTORY/.trash/$name" || code=$?
    if ((code == 75)); then
      note "$name stays: another run has begun to read it"
      continue
    fi
    ((code == 0)) || return 1
    note "$name goes: $reason"
    DELETED=$((DELETED + 1))
  done <"$1"
  ((DELETED == 0)) || flush_paths "$BACKUP_DIRECTORY" "$BACKUP_DIRECTORY/.trash"
}

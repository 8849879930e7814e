#!/usr/bin/env bash
# The list of backups.

[[ ! -v PGKEEP_VOLUME_LIST ]] || return 0
readonly PGKEEP_VOLUME_LIST=1

source "$SCRIPTS/core/shell.sh"
source "$SCRIPTS/core/text.sh"
source "$SCRIPTS/core/log.sh"
source "$SCRIPTS/volume/names.sh"
source "$SCRIPTS/volume/marks.sh"
source "$SCRIPTS/volume/catalog.sh"
source "$SCRIPTS/volume/space.sh"
source "$SCRIPTS/volume/retention.sh"

# Why retention keeps a backup, or that it goes, from the plan of `plan_retention`.
kept_because() {
  awk -F '\t' -v name="$1" '$2 == name { print ($1 == "delete" ? "goes: " : "") $4; exit }' "$WORK/plan"
}

# Tab separated, in the order of the console's list. The plan lies in $WORK/plan.
backup_row() {
  local name=$1 key status
  status=$(backup_status "$name")
  if is_legacy "$name"; then
    FACT=([created]=$(name_to_iso "$name") [backup_bytes]=$(stat -c %s "$BACKUP_DIRECTORY/$name") [format]=plain)
  else
    read_summary "$BACKUP_DIRECTORY/$name/summary"
  fi
  printf '%s\t%s' "$name" "$status"
  for key in created duration_seconds backup_bytes database format server_version tables rows large_objects; do
    printf '\t%s' "${FACT[$key]:--}"
  done
  printf '\t%s\t%s\t%s' "$BACKUP_DIRECTORY/$name" "$(backup_flags "$name")" "$(kept_because "$name")"
  for key in database_bytes compression client_version; do printf '\t%s' "${FACT[$key]:--}"; done
  printf '\t%s' "$(mark_text suspicious "$name")"
  if [[ $status == damaged ]]; then printf '\t%s\n' "$(damage_reason "$name")"; else printf '\t-\n'; fi
}

# The list a person reads.
print_list() {
  local name status bytes database tables rows flags kept used free total newest
  newest=$(newest_verified)
  plan_retention "$WORK/plan" || return 1
  printf '  %-29s %-10s %10s %8s %12s  %s\n' NAME STATUS SIZE TABLES ROWS DATABASE
  while IFS=$'\t' read -r name status _ _ bytes database _ _ tables rows _ _ flags kept _; do
    [[ $bytes == - ]] || bytes=$(human_size "$bytes")
    printf '  %-29s %-10s %10s %8s %12s  %s%s%s; %s\n' "$name" "$status" "$bytes" "$tables" "$rows" "$database" \
      "$([[ $name != "$newest" ]] || printf '  (latest)')" "$([[ $flags == - ]] || printf '  [%s]' "$flags")" "$kept"
  done < <(backup_names | while IFS= read -r name; do backup_row "$name"; done)
  read -r used free total < <(disk_use) || true
  note "disk: $(human_size "$used") used by backups, $(human_size "$free") free of $(human_size "$total")$(growth_words "$free")"
}

#!/usr/bin/env bash
# What goes after a good backup: older ones, and databases that restores have put aside.

[[ ! -v PGKEEP_BACKUP_RETAIN ]] || return 0
readonly PGKEEP_BACKUP_RETAIN=1

source "$SCRIPTS/core/shell.sh"
source "$SCRIPTS/core/text.sh"
source "$SCRIPTS/core/log.sh"
source "$SCRIPTS/volume/marks.sh"
source "$SCRIPTS/volume/catalog.sh"
source "$SCRIPTS/volume/retention.sh"
source "$SCRIPTS/aside/aside.sh"
source "$SCRIPTS/backup/clock.sh"

retain() {
  begin 'Retention'
  doubt_jumping_clock
  if [[ -n $CLOCK_DOUBTED ]]; then
    done_step "nothing deleted: $CLOCK_DOUBTED"
  # A new good backup stays a success even if an old one cannot be removed.
  elif empty_trash && plan_retention "$WORK/plan" && apply_plan "$WORK/plan"; then
    done_step "$(retention_words); $DELETED moved to .trash"
  else
    STEP=''
    warn "retention failed: old backups stay and the volume may fill up; the new backup is good. Look at the lines above"
  fi
}

# The databases that restores have replaced go with the age the setting names, once there is a good backup of what replaced
# them, and not while something is odd: then they may be what somebody wants back. None of it makes the backup a failure.
drop_old_aside() {
  local name odd=''
  ((RESTORE_KEEP_DAYS > 0)) || return 0
  while IFS= read -r name; do
    if [[ -z $odd ]] && has_mark suspicious "$name" && [[ $(summary_value "$name" database) == "$(escape_as_copy "$DATABASE_NAME")" ]]; then
      odd=$name
    fi
  done < <(backup_names)
  begin 'Databases that restores have put aside'
  if [[ -n $CLOCK_DOUBTED ]]; then
    done_step "none dropped: $CLOCK_DOUBTED"
  elif [[ -n $odd ]]; then
    done_step "none dropped: $odd is suspicious until it is acknowledged"
  elif ! list_aside "$DATABASE_NAME"; then
    quote_output "$WORK/aside.errors"
    STEP=''
    warn 'the databases that restores have put aside could not be looked for; the new backup is good'
  else
    drop_aside_where "$DATABASE_NAME" "$RESTORE_KEEP_DAYS"
    done_step "older than $RESTORE_KEEP_DAYS days: ${#DROPPED[@]} dropped, $(human_size "$FREED") freed, ${#STUCK[@]} could not be"
  fi
}

#!/usr/bin/env bash
# Whether a backup is like those before it.

[[ ! -v PGKEEP_BACKUP_JUDGE ]] || return 0
readonly PGKEEP_BACKUP_JUDGE=1

source "$SCRIPTS/core/shell.sh"
source "$SCRIPTS/core/text.sh"
source "$SCRIPTS/core/log.sh"
source "$SCRIPTS/volume/names.sh"
source "$SCRIPTS/volume/marks.sh"
source "$SCRIPTS/volume/catalog.sh"
source "$SCRIPTS/dump/snapshot.sh"

# A median of fewer backups says nothing.
readonly ANOMALY_SAMPLE=3
SUSPICION='' # why it is unlike the ones before it

# A backup that is whole can still be of a database that somebody has emptied. It is kept, and it stops retention.
# Sets SUSPICION.
judge() {
  local database earlier
  begin 'Compared with the backups before it'
  database=$(escape_as_copy "$DATABASE_NAME")
  { sizes_of "$STAGE" && sizes_of_last_good "$database"; } >"$WORK/sizes"
  SUSPICION=$(awk -v factor="$BACKUP_ANOMALY_FACTOR" -v minimum="$ANOMALY_SAMPLE" -f "$SCRIPTS/backup/anomaly.awk" "$WORK/sizes")
  # Marked before it is published: there is no moment in which it looks like the others.
  [[ -z $SUSPICION ]] || set_mark suspicious "$NAME" "$SUSPICION"
  earlier=$(($(wc -l <"$WORK/sizes") - 1))
  if [[ -n $SUSPICION ]]; then
    done_step "$SUSPICION"
  elif ((earlier < ANOMALY_SAMPLE)); then
    done_step "$earlier of them, too few to say what is usual"
  else
    done_step "$earlier of them, nothing unusual"
  fi
  [[ -z $SUSPICION ]] || warn "$NAME is suspicious: $SUSPICION. Nothing is deleted until somebody has looked:" \
    "pgkeep acknowledge $NAME"
}

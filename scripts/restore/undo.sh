#!/usr/bin/env bash
# Back to the database that a restore has put aside.

[[ ! -v PGKEEP_RESTORE_UNDO ]] || return 0
readonly PGKEEP_RESTORE_UNDO=1

source "$SCRIPTS/core/shell.sh"
source "$SCRIPTS/core/time.sh"
source "$SCRIPTS/core/text.sh"
source "$SCRIPTS/core/log.sh"
source "$SCRIPTS/core/failure.sh"
source "$SCRIPTS/core/children.sh"
source "$SCRIPTS/core/script.sh"
source "$SCRIPTS/server/errors.sh"
source "$SCRIPTS/server/psql.sh"
source "$SCRIPTS/server/maintenance.sh"
source "$SCRIPTS/volume/marks.sh"
source "$SCRIPTS/volume/catalog.sh"
source "$SCRIPTS/aside/aside.sh"
source "$SCRIPTS/load/state.sh"
source "$SCRIPTS/restore/state.sh"
source "$SCRIPTS/restore/swap.sh"
source "$SCRIPTS/restore/back.sh"
source "$SCRIPTS/restore/aside.sh"

UNDONE_BY='' # `undo`, or the backup by whose restore the database that comes back was replaced

nothing_to_undo() {
  local safety name what="no database carries the mark of a restore of \"$DATABASE_NAME\"" cure
  cure="restore a backup from before instead: pgkeep list-backups"
  [[ ! -s $WORK/kept ]] || what="what is kept belongs to another owner than \"$DATABASE_NAME\" (above), which may be somebody else's doing"
  while IFS= read -r name; do
    if [[ -z ${safety:-} ]] && has_mark safety "$name" \
      && [[ $(summary_value "$name" database) == "$(escape_as_copy "$DATABASE_NAME")" ]]; then
      safety=$name
    fi
  done < <(backup_names)
  [[ -z ${safety:-} ]] || cure="the last restore has made a safety backup before: pgkeep run-restore $safety"
  [[ ! -s $WORK/kept ]] || cure="if it is right: ALTER DATABASE … OWNER TO the owner of \"$DATABASE_NAME\", then start this again; or $cure"
  fail 1 nothing "there is nothing to undo for \"$DATABASE_NAME\"" "$what" "$cure"
}

plan_undo() {
  local kind detail cure stops=0 first_detail='' first_cure=''
  query "$MAINTENANCE" restore/undo-plan.sql -z -0 -v name="$DATABASE_NAME" -v kept="$SIDE" >"$WORK/plan"
  while read_fields kind detail cure; do
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
  local number kept successor since seconds size owner may ours
  begin_kept 'PostgreSQL undo of a restore'
  while next_kept; do
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

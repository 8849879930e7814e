#!/usr/bin/env bash
# The backup of the live database that a restore makes before it, verified and pinned.
#
# The swap keeps the old database whole, on the server; this keeps it on the volume too, whatever becomes of the server.

[[ ! -v PGKEEP_RESTORE_SAFETY ]] || return 0
readonly PGKEEP_RESTORE_SAFETY=1

source "$SCRIPTS/core/shell.sh"
source "$SCRIPTS/core/log.sh"
source "$SCRIPTS/core/failure.sh"
source "$SCRIPTS/core/children.sh"
source "$SCRIPTS/core/lock.sh"
source "$SCRIPTS/volume/names.sh"
source "$SCRIPTS/load/state.sh"
source "$SCRIPTS/restore/state.sh"

SAFETY='' # the name of the safety backup of this run

# Its own handler of SIGTERM has the last word: what carries its words must not go before it.
indent_lines() {
  local line
  trap '' TERM INT HUP
  while IFS= read -r line || [[ -n $line ]]; do
    printf '    %s\n' "$line"
    printf '%s\n' "$line" >>"$WORK/safety.log"
  done
}

back_up_live() {
  DATABASE_NAME=$DATABASE_NAME bash "$SCRIPTS/backup/one.sh" safety "$LOCK_DESCRIPTOR" "$WORK/safety" \
    "before the restore of $NAME" | indent_lines
}

# The last word of its log behind ERROR, CAUSE or CURE.
safety_word() { sed -n "s/^$1: //p" "$WORK/safety.log" | tail -n 1; }

make_safety_backup() {
  local cause cure patience=$CHILD_PATIENCE code=0
  if [[ ${RESTORE_SAFETY_BACKUP:-true} == false ]]; then
    warn "no safety backup of \"$DATABASE_NAME\" is made (--skip-safety-backup); it stays on the server, as $OLD"
    return
  fi
  begin 'Backed up the live database'
  : >"$WORK/safety.log"
  CHILD_PATIENCE=25 # it has children of its own to end and staging to remove
  run back_up_live || code=$?
  CHILD_PATIENCE=$patience
  if ((code != 0)); then
    cause=$(safety_word CAUSE)
    cure=$(safety_word CURE)
    cure=${cure:-look at the lines above}
    cure+='; or, for a database that cannot be dumped any more: --skip-safety-backup (RESTORE_SAFETY_BACKUP=false);'
    fail 1 safety "the safety backup of the live database failed: $(safety_word ERROR)" \
      "${cause:-it ended without a word, with exit code $code}" "$cure the old database stays on the server in any case"
  fi
  read -r SAFETY <"$WORK/safety"
  done_step "$SAFETY, pinned"
}

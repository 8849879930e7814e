#!/usr/bin/env bash
# Restores one backup without ever putting the database at risk: into a side database, compared with the manifest, then
# swapped in by renames. The old database stays, under another name.
#
# Until the swap the live database is not touched; the swap is one transaction; afterwards nothing is deleted.

# Before the first command: without the shared files nothing below may run.
set -Eeuo pipefail
SCRIPTS=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=common.sh
source "$SCRIPTS/common.sh"
# shellcheck source=database.sh
source "$SCRIPTS/database.sh"
# shellcheck source=catalog.sh
source "$SCRIPTS/catalog.sh"
# shellcheck source=marks.sh
source "$SCRIPTS/marks.sh"
# shellcheck source=verification.sh
source "$SCRIPTS/verification.sh"
# shellcheck source=metrics.sh
source "$SCRIPTS/metrics.sh"

# A session that reconnects between two statements of the swap makes it fail; then it is tried again.
readonly SWAP_ATTEMPTS=5

NAMES=()         # the databases of the stack
DATABASE_NAME='' # the one to restore
NAME=''          # the backup: backup-YYYYMMDD-HHMMSS, or a legacy file
MANIFEST=''      # its manifest.json; empty for a legacy file
MAINTENANCE=''   # the database from which the others are renamed
LIVE=''          # present or absent
SIDE='' OLD=''   # databases of this run
STAMP=''         # YYYYMMDD_HHMMSS, the start of this run
SIDE_MADE=''     # set before CREATE DATABASE
PHASE=before     # before, swapping, after
RUN_STARTED=0
RUN_STARTED_ISO=''

# --- the backup -----------------------------------------------------------------------------------------------------------

check_parameters() {
  local line
  require_programs psql pg_dump pg_restore
  require_parameter NAMESPACE VOLUME_NAME BACKUP_DIRECTORY DATABASE_HOST DATABASE_PORT DATABASE_NAMES
  require_number RESTORE_JOBS 1
  mapfile -t NAMES <<<"$DATABASE_NAMES"
  if ((${#NAMES[@]} == 1)); then DATABASE_NAME=${NAMES[0]}; fi
  if [[ -z ${RESTORE_BACKUP:-} ]]; then
    line="kubectl -n $NAMESPACE create job --from=cronjob/postgres-restore restore-now --dry-run=client -o yaml"
    line+=" | kubectl set env --local -f - RESTORE_BACKUP=latest -o yaml | kubectl create -f -"
    note 'Nothing was restored: this Job does not say which backup. Either of these does:'
    note '    pgkeep run-restore latest'
    note "    $line"
    fail 2 parameters 'RESTORE_BACKUP is empty' 'the template restores nothing unless it is told what' "$line"
  fi
  [[ -d $BACKUP_DIRECTORY ]] || fail 1 volume "$BACKUP_DIRECTORY is not there" \
    "volume claim \"$VOLUME_NAME\" is not mounted" "kubectl -n $NAMESPACE describe pvc $VOLUME_NAME"
}

# The newest verified backup of the stack's database. Of several databases none is chosen: the one must not take the
# place of the other.
choose_latest() {
  local database line=''
  if [[ -z $DATABASE_NAME ]]; then
    for database in "${NAMES[@]}"; do line+=", $(newest_or_none "$database") of \"$database\""; done
    fail 2 parameters 'RESTORE_BACKUP is "latest", which is not one backup here' \
      "this stack backs up ${#NAMES[@]} databases; the newest verified ones are ${line#, }" \
      'say which backup to restore: RESTORE_BACKUP=… with one of these names'
  fi
  NAME=$(newest_verified_of "$(escape_as_copy "$DATABASE_NAME")")
  [[ -z $NAME ]] || return 0
  NAME=$(newest_verified)
  [[ -n $NAME ]] || fail 1 none 'there is no verified backup to restore' \
    "volume \"$VOLUME_NAME\" holds none that is dated before $(now_iso)" \
    'pgkeep list-backups shows what there is; a file of the older script can be restored by its name'
  fail 1 refused "the latest backup, $NAME, is of database \"$(summary_value "$NAME" database)\", not of \"$DATABASE_NAME\"" \
    'other databases have their backups on this volume, or databaseName was changed' \
    "say which backup to restore: RESTORE_BACKUP=$NAME if it is meant, else a name from pgkeep list-backups"
}

# Of several databases: the one that the backup was taken from.
choose_database() {
  local database taken_from
  [[ -z $DATABASE_NAME ]] || return 0
  is_legacy "$NAME" && fail 1 refused "$NAME does not say of which database it is" \
    "this stack backs up ${#NAMES[@]} databases, and a file of the older script has no manifest" \
    'restore it from a stack that has only that database (databaseName)'
  taken_from=$(summary_value "$NAME" database)
  for database in "${NAMES[@]}"; do
    [[ $(escape_as_copy "$database") != "$taken_from" ]] || DATABASE_NAME=$database
  done
  [[ -n $DATABASE_NAME ]] || fail 1 refused "backup $NAME is of database \"$taken_from\"" \
    'the setting databases does not name it' "add it to databases, or choose another backup (pgkeep list-backups)"
}

# Sets NAME, or fails. Never chooses another backup than the one asked for.
choose_backup() {
  local wanted=$RESTORE_BACKUP
  if [[ $wanted == latest ]]; then
    choose_latest
    return
  fi
  wanted=${wanted#"$BACKUP_DIRECTORY"/}
  if ! is_backup_name "${wanted%.sql.gz}"; then
    fail 2 parameters "RESTORE_BACKUP is \"$RESTORE_BACKUP\"" \
      'that is neither "latest" nor a name like backup-20261123-020000 or backup-20261123-020000.sql.gz' \
      "pgkeep list-backups, or: kubectl -n $NAMESPACE create job --from=cronjob/postgres-backup-console list-backups"
  fi
  if [[ -d $BACKUP_DIRECTORY/$wanted || -f $BACKUP_DIRECTORY/$wanted ]]; then
    NAME=$wanted
  elif [[ -f $BACKUP_DIRECTORY/$wanted.sql.gz ]]; then
    NAME=$wanted.sql.gz
  else
    fail 1 unknown "there is no backup \"$wanted\"" \
      "volume \"$VOLUME_NAME\" holds $(backup_names | wc -l) backups, none of that name" \
      "pgkeep list-backups, or: kubectl -n $NAMESPACE create job --from=cronjob/postgres-backup-console list-backups"
  fi
  if [[ $(backup_status "$NAME") == damaged ]]; then
    fail 1 damaged "backup $NAME is damaged" "$(damage_reason "$NAME")" \
      "choose another (pgkeep list-backups); the newest verified one is $(newest_or_none "${DATABASE_NAME:-}")"
  fi
}

# The newest verified backup of a database, or of any.
newest_or_none() {
  local newest
  newest=$(if [[ -n $1 ]]; then newest_verified_of "$(escape_as_copy "$1")"; else newest_verified; fi)
  printf '%s' "${newest:-none}"
}

verify_bytes() {
  begin 'Verified the bytes of the backup'
  if is_legacy "$NAME"; then
    run check_plain "$BACKUP_DIRECTORY/$NAME" >"$WORK/verdict" \
      || fail 1 damaged "$NAME cannot be read" "$(<"$WORK/verdict")" 'choose another backup (pgkeep list-backups)'
    done_step 'made by an older script: complete, but without hashes and counts to compare with'
    return
  fi
  if ! hold "$NAME" || ! run check_backup "$NAME" >"$WORK/verdict"; then
    set_mark damaged "$NAME" "$(<"$WORK/verdict")" || warn 'the mark for damaged backups could not be written'
    fail 1 damaged "backup $NAME is damaged" "$(<"$WORK/verdict")" \
      "choose another (pgkeep list-backups); the newest verified one is now $(newest_or_none "$DATABASE_NAME")"
  fi
  MANIFEST="$BACKUP_DIRECTORY/$NAME/manifest.json"
  done_step "$(wc -l <"$BACKUP_DIRECTORY/$NAME/SHA256SUMS") files"
}

# --- preflight on the server ------------------------------------------------------------------------------------------------

# Renames happen from another database than the one renamed.
connect_maintenance() {
  MAINTENANCE=postgres
  [[ $DATABASE_NAME != postgres ]] || MAINTENANCE=template1
  if [[ $MAINTENANCE == postgres ]] && ! connect postgres; then
    [[ $KIND == database ]] || connect_or_fail postgres
    MAINTENANCE=template1
  fi
  connect_or_fail "$MAINTENANCE"
}

# A database that has subscriptions cannot be dropped.
unsubscribe() {
  run psql_on "$1" -f "$SCRIPTS/session.sql" -f "$SCRIPTS/restore-unsubscribe.sql" 2>"$WORK/unsubscribe.errors" && return
  quote_output "$WORK/unsubscribe.errors"
}

# What earlier, killed restores of this database left. Names may hold line breaks, hence -0.
sweep_leftovers() {
  local left
  query "$MAINTENANCE" restore-leftover-names.sql -0 -v name="$DATABASE_NAME" >"$WORK/leftovers"
  while IFS= read -r -d '' left; do unsubscribe "$left"; done <"$WORK/leftovers"
  query "$MAINTENANCE" restore-leftovers.sql -v name="$DATABASE_NAME" >"$WORK/leftovers"
  quote_output "$WORK/leftovers"
}

plan() {
  local kind detail cure stops=0 first_detail='' first_cure=''
  sweep_leftovers
  query "$MAINTENANCE" restore-plan.sql -v name="$DATABASE_NAME" -v manifest_file="$MANIFEST" >"$WORK/plan"
  while IFS=$'\t' read -r kind detail cure; do
    case $kind in
      fact) LIVE=$cure ;;
      warning) warn "$detail" ;;
      *)
        stops=$((stops + 1))
        note "$detail"
        first_detail=${first_detail:-$detail} first_cure=${first_cure:-$cure}
        ;;
    esac
  done <"$WORK/plan"
  ((stops == 0)) || fail 1 refused "backup $NAME cannot be restored into database \"$DATABASE_NAME\"" "$first_detail" "$first_cure"
  printf -v STAMP '%(%Y%m%d_%H%M%S)T' -1
  query "$MAINTENANCE" restore-names.sql -v name="$DATABASE_NAME" -v stamp="$STAMP" >"$WORK/names"
  IFS=$'\t' read -r SIDE OLD <"$WORK/names"
}

# --- into the side database ---------------------------------------------------------------------------------------------------

create_side() {
  begin 'Created the side database'
  SIDE_MADE=yes
  query "$MAINTENANCE" restore-create.sql -v name="$DATABASE_NAME" -v side="$SIDE" -v backup="$NAME" \
    -v manifest_file="$MANIFEST"
  done_step "$SIDE"
}

# One transaction that stops at the first error. gzip's exit code counts as much as psql's, which takes the end of a cut
# stream for the end of the dump.
restore_plain() {
  gzip -dc "$1" | psql -X -q --no-password -1 -v ON_ERROR_STOP=1 -o /dev/null -d "$(conninfo "$SIDE")"
}

restore_side() {
  local directory="$BACKUP_DIRECTORY/$NAME" errors="$WORK/restore.errors" code=0
  local -a options=(--exit-on-error --no-password "--jobs=$RESTORE_JOBS")
  # pg_dump writes owners and rights into an archive in any case; leaving them out is pg_restore's part.
  [[ $(summary_value "$NAME" owners) != false ]] || options+=(--no-owner --no-acl)
  begin 'Restored into the side database'
  if is_legacy "$NAME"; then
    run restore_plain "$directory" 2>"$errors" || code=$?
  elif [[ -d $directory/database ]]; then
    run pg_restore "${options[@]}" --dbname="$(conninfo "$SIDE")" "$directory/database" 2>"$errors" || code=$?
  else
    run restore_plain "$directory/$NAME.sql.gz" 2>"$errors" || code=$?
  fi
  # A plain dump brings its own BEGIN and COMMIT around large objects; psql remarks on that.
  grep -v 'transaction in progress' "$errors" >"$WORK/restore.output" || true
  quote_output "$WORK/restore.output"
  if ((code != 0)); then
    explain "$errors"
    fail 1 "$KIND" "restoring $NAME into the side database failed" "$CAUSE" "$CURE"
  fi
  done_step "$RESTORE_JOBS jobs"
}

# The facts of the side database, in one snapshot; hashes of tables where the manifest has them to compare with.
read_facts() {
  local hashes=false
  if [[ $(summary_value "$NAME" table_hashes) == true ]]; then hashes=true; fi
  psql_on "$SIDE" -1 -v table_hashes="$hashes" -f "$SCRIPTS/session.sql" -f "$SCRIPTS/facts.sql" >"$WORK/facts.json" || return 1
  psql_on "$SIDE" -f "$SCRIPTS/session.sql" -f "$SCRIPTS/sequences.sql" >"$WORK/sequences"
}

compare_side() {
  local tables rows
  begin 'Compared with the manifest'
  if ! run read_facts 2>"$WORK/facts.errors"; then
    quote_output "$WORK/facts.errors"
    explain "$WORK/facts.errors"
    fail 1 "$KIND" 'the facts of the restored database cannot be read' "$CAUSE" "$CURE"
  fi
  query "$SIDE" restore-totals.sql -v facts_file="$WORK/facts.json" >"$WORK/totals"
  IFS=$'\t' read -r tables rows <"$WORK/totals"
  if [[ -z $MANIFEST ]]; then
    sed -n '2,$s/^/    /p' "$WORK/totals"
    done_step "no manifest to compare with; restored $tables tables, $rows rows"
    return
  fi
  query "$SIDE" compare.sql -v manifest_file="$MANIFEST" -v found_file="$WORK/facts.json" \
    -v found_sequences="$WORK/sequences" >"$WORK/differences"
  if [[ -s $WORK/differences ]]; then
    awk -F '\t' '{ printf "    %s: expected %s, found %s\n", $1, $2, $3 }' "$WORK/differences" | head -n 50
    fail 1 different "the restored database differs from the manifest in $(wc -l <"$WORK/differences") facts" \
      "$(awk -F '\t' 'NR == 1 { printf "%s: expected %s, found %s", $1, $2, $3 }' "$WORK/differences")" \
      'read the list above; restore another backup, or report this as a bug of pgkeep'
  fi
  # What this run has just shown is worth knowing: retention never lets the newest such backup go.
  set_mark proven "$NAME" "restored into $SIDE, every fact equal" || warn 'the mark for proven backups could not be written'
  done_step "$tables tables, $rows rows, every fact equal"
}

# Table by table: one that cannot be analyzed (a foreign table below it, whose server is away) must not keep the restored
# database, whose content is proven by now, from its place.
analyze_side() {
  begin 'Analyzed'
  run psql_on "$SIDE" -f "$SCRIPTS/session.sql" -f "$SCRIPTS/restore-analyze.sql" 2>"$WORK/analyze.errors" || {
    quote_output "$WORK/analyze.errors"
    explain "$WORK/analyze.errors"
    fail 1 "$KIND" 'ANALYZE of the restored database failed' "$CAUSE" "$CURE"
  }
  quote_output "$WORK/analyze.errors"
  if [[ -s $WORK/analyze.errors ]]; then
    warn 'some tables have no statistics yet: queries on them may be slow until somebody runs ANALYZE on them'
  fi
  done_step
}

# --- the swap -------------------------------------------------------------------------------------------------------------------

attempt_swap() {
  psql_on "$MAINTENANCE" -f "$SCRIPTS/session.sql" -f "$SCRIPTS/$1" -v name="$DATABASE_NAME" -v side="$SIDE" \
    -v old="$OLD" 2>"$WORK/swap.errors"
}

# What belongs to a database as such is in no dump of its content: the side database gets it from the live one.
carry_settings() {
  local statements="$WORK/settings.sql"
  query "$MAINTENANCE" database-settings.sql -v name="$DATABASE_NAME" -v target="$SIDE" -v comment=false >"$statements"
  run psql_on "$MAINTENANCE" -f "$statements" >/dev/null 2>"$WORK/settings.errors" && return
  quote_output "$WORK/settings.errors"
  explain "$WORK/settings.errors"
  fail 1 "$KIND" 'the settings of the live database cannot be carried over' "$CAUSE" "$CURE"
}

# Where there was no live database they come from the backup, whose statements name the database as it was called then.
bring_settings() {
  local statements="$BACKUP_DIRECTORY/$NAME/database.sql"
  [[ -s $statements && $(summary_value "$NAME" database) == "$(escape_as_copy "$DATABASE_NAME")" ]] || return 0
  run psql_on "$MAINTENANCE" -f "$statements" >/dev/null 2>"$WORK/settings.errors" && return
  quote_output "$WORK/settings.errors"
  warn "not every setting of the database could be brought back; the statements are in $statements"
}

swap() {
  local attempt script=restore-swap.sql
  [[ $LIVE == present ]] || script=restore-rename.sql
  [[ $LIVE == absent ]] || carry_settings
  begin 'Swapped'
  PHASE=swapping
  for ((attempt = 1; attempt <= SWAP_ATTEMPTS; attempt++)); do
    if run attempt_swap "$script"; then
      PHASE=after
      done_step "attempt $attempt"
      [[ $LIVE == present ]] || bring_settings
      return
    fi
    quote_output "$WORK/swap.errors"
    allow_connections
    run sleep 1
  done
  explain "$WORK/swap.errors"
  fail 1 swap "the swap failed $SWAP_ATTEMPTS times" "$CAUSE" "$CURE"
}

allow_connections() {
  psql_on "$MAINTENANCE" -f "$SCRIPTS/restore-allow.sql" -v name="$DATABASE_NAME" 2>"$WORK/allow.errors" && return
  quote_output "$WORK/allow.errors"
  warn "connections to \"$DATABASE_NAME\" may still be switched off; start the restore again, it allows them"
}

smoke_query() {
  begin 'Asked the restored database'
  run psql_on "$DATABASE_NAME" -c "SELECT count(*) FROM pg_class WHERE relkind = 'r'" >"$WORK/smoke" 2>"$WORK/smoke.errors" || {
    quote_output "$WORK/smoke.errors"
    explain "$WORK/smoke.errors"
    fail 1 "$KIND" "the restored database \"$DATABASE_NAME\" does not answer" "$CAUSE" "$CURE"
  }
  done_step
}

# --- the run --------------------------------------------------------------------------------------------------------------------

record() {
  local result=ok
  (($1 == 0)) || result=failed
  printf '{"backup":"%s","started":"%s","finished":"%s","result":"%s","reason":"%s","swapped":%s,"seconds":%s}\n' \
    "$NAME" "$RUN_STARTED_ISO" "$(now_iso)" "$result" "$FAILED_REASON" \
    "$([[ $PHASE == after ]] && printf true || printf false)" "$(seconds_since "$RUN_STARTED")" \
    >>"$BACKUP_DIRECTORY/.records/restores.jsonl"
  flush_paths "$BACKUP_DIRECTORY/.records/restores.jsonl"
}

# What became of the swap when its session was cut: the server knows.
settle_swap() {
  local found
  found=$(psql_on "$MAINTENANCE" -v side="$SIDE" -f - <<<"SELECT count(*) FROM pg_database WHERE datname = :'side'" 2>/dev/null) || return 0
  if [[ $found == 0 ]]; then PHASE=after; else PHASE=before; fi
}

drop_side() {
  unsubscribe "$SIDE"
  psql_on "$MAINTENANCE" -f "$SCRIPTS/restore-drop.sql" -v side="$SIDE" -v name="$DATABASE_NAME" 2>"$WORK/drop.errors" && return
  quote_output "$WORK/drop.errors"
  note "the side database $SIDE could not be dropped; the next restore does it"
}

cleanup() {
  if [[ $PHASE == swapping ]]; then
    settle_swap
    [[ $PHASE == after ]] || allow_connections
  fi
  if (($1 != 0)); then
    case $PHASE in
      before)
        [[ -z $SIDE_MADE ]] || drop_side
        EPILOGUE='the live database was not touched'
        ;;
      swapping) EPILOGUE='whether the swap happened is not known: the old or the new database is whole under the name; start the restore again' ;;
      *) EPILOGUE="the restored database is in place, the old one is kept as $OLD" ;;
    esac
  fi
  # A restore proves a backup, or finds it damaged.
  if [[ -n $LOCK_DESCRIPTOR ]]; then { record "$1" && write_metrics; } 2>/dev/null; fi
}

show_configuration() {
  banner 'PostgreSQL restore'
  section Configuration
  setting backup "$RESTORE_BACKUP"
  setting database "${NAMES[*]} on $DATABASE_HOST:$DATABASE_PORT"
  setting namespace "$NAMESPACE"
  setting volume "$VOLUME_NAME"
  setting jobs "$RESTORE_JOBS"
  setting applications "${RESTORE_APPLICATIONS:-none named; whoever is connected at the swap is disconnected}"
  section Steps
}

show_backup() {
  local key
  note "restoring $NAME ($(backup_status "$NAME"))"
  is_legacy "$NAME" || for key in created database server_version tables rows large_objects; do
    setting "  $key" "$(summary_value "$NAME" "$key")"
  done
  ! has_mark suspicious "$NAME" || warn "it is suspicious: $(mark_text suspicious "$NAME")"
}

show_summary() {
  section Summary
  setting database "$DATABASE_NAME holds backup $NAME"
  setting duration "$(seconds_since "$RUN_STARTED") s"
  if [[ $LIVE == absent ]]; then
    note 'There was no database of that name before.'
    return
  fi
  setting kept "the old database, as $OLD"
  query "$MAINTENANCE" restore-undo.sql -v name="$DATABASE_NAME" -v old="$OLD" -v stamp="$STAMP" >"$WORK/undo"
  section "To undo (as a superuser or the owner, in database $MAINTENANCE; stop the applications first)"
  sed -e '$d' -e 's/^/    /' "$WORK/undo"
  section 'To drop the old database when it is no longer needed'
  sed -n '$s/^/    /p' "$WORK/undo"
}

main() {
  start_script
  RUN_STARTED=$(microseconds)
  RUN_STARTED_ISO=$(now_iso)
  check_parameters
  show_configuration

  begin 'Chose the backup'
  mkdir -p "$BACKUP_DIRECTORY/.records"
  # A backup or a retention that runs at the same time could take the files away.
  take_lock restore
  choose_backup
  choose_database
  done_step "$NAME"
  show_backup
  verify_bytes

  begin 'Checked the server'
  use_credentials
  read_client_version
  connect_maintenance
  check_versions
  plan
  done_step "server $SERVER_VERSION, client $CLIENT_VERSION, user \"$PGUSER\", live database $LIVE"

  create_side
  restore_side
  compare_side
  analyze_side
  swap
  smoke_query
  show_summary
  printf '\n✓ Database %s is restored from %s\n' "$DATABASE_NAME" "$NAME"
}

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then main "$@"; fi

#!/usr/bin/env bash
# The databases that restores have put aside: found, shown and dropped.

[[ ! -v PGKEEP_ASIDE_ASIDE ]] || return 0
readonly PGKEEP_ASIDE_ASIDE=1

source "$SCRIPTS/core/shell.sh"
source "$SCRIPTS/core/time.sh"
source "$SCRIPTS/core/text.sh"
source "$SCRIPTS/core/log.sh"
source "$SCRIPTS/core/failure.sh"
source "$SCRIPTS/core/children.sh"
source "$SCRIPTS/server/psql.sh"
source "$SCRIPTS/volume/catalog.sh"

FREED=0    # bytes of what this run has dropped
DROPPED=() # its names
STUCK=()   # what it could not drop

# list_aside FROM: $WORK/aside gets a row for each database put aside of DATABASE_NAME, newest first, as list.sql says; read it
# with `next_aside`. FROM is the database to ask in. False where the server refuses; $WORK/aside.errors says why.
list_aside() {
  local manifest=''
  # Where the live database is gone, only its newest backup still says whose it was.
  manifest=$(newest_verified_of "$(escape_as_copy "$DATABASE_NAME")")
  manifest=${manifest:+$BACKUP_DIRECTORY/$manifest/manifest.json}
  run psql_on "$1" -z -0 -v name="$DATABASE_NAME" -v now="$EPOCHSECONDS" -v manifest_file="$manifest" \
    -f "$SCRIPTS/aside/list.sql" >"$WORK/aside" 2>"$WORK/aside.errors"
}

# next_aside: sets the caller's number, name, successor, since, seconds, size, owner, may and ours to the next row of standard
# input. A server that answers otherwise than ours would is not believed.
next_aside() {
  read_fields number name successor since seconds size owner may ours || return 1
  if ! is_number "$number" || ! is_number "$seconds" || { [[ $size != - ]] && ! is_number "$size"; }; then
    fail 1 answer 'the list of what was put aside holds no numbers where there must be some' \
      "the server at $DATABASE_HOST:$DATABASE_PORT answered \"$(printable "$number $seconds $size")\"" \
      'something stands in for its own functions: look at what its superusers have made in pg_catalog'
  fi
}

count_aside() {
  local number name successor since seconds size owner may ours count=0
  while next_aside; do count=$((count + 1)); done <"$WORK/aside"
  printf '%d' "$count"
}

is_aside() {
  local number name successor since seconds size owner may ours found=1
  while next_aside; do [[ $name != "$1" ]] || found=0; done <"$WORK/aside"
  return "$found"
}

# aside_words SIZE SINCE SECONDS SUCCESSOR: what a person wants to know before it goes.
aside_words() {
  local size=$1 successor="replaced by $4"
  [[ $size == - ]] || size=$(human_size "$size")
  [[ $4 != undo ]] || successor='replaced by an undo'
  printf '%s, put aside %s UTC (%s), %s' "${size/#-/size not known}" "$2" "$(days_words "$3")" "$successor"
}

print_aside() {
  local number name successor since seconds size owner may ours
  while next_aside; do
    note "$(printable "$name"): $(aside_words "$size" "$since" "$seconds" "$successor")$([[ $ours == t ]] \
      || printf ', of another owner: "%s"' "$(printable "$owner")")"
  done <"$WORK/aside"
}

# drop_one_aside FROM KEPT SIZE WORDS NUMBER: a line for what goes, one for what does not. It may have subscriptions,
# with which it could not be dropped. NUMBER is its OID: what else may bear that name by now is left alone.
drop_one_aside() {
  run psql_on "$2" -f "$SCRIPTS/server/unsubscribe.sql" 2>"$WORK/unsubscribe.errors" \
    || quote_output "$WORK/unsubscribe.errors"
  if ! run psql_on "$1" -f "$SCRIPTS/aside/drop.sql" -v name="$DATABASE_NAME" -v number="$5" \
    2>"$WORK/drop.errors"; then
    quote_output "$WORK/drop.errors"
    warn "$2 could not be dropped ($4)"
    STUCK+=("$2")
    return
  fi
  note "dropped $2 ($4)"
  DROPPED+=("$2")
  ! is_number "$3" || FREED=$((FREED + $3))
}

# drop_aside_where FROM WHICH: those on the list that are older than WHICH days, all, or the one of that name.
drop_aside_where() {
  local number name successor since seconds size owner may ours words
  while next_aside <&3; do
    if is_number "$2"; then
      ((seconds > $2 * 86400)) || continue
    else
      [[ $2 == all || $2 == "$name" ]] || continue
    fi
    words=$(aside_words "$size" "$since" "$seconds" "$successor")
    if [[ $may != t || $ours != t ]]; then
      warn "$name ($words) stays: it belongs to \"$owner\". Its owner or a superuser may drop it:" \
        "DROP DATABASE \"${name//\"/\"\"}\""
      STUCK+=("$name")
      continue
    fi
    drop_one_aside "$1" "$name" "$size" "$words" "$number"
  done 3<"$WORK/aside"
}

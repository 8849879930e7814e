#!/usr/bin/env bash
# The databases that restores have kept: found, shown and dropped. Shared by restore (undo, drop-old) and backup (by age).

FREED=0    # bytes of what this run has dropped
DROPPED=() # its names
STUCK=()   # what it could not drop

# list_kept FROM: $WORK/kept gets a line for each kept database of DATABASE_NAME, newest first, as undo-kept.sql says.
# FROM is the database to ask in. An error of the server ends the function with its words, and not the run.
list_kept() {
  run psql_on "$1" -v name="$DATABASE_NAME" -v now="$EPOCHSECONDS" -f "$SCRIPTS/session.sql" -f "$SCRIPTS/undo-kept.sql" \
    >"$WORK/kept" 2>"$WORK/kept.errors" && return
  quote_output "$WORK/kept.errors"
  return 1
}

days_words() {
  local days=$(($1 / 86400))
  if ((days == 1)); then printf '1 day'; else printf '%d days' "$days"; fi
}

# kept_words SIZE SINCE SECONDS SUCCESSOR: what a person wants to know before it goes.
kept_words() {
  local size=$1 successor="replaced by $4"
  [[ $size == - ]] || size=$(human_size "$size")
  [[ $4 != undo ]] || successor='replaced by an undo'
  printf '%s, kept since %s UTC (%s), %s' "${size/#-/size not known}" "$2" "$(days_words "$3")" "$successor"
}

print_kept() {
  local kept successor since seconds size owner may ours
  while IFS=$'\t' read -r kept successor since seconds size owner may ours; do
    note "$kept: $(kept_words "$size" "$since" "$seconds" "$successor")$([[ $ours == t ]] || printf ', of another owner: "%s"' "$owner")"
  done <"$WORK/kept"
}

# drop_kept FROM KEPT SIZE WORDS: a line for what goes, one for what does not. A kept database may have subscriptions, with
# which it could not be dropped.
drop_kept() {
  run psql_on "$2" -f "$SCRIPTS/session.sql" -f "$SCRIPTS/restore-unsubscribe.sql" 2>"$WORK/unsubscribe.errors" \
    || quote_output "$WORK/unsubscribe.errors"
  if ! run psql_on "$1" -f "$SCRIPTS/session.sql" -f "$SCRIPTS/undo-drop.sql" -v name="$DATABASE_NAME" -v kept="$2" \
    2>"$WORK/drop.errors"; then
    quote_output "$WORK/drop.errors"
    warn "$2 could not be dropped ($4)"
    STUCK+=("$2")
    return
  fi
  note "dropped $2 ($4)"
  DROPPED+=("$2")
  [[ $3 == - ]] || FREED=$((FREED + $3))
}

# drop_kept_where FROM WHICH: those on the list that are older than WHICH days, all, or the one of that name.
drop_kept_where() {
  local kept successor since seconds size owner may ours words
  while IFS=$'\t' read -r -u 3 kept successor since seconds size owner may ours; do
    if [[ $2 =~ ^[0-9]+$ ]]; then
      ((seconds > $2 * 86400)) || continue
    else
      [[ $2 == all || $2 == "$kept" ]] || continue
    fi
    words=$(kept_words "$size" "$since" "$seconds" "$successor")
    if [[ $may != t || $ours != t ]]; then
      warn "$kept ($words) stays: it belongs to \"$owner\". Its owner or a superuser may drop it:" \
        "DROP DATABASE \"${kept//\"/\"\"}\""
      STUCK+=("$kept")
      continue
    fi
    drop_kept "$1" "$kept" "$size" "$words"
  done 3<"$WORK/kept"
}

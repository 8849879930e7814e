#!/usr/bin/env bash
# Moments and durations, by our own arithmetic: what `date` understands differs from image to image.

[[ ! -v PGKEEP_CORE_TIME ]] || return 0
readonly PGKEEP_CORE_TIME=1

source "$SCRIPTS/core/shell.sh"

now_iso() { printf '%(%Y-%m-%dT%H:%M:%SZ)T' -1; }

microseconds() { printf '%s' "${EPOCHREALTIME/[.,]/}"; }

# Seconds with one decimal since a moment of `microseconds`.
seconds_since() {
  local tenths=$((($(microseconds) - $1) / 100000))
  printf '%d.%d' $((tenths / 10)) $((tenths % 10))
}

# Seconds since 1970 of YYYYMMDDHHMMSS in UTC.
epoch_of() {
  local year=$((10#${1:0:4})) month=$((10#${1:4:2})) days
  # January and February count as months of the year before: the day that is only sometimes there is then a year's last.
  if ((month < 3)); then year=$((year - 1)) month=$((month + 12)); fi
  days=$((year * 365 + year / 4 - year / 100 + year / 400 + (153 * (month - 3) + 2) / 5 + 10#${1:6:2} - 719469))
  printf '%d' $((days * 86400 + 10#${1:8:2} * 3600 + 10#${1:10:2} * 60 + 10#${1:12:2}))
}

# duration_words SECONDS: in the two largest units, as in 3 h 12 min.
duration_words() {
  local seconds=$1
  if ((seconds >= 86400)); then
    printf '%d d %d h' $((seconds / 86400)) $((seconds % 86400 / 3600))
  elif ((seconds >= 3600)); then
    printf '%d h %d min' $((seconds / 3600)) $((seconds % 3600 / 60))
  elif ((seconds >= 60)); then
    printf '%d min %d s' $((seconds / 60)) $((seconds % 60))
  else
    printf '%d s' "$seconds"
  fi
}

days_words() {
  local days=$(($1 / 86400))
  if ((days == 1)); then printf '1 day'; else printf '%d days' "$days"; fi
}

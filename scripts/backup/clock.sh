#!/usr/bin/env bash
# Whether this pod's clock can be trusted: names and ages of backups come from it.

[[ ! -v PGKEEP_BACKUP_CLOCK ]] || return 0
readonly PGKEEP_BACKUP_CLOCK=1

source "$SCRIPTS/core/time.sh"
source "$SCRIPTS/core/log.sh"
source "$SCRIPTS/server/psql.sh"
source "$SCRIPTS/volume/catalog.sh"

# Clocks of two machines that keep time differ by less. Beyond it one of them is wrong, and names and ages with it.
readonly CLOCK_TOLERANCE=3600
CLOCK_BASE=0     # what this pod's clock said when the machine was started
CLOCK_DOUBTED='' # why nobody should delete anything by this pod's clock

# Seconds since the machine was started, by a clock that nobody can set.
uptime_seconds() {
  local seconds
  read -r seconds _ </proc/uptime
  printf '%s' "${seconds%%.*}"
}

# A clock that was right when the run began may have been set since. Sets CLOCK_DOUBTED then.
doubt_jumping_clock() {
  local jump=$((EPOCHSECONDS - $(uptime_seconds) - CLOCK_BASE))
  if ((jump > CLOCK_TOLERANCE || -jump > CLOCK_TOLERANCE)); then
    CLOCK_DOUBTED="this pod's clock has jumped by $jump seconds during the run"
    warn "$CLOCK_DOUBTED; retention waits until the next run"
  fi
}

# Names and ages come from this pod's clock; the server's is a second opinion.
# Sets CLOCK_BASE, and CLOCK_DOUBTED where they differ.
check_clock() {
  local difference newest
  ask_number 'SELECT pg_catalog.floor(extract(epoch FROM pg_catalog.clock_timestamp()))::bigint'
  difference=$((EPOCHSECONDS - ANSWER))
  CLOCK_BASE=$((EPOCHSECONDS - $(uptime_seconds)))
  ((difference >= 0)) || difference=$((-difference))
  if ((difference > CLOCK_TOLERANCE)); then
    CLOCK_DOUBTED="this pod's clock says $(now_iso), the server's differs by $difference seconds"
    warn "$CLOCK_DOUBTED; retention waits until that is mended"
  fi
  newest=$(backup_names | head -n 1)
  ! is_from_the_future "${newest:-none}" || warn "$newest is dated in the future: the clock was wrong when it was made, or is" \
    "now ($(now_iso)). It is neither counted nor deleted, and latest does not mean it"
}

#!/usr/bin/env bash
# What a script is given by its environment, and what its image has to have.

[[ ! -v PGKEEP_CORE_PARAMETERS ]] || return 0
readonly PGKEEP_CORE_PARAMETERS=1

source "$SCRIPTS/core/failure.sh"

require_parameter() {
  local name
  for name in "$@"; do
    [[ -n ${!name:-} ]] || fail 2 parameters "the environment variable $name is empty" \
      "the pod was not made from pgkeep's template, or its template was edited" "run pulumi up for this stack again"
  done
}

# require_number NAME MINIMUM: fails unless the variable holds a whole number; rewrites it without leading zeros.
require_number() {
  require_parameter "$1"
  if [[ ! ${!1} =~ ^[0-9]{1,9}$ ]] || ((10#${!1} < $2)); then
    fail 2 parameters "$1 is \"${!1}\"" "a whole number of at least $2 is needed" "mend the setting and run pulumi up"
  fi
  printf -v "$1" '%d' "$((10#${!1}))" # 08 is no number to the shell, and 010 is eight
}

# require_programs NAME…: fails where the image lacks one of the usual tools or of the named programs. Without this the run
# would fail somewhere in the middle, with words about something else.
require_programs() {
  local name
  for name in awk cat chmod cut dd df du find flock grep gzip head id mkdir mv rm sed sha256sum sort stat sync tail wc \
    xargs "$@"; do
    command -v "$name" >/dev/null || fail 1 image "the image has no program \"$name\"" \
      "pgkeep needs bash, PostgreSQL's clients, and the usual tools of Debian or Alpine" \
      "pulumi config set image postgres:17-bookworm (or another official postgres image)"
  done
}

require_truth() {
  require_parameter "$1"
  [[ ${!1} == true || ${!1} == false ]] \
    || fail 2 parameters "$1 is \"${!1}\"" "true or false is needed" "mend the setting and run pulumi up"
}

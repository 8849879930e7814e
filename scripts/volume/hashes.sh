#!/usr/bin/env bash
# The files of a backup and their hashes, as the device has them.
#
# A check prints nothing when all is well and one line that names the damage otherwise, and returns 1 then.

[[ ! -v PGKEEP_VOLUME_HASHES ]] || return 0
readonly PGKEEP_VOLUME_HASHES=1

source "$SCRIPTS/core/shell.sh"
source "$SCRIPTS/core/text.sh"

# SHA256SUMS of every other file of a backup, in the format of `sha256sum -c`.
write_hashes() (
  cd "$1" || exit 1
  find . -type f ! -name SHA256SUMS | sed 's|^\./||' | sort | xargs sha256sum >"$WORK/SHA256SUMS"
  cat "$WORK/SHA256SUMS" >SHA256SUMS
)

# The bytes of a file as the device has them, not as memory remembers them: a write that never arrived shows only there.
# GNU dd gives up the file's pages in memory, after which a plain read fetches them anew; busybox dd can read past the
# memory. A file system that is nothing but memory (tmpfs) knows neither.
read_from_device() {
  if dd if="$1" iflag=nocache count=0 2>/dev/null; then
    cat "$1"
  elif dd if="$1" iflag=direct bs=4096 count=1 of=/dev/null 2>/dev/null; then
    dd if="$1" iflag=direct bs=1M 2>/dev/null
  else
    cat "$1"
  fi
}

# sha256sum -c over the device's bytes: prints the names of the files that are not as listed.
changed_files() {
  local line
  while IFS= read -r line; do
    [[ $(read_from_device "${line:66}" | sha256sum) == "${line:0:64}  -" ]] || printf '%s\n' "${line:66}"
  done <"$WORK/sums" 2>/dev/null
}

# The files that are there must be the files that are listed, and each must have its hash.
check_hashes() (
  cd "$1" || exit 1
  if [[ ! -f SHA256SUMS || -L SHA256SUMS || ! -s SHA256SUMS ]]; then
    printf 'SHA256SUMS is missing or empty'
    exit 1
  fi
  read_from_device SHA256SUMS >"$WORK/sums"
  # A cut list would make everything after the cut unproven, so each line is held to its form.
  if ! awk '
    length($1) != 64 || $1 ~ /[^0-9a-f]/ || substr($0, 65, 2) != "  " || length($0) < 67 || seen[substr($0, 67)]++ { exit 1 }
  ' "$WORK/sums" \
    || [[ -n $(tail -c 1 "$WORK/sums") ]]; then
    printf 'SHA256SUMS is not a list of hashes'
    exit 1
  fi
  # A link or a pipe in the place of a file is not the file, and to read it might never end.
  local difference
  difference=$(find . ! -type d ! -type f | sed 's|^\./|not a plain file: |' | head -n 5 | paste_lines)
  if [[ -n $difference ]]; then
    printf '%s' "$difference"
    exit 1
  fi
  find . ! -type d ! -path ./SHA256SUMS | sed 's|^\./||' >"$WORK/found"
  cut -c 67- "$WORK/sums" >"$WORK/listed"
  difference=$(awk '
    FNR == NR { listed[$0] = 1; next }
    $0 in listed { delete listed[$0]; next }
    { print "not in SHA256SUMS: " $0 }
    END { for (name in listed) print "missing: " name }
  ' "$WORK/listed" "$WORK/found" | sort | head -n 5 | paste_lines)
  if [[ -n $difference ]]; then
    printf '%s' "$difference"
    exit 1
  fi
  changed_files >"$WORK/changed"
  if [[ -s $WORK/changed ]]; then
    printf 'changed: %s' "$(head -n 5 "$WORK/changed" | paste_lines)"
    exit 1
  fi
)

#!/usr/bin/env bash
# Installs the named Debian packages that are missing.
# Usage: tools/install-packages.sh PACKAGE...
set -Eeuo pipefail
shopt -s inherit_errexit

missing_of() {
  local package
  for package in "$@"; do
    if ! dpkg-query --show --showformat='${Status}' "${package}" 2>/dev/null | grep -q '^install ok'; then
      echo "${package}"
    fi
  done
}

main() {
  local missing
  missing=$(missing_of "$@")
  if [[ -z ${missing} ]]; then
    return
  fi
  echo "Installing the Debian packages ${missing//$'\n'/, } ..." >&2
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  # Unquoted on purpose: one word a package.
  # shellcheck disable=SC2086
  apt-get install --quiet=2 --yes --no-install-recommends ${missing} >/dev/null
}

main "$@"

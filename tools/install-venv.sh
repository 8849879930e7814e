#!/usr/bin/env bash
# Makes .venv: the pinned dependencies, and this checkout's `pgkeep` command in it.
set -Eeuo pipefail
shopt -s inherit_errexit

main() {
  local -a anew=()
  cd "$(dirname "${BASH_SOURCE[0]}")/.."
  if ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
    tools/install-packages.sh python3-venv
  fi
  # Not to standard output: that may be `make render`'s YAML on its way into a file.
  echo 'Installing the Python packages into .venv (about a minute the first time) ...' >&2
  # What was killed half-way may have no pip left to mend it with, so it goes; an update that is killed is known by the file
  # that is missing then.
  if [[ -e .venv/.installed ]]; then rm .venv/.installed; else anew=(--clear); fi
  python3 -m venv "${anew[@]}" .venv
  .venv/bin/pip install --quiet --disable-pip-version-check --require-hashes \
    --requirement requirements-dev.txt
  # setuptools warns of every editable install; there is nothing to heed here.
  PYTHONWARNINGS=ignore .venv/bin/pip install --quiet --disable-pip-version-check --no-deps \
    --no-build-isolation --editable .
  touch .venv/.installed
}

main "$@"

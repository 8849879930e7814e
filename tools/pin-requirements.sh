#!/usr/bin/env bash
# Pins what pyproject.toml asks for: requirements.txt for `pulumi up` and the tool,
# requirements-dev.txt for the tests. Index addresses stay out of both: they are the machine's matter.
set -Eeuo pipefail
shopt -s inherit_errexit

compile() {
  .venv/bin/pip-compile --quiet --generate-hashes --allow-unsafe --strip-extras \
    --no-emit-index-url --no-emit-find-links --no-emit-trusted-host "$@" pyproject.toml
}

main() {
  cd "$(dirname "${BASH_SOURCE[0]}")/.."
  compile --output-file=requirements.txt
  compile --extra=dev --constraint=requirements.txt --output-file=requirements-dev.txt
}

main "$@"

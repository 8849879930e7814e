#!/usr/bin/env bash
# How the shell itself behaves in every script, and the private directory of a run.

[[ ! -v PGKEEP_CORE_SHELL ]] || return 0
readonly PGKEEP_CORE_SHELL=1

set -Eeuo pipefail
shopt -s inherit_errexit
# The group is the one thing the Debian (uid 999) and the Alpine (uid 70) image share: it may read and write everything.
umask 0007
# One clock and one sort order, whatever the image says; bytes pass through, so UTF-8 stays UTF-8.
export LC_ALL=C TZ=UTC0

WORK='' # private directory under TMPDIR, gone at the end

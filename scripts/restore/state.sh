#!/usr/bin/env bash
# What the steps of a restore share.

[[ ! -v PGKEEP_RESTORE_STATE ]] || return 0
readonly PGKEEP_RESTORE_STATE=1

MODE=''          # of a restore: replace, beside or tables, or one of them with -trial behind it; decided once, by decide_mode
NAMES=()         # the databases of the stack
DATABASE_NAME='' # the one to restore
OLD=''           # what the live database is called after the swap
PHASE=before     # before, swapping, after
RENAMES=true     # may this user rename the two databases?

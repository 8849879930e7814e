#!/usr/bin/env bash
# Single tables or schemas of a backup, beside the live ones in a schema of their own. Part of restore.sh.

restore_parts() { :; }

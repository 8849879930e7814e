#!/usr/bin/env bash
# Back to the database that a restore has kept, or the end of that possibility. Part of restore.sh.

undo_main() { :; }

drop_old_main() { :; }

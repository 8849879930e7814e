"""The operator's command-line tool: run, list, show, verify and restore backups."""

"""The backups on the volume: what the console answers, and how that is shown."""

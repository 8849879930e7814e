"""The demo: a database, an application, a backup, an accident, a restore, on a real cluster."""

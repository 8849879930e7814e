"""The fault suite: what a backup run may meet, one fault a test, each at several moments.

Every trial runs the shipped scripts against a real server in a world of its own: a pod whose volume
holds earlier backups, one of which the next retention removes. The fault is done at a moment that
a condition makes sure of, never a clock, with one of three instruments:

- `runs.py`  stops a run at a step, or does something there in its place
- `tools.py` stands before every program of the run and kills it, cuts its output, or makes it lie
- `proxy.py` stands between the run and the server and holds or cuts what goes over the wire

`judge.py` is the one place that says whether a trial was caught, `ledger.py` keeps count and prints
the table, and `test_verdict.py` fails when not every trial of at least 40 faults was caught.
"""

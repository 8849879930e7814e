"""A one-node Kubernetes for the demo and the tests, from Debian packages and Go modules alone.

Only the standard library is used here, because this runs before any virtual environment exists.
"""

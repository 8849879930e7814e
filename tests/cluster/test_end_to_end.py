"""The main job, as an operator does it: back up, destroy, restore, and the application runs."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.cluster.support import (
    APPLICATION,
    FINGERPRINT,
    ROLE,
    Server,
    Stack,
    ready_replicas,
    start_application,
    wait_until,
)


@pytest.mark.parametrize("backup_format", ["directory", "plain"])
def test_a_destroyed_database_comes_back_and_the_application_with_it(
    backup_format: str, deploy: Callable[..., Stack], server: Server, database: str
) -> None:
    where = deploy(format=backup_format, applications=f'["deployment/{APPLICATION}"]').namespace
    start_application(where, server.host, database)
    before = server.psql(FINGERPRINT, database=database)

    finished = where.pgkeep("run-backup")
    assert "✓" in finished.stdout

    listed = json.loads(where.pgkeep("list-backups", "--json").stdout)
    (backup,) = listed["backups"]
    assert backup["status"] == "verified"
    assert backup["format"] == backup_format
    assert backup["rows"] == 6000  # of customers and orders; a view's rows are computed anew

    server.psql("DROP TABLE orders CASCADE; DELETE FROM customers", database=database, role=ROLE)

    # Anything but `yes` changes nothing.
    refused = where.pgkeep("run-restore", "latest", stdin="no\n", check=False)
    assert refused.returncode == 3
    assert server.psql("SELECT count(*) FROM customers", database=database) == "0"

    where.pgkeep("run-restore", "latest", "--yes")
    assert server.psql(FINGERPRINT, database=database) == before
    wait_until(lambda: ready_replicas(where) == 2, "both replicas to be ready again")
    kept = server.psql(
        f"SELECT datname FROM pg_database WHERE datname LIKE '{database}_before_%'"
    ).splitlines()
    assert len(kept) == 1
    assert server.psql("SELECT count(*) FROM customers", database=kept[0]) == "0"

    # What the old job's users type works: the labels are still there.
    log = where.kubectl("logs", "-l", "app=postgres-restore", "--tail=-1")
    assert "✓" in log
    assert "WARNING" not in log


def test_a_failed_restore_leaves_the_database_and_starts_the_application_again(
    deploy: Callable[..., Stack], server: Server, database: str
) -> None:
    where = deploy(applications=f'["deployment/{APPLICATION}"]').namespace
    start_application(where, server.host, database)
    where.pgkeep("run-backup")
    server.psql("INSERT INTO customers VALUES (0, 'after the backup')", database=database)
    before = server.psql(FINGERPRINT, database=database)

    # Without this right the side database cannot be made.
    server.psql(f"ALTER ROLE {ROLE} NOCREATEDB")
    try:
        failed = where.pgkeep("run-restore", "latest", "--yes", check=False)
    finally:
        server.psql(f"ALTER ROLE {ROLE} CREATEDB")
    assert failed.returncode == 1
    assert "CREATEDB" in failed.stdout + failed.stderr
    assert server.psql(FINGERPRINT, database=database) == before
    wait_until(lambda: ready_replicas(where) == 2, "both replicas to be ready again")

"""One stack for several databases: one Job backs up each by itself, and each is restored so."""

from __future__ import annotations

import json
import uuid

from tests.cluster.support import (
    FINGERPRINT,
    ROLE,
    Namespace,
    Server,
    deploy_stack,
    sample_databases,
)


def test_each_database_has_its_own_backup_and_restore_whatever_becomes_of_the_others(
    namespace: Namespace, server: Server
) -> None:
    prefix = f"shop_{uuid.uuid4().hex[:6]}"
    first, second, missing = f"{prefix}_first", f"{prefix}_second", f"{prefix}_missing"
    databases = json.dumps([first, missing, second])
    with sample_databases(server, first, second):
        deploy_stack(namespace, databaseHost=server.host, databaseName="", databases=databases)
        server.psql("DELETE FROM orders WHERE id <= 100", database=second, role=ROLE)
        before = server.psql(FINGERPRINT, database=second)

        # One of them is not there: the Job fails and says so, and the others are backed up.
        failed = namespace.pgkeep("run-backup", check=False)
        assert failed.returncode == 1
        assert "1 of 3 databases were not backed up" in failed.stderr
        lines = failed.stdout.splitlines()
        assert f"✓ {first}" in lines
        assert f"✗ {missing}" in lines
        assert f"✓ {second}" in lines
        assert len(namespace.get("jobs", selector="app=postgres-backup")["items"]) == 1
        listed = namespace.listed()
        backups = {backup["database"]: backup for backup in listed}
        assert len(listed) == 2
        assert {name: backup["rows"] for name, backup in backups.items()} == {
            first: 6000,
            second: 5900,
        }
        assert {backup["status"] for backup in listed} == {"verified"}

        server.psql("DROP TABLE orders CASCADE", database=first, role=ROLE)
        server.psql("DROP TABLE orders CASCADE", database=second, role=ROLE)

        # The newest backup of any of them must not be taken for "the" latest.
        refused = namespace.pgkeep("run-restore", "latest", "--yes", check=False)
        assert refused.returncode != 0
        for name in (first, second):
            assert f"{backups[name]['name']} of {name}" in refused.stderr
        assert f"none of {missing}" in refused.stderr

        namespace.pgkeep("run-restore", backups[second]["name"], "--yes")
        assert server.psql(FINGERPRINT, database=second) == before
        left = "SELECT count(*) FROM pg_class WHERE relname = 'orders'"
        assert server.psql(left, database=first) == "0", "the other database is as it was left"

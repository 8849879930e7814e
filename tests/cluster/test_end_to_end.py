"""The main job, as an operator does it: back up, destroy, restore, and the application runs."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.cluster.support import (
    FINGERPRINT,
    ROLE,
    Namespace,
    Server,
    Stack,
    Volume,
    demo_objects,
    demo_scripts,
    deploy_stack,
    sample_databases,
    start_server,
    wait_until,
)

APPLICATION = "flights-app"


def start_application(where: Namespace, host: str, database: str) -> None:
    """Run the demo's application with two replicas on the test's database."""
    scripts, (deployment,) = demo_scripts(), demo_objects("application")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    changed = {
        "PGHOST": host,
        "PGDATABASE": database,
        "STATEMENT": "SELECT count(*) FROM orders",
    }
    for variable in container["env"]:
        variable["value"] = changed.get(variable["name"], variable["value"])
    where.apply(scripts, deployment)
    where.kubectl("rollout", "status", f"deployment/{APPLICATION}", "--timeout=2m")


def ready_replicas(where: Namespace) -> int:
    return where.get("deployment", APPLICATION)["status"].get("readyReplicas", 0)


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


def test_a_backup_without_owners_and_with_hashes_comes_back_equal_where_its_roles_are_gone(
    make_namespace: Callable[[str], Namespace],
) -> None:
    image, database = "postgres:15-bookworm", "plain_content"
    where = make_namespace("fifteen")
    server = start_server(where, image=f"docker.io/library/{image}")
    with sample_databases(server, database):
        server.psql(
            f"""
            CREATE ROLE clerk;
            CREATE TABLE notes (note text);
            INSERT INTO notes VALUES ('kept');
            ALTER TABLE notes OWNER TO clerk;
            GRANT SELECT ON notes TO {ROLE};
            """,
            database=database,
        )
        before = server.psql(FINGERPRINT, database=database)
        stack = deploy_stack(
            where,
            databaseHost=server.host,
            databaseName=database,
            image=image,
            owners="false",
            tableHashes="true",
        )
        where.pgkeep("run-backup")
        manifest = json.loads(Volume.open(stack).sh("cat backup-*/manifest.json"))
        assert manifest["schemaVersion"] == 3
        assert (manifest["owners"], manifest["tableHashes"]) == (False, True)
        assert manifest["facts"]["server"]["version"].startswith("15.")
        hashes = {
            table["name"]: table["hash"]
            for table in manifest["facts"]["tables"]
            if table["kind"] == "table"
        }
        assert hashes.keys() == {"customers", "notes", "orders"}
        assert {len(each or "") for each in hashes.values()} == {64}
        assert len(manifest["facts"]["largeObjectHash"]) == 64

        server.psql("DROP TABLE notes, orders CASCADE; DROP ROLE clerk", database=database)
        restored = where.pgkeep("run-restore", "latest", "--yes").stdout
        assert "3 tables, 6001 rows, every fact equal" in restored
        assert server.psql(FINGERPRINT, database=database) == before
        owner = "SELECT note, tableowner FROM notes, pg_tables WHERE tablename = 'notes'"
        assert server.psql(owner, database=database) == f"kept|{ROLE}"

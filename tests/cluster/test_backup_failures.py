"""Every way a backup fails ends in a failed Job whose last lines name cause and cure.

And nothing half-written can be seen afterwards: not in the list, not under a final name.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cluster.support import Namespace, Server, Stack, credentials


def fail_a_backup(stack: Stack, name: str = "failing") -> str:
    """Run a backup that has to fail and return the last lines of its log."""
    stack.namespace.start("postgres-backup", name)
    assert stack.namespace.outcome(name) == "Failed"
    lines = stack.namespace.log(name).strip().splitlines()
    said = "\n".join(lines[-4:])
    assert "ERROR: " in said
    assert "CAUSE: " in said
    assert lines[-1].startswith("CURE: ")
    # What kubectl shows of the pod, without its log, says the same.
    (pod,) = stack.namespace.get("pods", selector=f"batch.kubernetes.io/job-name={name}")["items"]
    (status,) = pod["status"]["containerStatuses"]
    assert "CURE: " in status["state"]["terminated"]["message"]
    return said


def assert_nothing_is_listed(stack: Stack) -> None:
    listed = stack.namespace.pgkeep("list-backups", "--json").stdout
    assert '"backups": []' in listed


def test_a_wrong_password_is_named(deploy: Callable[..., Stack]) -> None:
    stack = deploy(secret=credentials(password="wrong"))
    said = fail_a_backup(stack)
    assert "password" in said
    assert "postgres-credentials" in said
    assert_nothing_is_listed(stack)


def test_a_missing_secret_is_named(deploy: Callable[..., Stack]) -> None:
    stack = deploy(databaseSecret="never-made")
    said = fail_a_backup(stack)
    assert "never-made" in said
    assert "kubectl" in said
    assert_nothing_is_listed(stack)


def test_a_missing_key_of_the_secret_is_named(deploy: Callable[..., Stack]) -> None:
    stack = deploy(databasePasswordKey="POSTGRES_PASSWORD")
    said = fail_a_backup(stack)
    assert "POSTGRES_PASSWORD" in said
    assert_nothing_is_listed(stack)


def test_a_missing_database_is_named(deploy: Callable[..., Stack]) -> None:
    stack = deploy(databaseName="nowhere")
    said = fail_a_backup(stack)
    assert "nowhere" in said
    assert "databaseName" in said
    assert_nothing_is_listed(stack)


def test_a_database_that_is_down_is_named(deploy: Callable[..., Stack]) -> None:
    # A Service without any pod behind it: what is left when a database is scaled to zero.
    stack = deploy(databaseHost="stopped")
    stack.namespace.apply(
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "stopped"},
            "spec": {"ports": [{"port": 5432}], "selector": {"app": "nothing"}},
        }
    )
    said = fail_a_backup(stack)
    assert "stopped" in said
    assert "5432" in said
    assert_nothing_is_listed(stack)


def test_a_host_that_does_not_exist_is_named(deploy: Callable[..., Stack]) -> None:
    stack = deploy(databaseHost="nobody-home")
    said = fail_a_backup(stack)
    assert "nobody-home" in said
    assert "databaseHost" in said
    assert_nothing_is_listed(stack)


@pytest.fixture
def fill_volume() -> Iterator[Callable[[Namespace], None]]:
    """Lay a file system of one MiB over the volume, as a real claim that is full."""
    mounted: list[Path] = []

    def fill(namespace: Namespace) -> None:
        claim = namespace.get("persistentvolumeclaim", "backup-pvc")
        volume = namespace.get("persistentvolume", claim["spec"]["volumeName"])["spec"]
        path = Path((volume.get("hostPath") or volume["local"])["path"])
        options = "size=1m,uid=999,gid=999,mode=0770"
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", path], check=True)
        mounted.append(path)

    yield fill
    for path in mounted:
        subprocess.run(["umount", "--lazy", path], check=True)


def test_a_full_volume_is_named(
    deploy: Callable[..., Stack],
    server: Server,
    database: str,
    fill_volume: Callable[[Namespace], None],
) -> None:
    stack = deploy()
    # The first console Job has the volume made: the class waits for the first pod.
    assert_nothing_is_listed(stack)
    fill_volume(stack.namespace)
    server.psql(
        "CREATE TABLE ballast AS SELECT sha512(n::text::bytea) AS noise "
        "FROM generate_series(1, 60000) AS n",
        database=database,
        role="owner",
    )
    said = fail_a_backup(stack)
    assert "space" in said
    assert "backup-pvc" in said
    assert_nothing_is_listed(stack)

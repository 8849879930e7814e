"""Several databases in one stack: one backup each, and none of them is another's problem."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.scripts.harness import (
    BINARIES,
    SCRIPTS,
    Pod,
    Server,
    drop_databases,
    finish,
    kill_session,
    session_members,
    wait_until,
)


@pytest.fixture
def shops(server: Server) -> Iterator[list[str]]:
    """Three small databases with names that a careless loop would break."""
    names = ["shop one", 'shop "two", $x', "shop_three"]
    for number, name in enumerate(names):
        quoted = name.replace('"', '""')
        server.psql("postgres", f'CREATE DATABASE "{quoted}"')
        server.psql(name, f"CREATE TABLE t AS SELECT generate_series(1, {number + 1}) AS x")
    yield names
    drop_databases(server, "shop")


def databases_of(pod: Pod) -> list[str]:
    return [row["database"] for row in pod.listed()]


def test_each_database_gets_a_backup_of_its_own(pod: Pod, shops: list[str]) -> None:
    result = pod.backups(*shops)
    assert result.code == 0, result.output
    assert databases_of(pod) == shops[::-1]
    assert [row["rows"] for row in pod.listed()] == ["3", "2", "1"]
    assert [f"✓ {name}" in result.output.splitlines() for name in shops] == [True] * 3


def test_one_that_fails_neither_stops_nor_taints_the_next(
    pod: Pod, server: Server, shops: list[str]
) -> None:
    server.psql("postgres", f'ALTER DATABASE "{shops[0]}" ALLOW_CONNECTIONS false')
    result = pod.backups(*shops, "nowhere")
    assert result.code == 1
    assert "2 of 4 databases were not backed up" in result.explained()
    assert databases_of(pod) == shops[:0:-1]
    assert "connections to it are switched off" in result.output
    assert "there is no such database" in result.output
    for name in (shops[0], "nowhere"):
        assert f"✗ {name}" in result.output.splitlines()
    records = pod.records("runs")
    assert [(each["database"], each["result"]) for each in records] == [
        (shops[0], "failed"),
        (shops[1], "ok"),
        (shops[2], "ok"),
        ("nowhere", "failed"),
    ]


def test_one_that_hangs_does_not_take_the_time_of_the_next(
    pod: Pod, server: Server, shops: list[str]
) -> None:
    # A lock is waited for longer than the database's own time.
    with subprocess.Popen(
        [BINARIES / "psql", "-X", "-q", "-A", "-t"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=server.environment("keeper", shops[0]),
    ) as holder:
        assert holder.stdin is not None
        assert holder.stdout is not None
        holder.stdin.write("BEGIN; LOCK TABLE t; SELECT 'held';\n")
        holder.stdin.flush()
        assert holder.stdout.readline() == "held\n"
        result = pod.backups(shops[0], shops[2], BACKUP_TIMEOUT="15")
        holder.stdin.close()
    assert result.code == 1
    assert databases_of(pod) == [shops[2]]
    assert "stopped by SIGTERM" in result.output
    assert "backupTimeout" in result.output
    assert pod.unfinished() == []


def test_a_signal_ends_the_run_and_does_not_begin_the_next_database(
    slow_pod: Pod, shops: list[str]
) -> None:
    running = slow_pod.start("backup/all.sh", DATABASE_NAMES="\n".join(["big", *shops]))
    wait_until(lambda: any(slow_pod.volume.glob(".staging/*/database/*.dat.gz")))
    running.send_signal(signal.SIGTERM)
    result = finish(running)
    kill_session(running.pid, signal.SIGKILL)
    assert result.code == 143
    assert slow_pod.names() == []
    assert slow_pod.unfinished() == []
    assert [each["database"] for each in slow_pod.records("runs")] == ["big"]
    wait_until(lambda: session_members(running.pid) == [], 2)


def test_one_database_is_backed_up_as_if_it_were_alone(pod: Pod) -> None:
    result = pod.backups(pod.database)
    assert result.code == 0
    assert "Databases" not in result.output
    assert result.output.splitlines()[-1].startswith("✓ Backup ")


def test_retention_counts_each_database_for_itself(pod: Pod, shops: list[str]) -> None:
    for _ in range(3):
        assert pod.backups(shops[0], shops[2], RETENTION_MINIMUM="1").code == 0
    assert len(pod.names()) == 6, "none of them is old"
    plan = pod.console("prune").output
    assert plan.count("the newest verified") == 2


def test_a_restore_goes_into_the_database_the_backup_is_of(
    pod: Pod, server: Server, shops: list[str]
) -> None:
    assert pod.backups(*shops).code == 0
    (second,) = [row["name"] for row in pod.listed() if row["database"] == shops[1]]
    server.psql(shops[1], "DELETE FROM t")
    result = pod.restore(second, DATABASE_NAMES="\n".join(shops))
    assert result.code == 0, result.output
    assert server.psql(shops[1], "SELECT count(*) FROM t") == "2"


def test_latest_of_several_databases_is_refused_with_the_newest_of_each(
    pod: Pod, shops: list[str]
) -> None:
    assert pod.backups(shops[0], shops[2]).code == 0
    result = pod.restore("latest", DATABASE_NAMES="\n".join(shops))
    assert result.code == 2
    for row in pod.listed():
        assert f'{row["name"]} of "{row["database"]}"' in result.explained()
    assert f'none of "{shops[1]}"' in result.explained()


def test_a_backup_of_a_database_that_the_stack_does_not_name_is_refused(
    pod: Pod, shops: list[str]
) -> None:
    backup = pod.good_backup()
    result = pod.restore(backup.name, DATABASE_NAMES="\n".join(shops))
    assert result.code == 1
    assert 'is of database "source"' in result.explained()


def test_what_a_killed_backup_leaves_running_is_not_in_the_way_of_the_next(
    slow_pod: Pod, shops: list[str]
) -> None:
    running = slow_pod.start("backup/all.sh", DATABASE_NAMES="\n".join(["big", shops[0]]))
    wait_until(lambda: any(slow_pod.volume.glob(".staging/*/database/*.dat.gz")))
    # The oldest is the script itself, the others are subshells of it.
    command = f"bash\0{SCRIPTS / 'backup/one.sh'}\0".encode()
    members = session_members(running.pid)
    script = min(pid for pid in members if Path(f"/proc/{pid}/cmdline").read_bytes() == command)
    os.kill(script, signal.SIGKILL)
    result = finish(running)
    assert result.code == 1
    assert databases_of(slow_pod) == [shops[0]]
    wait_until(lambda: session_members(running.pid) == [], 5)

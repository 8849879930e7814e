"""The place the script tests run in: a pod sees what a container sees, and nothing outlives us."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.scripts.harness import (
    SCRIPTS,
    Pod,
    finish,
    kill_session,
    session_members,
    wait_until,
)

ROOT = Path(__file__).resolve().parents[2]


def mounted(place: Path) -> list[str]:
    """What is mounted below a folder, or in an unpacked image, in the machine's own namespace."""
    if os.geteuid() != 0:
        pytest.skip("only root may look at the first process's mounts")
    lines = Path("/proc/1/mountinfo").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if str(place) in line or "/roots/postgres-" in line]


def test_a_pod_of_17_sees_the_image_its_volume_and_the_scripts_only(pod17: Pod) -> None:
    code = (
        f"ls -A {ROOT}; ls -A {pod17.root.parent}; psql --version; id -u; pwd;"
        f"touch {SCRIPTS}/x /x 2>&1; touch {pod17.volume}/x && cat < <(echo done)"
    )
    result = pod17.run("backup/one.sh", code=code)
    lines = result.output.splitlines()
    assert lines[:2] == [SCRIPTS.name, pod17.root.name]
    assert lines[2].startswith("psql (PostgreSQL) 17.")
    assert lines[3:5] == ["999", str(pod17.root)]
    assert [line.rpartition(": ")[2] for line in lines[5:7]] == ["Read-only file system"] * 2
    assert lines[7:] == ["done"]
    assert (pod17.volume / "x").exists()


@pytest.mark.parametrize("fixture", ["pod", "pod17"])
def test_a_pod_gets_exactly_the_environment_of_its_container(
    fixture: str, request: pytest.FixtureRequest
) -> None:
    pod: Pod = request.getfixturevalue(fixture)
    result = pod.run("console/main.sh", code="cat -v /proc/self/environ | sed 's/\\^@/\\n/g'")
    # What bash adds for its children.
    added = {"PWD", "SHLVL", "_"}
    found = {line.partition("=")[0] for line in result.output.splitlines()} - added
    assert found == set(pod.environment("console/main.sh"))


@pytest.mark.parametrize("fixture", ["pod", "pod17"])
def test_the_end_of_a_pod_ends_all_its_processes_and_leaves_no_mount(
    fixture: str, request: pytest.FixtureRequest
) -> None:
    pod: Pod = request.getfixturevalue(fixture)
    running = pod.start("console/main.sh", code="sleep 60 & echo started; sleep 61; true")
    assert running.stdout is not None
    assert running.stdout.readline() == "started\n"
    wait_until(lambda: len(session_members(running.pid)) == 3)
    assert mounted(pod.root) == []
    kill_session(running.pid, signal.SIGKILL)
    assert finish(running, 10).code == -signal.SIGKILL
    wait_until(lambda: session_members(running.pid) == [])


def test_a_small_volume_is_mounted_for_the_tests_alone(
    pod: Pod, small_volume: Callable[[str], None]
) -> None:
    small_volume("1m")
    assert os.statvfs(pod.volume).f_blocks * os.statvfs(pod.volume).f_frsize == 1 << 20
    assert mounted(pod.root) == []


@pytest.mark.parametrize("postgres", ["POSTGRES_15", "postgres_17()"])
def test_a_server_goes_with_its_tests_also_when_they_are_killed(postgres: str) -> None:
    if os.geteuid() != 0:
        pytest.skip("a server of another user is tied to its parent by setpriv, which needs root")
    program = (
        "import time; from tests.scripts.harness import *; from tests.scripts.postgres import *\n"
        f"with running_server({postgres}) as server:\n"
        "    print(server.port, server.directory, flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as tests:
        assert tests.stdout is not None
        port, directory = tests.stdout.readline().split()
        tests.kill()
    try:
        assert mounted(Path(directory)) == []
        wait_until(lambda: not answers(int(port)), 20)
    finally:
        shutil.rmtree(directory)


def answers(port: int) -> bool:
    """Whether anybody listens there."""
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0

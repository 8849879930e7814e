"""Fixtures: one server and one source database for all tests, one pod for each.

Those with a 17 in their name are the same with PostgreSQL 17; `each_server` and `each_pod` let a
test run with both versions.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.scripts.harness import (
    BINARIES,
    POD_GID,
    POD_UID,
    SOURCE,
    Pod,
    Server,
    drop_databases,
    keep_mounts_to_ourselves,
    new_pod,
    running_server,
    sweep_folders,
)
from tests.scripts.postgres import postgres_17


@pytest.fixture(scope="session", autouse=True)
def _nothing_of_killed_tests() -> None:  # pyright: ignore[reportUnusedFunction]
    """Tests that were killed could not clean up."""
    sweep_folders()


@pytest.fixture(scope="session", autouse=True)
def _signals_as_a_pod_has_them() -> None:  # pyright: ignore[reportUnusedFunction]
    """A shell has its background jobs ignore SIGINT, and what is ignored no script can catch."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """The PostgreSQL of this test session."""
    if not BINARIES.is_dir():
        pytest.fail("PostgreSQL 15 is not installed; `make packages` installs it")
    with running_server() as running:
        yield running


@pytest.fixture(scope="session")
def server17() -> Iterator[Server]:
    """A PostgreSQL 17 for those tests that want one."""
    if os.geteuid() != 0:
        pytest.skip("PostgreSQL 17 has a root file system of its own: entering it needs root")
    with running_server(postgres_17()) as running:
        yield running


@pytest.fixture(scope="session", params=[15, 17], ids=["15", "17"])
def each_server(request: pytest.FixtureRequest) -> Server:
    """A server of each version, one after the other."""
    chosen: Server = request.getfixturevalue("server" if request.param == 15 else "server17")
    return chosen


@pytest.fixture
def pod(server: Server, source: str) -> Iterator[Pod]:
    """A pod with an empty volume, and the right Secret for the shared source database."""
    with new_pod(server.port, source) as made:
        yield made


@pytest.fixture
def pod17(server17: Server, source17: str) -> Iterator[Pod]:
    """The same with PostgreSQL 17."""
    with new_pod(server17.port, source17, server17.postgres) as made:
        yield made


@pytest.fixture
def each_pod(each_server: Server) -> Iterator[Pod]:
    """A pod of each version; its database is for the test to choose."""
    with new_pod(each_server.port, "postgres", each_server.postgres) as made:
        yield made


def make_source(server: Server) -> str:
    """Makes the source database."""
    server.psql("postgres", "CREATE DATABASE source")
    server.psql("source", SOURCE)
    return "source"


@pytest.fixture(scope="session")
def source(server: Server) -> str:
    """A database with one of most things. Tests that change it make a copy (fixture `copy`)."""
    return make_source(server)


@pytest.fixture(scope="session")
def source17(server17: Server) -> str:
    """The same with PostgreSQL 17."""
    return make_source(server17)


@pytest.fixture
def copy(server: Server, source: str) -> Iterator[str]:
    """A private copy of the source database, gone after the test with all a restore made of it."""
    name = f"copy{time.monotonic_ns()}"
    server.psql("postgres", f'CREATE DATABASE {name} TEMPLATE "{source}"')
    yield name
    drop_databases(server, name)


BIG = """
CREATE TABLE blocks (id int PRIMARY KEY, content text);
INSERT INTO blocks
  SELECT i, (SELECT string_agg(md5((i * 100 + j)::text), '') FROM generate_series(1, 30) AS j)
  FROM generate_series(1, 60000) AS i;
CREATE TABLE events (id serial PRIMARY KEY, at timestamptz DEFAULT clock_timestamp());
"""


@pytest.fixture(scope="session")
def big(server: Server) -> str:
    """A database whose dump takes some seconds at gzip:9: long enough to be hit in the middle."""
    server.psql("postgres", "CREATE DATABASE big")
    server.psql("big", BIG)
    return "big"


@pytest.fixture
def slow_pod(pod: Pod, big: str) -> Pod:
    """A pod that backs up the big database, slowly."""
    pod.database = big
    pod.settings |= {"BACKUP_COMPRESSION": "gzip:9"}
    return pod


@pytest.fixture
def small_volume(pod: Pod) -> Iterator[Callable[[str], None]]:
    """Puts a small file system under the volume; it is unmounted whatever happens."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    keep_mounts_to_ourselves()
    mounted: list[Path] = []

    def mount(size: str) -> None:
        options = f"size={size},uid={POD_UID},gid={POD_GID},mode=0770"
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "pgkeep", pod.volume], check=True)
        mounted.append(pod.volume)

    yield mount
    for path in mounted:
        subprocess.run(["umount", "-l", path], check=True)

"""Fixtures: a server that may be killed, worlds to do faults in, and the table at the end."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.scripts.harness import keep_mounts_to_ourselves, running_server
from tests.scripts.promises.faults.ledger import SEED, SHARE, Ledger
from tests.scripts.promises.faults.mortal import MortalServer
from tests.scripts.promises.faults.restores import Stages
from tests.scripts.promises.faults.runs import Moment, moments_of
from tests.scripts.promises.faults.worlds import Worlds

LEDGER = pytest.StashKey[Ledger]()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The verdict on the whole suite comes after the whole suite."""
    items.sort(key=lambda item: item.path.name == "test_verdict.py")


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Prints the table of faults."""
    lines = config.stash[LEDGER].table() if LEDGER in config.stash else []
    if lines:
        terminalreporter.section("faults")
        share = "" if SHARE == 1 else f", {SHARE:.0%} of the moments"
        terminalreporter.write_line(f"PGKEEP_SEED={SEED} repeats these{share}")
        for line in lines:
            terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def ledger(pytestconfig: pytest.Config) -> Ledger:
    """Keeps count of all faults."""
    return pytestconfig.stash.setdefault(LEDGER, Ledger())


@pytest.fixture(scope="session", autouse=True)
def private_mounts() -> None:
    """A mount namespace for this process: whatever is mounted in it is gone when it is gone."""
    if os.geteuid() != 0:
        pytest.fail("the fault suite mounts file systems and kills servers: run it as root")
    keep_mounts_to_ourselves()


@pytest.fixture(scope="session")
def mortal() -> Iterator[MortalServer]:
    """A server of the fault suite's own: it is killed and started again."""
    with running_server() as running:
        server = MortalServer(running)
        try:
            yield server
        finally:
            server.end()


@pytest.fixture(scope="session")
def worlds(mortal: MortalServer) -> Iterator[Worlds]:
    """Makes the worlds that faults are done in."""
    with Worlds.made(mortal) as made:
        yield made


@pytest.fixture(scope="session")
def stages(private_mounts: None) -> Iterator[Stages]:  # noqa: ARG001 - mounted in it
    """Servers with a database to lose; how long a restore of it takes is measured."""
    with Stages.made() as made:
        made.measure()
        yield made


@pytest.fixture(autouse=True)
def thorough(worlds: Worlds) -> None:
    """Each fault is followed by another run at least once."""
    worlds.thorough = True


@pytest.fixture(scope="session")
def few(moments: list[Moment]) -> list[Moment]:
    """Moments for faults that need not be tried at every step."""
    return moments[::2]


@pytest.fixture(scope="session")
def moments(worlds: Worlds) -> list[Moment]:
    """The steps of a run without a fault."""
    with worlds.new() as world:
        return moments_of(world)

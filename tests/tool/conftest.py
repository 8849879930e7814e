"""Fixtures: a cluster and a console that are none."""

import pytest

from pgkeep import console
from pgkeep.commands import listing
from pgkeep.session import Session
from tests.tool.stand_ins import Cluster, Console


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    """A cluster that nothing needs to be reached for."""
    cluster = Cluster()
    monkeypatch.setattr(Session, "cluster", cluster)
    return cluster


@pytest.fixture
def asked(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> Console:
    """The console, which answers as a test has prepared."""
    del cluster
    fake = Console()
    for module in (console, listing):
        monkeypatch.setattr(module, "run_console", fake.run)
    return fake

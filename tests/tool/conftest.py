"""Fixtures: a cluster and a console that are none."""

from datetime import UTC, datetime

import pytest
from typer.testing import CliRunner

from pgkeep.catalog import console
from pgkeep.catalog.answers import parse_show
from pgkeep.cli import app
from pgkeep.commands import listing
from pgkeep.kube import waiting
from pgkeep.restoring import place, restore, workflow
from pgkeep.restoring.choice import Choice
from pgkeep.session.session import Session
from tests.tool.catalog.test_answers import show_lines
from tests.tool.stand_ins import Cluster, Console
from tests.tool.world import Call, Follower, Killed, World


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


def no_time(_seconds: float) -> None:
    return


def now(_session: Session) -> datetime:
    return datetime(2026, 11, 23, 5, tzinfo=UTC)


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch) -> Call:
    """Runs the tool against a world; a kill ends it with 137."""
    backup = parse_show(show_lines(database="shop"))

    def choose(*_: object) -> Choice:
        return Choice(backup=backup, database="shop")

    monkeypatch.setattr(restore, "choose", choose)
    for module in (workflow, place):
        monkeypatch.setattr(module, "JobFollower", Follower)
    monkeypatch.setattr(waiting.time, "sleep", no_time)
    monkeypatch.setattr(Session, "now", now)

    def run(world: World, arguments: list[str]) -> tuple[int, str]:
        monkeypatch.setattr(Session, "cluster", world)
        environment = {"COLUMNS": "200", "NO_COLOR": "1"}
        try:
            done = CliRunner().invoke(app, arguments, env=environment)
        except Killed:
            return 137, ""
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done.exit_code, done.output

    return run

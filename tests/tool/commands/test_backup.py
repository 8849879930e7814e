"""`run-backup` after its Job: what it shows of the backups that were made."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from typer.testing import CliRunner

from pgkeep.cli import app
from pgkeep.commands import backup
from pgkeep.kube.jobs import JobResult, job_from_cronjob
from pgkeep.kube.objects import JsonObject
from tests.tool.catalog.test_answers import DISK, GOOD, answer, show_lines
from tests.tool.objects import cronjob
from tests.tool.stand_ins import Cluster, Console, job_result

APP = GOOD.replace("\tshop\t", "\tapp\t").replace("-020000", "-020001").replace("00:00Z", "00:01Z")
EARLIER = GOOD.replace("20261123", "20261122").replace("2026-11-23", "2026-11-22")


def run_backup(monkeypatch: pytest.MonkeyPatch, databases: str) -> tuple[int, str]:
    class Follower:
        def __init__(self, *_: object, **__: object) -> None:
            pass

        def run(self) -> JobResult:
            return replace(job_result(["✓ done"]), started=datetime(2026, 11, 23, 2, tzinfo=UTC))

    def found(*_: object) -> JsonObject:
        made = cronjob()
        job = job_from_cronjob(made, environment={"DATABASE_NAMES": databases})
        return {**made, "spec": {"jobTemplate": {"spec": job["spec"]}}}

    monkeypatch.setattr(backup, "find_cronjob", found)
    monkeypatch.setattr(backup, "JobFollower", Follower)
    result = CliRunner().invoke(app, ["run-backup"], env={"COLUMNS": "200", "NO_COLOR": "1"})
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.exit_code, result.output


def test_of_one_database_the_backup_is_shown_in_detail(
    cluster: Cluster, asked: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked.give("show latest", *show_lines(database="shop"))
    code, text = run_backup(monkeypatch, "shop")
    assert code == 0
    assert "Kept       one of the newest 7" in text
    assert "suspicious" not in text
    assert len(cluster.created) == 1


def test_a_new_backup_that_is_suspicious_is_warned_of_at_once(
    asked: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked.give("show latest", *show_lines(flags="suspicious", suspicion="rows fell to 12"))
    code, text = run_backup(monkeypatch, "shop")
    assert code == 0
    assert "rows fell to 12" in text
    assert "pgkeep acknowledge backup-20261123-020000" in text


def test_of_several_databases_each_new_backup_is_shown_and_no_older_one(
    asked: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked.give("list latest", *answer(GOOD, APP, EARLIER, DISK))
    code, text = run_backup(monkeypatch, "shop\napp")
    assert code == 0
    assert "backup-20261123-020000" in text
    assert "backup-20261123-020001" in text
    assert "backup-20261122-020000" not in text

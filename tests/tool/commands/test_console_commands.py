"""The commands that ask the console, from the command line to the Job and from its answer back."""

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from pgkeep.catalog import console
from pgkeep.cli import app
from pgkeep.commands import retention
from pgkeep.errors import AnswerError
from pgkeep.kube.jobs import JobResult, variable
from pgkeep.kube.objects import JsonObject
from pgkeep.session.session import Session
from tests.tool.catalog.test_answers import DELETE, DISK, GOOD, KEEP, answer, pruned, show_lines
from tests.tool.objects import cronjob
from tests.tool.stand_ins import Cluster, Console, job_result

SUSPICIOUS = GOOD.replace("pinned,in-use", "suspicious")


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody who could be asked."""

    def nothing(_what: str, _command: str) -> None:
        return

    monkeypatch.setattr(retention, "require_terminal", nothing)


def call(*arguments: str, typed: str = "") -> tuple[int, str]:
    environment = {"COLUMNS": "200", "NO_COLOR": "1"}
    result = CliRunner().invoke(app, list(arguments), input=typed, env=environment)
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.exit_code, result.output


def plan(asked: Console) -> None:
    asked.give("prune dry_run=True", *pruned(KEEP, DELETE))


def test_a_dry_run_shows_the_plan_and_asks_for_nothing_more(asked: Console) -> None:
    plan(asked)
    code, text = call("prune", "--dry-run")
    assert code == 0
    assert "older than 30 days" in text
    assert "To be deleted: 1 of 2 backups." in text
    assert asked.asked == ["prune dry_run=True"]


def test_a_dry_run_stays_one_whatever_else_is_said(asked: Console) -> None:
    plan(asked)
    assert call("prune", "--yes", "--dry-run")[0] == 0
    assert call("prune", "--yes", "--dry-run", "--json")[0] == 0
    assert set(asked.asked) == {"prune dry_run=True"}


def test_pruning_shows_the_plan_asks_and_shows_what_was_done(
    asked: Console, terminal: None
) -> None:
    del terminal
    plan(asked)
    asked.give("prune dry_run=False", *pruned(KEEP, DELETE, result="#result done 1"))
    code, text = call("prune", typed="yes\n")
    assert code == 0
    assert text.index("To be deleted: 1 of 2") < text.index("Type yes to delete 1 backup")
    assert text.index("Type yes") < text.index("Deleted 1 backup, kept 1.")
    assert text.count("backup-20260901-020000") == 2, "in the plan, and in what was done"
    assert asked.asked == ["prune dry_run=True", "prune dry_run=False"]


@pytest.mark.parametrize("typed", ["no\n", "y\n", ""])
def test_without_a_yes_nothing_is_deleted(asked: Console, terminal: None, typed: str) -> None:
    del terminal
    plan(asked)
    code, text = call("prune", typed=typed)
    assert code == 3
    assert "Nothing was changed." in text
    assert asked.asked == ["prune dry_run=True"]


def test_with_yes_nobody_is_asked_and_the_plan_is_shown_all_the_same(asked: Console) -> None:
    plan(asked)
    asked.give("prune dry_run=False", *pruned(KEEP, DELETE, result="#result done 1"))
    code, text = call("prune", "--yes")
    assert code == 0
    assert "Type" not in text
    assert text.index("To be deleted: 1 of 2") < text.index("Deleted 1 backup")


def test_where_nothing_is_to_go_nobody_is_asked_and_nothing_runs(
    asked: Console, terminal: None
) -> None:
    del terminal
    asked.give("prune dry_run=True", *pruned(KEEP, result="#result dry-run 0"))
    code, text = call("prune")
    assert code == 0
    assert "Nothing is to be deleted of 1 backup." in text
    assert asked.asked == ["prune dry_run=True"]


def test_what_was_done_is_the_runs_own_answer_and_not_the_plan(asked: Console) -> None:
    plan(asked)
    kept = DELETE.replace("delete", "keep", 1).replace("older than 30 days", "in use")
    asked.give("prune dry_run=False", *pruned(KEEP, kept, result="#result done 0"))
    code, text = call("prune", "--yes")
    assert code == 0
    assert "backup-20260901-020000 was not to go any more: in use." in text
    assert "Deleted 0 backups, kept 2." in text


def test_pruning_in_json_is_one_document_of_what_was_done(asked: Console) -> None:
    asked.give("prune dry_run=False", *pruned(KEEP, DELETE, result="#result done 1"))
    code, text = call("prune", "--json", "--yes")
    assert code == 0
    document: dict[str, Any] = json.loads(text)
    assert (document["dryRun"], document["deleted"]) == (False, 1)
    assert asked.asked == ["prune dry_run=False"]


def test_a_pruning_that_fails_says_why(asked: Console) -> None:
    plan(asked)
    asked.give(
        "prune dry_run=False",
        *pruned(KEEP, DELETE)[:-1],
        "ERROR: another run works on the volume",
        "CAUSE: the lock is held by backup in pod x",
        "CURE: wait",
        succeeded=False,
    )
    code, text = call("prune", "--yes")
    assert code == 1
    assert "The backups were not pruned: another run works on the volume" in text
    assert "Cause: the lock is held by backup in pod x" in text
    assert "Deleted" not in text


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("pin", "backup-20261123-020000"),
        ("pin", "latest"),
        ("unpin", "backup-20261123-020000"),
        ("acknowledge", "backup-20261123-020000"),
    ],
)
def test_what_the_console_notes_is_shown_in_its_words(
    asked: Console, command: str, name: str
) -> None:
    asked.give(f"{command} {name}", "✓ backup-20261123-020000 is what you wanted")
    code, text = call(command, name)
    assert (code, text) == (0, "✓ backup-20261123-020000 is what you wanted\n")
    assert asked.asked == [f"{command} {name}"]


@pytest.mark.parametrize("command", ["unpin", "acknowledge"])
@pytest.mark.parametrize("name", ["latest", "all"])
def test_only_the_name_of_a_backup_will_do(asked: Console, command: str, name: str) -> None:
    code, text = call(command, name)
    assert code == 2
    assert f"pgkeep {command} takes the name of a backup, not {name}." in text
    assert asked.asked == []


@pytest.mark.parametrize("command", ["pin", "unpin", "acknowledge"])
def test_an_unknown_backup_is_told_with_those_there_are(asked: Console, command: str) -> None:
    asked.give(f"{command} backup-1", "ERROR: there is no backup", succeeded=False)
    asked.give("list latest", *answer(GOOD, DISK))
    code, text = call(command, "backup-1")
    assert code == 5
    assert "There is no backup backup-1." in text
    assert "There are: backup-20261123-020000." in text


def test_a_note_that_cannot_be_made_says_why(asked: Console) -> None:
    name = "backup-20261123-020000"
    asked.give(
        f"acknowledge {name}",
        f"ERROR: {name} is not suspicious",
        "CAUSE: there is nothing to acknowledge",
        "CURE: pgkeep list-backups shows the suspicious ones",
        succeeded=False,
    )
    asked.give("list latest", *answer(GOOD, DISK))
    code, text = call("acknowledge", name)
    assert code == 1
    assert f"pgkeep acknowledge {name} failed: {name} is not suspicious" in text
    assert "Cure:  pgkeep list-backups shows the suspicious ones" in text


def test_a_failed_command_on_a_path_does_not_deny_the_backup(asked: Console) -> None:
    path = "/backups/backup-20261123-020000"
    asked.give(f"verify {path}", "ERROR: 1 of 1 backups are damaged", succeeded=False)
    asked.give("list latest", *answer(GOOD, DISK))
    code, text = call("verify", path)
    assert code == 1
    assert "1 of 1 backups are damaged" in text


def test_the_list_warns_under_the_table(asked: Console) -> None:
    damaged = GOOD.replace("verified", "damaged").replace("20261123", "20261122")
    asked.give("list latest", *answer(SUSPICIOUS, damaged, DISK))
    code, text = call("list-backups", "--namespace", "shop")
    assert code == 0
    below = text[text.index("Disk:") :]
    assert "pgkeep verify backup-20261122-020000 --namespace shop" in below
    assert "pgkeep acknowledge backup-20261123-020000 --namespace shop" in below


def test_the_list_in_json_has_no_warnings_among_it(asked: Console) -> None:
    asked.give("list latest", *answer(SUSPICIOUS, DISK))
    code, text = call("list-backups", "--json")
    assert code == 0
    document: dict[str, Any] = json.loads(text)
    assert document["backups"][0]["flags"] == ["suspicious"]


def test_show_tells_the_suspicion(asked: Console) -> None:
    asked.give("show latest", *show_lines(flags="suspicious", suspicion="rows fell to 12"))
    assert "rows fell to 12" in call("show", "latest")[1]
    document: dict[str, Any] = json.loads(call("show", "latest", "--json")[1])
    assert document["backup"]["suspicion"] == "rows fell to 12"


# What reaches the console's pod.


@pytest.fixture
def jobs(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> list[JsonObject]:
    """The Jobs that are created; each ends at once without a word."""

    class Follower:
        def __init__(self, *_: object, **__: object) -> None:
            pass

        def run(self) -> JobResult:
            return job_result([])

    def found(_cluster: object, _component: str) -> JsonObject:
        return cronjob()

    def removed(_cluster: object, _name: str) -> None:
        return

    monkeypatch.setattr(console, "find_cronjob", found)
    monkeypatch.setattr(console, "JobFollower", Follower)
    monkeypatch.setattr(console, "remove_job", removed)
    return cluster.created


def environment(job: JsonObject) -> dict[str, str]:
    names = ("CONSOLE_COMMAND", "CONSOLE_BACKUP", "CONSOLE_OUTPUT", "CONSOLE_DRY_RUN")
    return {name: variable(job, name) for name in names}


@pytest.mark.parametrize("command", ["list", "show", "verify", "prune", "pin"])
def test_no_command_deletes_unless_it_is_told_to(jobs: list[JsonObject], command: str) -> None:
    console.run_console(Session(), command)
    assert environment(jobs[0])["CONSOLE_DRY_RUN"] == "true"


def test_a_real_pruning_says_so_in_its_job(jobs: list[JsonObject]) -> None:
    with pytest.raises(AnswerError):
        console.read_prune(Session(), dry_run=False)
    assert environment(jobs[0]) == {
        "CONSOLE_COMMAND": "prune",
        "CONSOLE_BACKUP": "latest",
        "CONSOLE_OUTPUT": "tsv",
        "CONSOLE_DRY_RUN": "false",
    }


def test_a_pin_names_its_backup_in_its_job(jobs: list[JsonObject]) -> None:
    console.mark(Session(), "pin", "backup-20261123-020000")
    assert environment(jobs[0]) == {
        "CONSOLE_COMMAND": "pin",
        "CONSOLE_BACKUP": "backup-20261123-020000",
        "CONSOLE_OUTPUT": "text",
        "CONSOLE_DRY_RUN": "true",
    }

"""`run-restore` up to its question: which backup, into which database, and what is said of both."""

from collections.abc import Callable

import pytest
from typer.testing import CliRunner

from pgkeep.backups import parse_show
from pgkeep.cli import app
from pgkeep.commands import restore
from pgkeep.errors import NotFoundError
from pgkeep.objects import JsonObject
from pgkeep.targets import target_database
from tests.tool.objects import cronjob
from tests.tool.stand_ins import Cluster, Console
from tests.tool.test_backups import DISK, GOOD, answer, show_lines

NAME = "backup-20261123-020000"
APP = GOOD.replace("\tshop\t", "\tapp\t").replace("-020000", "-010000").replace("T02:", "T01:")

Begin = Callable[[str, str], tuple[int, str]]


def test_a_stack_of_one_database_takes_any_backup_into_that_one() -> None:
    assert target_database(parse_show(show_lines(database="app")), ["shop"]) == "shop"
    assert target_database(parse_show(show_lines(database="-")), ["shop"]) == "shop"


def test_of_several_databases_the_backups_own_is_restored() -> None:
    assert target_database(parse_show(show_lines(database="app")), ["shop", "app"]) == "app"


@pytest.mark.parametrize(
    ("database", "words"),
    [("crm", "is of database crm, which"), ("-", "is of an unknown database, which")],
)
def test_a_backup_of_none_of_several_databases_is_refused(database: str, words: str) -> None:
    with pytest.raises(NotFoundError) as caught:
        target_database(parse_show(show_lines(database=database)), ["shop", "app"])
    assert words in caught.value.message
    assert "Nothing was changed" in caught.value.message
    assert "shop, app" in caught.value.cause


@pytest.fixture
def begin(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> Begin:
    """Begins a restore in a stack of given databases, and answers its question with no."""

    def nothing(*_: object) -> list[JsonObject]:
        return []

    def run(databases: str, wanted: str) -> tuple[int, str]:
        def found(*_: object) -> JsonObject:
            made = cronjob()
            [container] = made["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
            container["env"] = [
                {"name": "DATABASE_NAMES", "value": databases},
                {"name": "DATABASE_HOST", "value": "db"},
            ]
            return made

        monkeypatch.setattr(restore, "find_cronjob", found)
        environment = {"COLUMNS": "200", "NO_COLOR": "1"}
        result = CliRunner().invoke(app, ["run-restore", wanted], input="no\n", env=environment)
        assert result.exception is None or isinstance(result.exception, SystemExit)
        assert cluster.created == [], "nothing may begin without a yes"
        return result.exit_code, result.output

    monkeypatch.setattr(restore, "component_jobs", nothing)
    monkeypatch.setattr(restore, "require_terminal", nothing)
    return run


def test_the_database_is_shown_as_the_stack_calls_it(asked: Console, begin: Begin) -> None:
    asked.give(f"show {NAME}", *show_lines(database="a$b"))
    code, text = begin("a$$b", NAME)
    assert code == 3
    assert "Into       a$b on db (namespace shop) " in text
    assert "THE BACKUP IS" not in text


def test_of_several_databases_that_of_the_backup_is_shown(asked: Console, begin: Begin) -> None:
    asked.give(f"show {NAME}", *show_lines(database="app"))
    code, text = begin("shop\napp", NAME)
    assert code == 3
    assert "Into       app on db (namespace shop) " in text
    assert "THE BACKUP IS" not in text


def test_a_backup_that_fits_none_of_them_is_refused_before_the_question(
    asked: Console, begin: Begin
) -> None:
    asked.give(f"show {NAME}", *show_lines(database="crm"))
    code, text = begin("shop\napp", NAME)
    assert code == 5
    assert "is of database crm, which this stack does not have" in text
    assert "Type" not in text


def test_the_backup_of_another_database_is_said_to_be_one(asked: Console, begin: Begin) -> None:
    asked.give(f"show {NAME}", *show_lines(database="app"))
    code, text = begin("shop", NAME)
    assert code == 3
    assert "shop on db (namespace shop); THE BACKUP IS OF DATABASE app" in text


def test_a_suspicious_backup_is_said_to_be_one_before_the_question(
    asked: Console, begin: Begin
) -> None:
    asked.give(
        f"show {NAME}",
        *show_lines(database="shop", flags="suspicious", suspicion="rows fell to 12"),
    )
    code, text = begin("shop", NAME)
    assert code == 3
    assert text.index("THIS BACKUP IS SUSPICIOUS: rows fell to 12.") < text.index("Type yes")


def test_a_damaged_backup_is_refused_with_what_was_found(asked: Console, begin: Begin) -> None:
    asked.give(f"show {NAME}", *show_lines(status="damaged", damage="globals.sql: another hash"))
    code, text = begin("shop", NAME)
    assert code == 1
    assert f"{NAME} is damaged and will not be restored. Nothing was changed." in text
    assert "globals.sql: another hash" in text
    assert "Type" not in text


def test_latest_is_the_latest_of_the_stacks_own_database(asked: Console, begin: Begin) -> None:
    newest_of_all = show_lines(name="backup-20261123-030000", database="app")
    asked.give("show latest", *newest_of_all)
    other = APP.replace("-010000", "-030000").replace("T01:", "T03:")
    asked.give("list latest", *answer(other, GOOD, DISK))
    asked.give(f"show {NAME}", *show_lines(database="shop"))
    code, text = begin("shop", "latest")
    assert code == 3
    assert f"Backup     {NAME}" in text


def test_latest_is_none_where_only_other_databases_have_backups(
    asked: Console, begin: Begin
) -> None:
    asked.give("show latest", *show_lines(database="app"))
    asked.give("list latest", *answer(APP, DISK))
    code, text = begin("shop", "latest")
    assert code == 5
    assert "There is no verified backup of database shop. Nothing was changed." in text


def test_latest_is_not_chosen_among_several_databases(asked: Console, begin: Begin) -> None:
    asked.give("list latest", *answer(APP, GOOD, DISK))
    code, text = begin("shop\napp\ncrm", "latest")
    assert code == 2
    assert "latest is not one backup here: this stack backs up 3 databases." in text
    assert (
        f"The newest verified ones: {NAME} of shop, backup-20261123-010000 of app, none of crm."
        in text
    )

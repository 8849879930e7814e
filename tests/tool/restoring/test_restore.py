"""`run-restore` up to its question: which backup, into which database, and what is said of both."""

from collections.abc import Callable

import pytest
from typer.testing import CliRunner

from pgkeep.catalog.answers import parse_show
from pgkeep.cli import app
from pgkeep.commands import restore as command
from pgkeep.errors import NotFoundError
from pgkeep.kube.objects import JsonObject
from pgkeep.restoring import task, workflow
from pgkeep.restoring.choice import target_database
from pgkeep.restoring.request import RestoreRequest, Server, same_host
from tests.tool.catalog.test_answers import DISK, GOOD, answer, row, show_lines
from tests.tool.objects import cronjob
from tests.tool.stand_ins import Cluster, Console

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
    [("crm", "is of database crm, which"), ("-", "does not say of which database it is")],
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
                {"name": "RESTORE_DATABASE"},
                {"name": "RESTORE_INTO"},
                {"name": "RESTORE_SIDE"},
            ]
            return made

        monkeypatch.setattr(workflow, "find_cronjob", found)
        environment = {"COLUMNS": "200", "NO_COLOR": "1"}
        result = CliRunner().invoke(
            app, ["run-restore", *wanted.split()], input="no\n", env=environment
        )
        assert result.exception is None or isinstance(result.exception, SystemExit)
        assert cluster.created == [], "nothing may begin without a yes"
        return result.exit_code, result.output

    monkeypatch.setattr(task, "component_jobs", nothing)
    monkeypatch.setattr(command, "require_terminal", nothing)
    return run


def test_the_database_is_shown_as_the_stack_calls_it(asked: Console, begin: Begin) -> None:
    asked.give("list latest", *answer(row(database="a$b"), DISK))
    code, text = begin("a$$b", NAME)
    assert code == 3
    assert "Into       a$b on db (namespace shop) " in text
    assert "THE BACKUP IS" not in text


def test_of_several_databases_that_of_the_backup_is_shown(asked: Console, begin: Begin) -> None:
    asked.give("list latest", *answer(row(database="app"), DISK))
    code, text = begin("shop\napp", NAME)
    assert code == 3
    assert "Into       app on db (namespace shop) " in text
    assert "THE BACKUP IS" not in text


def test_a_backup_that_fits_none_of_them_is_refused_before_the_question(
    asked: Console, begin: Begin
) -> None:
    asked.give("list latest", *answer(row(database="crm"), DISK))
    code, text = begin("shop\napp", NAME)
    assert code == 5
    assert "is of database crm, which this stack does not have" in text
    assert "Type" not in text


def test_the_backup_of_another_database_is_said_to_be_one(asked: Console, begin: Begin) -> None:
    asked.give("list latest", *answer(row(database="app"), DISK))
    code, text = begin("shop", NAME)
    assert code == 3
    assert "shop on db (namespace shop); THE BACKUP IS OF DATABASE app" in text


def test_a_suspicious_backup_is_said_to_be_one_before_the_question(
    asked: Console, begin: Begin
) -> None:
    suspicious = row(database="shop", flags="suspicious", suspicion="rows fell to 12")
    asked.give("list latest", *answer(suspicious, DISK))
    code, text = begin("shop", NAME)
    assert code == 3
    assert text.index("THIS BACKUP IS SUSPICIOUS: rows fell to 12.") < text.index("Type yes")


def test_a_damaged_backup_is_refused_with_what_was_found(asked: Console, begin: Begin) -> None:
    asked.give(
        "list latest", *answer(row(status="damaged", damage="globals.sql: another hash"), DISK)
    )
    code, text = begin("shop", NAME)
    assert code == 1
    assert f"{NAME} is damaged and will not be restored. Nothing was changed." in text
    assert "globals.sql: another hash" in text
    assert "Type" not in text


def test_latest_is_the_latest_of_the_stacks_own_database(asked: Console, begin: Begin) -> None:
    other = APP.replace("-010000", "-030000").replace("T01:", "T03:")
    asked.give("list latest", *answer(other, GOOD, DISK))
    code, text = begin("shop", "latest")
    assert code == 3
    assert f"Backup     {NAME}" in text
    assert "Not taken" not in text, "another database's backups are none that could be meant"


def test_latest_is_none_where_only_other_databases_have_backups(
    asked: Console, begin: Begin
) -> None:
    asked.give("list latest", *answer(APP, DISK))
    code, text = begin("shop", "latest")
    assert code == 5
    assert "There is no verified backup of database shop. Nothing was changed." in text
    assert "the setting databaseName was changed" in text


def test_latest_is_not_chosen_among_several_databases(asked: Console, begin: Begin) -> None:
    asked.give("list latest", *answer(APP, GOOD, DISK))
    code, text = begin("shop\napp\ncrm", "latest")
    assert code == 2
    assert "latest is not one backup here: this stack backs up 3 databases." in text
    assert (
        f"The newest verified ones: {NAME} of shop, backup-20261123-010000 of app, none of crm."
        in text
    )
    assert "add --database NAME" in text


def test_of_several_databases_the_latest_of_the_named_one_is_restored(
    asked: Console, begin: Begin
) -> None:
    asked.give("list latest", *answer(APP, GOOD, DISK))
    code, text = begin("shop\napp", "latest --database app")
    assert code == 3
    assert "Into       app on db (namespace shop) " in text


def test_a_database_that_the_stack_does_not_have_is_refused(asked: Console, begin: Begin) -> None:
    code, text = begin("shop\napp", "latest --database crm")
    assert code == 2
    assert "This stack has no database crm. Nothing was changed." in text
    assert "shop, app" in text
    assert asked.asked == []


def test_a_backup_is_not_restored_into_another_database_that_is_named(
    asked: Console, begin: Begin
) -> None:
    asked.give("list latest", *answer(row(database="app"), DISK))
    code, text = begin("shop\napp", f"{NAME} --database shop")
    assert code == 2
    assert f"{NAME} is of database app, not of shop. Nothing was changed." in text


def test_a_backup_of_a_database_that_was_renamed_goes_into_the_one_that_is_named(
    asked: Console, begin: Begin
) -> None:
    asked.give("list latest", *answer(row(database="crm"), DISK))
    code, text = begin("shop\napp", f"{NAME} --database shop")
    assert code == 3
    assert "Into       shop on db (namespace shop); THE BACKUP IS OF DATABASE crm" in text


@pytest.mark.parametrize("database", ["crm", "-"])
def test_beside_the_live_ones_goes_a_backup_of_whatever_database(
    asked: Console, begin: Begin, database: str
) -> None:
    asked.give("list latest", *answer(row(database=database), DISK))
    code, text = begin("shop\napp", f"{NAME} --into copy")
    assert code == 3
    assert "Into       copy on db" in text
    assert "no database that exists is touched" in text


def test_a_name_that_the_stack_has_is_none_to_restore_beside_it(
    asked: Console, begin: Begin
) -> None:
    code, text = begin("shop\napp", f"{NAME} --into app")
    assert code == 2
    assert "app is a database of this stack" in text
    assert asked.asked == []


def test_a_database_that_the_stack_has_is_none_that_was_prepared(
    asked: Console, begin: Begin
) -> None:
    code, text = begin("shop\napp", f"{NAME} --side shop")
    assert code == 2
    assert "shop is a database of this stack, and none that was prepared to be filled." in text
    assert asked.asked == []


def test_a_file_of_the_older_script_goes_into_the_database_that_is_named(
    asked: Console, begin: Begin
) -> None:
    asked.give("list latest", *answer(row(database="-", status="unverified"), DISK))
    code, text = begin("shop\napp", NAME)
    assert code == 5
    assert "add --database NAME" in text
    code, text = begin("shop\napp", f"{NAME} --database app")
    assert code == 3
    assert "Into       app on db" in text
    assert "unverified" in text


def test_no_backups_at_all_come_with_the_command_that_makes_one(
    asked: Console, begin: Begin
) -> None:
    asked.give("list latest", *answer(DISK))
    code, text = begin("shop", "latest")
    assert code == 5
    assert "No backups yet" in text
    assert "pgkeep run-backup" in text


NEWER = GOOD.replace("-020000", "-040000").replace("T02:", "T04:")


def test_latest_never_falls_back_without_a_word(asked: Console, begin: Begin) -> None:
    safety = NEWER.replace("pinned,in-use", "safety,pinned").replace("-040000", "-050000")
    damaged = NEWER.replace("verified", "damaged")
    asked.give("list latest", *answer(safety, damaged, GOOD, DISK))
    code, text = begin("shop", "latest")
    assert code == 3
    question = text.index("Type yes")
    assert "backup-20261123-040000: damaged" in text[:question]
    assert "backup-20261123-050000: a safety backup" in text[:question]


def test_only_damaged_and_safety_backups_are_no_latest_one(asked: Console, begin: Begin) -> None:
    safety = GOOD.replace("pinned,in-use", "safety,pinned")
    damaged = NEWER.replace("verified", "damaged")
    asked.give("list latest", *answer(damaged, safety, DISK))
    code, text = begin("shop", "latest")
    assert code == 5
    assert "There is no verified backup of database shop." in text
    assert f"backup-20261123-040000 is damaged; {NAME} is a safety backup" in text


def test_one_pod_answers_all_that_is_shown_before_the_question(
    asked: Console, begin: Begin
) -> None:
    asked.give("list latest", *answer(row(database="shop", database_bytes="9000"), DISK))
    for wanted in (NAME, "latest", "--at 2026-11-23T04:30Z"):
        code, text = begin("shop", wanted)
        assert code == 3
        assert "(the database had 8.8 KiB)" in text
    assert asked.asked == ["list latest"] * 3


def test_a_name_that_no_backup_has_is_refused_with_those_there_are(
    asked: Console, begin: Begin
) -> None:
    asked.give("list latest", *answer(GOOD, DISK))
    code, text = begin("shop", "backup-20261123-010000")
    assert code == 5
    assert "There is no backup backup-20261123-010000." in text
    assert f"There are: {NAME}." in text


def test_a_time_takes_the_newest_backup_at_or_before_it(asked: Console, begin: Begin) -> None:
    asked.give("list latest", *answer(NEWER, GOOD, DISK))
    code, text = begin("shop", "--at 2026-11-23T04:30+01:00")
    assert code == 3
    asked_for = "Asked for  2026-11-23 03:30:00 UTC; this backup is 1 h 30 min older"
    question = text.index("Type yes")
    assert f"Backup     {NAME}" in text[:question]
    assert asked_for in text[:question]
    assert "Lost       everything written since 2026-11-23 02:00:00 UTC" in text[:question]
    assert "-040000" not in text, "it is newer than what was asked for, not passed over"


def test_a_time_before_all_backups_names_the_oldest(asked: Console, begin: Begin) -> None:
    asked.give("list latest", *answer(NEWER, GOOD, DISK))
    code, text = begin("shop", "--at 2026-11-23T01:30Z")
    assert code == 5
    assert "no verified backup of database shop at or before 2026-11-23 01:30:00 UTC" in text
    assert f"The oldest one of it is {NAME}." in text


# What makes no sense is refused before the cluster is asked anything.


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("--yes", "in one way"),
        (f"{NAME} --at 2026-11-20T14:00Z", "in one way"),
        ("--at yesterday", "'yesterday' is no time for --at"),
        ("--at 2026-11-20T14:00", "does not say in which time zone"),
        ("--at 2026-11-20", "does not say in which time zone"),
        ("--at 2999-01-01T00:00Z", "is still to come"),
        ("latest --table orders", "'orders' is no table for --table"),
        ("latest --table a.b.c", "is no table"),
        ('latest --table public."a', "is no table"),
        ("latest --schema a.b", "'a.b' is no schema for --schema"),
        ("latest --into copy --table public.a", "--into does not go with --table"),
        ("latest --into copy --skip-safety-backup", "does not go with --into"),
        ("latest --dry-run --skip-safety-backup", "does not go with --into"),
        ("latest --table public.a --skip-safety-backup", "does not go with --into"),
        (f"latest --into {'x' * 64}", "is no name for --into"),
        ("latest --host dä", "is no value for --host"),
        ("latest --secret dä", "is no value for --secret"),
        ("latest --into postgres", "belongs to the server itself"),
        ("latest --side template1", "belongs to the server itself"),
        (f"latest --side {'x' * 64}", "is no name for --side"),
        ("latest --side ready --into copy", "--side does not go with --into"),
        ("latest --side ready --table public.a", "--side does not go with --into, --table"),
        ("latest --side ready --schema old", "--side does not go with"),
        ("latest --side ready --dry-run", "--side does not go with"),
        ("--resume --side ready", "nothing else can be said with it"),
        ("latest --resume", "nothing else can be said with it"),
        ("--resume --into copy", "nothing else can be said with it"),
        ("--resume --secret x", "nothing else can be said with it"),
    ],
)
def test_nonsense_is_refused_with_what_is_allowed(
    asked: Console, arguments: str, words: str
) -> None:
    given = ["run-restore", *arguments.split()]
    result = CliRunner().invoke(app, given, env={"COLUMNS": "200"})
    assert result.exit_code == 2
    assert words in result.output
    assert asked.asked == []


# What the Job is told.

REQUEST = RestoreRequest(name="latest")


def test_only_what_was_asked_for_differs_from_the_template() -> None:
    assert REQUEST.environment(NAME, "") == {"RESTORE_BACKUP": NAME}


def test_what_was_asked_for_reaches_the_job() -> None:
    request = RestoreRequest(
        name=NAME,
        into="copy",
        server=Server(host="other", port=5433, secret="admin"),
        dry_run=True,
        allow_superuser_objects=True,
        safety_backup=False,
    )
    assert request.environment(NAME, "shop") == {
        "RESTORE_BACKUP": NAME,
        "RESTORE_DATABASE": "shop",
        "RESTORE_INTO": "copy",
        "RESTORE_DRY_RUN": "true",
        "RESTORE_ALLOW_SUPERUSER_OBJECTS": "true",
        "RESTORE_SAFETY_BACKUP": "false",
        "DATABASE_HOST": "other",
        "DATABASE_PORT": "5433",
        "DATABASE_SECRET": "admin",
    }


def test_tables_and_schemas_are_one_a_line_as_they_were_written() -> None:
    request = RestoreRequest(
        name=NAME, tables=("public.Orders", 'public."Orders"'), schemas=('"Old"', "sales")
    )
    environment = request.environment(NAME, "")
    assert environment["RESTORE_TABLES"] == 'public.Orders\npublic."Orders"'
    assert environment["RESTORE_SCHEMAS"] == '"Old"\nsales'
    assert request.parts == (
        "table public.orders",
        'table public."Orders"',
        'schema "Old"',
        "schema sales",
    ), "shown as the server reads them"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("postgres", "postgres", True),
        ("postgres", "POSTGRES.", True),
        ("postgres", "postgres.shop", True),
        ("postgres.shop.svc.cluster.local", "postgres", True),
        ("postgres.shop.svc", "postgres.shop", True),
        ("postgres.other", "postgres", False),
        ("postgres.other.svc", "postgres.shop.svc", False),
        ("10.0.0.1", "10.0.0.2", False),
    ],
)
def test_a_service_has_several_names_and_stays_the_same_server(
    one: str, other: str, same: bool
) -> None:
    assert same_host(one, other, "shop") is same

"""A restore, its undo and a drop from the question to the summary, on a cluster in memory."""

from types import ModuleType
from typing import Any

import pytest

from pgkeep.commands import restore as command
from pgkeep.kube import client as api
from pgkeep.kube.client import Resource
from pgkeep.kube.objects import JsonObject, section
from pgkeep.restoring import drop, restore, undo
from pgkeep.restoring.database_volume import Room
from tests.tool.world import FOREIGN, Call, World, aside, aside_lines, stack, workload

NAME = "backup-20261123-020000"
RUNNING = {"web": (2, None), "queue": (1, None)}
LOG = (
    "Summary",
    f"  database      shop holds backup {NAME}",
    "  duration      61 s",
    "  aside         the old database, as shop_before_20261123_045900",
    "  safety        backup-20261123-045901, pinned",
    "",
    "To undo (as a superuser or the owner, in database postgres; stop the applications first)",
    "    ALTER DATABASE shop ALLOW_CONNECTIONS false;",
)


def changes(world: World) -> list[str]:
    """What was changed, in its order."""
    return [one for one in world.requests if one.split()[0] in ("create", "patch", "delete")]


def mounted(job: JsonObject) -> str:
    [volume] = section(job, "spec", "template", "spec")["volumes"]
    return str(volume["secret"]["secretName"])


def test_a_restore_stops_restores_starts_and_says_what_took_how_long(call: Call) -> None:
    world = stack()
    world.log_lines = LOG
    code, text = call(world, ["run-restore", NAME, "--yes"])
    assert code == 0, text
    assert changes(world) == [
        "patch deployment/web",
        "patch statefulset/queue",
        "create job",
        "patch deployment/web",
        "patch statefulset/queue",
    ]
    assert world.applications == RUNNING
    [job] = world.jobs
    assert world.told(job) == {"RESTORE_BACKUP": NAME}
    assert mounted(job) == "postgres"
    end = text[text.index(f"✓ Restored {NAME}.") :]
    for step in ("stop the applications", "restore", "start the applications", "total"):
        assert f"  {step} " in end
    assert "Put aside: the old database, as shop_before_20261123_045900." in end
    assert "Safety backup: backup-20261123-045901, pinned." in end
    assert end.splitlines()[-1] == "To undo it: pgkeep undo-restore"


def test_what_the_kubelet_says_is_free_reaches_the_restore(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def room(_cluster: object, claim: str) -> Room:
        asked.append(claim)
        return Room(free=4711, capacity=9000)

    monkeypatch.setattr(restore, "room", room)
    world = stack(RESTORE_DATABASE_VOLUME="data-postgres-0")
    code, text = call(world, ["run-restore", NAME, "--yes"])
    assert code == 0, text
    assert asked == ["data-postgres-0"]
    assert world.told(world.jobs[0]) == {"RESTORE_BACKUP": NAME, "RESTORE_FREE_BYTES": "4711"}
    assert "4.6 KiB free" in text

    code, text = call(stack(), ["run-restore", NAME, "--yes", "--host", "elsewhere"])
    assert code == 0, text
    assert len(asked) == 1, "of another server nothing is known"


def test_a_prepared_database_is_filled_and_takes_the_place_of_the_live_one(call: Call) -> None:
    world = stack()
    world.log_lines = LOG
    code, text = call(world, ["run-restore", NAME, "--side", "shop $ready", "--yes"])
    assert code == 0, text
    assert world.told(world.jobs[0]) == {"RESTORE_BACKUP": NAME, "RESTORE_SIDE": "shop $ready"}
    assert "Filled     shop $ready, an empty database that somebody has prepared" in text
    assert "Lost       everything written since" in text
    assert "patch deployment/web" in changes(world)
    assert world.applications == RUNNING
    assert f"✓ Restored {NAME} into the prepared database shop $ready. The log's end says" in text
    assert text.splitlines()[-1] == "To undo it: pgkeep undo-restore"


def test_a_prepared_database_that_could_not_take_the_name_leaves_nothing_to_undo(
    call: Call,
) -> None:
    world = stack()
    world.log_lines = ("Summary", f"  database      ready holds backup {NAME}", "", "To swap:")
    code, text = call(world, ["run-restore", NAME, "--side", "ready", "--yes"])
    assert code == 0, text
    assert "undo-restore" not in text.split("✓ Restored")[1]


def test_where_nothing_was_replaced_no_undo_is_offered(call: Call) -> None:
    world = stack()
    world.log_lines = ("Summary", "  database      shop holds it", "  There was none before.")
    assert "undo-restore\n" not in call(world, ["run-restore", NAME, "--yes"])[1].split("✓")[-1]


def test_of_several_databases_the_undo_names_the_one(call: Call) -> None:
    world = stack(DATABASE_NAMES="shop\nmy shop")
    code, text = call(world, ["run-restore", NAME, "--yes", "-n", "shop"])
    assert code == 0
    assert world.told(world.jobs[0])["RESTORE_DATABASE"] == "shop"
    assert "To undo it: pgkeep undo-restore --database shop --namespace shop" in text


@pytest.mark.parametrize(
    ("options", "told", "words"),
    [
        (
            ["--dry-run"],
            {"RESTORE_DRY_RUN": "true"},
            f"✓ {NAME} can be restored. Nothing live was changed.",
        ),
        (
            ["--into", "a$b $(HOME)", "--yes"],
            {"RESTORE_INTO": "a$b $(HOME)"},
            f"✓ Restored {NAME} as database a$b $(HOME).",
        ),
        (
            ["--table", "public.a", "--table", 'x."Y"', "--schema", "old", "--yes"],
            {"RESTORE_TABLES": 'public.a\nx."Y"', "RESTORE_SCHEMAS": "old"},
            f"✓ Restored what was asked for of {NAME}, into schemas of its own",
        ),
        (
            ["--table", "public.a", "--dry-run"],
            {"RESTORE_TABLES": "public.a", "RESTORE_DRY_RUN": "true"},
            f"✓ What was asked for of {NAME} can be restored.",
        ),
        (
            ["--host", "other", "--port", "5433", "--yes"],
            {"DATABASE_HOST": "other", "DATABASE_PORT": "5433"},
            "To undo it: pgkeep undo-restore --host other --port 5433",
        ),
        (
            ["--port", "5433", "--yes"],
            {"DATABASE_PORT": "5433"},
            "To undo it: pgkeep undo-restore --port 5433",
        ),
    ],
)
def test_what_leaves_the_live_database_alone_stops_no_application(
    call: Call, options: list[str], told: dict[str, str], words: str
) -> None:
    world = stack()
    code, text = call(world, ["run-restore", NAME, *options])
    assert code == 0, text
    assert changes(world) == ["create job"]
    assert world.told(world.jobs[0]) == {"RESTORE_BACKUP": NAME, **told}
    assert words in text
    assert " touched, and no application is stopped" in text
    assert "Lost " not in text


def test_another_server_has_another_secret(call: Call) -> None:
    world = stack()
    code, text = call(world, ["run-restore", NAME, "--host", "other", "--secret", "its", "--yes"])
    assert code == 0
    [job] = world.jobs
    assert mounted(job) == "its"
    assert world.told(job)["DATABASE_SECRET"] == "its"
    assert "ANOTHER SERVER" in text
    assert f"✓ Restored {NAME} on other." in text
    assert changes(world) == ["create job"]


@pytest.mark.parametrize(
    "options",
    [
        ["--secret", "admin"],
        ["--host", "postgres.shop.svc.cluster.local"],
        ["--host", "postgres", "--port", "5432"],
        ["--allow-superuser-objects", "--skip-safety-backup"],
    ],
)
def test_what_replaces_the_live_database_stops_the_applications_whatever_is_said_with_it(
    call: Call, options: list[str]
) -> None:
    world = stack()
    code, text = call(world, ["run-restore", NAME, *options, "--yes"])
    assert code == 0
    assert "ANOTHER SERVER" not in text
    assert "patch deployment/web" in changes(world)
    assert world.applications == RUNNING


@pytest.mark.parametrize(
    ("arguments", "missing"),
    [
        (["run-restore", NAME, "--dry-run"], "RESTORE_DRY_RUN"),
        (["run-restore", NAME, "--into", "copy", "--yes"], "RESTORE_INTO"),
        (["run-restore", NAME, "--side", "ready", "--yes"], "RESTORE_SIDE"),
        (["undo-restore", "--yes"], "RESTORE_ACTION"),
        (["drop-aside", "--all", "--yes"], "RESTORE_ACTION, RESTORE_DROP"),
        (["drop-aside"], "RESTORE_ACTION, RESTORE_OUTPUT"),
    ],
)
def test_an_older_stack_that_would_replace_the_database_instead_is_refused(
    call: Call, arguments: list[str], missing: str
) -> None:
    world = stack()
    cronjob = world.one(api.CRONJOBS, "postgres-restore")
    template = section(cronjob, "spec", "jobTemplate", "spec", "template", "spec")
    [container] = template["containers"]
    kept = ("RESTORE_BACKUP", "RESTORE_APPLICATIONS")
    container["env"] = [
        one
        for one in container["env"]
        if one["name"] in kept or not one["name"].startswith("RESTORE_")
    ]
    code, text = call(world, arguments)
    assert code == 1
    assert "The stack is older than this tool and cannot do that. Nothing was changed." in text
    assert f"has no {missing}." in text
    assert changes(world) == []
    assert call(world, ["run-restore", NAME, "--yes"])[0] == 0, "what it can do is done"


def test_a_dry_run_tells_of_applications_that_are_stopped_from_before(call: Call) -> None:
    world = stack()
    note = {"metadata": {"annotations": {"pgkeep.dev/replicas-before-restore": "2"}}}
    world.patch(api.DEPLOYMENTS, "web", {**note, "spec": {"replicas": 0}})
    code, text = call(world, ["run-restore", NAME, "--dry-run"])
    assert code == 0
    assert "deployment/web is stopped by an earlier run; this run leaves it so." in text
    assert "To start it without another restore: pgkeep resume" in text
    assert world.applications["web"] == (0, "2")


def test_an_application_that_somebody_starts_meanwhile_is_told(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = stack()
    run_job = world.run_job

    def meddle(name: str, **options: Any) -> None:
        workload(world, api.DEPLOYMENTS, "web", 1)
        run_job(name, **options)

    monkeypatch.setattr(world, "run_job", meddle)
    code, text = call(world, ["run-restore", NAME, "--yes"])
    assert code == 0
    assert "deployment/web was started by somebody else meanwhile (1 replica)." in text
    assert "statefulset/queue was started" not in text
    assert world.applications == RUNNING


def test_stopping_evicts_and_deletes_nothing_so_that_a_disruption_budget_has_no_say(
    call: Call,
) -> None:
    world = stack()
    assert call(world, ["run-restore", NAME, "--yes"])[0] == 0
    assert {one.split()[0] for one in changes(world)} == {"patch", "create"}
    assert not [one for one in world.requests if "pod/" in one or "evict" in one]


LOOK = ["create job", "delete job/postgres-restore-manual-1"]


def test_undoing_looks_first_and_is_the_same_chain(call: Call) -> None:
    world = stack()
    code, text = call(world, ["undo-restore", "--yes"])
    assert code == 0, text
    assert changes(world) == [
        *LOOK,
        "patch deployment/web",
        "patch statefulset/queue",
        "create job",
        "patch deployment/web",
        "patch statefulset/queue",
    ]
    assert world.told(world.jobs[0]) == {"RESTORE_ACTION": "undo"}
    assert "Back to    shop_before_20261123_045900 (8.8 MiB, put aside 2026-11-23 04:59" in text
    assert "✓ The restore is undone" in text
    assert "  undo " in text[text.index("✓ The restore is undone") :]
    assert world.applications == RUNNING


def test_the_look_can_drop_nothing_whatever_it_is_for(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    for words in ("undo-restore", "drop-aside --all", "undo-restore --host other"):
        world = stack(DATABASE_NAMES="shop\nmy shop")
        made: list[dict[str, str]] = []
        create = world.create

        def remember(resource: Resource, body: JsonObject) -> JsonObject:
            made.append(world.told(body))  # noqa: B023  (called before the next round)
            return create(resource, body)  # noqa: B023

        monkeypatch.setattr(world, "create", remember)
        assert call(world, [*words.split(), "--database", "shop", "--yes"])[0] == 0
        look = {"RESTORE_ACTION": "list-aside", "RESTORE_OUTPUT": "tsv"}
        where = {"DATABASE_HOST": "other"} if "--host" in words else {}
        assert made[0] == {**look, "RESTORE_DATABASE": "shop", **where}
        assert made[1]["RESTORE_ACTION"] in ("undo", "drop-aside")


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ((), "what was put aside has been dropped"),
        ((FOREIGN,), "belongs to another owner than shop does: shop_before_20261123_050000"),
    ],
)
def test_an_undo_that_has_nothing_to_go_back_to_stops_nothing(
    call: Call, rows: tuple[str, ...], words: str
) -> None:
    world = stack()
    world.aside_lines = aside_lines(*rows)
    code, text = call(world, ["undo-restore", "--yes"])
    assert code == 5
    assert "There is nothing to undo: no database of shop is put aside." in text
    assert words in text
    assert changes(world) == LOOK


@pytest.mark.parametrize("arguments", [["undo-restore"], ["drop-aside", "--all"]])
def test_a_list_that_cannot_be_read_is_no_empty_one(call: Call, arguments: list[str]) -> None:
    world = stack()
    world.aside_lines = ("  shop_before_20261123_045900: 8.8 MiB, put aside today",)
    code, text = call(world, [*arguments, "--yes"])
    assert code == 1
    assert "The job's answer cannot be read: the list of what is put aside." in text
    assert "pulumi up" in text
    assert changes(world) == LOOK


def test_what_belongs_to_somebody_else_is_not_what_an_undo_goes_back_to(call: Call) -> None:
    world = stack()
    world.aside_lines = aside_lines(FOREIGN, aside())
    code, text = call(world, ["undo-restore", "--yes"])
    assert code == 0
    assert "Back to    shop_before_20261123_045900" in text


def test_an_undo_whose_server_does_not_answer_stops_nothing(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = stack()
    world.aside_lines = ("ERROR: no connection", "CAUSE: refused", "CURE: start it")
    run_job = world.run_job

    def fail(name: str, **_: Any) -> None:
        run_job(name, succeed=False)

    monkeypatch.setattr(world, "run_job", fail)
    code, text = call(world, ["undo-restore", "--yes"])
    assert code == 1
    assert "What restores have put aside cannot be read after 1 min: no connection" in text
    assert text.splitlines()[-1] == "  Cure:  start it", "the log is gone with the job"
    assert changes(world) == LOOK


def test_a_failed_undo_starts_the_applications(call: Call) -> None:
    world = stack()
    world.succeed = False
    code, text = call(world, ["undo-restore", "--yes"])
    assert code == 1
    assert "The undo failed after" in text
    assert world.applications == RUNNING


OLD = aside("shop_before_20261023_045900", age=31 * 86400, since="2026-10-23T04:59:00Z")
UNDONE = aside("shop_undone_20261122_045900", age=86400, successor="undo", size="-")


@pytest.mark.parametrize(
    ("arguments", "drop", "goes"),
    [
        (["drop-aside", "--all"], "all", ["before_20261123", "undone_20261122", "before_20261023"]),
        (["undo-restore", "--drop-old"], "all", ["before_20261123", "before_20261023"]),
        (["drop-aside", "--older-than-days", "1"], "1", ["before_20261023"]),
        (
            ["drop-aside", "shop_undone_20261122_045900"],
            "shop_undone_20261122_045900",
            ["undone_20261122"],
        ),
    ],
)
def test_dropping_shows_what_goes_and_leaves_the_applications_alone(
    call: Call, arguments: list[str], drop: str, goes: list[str]
) -> None:
    world = stack()
    world.aside_lines = aside_lines(aside(), UNDONE, OLD, FOREIGN)
    code, text = call(world, [*arguments, "--yes"])
    assert code == 0, text
    assert changes(world) == [*LOOK, "create job"]
    assert world.told(world.jobs[0]) == {"RESTORE_ACTION": "drop-aside", "RESTORE_DROP": drop}
    dropped = text[text.index("Dropped ") : text.index("Stays ")]
    assert all(name in dropped for name in goes)
    assert "shop_before_20261123_050000" not in dropped, "it is of another owner"
    assert text.index("Stays ") < text.index("✓ Dropped ")
    back = "goes back to what stays" if drop != "all" else "has nothing to go back to any more"
    assert f"undo-restore {back}" in text


def test_without_a_name_what_is_put_aside_is_listed_and_how_to_drop_it(call: Call) -> None:
    world = stack(DATABASE_NAMES="shop\nmy shop")
    world.aside_lines = aside_lines(FOREIGN, aside(), UNDONE)
    code, text = call(world, ["drop-aside", "--database", "my shop", "--port", "5433"])
    assert code == 0, text
    assert changes(world) == LOOK
    lines = [line.rstrip() for line in text.splitlines()]
    assert "Put aside of my shop on postgres:5433 (namespace shop)" in lines
    assert (
        "shop_before_20261123_045900  8.8 MiB, put aside 2026-11-23 04:59:00 UTC (1 min ago), "
        "replaced by backup-20261123-020000" in lines
    )
    assert any("size not known" in line and "replaced by an undo" in line for line in lines)
    assert 'shop_before_20261123_050000  8.8 MiB, of another owner: "eve"' in lines
    there = "--database 'my shop' --port 5433"
    assert lines[-4:] == [
        f"Back to the newest: pgkeep undo-restore {there}",
        f"Drop one: pgkeep drop-aside NAME {there}",
        f"Drop all: pgkeep drop-aside --all {there}",
        f"Drop by age: pgkeep drop-aside --older-than-days DAYS {there}",
    ]


def test_where_nothing_is_put_aside_the_list_says_so(call: Call) -> None:
    world = stack()
    world.aside_lines = aside_lines()
    code, text = call(world, ["drop-aside"])
    assert code == 0
    assert text.splitlines()[-1] == "Nothing is put aside of shop on postgres (namespace shop)."
    assert changes(world) == LOOK


@pytest.mark.parametrize("rows", [(), (FOREIGN,), (aside(droppable="false"),)])
def test_where_nothing_could_be_dropped_nothing_is_and_nobody_asked(
    call: Call, monkeypatch: pytest.MonkeyPatch, rows: tuple[str, ...]
) -> None:
    monkeypatch.setattr(command, "require_terminal", nothing)
    for arguments in (["drop-aside", "--all"], ["undo-restore", "--drop-old"]):
        world = stack()
        world.aside_lines = aside_lines(*rows)
        code, text = call(world, arguments)
        assert code == 0
        assert "Nothing of shop is put aside that could be dropped." in text
        assert changes(world) == LOOK


def test_where_nothing_is_old_enough_nothing_is_dropped(call: Call) -> None:
    world = stack()
    code, text = call(world, ["drop-aside", "--older-than-days", "30", "--yes"])
    assert code == 0
    assert "that could be dropped and is older than 30 days." in text
    assert changes(world) == LOOK


@pytest.mark.parametrize(
    ("name", "code", "words"),
    [
        ("shop", 5, "shop is no database that a restore of shop has put aside."),
        ("shop_before_20200101_000000", 5, "There are: shop_before_20261123_050000, shop_before"),
        ("shop_before_20261123_050000", 1, "is not for the user of the Secret to drop."),
    ],
)
def test_what_is_not_there_or_of_somebody_else_is_not_dropped(
    call: Call, name: str, code: int, words: str
) -> None:
    world = stack()
    world.aside_lines = aside_lines(FOREIGN, aside())
    ended, text = call(world, ["drop-aside", name, "--yes"])
    assert ended == code
    assert words in text
    assert "Nothing was changed." in text
    assert changes(world) == LOOK


def test_without_a_yes_nothing_is_dropped(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "require_terminal", nothing)
    world = stack()
    code, text = call(world, ["drop-aside", "--all"])
    assert code == 3
    assert "Type yes to drop 1 database" in text
    assert changes(world) == LOOK


def nothing(*_: object) -> None:
    return


def test_of_several_databases_one_has_to_be_named_for_an_undo(call: Call) -> None:
    world = stack(DATABASE_NAMES="shop\nmy shop")
    for words in ("undo-restore", "drop-aside", "drop-aside --all"):
        code, text = call(world, [*words.split(), "--yes"])
        assert code == 2
        assert "This stack has 2 databases. Nothing was changed." in text
        assert f"pgkeep {words.split()[0]} --database shop" in text
    code, text = call(world, ["undo-restore", "--yes", "--database", "crm"])
    assert code == 2
    assert "no database crm" in text
    assert changes(world) == []
    assert call(world, ["undo-restore", "--yes", "--database", "my shop"])[0] == 0
    assert world.told(world.jobs[0]) == {"RESTORE_ACTION": "undo", "RESTORE_DATABASE": "my shop"}


@pytest.mark.parametrize(
    "arguments",
    [["undo-restore", "--yes"], ["run-restore", NAME, "--yes"], ["drop-aside", "--all", "--yes"]],
)
def test_nothing_begins_while_another_one_runs(call: Call, arguments: list[str]) -> None:
    world = stack()
    world.begin_job(RESTORE_ACTION="undo")
    code, text = call(world, arguments)
    assert code == 1
    assert "A restore is running already: job/postgres-restore-by-hand." in text
    assert "It undoes the last restore." in text
    assert changes(world) == []


@pytest.mark.parametrize("module", [restore, undo, drop])
def test_nothing_begins_when_another_one_has_begun_while_the_question_stood(
    call: Call, monkeypatch: pytest.MonkeyPatch, module: ModuleType
) -> None:
    world = stack()

    def meanwhile(*_: object) -> None:
        world.begin_job(RESTORE_BACKUP=NAME)

    def terminal(*_: object) -> None:
        return

    monkeypatch.setattr(module, "confirm", meanwhile)
    monkeypatch.setattr(command, "require_terminal", terminal)
    commands = {
        restore: ["run-restore", NAME],
        undo: ["undo-restore"],
        drop: ["drop-aside", "--all"],
    }
    code, text = call(world, commands[module])
    assert code == 1
    assert "A restore is running already: job/postgres-restore-by-hand." in text
    assert changes(world) == ([] if module is restore else LOOK)


@pytest.mark.parametrize("arguments", [["undo-restore", "--yes"], ["run-restore", NAME, "--yes"]])
def test_a_job_that_never_started_leaves_nothing_stopped(call: Call, arguments: list[str]) -> None:
    world = stack()
    world.starts = False
    code, text = call(world, arguments)
    assert code == 1
    assert "did not start" in text
    assert world.applications == RUNNING


def test_of_two_that_begin_at_once_the_one_that_fails_leaves_the_applications_to_the_other(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = stack()
    world.succeed = False
    create = world.create

    def at_once(resource: Resource, body: JsonObject) -> JsonObject:
        world.begin_job(RESTORE_BACKUP=NAME)
        return create(resource, body)

    monkeypatch.setattr(world, "create", at_once)
    code, text = call(world, ["run-restore", NAME, "--yes"])
    assert code == 1
    assert (
        "deployment/web, statefulset/queue stays stopped: job/postgres-restore-by-hand runs. "
        "Afterwards: pgkeep resume" in text
    )
    other = world.recovered()
    assert call(other, ["resume"])[0] == 0
    assert other.applications == RUNNING


def test_resuming_tells_what_runs(call: Call) -> None:
    world = stack()
    assert call(world, ["run-restore", NAME, "--dry-run"])[0] == 0
    world.jobs[0]["status"] = {}
    code, text = call(world, ["resume"])
    assert code == 0
    assert f"Following job/postgres-restore-manual-1, which tries out the restore of {NAME}" in text
    assert f"✓ {NAME} can be restored. Nothing live was changed." in text


@pytest.mark.parametrize("words", [["resume"], ["run-restore", "--resume"]])
def test_resuming_is_a_command_and_an_option_from_before(call: Call, words: list[str]) -> None:
    world = stack()
    world.begin_job(RESTORE_BACKUP=NAME)
    code, text = call(world, words)
    assert code == 0, text
    assert f"Following job/postgres-restore-by-hand, which restores {NAME}." in text
    assert changes(world) == []
    code, text = call(world, words)
    assert code == 5
    assert "There is nothing to resume" in text

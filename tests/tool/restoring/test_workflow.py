"""`run-restore` and `undo-restore` from the question to the summary, on a cluster in memory."""

from types import ModuleType
from typing import Any

import pytest

from pgkeep.commands import restore as command
from pgkeep.kube import client as api
from pgkeep.kube.client import Resource
from pgkeep.kube.objects import JsonObject, section
from pgkeep.restoring import restore, undo
from pgkeep.restoring.database_volume import Room
from tests.tool.world import KEPT, Call, World, stack, workload

NAME = "backup-20261123-020000"
RUNNING = {"web": (2, None), "queue": (1, None)}
LOG = (
    "Summary",
    f"  database      shop holds backup {NAME}",
    "  duration      61 s",
    "  kept          the old database, as shop_before_20261123_045900",
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
    assert "Kept: the old database, as shop_before_20261123_045900." in end
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


def test_a_restore_in_place_is_undone_by_its_safety_backup(call: Call) -> None:
    world = stack()
    world.log_lines = (
        "Summary",
        f"  database      shop holds backup {NAME}",
        "  kept          nothing on the server",
        "  safety        backup-20261123-045901, pinned",
    )
    code, text = call(world, ["run-restore", NAME, "--in-place", "--yes"])
    assert code == 0, text
    assert world.told(world.jobs[0]) == {"RESTORE_BACKUP": NAME, "RESTORE_IN_PLACE": "true"}
    assert "replaced in place, in one transaction" in text
    assert world.applications == RUNNING
    assert "To undo it: pgkeep run-restore backup-20261123-045901 --in-place" in text
    assert "undo-restore" not in text.split("✓ Restored")[1]


@pytest.mark.parametrize(
    "other", ["--into=copy", "--table=public.a", "--dry-run", "--skip-safety-backup"]
)
def test_in_place_goes_with_nothing_that_leaves_the_live_database_alone(
    call: Call, other: str
) -> None:
    world = stack()
    code, text = call(world, ["run-restore", NAME, "--in-place", "--yes", other])
    assert (code, world.jobs) == (2, [])
    assert "--in-place does not go with" in text


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
        (["undo-restore", "--yes"], "RESTORE_ACTION"),
        (["undo-restore", "--drop-old", "--yes"], "RESTORE_ACTION, RESTORE_DROP"),
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
    assert "To start it without another restore: pgkeep run-restore --resume" in text
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
    assert "Back to    shop_before_20261123_045900 (8.8 MiB, kept since 2026-11-23 04:59" in text
    assert "✓ The restore is undone" in text
    assert "  undo " in text[text.index("✓ The restore is undone") :]
    assert world.applications == RUNNING


def test_the_look_is_a_dry_run_whatever_it_is_for(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    for options in ([], ["--drop-old"], ["--host", "other"]):
        world = stack(DATABASE_NAMES="shop\nmy shop")
        made: list[dict[str, str]] = []
        create = world.create

        def remember(resource: Resource, body: JsonObject) -> JsonObject:
            made.append(world.told(body))  # noqa: B023  (called before the next round)
            return create(resource, body)  # noqa: B023

        monkeypatch.setattr(world, "create", remember)
        assert call(world, ["undo-restore", "--database", "shop", "--yes", *options])[0] == 0
        told = {"RESTORE_ACTION": "drop-old", "RESTORE_DROP": "all", "RESTORE_DRY_RUN": "true"}
        where = {"DATABASE_HOST": "other"} if "--host" in options else {}
        assert made[0] == {**told, "RESTORE_DATABASE": "shop", **where}
        assert "RESTORE_DRY_RUN" not in made[1]


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ((), "what was kept has been dropped"),
        ((f'{KEPT}, of another owner: "eve"',), "belongs to another owner than shop does: shop_be"),
    ],
)
def test_an_undo_that_has_nothing_to_go_back_to_stops_nothing(
    call: Call, lines: tuple[str, ...], words: str
) -> None:
    world = stack()
    world.kept_lines = lines
    code, text = call(world, ["undo-restore", "--yes"])
    assert code == 5
    assert "There is nothing to undo: no database is kept of shop. Nothing was changed." in text
    assert words in text
    assert changes(world) == LOOK


def test_what_belongs_to_somebody_else_is_not_what_an_undo_goes_back_to(call: Call) -> None:
    world = stack()
    foreign = KEPT.replace("045900", "050000") + ', of another owner: "eve"'
    world.kept_lines = ("  Steps", foreign, KEPT)
    code, text = call(world, ["undo-restore", "--yes"])
    assert code == 0
    assert "Back to    shop_before_20261123_045900" in text


def test_an_undo_whose_server_does_not_answer_stops_nothing(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = stack()
    world.kept_lines = ("ERROR: no connection", "CAUSE: refused", "CURE: start it")
    run_job = world.run_job

    def fail(name: str, **_: Any) -> None:
        run_job(name, succeed=False)

    monkeypatch.setattr(world, "run_job", fail)
    code, text = call(world, ["undo-restore", "--yes"])
    assert code == 1
    assert "What restores have kept cannot be read after 1 min: no connection" in text
    assert text.splitlines()[-1] == "  Cure:  start it", "the log is gone with the job"
    assert changes(world) == LOOK


def test_a_failed_undo_starts_the_applications(call: Call) -> None:
    world = stack()
    world.succeed = False
    code, text = call(world, ["undo-restore", "--yes"])
    assert code == 1
    assert "The undo failed after" in text
    assert world.applications == RUNNING


def test_dropping_shows_what_goes_and_leaves_the_applications_alone(call: Call) -> None:
    world = stack()
    code, text = call(world, ["undo-restore", "--drop-old", "--yes"])
    assert code == 0
    assert changes(world) == [*LOOK, "create job"]
    assert world.told(world.jobs[0]) == {"RESTORE_ACTION": "drop-old", "RESTORE_DROP": "all"}
    assert text.index("Dropped    shop_before_2026") < text.index(
        "✓ The kept databases are dropped"
    )


@pytest.mark.parametrize("lines", [(), (f'{KEPT}, of another owner: "eve"',)])
def test_where_nothing_is_kept_nothing_is_dropped_and_nobody_asked(
    call: Call, monkeypatch: pytest.MonkeyPatch, lines: tuple[str, ...]
) -> None:
    def terminal(*_: object) -> None:
        return

    monkeypatch.setattr(command, "require_terminal", terminal)
    world = stack()
    world.kept_lines = lines
    code, text = call(world, ["undo-restore", "--drop-old"])
    assert code == 0
    assert "Nothing of shop is kept that could be dropped." in text
    assert changes(world) == LOOK


def test_of_several_databases_one_has_to_be_named_for_an_undo(call: Call) -> None:
    world = stack(DATABASE_NAMES="shop\nmy shop")
    for option in ([], ["--drop-old"]):
        code, text = call(world, ["undo-restore", "--yes", *option])
        assert code == 2
        assert "This stack has 2 databases. Nothing was changed." in text
        assert "pgkeep undo-restore --database shop" in text
    code, text = call(world, ["undo-restore", "--yes", "--database", "crm"])
    assert code == 2
    assert "no database crm" in text
    assert changes(world) == []
    assert call(world, ["undo-restore", "--yes", "--database", "my shop"])[0] == 0
    assert world.told(world.jobs[0]) == {"RESTORE_ACTION": "undo", "RESTORE_DATABASE": "my shop"}


@pytest.mark.parametrize("arguments", [["undo-restore", "--yes"], ["run-restore", NAME, "--yes"]])
def test_nothing_begins_while_another_one_runs(call: Call, arguments: list[str]) -> None:
    world = stack()
    world.begin_job(RESTORE_ACTION="undo")
    code, text = call(world, arguments)
    assert code == 1
    assert "A restore is running already: job/postgres-restore-by-hand." in text
    assert "It undoes the last restore." in text
    assert changes(world) == []


@pytest.mark.parametrize("module", [restore, undo])
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
    code, text = call(world, ["run-restore", NAME] if module is restore else ["undo-restore"])
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
        "Afterwards: pgkeep run-restore --resume" in text
    )
    other = world.recovered()
    assert call(other, ["run-restore", "--resume"])[0] == 0
    assert other.applications == RUNNING


def test_resuming_tells_what_runs(call: Call) -> None:
    world = stack()
    assert call(world, ["run-restore", NAME, "--dry-run"])[0] == 0
    world.jobs[0]["status"] = {}
    code, text = call(world, ["run-restore", "--resume"])
    assert code == 0
    assert f"Following job/postgres-restore-manual-1, which tries out the restore of {NAME}" in text
    assert f"✓ {NAME} can be restored. Nothing live was changed." in text

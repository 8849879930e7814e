from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from pgkeep.catalog import details
from pgkeep.catalog.answers import parse_show
from pgkeep.restoring import screens
from pgkeep.restoring.applications import Application, plan
from pgkeep.restoring.aside import parse_aside
from pgkeep.restoring.autoscalers import Autoscaler
from pgkeep.restoring.database_volume import Room
from pgkeep.restoring.request import Server
from pgkeep.restoring.screens import RestorePlan
from pgkeep.restoring.task import RestoreTask, TrialTask, UndoTask
from tests.tool.catalog.test_answers import (
    NOW,
    show_lines,
)
from tests.tool.drawing import draw
from tests.tool.objects import deployment
from tests.tool.world import FOREIGN as FOREIGN_ROW
from tests.tool.world import aside, aside_lines

WEB = Application("deployment", "web")


def restore_plan(width: int = 200, **changes: Any) -> list[str]:
    given: dict[str, Any] = {
        "backup": parse_show(show_lines(database="shop")),
        "database": "shop",
        "live": "shop",
        "server": "postgres",
        "namespace": "shop",
        "task": RestoreTask(),
    }
    return draw(screens.restore_plan(RestorePlan(**given | changes), NOW), width).splitlines()


def test_the_restore_plan() -> None:
    lines = restore_plan(
        100,
        backup=parse_show(show_lines(database="shop", large_objects="3")),
        plans=[plan(WEB, deployment(2))],
        autoscalers={WEB: Autoscaler(name="web-scaler")},
    )
    assert lines == [
        "Backup     backup-20261123-020000",
        "Status     verified",
        "Created    2026-11-23 02:00:00 UTC (3 h 12 min ago)",
        "Database   shop",
        "Server     PostgreSQL 17.7",
        "Content    5 tables, 10 rows, 3 large objects",
        "Size       1000 B (the database had 8.8 KiB)",
        "Format     directory, zstd:1",
        "Took       4 s",
        "Path       /backups/backup-20261123-020000",
        "Kept       one of the newest 7",
        "",
        "The restore",
        "Into       shop on postgres (namespace shop)",
        "Lost       everything written since 2026-11-23 02:00:00 UTC, 3 h 12 min ago",
        "Before     a verified backup is made of the database as it is now",
        "Put aside  the database as it is now, for undo-restore",
        "Stopped    deployment/web (2 replicas now); autoscaler web-scaler pauses while it is at 0",
    ]


@pytest.mark.parametrize(
    ("room", "words"),
    [
        (Room(free=3 * 1024**3), ["for 8.8 KiB more is needed", "its volume has 3.0 GiB free"]),
        (Room(reason="nobody tells"), ["not known: nobody tells", "the live database stays"]),
    ],
)
def test_the_plan_says_what_is_known_of_the_room(room: Room, words: list[str]) -> None:
    (line,) = [line for line in restore_plan(300, room=room) if line.startswith("Room")]
    assert all(word in line for word in words), line


def below(title: str, lines: list[str]) -> list[str]:
    return lines[lines.index(title) + 1 :]


def test_the_plan_says_how_far_a_backup_is_from_the_time_asked_for() -> None:
    lines = restore_plan(
        at=datetime(2026, 11, 23, 4, 30, tzinfo=UTC),
        passed_over=tuple((f"backup-2026112{n}-040000", "damaged") for n in range(7)),
    )
    assert "Asked for  2026-11-23 04:30:00 UTC; this backup is 2 h 30 min older" in lines
    start = lines.index("Not taken  newer, but")
    assert lines[start + 1] == "           backup-20261120-040000: damaged"
    assert lines[start + 6] == "           and 2 more"


def test_a_backup_begun_right_before_the_time_asked_for_may_hold_what_came_after() -> None:
    at = datetime(2026, 11, 23, 2, 0, 30, tzinfo=UTC)
    assert (
        "Asked for  2026-11-23 02:00:30 UTC; this backup is 30 s older, and was read moments after "
        "its start; an earlier state needs an earlier time" in restore_plan(at=at)
    )


def test_a_plan_without_safety_backup_says_so_in_capitals() -> None:
    lines = restore_plan(safety_backup=False, superuser_objects=True, secret="admin")
    assert "Before     NO BACKUP is made of the database as it is now" in lines
    assert "Careful    objects that need a superuser are restored as one" in lines
    assert "User       of Secret admin" in lines


def test_a_safety_backup_that_is_named_is_said_to_be_one() -> None:
    lines = restore_plan(backup=parse_show(show_lines(flags="safety,pinned")))
    assert "Careful    a safety backup: of a database that a restore has replaced" in lines


@pytest.mark.parametrize(
    ("task", "given", "rows"),
    [
        (
            TrialTask(),
            {},
            [
                "Into       shop on postgres (namespace shop)",
                "Changed    nothing: all steps but the swap, beside the live database, and "
                "everything is dropped again; needs the room of a second copy meanwhile",
                "Live       shop is not touched, and no application is stopped",
            ],
        ),
        (
            RestoreTask(into="copy"),
            {"database": "copy"},
            [
                "Into       copy on postgres (namespace shop)",
                "Live       shop is not touched, and no application is stopped",
            ],
        ),
        (
            RestoreTask(into="copy"),
            {"database": "copy", "live": ""},
            [
                "Into       copy on postgres (namespace shop)",
                "Live       no database that exists is touched, and no application is stopped",
            ],
        ),
        (
            RestoreTask(parts=2),
            {"parts": ("table public.a", "schema old")},
            [
                "Into       new schemas in shop on postgres (namespace shop)",
                "Only       table public.a",
                "           schema old",
                "Live       what shop has now is not touched, and no application is stopped",
            ],
        ),
        (
            RestoreTask(elsewhere=Server(host="other", port=5433)),
            {"server": "other:5433", "secret": "other-admin"},
            [
                "Into       shop on other:5433, ANOTHER SERVER than the stack's",
                "User       of Secret other-admin",
                "There      a database shop on that server is replaced, after a backup of it, "
                "and put aside",
                "Live       nothing of this stack is touched, and no application is stopped",
            ],
        ),
    ],
)
def test_a_plan_that_leaves_the_live_database_alone_says_so(
    task: RestoreTask, given: dict[str, Any], rows: list[str]
) -> None:
    title = "The dry run" if isinstance(task, TrialTask) else "The restore"
    assert below(title, restore_plan(task=task, **given)) == rows


ASIDE, FOREIGN = parse_aside(aside_lines(aside(age=86400), FOREIGN_ROW))
ASIDE_WORDS = (
    "8.8 MiB, put aside 2026-11-23 04:59:00 UTC (1 d ago), replaced by backup-20261123-020000"
)


def undo_plan(**changes: Any) -> list[str]:
    workloads = [plan(WEB, deployment(2))]
    drawn = screens.undo_plan(
        "shop on postgres (namespace shop)", ASIDE, UndoTask(**changes), workloads, {}
    )
    return draw(drawn, 140).splitlines()


def test_the_plan_of_an_undo() -> None:
    assert undo_plan() == [
        "The undo",
        "Of         shop on postgres (namespace shop)",
        f"Back to    shop_before_20261123_045900 ({ASIDE_WORDS})",
        "Put aside  what it is now, with everything written since; for another undo-restore",
        "Stopped    deployment/web (2 replicas now)",
    ]


def test_the_plan_of_an_undo_on_another_server_stops_nothing() -> None:
    last = undo_plan(elsewhere=Server(host="other"))[-1]
    assert last == "Live       of this stack nothing is touched, no application is stopped"


def test_the_plan_of_dropping_names_each_and_says_what_is_left_of_undo() -> None:
    drawn = screens.drop_plan("shop on postgres", [ASIDE, FOREIGN], [ASIDE])
    assert draw(drawn).splitlines() == [
        "The end of undo",
        "Of         shop on postgres",
        f"Dropped    shop_before_20261123_045900 ({ASIDE_WORDS})",
        'Stays      shop_before_20261123_050000 (8.8 MiB, of another owner: "eve")',
        "After it   undo-restore has nothing to go back to any more",
        "Live       is not touched, and no application is stopped",
    ]
    other = replace(ASIDE, name="shop_before_20261122_045900", droppable=False)
    drawn = screens.drop_plan("shop on postgres", [ASIDE, other], [ASIDE])
    lines = draw(drawn, 200).splitlines()
    assert "After it   undo-restore goes back to what stays" in lines
    assert lines[3].endswith('which only "shop" may drop)')


def test_a_suspicious_backup_is_said_to_be_one_right_before_the_question() -> None:
    backup = parse_show(show_lines(flags="suspicious", suspicion="rows fell to 12"))
    lines = restore_plan(backup=backup)
    assert lines[-1].startswith("THIS BACKUP IS SUSPICIOUS: rows fell to 12.")
    assert "Suspicion  rows fell to 12" in lines
    noted = show_lines(flags="suspicious", suspicion="2026-11-23T02:00:07Z rows fell to 12")
    assert "rows fell to 12 (noted 2026-11-23 02:00:07 UTC)" in screens.alarm(parse_show(noted))
    assert "SUSPICIOUS" not in "".join(restore_plan())


@pytest.mark.parametrize(
    ("now", "noted", "text"),
    [
        (1, None, "deployment/web (1 replica now)"),
        (0, None, "deployment/web (0 replicas now, stays at 0)"),
        (
            0,
            "2",
            "deployment/web (stopped now, 2 replicas afterwards); stopped by an earlier run, which "
            "noted 2 replicas",
        ),
    ],
)
def test_each_application_has_a_line(now: int, noted: str | None, text: str) -> None:
    assert screens.plan_line(plan(WEB, deployment(now, noted=noted))) == text


@pytest.mark.parametrize(
    ("autoscaler", "words"),
    [
        (Autoscaler(name="scaler"), "; autoscaler scaler pauses while it is at 0"),
        (
            Autoscaler(name="scaler", wakes=True),
            "; AUTOSCALER scaler MAY START IT AGAIN meanwhile, as its minReplicas is 0; set that "
            "to 1 before",
        ),
        (
            Autoscaler(name="keda-hpa-web", keda="web"),
            "; KEDA MAY START IT AGAIN meanwhile; to keep it from that: kubectl annotate "
            "scaledobject/web autoscaling.keda.sh/paused=true (afterwards paused-)",
        ),
    ],
)
def test_an_autoscaler_is_named_with_what_it_does_meanwhile(
    autoscaler: Autoscaler, words: str
) -> None:
    assert screens.plan_line(plan(WEB, deployment(2)), autoscaler).endswith(words)


def test_a_plan_without_applications_says_so() -> None:
    assert "Stopped    nothing (the setting applications is empty)" in restore_plan()


def test_names_are_no_markup() -> None:
    text = draw(details.details(parse_show(show_lines(database="[red]x[/red]")), NOW))
    assert "[red]x[/red]" in text


def test_the_steps_are_added_up() -> None:
    lines = draw(screens.durations([("stop", 1.5), ("restore", 60.0)])).splitlines()
    assert lines[-1].split() == ["total", "1", "min", "2", "s"]

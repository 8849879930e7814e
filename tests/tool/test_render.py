import io
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from rich.console import Console, RenderableType

from pgkeep.applications import Application, plan
from pgkeep.autoscalers import Autoscaler
from pgkeep.backups import Listing, parse_list, parse_prune, parse_show
from pgkeep.database_volume import Room
from pgkeep.render import details, plans, prunings, tables
from pgkeep.render.plans import RestorePlan
from pgkeep.restoring.kept import Kept
from pgkeep.restoring.order import Server
from pgkeep.restoring.work import Work
from tests.tool.objects import deployment
from tests.tool.test_backups import (
    DELETE,
    DISK,
    GOOD,
    KEEP,
    KEPT_FILE,
    LEGACY,
    NOW,
    answer,
    pruned,
    show_lines,
)

WEB = Application("deployment", "web")
LISTING = parse_list(answer(GOOD, LEGACY, DISK))
OTHER = GOOD.replace("\tshop\t", "\tapp\t").replace("-020000", "-010000")
SEVERAL = parse_list(answer(GOOD, OTHER.replace("T02:", "T01:"), LEGACY, DISK))


def draw(what: RenderableType, width: int = 140) -> str:
    console = Console(file=io.StringIO(), width=width, highlight=False)
    console.print(what)
    assert isinstance(console.file, io.StringIO)
    return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines())


def table(width: int, listing: Listing = LISTING) -> str:
    console = Console(file=io.StringIO(), width=width)
    return draw(tables.backup_table(listing, NOW, console), width)


def command(*words: str) -> str:
    return " ".join(["pgkeep", *words])


def test_the_table_shows_everything_on_a_wide_terminal() -> None:
    text = table(200)
    header = text.strip().splitlines()[0]
    assert header.split() == [
        "Name", "Age", "Status", "Flags", "Size", "Rows", "Tables", "Took", "Format", "Server",
        "Database", "Kept", "because",
    ]  # fmt: skip
    row = next(line for line in text.splitlines() if "20261123" in line)
    for part in ("3 h 12 min", "verified", "1.0 MiB", "336,776", "4.2 s", "17.7", "shop"):
        assert part in row
    for part in ("pinned, in-use", "one of the newest 7"):
        assert part in row
    assert "Debian" not in text


@pytest.mark.parametrize("width", [60, 80, 100])
def test_a_narrow_terminal_leaves_columns_out_and_cuts_nothing(width: int) -> None:
    text = table(width)
    assert all(len(line) <= width for line in text.splitlines())
    assert "…" not in text
    assert "backup-20240101-020000.sql.gz" in text
    assert "Status" in text
    assert "Database" not in text


def test_flags_outlast_the_sizes_on_a_narrow_terminal() -> None:
    assert "pinned, in-use" in table(80)
    assert "pinned, in-use" in table(80, SEVERAL)
    assert "Rows" not in table(80)


def test_a_long_reason_takes_a_second_line_rather_than_the_place_of_a_column() -> None:
    text = table(120)
    for part in ("Kept because", "one of the newest 7", "Size", "never deleted"):
        assert part in text
    assert "unverified backups are never deleted" not in text
    assert "unverified backups are never deleted" in table(200)


def test_which_database_a_backup_is_of_is_shown_early_where_there_are_several() -> None:
    assert "Database" in table(100, SEVERAL)
    assert "Database" not in table(100, LISTING)


def test_a_backup_that_goes_next_says_so_in_the_table() -> None:
    goes = GOOD.replace("one of the newest 7", "goes: older than 30 days")
    assert "goes: older than 30 days" in table(200, parse_list(answer(goes, DISK)))


def test_lines_below_the_table() -> None:
    assert tables.latest_lines(LISTING, NOW) == ["Latest: backup-20261123-020000, 3 h 12 min ago."]
    assert "858.3 MiB (90%) of 953.7 MiB free" in tables.disk_line(LISTING)
    [line] = tables.latest_lines(parse_list(answer(LEGACY, DISK)), NOW)
    assert "none of them" in line


def test_each_of_several_databases_has_its_latest() -> None:
    assert tables.latest_lines(SEVERAL, NOW) == [
        "Latest of app: backup-20261123-010000, 4 h 12 min ago.",
        "Latest of shop: backup-20261123-020000, 3 h 12 min ago.",
    ]


def test_a_backup_in_order_is_warned_of_in_no_way() -> None:
    assert tables.warnings(LISTING.backups, command) == []


def test_a_damaged_and_a_suspicious_backup_come_with_the_command_that_mends_them() -> None:
    damaged = GOOD.replace("verified", "damaged")
    suspicious = GOOD.replace("20261123", "20261122").replace("pinned,in-use", "suspicious")
    lines = tables.warnings(parse_list(answer(damaged, suspicious, DISK)).backups, command)
    assert lines == [
        "backup-20261123-020000 is damaged; it is neither restored nor counted. "
        "Read it once more: pgkeep verify backup-20261123-020000",
        "backup-20261122-020000 is suspicious; nothing of its database is deleted meanwhile. "
        "Look at it (pgkeep show backup-20261122-020000), and when it is as it should be: "
        "pgkeep acknowledge backup-20261122-020000",
    ]


def test_a_backup_that_is_damaged_and_suspicious_is_warned_of_twice() -> None:
    both = GOOD.replace("verified", "damaged").replace("pinned,in-use", "suspicious")
    assert len(tables.warnings(parse_list(answer(both, DISK)).backups, command)) == 2


def test_the_json_document_is_stable() -> None:
    document = json.loads(json.dumps(tables.list_document(LISTING, "shop", NOW)))
    assert document == {
        "schemaVersion": 1,
        "namespace": "shop",
        "latest": "backup-20261123-020000",
        "disk": {"usedBytes": 1050624, "freeBytes": 900000000, "totalBytes": 1000000000},
        "backups": [
            {
                "name": "backup-20261123-020000",
                "status": "verified",
                "created": "2026-11-23T02:00:00Z",
                "durationSeconds": 4.2,
                "backupBytes": 1048576,
                "database": "shop",
                "format": "directory",
                "serverVersion": "17.7 (Debian 17.7-3.pgdg13+1)",
                "tables": 5,
                "rows": 336776,
                "largeObjects": 1,
                "path": "/backups/backup-20261123-020000",
                "flags": ["pinned", "in-use"],
                "kept": "one of the newest 7",
            },
            {
                "name": "backup-20240101-020000.sql.gz",
                "status": "unverified",
                "created": "2024-01-01T02:00:00Z",
                "durationSeconds": None,
                "backupBytes": 2048,
                "database": None,
                "format": "plain",
                "serverVersion": None,
                "tables": None,
                "rows": None,
                "largeObjects": None,
                "path": "/backups/backup-20240101-020000.sql.gz",
                "flags": [],
                "kept": "unverified backups are never deleted",
            },
        ],
    }


def test_the_json_document_of_one_backup_says_what_is_wrong_with_it() -> None:
    shown: dict[str, Any] = tables.show_document(
        parse_show(
            show_lines(
                status="damaged",
                flags="proven,suspicious",
                kept="damaged backups are never deleted",
                suspicion="rows fell to 12",
                damage="SHA256SUMS: another hash",
            )
        ),
        "shop",
    )["backup"]
    assert shown["flags"] == ["proven", "suspicious"]
    assert shown["kept"] == "damaged backups are never deleted"
    assert (shown["suspicion"], shown["damage"]) == ("rows fell to 12", "SHA256SUMS: another hash")
    healthy: dict[str, Any] = tables.show_document(parse_show(show_lines()), "shop")["backup"]
    assert (healthy["flags"], healthy["suspicion"], healthy["damage"]) == ([], None, None)


WORK = Work(
    job="",
    action="restore",
    backup="",
    database="",
    into="",
    parts=0,
    dry_run=False,
    elsewhere=None,
)


def restore_plan(width: int = 200, **changes: Any) -> list[str]:
    given: dict[str, Any] = {
        "backup": parse_show(show_lines(database="shop")),
        "database": "shop",
        "live": "shop",
        "server": "postgres",
        "namespace": "shop",
        "work": WORK,
    }
    return draw(plans.restore_plan(RestorePlan(**given | changes), NOW), width).splitlines()


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
        "Kept       the database as it is now, beside the restored one, for undo-restore",
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
    ("work", "given", "rows"),
    [
        (
            {"dry_run": True},
            {},
            [
                "Into       shop on postgres (namespace shop)",
                "Changed    nothing: all steps but the swap, beside the live database, and "
                "everything is dropped again; needs the room of a second copy meanwhile",
                "Live       shop is not touched, and no application is stopped",
            ],
        ),
        (
            {"into": "copy"},
            {"database": "copy"},
            [
                "Into       copy on postgres (namespace shop)",
                "Live       shop is not touched, and no application is stopped",
            ],
        ),
        (
            {"into": "copy"},
            {"database": "copy", "live": ""},
            [
                "Into       copy on postgres (namespace shop)",
                "Live       no database that exists is touched, and no application is stopped",
            ],
        ),
        (
            {"parts": 2},
            {"parts": ("table public.a", "schema old")},
            [
                "Into       new schemas in shop on postgres (namespace shop)",
                "Only       table public.a",
                "           schema old",
                "Live       what shop has now is not touched, and no application is stopped",
            ],
        ),
        (
            {"elsewhere": Server(host="other", port=5433)},
            {"server": "other:5433", "secret": "other-admin"},
            [
                "Into       shop on other:5433, ANOTHER SERVER than the stack's",
                "User       of Secret other-admin",
                "There      a database shop on that server is replaced, after a backup of it, "
                "and kept beside it",
                "Live       nothing of this stack is touched, and no application is stopped",
            ],
        ),
    ],
)
def test_a_plan_that_leaves_the_live_database_alone_says_so(
    work: dict[str, Any], given: dict[str, Any], rows: list[str]
) -> None:
    title = "The dry run" if work.get("dry_run") else "The restore"
    assert below(title, restore_plan(work=replace(WORK, **work), **given)) == rows


KEPT = Kept(name="shop_before_20261123_045900", words="8.8 MiB, kept since today")


def undo_plan(**changes: Any) -> list[str]:
    work = replace(WORK, action="undo", **changes)
    workloads = [plan(WEB, deployment(2))]
    drawn = plans.undo_plan("shop on postgres (namespace shop)", KEPT, work, workloads, {})
    return draw(drawn, 120).splitlines()


def test_the_plan_of_an_undo() -> None:
    assert undo_plan() == [
        "The undo",
        "Of         shop on postgres (namespace shop)",
        "Back to    shop_before_20261123_045900 (8.8 MiB, kept since today)",
        "Put aside  what it is now, with everything written since; kept for another undo-restore",
        "Stopped    deployment/web (2 replicas now)",
    ]


def test_the_plan_of_an_undo_on_another_server_stops_nothing() -> None:
    last = undo_plan(elsewhere=Server(host="other"))[-1]
    assert last == "Live       of this stack nothing is touched, no application is stopped"


def test_the_plan_of_dropping_names_each_and_says_that_it_is_the_end_of_undo() -> None:
    foreign = Kept(name="x", words='1 KiB, kept since today, of another owner: "eve"')
    assert draw(plans.drop_plan("shop on postgres", [KEPT, foreign, KEPT])).splitlines() == [
        "The end of undo",
        "Of         shop on postgres",
        "Dropped    shop_before_20261123_045900 (8.8 MiB, kept since today)",
        "           shop_before_20261123_045900 (8.8 MiB, kept since today)",
        'Stays      x (1 KiB, kept since today, of another owner: "eve")',
        "After it   undo-restore has nothing to go back to any more",
        "Live       is not touched, and no application is stopped",
    ]


def test_a_suspicious_backup_is_said_to_be_one_right_before_the_question() -> None:
    backup = parse_show(show_lines(flags="suspicious", suspicion="rows fell to 12"))
    lines = restore_plan(backup=backup)
    assert lines[-1].startswith("THIS BACKUP IS SUSPICIOUS: rows fell to 12.")
    assert "Suspicion  rows fell to 12" in lines
    noted = show_lines(flags="suspicious", suspicion="2026-11-23T02:00:07Z rows fell to 12")
    assert "rows fell to 12 (noted 2026-11-23 02:00:07 UTC)" in plans.alarm(parse_show(noted))
    assert "SUSPICIOUS" not in "".join(restore_plan())


def test_details_show_flags_damage_and_what_becomes_of_the_backup() -> None:
    backup = parse_show(
        show_lines(
            status="damaged",
            flags="pinned,in-use",
            damage="2026-11-24T01:00:00Z globals.sql: another hash",
            kept="goes: older than 30 days",
        )
    )
    lines = draw(details.details(backup, NOW)).splitlines()
    assert "Status     damaged: globals.sql: another hash (noted 2026-11-24 01:00:00 UTC)" in lines
    assert "Flags      pinned, in-use" in lines
    assert "Goes       with the next retention: older than 30 days" in lines


PLAN = parse_prune(pruned(KEEP, DELETE, KEPT_FILE), dry_run=True)


def test_the_plan_of_retention_has_a_line_for_each_backup() -> None:
    lines = draw(prunings.decision_table(PLAN.decisions, NOW)).strip().splitlines()
    assert lines[0].split() == ["Name", "Age", "Database", "Verdict", "Reason"]
    rows = [" ".join(line.split()) for line in lines[2:]]
    assert rows == [
        "backup-20261123-020000 3 h 12 min shop keep one of the newest 7",
        "backup-20260901-020000 83 d 3 h shop delete older than 30 days",
        "backup-20240101-020000.sql.gz 1057 d 3 h - keep unverified backups are never deleted",
    ]


def test_a_long_reason_is_folded_and_not_cut() -> None:
    text = draw(prunings.decision_table(PLAN.decisions, NOW), 80)
    assert "…" not in text
    assert " ".join("".join(text.split()).split()).count("neverdeleted") == 1


def test_what_is_to_go_and_what_has_gone_are_sentences() -> None:
    nothing = parse_prune(pruned(KEEP, result="#result dry-run 0"), dry_run=True)
    done = parse_prune(pruned(KEEP, DELETE, result="#result done 1"), dry_run=False)
    assert prunings.plan_sentence(PLAN) == "To be deleted: 1 of 3 backups."
    assert prunings.plan_sentence(nothing) == "Nothing is to be deleted of 1 backup."
    assert prunings.done_sentence(done).startswith("Deleted 1 backup, kept 1. ")
    assert prunings.differences(PLAN, done) == []


def test_what_came_otherwise_than_it_was_shown_is_said() -> None:
    second = DELETE.replace("20260901", "20260902")
    kept = DELETE.replace("delete", "keep", 1).replace("older than 30 days", "pinned")
    done = parse_prune(pruned(KEEP, second, kept, result="#result done 0"), dry_run=False)
    assert prunings.differences(PLAN, done) == [
        "backup-20260902-020000 was to go, too, which was not shown before: older than 30 days.",
        "backup-20260901-020000 was not to go any more: pinned.",
        "0 of 1 were deleted; the others are being read, and go with the next retention.",
    ]
    gone = parse_prune(pruned(KEEP, result="#result done 0"), dry_run=False)
    assert prunings.differences(PLAN, gone) == [
        "backup-20260901-020000 was not to go any more: it is no longer there."
    ]


def test_the_json_document_of_a_plan_is_stable() -> None:
    document = json.loads(json.dumps(prunings.prune_document(PLAN, "shop")))
    assert document == {
        "schemaVersion": 1,
        "namespace": "shop",
        "dryRun": True,
        "deleted": 0,
        "toDelete": 1,
        "backups": [
            {
                "name": "backup-20261123-020000",
                "database": "shop",
                "verdict": "keep",
                "reason": "one of the newest 7",
            },
            {
                "name": "backup-20260901-020000",
                "database": "shop",
                "verdict": "delete",
                "reason": "older than 30 days",
            },
            {
                "name": "backup-20240101-020000.sql.gz",
                "database": None,
                "verdict": "keep",
                "reason": "unverified backups are never deleted",
            },
        ],
    }
    done = parse_prune(pruned(KEEP, DELETE, result="#result done 1"), dry_run=False)
    assert prunings.prune_document(done, "shop")["deleted"] == 1


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
    assert plans.plan_line(plan(WEB, deployment(now, noted=noted))) == text


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
    assert plans.plan_line(plan(WEB, deployment(2)), autoscaler).endswith(words)


def test_a_plan_without_applications_says_so() -> None:
    assert "Stopped    nothing (the setting applications is empty)" in restore_plan()


def test_names_are_no_markup() -> None:
    text = draw(details.details(parse_show(show_lines(database="[red]x[/red]")), NOW))
    assert "[red]x[/red]" in text


def test_the_steps_are_added_up() -> None:
    lines = draw(plans.durations([("stop", 1.5), ("restore", 60.0)])).splitlines()
    assert lines[-1].split() == ["total", "1", "min", "2", "s"]

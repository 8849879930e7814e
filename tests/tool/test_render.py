import io
import json
from datetime import UTC, datetime

import pytest
from rich.console import Console, RenderableType

from pgkeep.applications import Application, plan
from pgkeep.backups import parse_list, parse_show
from pgkeep.render import details, tables
from tests.tool.objects import deployment
from tests.tool.test_backups import DISK, GOOD, LEGACY, answer, show_lines

NOW = datetime(2026, 11, 23, 5, 12, tzinfo=UTC)
WEB = Application("deployment", "web")
LISTING = parse_list(answer(GOOD, LEGACY, DISK))


def draw(what: RenderableType, width: int = 140) -> str:
    console = Console(file=io.StringIO(), width=width, highlight=False)
    console.print(what)
    assert isinstance(console.file, io.StringIO)
    return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines())


def table(width: int) -> str:
    console = Console(file=io.StringIO(), width=width)
    return draw(tables.backup_table(LISTING, NOW, console), width)


def test_the_table_shows_everything_on_a_wide_terminal() -> None:
    text = table(140)
    header = text.strip().splitlines()[0]
    assert header.split() == [
        "Name", "Age", "Status", "Size", "Rows", "Tables", "Took", "Format", "Server", "Database",
    ]  # fmt: skip
    row = next(line for line in text.splitlines() if "20261123" in line)
    for part in ("3 h 12 min", "verified", "1.0 MiB", "336,776", "4.2 s", "17.7", "shop"):
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


def test_lines_below_the_table() -> None:
    assert tables.latest_line(LISTING, NOW) == "Latest: backup-20261123-020000, 3 h 12 min ago."
    assert "858.3 MiB (90%) of 953.7 MiB free" in tables.disk_line(LISTING)
    assert "none of them" in tables.latest_line(parse_list(answer(LEGACY, DISK)), NOW)


def test_the_json_document_is_stable() -> None:
    document = json.loads(json.dumps(tables.list_document(LISTING, "shop")))
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
            },
        ],
    }


def test_the_restore_plan() -> None:
    text = draw(
        details.restore_plan(
            parse_show(show_lines(database="shop", large_objects="3")),
            "shop on postgres (namespace shop)",
            [plan(WEB, deployment(2))],
            NOW,
            autoscalers={WEB: "web-scaler"},
        ),
        100,
    )
    assert text.splitlines() == [
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
        "",
        "The restore",
        "Into       shop on postgres (namespace shop)",
        "Lost       everything written since 2026-11-23 02:00:00 UTC, 3 h 12 min ago",
        "Stopped    deployment/web (2 replicas now); autoscaler web-scaler pauses while it is at 0",
    ]


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
    assert details.plan_line(plan(WEB, deployment(now, noted=noted))) == text


def test_a_plan_without_applications_says_so() -> None:
    text = draw(details.restore_plan(parse_show(show_lines()), "x", [], NOW))
    assert "nothing (the setting applications is empty)" in text


def test_names_are_no_markup() -> None:
    text = draw(details.details(parse_show(show_lines(database="[red]x[/red]")), NOW))
    assert "[red]x[/red]" in text


def test_the_steps_are_added_up() -> None:
    lines = draw(details.durations([("stop", 1.5), ("restore", 60.0)])).splitlines()
    assert lines[-1].split() == ["total", "1", "min", "2", "s"]

import io
import json
from typing import Any

import pytest
from rich.console import Console

from pgkeep.catalog import details, tables
from pgkeep.catalog.answers import Listing, parse_list, parse_show
from tests.tool.catalog.test_answers import DISK, GOOD, LEGACY, NOW, answer, show_lines
from tests.tool.drawing import draw

LISTING = parse_list(answer(GOOD, LEGACY, DISK))
OTHER = GOOD.replace("\tshop\t", "\tapp\t").replace("-020000", "-010000")
SEVERAL = parse_list(answer(GOOD, OTHER.replace("T02:", "T01:"), LEGACY, DISK))


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

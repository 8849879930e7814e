import pytest
from hypothesis import given
from hypothesis import strategies as st

from pgkeep.backups import parse_list, parse_show, unescape
from pgkeep.errors import AnswerError

HEADER = (
    "name status created duration_seconds backup_bytes database format server_version tables rows "
    "large_objects path"
).replace(" ", "\t")
GOOD = (
    "backup-20261123-020000\tverified\t2026-11-23T02:00:00Z\t4.2\t1048576\tshop\tdirectory\t"
    "17.7 (Debian 17.7-3.pgdg13+1)\t5\t336776\t1\t/backups/backup-20261123-020000"
)
LEGACY = (
    "backup-20240101-020000.sql.gz\tunverified\t2024-01-01T02:00:00Z\t-\t2048\t-\tplain\t-\t-\t-\t-"
    "\t/backups/backup-20240101-020000.sql.gz"
)
DISK = "#disk 1050624 900000000 1000000000"


def answer(*rows: str, mark: str = "#pgkeep-list 1", header: str = HEADER) -> list[str]:
    return [mark, header, *rows]


def test_a_list_is_read() -> None:
    listing = parse_list(answer(LEGACY, GOOD, DISK))
    newest, legacy = listing.backups
    assert newest.name == "backup-20261123-020000", "newest first, whatever the order of the lines"
    assert (newest.rows, newest.backup_bytes, newest.duration_seconds) == (336776, 1048576, 4.2)
    assert legacy.status == "unverified"
    assert (legacy.rows, legacy.database, legacy.server_version) == (None, None, None)
    assert listing.disk.free == 900_000_000
    assert listing.latest == newest


def test_no_backups_is_an_empty_list() -> None:
    listing = parse_list(answer(DISK))
    assert listing.backups == ()
    assert listing.latest is None


def test_latest_is_the_newest_verified_one() -> None:
    damaged = GOOD.replace("20261123", "20261124").replace("2026-11-23", "2026-11-24")
    listing = parse_list(answer(damaged.replace("verified", "damaged"), GOOD, LEGACY, DISK))
    assert listing.latest is not None
    assert listing.latest.name == "backup-20261123-020000"


def test_a_column_of_a_newer_version_is_ignored() -> None:
    listing = parse_list(answer(f"{GOOD}\tyes", DISK, header=f"{HEADER}\tproven"))
    assert listing.backups[0].tables == 5


@pytest.mark.parametrize(
    ("lines", "part"),
    [
        ([], "#pgkeep-list 1"),
        (["ERROR: no such volume"], "ERROR: no such volume"),
        (answer(GOOD, DISK, mark="#pgkeep-list 2"), "#pgkeep-list 2"),
        (answer(GOOD), "#disk"),
        (answer(GOOD, "#disk 1 2"), "#disk"),
        (answer(GOOD, "#disk 1 -2 3"), "#disk"),
        (answer(GOOD, DISK, header=HEADER.replace("status", "state")), "columns"),
        (answer(GOOD, DISK, header=f"{HEADER}\tstatus"), "columns"),
        (answer(f"{GOOD}\textra", DISK), "12 columns"),
        (answer(GOOD.replace("verified", "perfect"), DISK), "perfect"),
        (answer(GOOD.replace("backup-20261123-020000\t", "../../etc\t", 1), DISK), "../../etc"),
        (answer(GOOD.replace("336776", "many"), DISK), "rows of backup-20261123-020000"),
        (answer(GOOD.replace("336776", "١٢"), DISK), "rows of"),
        (answer(GOOD.replace("1048576", "9" * 30), DISK), "backup_bytes of"),
        (answer(GOOD.replace("\t4.2\t", "\tinf\t"), DISK), "duration_seconds of"),
        (answer(GOOD.replace("2026-11-23T02:00:00Z", "yesterday"), DISK), "ISO 8601"),
    ],
)
def test_a_wrong_answer_is_a_clear_error(lines: list[str], part: str) -> None:
    with pytest.raises(AnswerError) as caught:
        parse_list(lines)
    assert part in f"{caught.value.message} {caught.value.cause}"
    assert "pulumi up" in caught.value.cure


@given(st.lists(st.text(st.characters(blacklist_categories=["Cs"]), max_size=60), max_size=6))
def test_any_text_is_read_or_refused_in_one_way(lines: list[str]) -> None:
    for parse in (parse_list, parse_show):
        for head in ([], ["#pgkeep-list 1", HEADER], ["#pgkeep-show 1"]):
            try:
                parse([*head, *lines])
            except AnswerError as error:
                assert "\x1b" not in error.cause


def test_names_of_databases_are_unescaped_and_made_harmless() -> None:
    row = GOOD.replace("\tshop\t", "\tmy\\tdb\\\\\x1b[31m\t")
    assert parse_list(answer(row, DISK)).backups[0].database == "my\tdb\\?[31m"


def test_copy_escapes_are_undone() -> None:
    assert unescape(r"a\tb\nc\\d") == "a\tb\nc\\d"


def show_lines(**changes: str) -> list[str]:
    values = {
        "schema_version": "1",
        "name": "backup-20261123-020000",
        "database": "a=b",
        "created": "2026-11-23T02:00:00Z",
        "duration_seconds": "4",
        "format": "directory",
        "compression": "zstd:1",
        "server_version": "17.7",
        "client_version": "17.7",
        "tables": "5",
        "rows": "10",
        "large_objects": "0",
        "database_bytes": "9000",
        "backup_bytes": "1000",
        "status": "verified",
        "path": "/backups/backup-20261123-020000",
    } | changes
    return ["#pgkeep-show 1", *(f"{key}={value}" for key, value in values.items())]


def test_details_are_read() -> None:
    backup = parse_show(show_lines())
    assert (backup.database, backup.database_bytes) == ("a=b", 9000)
    assert backup.compression == "zstd:1"


def test_details_of_a_legacy_file_are_read() -> None:
    backup = parse_show(
        [
            "#pgkeep-show 1",
            "name=backup-20240101-020000.sql.gz",
            "created=2024-01-01T02:00:00Z",
            "status=unverified",
            "path=/backups/backup-20240101-020000.sql.gz",
        ]
    )
    assert backup.tables is None


@pytest.mark.parametrize(
    "lines",
    [
        [],
        ["#pgkeep-show 1"],
        ["#pgkeep-list 1"],
        [*show_lines(), "noise"],
        [*show_lines(), "name=backup-20261123-030000"],
        show_lines(status="fine"),
        show_lines(tables="5.5"),
    ],
)
def test_wrong_details_are_a_clear_error(lines: list[str]) -> None:
    with pytest.raises(AnswerError):
        parse_show(lines)

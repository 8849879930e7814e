from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pgkeep.catalog.answers import parse_list, parse_prune, parse_show, unfit
from pgkeep.catalog.forms import unescape
from pgkeep.errors import AnswerError

HEADER = (
    "name status created duration_seconds backup_bytes database format server_version tables rows "
    "large_objects path flags kept database_bytes compression client_version suspicion damage"
).replace(" ", "\t")
GOOD = (
    "backup-20261123-020000\tverified\t2026-11-23T02:00:00Z\t4.2\t1048576\tshop\tdirectory\t"
    "17.7 (Debian 17.7-3.pgdg13+1)\t5\t336776\t1\t/backups/backup-20261123-020000\tpinned,in-use\t"
    "one of the newest 7\t9000000\tzstd:1\t17.7\t-\t-"
)
LEGACY = (
    "backup-20240101-020000.sql.gz\tunverified\t2024-01-01T02:00:00Z\t-\t2048\t-\tplain\t-\t-\t-\t-"
    "\t/backups/backup-20240101-020000.sql.gz\t-\tunverified backups are never deleted"
    "\t-\t-\t-\t-\t-"
)
NOW = datetime(2026, 11, 23, 5, 12, tzinfo=UTC)
OLDER_STACK = "Bring the stack (pulumi up) and this tool to the same version."
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
    assert listing.latest(NOW) == newest
    assert newest.flags == ("pinned", "in-use")
    assert (newest.kept, newest.goes) == ("one of the newest 7", None)
    assert legacy.flags == ()


def test_no_backups_is_an_empty_list() -> None:
    listing = parse_list(answer(DISK))
    assert listing.backups == ()
    assert listing.latest(NOW) is None


def test_latest_is_the_newest_verified_one() -> None:
    damaged = GOOD.replace("20261123", "20261124").replace("2026-11-23", "2026-11-24")
    listing = parse_list(answer(damaged.replace("verified", "damaged"), GOOD, LEGACY, DISK))
    latest = listing.latest(datetime(2026, 11, 24, 5, tzinfo=UTC))
    assert latest is not None
    assert latest.name == "backup-20261123-020000"


def test_latest_is_not_one_that_a_wrong_clock_has_dated_far_ahead() -> None:
    ahead = GOOD.replace("20261123", "20261125").replace("2026-11-23", "2026-11-25")
    listing = parse_list(answer(ahead, GOOD, DISK))
    latest = listing.latest(NOW)
    assert latest is not None
    assert latest.name == "backup-20261123-020000"
    a_little_fast = listing.latest(datetime(2026, 11, 24, 5, tzinfo=UTC))
    assert a_little_fast is not None
    assert a_little_fast.name == "backup-20261125-020000", "clocks of nodes differ"


def test_latest_of_one_database_is_not_that_of_another() -> None:
    other = GOOD.replace("\tshop\t", "\tapp\t").replace("20261123-02", "20261123-03")
    listing = parse_list(answer(GOOD, other.replace("T02:", "T03:"), DISK))
    assert listing.databases == ("app", "shop")
    latest = listing.latest(NOW, database="shop")
    assert latest is not None
    assert latest.name == "backup-20261123-020000"
    assert listing.latest(NOW, database="crm") is None


SAFETY = (
    GOOD.replace("pinned,in-use", "safety,pinned")
    .replace("-020000", "-030000")
    .replace("T02:", "T03:")
)


def test_a_safety_backup_is_never_the_latest() -> None:
    listing = parse_list(answer(SAFETY, GOOD, DISK))
    assert listing.backups[0].safety
    latest = listing.latest(NOW)
    assert latest is not None
    assert latest.name == "backup-20261123-020000"
    assert parse_list(answer(SAFETY, DISK)).latest(NOW) is None


def test_the_latest_of_a_time_is_the_newest_one_at_or_before_it() -> None:
    later = GOOD.replace("-020000", "-040000").replace("T02:", "T04:")
    listing = parse_list(answer(later, GOOD, DISK))
    for minute, name in ((0, "-040000"), (1, "-040000")):
        found = listing.latest(NOW, at=datetime(2026, 11, 23, 4, minute, tzinfo=UTC))
        assert found is not None
        assert found.name.endswith(name)
    found = listing.latest(NOW, at=datetime(2026, 11, 23, 3, 59, 59, tzinfo=UTC))
    assert found is not None
    assert found.name.endswith("-020000")
    assert listing.latest(NOW, at=datetime(2026, 11, 23, 1, tzinfo=UTC)) is None


def test_newer_backups_that_are_not_the_latest_are_told_with_the_reason() -> None:
    damaged = GOOD.replace("-020000", "-040000").replace("T02:", "T04:")
    damaged = damaged.replace("verified", "damaged")
    file = LEGACY.replace("20240101", "20261123").replace("2024-01-01", "2026-11-23")
    file = file.replace("-020000", "-043000").replace("T02:00", "T04:30")
    ahead = GOOD.replace("20261123", "20261224").replace("2026-11-23", "2026-12-24")
    other = GOOD.replace("-020000", "-045000").replace("T02:00", "T04:50")
    other = other.replace("\tshop\t", "\tapp\t")
    listing = parse_list(answer(damaged, file, ahead, other, SAFETY, GOOD, LEGACY, DISK))
    chosen = listing.latest(NOW, database="shop")
    assert chosen is not None
    told = {one.name: unfit(one, NOW) for one in listing.passed_over(chosen, database="shop")}
    assert told == {
        "backup-20261224-020000": "dated in the future by a wrong clock",
        "backup-20261123-043000.sql.gz": "unverified",
        "backup-20261123-040000": "damaged",
        "backup-20261123-030000": "a safety backup, of a database that a restore replaced",
    }
    at = datetime(2026, 11, 23, 3, 30, tzinfo=UTC)
    [only] = listing.passed_over(chosen, database="shop", at=at)
    assert only.safety


def test_a_backup_that_goes_says_why() -> None:
    goes = GOOD.replace("one of the newest 7", "goes: older than 30 days")
    backup = parse_list(answer(goes, DISK)).backups[0]
    assert backup.goes == "older than 30 days"


@pytest.mark.parametrize(
    ("text", "flags"),
    [
        ("-", ()),
        ("suspicious", ("suspicious",)),
        (
            "safety,pinned,proven,suspicious,in-use",
            ("safety", "pinned", "proven", "suspicious", "in-use"),
        ),
    ],
)
def test_flags_are_read(text: str, flags: tuple[str, ...]) -> None:
    row = GOOD.replace("pinned,in-use", text)
    assert parse_list(answer(row, DISK)).backups[0].flags == flags


@pytest.mark.parametrize("column", ["flags", "kept", "database_bytes", "suspicion", "damage"])
def test_the_list_of_an_older_stack_is_refused_with_the_cure(column: str) -> None:
    columns = [name for name in HEADER.split("\t") if name != column]
    known = cells()
    line = "\t".join(known[name] for name in columns)
    with pytest.raises(AnswerError) as caught:
        parse_list(answer(line, DISK, header="\t".join(columns)))
    assert column in caught.value.cause
    assert caught.value.cure == OLDER_STACK


def test_the_order_of_the_columns_does_not_matter() -> None:
    known = dict(zip(HEADER.split("\t"), GOOD.split("\t"), strict=True))
    backwards = "\t".join(reversed(known.values())), "\t".join(reversed(known))
    assert parse_list(answer(backwards[0], DISK, header=backwards[1])) == parse_list(
        answer(GOOD, DISK)
    )


def test_the_list_alone_says_all_that_a_restore_shows() -> None:
    noted = row(
        flags="suspicious",
        suspicion="2026-11-23T02:00:07Z rows fell to 12\\tor so",
        damage="2026-11-24T01:00:00Z manifest.json: another hash",
    )
    backup = parse_list(answer(noted, DISK)).backups[0]
    assert (backup.database_bytes, backup.compression, backup.client_version) == (
        9000,
        "zstd:1",
        "17.7",
    )
    assert backup.suspicion == "2026-11-23T02:00:07Z rows fell to 12\tor so"
    assert backup.damage == "2026-11-24T01:00:00Z manifest.json: another hash"
    assert parse_list(answer(row(), DISK)).backups[0] == parse_show(show_lines())


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("backup-20261123-020000", "backup-20261123-020000"),
        ("/backups/backup-20261123-020000", "backup-20261123-020000"),
        ("backup-20240101-020000", "backup-20240101-020000.sql.gz"),
        ("backup-20240101-020000.sql.gz", "backup-20240101-020000.sql.gz"),
        ("backup-20261123-02000", None),
        ("latest", None),
    ],
)
def test_a_backup_is_found_by_its_name_as_the_console_takes_it(
    name: str, found: str | None
) -> None:
    backup = parse_list(answer(GOOD, LEGACY, DISK)).named(name)
    assert (backup.name if backup else None) == found


def test_a_column_of_a_newer_version_is_ignored() -> None:
    listing = parse_list(answer(f"{GOOD}\tyes", DISK, header=f"{HEADER}\toffsite"))
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
        (answer(f"{GOOD}\textra", DISK), "19 columns"),
        (answer(GOOD.replace("pinned,in-use", "in-use,pinned"), DISK), "flags of backup-"),
        (answer(GOOD.replace("pinned,in-use", "pinned,pinned"), DISK), "flags of"),
        (answer(GOOD.replace("pinned,in-use", "precious"), DISK), "precious"),
        (answer(GOOD.replace("pinned,in-use", ""), DISK), "flags of"),
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
    parsers: list[Callable[[list[str]], object]] = [
        parse_list,
        parse_show,
        lambda rows: parse_prune(rows, dry_run=True),
        lambda rows: parse_prune(rows, dry_run=False),
    ]
    for parse in parsers:
        for head in ([], ["#pgkeep-list 1", HEADER], ["#pgkeep-show 1"], ["#pgkeep-prune 1"]):
            try:
                parse([*head, *lines])
            except AnswerError as error:
                assert "\x1b" not in error.cause


def test_names_of_databases_are_unescaped_and_made_harmless() -> None:
    row = GOOD.replace("\tshop\t", "\tmy\\tdb\\\\\x1b[31m\t")
    assert parse_list(answer(row, DISK)).backups[0].database == "my\tdb\\?[31m"


def test_copy_escapes_are_undone() -> None:
    assert unescape(r"a\tb\nc\\d") == "a\tb\nc\\d"


def cells(**changes: str) -> dict[str, str]:
    return {
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
        "flags": "-",
        "kept": "one of the newest 7",
        "suspicion": "-",
        "damage": "-",
    } | changes


def show_lines(**changes: str) -> list[str]:
    return ["#pgkeep-show 1", *(f"{key}={value}" for key, value in cells(**changes).items())]


def row(**changes: str) -> str:
    """A line of the list, of the same backup as `show_lines`."""
    values = cells(**changes)
    return "\t".join(values[column] for column in HEADER.split("\t"))


def test_details_are_read() -> None:
    backup = parse_show(show_lines())
    assert (backup.database, backup.database_bytes) == ("a=b", 9000)
    assert backup.compression == "zstd:1"
    assert (backup.flags, backup.kept) == ((), "one of the newest 7")
    assert (backup.suspicion, backup.damage) == (None, None)


def test_what_is_wrong_with_a_backup_is_read() -> None:
    backup = parse_show(
        show_lines(
            status="damaged",
            flags="suspicious",
            suspicion="rows fell to 12\x1b[2J",
            damage="2026-11-24T01:00:00Z manifest.json: another hash",
        )
    )
    assert backup.suspicious
    assert backup.suspicion == "rows fell to 12?[2J"
    assert backup.damage == "2026-11-24T01:00:00Z manifest.json: another hash"


@pytest.mark.parametrize("key", ["flags", "kept", "suspicion", "damage"])
def test_the_details_of_an_older_stack_are_refused_with_the_cure(key: str) -> None:
    lines = [line for line in show_lines() if not line.startswith(f"{key}=")]
    with pytest.raises(AnswerError) as caught:
        parse_show(lines)
    assert key in caught.value.cause
    assert caught.value.cure == OLDER_STACK


def test_details_of_a_legacy_file_are_read() -> None:
    backup = parse_show(
        [
            "#pgkeep-show 1",
            "name=backup-20240101-020000.sql.gz",
            "created=2024-01-01T02:00:00Z",
            "status=unverified",
            "path=/backups/backup-20240101-020000.sql.gz",
            "flags=-",
            "kept=unverified backups are never deleted",
            "suspicion=-",
            "damage=-",
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
        show_lines(flags="proven,pinned"),
        show_lines(flags=""),
    ],
)
def test_wrong_details_are_a_clear_error(lines: list[str]) -> None:
    with pytest.raises(AnswerError):
        parse_show(lines)


KEEP = "keep\tbackup-20261123-020000\tshop\tone of the newest 7"
DELETE = "delete\tbackup-20260901-020000\tshop\tolder than 30 days"
KEPT_FILE = "keep\tbackup-20240101-020000.sql.gz\t-\tunverified backups are never deleted"


def pruned(
    *rows: str, result: str = "#result dry-run 1", mark: str = "#pgkeep-prune 1"
) -> list[str]:
    return [mark, *rows, result]


def test_a_plan_is_read_newest_first() -> None:
    plan = parse_prune(pruned(KEPT_FILE, DELETE, KEEP), dry_run=True)
    assert [one.name for one in plan.decisions] == [
        "backup-20261123-020000",
        "backup-20260901-020000",
        "backup-20240101-020000.sql.gz",
    ]
    newest, old, legacy = plan.decisions
    assert (newest.verdict, newest.database, newest.reason) == (
        "keep",
        "shop",
        "one of the newest 7",
    )
    assert newest.created == datetime(2026, 11, 23, 2, tzinfo=UTC)
    assert legacy.database is None
    assert legacy.created == datetime(2024, 1, 1, 2, tzinfo=UTC)
    assert plan.deletions == (old,)
    assert (plan.count, plan.dry_run) == (1, True)


def test_a_name_without_a_real_date_has_no_age() -> None:
    row = KEEP.replace("20261123", "20261341")
    assert parse_prune(pruned(row, DELETE), dry_run=True).decisions[0].created is None


def test_an_empty_volume_has_an_empty_plan() -> None:
    assert parse_prune(pruned(result="#result dry-run 0"), dry_run=True).decisions == ()


def test_a_run_may_do_less_than_it_decided_and_says_how_much() -> None:
    done = parse_prune(pruned(KEEP, DELETE, result="#result done 0"), dry_run=False)
    assert (done.count, len(done.deletions)) == (0, 1)


@pytest.mark.parametrize(
    ("lines", "part"),
    [
        ([], "#pgkeep-prune 1"),
        (["#pgkeep-prune 1"], "#result dry-run N"),
        (pruned(KEEP, DELETE, mark="#pgkeep-prune 2"), "#pgkeep-prune 2"),
        (["#pgkeep-prune 1", KEEP, DELETE], "#result dry-run N"),
        (pruned(KEEP, DELETE, result="#result done 1"), "#result dry-run N"),
        (pruned(KEEP, DELETE, result="#result dry-run"), "#result dry-run N"),
        (pruned(KEEP, DELETE, result="#result dry-run -1"), "#result dry-run N"),
        (pruned(KEEP, DELETE, result="#result dry-run 2"), "number of backups that go"),
        (pruned(KEEP, DELETE, result="#result dry-run 0"), "number of backups that go"),
        (pruned(DELETE, DELETE, result="#result dry-run 2"), "each backup once"),
        (pruned(KEEP.replace("keep", "perhaps", 1), DELETE), "perhaps"),
        (pruned(KEEP.replace("backup-", "../", 1), DELETE), "../20261123-020000"),
        (pruned(f"{KEEP}\tmore", DELETE), "4 columns"),
        (pruned("  ! a note of the script", DELETE), "4 columns"),
    ],
)
def test_a_wrong_plan_is_a_clear_error(lines: list[str], part: str) -> None:
    with pytest.raises(AnswerError) as caught:
        parse_prune(lines, dry_run=True)
    assert part in f"{caught.value.message} {caught.value.cause}"
    assert caught.value.cure == OLDER_STACK


def test_a_dry_run_that_deleted_and_a_run_that_did_not_are_told_apart() -> None:
    for dry_run, result in ((True, "#result done 1"), (False, "#result dry-run 1")):
        with pytest.raises(AnswerError):
            parse_prune(pruned(KEEP, DELETE, result=result), dry_run=dry_run)
    with pytest.raises(AnswerError):
        parse_prune(pruned(KEEP, DELETE, result="#result done 2"), dry_run=False)

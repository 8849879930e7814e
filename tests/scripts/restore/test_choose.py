"""Which backup a restore takes, into which database, and what it finds out before it begins."""

from __future__ import annotations

import datetime
import os
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.scripts.harness import (
    BINARIES,
    PASSWORD,
    POD_GID,
    POD_UID,
    SCRIPTS,
    SERVER_UID,
    Pod,
    Result,
    Server,
    change_manifest,
    clone_backup,
    drop_databases,
    give,
    make_legacy,
    new_pod,
    rehash,
    running_server,
    wait_until,
)
from tests.scripts.postgres import drop_privileges

NIGHT, NOON, EVENING = (f"backup-20260310-{time}" for time in ("020000", "104800", "200000"))
OTHER_TIMES = ("backup-20260310-030000", "backup-20260310-115959")


@pytest.fixture(scope="module")
def stock(server: Server) -> Iterator[Path]:
    """Three backups of a small database, which hold 1, 2 and 3 rows: made once, for every test."""
    with new_pod(server.port, "chosen") as maker:
        server.psql("postgres", "CREATE DATABASE chosen")
        server.psql("chosen", "CREATE TABLE t (x int)")
        for stamp in (NIGHT, NOON, EVENING):
            server.psql("chosen", "INSERT INTO t VALUES (1)")
            dated_backup(maker, stamp)
        server.psql("postgres", "DROP DATABASE chosen")
        yield maker.volume


@pytest.fixture
def shop(pod: Pod, server: Server, stock: Path) -> Iterator[str]:
    """The small database, which has 9 rows now, and its three backups."""
    name = pod.database = "chosen"
    server.psql("postgres", f"CREATE DATABASE {name}")
    server.psql(name, "CREATE TABLE t AS SELECT generate_series(1, 9) AS x")
    for stamp in (NIGHT, NOON, EVENING):
        shutil.copytree(stock / stamp, pod.volume / stamp, copy_function=shutil.copy2)
        for path in (pod.volume / stamp, *(pod.volume / stamp).rglob("*")):
            give(path, POD_UID, POD_GID)
    (pod.volume / ".records").mkdir()
    give(pod.volume / ".records", POD_UID, POD_GID)
    yield name
    drop_databases(server, name)


@pytest.fixture
def neighbour(server: Server, shop: str) -> Iterator[str]:
    """Another database of the same stack."""
    name = f"{shop}_neighbour"
    server.psql("postgres", f"CREATE DATABASE {name}")
    server.psql(name, "CREATE TABLE t AS SELECT generate_series(1, 5) AS x")
    yield name
    drop_databases(server, name)


def dated_backup(pod: Pod, name: str, **overrides: str) -> Path:
    """A backup that bears the name, and so the time, that a test wants."""
    made = pod.good_backup(**overrides)
    dated = clone_backup(made, name)
    shutil.rmtree(made)
    return dated


def mark(pod: Pod, kind: str, name: str, why: str = "2026-03-10T21:00:00Z by a test") -> None:
    """Marks a backup as a script does."""
    path = pod.volume / ".records" / kind / name
    path.parent.mkdir(parents=True, exist_ok=True)
    give(path.parent, POD_UID, POD_GID)
    path.write_text(why + "\n", encoding="utf-8")


def rows(server: Server, database: str) -> str:
    """How many rows the table has, which tells the backups apart."""
    return server.psql(database, "SELECT count(*) FROM t")


def planned(pod: Pod, backup: str = "latest", **overrides: str) -> Result:
    """A restore that ends well when it has chosen and planned, before it makes anything."""
    code = f"source {SCRIPTS}/restore/main.sh; make_safety_backup() {{ exit 0; }}; main"
    return pod.run("restore/main.sh", code=code, RESTORE_BACKUP=backup, **overrides)


def at(pod: Pod, moment: str, **overrides: str) -> Result:
    """The choice of what was there at a time."""
    return planned(pod, "", RESTORE_AT=moment, **overrides)


def takes(result: Result, name: str) -> bool:
    """The run has chosen this backup, and nothing was in its way."""
    return result.code == 0 and f"  restoring {name} (verified)" in result.output.splitlines()


def with_free_bytes(pod: Pod, free: str) -> Result:
    """A restore that is told what the server's disk has free."""
    code = f"RESTORE_FREE_BYTES={shlex.quote(free)} exec bash {SCRIPTS}/restore/main.sh"
    return pod.run("restore/main.sh", code=code)


def kept(server: Server, name: str) -> set[str]:
    """What lies beside the database."""
    return {each for each in server.databases() if each.startswith(f"{name}_")}


def assert_untouched(server: Server, name: str) -> None:
    """The live database is as it was, with nothing beside it."""
    assert rows(server, name) == "9"
    assert kept(server, name) == set()


# --- a time ---------------------------------------------------------------------------------------


def test_a_time_means_the_newest_backup_at_or_before_it_and_says_what_is_lost(
    pod: Pod, server: Server, shop: str
) -> None:
    result = pod.restore("", RESTORE_AT="2026-03-10T14:00Z")
    assert result.code == 0, result.output
    assert rows(server, shop) == "2"
    assert f"at or before 2026-03-10T14:00:00Z is {NOON}, of 2026-03-10T10:48:00Z" in result.output
    assert "changes of 3 h 12 min before 2026-03-10T14:00:00Z are not in it" in result.output
    assert "passed over" not in result.output


@pytest.mark.usefixtures("shop")
def test_a_time_is_in_utc_or_says_how_far_from_it(pod: Pod) -> None:
    result = at(pod, "2026-03-10T16:18:00+05:30")
    assert takes(result, NOON), result.output
    assert "nothing lies between" in result.output
    # What was to be undone may have happened in the seconds before the snapshot.
    assert "its content was read moments after its name's time" in result.output


MOMENTS = {
    "2025-11-20T14:00Z": (2025, 11, 20, 14, 0, 0, 0),
    "2025-11-20T14:00:59Z": (2025, 11, 20, 14, 0, 59, 0),
    "2025-11-20T14:00:08+00:00": (2025, 11, 20, 14, 0, 8, 0),
    "2025-01-01T00:30+01:00": (2025, 1, 1, 0, 30, 0, 60),
    "2025-02-28T23:30:00-0330": (2025, 2, 28, 23, 30, 0, -210),
    "2024-02-29T23:59:59Z": (2024, 2, 29, 23, 59, 59, 0),
    "2024-03-01T00:00Z": (2024, 3, 1, 0, 0, 0, 0),
    "2000-12-31T12:00Z": (2000, 12, 31, 12, 0, 0, 0),
    "1970-01-03T00:00Z": (1970, 1, 3, 0, 0, 0, 0),
}


def understood(pod: Pod, moment: str) -> Result:
    """What the scripts make of a time, without a restore."""
    code = f"source {SCRIPTS}/restore/main.sh; start_script; read_asked_time; echo $ASKED_EPOCH"
    return pod.run("restore/main.sh", code=code, RESTORE_AT=moment)


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_time_is_the_second_that_it_says(pod: Pod, moment: str) -> None:
    *parts, minutes = MOMENTS[moment]
    zone = datetime.timezone(datetime.timedelta(minutes=minutes))
    expected = datetime.datetime(*parts, tzinfo=zone).timestamp()
    assert understood(pod, moment).output == f"{expected:.0f}\n"


@pytest.mark.parametrize(
    "moment",
    [
        "yesterday",
        "2026-11-20",
        "2026-11-20 14:00Z",
        "2026-11-20T14:00",
        "2026-11-20T14:00 CET",
        "2026-11-20T14:00:00.5Z",
        "2026-11-20T14:00Z ",
        "2026-1-20T14:00Z",
        "26-11-20T14:00Z",
        "2026-00-20T14:00Z",
        "2026-13-20T14:00Z",
        "2026-04-31T14:00Z",
        "2025-02-29T14:00Z",
        "2026-11-00T14:00Z",
        "2026-11-20T24:00Z",
        "2026-11-20T14:60Z",
        "2026-11-20T14:00:60Z",
        "2026-11-20T14:00+15:00",
        "2026-11-20T14:00+01:60",
        "1969-12-31T23:59:59Z",
        "1970-01-01T00:00Z",
        "0000-00-00T00:00Z",
        "$(touch x)",
        "latest",
        NOON,
    ],
)
def test_what_is_no_time_is_refused_with_what_is(pod: Pod, moment: str) -> None:
    result = at(pod, moment)
    assert result.code == 2
    assert f'RESTORE_AT is "{moment}"' in result.explained()
    assert "write 2026-11-20T14:00Z or" in result.explained()


def test_a_time_in_the_future_is_refused_instead_of_meaning_the_latest(
    pod: Pod, server: Server, shop: str
) -> None:
    soon = datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=2)
    result = at(pod, soon.strftime("%Y-%m-%dT%H:%MZ"))
    assert result.code == 2
    assert "which is in the future" in result.explained()
    assert "RESTORE_BACKUP=latest takes the newest" in result.explained()
    assert_untouched(server, shop)


def test_a_time_and_a_name_at_once_are_refused(pod: Pod, server: Server, shop: str) -> None:
    result = pod.restore(NIGHT, RESTORE_AT="2026-03-10T14:00Z")
    assert result.code == 2
    assert f'RESTORE_BACKUP is "{NIGHT}" and RESTORE_AT is' in result.explained()
    assert_untouched(server, shop)


def test_a_time_before_every_backup_names_the_oldest(pod: Pod, server: Server, shop: str) -> None:
    mark(pod, "safety", clone_backup(pod.volume / NIGHT, "backup-20260309-000000").name)
    result = at(pod, "2026-03-10T01:59:59Z")
    assert result.code == 1
    assert f'no verified backup of "{shop}" at or before 2026-03-10T01:59:59Z' in result.explained()
    assert f"the oldest one is {NIGHT}, of 2026-03-10T02:00:00Z" in result.explained()
    assert f"RESTORE_BACKUP={NIGHT} restores that" in result.explained()
    for name in (NIGHT, NOON, EVENING):
        mark(pod, "damaged", name)
    assert "holds none of it at all" in at(pod, "2026-03-10T14:00Z").explained()
    assert_untouched(server, shop)


@pytest.mark.usefixtures("shop")
def test_a_time_never_means_a_damaged_a_safety_or_a_legacy_backup_and_says_so(
    pod: Pod, server: Server
) -> None:
    safety, damaged = (clone_backup(pod.volume / EVENING, name).name for name in OTHER_TIMES)
    mark(pod, "safety", safety)
    mark(pod, "damaged", damaged, "2026-03-11T00:00:00Z changed: globals.sql")
    legacy = make_legacy(pod, server, "backup-20260310-110000.sql.gz").name
    shutil.rmtree(pod.volume / NOON)
    mark(pod, "damaged", EVENING)  # later than what is asked for: no word about it
    result = at(pod, "2026-03-10T12:00Z")
    assert takes(result, NIGHT), result.output
    reason = "2026-03-11T00:00:00Z changed: globals.sql"
    assert f"! WARNING: passed over {damaged}: it is damaged ({reason})" in result.output
    assert f"  passed over {safety}: it was made before a restore" in result.output
    assert f"  passed over {legacy}: an older script made it" in result.output
    assert EVENING not in result.output
    assert result.output.count("passed over") == 3


# --- the latest -----------------------------------------------------------------------------------


@pytest.mark.usefixtures("shop")
def test_the_latest_says_what_newer_ones_it_passes_over_and_why(pod: Pod) -> None:
    mark(pod, "safety", EVENING)
    unreadable = clone_backup(pod.volume / NOON, "backup-20260310-210000")
    (unreadable / "manifest.json").write_text("", encoding="utf-8")
    nameless = clone_backup(pod.volume / NOON, "backup-20260310-220000")
    text = (nameless / "summary").read_text(encoding="utf-8")
    (nameless / "summary").write_text(text.replace("database=", "data_base=", 1), encoding="utf-8")
    future = clone_backup(pod.volume / NOON, "backup-20990101-000000").name
    result = planned(pod)
    assert takes(result, NOON), result.output
    assert f"passed over {EVENING}: it was made before a restore" in result.output
    assert (
        f"! WARNING: passed over {unreadable.name}: it is damaged (summary, manifest.json or"
        in result.output
    )
    assert (
        f"! WARNING: passed over {nameless.name}: its summary does not say of which"
        in result.output
    )
    assert f"! WARNING: passed over {future}: it is dated in the future" in result.output


@pytest.mark.usefixtures("shop")
def test_the_latest_takes_a_suspicious_one_and_says_that_it_is(pod: Pod) -> None:
    mark(pod, "suspicious", EVENING, "2026-03-10T20:00:00Z rows: 3, usual are 30")
    result = planned(pod)
    assert takes(result, EVENING), result.output
    assert "! WARNING: it is suspicious: 2026-03-10T20:00:00Z rows: 3" in result.output


@pytest.mark.usefixtures("shop")
def test_many_that_are_passed_over_are_counted_and_not_all_listed(pod: Pod) -> None:
    for number in range(12):
        mark(
            pod,
            "damaged",
            clone_backup(pod.volume / NOON, f"backup-202603{11 + number}-000000").name,
        )
    result = planned(pod)
    assert takes(result, EVENING), result.output
    assert result.output.count(": it is damaged") == 10
    assert "! WARNING: passed over 2 more; pgkeep list-backups shows them all" in result.output


def test_only_safety_backups_are_no_latest(pod: Pod, server: Server, shop: str) -> None:
    for name in (NIGHT, NOON, EVENING):
        mark(pod, "safety", name)
    result = pod.restore("latest")
    assert result.code == 1
    assert "there is no verified backup to restore" in result.explained()
    assert_untouched(server, shop)
    assert all(not row["name"].endswith("(latest)") for row in pod.listed())


@pytest.mark.usefixtures("shop")
def test_a_safety_backup_is_restored_by_its_name(pod: Pod) -> None:
    mark(pod, "safety", NIGHT)
    result = planned(pod, NIGHT)
    assert takes(result, NIGHT), result.output


# --- by name --------------------------------------------------------------------------------------


def test_a_named_backup_that_is_not_whole_is_refused_with_the_reason(
    pod: Pod, server: Server, shop: str
) -> None:
    (pod.volume / NOON / "summary").write_text("", encoding="utf-8")
    result = pod.restore(NOON)
    assert result.code == 1
    assert f"backup {NOON} is damaged" in result.explained()
    assert "summary, manifest.json or SHA256SUMS is missing or empty" in result.explained()
    assert f"the newest verified one is now {EVENING}" in result.explained()
    assert_untouched(server, shop)


@pytest.mark.parametrize("text", ["nonsense", '"name": "{}"\n}}', "[]", '{{"name": "{}"}}'])
def test_a_manifest_that_says_nothing_is_refused_though_its_hash_is_right(
    pod: Pod, server: Server, shop: str, text: str
) -> None:
    (pod.volume / NOON / "manifest.json").write_text(text.format(NOON) + "\n", encoding="utf-8")
    rehash(pod.volume / NOON)
    result = pod.restore(NOON)
    assert result.code == 1
    assert "manifest.json" in result.explained()
    assert "the live database was not touched" in result.explained()
    assert_untouched(server, shop)


def test_of_several_databases_a_backup_that_does_not_name_its_own_is_refused(
    pod: Pod, server: Server, shop: str, neighbour: str
) -> None:
    path = pod.volume / NOON / "summary"
    path.write_text(
        path.read_text(encoding="utf-8").replace("database=", "x=", 1), encoding="utf-8"
    )
    result = pod.restore(NOON, DATABASE_NAMES=f"{shop}\n{neighbour}")
    assert result.code == 1
    assert f"backup {NOON} is damaged" in result.explained()
    assert "its summary does not say of which database it is" in result.explained()
    assert rows(server, shop) == "9"


# --- which database -------------------------------------------------------------------------------


@pytest.fixture
def several(pod: Pod, shop: str, neighbour: str) -> Pod:
    """A pod of both databases; the neighbour's one backup is the newest of all."""
    dated_backup(pod, "backup-20260310-230000", DATABASE_NAME=neighbour)
    pod.settings["DATABASE_NAMES"] = f"{shop}\n{neighbour}"
    return pod


def test_the_latest_of_a_named_database_is_its_own(
    several: Pod, server: Server, shop: str, neighbour: str
) -> None:
    result = several.restore("latest", RESTORE_DATABASE=shop)
    assert result.code == 0, result.output
    assert rows(server, shop) == "3"
    assert rows(server, neighbour) == "5"
    assert "passed over" not in result.output, "the neighbour's is not one of it"


def test_a_time_goes_with_a_named_database(
    several: Pod, server: Server, shop: str, neighbour: str
) -> None:
    result = at(several, "2026-03-10T23:30Z", RESTORE_DATABASE=shop)
    assert takes(result, EVENING), result.output
    refused = at(several, "2026-03-10T22:59Z", RESTORE_DATABASE=neighbour)
    assert "the oldest one is backup-20260310-230000" in refused.explained()
    assert rows(server, neighbour) == "5"


def test_a_time_of_several_databases_is_refused_with_the_newest_of_each(
    several: Pod, server: Server, shop: str, neighbour: str
) -> None:
    result = at(several, "2026-03-10T14:00Z")
    assert result.code == 2
    assert f'{NOON} of "{shop}", none of "{neighbour}"' in result.explained()
    assert "RESTORE_DATABASE=" in result.explained()
    assert rows(server, shop) == "9"


@pytest.mark.parametrize("how", ["latest", NOON])
def test_a_database_that_is_not_of_the_stack_is_refused_with_those_that_are(
    several: Pod, server: Server, shop: str, neighbour: str, how: str
) -> None:
    result = several.restore(how, RESTORE_DATABASE="elsewhere")
    assert result.code == 2
    assert 'RESTORE_DATABASE is "elsewhere"' in result.explained()
    assert f'this stack backs up "{shop}", "{neighbour}"' in result.explained()
    assert rows(server, shop) == "9"


def test_a_backup_does_not_go_into_its_neighbour_by_a_slip(
    several: Pod, server: Server, shop: str, neighbour: str
) -> None:
    result = several.restore(NOON, RESTORE_DATABASE=neighbour)
    assert result.code == 1
    assert f'is of database "{shop}", not of "{neighbour}"' in result.explained()
    assert rows(server, neighbour) == "5"


def test_a_legacy_file_goes_into_the_database_that_is_named(
    several: Pod, server: Server, neighbour: str
) -> None:
    legacy = make_legacy(several, server).name
    refused = several.restore(legacy)
    assert refused.code == 1
    assert f"{legacy} does not say of which database it is" in refused.explained()
    assert "RESTORE_DATABASE=" in refused.explained()
    result = several.restore(legacy, RESTORE_DATABASE=neighbour)
    assert result.code == 0, result.output
    assert rows(server, neighbour) == "9"


# --- into another name ----------------------------------------------------------------------------


def about(server: Server, name: str) -> str:
    """What belongs to a database as such."""
    return server.psql(
        "postgres",
        f"""SELECT datconnlimit, datallowconn, datacl, shobj_description(d.oid, 'pg_database'),
                   (SELECT string_agg(setconfig::text, ',') FROM pg_db_role_setting
                     WHERE setdatabase = d.oid)
              FROM pg_database d WHERE datname = '{name}'""",
    )


def test_into_another_name_leaves_the_database_alone_and_brings_the_backups_settings(
    pod: Pod, server: Server, shop: str
) -> None:
    server.psql(
        "postgres",
        f"ALTER DATABASE {shop} CONNECTION LIMIT 7; ALTER DATABASE {shop} SET work_mem = '7MB';"
        f"COMMENT ON DATABASE {shop} IS 'the shop''s';"
        f"REVOKE CONNECT ON DATABASE {shop} FROM PUBLIC",
    )
    dated_backup(pod, "backup-20260310-210000")
    # Whoever ran the old settings again would undo this.
    server.psql("postgres", f"ALTER DATABASE {shop} CONNECTION LIMIT 8")
    before = about(server, shop)
    new = f'{shop} "new", 新'
    result = pod.restore("latest", RESTORE_INTO=new)
    assert result.code == 0, result.output
    assert rows(server, new) == "9"
    assert rows(server, shop) == "9"
    assert about(server, shop) == before
    limit, _, rights, comment, settings = about(server, new).split("\t")
    # As the backup says, not as the live database is now.
    assert (limit, comment, settings) == ("7", "the shop's", "{work_mem=7MB}")
    assert "=T/keeper" in rights, "nobody may connect but whom the rights name"
    assert {each for each in server.databases() if each.startswith(shop)} == {shop, new}
    assert f'it goes into the new database "{new}"' in result.output
    assert "WARNING: the backup is of database" not in result.output
    assert f"✓ Database {new} is restored from backup-20260310-210000" in result.output


def test_into_goes_with_a_backup_of_a_database_that_the_stack_does_not_have(
    several: Pod, server: Server, shop: str
) -> None:
    foreign = several.good_backup(DATABASE_NAME="source").name
    result = several.restore(foreign, RESTORE_INTO=f"{shop}_new")
    assert result.code == 0, result.output
    assert server.psql(f"{shop}_new", "SELECT count(*) FROM orders") == "3000"


def test_into_goes_with_a_legacy_file(several: Pod, server: Server, shop: str) -> None:
    legacy = make_legacy(several, server).name
    result = several.restore(legacy, RESTORE_INTO=f"{shop}_new")
    assert result.code == 0, result.output
    assert rows(server, f"{shop}_new") == "9"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("postgres", "that database belongs to the server itself"),
        ("template0", "that database belongs to the server itself"),
        ("template1", "that database belongs to the server itself"),
        ("x" * 64, "at most 63 bytes, this one has 64"),
        ("é" * 32, "at most 63 bytes, this one has 64"),
        ("line\nbreak", "a control character"),
        ("tab\tle", "a control character"),
        ("SHOP", "that is a database of this stack"),
    ],
)
def test_a_name_that_cannot_be_a_new_database_is_refused(
    pod: Pod, server: Server, shop: str, name: str, said: str
) -> None:
    result = pod.restore("latest", RESTORE_INTO=shop if name == "SHOP" else name)
    assert result.code == 2
    assert "RESTORE_INTO is" in result.explained()
    assert said in result.explained()
    assert_untouched(server, shop)


def test_into_a_database_that_exists_is_refused(
    pod: Pod, server: Server, shop: str, neighbour: str
) -> None:
    result = pod.restore("latest", RESTORE_INTO=neighbour)
    assert result.code == 1
    assert f'database "{neighbour}" exists already on the server' in result.explained()
    assert rows(server, neighbour) == "5"
    assert kept(server, shop) == {neighbour}


def test_into_a_name_of_63_bytes_is_possible(pod: Pod, server: Server, shop: str) -> None:
    new = f"{shop}_" + "é" * 28
    assert len(new.encode()) == 63
    result = pod.restore("latest", RESTORE_INTO=new)
    assert result.code == 0, result.output
    assert rows(server, new) == "3"


@pytest.mark.parametrize("part", ["RESTORE_TABLES", "RESTORE_SCHEMAS"])
def test_into_does_not_go_with_parts(pod: Pod, shop: str, part: str) -> None:
    result = pod.restore("latest", RESTORE_INTO=f"{shop}_new", **{part: "public"})
    assert result.code == 2
    assert "RESTORE_INTO does not go with" in result.explained()


# --- what the server can --------------------------------------------------------------------------


def unknown_locale(facts: dict[str, Any]) -> None:
    facts["database"] |= {"collate": "xx_XX.utf8"}


def unknown_encoding(facts: dict[str, Any]) -> None:
    facts["database"] |= {"encoding": "KLINGON"}


def unknown_builtin(facts: dict[str, Any]) -> None:
    facts["database"] |= {"localeProvider": "builtin", "locale": "PG_FUTURE"}


def unknown_owner(facts: dict[str, Any]) -> None:
    facts["database"] |= {"owner": "somebody"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (unknown_locale, 'operating system has no locale "xx_XX.utf8"'),
        (unknown_encoding, "does not know the encoding KLINGON"),
        (unknown_builtin, 'the server has no builtin locale "PG_FUTURE"'),
        (unknown_owner, "roles are missing: somebody"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_the_server_lacks_is_found_before_anything_is_made(
    pod: Pod, server: Server, shop: str, change: Callable[[dict[str, Any]], None], said: str
) -> None:
    change_manifest(pod.volume / EVENING, change)
    result = pod.restore("latest")
    assert result.code == 1
    assert said in result.explained()
    assert "Created the side database" not in result.output
    assert_untouched(server, shop)


def test_every_locale_of_the_server_passes(pod17: Pod, server17: Server) -> None:
    name = f"shop{time.monotonic_ns()}"
    options = {
        "libc": "LOCALE_PROVIDER libc LOCALE 'en_US.UTF-8'",
        "latin": "LOCALE_PROVIDER libc LOCALE 'C' ENCODING 'LATIN1'",
        "icu": "LOCALE_PROVIDER icu ICU_LOCALE 'de-AT' LOCALE 'C.UTF-8'",
        "builtin": "LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8' LOCALE 'C'",
    }
    try:
        for each, words in options.items():
            server17.psql("postgres", f"CREATE DATABASE {name}_{each} TEMPLATE template0 {words}")
            pod17.database = f"{name}_{each}"
            pod17.good_backup()
            result = planned(pod17)
            assert result.code == 0, result.output
            assert "REINDEX" not in result.output
    finally:
        drop_databases(server17, name)


@pytest.mark.parametrize("provider", ["libc", "icu"])
def test_another_version_of_the_collation_is_a_warning_that_names_reindex(
    pod17: Pod, server17: Server, provider: str
) -> None:
    words = {"libc": "LOCALE 'en_US.UTF-8'", "icu": "ICU_LOCALE 'de' LOCALE 'C.UTF-8'"}[provider]
    name = f"shop{time.monotonic_ns()}"
    server17.psql(
        "postgres",
        f"CREATE DATABASE {name} TEMPLATE template0 LOCALE_PROVIDER {provider} {words}",
    )
    try:
        pod17.database = name
        backup = pod17.good_backup()
        change_manifest(backup, lambda facts: facts["database"].update(collationVersion="1.5"))
        result = planned(pod17)
        assert result.code == 0, result.output
        assert "WARNING: the database was made with version 1.5 of its collation" in result.output
        assert "REINDEX" in result.output
    finally:
        drop_databases(server17, name)


@pytest.mark.usefixtures("shop")
def test_an_extension_of_another_version_is_a_warning(pod: Pod, server: Server) -> None:
    available = server.psql(
        "postgres", "SELECT default_version FROM pg_available_extensions WHERE name = 'plpgsql'"
    )

    def older(facts: dict[str, Any]) -> None:
        (language,) = [each for each in facts["extensions"] if each["name"] == "plpgsql"]
        language["version"] = "0.1"

    change_manifest(pod.volume / EVENING, older)
    result = planned(pod)
    assert result.code == 0, result.output
    assert (
        f"WARNING: extension plpgsql was 0.1, the server installs {available} and has no 0.1"
        f" (it has {available})" in result.output
    )


def test_too_few_free_connections_are_told_with_their_numbers(
    pod: Pod, server: Server, shop: str
) -> None:
    result = pod.restore("latest", RESTORE_JOBS="60")
    assert result.code == 1
    assert "the restore needs 63 connections, and " in result.explained()
    # Of 40, three are for superusers only, and the dump is executed by none.
    assert "the server lets in 37, and " in result.explained()
    assert "restoreJobs" in result.explained()
    assert_untouched(server, shop)


@pytest.fixture
def clerk(pod: Pod, server: Server, shop: str) -> Iterator[str]:
    """The Secret's role is no superuser, and owns the database."""
    server.psql(
        "postgres",
        f"CREATE ROLE clerk LOGIN CREATEDB PASSWORD $p${PASSWORD}$p$;"
        f"ALTER DATABASE {shop} OWNER TO clerk",
    )
    server.psql(shop, "ALTER TABLE t OWNER TO clerk")
    (pod.secret / "username").write_text("clerk", encoding="utf-8")
    shutil.rmtree(pod.volume / EVENING)
    dated_backup(pod, EVENING)
    yield shop
    drop_databases(server, shop)
    server.psql("postgres", "DROP ROLE clerk")


@pytest.mark.usefixtures("clerk")
def test_the_limit_of_the_role_counts_too(pod: Pod, server: Server) -> None:
    server.psql("postgres", "ALTER ROLE clerk CONNECTION LIMIT 4")
    result = pod.restore("latest")
    assert result.code == 1
    assert "the restore needs 5 connections, and 4 are free" in result.explained()
    assert 'role "clerk" may have 4 and has 0' in result.explained()
    server.psql("postgres", "ALTER ROLE clerk CONNECTION LIMIT 5")
    result = planned(pod)
    assert result.code == 0, result.output


def test_whom_the_new_database_is_to_belong_to_has_to_be_a_role_of_ones_own(
    pod: Pod, server: Server, clerk: str
) -> None:
    server.psql("postgres", "CREATE ROLE master")
    try:
        change_manifest(
            pod.volume / EVENING, lambda facts: facts["database"].update(owner="master")
        )
        result = pod.restore("latest")
        assert result.code == 1
        assert 'is to belong to "master", user "clerk" is not a member' in result.explained()
        assert "GRANT master TO clerk" in result.explained()
        assert kept(server, clerk) == set()
    finally:
        server.psql("postgres", "DROP ROLE master")


def test_sessions_that_the_role_may_not_end_are_told_hours_before_the_swap(
    pod: Pod, server: Server, clerk: str
) -> None:
    with subprocess.Popen(
        [BINARIES / "psql", "-X", "-q", "-A", "-t"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=server.environment("keeper", clerk),
    ) as session:
        assert session.stdin is not None
        assert session.stdout is not None
        session.stdin.write("SELECT 'in';\n")
        session.stdin.flush()
        assert session.stdout.readline() == "in\n"
        result = planned(pod)
        session.stdin.close()
    assert (
        'WARNING: user "clerk" may not end the sessions that others have in it now (keeper)'
        in result.output
    )


def test_a_role_that_may_not_write_is_told_so(pod: Pod, server: Server, clerk: str) -> None:
    server.psql("postgres", "ALTER ROLE clerk SET default_transaction_read_only = on")
    result = pod.restore("latest")
    assert result.code == 1
    assert "takes no changes" in result.explained()
    assert 'default_transaction_read_only is on for user "clerk"' in result.explained()
    assert kept(server, clerk) == set()


def test_a_live_database_that_is_read_only_by_its_own_setting_is_no_obstacle(
    pod: Pod, server: Server, shop: str
) -> None:
    server.psql("postgres", f"ALTER DATABASE {shop} SET default_transaction_read_only = on")
    result = pod.restore("latest")
    assert result.code == 0, result.output
    assert rows(server, shop) == "3"


# --- the disk of the server -----------------------------------------------------------------------


@pytest.mark.usefixtures("shop")
def test_where_the_free_space_is_not_known_the_plan_says_what_is_needed(pod: Pod) -> None:
    result = planned(pod)
    assert result.code == 0, result.output
    (line,) = [each for each in result.output.splitlines() if "disk: the server needs" in each]
    assert "MiB free (the database had " in line
    assert "the live one, which stays, has " in line
    assert "On a full disk the restore fails and what it made is dropped" in result.output


def test_too_little_free_space_stops_with_the_numbers(pod: Pod, server: Server, shop: str) -> None:
    result = with_free_bytes(pod, "1048576")
    assert result.code == 1
    assert "the server's disk has 1.0 MiB free, the restore needs about " in result.explained()
    assert "the database had " in result.explained()
    assert "enlarge the server's volume" in result.explained()
    assert "Created the side database" not in result.output
    assert_untouched(server, shop)


def test_the_space_of_databases_that_were_kept_is_named(
    pod: Pod, server: Server, shop: str
) -> None:
    server.psql("postgres", f"CREATE DATABASE {shop}_before")
    mark = f"pgkeep kept: backup-20260101-000000 20260101_000000 {shop}"
    server.psql("postgres", f"COMMENT ON DATABASE {shop}_before IS '{mark}'")
    result = with_free_bytes(pod, "1048576")
    assert "drop what earlier restores have put aside (" in result.explained()


def test_enough_free_space_is_said_and_used(pod: Pod, server: Server, shop: str) -> None:
    result = with_free_bytes(pod, "0999999999999")
    assert result.code == 0, result.output
    assert rows(server, shop) == "3"
    assert "disk: the server has 931.3 GiB free and needs about " in result.output
    assert "PostgreSQL does not tell" not in result.output


@pytest.mark.parametrize("free", ["much", "-1", "1e9"])
def test_free_space_is_a_number(pod: Pod, server: Server, shop: str, free: str) -> None:
    result = with_free_bytes(pod, free)
    assert result.code == 2
    assert f'RESTORE_FREE_BYTES is "{free}"' in result.explained()
    assert_untouched(server, shop)


def test_the_space_for_a_legacy_file_is_reckoned_from_the_live_database(
    pod: Pod, server: Server, shop: str
) -> None:
    legacy = make_legacy(pod, server).name
    result = planned(pod, legacy)
    assert result.code == 0, result.output
    assert "reckoned from the live database" in result.output
    result = planned(pod, legacy, RESTORE_INTO=f"{shop}_new")
    assert result.code == 0, result.output
    assert "disk: how large the database will be is not known" in result.output


@pytest.mark.parametrize(
    ("extra", "stopped"), [({}, True), ({"RESTORE_TABLES": "t"}, False)], ids=["whole", "parts"]
)
def test_what_only_the_swap_minds_does_not_stop_single_tables(
    pod: Pod, server: Server, shop: str, extra: dict[str, str], stopped: bool
) -> None:
    server.psql(shop, "BEGIN; DELETE FROM t WHERE x = 1; PREPARE TRANSACTION 'stuck'")
    try:
        code = f"source {SCRIPTS}/restore/main.sh; restore_tables() {{ exit 0; }}; main"
        result = pod.run("restore/main.sh", code=code, **extra)
        assert ("1 prepared transactions are open" in result.output) == stopped
        assert (result.code == 0) != stopped
        assert ("room for the tables twice" in result.output) != stopped
    finally:
        server.psql(shop, "ROLLBACK PREPARED 'stuck'")


# --- replication ----------------------------------------------------------------------------------


@pytest.fixture
def own_server() -> Iterator[Server]:
    """A server that a test may start anew with other settings."""
    with running_server() as running:
        yield running


@contextmanager
def started_anew(server: Server, **settings: str) -> Generator[None]:
    """Stops the server and starts it with more settings, as another process."""
    data = server.directory / "data"
    words = {
        "listen_addresses": "127.0.0.1",
        "port": str(server.port),
        "unix_socket_directories": str(server.directory),
        "fsync": "off",
        "shared_buffers": "32MB",
        "max_prepared_transactions": "2",  # a standby needs no less than was there before
    } | settings
    os.kill(server.pid, signal.SIGINT)
    wait_until(lambda: not (data / "postmaster.pid").exists(), 20)
    command = [
        *drop_privileges(SERVER_UID, SERVER_UID, "--pdeathsig=INT"),
        *("postgres", "-D", str(data)),
        *(word for key, value in words.items() for word in ("-c", f"{key}={value}")),
    ]
    with server.log.open("ab") as output, ExitStack() as stack:
        process = stack.enter_context(
            subprocess.Popen(
                server.postgres.command(command, server.directory),
                stdout=output,
                stderr=output,
                cwd=server.directory,
                env={"PATH": server.postgres.path},
            )
        )
        stack.callback(process.send_signal, signal.SIGINT)
        wait_until(lambda: server.psql("postgres", "SELECT 1", check=False) == "1", 20)
        yield


def test_a_live_database_that_others_replicate_from_or_that_replicates_is_a_warning(
    own_server: Server,
) -> None:
    with (
        started_anew(own_server, wal_level="logical"),
        new_pod(own_server.port, "shop") as pod,
    ):
        own_server.psql("postgres", "CREATE DATABASE shop")
        own_server.psql("shop", "CREATE TABLE t (x int); CREATE PUBLICATION p FOR TABLE t")
        pod.good_backup()
        own_server.psql("shop", "SELECT pg_create_logical_replication_slot('feed', 'pgoutput')")
        own_server.psql(
            "shop",
            "CREATE SUBSCRIPTION news CONNECTION 'dbname=nowhere' PUBLICATION all_news"
            " WITH (connect = false, slot_name = NONE)",
        )
        result = planned(pod)
        assert result.code == 0, result.output
        assert (
            "WARNING: logical replication slots of it stay with the old database: feed (not in use)"
            in result.output
        )
        assert "WARNING: subscriptions of it stay with the old database" in result.output
        assert "receiving there: news" in result.output


def test_a_standby_is_refused_before_anything_is_tried(own_server: Server) -> None:
    with new_pod(own_server.port, "shop") as pod:
        own_server.psql("postgres", "CREATE DATABASE shop")
        own_server.psql("shop", "CREATE TABLE t (x int)")
        pod.good_backup()
        # What a killed restore left could not be dropped there either.
        own_server.psql("postgres", "CREATE DATABASE shop_restore_20260101_000000")
        own_server.psql(
            "postgres",
            "COMMENT ON DATABASE shop_restore_20260101_000000"
            " IS 'pgkeep restore in progress: backup-20260101-000000 shop'",
        )
        (own_server.directory / "data/standby.signal").touch()
        with started_anew(own_server):
            result = pod.restore("latest")
            assert result.code == 1
            assert "takes no changes" in result.explained()
            assert "it is a standby" in result.explained()
            assert "set databaseHost to the primary" in result.explained()

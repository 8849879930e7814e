"""What a restore has replaced comes back in a moment, or goes when told to; never silently."""

from __future__ import annotations

import fcntl
import re
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.scripts.harness import (
    PASSWORD,
    SCRIPTS,
    Pod,
    Result,
    Server,
    clone_backup,
    drop_databases,
    fingerprint,
    give,
    kill_session,
    wait_until,
)

SMALL = "CREATE TABLE t AS SELECT 1 AS x; COMMENT ON DATABASE shop IS E'ours\\nof two lines'"


@pytest.fixture
def shop(pod: Pod, server: Server) -> Iterator[str]:
    """A small database that has been backed up, changed, and restored: it holds 1, kept is 2."""
    server.psql("postgres", "CREATE DATABASE shop")
    pod.database = "shop"
    try:
        server.psql("shop", SMALL)
        pod.good_backup()
        server.psql("shop", "UPDATE t SET x = 2")
        restore(pod)
        assert server.psql("shop", "SELECT x FROM t") == "1"
        yield "shop"
    finally:
        drop_databases(server, "shop")


def restore(pod: Pod, **overrides: str) -> Result:
    """A restore that must succeed, without a safety backup: that has its own tests."""
    result = pod.restore(**({"RESTORE_SAFETY_BACKUP": "false"} | overrides))
    assert result.code == 0, result.output
    return result


def undo(pod: Pod, **overrides: str) -> Result:
    return pod.run("restore/main.sh", RESTORE_ACTION="undo", **overrides)


def drop_old(pod: Pod, **overrides: str) -> Result:
    return pod.run("restore/main.sh", RESTORE_ACTION="drop-aside", **overrides)


def kept(server: Server, name: str = "shop") -> set[str]:
    """What stands beside a database."""
    return {
        each for each in server.databases() if re.match(rf"{re.escape(name)}_(before|undone)", each)
    }


def holds(server: Server, database: str = "shop") -> str:
    return server.psql(database, "SELECT x FROM t")


def comment_of(server: Server, database: str) -> str:
    return server.psql(
        "postgres",
        "SELECT shobj_description(oid, 'pg_database') FROM pg_database"
        f" WHERE datname = '{database}'",
    )


def keep_since(server: Server, database: str, stamp: str) -> None:
    """As if it had been kept at another time."""
    comment = re.sub(r" \d{8}_\d{6} ", f" {stamp} ", comment_of(server, database))
    server.psql("postgres", f"COMMENT ON DATABASE {database} IS $c${comment}$c$")


# --- undo -----------------------------------------------------------------------------------------


def test_undo_brings_back_what_was_and_keeps_what_is(pod: Pod, server: Server, copy: str) -> None:
    pod.database = copy
    (backup,) = [pod.good_backup().name]
    server.psql(copy, "UPDATE customers SET name = 'newer' WHERE id = 1; DELETE FROM orders")
    before = fingerprint(server, copy)
    restore(pod)
    (old,) = kept(server, copy)
    restored = fingerprint(server, copy)
    assert restored != before
    result = undo(pod)
    assert result.code == 0, result.output
    assert fingerprint(server, copy) == before
    (undone,) = kept(server, copy)
    assert re.fullmatch(rf"{copy}_undone_\d{{8}}_\d{{6}}", undone)
    assert fingerprint(server, undone) == restored
    said = f"{copy} is again what it was before the restore of {backup} at "
    assert said in result.output
    assert f"  aside         what it was until now, as {undone}\n" in result.output
    assert re.search(r"^  duration +\d", result.output, re.MULTILINE)
    record = pod.records("restores")[-1]
    expected = {"action": "undo", "result": "ok", "swapped": True, "back": old, "kept": undone}
    assert record.items() >= expected.items()


def test_an_undo_is_undone_by_the_next(pod: Pod, server: Server, shop: str) -> None:
    assert [(undo(pod).code, holds(server)) for _ in range(3)] == [(0, "2"), (0, "1"), (0, "2")]
    assert len(kept(server, shop)) == 1
    assert "before the undo at" in undo(pod).output


def test_undo_goes_on_postgresql_17_as_well(pod17: Pod, server17: Server) -> None:
    server17.psql("postgres", "CREATE DATABASE shop")
    pod17.database = "shop"
    try:
        server17.psql("shop", SMALL)
        pod17.good_backup()
        server17.psql("shop", "UPDATE t SET x = 2")
        restore(pod17)
        for value in "21":
            result = undo(pod17)
            assert result.code == 0, result.output
            assert holds(server17) == value
        result = drop_old(pod17, RESTORE_DROP="all")
        assert result.code == 0, result.output
        assert kept(server17) == set()
    finally:
        drop_databases(server17, "shop")


def test_the_newest_is_taken(pod: Pod, server: Server, shop: str) -> None:
    server.psql(shop, "UPDATE t SET x = 3")
    (first,) = kept(server)
    restore(pod)
    assert undo(pod).code == 0
    assert holds(server) == "3"
    assert holds(server, first) == "2"


def test_each_database_gets_its_own_comment_back(pod: Pod, server: Server, shop: str) -> None:
    (old,) = kept(server)
    (backup,) = pod.names()
    own = "ours\nof two lines"
    pattern = rf"pgkeep kept: {backup} \d{{8}}_\d{{6}} shop\n{own}"
    assert re.fullmatch(pattern, comment_of(server, old))
    assert comment_of(server, shop) == own
    server.psql("postgres", "COMMENT ON DATABASE shop IS 'it''s restored'")
    undo(pod)
    assert comment_of(server, shop) == own
    (undone,) = kept(server)
    pattern = r"pgkeep kept: undo \d{8}_\d{6} shop\nit's restored"
    assert re.fullmatch(pattern, comment_of(server, undone))
    undo(pod)
    assert comment_of(server, shop) == "it's restored"


def test_a_database_without_a_comment_gets_none(pod: Pod, server: Server, shop: str) -> None:
    (old,) = kept(server)
    server.psql("postgres", "COMMENT ON DATABASE shop IS NULL")
    keep = comment_of(server, old).partition("\n")[0]
    server.psql("postgres", f"COMMENT ON DATABASE {old} IS $c${keep}$c$")
    undo(pod)
    assert comment_of(server, shop) == ""
    (undone,) = kept(server)
    assert comment_of(server, undone).endswith(" shop")


def test_the_printed_statements_do_the_same_as_an_undo(pod: Pod, server: Server, shop: str) -> None:
    output = undo(pod).output
    assert output.index("    pgkeep undo-restore\n") < output.index("    ALTER DATABASE")
    lines = [line for line in output.splitlines() if re.match("    (ALTER|SELECT|BEGIN)", line)]
    server.psql("postgres", "\n".join(lines))
    assert holds(server) == "1"
    assert comment_of(server, shop) == "ours\nof two lines"
    # The next undo knows what was done by hand.
    assert undo(pod).code == 0
    assert holds(server) == "2"
    assert comment_of(server, shop) == "ours\nof two lines"
    (named,) = re.findall(r"^    pgkeep drop-aside (\S+)$", output, re.MULTILINE)
    assert f"\n    DROP DATABASE {named};\n" in output


def test_undo_works_where_the_live_database_is_gone(pod: Pod, server: Server, shop: str) -> None:
    server.psql("postgres", "DROP DATABASE shop")
    result = undo(pod)
    assert result.code == 0, result.output
    assert (holds(server), kept(server)) == ("2", set())
    assert comment_of(server, shop) == "ours\nof two lines"


def test_a_long_name_is_short_enough_each_time(pod: Pod, server: Server) -> None:
    name = "ä" * 31
    server.psql("postgres", f'CREATE DATABASE "{name}"')
    pod.database = name
    try:
        server.psql(name, "CREATE TABLE t AS SELECT 1 AS x")
        pod.good_backup()
        restore(pod)
        for _ in range(2):
            result = undo(pod)
            assert result.code == 0, result.output
        assert drop_old(pod, RESTORE_DROP="all").code == 0
        assert {each for each in server.databases() if each.startswith("ä")} == {name}
    finally:
        drop_databases(server, "ä")


def test_where_there_is_nothing_to_undo_it_says_what_there_is(
    pod: Pod, server: Server, copy: str
) -> None:
    pod.database = copy
    result = undo(pod)
    assert result.code == 1
    assert f'there is nothing to undo for "{copy}"' in result.explained()
    assert "pgkeep list-backups" in result.explained()
    pod.good_backup()
    assert pod.restore().code == 0
    assert drop_old(pod, RESTORE_DROP="all").code == 0
    result = undo(pod)
    assert result.code == 1
    (safety,) = [path.name for path in pod.volume.glob(".records/safety/backup-*")]
    assert f"pgkeep run-restore {safety}" in result.explained()
    assert kept(server, copy) == set()
    assert pod.records("restores")[-1]["reason"] == "nothing"


def test_of_several_databases_the_one_that_is_named(pod: Pod, server: Server, shop: str) -> None:
    both = {"DATABASE_NAMES": f"source\n{shop}"}
    result = undo(pod, **both)
    assert result.code == 2
    assert "RESTORE_DATABASE is empty" in result.explained()
    result = undo(pod, **both, RESTORE_DATABASE="other")
    assert result.code == 2
    assert 'RESTORE_DATABASE is "other"' in result.explained()
    result = undo(pod, **both, RESTORE_DATABASE="source")
    assert result.code == 1
    assert 'there is nothing to undo for "source"' in result.explained()
    assert holds(server) == "1"
    result = undo(pod, **both, RESTORE_DATABASE=shop)
    assert result.code == 0, result.output
    assert holds(server) == "2"
    assert f"    pgkeep undo-restore --database {shop}\n" in result.output


def test_it_waits_for_nobody_who_holds_the_volume(slow_pod: Pod) -> None:
    running = slow_pod.start("backup/one.sh")
    wait_until(lambda: bool(slow_pod.unfinished()))
    for action in (undo, drop_old):
        result = action(slow_pod, RESTORE_DROP="all")
        assert result.code == 75
        assert "another run works on volume" in result.explained()
    running.terminate()
    running.communicate()


# --- what is not ours -----------------------------------------------------------------------------


@pytest.fixture
def stranger(server: Server, shop: str) -> Iterator[str]:
    """Somebody who may make databases, and whose database says that it is a kept one."""
    name = f"{shop}_before_20991231_235959"
    server.psql("postgres", f"CREATE ROLE stranger LOGIN CREATEDB PASSWORD $p${PASSWORD}$p$")
    server.psql("postgres", f"CREATE DATABASE {name}", user="stranger")
    words = f"pgkeep kept: backup-20260101-000000 20991231_235959 {shop}"
    server.psql(name, f"COMMENT ON DATABASE {name} IS '{words}'", user="stranger")
    yield name
    drop_databases(server, name)
    server.psql("postgres", "DROP ROLE stranger")


def test_a_comment_of_somebody_elses_neither_gives_a_name_nor_takes_a_database(
    pod: Pod, server: Server, shop: str, stranger: str
) -> None:
    assert undo(pod).code == 0
    assert holds(server) == "2"
    result = drop_old(pod, RESTORE_DROP="all")
    assert result.code == 1
    assert stranger in result.explained()
    assert 'it belongs to "stranger"' in result.output
    assert kept(server, shop) == {stranger}
    result = undo(pod)
    assert result.code == 1
    assert "belongs to another owner" in result.explained()


@pytest.mark.parametrize(
    "words",
    [
        "pgkeep kept: backup-20260101-000000 99999999_999999 shop",
        "pgkeep kept: backup-20260101-000000 20260231_996199 other",
        "pgkeep kept: ",
        "pgkeep kept: a b shop",
        "pgkeep restore in progress: backup-20260101-000000 shop",
    ],
)
def test_what_only_looks_like_one_is_none(pod: Pod, server: Server, shop: str, words: str) -> None:
    (old,) = kept(server)
    server.psql("postgres", f"COMMENT ON DATABASE {old} IS '{words}'")
    assert undo(pod).code == 1
    assert drop_old(pod, RESTORE_DROP="all").code == 0
    assert kept(server, shop) == {old}
    assert holds(server) == "1"


def test_the_name_alone_makes_none(pod: Pod, server: Server, shop: str) -> None:
    (old,) = kept(server)
    server.psql("postgres", f"COMMENT ON DATABASE {old} IS NULL")
    assert undo(pod).code == 1
    assert drop_old(pod, RESTORE_DROP="all").code == 0
    assert kept(server, shop) == {old}


def test_a_day_that_no_month_has_does_no_harm(pod: Pod, server: Server, shop: str) -> None:
    (old,) = kept(server)
    keep_since(server, old, "20260231_239961")
    assert undo(pod).code == 0
    assert holds(server) == "2"
    assert kept(server, shop) != {old}


# --- rights and obstacles -------------------------------------------------------------------------


def test_a_user_without_the_rights_is_told_so_and_nothing_happens(
    pod: Pod, server: Server, shop: str
) -> None:
    server.psql("postgres", f"CREATE ROLE weak LOGIN PASSWORD $p${PASSWORD}$p$")
    (pod.secret / "username").write_text("weak", encoding="utf-8")
    try:
        result = undo(pod)
        assert result.code == 1
        assert 'user "weak" may not rename databases' in result.explained()
        assert "ALTER ROLE weak CREATEDB" in result.explained()
        assert '"shop" was not touched' in result.explained()
        assert f'database "{shop}" belongs to "keeper"' in result.output
    finally:
        server.psql("postgres", "DROP ROLE weak")


def test_a_prepared_transaction_is_found_before_anybody_is_thrown_out(
    pod: Pod, server: Server, shop: str
) -> None:
    server.psql(shop, "BEGIN; UPDATE t SET x = 5; PREPARE TRANSACTION 'stuck'")
    try:
        result = undo(pod)
        assert "1 prepared transactions are open" in result.explained()
        assert holds(server) == "1"
    finally:
        server.psql(shop, "ROLLBACK PREPARED 'stuck'")


def test_a_subscription_in_the_kept_database_is_in_nobodys_way(
    pod: Pod, server: Server, shop: str
) -> None:
    (old,) = kept(server)
    server.psql(
        old,
        "CREATE SUBSCRIPTION feed CONNECTION 'host=127.0.0.1 port=1 dbname=x' PUBLICATION p"
        " WITH (connect = false, slot_name = 'live_slot')",
    )
    assert undo(pod).code == 0
    assert (
        server.psql(
            shop,
            "SELECT subname FROM pg_subscription s JOIN pg_database d"
            " ON d.oid = subdbid WHERE datname = current_database()",
        )
        == "feed"
    )
    assert undo(pod).code == 0
    result = drop_old(pod, RESTORE_DROP="all")
    assert result.code == 0, result.output
    assert kept(server, shop) == set()


# --- the swap -------------------------------------------------------------------------------------


def test_clients_that_reconnect_in_a_tight_loop_see_the_one_and_then_the_other(
    pod: Pod, server: Server, shop: str
) -> None:
    stop = threading.Event()
    answers: list[list[tuple[float, str]]] = [[], []]

    def ask(said: list[tuple[float, str]]) -> None:
        while not stop.is_set():
            said.append((time.monotonic(), server.psql(shop, "SELECT x FROM t", check=False)))

    clients = [threading.Thread(target=ask, args=(said,)) for said in answers]
    for client in clients:
        client.start()
    try:
        result = undo(pod)
        seen = [len(said) for said in answers]
        wait_until(lambda: all(len(s) > n + 3 for s, n in zip(answers, seen, strict=True)))
    finally:
        stop.set()
        for client in clients:
            client.join()
    assert result.code == 0, result.output
    assert "✓ Swapped (attempt 1" in result.output
    for said in answers:
        values = [value for _, value in said]
        order = re.fullmatch(r"(1+)( *)(2+)", "".join(value or " " for value in values))
        assert order, "the one, then nobody for a moment, then the other"
        refused = len(order[2])
        gap = said[len(order[1]) + refused][0] - said[len(order[1]) - 1][0]
        print(f"refused {refused} times, away for {gap:.3f} s at most")
        assert gap < 2


def changed_scripts(pod: Pod, server: Server, before: str) -> Path:
    """The scripts, where the swap stands still before a statement."""
    del server
    folder = pod.root / "scripts"
    shutil.copytree(SCRIPTS, folder)
    swap = folder / "restore/swap.sql"
    text = swap.read_text(encoding="utf-8")
    assert before in text
    # Else it would not stand still for longer than that.
    text = text.replace("SET statement_timeout = '1s';", "SET statement_timeout = 0;")
    swap.write_text(text.replace(before, f"SELECT pg_sleep(60);\n{before}", 1), encoding="utf-8")
    for path in (folder, *folder.iterdir()):
        give(path, 999, 999)
    return folder


@pytest.mark.parametrize("place", ["SET statement", 'ALTER DATABASE :"side" RENAME', "COMMIT;"])
def test_killed_anywhere_one_of_the_two_is_whole_and_running_it_again_finishes(
    pod: Pod, server: Server, shop: str, place: str
) -> None:
    (old,) = kept(server)
    folder = changed_scripts(pod, server, place)
    running = pod.start(
        "restore/main.sh", code=f"exec bash {folder}/restore/main.sh", RESTORE_ACTION="undo"
    )
    asleep = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)%'"
    wait_until(lambda: int(server.psql("postgres", asleep)) > 1, 20)  # one of them asks
    kill_session(running.pid, signal.SIGKILL)
    running.communicate()
    wait_until(lambda: int(server.psql("postgres", asleep)) == 1, 20)
    assert {shop, old} <= server.databases()
    assert holds(server, old) == "2"
    result = undo(pod)
    assert result.code == 0, result.output
    assert holds(server) == "2"
    (undone,) = kept(server)
    assert holds(server, undone) == "1"


def test_an_undo_that_fails_after_a_kill_still_lets_everyone_in_again(
    pod: Pod, server: Server, shop: str
) -> None:
    server.psql(shop, "BEGIN; UPDATE t SET x = 5; PREPARE TRANSACTION 'stuck'")
    server.psql("postgres", f"ALTER DATABASE {shop} ALLOW_CONNECTIONS false")
    assert undo(pod).code == 1
    server.psql(shop, "ROLLBACK PREPARED 'stuck'")
    assert holds(server) == "1"


def test_sigterm_in_the_middle_of_the_swap_changes_nothing(
    pod: Pod, server: Server, shop: str
) -> None:
    del shop
    folder = changed_scripts(pod, server, "COMMIT;")
    running = pod.start(
        "restore/main.sh", code=f"exec bash {folder}/restore/main.sh", RESTORE_ACTION="undo"
    )
    asleep = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)%'"
    wait_until(lambda: int(server.psql("postgres", asleep)) > 1, 20)
    running.terminate()
    output, _ = running.communicate()
    assert '"shop" was not touched' in output
    assert holds(server) == "1"


# --- the end of undo ------------------------------------------------------------------------------


@pytest.fixture
def three(pod: Pod, server: Server, shop: str) -> list[str]:
    """Three kept databases: of today, of ten days ago, of a hundred days ago."""
    del shop
    names: list[str] = []
    for days in (100, 10, 0):
        if names:
            restore(pod)
        (name,) = kept(server) - set(names)
        stamp = time.strftime("%Y%m%d_%H%M%S", time.gmtime(time.time() - days * 86400 - 60))
        keep_since(server, name, stamp)
        names.append(name)
    return names


@pytest.mark.parametrize(
    ("settings", "stay"),
    [
        ({"RESTORE_KEEP_DAYS": "50"}, {1, 2}),
        ({"RESTORE_KEEP_DAYS": "9"}, {2}),
        ({"RESTORE_KEEP_DAYS": "0"}, {0, 1, 2}),
        ({"RESTORE_KEEP_DAYS": "200", "RESTORE_DROP": "all"}, set[int]()),
    ],
    ids=str,
)
def test_those_go_that_are_old_enough_and_no_others(
    pod: Pod, server: Server, three: list[str], settings: dict[str, str], stay: set[int]
) -> None:
    result = drop_old(pod, **settings)
    assert result.code == 0, result.output
    assert kept(server) == {three[index] for index in stay}
    assert holds(server) == "1"
    gone = [three[index] for index in range(3) if index not in stay]
    told = re.findall(
        r"^  dropped (\S+) \(\d+\.\d MiB, put aside [-0-9]+ [:0-9]+ UTC \((\d+) days\), replaced"
        r" by backup-\d+-\d+\)$",
        result.output,
        re.MULTILINE,
    )
    assert sorted(name for name, _ in told) == sorted(gone)
    assert {int(days) for _, days in told} == {(100, 10, 0)[three.index(name)] for name in gone}
    for name in three:
        assert re.search(rf"^  {name}: ", result.output, re.MULTILINE), "all are listed"
    record = pod.records("restores")[-1]
    assert record["action"] == "drop-aside"
    assert sorted(str(name) for name in record["dropped"]) == sorted(gone)  # pyright: ignore
    assert (int(str(record["freedBytes"])) > 1024 * 1024) == bool(gone)
    if gone:
        assert re.search(r"^  freed +\d+\.\d MiB$", result.output, re.MULTILINE)


def test_to_drop_has_no_dry_run(pod: Pod, server: Server, three: list[str]) -> None:
    """To look there is a program that can drop nothing."""
    result = drop_old(pod, RESTORE_DROP="all", RESTORE_DRY_RUN="true")
    assert result.code == 2
    assert "RESTORE_ACTION=list-aside" in result.explained()
    assert kept(server) == set(three)


def test_the_list_drops_nothing_whatever_else_is_said(
    pod: Pod, server: Server, three: list[str]
) -> None:
    settings = {"RESTORE_DROP": "all", "RESTORE_KEEP_DAYS": "1"}
    text = pod.run("restore/main.sh", RESTORE_ACTION="list-aside", **settings)
    table = pod.run(
        "restore/main.sh", RESTORE_ACTION="list-aside", RESTORE_OUTPUT="tsv", **settings
    )
    assert (text.code, table.code) == (0, 0), text.output + table.output
    assert kept(server) == set(three)
    for name in three:
        assert re.search(rf"^  {name}: \d+\.\d MiB, put aside ", text.output, re.MULTILINE)
    first, header, *rows, last = table.output.splitlines()
    assert first == "#pgkeep-aside 1"
    columns = ["name", "since", "age_seconds", "bytes", "owner", "successor", "ours", "droppable"]
    assert header.split("\t") == columns
    listed = [dict(zip(columns, row.split("\t"), strict=True)) for row in rows]
    assert [each["name"] for each in listed] == three[::-1], "the newest first"
    for each in listed:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", each["since"])
        assert each["age_seconds"].isdigit()
        assert int(each["bytes"]) > 1024 * 1024
        assert each["owner"] == "keeper"
        assert (each["ours"], each["droppable"]) == ("true", "true")
        assert re.fullmatch(r"backup-\d{8}-\d{6}", each["successor"])
    assert last == f"#end {len(three)}"
    assert not (pod.volume / ".records/restore-running.json").exists()


def test_the_list_waits_for_no_lock(pod: Pod, shop: str) -> None:  # noqa: ARG001
    with (pod.volume / ".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert pod.run("restore/main.sh", RESTORE_ACTION="list-aside").code == 0
        assert drop_old(pod, RESTORE_DROP="all").code == 75


def test_exactly_the_named_one_goes(pod: Pod, server: Server, three: list[str]) -> None:
    for wrong in (three[0][:-1], "shop", "source", f"{three[0]}'", "", " ", "a b", ".*", "-v"):
        if wrong:
            result = drop_old(pod, RESTORE_DROP=wrong)
            assert result.code == 1, wrong
            assert f'no database was put aside as "{wrong}"' in result.explained()
            assert "was not touched" in result.explained()
    assert drop_old(pod, RESTORE_DROP=three[1]).code == 0
    assert kept(server) == {three[0], three[2]}


def test_a_wrong_clock_of_the_pod_makes_nothing_old(
    pod: Pod, server: Server, three: list[str]
) -> None:
    clock = "unset EPOCHSECONDS; EPOCHSECONDS=99999999999"
    code = f"source {SCRIPTS}/restore/drop-aside.sh; {clock}; main"
    settings = {"RESTORE_ACTION": "drop-aside", "RESTORE_KEEP_DAYS": "200"}
    result = pod.run("restore/main.sh", code=code, **settings)
    assert result.code == 0, result.output
    assert kept(server) == set(three)


def test_a_drop_that_is_killed_is_finished_by_the_next(
    pod: Pod, server: Server, three: list[str]
) -> None:
    folder = pod.root / "scripts"
    shutil.copytree(SCRIPTS, folder)
    drop = folder / "aside/drop.sql"
    drop.write_text(drop.read_text(encoding="utf-8") + "SELECT pg_sleep(60);\n", encoding="utf-8")
    for path in (folder, *folder.iterdir()):
        give(path, 999, 999)
    running = pod.start(
        "restore/main.sh",
        code=f"exec bash {folder}/restore/main.sh",
        RESTORE_ACTION="drop-aside",
        RESTORE_DROP="all",
    )
    wait_until(lambda: len(kept(server)) == 2, 20)
    kill_session(running.pid, signal.SIGKILL)
    running.communicate()
    assert len(kept(server)) == 2
    assert drop_old(pod, RESTORE_DROP="all").code == 0
    assert kept(server) == set()
    assert holds(server) == "1"
    assert three


# --- by age, after a good backup ------------------------------------------------------------------


def test_a_good_backup_drops_what_is_old_enough_and_says_so(
    pod: Pod, server: Server, three: list[str]
) -> None:
    result = pod.backup(RESTORE_KEEP_DAYS="9")
    assert result.code == 0, result.output
    assert kept(server) == {three[2]}
    for name, days in ((three[0], 100), (three[1], 10)):
        assert re.search(
            rf"^  dropped {name} \(\d+\.\d MiB, put aside .* \({days} days\)",
            result.output,
            re.MULTILINE,
        )
    assert (
        "✓ Databases that restores have put aside (older than 9 days: 2 dropped, " in result.output
    )


def test_by_default_nothing_is_dropped_and_nothing_said(
    pod: Pod, server: Server, three: list[str]
) -> None:
    result = pod.backup()
    assert kept(server) == set(three)
    assert "restores have put aside" not in result.output


def test_a_backup_that_fails_drops_nothing(pod: Pod, server: Server, three: list[str]) -> None:
    assert pod.backup(RESTORE_KEEP_DAYS="9", BACKUP_COMPRESSION="lz4:1").code == 1
    assert kept(server) == set(three)


def test_while_a_backup_is_suspicious_nothing_is_dropped(
    pod: Pod, server: Server, three: list[str]
) -> None:
    first = pod.volume / pod.names()[0]
    odd = clone_backup(first, "backup-20200101-000000").name
    pod.put_mark("suspicious", odd)
    result = pod.backup(RESTORE_KEEP_DAYS="9")
    assert f"none dropped: {odd} is suspicious until it is acknowledged" in result.output
    assert kept(server) == set(three)
    assert pod.console("acknowledge", odd).code == 0
    assert pod.backup(RESTORE_KEEP_DAYS="9").code == 0
    assert kept(server) == {three[2]}


def test_a_role_that_may_not_drop_them_is_warned_and_the_backup_is_good(
    pod: Pod, server: Server, three: list[str]
) -> None:
    server.psql("postgres", f"CREATE ROLE reader LOGIN PASSWORD $p${PASSWORD}$p$")
    server.psql("postgres", "GRANT pg_read_all_data TO reader")
    (pod.secret / "username").write_text("reader", encoding="utf-8")
    try:
        result = pod.backup(RESTORE_KEEP_DAYS="9")
        assert result.code == 0, result.output
        assert kept(server) == set(three)
        for name in three[:2]:
            assert re.search(
                rf"WARNING: {name} \(.*\) stays: it belongs to \"keeper\"", result.output
            )
        assert "0 dropped, 0 B freed, 2 could not be" in result.output
    finally:
        server.psql("postgres", "DROP ROLE reader")


def test_a_clock_that_is_wrong_drops_nothing(pod: Pod, server: Server, three: list[str]) -> None:
    code = (
        f"source {SCRIPTS}/backup/one.sh;"
        " check_clock() { CLOCK_DOUBTED='the clocks differ'; CLOCK_BASE=$((EPOCHSECONDS -"
        " $(uptime_seconds))); }; main"
    )
    result = pod.run("backup/one.sh", code=code, RESTORE_KEEP_DAYS="9")
    assert "none dropped: the clocks differ" in result.output
    assert kept(server) == set(three)

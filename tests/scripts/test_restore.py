"""A restore never loses the database: the old or the new one is whole under the name."""

from __future__ import annotations

import gzip
import re
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.scripts.harness import (
    BINARIES,
    PASSWORD,
    SCRIPTS,
    Pod,
    Server,
    change_manifest,
    clone_backup,
    drop_databases,
    fingerprint,
    finish,
    kill_session,
    make_legacy,
    rehash,
    wait_until,
)


@pytest.fixture
def live(pod: Pod, server: Server, copy: str) -> Iterator[str]:
    """A database that has been backed up and changed since."""
    pod.database = copy
    pod.good_backup()
    server.psql(
        copy, "UPDATE customers SET name = 'newer' WHERE id = 1; DELETE FROM orders WHERE id > 2000"
    )
    yield copy
    server.psql("postgres", f"ALTER DATABASE {copy} ALLOW_CONNECTIONS true", check=False)


def beside(server: Server, name: str) -> set[str]:
    """Databases that a restore made beside the live one."""
    return {each for each in server.databases() if each.startswith(name) and each != name}


def assert_untouched(server: Server, name: str, before: dict[str, str]) -> None:
    """The live database answers as before, and nothing is left beside it."""
    assert fingerprint(server, name) == before
    assert beside(server, name) == set()


def test_the_old_database_is_kept_and_the_printed_statements_undo_the_restore(
    pod: Pod, server: Server, live: str
) -> None:
    before = fingerprint(server, live)
    result = pod.restore()
    assert result.code == 0, result.output
    (kept,) = beside(server, live)
    assert re.fullmatch(rf"{live}_before_\d{{8}}_\d{{6}}", kept)
    assert fingerprint(server, kept) == before
    assert fingerprint(server, live) != before
    statements = [
        line.strip()
        for line in result.output.splitlines()
        if re.match("    (ALTER|SELECT|BEGIN)", line)
    ]
    server.psql("postgres", "\n".join(statements))
    assert fingerprint(server, live) == before
    (record,) = pod.records("restores")
    assert (record["result"], record["swapped"]) == ("ok", True)
    assert f"DROP DATABASE {kept};" in result.output


def test_what_belongs_to_the_database_itself_is_carried_over(
    pod: Pod, server: Server, live: str
) -> None:
    server.psql(
        "postgres",
        f"""ALTER DATABASE {live} SET search_path TO "$user", "odd ""one", public;
        ALTER DATABASE {live} SET work_mem TO '7MB';
        ALTER DATABASE {live} SET "my.param" TO 'it''s; here';
        ALTER DATABASE {live} SET TimeZone TO 'Europe/Berlin';
        ALTER ROLE keeper IN DATABASE {live} SET search_path TO public, "Ödd";
        ALTER DATABASE {live} CONNECTION LIMIT 33;
        COMMENT ON DATABASE {live} IS 'the shop''s';
        REVOKE CONNECT ON DATABASE {live} FROM PUBLIC;
        GRANT CREATE ON DATABASE {live} TO pg_monitor WITH GRANT OPTION""",
    )
    look = f"""
        SELECT setrole, setconfig
          FROM pg_db_role_setting s JOIN pg_database d ON d.oid = setdatabase
         WHERE datname = '{live}' ORDER BY 1;
        SELECT datconnlimit, datallowconn, shobj_description(oid, 'pg_database')
          FROM pg_database WHERE datname = '{live}';
        SELECT grantee::regrole, privilege_type, is_grantable
          FROM pg_database, aclexplode(datacl) WHERE datname = '{live}' ORDER BY 1, 2"""
    before = server.psql("postgres", look)
    result = pod.restore()
    assert result.code == 0, result.output
    assert server.psql("postgres", look) == before


def test_a_missing_database_is_restored_under_its_name(pod: Pod, server: Server, live: str) -> None:
    server.psql("postgres", f"DROP DATABASE {live}")
    result = pod.restore()
    assert result.code == 0, result.output
    assert server.psql(live, "SELECT count(*) FROM orders") == "3000"
    assert beside(server, live) == set()
    assert (
        server.psql(
            "postgres",
            "SELECT shobj_description(oid, 'pg_database') FROM pg_database"
            f" WHERE datname = '{live}'",
        )
        == ""
    )


@pytest.mark.parametrize("by", ["name", "path", "stem"])
def test_a_legacy_file_is_restored_by_name(pod: Pod, server: Server, copy: str, by: str) -> None:
    pod.database = copy
    legacy = make_legacy(pod, server)
    before = fingerprint(server, copy)
    server.psql(copy, "DROP TABLE orders CASCADE")
    wanted = {
        "name": legacy.name,
        "path": str(legacy),
        "stem": legacy.name.removesuffix(".sql.gz"),
    }[by]
    result = pod.restore(wanted)
    assert result.code == 0, result.output
    assert "no manifest to compare with; restored 5 tables, 4903 rows" in result.output
    assert re.search(r"public\.orders\s+3000", result.output)
    assert fingerprint(server, copy) == before


def test_a_cut_legacy_file_is_refused(pod: Pod, server: Server, copy: str) -> None:
    pod.database = copy
    before = fingerprint(server, copy)
    legacy = make_legacy(pod, server)
    text = gzip.decompress(legacy.read_bytes())
    legacy.write_bytes(gzip.compress(text[: len(text) // 2]))
    result = pod.restore(legacy.name)
    assert result.code == 1
    assert "end marker is missing" in result.explained()
    assert "the live database was not touched" in result.explained()
    assert_untouched(server, copy, before)


def test_a_legacy_file_with_an_error_in_it_is_stopped_at_the_first(
    pod: Pod, server: Server, copy: str
) -> None:
    pod.database = copy
    before = fingerprint(server, copy)
    legacy = make_legacy(pod, server)
    text = gzip.decompress(legacy.read_bytes()).replace(b"CREATE VIEW", b"CREATE VIEWS", 1)
    legacy.write_bytes(gzip.compress(text))
    result = pod.restore(legacy.name)
    assert result.code == 1
    assert "the live database was not touched" in result.explained()
    assert_untouched(server, copy, before)


def test_latest_never_means_a_damaged_or_a_legacy_one(pod: Pod, server: Server, live: str) -> None:
    before = fingerprint(server, live)
    make_legacy(pod, server, "backup-20990101-000000.sql.gz")
    (name,) = [each for each in pod.names() if not each.endswith(".gz")]
    (pod.volume / name / "globals.sql").write_text("x", encoding="utf-8")
    found = pod.restore()
    assert found.code == 1
    assert f"backup {name} is damaged" in found.explained()
    again = pod.restore()
    assert "there is no verified backup to restore" in again.explained()
    by_name = pod.restore(name)
    assert "changed: globals.sql" in by_name.explained()
    assert_untouched(server, live, before)


def test_damage_to_the_newest_does_not_silently_restore_the_one_before(
    pod: Pod, server: Server, live: str
) -> None:
    (name,) = pod.names()
    older = clone_backup(pod.volume / name, "backup-20200101-000000")
    (pod.volume / name / "globals.sql").write_text("x", encoding="utf-8")
    result = pod.restore("latest")
    assert result.code == 1
    assert f"the newest verified one is now {older.name}" in result.explained()
    assert beside(server, live) == set()


def test_latest_is_never_the_backup_of_another_database(
    pod: Pod, server: Server, live: str
) -> None:
    (own,) = pod.names()
    other = pod.good_backup(DATABASE_NAME="source")
    result = pod.restore("latest")
    assert result.code == 0, result.output
    assert f"restoring {own}" in result.output

    shutil.rmtree(pod.volume / own)
    before = fingerprint(server, live)
    result = pod.restore("latest")
    assert result.code == 1
    assert f'is of database "source", not of "{live}"' in result.explained()
    assert fingerprint(server, live) == before
    named = pod.restore(other.name)
    assert named.code == 0, named.output
    assert 'WARNING: the backup is of database "source"' in named.output


def add_role(facts: dict[str, Any]) -> None:
    facts["roles"].append('gone "role"')


def add_extension(facts: dict[str, Any]) -> None:
    facts["extensions"].append({"name": "postgis", "version": "3.3", "schema": "public"})


def newer_server(facts: dict[str, Any]) -> None:
    facts["server"] |= {"version": "18.6", "versionNumber": 180006}


def other_rows(facts: dict[str, Any]) -> None:
    facts["tables"][-1]["rows"] += 1


def other_count(facts: dict[str, Any]) -> None:
    facts["counts"]["indexes"] += 1


def more_tables(facts: dict[str, Any]) -> None:
    facts["tables"].append({"schema": "public", "name": "lost", "kind": "table", "rows": 5})


def other_locale(facts: dict[str, Any]) -> None:
    facts["database"] |= {"collate": "xx_XX.utf8", "ctype": "xx_XX.utf8"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (add_role, 'CREATE ROLE "gone ""role""";'),
        (add_extension, "extensions are not installed on the server: postgis"),
        (newer_server, "the backup was taken from PostgreSQL 18.6"),
        (other_rows, "expected 4, found 3"),
        (other_count, "number of indexes"),
        (more_tables, "public.lost"),
        (other_locale, "xx_XX.utf8"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_does_not_fit_the_manifest_leaves_the_live_database_alone(
    pod: Pod, server: Server, live: str, change: Any, said: str
) -> None:
    before = fingerprint(server, live)
    change_manifest(pod.volume / pod.names()[0], change)
    result = pod.restore()
    assert result.code == 1
    assert said in result.output
    assert "the live database was not touched" in result.explained()
    assert_untouched(server, live, before)
    assert pod.records("restores")[0]["result"] == "failed"


def test_rows_that_are_missing_in_the_dump_are_found(pod: Pod, server: Server, live: str) -> None:
    before = fingerprint(server, live)
    backup = pod.volume / pod.names()[0]
    # The file of one table, emptied, in an archive that can still be read and whose hashes fit.
    smallest = min(
        (backup / "database").glob("[0-9]*.dat.gz"), key=lambda path: path.stat().st_size
    )
    smallest.write_bytes(gzip.compress(b"\\.\n\n\n"))
    rehash(backup)
    result = pod.restore()
    assert result.code == 1
    assert "the rows in its COPY blocks are not those" in result.explained()
    assert_untouched(server, live, before)

    # Whoever makes all of that fit as well is found by what was counted in the snapshot.
    blocks = (backup / "blocks").read_text(encoding="utf-8")
    (backup / "blocks").write_text(re.sub("^3\t", "0\t", blocks, flags=re.M), encoding="utf-8")
    summary = (backup / "summary").read_text(encoding="utf-8")
    (backup / "summary").write_text(
        re.sub("^rows=.*$", "rows=4900", summary, flags=re.M), encoding="utf-8"
    )
    rehash(backup)
    (pod.volume / ".records/damaged" / backup.name).unlink()
    result = pod.restore()
    assert "rows: expected 3, found 0" in result.explained()
    assert_untouched(server, live, before)


def test_a_restore_without_a_choice_prints_how_to_choose(
    pod: Pod, server: Server, live: str
) -> None:
    result = pod.restore("")
    assert result.code == 2
    assert "pgkeep run-restore latest" in result.output
    assert "kubectl set env --local -f - RESTORE_BACKUP=latest" in result.explained()
    assert beside(server, live) == set()


@pytest.mark.parametrize("value", ["true", "yes"])
def test_whoever_asks_for_the_live_database_to_be_emptied_gets_nothing_else(
    pod: Pod, server: Server, live: str, value: str
) -> None:
    databases = server.databases()
    code = f"RESTORE_IN_PLACE={value} bash {SCRIPTS}/restore.sh"
    result = pod.run("restore.sh", code=code, RESTORE_BACKUP="latest")
    assert result.code == 2
    assert (
        f'ERROR: RESTORE_IN_PLACE is "{value}"; the live database was not touched' in result.output
    )
    assert "pgkeep run-restore --side NAME" in result.explained()
    assert server.databases() == databases
    assert live in databases


def test_a_job_of_before_that_does_not_ask_for_it_is_restored(pod: Pod, live: str) -> None:
    code = f"RESTORE_IN_PLACE=false bash {SCRIPTS}/restore.sh"
    result = pod.run("restore.sh", code=code, RESTORE_BACKUP="latest")
    assert result.code == 0, result.output
    assert live


@pytest.mark.parametrize(
    "name", ["../x", "backup-1", "backup-20260101-000000/..", "Latest", "/etc/passwd"]
)
def test_a_name_that_is_none_is_refused(pod: Pod, name: str) -> None:
    result = pod.restore(name)
    assert result.code == 2
    assert "list-backups" in result.explained()


def test_an_unknown_name_is_refused(pod: Pod) -> None:
    result = pod.restore("backup-20260101-000000")
    assert result.code == 1
    assert 'there is no backup "backup-20260101-000000"' in result.explained()


def test_a_wrong_password_leaves_everything_alone(pod: Pod, server: Server, live: str) -> None:
    (pod.secret / "password").write_text("wrong", encoding="utf-8")
    result = pod.restore()
    assert result.code == 1
    assert "the server refused user" in result.explained()
    assert "the live database was not touched" in result.explained()
    assert beside(server, live) == set()


def test_a_restore_waits_for_no_backup_but_steps_back(slow_pod: Pod) -> None:
    running = slow_pod.start("backup.sh")
    wait_until(lambda: any(slow_pod.volume.glob(".staging/*/database")))
    result = slow_pod.restore("latest")
    assert result.code == 75
    assert "held by backup" in result.explained()
    assert finish(running).code == 0


def test_a_user_without_the_right_to_make_databases_is_told_so(
    pod: Pod, server: Server, live: str
) -> None:
    before = fingerprint(server, live)
    server.psql("postgres", f"CREATE ROLE weak LOGIN PASSWORD $p${PASSWORD}$p$")
    try:
        (pod.secret / "username").write_text("weak", encoding="utf-8")
        result = pod.restore()
        assert "ALTER ROLE weak CREATEDB" in result.explained()
        assert f'database "{live}" belongs to "keeper"' in result.output
        assert_untouched(server, live, before)
    finally:
        server.psql("postgres", "DROP ROLE weak")


# --- the swap -------------------------------------------------------------------------------------


def test_the_swap_succeeds_against_clients_that_reconnect_in_a_tight_loop(
    pod: Pod, server: Server, live: str
) -> None:
    stop = threading.Event()
    answers: list[tuple[float, str]] = []

    def reconnect() -> None:
        # psql opens the new connection before it closes the old one: somebody is always there.
        script = pod.root / "reconnect.sql"
        script.write_text(f"\\c {live}\n" * 2000, encoding="utf-8")
        while not stop.is_set():
            with subprocess.Popen(
                [BINARIES / "psql", "-X", "-q", "-f", script],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=server.environment("keeper", live),
            ) as client:
                while client.poll() is None and not stop.wait(0.02):
                    pass
                client.kill()

    def ask() -> None:
        while not stop.is_set():
            rows = server.psql(live, "SELECT count(*) FROM orders", check=False)
            if rows:
                answers.append((time.monotonic(), rows))

    clients = [threading.Thread(target=each) for each in (reconnect, reconnect, ask)]
    for client in clients:
        client.start()
    try:
        result = pod.restore()
        time.sleep(0.5)
    finally:
        stop.set()
        for client in clients:
            client.join()
    assert result.code == 0, result.output
    assert "✓ Swapped (attempt 1" in result.output
    values = [rows for _, rows in answers]
    switch = values.index("3000")
    assert values == ["2000"] * switch + ["3000"] * (len(values) - switch), "the old, then the new"
    assert answers[switch][0] - answers[switch - 1][0] < 2, "away for less than two seconds"


def test_a_swap_that_cannot_be_done_lets_everyone_in_again(pod: Pod, server: Server) -> None:
    """A role that is no superuser cannot end a superuser's session."""
    server.psql("postgres", f"CREATE ROLE swapper LOGIN CREATEDB PASSWORD $p${PASSWORD}$p$")
    server.psql("postgres", "CREATE DATABASE swapped OWNER swapper")
    holder: subprocess.Popen[str] | None = None
    try:
        server.psql("swapped", "SET ROLE swapper; CREATE TABLE t AS SELECT 1 AS x")
        (pod.secret / "username").write_text("swapper", encoding="utf-8")
        pod.database = "swapped"
        pod.good_backup()
        server.psql("swapped", "UPDATE t SET x = 2")
        holder = subprocess.Popen(
            [BINARIES / "psql", "-X", "-q"],
            stdin=subprocess.PIPE,
            text=True,
            env=server.environment("keeper", "swapped"),
        )
        assert holder.stdin is not None
        holder.stdin.write("SELECT 1;\n")
        holder.stdin.flush()
        code = f"source {SCRIPTS}/restore.sh; SWAP_ATTEMPTS=2; main"
        wait_until(
            lambda: "swapped" in server.psql("postgres", "SELECT datname FROM pg_stat_activity")
        )
        result = pod.run("restore.sh", code=code)
        assert result.code == 1
        assert "the swap failed 2 times" in result.explained()
        assert "must be a superuser" in result.explained()
        assert "the live database was not touched" in result.explained()
        assert server.psql("swapped", "SELECT x FROM t") == "2"
        assert server.psql("swapped", "SELECT x FROM t", user="swapper") == "2"
        assert beside(server, "swapped") == set()
    finally:
        if holder is not None:
            holder.kill()
            holder.communicate()
        drop_databases(server, "swapped")
        server.psql("postgres", "DROP ROLE swapper")


def test_a_prepared_transaction_is_found_before_anything_is_done(
    pod: Pod, server: Server, live: str
) -> None:
    server.psql(
        live, "BEGIN; UPDATE customers SET name = 'x' WHERE id = 2; PREPARE TRANSACTION 'stuck'"
    )
    try:
        result = pod.restore()
        assert "1 prepared transactions are open" in result.explained()
        assert beside(server, live) == set()
    finally:
        server.psql(live, "ROLLBACK PREPARED 'stuck'")


# --- killed ---------------------------------------------------------------------------------------


@pytest.fixture
def big_copy(server: Server, slow_pod: Pod) -> Iterator[str]:
    """A copy of the big database with its backup: its restore takes long enough to be hit."""
    server.psql("postgres", "CREATE DATABASE bulky TEMPLATE big")
    slow_pod.database = "bulky"
    slow_pod.good_backup(BACKUP_COMPRESSION="gzip:1")
    slow_pod.settings["RESTORE_SAFETY_BACKUP"] = "false"
    server.psql("bulky", "DELETE FROM blocks WHERE id = 1")
    yield "bulky"
    drop_databases(server, "bulky")


def is_filling(server: Server, name: str) -> bool:
    """pg_restore is copying rows into the side database."""
    return "COPY" in server.psql(
        "postgres",
        "SELECT query FROM pg_stat_activity"
        f" WHERE datname LIKE '{name}\\_restore\\_%' AND state = 'active'",
    )


def test_sigterm_drops_the_side_database_and_says_so(
    slow_pod: Pod, server: Server, big_copy: str
) -> None:
    running = slow_pod.start("restore.sh")
    wait_until(lambda: is_filling(server, big_copy), pause=0.01)
    running.send_signal(signal.SIGTERM)
    result = finish(running)
    assert result.code == 143
    assert "SIGTERM" in result.explained()
    assert "the live database was not touched" in result.explained()
    assert beside(server, big_copy) == set()
    assert server.psql(big_copy, "SELECT count(*) FROM blocks") == "59999"


def test_what_a_killed_restore_left_is_removed_by_the_next(
    slow_pod: Pod, server: Server, big_copy: str
) -> None:
    running = slow_pod.start("restore.sh")
    wait_until(lambda: is_filling(server, big_copy), pause=0.01)
    kill_session(running.pid, signal.SIGKILL)
    finish(running)
    (left,) = beside(server, big_copy)
    assert server.psql(big_copy, "SELECT count(*) FROM blocks") == "59999"

    # As if it had been killed inside the swap, between switching connections off and the renames.
    server.psql("postgres", f"ALTER DATABASE {big_copy} ALLOW_CONNECTIONS false")
    # Not ours: it has no mark, and something is in it.
    other = f"{big_copy}_restore_20200101_000000"
    server.psql("postgres", f"CREATE DATABASE {other}")
    server.psql(other, "CREATE TABLE theirs ()")
    # Made, and killed before it was marked.
    bare = f"{big_copy}_restore_20200101_000001"
    server.psql("postgres", f"CREATE DATABASE {bare}")
    result = slow_pod.restore()
    assert result.code == 0, result.output
    assert f"dropped {left}" in result.output
    assert "allowed again" in result.output
    assert server.psql(big_copy, "SELECT count(*) FROM blocks") == "60000"
    assert left not in server.databases()
    assert other in server.databases()
    assert bare not in server.databases()


def test_a_restore_that_fails_after_a_kill_still_lets_everyone_in_again(
    pod: Pod, server: Server, live: str
) -> None:
    side = f"{live}_restore_20200101_000000"
    server.psql("postgres", f"CREATE DATABASE {side}")
    server.psql(
        "postgres", f"COMMENT ON DATABASE {side} IS 'pgkeep restore in progress: backup-x {live}'"
    )
    server.psql("postgres", f"ALTER DATABASE {live} ALLOW_CONNECTIONS false")
    change_manifest(pod.volume / pod.names()[0], add_extension)
    assert pod.restore().code == 1
    assert server.psql(live, "SELECT 1") == "1"
    assert beside(server, live) == set()


def test_hands_off_a_path_that_leaves_the_volume(pod: Pod) -> None:
    (pod.root / "backup-20260101-000000.sql.gz").write_bytes(b"x")
    assert pod.restore("../backup-20260101-000000.sql.gz").code == 2


@pytest.fixture
def subscribed(server: Server, live: str, pod: Pod) -> Iterator[Pod]:
    """A database with a subscription, and its backup; the subscription holds the live database."""
    server.psql(
        live,
        "CREATE SUBSCRIPTION news CONNECTION 'dbname=nowhere' PUBLICATION all_news"
        " WITH (connect = false, slot_name = 'live_slot')",
    )
    pod.good_backup()
    # Before 16 only a superuser may make a subscription.
    pod.settings["RESTORE_ALLOW_SUPERUSER_OBJECTS"] = "true"
    yield pod
    for name in sorted(server.databases()):
        if name.startswith(live):
            server.psql(
                name,
                "ALTER SUBSCRIPTION news SET (slot_name = NONE); DROP SUBSCRIPTION news",
                check=False,
            )


def test_a_side_database_with_a_subscription_goes_when_the_restore_fails(
    subscribed: Pod, server: Server, live: str
) -> None:
    backup = subscribed.volume / subscribed.names()[-1]

    def one_more(facts: dict[str, Any]) -> None:
        facts["counts"]["views"] += 1

    change_manifest(backup, one_more)
    result = subscribed.restore(backup.name)
    assert result.code == 1
    assert "number of views" in result.explained()
    assert [name for name in server.databases() if "_restore_" in name] == []
    assert server.psql(live, "SELECT subslotname FROM pg_subscription") == "live_slot"


def test_a_side_database_with_a_subscription_goes_with_the_next_restore_after_a_kill(
    subscribed: Pod, server: Server
) -> None:
    code = f"source {SCRIPTS}/restore.sh; compare_side() {{ kill -KILL $$; }}; main"
    assert subscribed.run("restore.sh", code=code).code == -signal.SIGKILL
    assert [name for name in server.databases() if "_restore_" in name] != []
    result = subscribed.restore("latest")
    assert result.code == 0, result.output
    assert "left by a restore that was killed" in result.output
    assert [name for name in server.databases() if "_restore_" in name] == []

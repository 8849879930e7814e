"""A restore in place is one transaction: the old database is there until the new one is proven."""

from __future__ import annotations

import gzip
import signal
import subprocess
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.scripts import test_every_kind as every_kind
from tests.scripts.faults.mortal import MortalServer
from tests.scripts.harness import (
    PASSWORD,
    SCRIPTS,
    SOURCE,
    Pod,
    Result,
    Server,
    change_manifest,
    drop_databases,
    fingerprint,
    finish,
    kill_session,
    make_legacy,
    new_pod,
    running_server,
    wait_until,
)

OWNER = "place_owner"
NAME = "placed"
LITERAL = "'" + PASSWORD.replace("'", "''") + "'"


@contextmanager
def made(server: Server, pod: Pod) -> Generator[Pod]:
    """A role that may do nothing but own a database, that database, and its pod."""
    try:
        server.psql("postgres", f"CREATE ROLE {OWNER} LOGIN PASSWORD {LITERAL}")
        server.psql("postgres", f"CREATE DATABASE {NAME} OWNER {OWNER}")
        server.psql(NAME, SOURCE, user=OWNER)
        pod.database = NAME
        pod.settings["RESTORE_IN_PLACE"] = "true"
        (pod.secret / "username").write_text(OWNER, encoding="utf-8")
        yield pod
    finally:
        server.psql("postgres", f"ALTER DATABASE {NAME} ALLOW_CONNECTIONS true", check=False)
        drop_databases(server, NAME)
        server.psql("postgres", f"DROP ROLE IF EXISTS {OWNER}")


@pytest.fixture
def placed(server: Server, pod: Pod) -> Iterator[Pod]:
    """The pod of a role that may not create databases."""
    with made(server, pod) as ready:
        yield ready


def change(server: Server) -> dict[str, str]:
    """Changes the database, and hands back how it looks now."""
    server.psql(
        NAME,
        "DELETE FROM orders WHERE id > 2000; CREATE TABLE newer (a int); DROP VIEW spent CASCADE;"
        "CREATE VIEW spent AS SELECT 'newer' AS name; CREATE MATERIALIZED VIEW best AS SELECT 1;"
        "SELECT lo_unlink(oid) FROM pg_largeobject_metadata WHERE oid = "
        " (SELECT min(oid) FROM pg_largeobject_metadata); SELECT lo_from_bytea(0, 'newer')",
        user=OWNER,
    )
    return fingerprint(server, NAME)


def is_open(server: Server) -> bool:
    """May anybody connect?"""
    return (
        server.psql("postgres", f"SELECT datallowconn FROM pg_database WHERE datname = '{NAME}'")
        == "t"
    )


def assert_untouched(server: Server, before: dict[str, str]) -> None:
    """The database answers as before, and lets everyone in."""
    assert is_open(server)
    assert fingerprint(server, NAME) == before
    assert server.psql(NAME, "SELECT count(*) FROM newer") == "0"


def assert_rolled_back(server: Server, result: Result, before: dict[str, str]) -> str:
    """It failed and said so, and nothing has happened; hands back its last words."""
    assert result.code != 0, result.output
    words = result.explained()
    assert "everything was rolled back: the live database is as it was" in words
    assert_untouched(server, before)
    return words


def assert_refused(server: Server, result: Result, before: dict[str, str]) -> str:
    """It did not begin and said so; hands back its last words."""
    assert result.code != 0, result.output
    words = result.explained()
    assert "the live database was not touched" in words
    assert_untouched(server, before)
    return words


# --- all comes back -------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["directory", "plain", "legacy"])
def test_all_comes_back_by_a_role_that_may_not_create_databases(
    placed: Pod, server: Server, form: str
) -> None:
    before = fingerprint(server, NAME)
    if form == "legacy":
        backup = make_legacy(placed, server)
    else:
        backup = placed.good_backup(BACKUP_FORMAT=form, BACKUP_TABLE_HASHES="true")
    newer = change(server)
    assert newer != before
    names = set(placed.names())
    databases = server.databases()

    result = placed.restore(backup.name)

    assert result.code == 0, result.output
    assert ("every fact equal" in result.output) == (form != "legacy")
    assert fingerprint(server, NAME) == before
    assert server.psql(NAME, "SELECT to_regclass('newer')") == ""
    assert is_open(server)
    assert server.databases() == databases
    (safety,) = set(placed.names()) - names
    assert {"safety", "pinned"} <= placed.flags(safety)
    assert f"pgkeep run-restore {safety} --in-place" in result.output
    (record,) = placed.records("restores")
    assert (record["result"], record["swapped"], record["kept"]) == ("ok", True, "")
    assert record["safetyBackup"] == safety
    assert server.psql(NAME, "SELECT count(*) > 3 FROM pg_stats WHERE schemaname = 'public'") == "t"

    # The way back.
    assert placed.restore(safety).code == 0
    assert fingerprint(server, NAME) == newer


def test_all_comes_back_in_17(server17: Server, pod17: Pod) -> None:
    with made(server17, pod17) as placed:
        before = fingerprint(server17, NAME)
        placed.good_backup()
        change(server17)
        result = placed.restore()
        assert result.code == 0, result.output
        assert "every fact equal" in result.output
        assert fingerprint(server17, NAME) == before


@pytest.mark.parametrize("form", ["directory", "plain"])
def test_every_kind_of_object_goes_and_comes_back(
    each_server: Server, each_pod: Pod, form: str
) -> None:
    with every_kind.made(each_server):
        each_pod.database = every_kind.DATABASE
        before = every_kind.dumped(each_server, *every_kind.EXACT)
        backup = each_pod.good_backup(BACKUP_FORMAT=form, BACKUP_TABLE_HASHES="true")
        settings = {"RESTORE_IN_PLACE": "true", "RESTORE_ALLOW_SUPERUSER_OBJECTS": "true"}
        refused = each_pod.restore(backup.name, **settings)
        assert "it has subscriptions" in refused.explained()
        every_kind.drop_subscriptions(each_server, every_kind.DATABASE)
        result = each_pod.restore(backup.name, **settings)
        assert result.code == 0, result.output
        assert "every fact equal" in result.output
        every_kind.assert_same(before, every_kind.dumped(each_server, *every_kind.EXACT))


def test_one_database_is_enough(placed: Pod, server: Server) -> None:
    before = fingerprint(server, NAME)
    placed.good_backup()
    change(server)
    server.psql("postgres", "REVOKE CONNECT ON DATABASE postgres, template1 FROM PUBLIC")
    try:
        result = placed.restore()
    finally:
        server.psql("postgres", "GRANT CONNECT ON DATABASE postgres, template1 TO PUBLIC")
    assert result.code == 0, result.output
    assert "nobody can be kept out of this one" in result.output
    assert fingerprint(server, NAME) == before


@pytest.mark.parametrize("form", ["directory", "plain"])
def test_an_extension_that_only_a_superuser_can_make_stays(
    placed: Pod, server: Server, form: str
) -> None:
    server.psql(NAME, "CREATE EXTENSION earthdistance CASCADE; CREATE SCHEMA other;")
    server.psql(
        NAME, "CREATE EXTENSION pageinspect SCHEMA other; ALTER SCHEMA other OWNER TO place_owner"
    )
    server.psql(NAME, "CREATE TABLE other.spheres AS SELECT '(1,2)'::cube AS at", user=OWNER)
    before = fingerprint(server, NAME)
    extensions = "SELECT extname, oid FROM pg_extension WHERE extname <> 'hstore' ORDER BY 1"
    made_once = server.psql(NAME, extensions)
    placed.good_backup(BACKUP_FORMAT=form)
    newer = change(server)
    result = placed.restore()
    if form == "plain":
        assert "a plain backup comments on them" in assert_refused(server, result, newer)
        return
    assert result.code == 0, result.output
    assert fingerprint(server, NAME) == before
    assert server.psql(NAME, extensions) == made_once
    assert server.psql(NAME, "SELECT * FROM other.spheres") == "(1, 2)"


def test_rights_for_future_objects_and_those_on_public_come_back(
    placed: Pod, server: Server
) -> None:
    server.psql(
        NAME,
        "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC;"
        "REVOKE USAGE ON SCHEMA public FROM PUBLIC; COMMENT ON SCHEMA public IS 'ours'",
        user=OWNER,
    )
    placed.good_backup()
    server.psql(
        NAME,
        "ALTER DEFAULT PRIVILEGES REVOKE SELECT ON TABLES FROM PUBLIC;"
        "ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON ROUTINES FROM PUBLIC;"
        "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE ON SEQUENCES TO pg_monitor;"
        "GRANT CREATE ON SCHEMA public TO PUBLIC; COMMENT ON SCHEMA public IS 'newer';"
        f"ALTER SCHEMA public OWNER TO {OWNER}",
        user=OWNER,
    )
    result = placed.restore()
    assert result.code == 0, result.output
    assert (
        server.psql(
            NAME,
            "SELECT defaclobjtype, defaclacl FROM pg_default_acl;"
            "SELECT nspowner::regrole, nspacl, obj_description(oid) FROM pg_namespace"
            " WHERE nspname = 'public'",
        )
        == "r\t{=r/place_owner,place_owner=arwdDxt/place_owner}\n"
        "pg_database_owner\t{pg_database_owner=UC/pg_database_owner}\tours"
    )


# --- nothing is touched ---------------------------------------------------------------------------


def test_an_error_in_the_dump_rolls_everything_back(placed: Pod, server: Server) -> None:
    legacy = make_legacy(placed, server)
    text = gzip.decompress(legacy.read_bytes()).replace(b"CREATE INDEX", b"CREATE INDEXES", 1)
    legacy.write_bytes(gzip.compress(text))
    newer = change(server)
    assert 'near "INDEXES"' in assert_rolled_back(server, placed.restore(legacy.name), newer)


def test_a_difference_to_the_manifest_rolls_everything_back(placed: Pod, server: Server) -> None:
    backup = placed.good_backup()

    def one_more(facts: dict[str, Any]) -> None:
        (orders,) = [table for table in facts["tables"] if table["name"] == "orders"]
        orders["rows"] += 1

    change_manifest(backup, one_more)
    newer = change(server)
    words = assert_rolled_back(server, placed.restore(), newer)
    assert "table public.orders rows: expected 3001, found 3000" in words


@pytest.mark.parametrize("end", ["in-a-table", "between"])
def test_a_dump_that_is_cut_on_its_way_rolls_everything_back(
    placed: Pod, server: Server, end: str
) -> None:
    legacy = make_legacy(placed, server)
    newer = change(server)
    stop = "^COPY public.orders" if end == "in-a-table" else "^ALTER TABLE"
    code = f"""source {SCRIPTS}/restore.sh
        dump_text() {{
          gzip -dc {legacy} | awk '/{stop}/ {{ print; getline; print; exit }} {{ print }}'
          return 1
        }}
        main"""
    if end == "between":
        code = code.replace("print; getline; print; exit", "exit")
    assert_rolled_back(
        server, placed.run("restore.sh", code=code, RESTORE_BACKUP=legacy.name), newer
    )


def test_a_commit_in_the_dump_makes_nothing_final(placed: Pod, server: Server) -> None:
    legacy = make_legacy(placed, server)
    text = gzip.decompress(legacy.read_bytes()).replace(
        b"\nCREATE INDEX", b"\nCOMMIT;\nCREATE INDEX", 1
    )
    legacy.write_bytes(gzip.compress(text))
    newer = change(server)
    words = assert_rolled_back(server, placed.restore(legacy.name), newer)
    assert "the dump holds a COMMIT of its own" in words


def test_rows_that_look_like_large_objects_in_a_dump_stay_as_they_are(
    placed: Pod, server: Server
) -> None:
    rows = "E'BEGIN;\\n\\nSELECT pg_catalog.lo_open(''1'', 131072);\\n\\nCOMMIT;'"
    server.psql(
        NAME,
        f"CREATE TABLE lines (n serial, line text); INSERT INTO lines (line)"
        f" SELECT * FROM string_to_table({rows}, E'\\n');"
        "ALTER TABLE lines DROP COLUMN n;"
        f"CREATE FUNCTION odd() RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN {rows};\nEND $$",
        user=OWNER,
    )
    look = "SELECT string_agg(line, '|') FROM lines"
    before = server.psql(NAME, look)
    backup = placed.good_backup(BACKUP_FORMAT="plain", BACKUP_TABLE_HASHES="true")
    change(server)
    result = placed.restore(backup.name)
    assert result.code == 0, result.output
    assert server.psql(NAME, look) == before


def test_too_little_free_space_stops_it_too(placed: Pod, server: Server) -> None:
    placed.good_backup()
    newer = change(server)
    words = placed.restore(RESTORE_FREE_BYTES="1048576").explained()
    assert "until the commit the old files stay beside the new ones" in words
    assert "--in-place" not in words
    assert_untouched(server, newer)


def test_it_needs_its_safety_backup_and_never_offers_to_leave_it_out(
    placed: Pod, server: Server
) -> None:
    placed.good_backup()
    newer = change(server)
    result = placed.restore(BACKUP_JOBS="none")
    words = result.explained()
    assert "the safety backup of the live database failed" in words
    assert "or, restore without --in-place" in words
    assert "--skip-safety-backup" not in words
    assert_untouched(server, newer)


def test_what_is_written_after_the_safety_backup_began_is_not_lost(
    placed: Pod, server: Server
) -> None:
    placed.good_backup()
    newer = change(server)
    code = f"""source {SCRIPTS}/restore.sh
        close_database() {{
          psql_on "$DATABASE_NAME" -c "UPDATE customers SET note = 'late' WHERE id = 1" >/dev/null
        }}
        main"""
    result = placed.run("restore.sh", code=code.replace("customers", "public.customers"))
    assert result.code == 1
    assert "somebody wrote to it after the safety backup began" in result.explained()
    assert is_open(server)
    assert server.psql(NAME, "SELECT note FROM customers WHERE id = 1") == "\\x6c617465"
    newer.pop("customers")
    found = fingerprint(server, NAME)
    found.pop("customers")
    assert found == newer


def test_a_lock_of_a_session_that_it_may_not_end_is_waited_for_only_so_long(
    placed: Pod, server: Server
) -> None:
    placed.good_backup()
    newer = change(server)
    holder = subprocess.Popen(
        ["psql", "-X", "-q", "-A", "-t"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=server.environment("keeper", NAME),
    )
    assert holder.stdin
    assert holder.stdout
    try:
        holder.stdin.write("BEGIN; LOCK TABLE orders IN ACCESS SHARE MODE; SELECT 'held';\n")
        holder.stdin.flush()
        assert holder.stdout.readline() == "held\n"
        code = f"source {SCRIPTS}/restore.sh; IN_PLACE_PATIENCE=1; main"
        result = placed.run("restore.sh", code=code)
        assert "may not end hold locks" in assert_rolled_back(server, result, newer)
    finally:
        holder.communicate()


def test_a_superuser_does_not_execute_a_dump_unless_it_is_told_to(
    placed: Pod, server: Server
) -> None:
    before = fingerprint(server, NAME)
    placed.good_backup()
    newer = change(server)
    (placed.secret / "username").write_text("keeper", encoding="utf-8")
    names = placed.names()
    words = assert_refused(server, placed.restore(), newer)
    assert 'user "keeper" is a superuser' in words
    assert "--allow-superuser-objects" in words
    assert placed.names() == names
    result = placed.restore(RESTORE_ALLOW_SUPERUSER_OBJECTS="true")
    assert result.code == 0, result.output
    assert fingerprint(server, NAME) == before


@pytest.mark.parametrize(
    "setting",
    [
        {"RESTORE_SAFETY_BACKUP": "false"},
        {"RESTORE_INTO": "another"},
        {"RESTORE_TABLES": "public.orders"},
        {"RESTORE_SCHEMAS": "public"},
        {"RESTORE_DRY_RUN": "true"},
    ],
    ids=lambda setting: next(iter(setting)),
)
def test_what_cannot_go_together_is_refused(
    placed: Pod, server: Server, setting: dict[str, str]
) -> None:
    placed.good_backup()
    newer = change(server)
    names = placed.names()
    result = placed.restore(**setting)
    assert result.code == 2
    assert_refused(server, result, newer)
    assert placed.names() == names


@pytest.mark.parametrize(
    ("sql", "word"),
    [
        ("CREATE TABLE foreigner (a int)", "table public.foreigner (keeper)"),
        ("CREATE SCHEMA foreign_schema", "schema foreign_schema (keeper)"),
        (
            "CREATE FUNCTION f() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';"
            f"ALTER FUNCTION f() OWNER TO {OWNER};"
            "CREATE EVENT TRIGGER spy ON ddl_command_end EXECUTE FUNCTION f()",
            "event trigger spy (keeper)",
        ),
        ("SELECT lo_from_bytea(4711, 'x')", "large object 4711 (keeper)"),
        (
            "CREATE SUBSCRIPTION feed CONNECTION 'host=nowhere' PUBLICATION p"
            " WITH (connect = false)",
            "it has subscriptions",
        ),
    ],
    ids=["table", "schema", "event-trigger", "large-object", "subscription"],
)
def test_what_the_role_cannot_drop_is_said_before_anything_begins(
    placed: Pod, server: Server, sql: str, word: str
) -> None:
    backup = placed.good_backup()
    newer = change(server)
    server.psql(NAME, sql)
    newer = fingerprint(server, NAME)
    names = placed.names()
    try:
        result = placed.restore(backup.name)
    finally:
        every_kind.drop_subscriptions(server, NAME)
    assert word in assert_refused(server, result, newer)
    assert placed.names() == names


def test_another_locale_is_refused(placed: Pod, server: Server) -> None:
    backup = placed.good_backup()
    newer = change(server)

    def other(facts: dict[str, Any]) -> None:
        facts["database"]["collate"] = "C"

    change_manifest(backup, other)
    words = assert_refused(server, placed.restore(), newer)
    assert "the live database has collate C.UTF-8, the backup C" in words


def test_more_objects_than_locks_are_refused(placed: Pod, server: Server) -> None:
    backup = placed.good_backup()
    newer = change(server)

    def many(facts: dict[str, Any]) -> None:
        facts["counts"]["largeObjects"] = 1_000_000

    change_manifest(backup, many)
    assert "raise max_locks_per_transaction" in assert_refused(server, placed.restore(), newer)


def test_a_database_that_is_not_there_is_not_made(placed: Pod, server: Server) -> None:
    placed.good_backup()
    server.psql("postgres", f"DROP DATABASE {NAME}")
    result = placed.restore()
    assert result.code == 1
    assert "restore without --in-place" in result.explained()
    assert NAME not in server.databases()


# --- ended in the middle --------------------------------------------------------------------------

# The database is empty, and the dump has just begun.
HOLD = f"""source {SCRIPTS}/restore.sh
    dump_text() {{ printf 'SELECT pg_catalog.pg_sleep(600);\\n'; }}
    main"""


def is_held(server: Server) -> bool:
    """Is the restore in the middle of its transaction?"""
    return (
        server.psql(
            "postgres",
            f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{NAME}'"
            " AND query ~ 'pg_sleep.600' AND state = 'active'",
        )
        == "1"
    )


def start_held(pod: Pod, server: Server) -> subprocess.Popen[str]:
    """A restore that stays in the middle of its transaction."""
    running = pod.start("restore.sh", code=HOLD)
    wait_until(lambda: is_held(server), 60)
    return running


def test_meanwhile_nobody_gets_in_and_whoever_was_in_is_out(placed: Pod, server: Server) -> None:
    placed.good_backup()
    newer = change(server)
    with subprocess.Popen(
        ["psql", "-X", "-q", "-c", "SELECT pg_sleep(500)"],
        stderr=subprocess.PIPE,
        text=True,
        env=server.environment(OWNER, NAME),
    ) as client:
        running = start_held(placed, server)
        _, errors = client.communicate(timeout=20)
        assert "terminating connection" in errors
    found = server.client("psql", "-c", "SELECT 1", database=NAME, user=OWNER)
    assert "not currently accepting connections" in found.stderr
    running.send_signal(signal.SIGTERM)
    finish(running)
    assert_untouched(server, newer)


def test_a_stopped_pod_leaves_the_old_database_open(placed: Pod, server: Server) -> None:
    placed.good_backup()
    newer = change(server)
    running = start_held(placed, server)
    running.send_signal(signal.SIGTERM)
    result = finish(running, 25)
    assert result.code == 128 + signal.SIGTERM
    assert "stopped by SIGTERM" in assert_rolled_back(server, result, newer)


def test_after_a_killed_pod_the_next_run_opens_the_database_and_finishes(
    placed: Pod, server: Server
) -> None:
    before = fingerprint(server, NAME)
    backup = placed.good_backup()
    change(server)
    running = start_held(placed, server)
    kill_session(running.pid, signal.SIGKILL)
    finish(running)
    assert not is_open(server)
    result = placed.restore(backup.name)
    assert result.code == 0, result.output
    assert f'connections to "{NAME}" are allowed again' in result.output
    assert fingerprint(server, NAME) == before
    assert [record["result"] for record in placed.records("restores")] == ["killed", "ok"]


def test_after_a_killed_pod_even_a_run_that_fails_opens_the_database(
    placed: Pod, server: Server
) -> None:
    backup = placed.good_backup()
    newer = change(server)
    running = start_held(placed, server)
    kill_session(running.pid, signal.SIGKILL)
    finish(running)

    def other(facts: dict[str, Any]) -> None:
        facts["database"]["collate"] = "de_DE.UTF-8"

    change_manifest(backup, other)
    assert_refused(server, placed.restore(backup.name), newer)
    assert not (placed.volume / ".records" / "closed").exists()


def test_after_a_killed_pod_even_an_undo_that_finds_nothing_opens_the_database(
    placed: Pod, server: Server
) -> None:
    placed.good_backup()
    newer = change(server)
    running = start_held(placed, server)
    kill_session(running.pid, signal.SIGKILL)
    finish(running)
    result = placed.run("restore.sh", RESTORE_ACTION="undo")
    assert "there is nothing to undo" in result.explained()
    assert_untouched(server, newer)


def test_a_connection_that_is_cut_in_the_middle_leaves_the_old_database_open(
    placed: Pod, server: Server
) -> None:
    placed.good_backup()
    newer = change(server)
    running = start_held(placed, server)
    server.psql(
        "postgres",
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query ~ 'pg_sleep.600'"
        " AND pid <> pg_backend_pid()",
    )
    assert "was cut" in assert_rolled_back(server, finish(running), newer)


def test_a_connection_that_is_cut_at_the_commit_is_asked_about(placed: Pod, server: Server) -> None:
    before = fingerprint(server, NAME)
    placed.good_backup()
    change(server)
    code = f"""source {SCRIPTS}/restore.sh
        eval "real_$(declare -f in_place_session)"
        in_place_session() {{
          real_in_place_session
          echo 'server closed the connection' >&2
          return 2
        }}
        main"""
    result = placed.run("restore.sh", code=code)
    assert result.code == 1
    words = result.explained()
    (safety,) = [name for name in placed.names() if placed.mark("safety", name)]
    assert f"the restored content is in place; the way back is the safety backup {safety}" in words
    assert is_open(server)
    assert fingerprint(server, NAME) == before
    (record,) = placed.records("restores")
    assert (record["result"], record["swapped"]) == ("failed", True)


def test_a_server_that_is_killed_in_the_middle_comes_back_with_the_old_database() -> None:
    with running_server() as server, new_pod(server.port, NAME) as pod:
        mortal = MortalServer(server)
        try:
            with made(server, pod) as placed:
                before = fingerprint(server, NAME)
                backup = placed.good_backup()
                newer = change(server)
                running = start_held(placed, server)
                with mortal.away(signal.SIGKILL):
                    pass
                result = finish(running)
                # A crash makes a sequence jump; what it has promised is in the log only.
                newer["sequence"] = server.psql(NAME, "SELECT last_value FROM tickets")
                assert_rolled_back(server, result, newer)
                assert placed.restore(backup.name).code == 0
                assert fingerprint(server, NAME) == before
        finally:
            mortal.end()

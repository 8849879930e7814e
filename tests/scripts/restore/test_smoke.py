"""A restored database is asked the user's own question, with no more rights than its owner has."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.scripts.harness import PASSWORD, Pod, Result, Server, drop_databases

SETUP = """
CREATE SCHEMA app AUTHORIZATION shopkeeper;
SET ROLE shopkeeper;
CREATE TABLE app.users AS SELECT 1 AS id UNION SELECT 2;
CREATE TABLE app.nobody (id int);
CREATE FUNCTION app.who() RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  RESET ROLE;
  RESET SESSION AUTHORIZATION;
  RETURN current_setting('is_superuser') || ' ' || session_user;
END $$;
RESET ROLE;
ALTER DATABASE asked SET search_path TO app;
"""


@pytest.fixture
def asked(pod: Pod, server: Server) -> Iterator[str]:
    """A database of a role that is no superuser, with its backup."""
    server.psql("postgres", f"CREATE ROLE shopkeeper LOGIN CREATEDB PASSWORD $p${PASSWORD}$p$")
    server.psql("postgres", "CREATE DATABASE asked OWNER shopkeeper")
    pod.database = "asked"
    pod.settings["RESTORE_SAFETY_BACKUP"] = "false"
    try:
        server.psql("asked", SETUP)
        pod.good_backup()
        yield "asked"
    finally:
        drop_databases(server, "asked")
        server.psql("postgres", "DROP ROLE shopkeeper")


def ask(pod: Pod, query: str) -> Result:
    return pod.restore(RESTORE_SMOKE_QUERY=query)


def roles(server: Server) -> str:
    return server.psql("postgres", "SELECT rolname FROM pg_roles WHERE rolname ~ '^pgkeep'")


def test_an_answer_of_one_row_is_enough(pod: Pod, server: Server, asked: str) -> None:
    # By the database's own search path, as an application asks.
    result = ask(pod, "SELECT id\n  FROM users")
    assert result.code == 0, result.output
    assert "✓ Asked the restored database (2 rows of the smoke query, " in result.output
    assert roles(server) == ""
    assert asked in server.databases()


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("SELECT id FROM nobody", "answers the smoke query (smokeQuery) with no row"),
        ("SELECT id FROM nowhere", 'relation "nowhere" does not exist'),
        ("WITH new AS (INSERT INTO nobody VALUES (1) RETURNING id) TABLE new", "read-only"),
    ],
)
def test_another_answer_makes_the_restore_a_failure_that_can_be_undone(
    pod: Pod, server: Server, asked: str, query: str, words: str
) -> None:
    server.psql(asked, "DELETE FROM app.users")
    result = ask(pod, query)
    assert result.code == 1
    assert words in result.explained()
    assert "the restored database is in place, the old one was put aside as" in result.explained()
    assert "pgkeep undo-restore" in result.explained()
    assert server.psql(asked, "SELECT count(*) FROM app.users") == "2"
    assert pod.records("restores")[-1]["reason"] == "smoke"
    assert roles(server) == ""


def test_the_way_back_that_is_named_is_the_one_there_is(
    pod: Pod, server: Server, asked: str
) -> None:
    nothing = {"RESTORE_SMOKE_QUERY": "SELECT id FROM app.nobody"}
    # Under a new name there was nothing: to undo here would undo another restore.
    beside = pod.restore(RESTORE_INTO="asked_beside", **nothing)
    assert 'there was no database "asked_beside" before' in beside.explained()
    assert "undo-restore" not in beside.explained()

    pod.settings["DATABASE_NAMES"] = f"{asked}\nanother one"
    of_several = pod.restore(RESTORE_DATABASE=asked, **nothing)
    assert f"pgkeep undo-restore --database {asked}" in of_several.explained()
    assert [each.code for each in (beside, of_several)] == [1, 1]
    assert server.psql(asked, "SELECT count(*) FROM app.users") == "2"


def test_what_the_dump_brings_does_not_become_a_superuser_by_being_asked(
    pod: Pod, asked: str
) -> None:
    result = ask(pod, "SELECT 1 WHERE who() ~ '^off pgkeep_restore_'")
    assert result.code == 0, result.output
    assert asked


def test_a_user_who_is_no_superuser_asks_as_itself(pod: Pod, server: Server, asked: str) -> None:
    (pod.secret / "username").write_text("shopkeeper", encoding="utf-8")
    result = ask(pod, "SELECT 1 WHERE who() = 'off shopkeeper'")
    assert result.code == 0, result.output
    assert roles(server) == ""
    assert asked


def test_the_database_of_a_superuser_can_be_read_too(pod: Pod, server: Server, asked: str) -> None:
    server.psql("postgres", f"ALTER DATABASE {asked} OWNER TO keeper")
    pod.good_backup()
    result = ask(pod, "SELECT 1 FROM users WHERE who() ~ '^off'")
    assert result.code == 0, result.output

"""What was listed as one thing and has become another by the time it is read runs nobody's code.

A backup reads as whoever is in the Secret. Whoever may drop and make what has a name that the
backup reads later could put a view there, or a table whose index computes something.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.scripts.harness import PASSWORD, Pod, Server, drop_databases
from tests.scripts.postgres import SCRIPTS

DATABASE = "exchanged"
LOUD = """
-- What is called where only something immutable may be, and what that calls may do anything.
CREATE FUNCTION act() RETURNS void LANGUAGE plpgsql AS $$ BEGIN
  IF (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
    EXECUTE 'COPY (SELECT 1) TO PROGRAM ''touch FILE''';
  END IF;
END $$;
CREATE FUNCTION loud() RETURNS bigint LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN
  PERFORM public.act();
  RETURN 1;
END $$;
CREATE SEQUENCE s;
CREATE TABLE one AS SELECT 1 AS i;
CREATE MATERIALIZED VIEW m AS SELECT i FROM one;
"""
EXCHANGES = {
    "sequence for a view": "DROP SEQUENCE s; CREATE VIEW s AS"
    " SELECT public.loud() AS last_value, true AS is_called",
    "sequence for a table": "DROP SEQUENCE s; CREATE TABLE s (last_value bigint, is_called bool);"
    " CREATE INDEX ON s ((last_value + public.loud()))",
    "sequence renamed": "ALTER SEQUENCE s RENAME TO t; CREATE VIEW s AS"
    " SELECT public.loud() AS last_value, true AS is_called",
    "schema of a sequence renamed": "ALTER SCHEMA own RENAME TO other; CREATE SCHEMA own;"
    " CREATE VIEW own.s AS SELECT public.loud() AS last_value, true AS is_called",
    "materialized view for a view": "ALTER MATERIALIZED VIEW m RENAME TO old; CREATE VIEW m AS"
    " SELECT public.loud() AS i",
    "materialized view for a table": "DROP MATERIALIZED VIEW m; CREATE TABLE m (i bigint);"
    " CREATE INDEX ON m ((i + public.loud()))",
}
MOMENTS = ("before the dump", "after the dump")


@pytest.fixture
def exchanged(each_server: Server) -> Iterator[tuple[Server, Path]]:
    """A database in which mallory, no superuser, has made things; and what a program leaves."""
    server = each_server
    file = server.directory / "pwned"
    server.psql("postgres", f"CREATE ROLE mallory LOGIN PASSWORD $p${PASSWORD}$p$")
    try:
        server.psql("postgres", f"CREATE DATABASE {DATABASE}")
        server.psql(
            DATABASE,
            f"GRANT CREATE ON SCHEMA public TO mallory; GRANT CREATE ON DATABASE {DATABASE}"
            " TO mallory",
        )
        server.psql(DATABASE, LOUD.replace("FILE", str(file)), user="mallory")
        server.psql(DATABASE, "CREATE SCHEMA own; CREATE SEQUENCE own.s", user="mallory")
        yield server, file
    finally:
        drop_databases(server, DATABASE)
        server.psql("postgres", "DROP ROLE mallory")
        file.unlink(missing_ok=True)


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("exchange", EXCHANGES)
def test_an_exchanged_object_runs_nothing(
    each_pod: Pod, exchanged: tuple[Server, Path], exchange: str, moment: str
) -> None:
    _, file = exchanged
    each_pod.database = DATABASE
    words = f'-c "SET SESSION AUTHORIZATION mallory" -c "{EXCHANGES[exchange]}"'
    act = f'psql_on "$DATABASE_NAME" {words}'
    if moment == "before the dump":
        # The snapshot is open, and its session has listed and locked what it will read.
        changed = f"dump() {{ {act}; real_dump; }}"
    else:
        changed = f"close_snapshot() {{ {act}; real_close_snapshot; }}"
    result = each_pod.run(
        "backup/one.sh",
        code=f"source {SCRIPTS}/backup/one.sh;"
        ' eval "real_$(declare -f dump)"; eval "real_$(declare -f close_snapshot)";'
        f" {changed}; main",
    )

    assert not file.exists(), result.output
    if result.code:
        result.explained()


def test_the_attack_works_where_names_are_trusted(exchanged: tuple[Server, Path]) -> None:
    """Else the tests above would prove nothing."""
    server, file = exchanged
    server.psql(DATABASE, EXCHANGES["sequence for a view"], user="mallory")
    server.psql(DATABASE, "SELECT last_value FROM s")
    assert file.exists()

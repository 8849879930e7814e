"""A side database that an administrator has prepared, for a user who may not create databases."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.scripts.harness import PASSWORD, POD_GID, POD_UID, Pod, Server, drop_databases, give

DATABASE = "prepared"
SIDE = "prepared_side"


@pytest.fixture
def prepared(each_server: Server) -> Iterator[Server]:
    """A database of an owner who may not create any, with an extension that is not his."""
    server = each_server
    server.psql("postgres", f"CREATE ROLE tenant LOGIN PASSWORD $p${PASSWORD}$p$")
    try:
        server.psql("postgres", f"CREATE DATABASE {DATABASE} OWNER tenant")
        server.psql(DATABASE, "CREATE EXTENSION pg_trgm; COMMENT ON EXTENSION pg_trgm IS 'theirs'")
        server.psql(
            DATABASE,
            "CREATE TABLE t AS SELECT i, md5(i::text) AS m FROM generate_series(1, 50) AS i;"
            "CREATE INDEX ON t USING gin (m gin_trgm_ops); GRANT SELECT ON t TO pg_monitor",
            user="tenant",
        )
        server.psql("postgres", f"CREATE DATABASE {SIDE} TEMPLATE template0 OWNER tenant")
        server.psql(SIDE, "CREATE EXTENSION pg_trgm; COMMENT ON EXTENSION pg_trgm IS 'theirs'")
        yield server
    finally:
        drop_databases(server, DATABASE)
        server.psql("postgres", "DROP ROLE tenant")


@pytest.fixture
def prepared_pod(each_pod: Pod, prepared: Server) -> Pod:  # noqa: ARG001 - it has to be there
    """The pod whose Secret holds that owner."""
    each_pod.database = DATABASE
    as_user(each_pod, "tenant")
    return each_pod


def as_user(pod: Pod, user: str) -> None:
    """Puts another user into the Secret."""
    path = pod.secret / "username"
    path.write_text(user + "\n", encoding="utf-8")
    give(path, POD_UID, POD_GID)


def rows(server: Server, database: str) -> str:
    return server.psql(database, "SELECT count(*) FROM t")


def test_who_may_create_no_database_is_told_of_the_way(prepared_pod: Pod, prepared: Server) -> None:
    backup = prepared_pod.good_backup()
    result = prepared_pod.restore(backup.name)
    assert result.code == 1
    assert "run-restore --side NAME" in result.explained()
    assert rows(prepared, DATABASE) == "50"


def test_a_prepared_database_is_filled_and_the_statements_of_the_swap_are_printed(
    prepared_pod: Pod, prepared: Server
) -> None:
    backup = prepared_pod.good_backup()
    prepared.psql(DATABASE, "DELETE FROM t WHERE i > 10")
    before = prepared.databases()

    result = prepared_pod.restore(backup.name, RESTORE_SIDE=SIDE)

    assert result.code == 0, result.output
    assert prepared.databases() == before
    assert (rows(prepared, DATABASE), rows(prepared, SIDE)) == ("10", "50")
    assert "is left to somebody who may rename databases" in result.output.splitlines()[-1]
    statements = re.findall(r"(?m)^    ((?:ALTER|SELECT|BEGIN).*)$", result.output)
    prepared.psql("postgres", "\n".join(statements))
    assert rows(prepared, DATABASE) == "50"
    # The next undo knows what was done by hand.
    as_user(prepared_pod, "keeper")
    undone = prepared_pod.run("restore/main.sh", RESTORE_ACTION="undo")
    assert undone.code == 0, undone.output
    assert rows(prepared, DATABASE) == "10"


@pytest.mark.parametrize("user", ["keeper", "tenant"])
def test_who_may_rename_swaps_it(prepared_pod: Pod, prepared: Server, user: str) -> None:
    backup = prepared_pod.good_backup()
    prepared.psql(DATABASE, "DELETE FROM t")
    prepared.psql("postgres", "ALTER ROLE tenant CREATEDB")
    as_user(prepared_pod, user)

    result = prepared_pod.restore(backup.name, RESTORE_SIDE=SIDE)

    assert result.code == 0, result.output
    assert rows(prepared, DATABASE) == "50"
    assert SIDE not in prepared.databases()
    owner = "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'prepared'"
    assert prepared.psql("postgres", owner) == "tenant"
    assert prepared.psql(
        DATABASE, "SELECT relowner::regrole FROM pg_class WHERE relname = 't'"
    ) == ("tenant")


@pytest.mark.parametrize(
    ("side", "change", "why"),
    [
        ("nowhere", "", 'there is no database "nowhere"'),
        (DATABASE, "", "it is the database that is to be replaced"),
        ("postgres", "", "it belongs to the server itself"),
        (SIDE, "CREATE TABLE there (a int)", "it is not empty: relation public.there"),
        (SIDE, "SELECT lo_create(0)", "it is not empty: large object"),
        (SIDE, "ALTER DATABASE prepared_side OWNER TO keeper", 'it belongs to "keeper"'),
        (SIDE, "ALTER DATABASE prepared_side IS_TEMPLATE true", "it belongs to the server itself"),
    ],
)
def test_a_database_that_is_no_side_database_is_refused_untouched(
    prepared_pod: Pod, prepared: Server, side: str, change: str, why: str
) -> None:
    backup = prepared_pod.good_backup()
    if change:
        prepared.psql(SIDE, change)
    try:
        result = prepared_pod.restore(backup.name, RESTORE_SIDE=side)
        assert result.code == 1, result.output
        assert why in result.explained()
        assert "the live database was not touched" in result.explained()
        assert rows(prepared, DATABASE) == "50"
        assert SIDE in prepared.databases()
    finally:
        prepared.psql("postgres", f"ALTER DATABASE {SIDE} IS_TEMPLATE false")


@pytest.mark.parametrize(
    "other",
    [{"RESTORE_INTO": "x"}, {"RESTORE_TABLES": "public.t"}, {"RESTORE_DRY_RUN": "true"}],
    ids=str,
)
def test_it_goes_with_a_restore_of_the_whole_live_database_alone(
    prepared_pod: Pod, other: dict[str, str]
) -> None:
    result = prepared_pod.restore("latest", RESTORE_SIDE=SIDE, **other)
    assert result.code == 2
    assert f'RESTORE_SIDE is "{SIDE}"' in result.explained()


def test_what_a_failed_restore_has_put_there_stays_and_is_told(
    prepared_pod: Pod, prepared: Server
) -> None:
    backup = prepared_pod.good_backup()
    prepared.psql(SIDE, "DROP EXTENSION pg_trgm; DROP SCHEMA public")
    result = prepared_pod.restore(backup.name, RESTORE_SIDE=SIDE)
    assert result.code == 1
    assert f"what was restored so far is in {SIDE}" in result.output
    assert SIDE in prepared.databases()
    assert rows(prepared, DATABASE) == "50"

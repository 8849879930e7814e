"""access.sql and session.sql: what a role needs for a whole dump, and how a session ends alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import pytest

from tests.scripts.harness import PASSWORD, Server, drop_databases
from tests.scripts.reading import ACCESS, SESSION, facts

GUARDED = """
CREATE SCHEMA closed; CREATE SCHEMA harmless;
CREATE TABLE closed.plain (a int); CREATE SEQUENCE closed.numbers;
CREATE TABLE closed.parts (a int) PARTITION BY LIST (a);
CREATE TABLE closed.part PARTITION OF closed.parts FOR VALUES IN (1);
ALTER TABLE closed.parts ENABLE ROW LEVEL SECURITY;
CREATE MATERIALIZED VIEW closed.kept AS SELECT 1 AS a;
CREATE VIEW harmless.seen AS SELECT * FROM closed.plain;
CREATE FUNCTION harmless.one() RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE FOREIGN DATA WRAPPER wrapper;
CREATE SERVER elsewhere FOREIGN DATA WRAPPER wrapper;
CREATE FOREIGN TABLE closed.far (a int) SERVER elsewhere;
CREATE EXTENSION hstore;
CREATE TABLE closed.member (a int); CREATE TABLE closed.configured (a int);
ALTER EXTENSION hstore ADD TABLE closed.member; ALTER EXTENSION hstore ADD TABLE closed.configured;
UPDATE pg_extension SET extconfig = ARRAY['closed.configured'::regclass::oid], extcondition = '{""}'
 WHERE extname = 'hstore';
CREATE TABLE closed.secret (a int); ALTER TABLE closed.secret ENABLE ROW LEVEL SECURITY;
CREATE TABLE closed."a */ b" (a int);
ALTER TABLE closed."a */ b" ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE closed."a */ b" OWNER TO fact_guest;
SELECT lo_from_bytea(4711, 'x');
CREATE USER MAPPING FOR fact_guest SERVER elsewhere OPTIONS (password 'mine');
CREATE USER MAPPING FOR PUBLIC SERVER elsewhere OPTIONS (password 'ours');
GRANT USAGE ON FOREIGN DATA WRAPPER wrapper TO fact_server_owner;
ALTER SERVER elsewhere OWNER TO fact_server_owner;
"""


@pytest.fixture
def guarded(each_server: Server) -> Iterator[Server]:
    """A server with a database that a role may read nothing of."""
    roles = ("fact_guest", "fact_server_owner")
    try:
        for role in roles:
            each_server.psql("postgres", f"CREATE ROLE {role} LOGIN PASSWORD $p${PASSWORD}$p$")
        each_server.psql("postgres", "CREATE DATABASE guarded")
        each_server.psql("guarded", GUARDED)
        yield each_server
    finally:
        drop_databases(each_server, "guarded")
        for role in roles:
            each_server.psql("postgres", f"DROP ROLE IF EXISTS {role}")


def test_the_statements_that_access_names_are_all_a_dump_needs(guarded: Server) -> None:
    before = guarded.client("pg_dump", database="guarded", user="fact_guest")
    assert "permission denied" in before.stderr
    statements = guarded.psql("guarded", ACCESS, user="fact_guest").splitlines()
    assert statements == [
        "GRANT USAGE ON SCHEMA closed TO fact_guest",
        "GRANT SELECT ON SEQUENCE closed.numbers TO fact_guest",
        *(
            f"GRANT SELECT ON TABLE closed.{name} TO fact_guest"
            for name in ("configured", "part", "parts", "plain", "secret")
        ),
        'ALTER ROLE fact_guest BYPASSRLS /* row-level security of closed."a * / b" */',
        "ALTER ROLE fact_guest BYPASSRLS /* row-level security of closed.secret */",
        "GRANT SELECT ON LARGE OBJECT 4711 TO fact_guest",
        "GRANT USAGE ON FOREIGN SERVER elsewhere TO fact_guest"
        " /* options of the user mapping of fact_guest for elsewhere */",
        "GRANT fact_server_owner TO fact_guest"
        " /* options of the user mapping of PUBLIC for elsewhere */",
    ]

    guarded.psql("guarded", ";\n".join(statements))

    assert guarded.psql("guarded", ACCESS, user="fact_guest") == ""
    after = guarded.client("pg_dump", database="guarded", user="fact_guest")
    assert (after.returncode, after.stderr) == (0, "")
    # Its options are what a role without the right would leave out and go on.
    assert after.stdout.count("password '") == 2
    # Rows of materialized views are in no dump.
    guarded.psql("guarded", "GRANT SELECT ON closed.kept TO fact_guest")
    assert facts(guarded, "guarded", user="fact_guest") == facts(guarded, "guarded")


@pytest.mark.parametrize(
    ("left_out", "made"),
    [
        ("CREATE USER MAPPING FOR keeper SERVER elsewhere OPTIONS (password 'hidden')", "hidden"),
        (
            "CREATE SUBSCRIPTION heard CONNECTION 'dbname=x' PUBLICATION told"
            " WITH (connect = false, slot_name = NONE)",
            "CREATE SUBSCRIPTION",
        ),
    ],
)
def test_what_only_a_superuser_can_dump_asks_for_one(
    guarded: Server, left_out: str, made: str
) -> None:
    statements = guarded.psql("guarded", ACCESS, user="fact_guest").splitlines()
    guarded.psql("guarded", ";\n".join(statements))
    guarded.psql("guarded", f"SET client_min_messages = error; {left_out}")
    try:
        before = guarded.client("pg_dump", database="guarded", user="fact_guest")
        assert before.returncode == 0
        assert made not in before.stdout, "pg_dump leaves it out and goes on"
        (statement,) = guarded.psql("guarded", ACCESS, user="fact_guest").splitlines()
        assert statement.startswith("ALTER ROLE fact_guest SUPERUSER /* ")
        guarded.psql("guarded", statement)
        assert guarded.psql("guarded", ACCESS, user="fact_guest") == ""
        after = guarded.client("pg_dump", database="guarded", user="fact_guest")
        assert made in after.stdout
    finally:
        with suppress(AssertionError):
            guarded.psql("guarded", "DROP SUBSCRIPTION heard")


def test_a_session_ends_by_itself_when_its_client_is_gone(each_server: Server) -> None:
    names = (
        *("client_connection_check_interval", "tcp_keepalives_idle", "tcp_keepalives_interval"),
        *("tcp_keepalives_count", "tcp_user_timeout", "idle_in_transaction_session_timeout"),
    )
    shown = ";".join(f"SHOW {name}" for name in names)
    # Over TCP the server asks the socket itself.
    options = "PGOPTIONS='-c idle_in_transaction_session_timeout=0'"
    code = f"{options} psql -X -q -A -t <<'END'\n{SESSION}\n{shown};\nEND"
    done = each_server.client("bash", "-c", code, database="postgres")
    assert done.stderr == ""
    assert done.stdout.split() == ["2s", "30", "10", "6", "90000", "10min"]

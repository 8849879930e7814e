"""A dump is executed by a role that is no superuser, and all comes back as it was owned before."""

from __future__ import annotations

import itertools
import signal
from collections.abc import Iterator

import pytest

from tests.scripts.harness import SCRIPTS, Pod, Server, drop_databases

DATABASE = "owned"
ROLES = ("owned_shop", "owned_reports", 'owned "odd"\nrole')

# One of everything that needs no superuser to be made; each role owns some of it.
SOURCE = r"""
CREATE SCHEMA "ext ensions";
CREATE EXTENSION hstore SCHEMA "ext ensions";
CREATE EXTENSION cube;
CREATE EXTENSION earthdistance;
CREATE EXTENSION postgres_fdw;
COMMENT ON EXTENSION cube IS 'ours; GRANT nothing';
GRANT EXECUTE ON FUNCTION cube(float8) TO owned_reports;
GRANT USAGE ON FOREIGN DATA WRAPPER postgres_fdw TO owned_shop;
CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host 'nowhere');
ALTER SERVER far OWNER TO owned_shop;
CREATE USER MAPPING FOR owned_reports SERVER far OPTIONS (user 'x', password 'y');
CREATE FOREIGN TABLE distant (a int) SERVER far;

CREATE TABLE customers (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, tags "ext ensions".hstore);
INSERT INTO customers (tags) SELECT 'a=>1' FROM generate_series(1, 100);
REVOKE UPDATE ON customers FROM keeper;  -- an owner without one of its rights
GRANT SELECT (id) ON customers TO owned_reports;
GRANT SELECT ON customers TO owned_shop WITH GRANT OPTION;
SET SESSION AUTHORIZATION owned_shop;
GRANT SELECT ON customers TO owned_reports;
RESET SESSION AUTHORIZATION;

CREATE SCHEMA reports AUTHORIZATION owned_reports;
GRANT CREATE, USAGE ON SCHEMA reports, public TO owned_shop;
SET SESSION AUTHORIZATION owned_reports;
CREATE TYPE reports.mood AS ENUM ('good', 'bad');
CREATE TYPE reports.pair AS (a int, b int);
CREATE DOMAIN reports.positive AS int CHECK (value > 0);
CREATE TABLE reports.daily (
  id serial PRIMARY KEY, at date, mood reports.mood, n reports.positive
) PARTITION BY RANGE (id);
CREATE TABLE reports.daily_1 PARTITION OF reports.daily FOR VALUES FROM (1) TO (1000);
INSERT INTO reports.daily (at, mood, n)
  SELECT '2026-01-01', 'good', i FROM generate_series(1, 50) i;
CREATE FUNCTION reports.add(int, VARIADIC int[]) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1';
CREATE PROCEDURE reports.act(INOUT a int) LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN a := 1; END';
CREATE AGGREGATE reports.total (int) (SFUNC = int4pl, STYPE = int);
CREATE FUNCTION reports.final(int, float8) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1';
CREATE AGGREGATE reports.middle (float8 ORDER BY int)
  (SFUNC = int4pl, STYPE = int, INITCOND = '0', FINALFUNC = reports.final);
CREATE FUNCTION reports.touched() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
CREATE TRIGGER touched BEFORE UPDATE ON reports.daily
  FOR EACH ROW EXECUTE FUNCTION reports.touched();
CREATE MATERIALIZED VIEW reports.sums AS SELECT mood, sum(n) FROM reports.daily GROUP BY mood;
CREATE VIEW reports.seen AS SELECT * FROM reports.daily;
CREATE RULE nothing AS ON DELETE TO reports.seen DO INSTEAD NOTHING;
CREATE STATISTICS reports.both ON at, mood FROM reports.daily;
CREATE TEXT SEARCH CONFIGURATION reports.words (COPY = pg_catalog.simple);
CREATE TEXT SEARCH DICTIONARY reports.stems (TEMPLATE = simple);
CREATE COLLATION reports.plain FROM "C";
CREATE OPERATOR reports.@+ (FUNCTION = int4pl, LEFTARG = int, RIGHTARG = int);
CREATE CONVERSION reports.conv FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8;
ALTER TABLE reports.daily_1 ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON reports.daily_1 TO owned_shop USING (id > 0);
GRANT SELECT ON reports.daily TO owned_shop;
ALTER DEFAULT PRIVILEGES IN SCHEMA reports GRANT SELECT ON TABLES TO owned_shop;
SELECT lo_from_bytea(4711, 'large');
COMMENT ON LARGE OBJECT 4711 IS 'of reports';
RESET SESSION AUTHORIZATION;
ALTER DEFAULT PRIVILEGES GRANT SELECT ON SEQUENCES TO owned_reports;
GRANT SELECT ON LARGE OBJECT 4711 TO owned_shop;
SELECT lo_from_bytea(4712, 'small');

CREATE TABLE public."odd "" name; 'ALTER ROLE'" (a int);
ALTER TABLE public."odd "" name; 'ALTER ROLE'" OWNER TO "owned ""odd""
role";
GRANT ALL ON public."odd "" name; 'ALTER ROLE'" TO owned_reports;
CREATE PUBLICATION news FOR TABLE customers;
ALTER SCHEMA public OWNER TO owned_shop;
"""


def quoted(name: str) -> str:
    """A name as SQL writes it."""
    return '"' + name.replace('"', '""') + '"'


@pytest.fixture
def owned(each_server: Server) -> Iterator[Server]:
    """The server with the database and its roles."""
    for role in ROLES:
        each_server.psql("postgres", f"CREATE ROLE {quoted(role)}")
    try:
        each_server.psql("postgres", f"CREATE DATABASE {DATABASE}")
        each_server.psql(
            "postgres", f"GRANT CREATE ON DATABASE {DATABASE} TO owned_reports, owned_shop"
        )
        each_server.psql(DATABASE, SOURCE)
        yield each_server
    finally:
        drop_databases(each_server, DATABASE)
        for role in ROLES:
            each_server.psql("postgres", f"DROP ROLE IF EXISTS {quoted(role)}")


@pytest.fixture
def owned_pod(each_pod: Pod, owned: Server) -> Pod:  # noqa: ARG001 - it has to be there
    """The pod that backs it up as a superuser and restores it."""
    each_pod.database = DATABASE
    return each_pod


def dumped(server: Server) -> list[str]:
    """What pg_dump writes of the database, with owners and rights."""
    done = server.client("pg_dump", "--create", database=DATABASE)
    assert done.returncode == 0, done.stderr
    return [
        line for line in done.stdout.splitlines() if not line.startswith(("\\restr", "\\unrestr"))
    ]


def temporary_roles(server: Server) -> str:
    """What restores have left."""
    return server.psql("postgres", "SELECT rolname FROM pg_roles WHERE rolname LIKE 'pgkeep%'")


def test_everything_comes_back_with_its_owners_and_rights(owned_pod: Pod, owned: Server) -> None:
    before = dumped(owned)
    backup = owned_pod.good_backup(BACKUP_TABLE_HASHES="true")
    owned.psql(DATABASE, "DROP SCHEMA reports CASCADE; DELETE FROM customers")

    result = owned_pod.restore(backup.name)

    assert result.code == 0, result.output
    assert "made for this run; no superuser" in result.output
    lines = itertools.zip_longest(before, dumped(owned))
    assert [pair for pair in lines if pair[0] != pair[1]][:5] == []
    assert temporary_roles(owned) == ""


def test_no_statement_of_the_dump_is_executed_by_a_superuser(owned_pod: Pod, owned: Server) -> None:
    owned.psql(
        DATABASE,
        """CREATE FUNCTION witness(int) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN
        IF (SELECT rolsuper FROM pg_roles WHERE rolname = session_user)
           AND current_database() <> 'owned' THEN RAISE EXCEPTION 'a superuser restores'; END IF;
        RETURN true; END $$;
        CREATE TABLE seen (a int CHECK (witness(a)));
        INSERT INTO seen VALUES (1);
        CREATE INDEX ON seen (witness(a))""",
    )
    backup = owned_pod.good_backup()

    good = owned_pod.restore(backup.name)
    bad = owned_pod.restore(backup.name, RESTORE_ALLOW_SUPERUSER_OBJECTS="true")

    assert good.code == 0, good.output
    assert bad.code == 1, bad.output
    assert "a superuser restores" in bad.output


def test_what_needs_a_superuser_is_listed_before_data_is_loaded(
    owned_pod: Pod, owned: Server
) -> None:
    owned.psql(
        DATABASE,
        """CREATE FUNCTION ddl() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
        CREATE EVENT TRIGGER watch ON ddl_command_end EXECUTE FUNCTION ddl();
        CREATE FUNCTION c_code() RETURNS int LANGUAGE internal AS 'pg_backend_pid'""",
    )
    backup = owned_pod.good_backup()
    databases = owned.databases()

    result = owned_pod.restore(backup.name)

    assert result.code == 1, result.output
    assert "2 of its statements fail" in result.explained(), result.output
    assert "--allow-superuser-objects" in result.explained()
    assert "CREATE EVENT TRIGGER watch" in result.output
    assert "CREATE FUNCTION public.c_code()" in result.output
    assert "Restored into the side database" not in result.output
    assert owned.databases() == databases
    assert temporary_roles(owned) == ""

    result = owned_pod.restore(backup.name, RESTORE_ALLOW_SUPERUSER_OBJECTS="true")
    assert result.code == 0, result.output
    assert owned.psql(DATABASE, "SELECT evtname FROM pg_event_trigger") == "watch"


def test_a_dump_without_owners_goes_to_the_owner_of_the_live_database(
    owned_pod: Pod, owned: Server
) -> None:
    backup = owned_pod.good_backup(BACKUP_OWNERS="false")
    owned.psql("postgres", f"ALTER DATABASE {DATABASE} OWNER TO owned_shop")

    result = owned_pod.restore(backup.name)

    assert result.code == 0, result.output
    owners = "SELECT DISTINCT pg_get_userbyid(relowner) FROM pg_class WHERE relname LIKE 'daily%'"
    assert owned.psql(DATABASE, owners) == "owned_shop"
    assert temporary_roles(owned) == ""


def test_a_plain_dump_names_the_owners_itself(owned_pod: Pod, owned: Server) -> None:
    """What a superuser owns cannot be given to it by another role: that needs the flag."""
    owned.psql("postgres", f"DROP DATABASE {DATABASE}")
    owned.psql("postgres", f"CREATE DATABASE {DATABASE} OWNER owned_shop")
    owned.psql(
        DATABASE, "SET ROLE owned_shop; CREATE TABLE a AS SELECT 1 AS b; CREATE VIEW v AS TABLE a"
    )
    before = dumped(owned)
    good = owned_pod.good_backup(BACKUP_FORMAT="plain")
    result = owned_pod.restore(good.name)
    assert result.code == 0, result.output
    assert dumped(owned) == before
    assert temporary_roles(owned) == ""

    owned.psql(DATABASE, "ALTER TABLE a OWNER TO keeper")
    second = owned_pod.good_backup(BACKUP_FORMAT="plain")
    result = owned_pod.restore(second.name)
    assert result.code == 1, result.output
    assert "--allow-superuser-objects" in result.explained(), result.output
    result = owned_pod.restore(second.name, RESTORE_ALLOW_SUPERUSER_OBJECTS="true")
    assert result.code == 0, result.output


def test_the_role_of_a_killed_restore_goes_with_the_next(owned_pod: Pod, owned: Server) -> None:
    backup = owned_pod.good_backup()
    code = f"source {SCRIPTS}/restore/main.sh; hand_over() {{ kill -KILL $$; }}; main"
    killed = owned_pod.run("restore/main.sh", code=code, RESTORE_BACKUP=backup.name)
    assert killed.code == -signal.SIGKILL
    assert temporary_roles(owned) != ""

    result = owned_pod.restore(backup.name)

    assert result.code == 0, result.output
    assert "left by a restore that was killed" in result.output
    assert temporary_roles(owned) == ""


def test_the_password_of_the_role_is_in_no_log(owned_pod: Pod, owned: Server) -> None:
    owned.psql("postgres", "ALTER SYSTEM SET log_statement = 'all'")
    owned.psql("postgres", "SELECT pg_reload_conf()")
    try:
        code = (
            f'source {SCRIPTS}/restore/main.sh; create_side() {{ cat "$WORK/restorer-password";'
            " printf ' is it\\n'; exit 3; }; main"
        )
        backup = owned_pod.good_backup()
        result = owned_pod.run("restore/main.sh", code=code, RESTORE_BACKUP=backup.name)
    finally:
        owned.psql("postgres", "ALTER SYSTEM RESET log_statement")
        owned.psql("postgres", "SELECT pg_reload_conf()")
    (password,) = [
        line.split()[0] for line in result.output.splitlines() if line.endswith(" is it")
    ]
    assert len(password) == 48
    assert "CREATE DATABASE" not in password
    assert password not in owned.log.read_text(encoding="utf-8", errors="replace")
    assert temporary_roles(owned) == ""


def test_sigterm_in_the_middle_leaves_no_role(owned_pod: Pod, owned: Server) -> None:
    backup = owned_pod.good_backup()
    code = (
        f"source {SCRIPTS}/restore/main.sh; restore_side() {{ kill -TERM $$; run sleep 60; }}; main"
    )
    result = owned_pod.run("restore/main.sh", code=code, RESTORE_BACKUP=backup.name)
    assert result.code == 128 + signal.SIGTERM, result.output
    assert temporary_roles(owned) == ""
    assert owned.databases() >= {DATABASE}

"""Code in a dump can leave nothing behind in or about the side database, nor be taken for it.

Whatever runs while a dump is executed owns what is in the side database. None of these ways may
change what the restored database defines, how it is set, who may come in, or what pgkeep drops.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.scripts.harness import PASSWORD, Pod, Server, drop_databases

DATABASE = "attacked"
NEIGHBOUR = "neighbour"
# `act` runs in the session that executes the dump, from every place that a test gives it.
ACT = """
CREATE FUNCTION bait() RETURNS int LANGUAGE sql AS 'SELECT 2';
CREATE FUNCTION act() RETURNS void LANGUAGE plpgsql AS $act$ BEGIN
  IF current_database() ~ '_restore_' THEN
    {act};
  END IF;
EXCEPTION WHEN OTHERS THEN
  RAISE LOG 'refused: %', SQLERRM;
END $act$;
CREATE FUNCTION calm(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN
  PERFORM public.act(); RETURN $1; END $$;
"""
# Where code of the dump runs: while rows are loaded, while an index is planned (on an empty table
# too), and while the text of a default is read, before there is any row.
PLACES = {
    "check": "CREATE TABLE zz (a int CHECK (calm(a) > 0)); INSERT INTO zz VALUES (1)",
    "constant of an index": "CREATE TABLE zz (a int); INSERT INTO zz VALUES (1);"
    " CREATE INDEX ON zz ((a + calm(1)))",
    "default": "CREATE DOMAIN zd AS int CHECK (calm(value) > 0);"
    " CREATE TABLE zz (a zd[] DEFAULT '{{1}}'::zd[]); INSERT INTO zz VALUES ('{1}')",
    "materialized view": "CREATE MATERIALIZED VIEW zz AS SELECT calm(1) AS a",
}
DEFINITIONS = {
    "default": "ALTER TABLE public.trusted ALTER b SET DEFAULT public.bait()",
    "view": "EXECUTE 'CREATE OR REPLACE VIEW public.names AS"
    ' SELECT rolpassword COLLATE "default" AS name FROM pg_authid\'',
    "function": "EXECUTE 'CREATE OR REPLACE FUNCTION public.helper() RETURNS int LANGUAGE sql"
    " AS ''SELECT 2'''",
    "trigger": "CREATE TRIGGER t BEFORE INSERT ON public.trusted FOR EACH ROW"
    " EXECUTE FUNCTION public.on_insert()",
    "rule": "EXECUTE 'CREATE RULE r AS ON INSERT TO public.trusted DO ALSO SELECT public.bait()'",
    "grant": "GRANT ALL ON public.trusted TO mallory",
    "default rights": "ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO mallory",
    "comment": "COMMENT ON TABLE public.trusted IS 'mine'",
}
OF_THE_DATABASE = {
    "search path": "EXECUTE format('ALTER DATABASE %I SET search_path = public, pg_catalog',"
    " current_database())",
    "setting of everybody": "EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only"
    " = on', current_database())",
    "limit": "EXECUTE format('ALTER DATABASE %I CONNECTION LIMIT 1', current_database())",
    "right": "EXECUTE format('GRANT ALL ON DATABASE %I TO mallory', current_database())",
    "template": "EXECUTE format('ALTER DATABASE %I IS_TEMPLATE true', current_database())",
    "no mark": "EXECUTE format('COMMENT ON DATABASE %I IS NULL', current_database())",
    "mark of a neighbour": "EXECUTE format('COMMENT ON DATABASE %I IS %L', current_database(),"
    f" E'pgkeep kept: x\\npgkeep restore in progress: backup-20260101-000000 {NEIGHBOUR}')",
    "owner": "EXECUTE format('ALTER DATABASE %I OWNER TO mallory', current_database())",
}
STATE = """
SELECT d.datname, pg_get_userbyid(datdba), datconnlimit, datistemplate, datallowconn,
       (SELECT string_agg(setconfig::text, ';') FROM pg_db_role_setting WHERE setdatabase = d.oid),
       has_database_privilege('mallory', d.oid, 'CREATE'),
       has_database_privilege('mallory', d.oid, 'CONNECT'),
       shobj_description(d.oid, 'pg_database')
  FROM pg_database d WHERE datname = 'attacked'
"""


@pytest.fixture
def attacked(each_server: Server) -> Iterator[Server]:
    """A database of alice's in which mallory may make things of her own."""
    server = each_server
    for role in ("mallory", "alice"):
        server.psql("postgres", f"CREATE ROLE {role} LOGIN PASSWORD $p${PASSWORD}$p$")
    try:
        for name in (DATABASE, NEIGHBOUR):
            server.psql("postgres", f"CREATE DATABASE {name} OWNER alice")
        server.psql(DATABASE, "GRANT CREATE ON SCHEMA public TO mallory")
        server.psql(
            DATABASE,
            """CREATE TABLE trusted (a int, b int DEFAULT 1); INSERT INTO trusted VALUES (1, 1);
            CREATE VIEW names AS SELECT rolname COLLATE "default" AS name FROM pg_roles;
            CREATE FUNCTION helper() RETURNS int LANGUAGE sql AS 'SELECT 1';
            CREATE FUNCTION on_insert() RETURNS trigger LANGUAGE plpgsql AS
              $$ BEGIN RETURN new; END $$""",
            user="alice",
        )
        yield server
    finally:
        drop_databases(server, DATABASE)
        drop_databases(server, NEIGHBOUR)
        server.psql("postgres", "DROP ROLE mallory; DROP ROLE alice")


@pytest.fixture
def attacked_pod(each_pod: Pod, attacked: Server) -> Pod:  # noqa: ARG001 - it has to be there
    """The pod whose Secret holds a superuser."""
    each_pod.database = DATABASE
    return each_pod


def definitions(server: Server) -> str:
    """Everything that the database defines, and the rights in it."""
    done = server.client("pg_dump", "--schema-only", database=DATABASE)
    assert done.returncode == 0, done.stderr
    return re.sub(r"(?m)^\\(un)?restrict .*$", "", done.stdout)


@pytest.mark.parametrize("place", PLACES)
def test_code_in_a_dump_defines_nothing(attacked_pod: Pod, attacked: Server, place: str) -> None:
    """All definitions at once; the log of the server says that each was tried and refused."""
    attempts = "; ".join(
        f"BEGIN {each}; EXCEPTION WHEN OTHERS THEN RAISE LOG 'refused: %', SQLERRM; END"
        for each in DEFINITIONS.values()
    )
    attacked.psql(DATABASE, ACT.format(act=attempts) + PLACES[place], user="mallory")
    before = definitions(attacked)
    backup = attacked_pod.good_backup()
    begun = attacked.log.stat().st_size

    result = attacked_pod.restore(backup.name)

    assert result.code == 0, result.output
    log = attacked.log.read_bytes()[begun:].decode(errors="replace")
    refused = log.count("refused: pgkeep: code in the dump may define nothing")
    assert refused >= len(DEFINITIONS), "the attack did not even begin"
    assert definitions(attacked) == before


@pytest.mark.parametrize("way", OF_THE_DATABASE)
def test_code_in_a_dump_leaves_nothing_in_the_database_as_such(
    attacked_pod: Pod, attacked: Server, way: str
) -> None:
    attacked.psql(
        DATABASE,
        ACT.format(act=OF_THE_DATABASE[way]) + PLACES["check"],
        user="mallory",
    )
    before = attacked.psql("postgres", STATE)
    there = attacked.databases()
    backup = attacked_pod.good_backup()

    trial = attacked_pod.restore(backup.name, RESTORE_DRY_RUN="true")
    assert trial.code == 0, trial.output
    assert attacked.databases() == there, "a trial has left its copy"
    result = attacked_pod.restore(backup.name)
    assert result.code == 0, result.output
    assert attacked.psql("postgres", STATE) == before

    # What a neighbour's trial sweeps is not the live database of somebody else.
    attacked_pod.database = NEIGHBOUR
    neighbour = attacked_pod.good_backup()
    result = attacked_pod.restore(neighbour.name, RESTORE_DRY_RUN="true")
    assert result.code == 0, result.output
    assert there <= attacked.databases()


@pytest.mark.parametrize(
    "given",
    [
        "EXECUTE format('ALTER ROLE %I PASSWORD %L', session_user, 'mine')",
        "EXECUTE format('GRANT %I TO mallory', session_user)",
    ],
    ids=["password", "membership"],
)
def test_the_role_that_executes_a_dump_cannot_be_given_away(
    attacked_pod: Pod, attacked: Server, given: str
) -> None:
    attacked.psql(DATABASE, ACT.format(act=given) + PLACES["check"], user="mallory")
    there = attacked.databases()
    backup = attacked_pod.good_backup()
    begun = attacked.log.stat().st_size

    result = attacked_pod.restore(backup.name, RESTORE_DRY_RUN="true")

    if "refused: " in attacked.log.read_bytes()[begun:].decode(errors="replace"):
        assert result.code == 0, result.output  # newer servers let no role do that
    else:
        assert result.code == 1, result.output
        assert "has given away the role" in result.explained()
        assert "superuser" not in result.explained()
    assert attacked.databases() == there
    assert (
        attacked.psql("postgres", "SELECT count(*) FROM pg_roles WHERE rolname ~ '^pgkeep'") == "0"
    )


def test_nobody_else_comes_into_the_side_database(attacked_pod: Pod, attacked: Server) -> None:
    """Also where everybody may come into the live one."""
    attacked.psql(
        DATABASE,
        ACT.format(
            act="RAISE LOG 'side: mallory %', has_database_privilege('mallory',"
            " current_database(), 'CONNECT')"
        )
        + PLACES["check"],
        user="mallory",
    )
    backup = attacked_pod.good_backup()
    begun = attacked.log.stat().st_size
    result = attacked_pod.restore(backup.name)
    assert result.code == 0, result.output
    log = attacked.log.read_bytes()[begun:].decode(errors="replace")
    assert "side: mallory f" in log
    assert "side: mallory t" not in log
    assert "|t|t|" not in attacked.psql("postgres", STATE)
    assert (
        attacked.psql(
            "postgres", f"SELECT has_database_privilege('mallory', '{DATABASE}', 'CONNECT')"
        )
        == "t"
    ), "as before: everybody may come into the live one"


@pytest.mark.parametrize("how", ["name", "mark", "owner"])
def test_a_leftover_is_known_by_name_and_mark_and_owner(
    attacked_pod: Pod, attacked: Server, how: str
) -> None:
    name = f"{DATABASE}_restore_20260101_000000" if how != "name" else "somebody_s"
    mark = f"pgkeep restore in progress: backup-20260101-000000 {DATABASE}"
    if how == "mark":
        mark = f"pgkeep restore in progress: x {DATABASE}"
    owner = "mallory" if how == "owner" else "alice"
    backup = attacked_pod.good_backup()
    attacked.psql("postgres", f"CREATE DATABASE {name} OWNER {owner}")
    try:
        attacked.psql("postgres", f"COMMENT ON DATABASE {name} IS '{mark}'")
        result = attacked_pod.restore(backup.name, RESTORE_DRY_RUN="true")
        assert result.code == 0, result.output
        assert name in attacked.databases(), result.output
    finally:
        attacked.psql("postgres", f"DROP DATABASE {name} WITH (FORCE)")

"""Whoever could create objects in a database gains nothing when its backup is restored.

Everything that runs code during a restore calls `strike`, which tries to become superuser and to
start a program on the server, and says in the server's log as whom it ran.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.scripts.harness import PASSWORD, Pod, Server, drop_databases

DATABASE = "attacked"
ATTEMPTS = (
    "ALTER ROLE mallory SUPERUSER",
    "RESET SESSION AUTHORIZATION; ALTER ROLE mallory SUPERUSER",
    "RESET ROLE; ALTER ROLE mallory SUPERUSER",
    "SET ROLE keeper; ALTER ROLE mallory SUPERUSER",
    "SET SESSION AUTHORIZATION keeper; ALTER ROLE mallory SUPERUSER",
    "GRANT keeper TO mallory",
    "GRANT pg_execute_server_program TO mallory",
    "ALTER ROLE mallory CREATEROLE",
    "ALTER SYSTEM SET archive_command = 'touch {file}'",
    "COPY (SELECT 1) TO PROGRAM 'touch {file}'",
    "CREATE TABLE pg_temp.x (a text); COPY pg_temp.x FROM PROGRAM 'touch {file}'",
    "COPY (SELECT 1) TO '{file}'",
    "PERFORM lo_export(lo_from_bytea(0, ''''), '{file}')",
    "CREATE FUNCTION pg_temp.c() RETURNS int LANGUAGE internal AS 'pg_backend_pid'",
    "CREATE ROLE mallory_s_own SUPERUSER",
    "UPDATE pg_authid SET rolsuper = true WHERE rolname = 'mallory'",
    "ALTER DATABASE postgres OWNER TO mallory",
)
# What calls it has to be immutable, which PostgreSQL lets nothing change; what that calls may.
STRIKE = """
CREATE FUNCTION attempt() RETURNS void LANGUAGE plpgsql AS $attempt$
BEGIN
{attempts}
END $attempt$;
CREATE FUNCTION strike(anyelement) RETURNS anyelement LANGUAGE plpgsql IMMUTABLE AS $strike$
BEGIN
  RAISE LOG 'struck by %, superuser %, through %', session_user,
    (SELECT rolsuper FROM pg_roles WHERE rolname = session_user), $1;
  PERFORM public.attempt();
  RETURN $1;
END $strike$;
"""
# Each of them runs code during a restore, or would in a careless one. The value says which.
WAYS = {
    "check": "CREATE TABLE checks (a text CHECK (strike(a) <> ''));"
    " INSERT INTO checks VALUES ('check')",
    "index": "CREATE TABLE indexes (a text); INSERT INTO indexes VALUES ('index');"
    " CREATE INDEX ON indexes (strike(a))",
    "predicate": "CREATE TABLE predicates (a text); INSERT INTO predicates VALUES ('predicate');"
    " CREATE INDEX ON predicates (a) WHERE strike(a) <> ''",
    "exclusion": "CREATE TABLE exclusions (a text, EXCLUDE USING btree (strike(a) WITH =));"
    " INSERT INTO exclusions VALUES ('exclusion')",
    "generated": "CREATE TABLE generations (a text, b text GENERATED ALWAYS AS (strike(a)) STORED);"
    " INSERT INTO generations (a) VALUES ('generated')",
    "domain": "CREATE DOMAIN careful AS text CHECK (strike(value) <> '');"
    " CREATE TABLE domains (a careful); INSERT INTO domains VALUES ('domain')",
    "materialized": "CREATE TABLE ones (a int); INSERT INTO ones VALUES (1);"
    " CREATE VIEW seen AS SELECT strike('materialized'::text) AS a FROM ones;"
    " CREATE MATERIALIZED VIEW materialized AS SELECT * FROM seen",
    "partition": "CREATE TABLE parts (a text) PARTITION BY LIST (strike(a));"
    " CREATE TABLE part PARTITION OF parts FOR VALUES IN ('partition');"
    " INSERT INTO parts VALUES ('partition')",
    "statistics": "CREATE TABLE counted (a text); INSERT INTO counted VALUES ('statistics');"
    " CREATE STATISTICS s ON (strike(a)), a FROM counted",
}
# These must not run at all.
QUIET = """
CREATE TABLE quiet (a text DEFAULT strike('default'::text));
INSERT INTO quiet VALUES ('x');
CREATE FUNCTION triggered() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN PERFORM strike('trigger'::text); RETURN new; END $$;
CREATE TRIGGER fire BEFORE INSERT OR UPDATE ON quiet FOR EACH ROW EXECUTE FUNCTION triggered();
ALTER TABLE quiet ENABLE ALWAYS TRIGGER fire;
CREATE RULE also AS ON INSERT TO quiet DO ALSO SELECT strike('rule'::text);
CREATE VIEW looked AS SELECT strike('view'::text) AS a;
CREATE FUNCTION mine(looked) RETURNS text LANGUAGE sql AS $$ SELECT strike('cast'::text) $$;
"""
RAN = {*WAYS} - {"statistics"}


def payload(file: Path) -> str:
    """The function that tries everything it should not be able to do."""
    attempts = "\n".join(
        f"  BEGIN {attempt.format(file=file)}; EXCEPTION WHEN OTHERS THEN NULL; END;"
        for attempt in ATTEMPTS
    ).replace("''''", "''")
    return STRIKE.format(attempts=attempts)


@pytest.fixture
def file(each_server: Server) -> Path:
    """What a program that an attack has started would leave."""
    return each_server.directory / "pwned"


@pytest.fixture
def attacked(each_server: Server, file: Path) -> Iterator[Server]:
    """A server with a database that mallory, no superuser, owns and has filled."""
    each_server.psql("postgres", f"CREATE ROLE mallory LOGIN PASSWORD $p${PASSWORD}$p$")
    try:
        each_server.psql("postgres", f"CREATE DATABASE {DATABASE} OWNER mallory")
        # Logged in as she is: a superuser who plays her could not play well enough.
        for sql in (payload(file), *WAYS.values(), QUIET):
            each_server.psql(DATABASE, sql, user="mallory")
        yield each_server
    finally:
        drop_databases(each_server, DATABASE)
        take_back(each_server, file)
        each_server.psql("postgres", "DROP ROLE mallory")


def take_back(server: Server, file: Path) -> None:
    """Whatever mallory has gained, if an attack succeeded."""
    for sql in (
        "ALTER ROLE mallory NOSUPERUSER NOCREATEROLE",
        "REVOKE keeper, pg_execute_server_program FROM mallory",
        "ALTER DATABASE postgres OWNER TO keeper",
        "ALTER SYSTEM RESET archive_command",
        "DROP ROLE IF EXISTS mallory_s_own",
    ):
        server.psql("postgres", sql)
    file.unlink(missing_ok=True)


@pytest.fixture
def attacked_pod(each_pod: Pod, attacked: Server) -> Pod:  # noqa: ARG001 - it has to be there
    """The pod whose Secret holds a superuser."""
    each_pod.database = DATABASE
    return each_pod


def gained(server: Server, file: Path, pod: Pod) -> str:
    """What mallory has that she had not; nothing is right."""
    rights = server.psql(
        "postgres",
        """SELECT string_agg(rolname, ',') FROM pg_roles
            WHERE rolname LIKE 'mallory%' AND (rolsuper OR rolcreaterole OR rolname <> 'mallory')
        UNION ALL SELECT string_agg(roleid::regrole::text, ',') FROM pg_auth_members
            WHERE member = 'mallory'::regrole
        UNION ALL SELECT 'owner of postgres' FROM pg_database
            WHERE datname = 'postgres' AND datdba = 'mallory'::regrole
        UNION ALL SELECT 'archive_command' FROM pg_file_settings WHERE name = 'archive_command'
        UNION ALL SELECT string_agg(rolname, ',') FROM pg_roles WHERE rolname LIKE 'pgkeep%'""",
    ).strip()
    files = [str(path) for path in (file, pod.root / "pwned") if path.exists()]
    return " ".join([rights, *files]).strip()


def strikes(server: Server, since: int) -> set[tuple[str, str, str]]:
    """Who struck, as superuser or not, through what; from the server's log."""
    log = server.log.read_text(encoding="utf-8", errors="replace")[since:]
    return set(re.findall(r"struck by (\S+), superuser (\w), through (\w+)", log))


@pytest.mark.parametrize("format_", ["directory", "plain"])
def test_code_in_a_dump_runs_without_any_right(
    attacked_pod: Pod, attacked: Server, file: Path, format_: str
) -> None:
    backup = attacked_pod.good_backup(BACKUP_FORMAT=format_, BACKUP_TABLE_HASHES="true")
    begun = len(attacked.log.read_text(encoding="utf-8", errors="replace"))

    result = attacked_pod.restore(backup.name)

    assert result.code == 0, result.output
    found = strikes(attacked, begun)
    during = {each for each in found if each[0].startswith("pgkeep_restore_")}
    assert {way for _, _, way in during} == RAN, "the attack did not even begin"
    assert {superuser for _, superuser, _ in during} == {"f"}
    # ANALYZE computes expressions of indexes and statistics, in the owner's name (PostgreSQL's own
    # guard): nothing of the rest may run outside the temporary role.
    assert {way for who, _, way in found if (who, _, way) not in during} <= {
        "index",
        "statistics",
        "exclusion",
        "predicate",
    }
    assert gained(attacked, file, attacked_pod) == ""


def test_the_suite_notices_a_restore_as_superuser(
    attacked_pod: Pod, attacked: Server, file: Path
) -> None:
    backup = attacked_pod.good_backup()
    result = attacked_pod.restore(backup.name, RESTORE_ALLOW_SUPERUSER_OBJECTS="true")
    assert "mallory" in gained(attacked, file, attacked_pod), result.output
    assert str(file) in gained(attacked, file, attacked_pod)


@pytest.mark.parametrize(
    "made",
    [
        "CREATE FUNCTION fire() RETURNS event_trigger LANGUAGE plpgsql AS"
        " $$ BEGIN PERFORM strike('event'::text); END $$;"
        " CREATE EVENT TRIGGER t ON ddl_command_end EXECUTE FUNCTION fire()",
        "CREATE FUNCTION c(cstring) RETURNS int LANGUAGE internal STRICT AS 'int4in'",
        "CREATE FUNCTION leak(int) RETURNS int LANGUAGE sql LEAKPROOF AS 'SELECT $1'",
        "CREATE PUBLICATION everything FOR ALL TABLES",
    ],
    ids=["event trigger", "C function", "leakproof function", "publication of all"],
)
def test_what_only_a_superuser_may_make_is_named_and_not_made(
    attacked_pod: Pod, attacked: Server, file: Path, made: str
) -> None:
    attacked.psql(DATABASE, made)
    backup = attacked_pod.good_backup()
    databases = attacked.databases()

    result = attacked_pod.restore(backup.name)

    assert result.code == 1, result.output
    assert "--allow-superuser-objects" in result.explained(), result.output
    assert attacked.databases() == databases
    assert gained(attacked, file, attacked_pod) == ""


def test_code_of_one_owner_cannot_change_what_another_has_defined(
    attacked_pod: Pod, attacked: Server, file: Path
) -> None:
    """Else the other would execute it, with its own rights, at the next INSERT."""
    attacked.psql(
        DATABASE, "CREATE TABLE trusted (a int, b int DEFAULT 1); INSERT INTO trusted VALUES (1, 1)"
    )
    attacked.psql(
        DATABASE,
        """CREATE FUNCTION bait() RETURNS int LANGUAGE sql AS 'SELECT 2';
        CREATE FUNCTION change() RETURNS void LANGUAGE plpgsql AS $$ BEGIN
          ALTER TABLE public.trusted ALTER COLUMN b SET DEFAULT public.bait();
        EXCEPTION WHEN OTHERS THEN NULL; END $$;
        CREATE FUNCTION calm(int) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN
          PERFORM public.change(); RETURN true; END $$;
        CREATE TABLE zz (a int CHECK (calm(a)));
        INSERT INTO zz VALUES (1)""",
        user="mallory",
    )
    backup = attacked_pod.good_backup()
    assert "bait" not in attacked.psql(DATABASE, DEFAULT), "she could change it as she is"

    result = attacked_pod.restore(backup.name)

    assert result.code == 0, result.output
    assert "bait" not in attacked.psql(DATABASE, DEFAULT)
    assert gained(attacked, file, attacked_pod) == ""


DEFAULT = (
    "SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef WHERE adrelid = 'public.trusted'::regclass"
)
NAMES = (
    "x\n\\! touch {file}\n",
    "x; ALTER ROLE mallory SUPERUSER; --",
    'x"; ALTER ROLE mallory SUPERUSER; --',
    "x'; ALTER ROLE mallory SUPERUSER; --",
    "x\n;ALTER ROLE mallory SUPERUSER;\n--",
    "x\n\\connect - keeper\nALTER ROLE mallory SUPERUSER;\n",
    "x\n\\o |touch {file}\n",
    "x\n*/ ALTER ROLE mallory SUPERUSER; /*",
    "$$; ALTER ROLE mallory SUPERUSER; $$",
    "%I :name :'name' \\gexec",
)


@pytest.mark.parametrize("format_", ["directory", "plain"])
def test_names_are_names_whatever_they_say(
    attacked_pod: Pod, attacked: Server, file: Path, format_: str
) -> None:
    statements: list[str] = []
    for number, name in enumerate(NAMES):
        odd = (
            '"'
            + name.format(file=attacked_pod.root / "pwned").replace('"', '""')[:50]
            + f'{number}"'
        )
        text = "$text$" + name.format(file=attacked_pod.root / "pwned") + "$text$"
        statements += [
            f"CREATE SCHEMA {odd}",
            f"CREATE TABLE {odd}.{odd} ({odd} int, CONSTRAINT {odd} CHECK ({odd} > 0))",
            f"CREATE FUNCTION {odd}.{odd}({odd} int) RETURNS int LANGUAGE sql AS 'SELECT 1'",
            f"CREATE TYPE {odd}.mood AS ENUM ({text})",
            f"DO $do$ BEGIN EXECUTE format('COMMENT ON TABLE %s IS %L', $odd${odd}.{odd}$odd$,"
            f" {text}); END $do$",
            f"GRANT SELECT ON {odd}.{odd} TO pg_monitor",
            f"SELECT lo_from_bytea({5000 + number}, '')",
        ]
    attacked.psql(DATABASE, ";\n".join(statements), user="mallory")
    backup = attacked_pod.good_backup(BACKUP_FORMAT=format_)

    result = attacked_pod.restore(backup.name)

    assert result.code == 0, result.output
    assert gained(attacked, file, attacked_pod) == ""


LEGACY = (
    "\\! touch {pod}",
    "\\o |touch {pod}",
    "\\copy checks from program 'touch {pod}'",
    "SELECT 1 \\g |touch {pod}",
    "\\setenv x y",
    "\\unrestrict 00\n\\! touch {pod}",
    "\\connect - keeper\nALTER ROLE mallory SUPERUSER;",
    "ALTER ROLE mallory SUPERUSER;",
    "RESET SESSION AUTHORIZATION; ALTER ROLE mallory SUPERUSER;",
    "COPY checks FROM PROGRAM 'touch {server}';",
    "COMMIT; ALTER ROLE mallory SUPERUSER;",
)


@pytest.mark.parametrize("line", LEGACY)
def test_a_doctored_file_of_the_old_job_gets_neither_shell_nor_superuser(
    attacked_pod: Pod, attacked: Server, file: Path, line: str
) -> None:
    done = attacked.client("pg_dump", "--no-owner", "--no-acl", database=DATABASE)
    lines = [each for each in done.stdout.split("\n") if not re.match(r"\\(un)?restrict ", each)]
    lines.insert(len(lines) // 4, "")  # the header stays what it is
    end = lines.index("-- PostgreSQL database dump complete")
    lines.insert(end - 1, line.format(pod=attacked_pod.root / "pwned", server=file))
    path = attacked_pod.volume / "backup-20260101-000000.sql.gz"
    path.write_bytes(gzip.compress("\n".join(lines).encode()))

    result = attacked_pod.restore(path.name)

    assert result.code == 1, result.output
    assert "the live database was not touched" in result.explained(), result.output
    assert gained(attacked, file, attacked_pod) == ""

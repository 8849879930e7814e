"""Every kind of object and value: the dump of the restored database equals the source's.

The database is every_kind.sql's. What is compared is what pg_dump writes of it, to the letter; only
schema "settling" holds what PostgreSQL itself writes otherwise after a first restore.
"""

from __future__ import annotations

import difflib
import itertools
import re
import shutil
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.scripts.harness import (
    POD_GID,
    POD_UID,
    Pod,
    Server,
    drop_databases,
    give,
    new_pod,
)

SQL = Path(__file__).with_name("every_kind.sql").read_text(encoding="utf-8")
DATABASE = "kinds"
# Schema "settling" alone, with what it uses of the others.
SETTLING = (
    "CREATE SCHEMA kinds; CREATE FUNCTION kinds.on_change() RETURNS trigger LANGUAGE plpgsql"
    " AS 'BEGIN RETURN new; END';"
    + SQL[SQL.index("CREATE SCHEMA settling;") : SQL.index("-- === replication and event triggers")]
)
ROLES = ("kind_owner", "kind_app", "kind_reader", 'kind\'s "odd" rôle')
# How many kinds the file holds: those for every version, and what only 17 has on top.
KINDS, KINDS_17 = 345, 10
EXACT = ("--create", "--exclude-schema=settling")

# What pg_dump calls the entries of an archive. A security label is missing, because a label needs a
# provider that no Debian package has; a large object's entry has another name before 17.
ENTRIES = """
ACCESS METHOD, ACL, AGGREGATE, BLOBS, CAST, CHECK CONSTRAINT, COLLATION, COMMENT, CONSTRAINT,
CONVERSION, DATABASE, DATABASE PROPERTIES, DEFAULT, DEFAULT ACL, DOMAIN, EVENT TRIGGER, EXTENSION,
FK CONSTRAINT, FOREIGN DATA WRAPPER, FOREIGN TABLE, FUNCTION, INDEX, INDEX ATTACH,
MATERIALIZED VIEW, MATERIALIZED VIEW DATA, OPERATOR, OPERATOR CLASS, OPERATOR FAMILY, POLICY,
PROCEDURAL LANGUAGE, PROCEDURE, PUBLICATION, PUBLICATION TABLE, PUBLICATION TABLES IN SCHEMA,
ROW SECURITY, RULE, SCHEMA, SEQUENCE, SEQUENCE OWNED BY, SEQUENCE SET, SERVER, SHELL TYPE,
STATISTICS, SUBSCRIPTION, TABLE, TABLE ATTACH, TABLE DATA, TEXT SEARCH CONFIGURATION,
TEXT SEARCH DICTIONARY, TEXT SEARCH PARSER, TEXT SEARCH TEMPLATE, TRANSFORM, TRIGGER, TYPE,
USER MAPPING, VIEW
"""


def quoted(name: str) -> str:
    """A name as SQL writes it."""
    return '"' + name.replace('"', '""') + '"'


@contextmanager
def made(server: Server, sql: str = SQL) -> Generator[None]:
    """Roles and database of every kind, gone afterwards with all that a restore made of them."""
    try:
        for role in ROLES:
            server.psql("postgres", f"CREATE ROLE {quoted(role)}")
        server.psql("postgres", f"CREATE DATABASE {DATABASE}")
        words = ("-X", "-q", "-o", "/dev/null", "-v", "ON_ERROR_STOP=1")
        done = server.client("psql", *words, database=DATABASE, sql=sql)
        assert done.returncode == 0, done.stderr
        yield
    finally:
        for database in server.databases():
            if database.startswith(DATABASE):
                drop_subscriptions(server, database)
        drop_databases(server, DATABASE)
        for role in ROLES:
            server.psql("postgres", f"DROP ROLE IF EXISTS {quoted(role)}")


def drop_subscriptions(server: Server, database: str) -> None:
    """A database with a subscription cannot be dropped, nor the subscription before its slot."""
    for name in server.psql(
        database,
        "SELECT subname FROM pg_subscription WHERE subdbid ="
        " (SELECT oid FROM pg_database WHERE datname = current_database())",
    ).splitlines():
        server.psql(
            database,
            # The database forbids writing.
            "SET default_transaction_read_only = off;"
            f"ALTER SUBSCRIPTION {name} SET (slot_name = NONE); DROP SUBSCRIPTION {name}",
        )


@pytest.fixture
def kinds(each_server: Server) -> Iterator[str]:
    """The database of every kind, on each version."""
    with made(each_server):
        yield DATABASE


@pytest.fixture
def kinds_pod(each_pod: Pod, kinds: str) -> Pod:
    """The pod that backs it up and restores it."""
    each_pod.database = kinds
    return each_pod


def dumped(server: Server, *options: str) -> list[str]:
    """What pg_dump writes of the database; of its text, only a key is of its own making."""
    done = server.client("pg_dump", "--encoding=UTF8", *options, database=DATABASE)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    # Not splitlines(): names and values hold more than one kind of line break.
    lines = done.stdout.split("\n")
    return [line for line in lines if not re.match(r"\\(un)?restrict ", line)]


def assert_same(expected: list[str], found: list[str]) -> None:
    """Fails with the first differing lines, cut: some of them are a megabyte long."""
    if expected == found:
        return
    lines = difflib.unified_diff(expected, found, "source", "restored", lineterm="", n=3)
    pytest.fail("\n".join(line[:200] for line in itertools.islice(lines, 60)), pytrace=False)


def without_owners(server: Server) -> list[str]:
    """The dump without what shows owners all the same.

    17 groups large objects by owner, and the entry of schema public is there, though empty, when
    that has another owner than it had at first.
    """
    options = ("--no-owner", "--no-acl", "--no-blobs", "--exclude-schema=settling")
    text = "\n".join(dumped(server, *options))
    public = r"--\n-- Name: public; Type: SCHEMA; .*\n--\n\n-- \*not\* creating schema.*\n\n\n"
    return re.sub(public, "", text).split("\n")


def large_object_contents(server: Server) -> str:
    """Number, content and comment of every large object."""
    return server.psql(
        DATABASE,
        "SELECT oid, md5(lo_get(oid)), obj_description(oid, 'pg_largeobject')"
        " FROM pg_largeobject_metadata ORDER BY oid",
    )


def settling_rows(server: Server) -> str:
    """What is in the tables whose columns change their order."""
    return server.psql(
        DATABASE,
        "SELECT (SELECT jsonb_agg(to_jsonb(p) ORDER BY to_jsonb(p)) FROM settling.parent AS p),"
        " (SELECT jsonb_agg(to_jsonb(c) ORDER BY to_jsonb(c)) FROM settling.child AS c),"
        " (SELECT jsonb_agg(to_jsonb(j) ORDER BY to_jsonb(j)) FROM settling.joining AS j),"
        " (SELECT jsonb_agg(to_jsonb(o) ORDER BY to_jsonb(o)) FROM settling.orders AS o)",
    )


def good_restore(pod: Pod, backup: Path) -> None:
    """A restore whose facts are equal; some of the kinds only a superuser may make."""
    result = pod.restore(backup.name, RESTORE_ALLOW_SUPERUSER_OBJECTS="true")
    assert result.code == 0, result.output
    assert "every fact equal" in result.output


def parts() -> tuple[str, str, str]:
    """The file in three: what stands before, inside and after the part that only 17 can read."""
    before, _, rest = SQL.partition("\\if :at_least_17\n")
    inside, _, after = rest.partition("\\endif\n")
    return before, inside, after


def test_no_kind_was_lost_from_the_file() -> None:
    names = re.findall(r"^-- KIND: (.+)$", SQL, re.MULTILINE)
    assert len(names) == len(set(names)) == KINDS + KINDS_17
    assert parts()[1].count("-- KIND: ") == KINDS_17
    # A kind without a statement would count for nothing.
    for kind in re.split(r"^-- KIND: ", SQL, flags=re.MULTILINE)[1:]:
        name, _, statements = kind.partition("\n")
        assert re.match(r"[A-Z]+ ", statements), name


def test_the_database_holds_every_entry_that_pg_dump_knows(kinds: str, each_server: Server) -> None:
    text = "\n".join(dumped(each_server, "--create"))
    found = set(re.findall(r"^-- (?:Data for )?Name: .*; Type: ([A-Z ]+); Schema:", text, re.M))
    large_object = {"BLOB METADATA" if each_server.postgres.major >= 17 else "BLOB"}
    assert found == set(ENTRIES.replace("\n", " ").strip().split(", ")) | large_object, kinds


@pytest.mark.parametrize(
    ("format_", "live"),
    [("directory", True), ("plain", False)],
    ids=["directory-over-it", "plain-into-nothing"],
)
def test_the_dump_of_the_restored_database_equals_the_source_s(
    kinds_pod: Pod, each_server: Server, format_: str, *, live: bool
) -> None:
    before = dumped(each_server, *EXACT)
    rows = settling_rows(each_server)
    backup = kinds_pod.good_backup(BACKUP_FORMAT=format_, BACKUP_TABLE_HASHES="true")
    if not live:
        # What belongs to the database as such can now come from the backup only.
        each_server.psql("postgres", f"ALTER DATABASE {DATABASE} RENAME TO {DATABASE}_source")

    good_restore(kinds_pod, backup)

    assert_same(before, dumped(each_server, *EXACT))
    assert settling_rows(each_server) == rows


def test_what_settles_at_the_first_restore_stays_as_it_is_at_the_second(
    each_pod: Pod, each_server: Server
) -> None:
    each_pod.database = DATABASE
    settling = "--schema=settling"
    with made(each_server, SETTLING):
        before = dumped(each_server, settling)
        good_restore(each_pod, each_pod.good_backup(BACKUP_TABLE_HASHES="true"))
        first = dumped(each_server, settling)
        # Else nothing here would have to be left out of the exact comparison.
        assert first != before

        good_restore(each_pod, each_pod.good_backup(BACKUP_TABLE_HASHES="true"))

        assert_same(first, dumped(each_server, settling))


@pytest.mark.parametrize("format_", ["directory", "plain"])
def test_without_owners_all_the_rest_comes_back_and_belongs_to_who_restores(
    kinds_pod: Pod, each_server: Server, format_: str
) -> None:
    before = without_owners(each_server)
    large_objects = large_object_contents(each_server)
    backup = kinds_pod.good_backup(BACKUP_FORMAT=format_, BACKUP_OWNERS="false")

    good_restore(kinds_pod, backup)

    assert_same(before, without_owners(each_server))
    assert large_object_contents(each_server) == large_objects
    # o: owner, a: named in an access control list, i: in one that an extension came with
    owned = each_server.psql(
        DATABASE,
        "SELECT deptype, refobjid::regrole, classid::regclass, objid FROM pg_shdepend"
        " WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())"
        " AND refclassid = 'pg_authid'::regclass AND deptype IN ('o', 'a')"
        # Who owns a user mapping is its content, and dumped as such.
        " AND classid <> 'pg_user_mapping'::regclass",
    )
    assert owned == "", "objects of roles that had nothing to do with the restore"


def test_a_backup_of_15_comes_back_in_17_as_if_17_had_made_it_all(
    pod: Pod, server: Server, server17: Server
) -> None:
    with made(server):
        rows = settling_rows(server)
        pod.database = DATABASE
        backup = pod.good_backup(BACKUP_TABLE_HASHES="true")
    before, _, after = parts()
    with (
        made(server17, before + after),
        new_pod(server17.port, DATABASE, server17.postgres) as pod17,
    ):
        # Who lists rights one by one in 15 cannot have meant the one that only 17 knows.
        made_by_17 = [line.replace(",MAINTAIN,", ",") for line in dumped(server17, *EXACT)]
        carried = pod17.volume / backup.name
        shutil.copytree(backup, carried)
        for path in (carried, *carried.rglob("*")):
            give(path, POD_UID, POD_GID)

        good_restore(pod17, carried)

        assert_same(made_by_17, dumped(server17, *EXACT))
        assert settling_rows(server17) == rows

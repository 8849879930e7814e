"""Single tables and schemas of a backup arrive beside the live ones, which stay as they were."""

from __future__ import annotations

import re
import signal
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.scripts.harness import (
    PASSWORD,
    Pod,
    Result,
    Server,
    change_manifest,
    drop_databases,
    kill_session,
    make_legacy,
    wait_until,
)

SHOP = r"""
CREATE SCHEMA shop;
CREATE SCHEMA archive;
CREATE SCHEMA "My ""Schema";
CREATE TYPE shop.mood AS ENUM ('glad', 'sad');
CREATE TYPE shop.place AS (street text, feeling shop.mood);
CREATE FUNCTION shop.checked(i int) RETURNS boolean LANGUAGE plpgsql IMMUTABLE
  AS 'BEGIN RETURN i > shop.least_number(); END';
CREATE FUNCTION shop.least_number() RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 0';
CREATE FUNCTION shop.positive(i int) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT i > 0';
REVOKE USAGE ON TYPE shop.mood FROM PUBLIC;
CREATE DOMAIN shop.amount AS int CHECK (VALUE >= 0);
CREATE TABLE shop.customers (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL,
  home shop.place, moods shop.mood[]);
CREATE TABLE shop.orders (
  id serial PRIMARY KEY, customer bigint REFERENCES shop.customers, amount shop.amount,
  twice int GENERATED ALWAYS AS (amount * 2) STORED, CHECK (shop.checked(id)));
CREATE INDEX orders_amount ON shop.orders (amount) WHERE shop.positive(amount);
CREATE STATISTICS shop.orders_together ON customer, amount FROM shop.orders;
COMMENT ON TABLE shop.orders IS 'it''s ordered';
COMMENT ON COLUMN shop.orders.amount IS 'in cents';
CREATE SEQUENCE shop.tickets START 4711;
CREATE VIEW shop.spent AS SELECT customer, sum(amount) FROM shop.orders GROUP BY 1;
CREATE TABLE shop.measured (at int, value text) PARTITION BY RANGE (at);
CREATE TABLE archive.old PARTITION OF shop.measured FOR VALUES FROM (0) TO (100)
  PARTITION BY RANGE (at);
CREATE TABLE archive.oldest PARTITION OF archive.old FOR VALUES FROM (0) TO (50);
CREATE TABLE archive.older PARTITION OF archive.old FOR VALUES FROM (50) TO (100);
CREATE TABLE shop.recent PARTITION OF shop.measured FOR VALUES FROM (100) TO (200);
CREATE INDEX measured_at ON shop.measured (at);
CREATE TABLE shop.parent (a int);
CREATE TABLE shop.child (b int) INHERITS (shop.parent);
CREATE TABLE "My ""Schema"."Täble 表" ("the id" int PRIMARY KEY, "select" text);
CREATE TABLE "My ""Schema".pgkeep (a int);
CREATE TABLE public.plain (a int);
INSERT INTO shop.customers (name, home, moods)
  SELECT 'Kunde № ' || i, ('("Straße ' || i || '",sad)')::shop.place, '{glad,sad}'
    FROM generate_series(1, 50) AS i;
INSERT INTO shop.orders (customer, amount) SELECT 1 + i % 50, i FROM generate_series(1, 300) AS i;
INSERT INTO shop.measured SELECT i, 'm' || i FROM generate_series(0, 199) AS i;
INSERT INTO shop.child VALUES (1, 2), (3, 4);
INSERT INTO shop.parent VALUES (5);
INSERT INTO "My ""Schema"."Täble 表" VALUES (1, E'line\nbreak'), (2, NULL);
INSERT INTO public.plain SELECT generate_series(1, 10);
SELECT nextval('shop.tickets'), nextval('shop.tickets');
"""

ODD = '"My ""Schema"."Täble 表"'


@pytest.fixture
def live(pod: Pod, server: Server) -> Iterator[str]:
    """A database with several schemas; nothing is backed up yet."""
    name = f"shop{time.monotonic_ns()}"
    server.psql("postgres", f"CREATE DATABASE {name}")
    server.psql(name, SHOP)
    pod.database = name
    yield name
    drop_databases(server, name)


@pytest.fixture
def backed(pod: Pod, live: str) -> str:
    """The same with a backup."""
    pod.good_backup(BACKUP_TABLE_HASHES="true")
    return live


def restored(pod: Pod, server: Server, *tables: str, schema: str = "", **more: str) -> str:
    """Restores some tables, and hands back the end of the new schemas' names."""
    result = parts(pod, *tables, schema=schema, **more)
    assert result.code == 0, result.output
    nothing_left(server, pod.database)
    found = re.search(r"(_restored_\d{8}_\d{6})$", result.output.rstrip())
    assert found, result.output
    return found[1]


def parts(pod: Pod, *tables: str, schema: str = "", **more: str) -> Result:
    """Asks for some tables and schemas of the newest backup, or of a named one."""
    chosen = {"RESTORE_TABLES": "\n".join(tables), "RESTORE_SCHEMAS": schema}
    return pod.restore(more.pop("backup", "latest"), **chosen, **more)


def nothing_left(server: Server, live: str) -> None:
    """Neither a side database nor a role of a restore is there."""
    assert {each for each in server.databases() if each.startswith(live)} == {live}
    roles = "SELECT count(*) FROM pg_roles WHERE rolname LIKE 'pgkeep\\_restore%'"
    assert server.psql("postgres", roles) == "0"


def picture(server: Server, live: str) -> str:
    """What is live but for what was restored: definitions, rights, rows with their places."""
    dump = server.client("pg_dump", "--exclude-schema=*_restored_*", database=live)
    assert dump.returncode == 0, dump.stderr
    rows = server.psql(
        live,
        "SELECT format('SELECT ctid, xmin, * FROM ONLY %s', oid::regclass)"
        " FROM pg_class WHERE relkind = 'r' AND relnamespace::regnamespace::text"
        " !~ '^(pg_|information_schema)|_restored_' ORDER BY 1 \\gexec",
    )
    rights = server.psql(
        "postgres",
        "SELECT a.* FROM pg_database, aclexplode(coalesce(datacl, acldefault('d', datdba))) AS a"
        f" WHERE datname = '{live}' ORDER BY 1, 2, 3",
    )
    return re.sub(r"^\\(un)?restrict .*$", "", dump.stdout, flags=re.M) + rows + rights


def schemas(server: Server, live: str) -> list[str]:
    """The schemas that restores have made."""
    found = "SELECT nspname FROM pg_namespace WHERE nspname ~ '_restored_' ORDER BY 1"
    return server.psql(live, found).splitlines()


def printed(result: Result, word: str) -> list[str]:
    """Statements that the summary shows."""
    return [line.strip() for line in result.output.splitlines() if line.startswith(f"    {word} ")]


# --- what arrives ---------------------------------------------------------------------------------


def test_one_table_arrives_beside_the_live_one_and_its_rows_can_be_taken_back(
    pod: Pod, server: Server, backed: str
) -> None:
    server.psql(backed, "DELETE FROM shop.orders WHERE id > 100; ALTER TABLE shop.orders ADD n int")
    before = picture(server, backed)
    result = parts(pod, "shop.orders")
    assert result.code == 0, result.output
    assert picture(server, backed) == before
    nothing_left(server, backed)
    (side,) = schemas(server, backed)
    assert re.fullmatch(r"shop_restored_\d{8}_\d{6}", side)
    assert re.search(rf"{side}\.orders +300\n", result.output)
    # Nothing else was loaded for it.
    assert "1 of 10 tables with their rows" in result.output
    assert f"from schema shop of {pod.names()[0]}" in server.psql(
        backed, f"SELECT obj_description('{side}'::regnamespace, 'pg_namespace')"
    )

    server.psql(backed, "\n".join(printed(result, "SELECT") + printed(result, "INSERT")))
    assert server.psql(backed, "SELECT count(*), sum(twice) FROM shop.orders") == "300\t90300"
    server.psql(backed, "\n".join(printed(result, "DROP")))
    assert schemas(server, backed) == []
    (record,) = pod.records("restores")
    assert (record["result"], record["swapped"]) == ("ok", False)


def test_a_table_comes_with_keys_indexes_statistics_comments_and_its_own_sequence(
    pod: Pod, server: Server, backed: str
) -> None:
    end = restored(pod, server, "shop.orders", "shop.customers")
    side = f"shop{end}"
    look = f"""
        SELECT c.relname FROM pg_class c WHERE c.relnamespace = '{side}'::regnamespace ORDER BY 1;
        SELECT stxname FROM pg_statistic_ext WHERE stxnamespace = '{side}'::regnamespace;
        SELECT obj_description('{side}.orders'::regclass);
        SELECT col_description('{side}.orders'::regclass, 3);
        SELECT conname, contype FROM pg_constraint
          WHERE connamespace = '{side}'::regnamespace ORDER BY 1;
        SELECT nextval('{side}.orders_id_seq'), nextval('{side}.customers_id_seq');
        INSERT INTO {side}.customers (name) VALUES ('x') RETURNING id;
        INSERT INTO {side}.orders (amount) VALUES (7) RETURNING id, twice"""
    assert server.psql(backed, look).splitlines() == [
        *("customers", "customers_id_seq", "customers_pkey"),
        *("orders", "orders_amount", "orders_id_seq", "orders_pkey"),
        "orders_together",
        *("it's ordered", "in cents"),
        *("customers_pkey\tp", "orders_id_check\tc", "orders_pkey\tp"),
        *("301\t51", "52", "302\t14"),
    ]
    assert server.psql(backed, "SELECT last_value FROM shop.orders_id_seq") == "300"


def test_names_are_written_as_in_sql_and_may_be_odd(pod: Pod, server: Server, backed: str) -> None:
    before = picture(server, backed)
    end = restored(pod, server, ODD, "  PUBLIC.Plain ", "")
    side = f'"My ""Schema{end}"."Täble 表"'
    assert server.psql(backed, f'SELECT "the id", "select" FROM {side}') == "1\tline\nbreak\n2"
    assert server.psql(backed, f"SELECT sum(a) FROM public{end}.plain") == "55"
    assert picture(server, backed) == before


def test_a_schema_arrives_with_its_tables_and_sequences(
    pod: Pod, server: Server, backed: str
) -> None:
    before = picture(server, backed)
    end = restored(pod, server, schema="shop")
    assert picture(server, backed) == before
    # Partitions come from where they are.
    assert schemas(server, backed) == [f"archive{end}", f"shop{end}"]
    found = server.psql(
        backed,
        "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p', 'S', 'v')"
        f" AND relnamespace = 'shop{end}'::regnamespace ORDER BY 1",
    )
    assert found.split() == [
        *("child", "customers", "customers_id_seq", "measured"),
        *("orders", "orders_id_seq", "parent", "recent", "tickets"),
    ]
    assert server.psql(backed, f"SELECT last_value FROM shop{end}.tickets") == "4712"
    assert server.psql(backed, f"SELECT count(*) FROM shop{end}.parent") == "3"


def test_a_partitioned_table_comes_with_its_partitions_at_any_depth(
    pod: Pod, server: Server, backed: str
) -> None:
    end = restored(pod, server, "shop.measured")
    table = f"shop{end}.measured"
    assert server.psql(backed, f"SELECT count(*), sum(at) FROM {table}") == "200\t19900"
    leaves = f"SELECT relid FROM pg_partition_tree('{table}') WHERE isleaf ORDER BY relid::text"
    assert server.psql(backed, leaves).split() == [
        *(f"archive{end}.older", f"archive{end}.oldest", f"shop{end}.recent"),
    ]
    valid = f"SELECT indisvalid FROM pg_index WHERE indexrelid = 'shop{end}.measured_at'::regclass"
    assert server.psql(backed, valid) == "t"
    assert server.psql(backed, "SELECT count(*) FROM shop.measured") == "200"


@pytest.mark.parametrize("table", ["archive.old", "shop.recent", "shop.child"])
def test_a_part_of_a_live_table_does_not_become_one(
    pod: Pod, server: Server, backed: str, table: str
) -> None:
    before = picture(server, backed)
    end = restored(pod, server, table)
    assert picture(server, backed) == before
    schema, _, name = table.partition(".")
    expected = {"old": "100", "recent": "100", "child": "2"}[name]
    assert server.psql(backed, f"SELECT count(*) FROM {schema}{end}.{name}") == expected
    assert server.psql(backed, "SELECT count(*) FROM shop.measured") == "200"
    assert server.psql(backed, "SELECT count(*) FROM shop.parent") == "3"


def test_children_that_were_not_chosen_are_named(pod: Pod, server: Server, backed: str) -> None:
    result = parts(pod, "shop.parent")
    assert result.code == 0, result.output
    assert "not chosen, though built on a chosen table: shop child" in result.output
    result = parts(pod, "shop.parent", "shop.child", "shop.measured", "shop.orders")
    assert "not chosen" not in result.output
    assert len(schemas(server, backed)) == 3


def test_what_would_act_on_live_tables_is_left_out_and_said(
    pod: Pod, server: Server, live: str
) -> None:
    server.psql(
        live,
        """CREATE TABLE shop.log (a int);
        CREATE FUNCTION shop.noted() RETURNS trigger LANGUAGE plpgsql
          AS 'BEGIN INSERT INTO shop.log VALUES (1); RETURN NEW; END';
        CREATE TRIGGER noting BEFORE INSERT ON shop.orders
          FOR EACH ROW EXECUTE FUNCTION shop.noted();
        ALTER TABLE shop.orders ENABLE ALWAYS TRIGGER noting;
        CREATE RULE also AS ON INSERT TO shop.orders DO ALSO INSERT INTO shop.log VALUES (2);
        ALTER TABLE shop.orders ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
        CREATE POLICY own ON shop.orders USING (true);
        COMMENT ON POLICY own ON shop.orders IS 'x';
        COMMENT ON TRIGGER noting ON shop.orders IS 'y';
        CREATE TABLE shop.lines (o int REFERENCES shop.orders);
        GRANT SELECT ON shop.orders TO PUBLIC;
        CREATE PUBLICATION sales FOR TABLE shop.orders""",
    )
    for choice in ({}, {"BACKUP_FORMAT": "plain"}):
        pod.good_backup(**choice)
        before = picture(server, live)
        result = parts(pod, "shop.orders", RESTORE_ALLOW_SUPERUSER_OBJECTS="true")
        assert result.code == 0, result.output
        assert picture(server, live) == before
        left = result.output.partition("Left out")[2].partition("To look")[0]
        assert [line.strip() for line in left.splitlines() if line.startswith("    ")] == [
            "foreign key orders_customer_fkey (shop orders)",
            "policy own (shop orders)",
            "row security (shop orders)",
            "rule also (shop orders)",
            "trigger noting (shop orders)",
        ]
        (side,) = schemas(server, live)
        rights = f"SELECT has_table_privilege('pg_monitor', '{side}.orders', 'SELECT')"
        assert server.psql(live, rights) == "f"
        server.psql(
            live, f"INSERT INTO {side}.orders (amount) VALUES (1); DROP SCHEMA {side} CASCADE"
        )
        assert server.psql(live, "SELECT count(*) FROM shop.log") == "0"


def test_owners_come_back_and_rights_do_not(pod: Pod, server: Server, live: str) -> None:
    server.psql(
        live,
        """CREATE ROLE seller; CREATE ROLE reader;
        GRANT CREATE ON SCHEMA shop TO seller; ALTER TABLE shop.orders OWNER TO seller;
        GRANT USAGE ON SCHEMA shop TO seller, reader;
        GRANT SELECT ON ALL TABLES IN SCHEMA shop TO reader""",
    )
    try:
        pod.good_backup()
        before = picture(server, live)
        end = restored(pod, server, "shop.orders", "shop.customers")
        assert picture(server, live) == before
        look = (
            "SELECT relname, relowner::regrole, relacl FROM pg_class WHERE relkind IN ('r', 'S')"
            f" AND relnamespace = 'shop{end}'::regnamespace ORDER BY 1"
        )
        assert server.psql(live, look).splitlines() == [
            "customers\tkeeper\t",
            "customers_id_seq\tkeeper\t",
            "orders\tseller\t",
            "orders_id_seq\tseller",
        ]
        assert server.psql(live, f"SET ROLE seller; SELECT count(*) FROM shop{end}.orders") == "300"
        access = (
            f"SELECT has_schema_privilege('seller', 'shop{end}', 'CREATE'),"
            f" has_schema_privilege('reader', 'shop{end}', 'USAGE')"
        )
        assert server.psql(live, access).split() == ["f", "f"]
    finally:
        drop_databases(server, live)
        server.psql("postgres", "DROP ROLE seller, reader")


def test_the_owner_of_a_database_needs_no_superuser(pod: Pod, server: Server, live: str) -> None:
    server.psql("postgres", f"CREATE ROLE landlord LOGIN CREATEDB PASSWORD $p${PASSWORD}$p$")
    try:
        # As the demo's database: made by its owner from the start.
        server.psql("postgres", f"CREATE DATABASE {live}o OWNER landlord")
        server.psql(f"{live}o", SHOP, user="landlord")
        (pod.secret / "username").write_text("landlord", encoding="utf-8")
        pod.database = f"{live}o"
        pod.good_backup()
        before = picture(server, pod.database)
        result = parts(pod, "shop.measured", "shop.customers")
        assert result.code == 0, result.output
        assert picture(server, pod.database) == before
        owners = (
            "SELECT DISTINCT relowner::regrole FROM pg_class"
            " WHERE relnamespace::regnamespace::text ~ '_restored_'"
        )
        assert server.psql(pod.database, owners) == "landlord"
    finally:
        drop_databases(server, f"{live}o")
        server.psql("postgres", "DROP ROLE landlord")


@pytest.mark.parametrize("kind", ["plain", "legacy"])
def test_a_plain_dump_gives_its_tables_too(pod: Pod, server: Server, live: str, kind: str) -> None:
    trusted = "false"
    if kind == "legacy":
        name = make_legacy(pod, server).name
    else:
        # Its own text says that objects belong to a superuser.
        name = pod.good_backup(BACKUP_FORMAT="plain", BACKUP_TABLE_HASHES="true").name
        trusted = "true"
    before = picture(server, live)
    end = restored(
        *(pod, server, "shop.orders", "archive.oldest"),
        backup=name,
        RESTORE_ALLOW_SUPERUSER_OBJECTS=trusted,
    )
    assert picture(server, live) == before
    assert server.psql(live, f"SELECT count(*) FROM shop{end}.orders") == "300"
    assert server.psql(live, f"SELECT count(*) FROM archive{end}.oldest") == "50"
    wrong = parts(pod, "shop.order", backup=name)
    assert "the backup has no table shop.order" in wrong.explained()
    nothing_left(server, live)


def test_long_names_of_schemas_stay_apart(pod: Pod, server: Server, live: str) -> None:
    long = ["ä" * 30 + "x", "ä" * 30 + "y"]
    for each in long:
        server.psql(live, f'CREATE SCHEMA "{each}"; CREATE TABLE "{each}".t AS SELECT 1 AS a')
    pod.good_backup()
    restored(pod, server, *(f'"{each}".t' for each in long))
    found = schemas(server, live)
    assert len(found) == 2
    assert all(len(each.encode()) <= 63 for each in found)


# --- what the live database lacks -----------------------------------------------------------------


def test_types_of_a_schema_that_is_gone_come_along(pod: Pod, server: Server, backed: str) -> None:
    server.psql(backed, "DROP SCHEMA shop CASCADE")
    end = restored(pod, server, "shop.customers")
    look = f"SELECT home, moods, pg_typeof(home) FROM shop{end}.customers WHERE id = 7"
    assert server.psql(backed, look) == f'("Straße 7",sad)\t{{glad,sad}}\tshop{end}.place'
    owners = (
        "SELECT DISTINCT typowner::regrole FROM pg_type"
        f" WHERE typnamespace = 'shop{end}'::regnamespace"
    )
    assert server.psql(backed, owners) == "keeper"


def test_a_function_that_is_missing_is_named_before_anything_is_made(
    pod: Pod, server: Server, backed: str
) -> None:
    server.psql(backed, "DROP FUNCTION shop.checked CASCADE")
    before = picture(server, backed)
    for dry_run in ("true", "false"):
        result = parts(pod, "shop.orders", RESTORE_DRY_RUN=dry_run)
        assert result.code == 1
        assert "function shop.checked(integer)" in result.explained()
        assert "the live database was not touched" in result.explained()
        assert picture(server, backed) == before
        nothing_left(server, backed)


def test_an_extension_that_is_missing_is_named(pod: Pod, server: Server, live: str) -> None:
    server.psql(
        live, "CREATE EXTENSION hstore; CREATE TABLE shop.tags AS SELECT 'a=>1'::hstore AS t"
    )
    pod.good_backup()
    end = restored(pod, server, "shop.tags")
    assert server.psql(live, f"SELECT t FROM shop{end}.tags") == '"a"=>"1"'
    server.psql(live, "DROP EXTENSION hstore CASCADE")
    result = parts(pod, "shop.tags")
    assert "type public.hstore of extension hstore" in result.explained()
    nothing_left(server, live)


def test_tables_are_not_added_where_subscribers_would_stop(
    pod: Pod, server: Server, backed: str
) -> None:
    server.psql(backed, 'CREATE PUBLICATION "all of it" FOR ALL TABLES')
    result = parts(pod, "shop.orders")
    assert 'publication "all of it"' in result.explained()
    assert schemas(server, backed) == []


# --- what cannot be ------------------------------------------------------------------------------


# Tables, schemas, and what is said of them.
UNKNOWN = [
    ("orders", "", "table orders: the schema is missing (near: shop.orders)"),
    ("shop.ordres", "", "the backup has no table shop.ordres (near: shop.orders)"),
    ("shop.Orders\nshop.none", "", "the backup has no table shop.none"),
    ('shop."Orders"', "", "(near: shop.orders)"),
    ("My.Table", "", "the backup has no table My.Table"),
    (f"a.{ODD}", "", "a table is written as schema.table"),
    ('shop."orders', "", "is no name as in SQL"),
    ("shop.spent", "", "the backup has no table shop.spent"),
    ("shop.counted", "", "shop.counted is a materialized view"),
    ("", "shopp", "the backup has no table in a schema shopp (near: shop"),
    ("", "shop.orders", "shop.orders is no schema"),
    (" ", "\n", "no table and no schema is named"),
    ("shop.orders; DROP TABLE shop.orders", "", "is no name as in SQL"),
]


def test_a_name_that_the_backup_has_not_is_told_with_near_ones(
    pod: Pod, server: Server, live: str
) -> None:
    server.psql(live, "CREATE MATERIALIZED VIEW shop.counted AS SELECT count(*) FROM shop.orders")
    pod.good_backup()
    for table, schema, said in UNKNOWN:
        result = parts(pod, table, schema=schema)
        assert result.code == 2
        assert said in result.output
        assert "the live database was not touched" in result.explained()
    assert schemas(server, live) == []
    nothing_left(server, live)


def test_tables_do_not_go_into_another_or_a_missing_database(
    pod: Pod, server: Server, backed: str
) -> None:
    into = parts(pod, "shop.orders", RESTORE_INTO=f"{backed}_other")
    assert "RESTORE_INTO" in into.explained()
    server.psql("postgres", f"DROP DATABASE {backed}")
    missing = parts(pod, "shop.orders")
    assert f'there is no database "{backed}"' in missing.explained()


def test_a_dry_run_says_what_would_be_restored_and_leaves_nothing(
    pod: Pod, server: Server, backed: str
) -> None:
    before = picture(server, backed)
    result = parts(pod, "shop.orders", RESTORE_DRY_RUN="true")
    assert result.code == 0, result.output
    assert "1 tables, 300 rows, equal by content" in result.output
    assert "foreign key orders_customer_fkey" in result.output
    assert "Dry run" in result.output.splitlines()[-1]
    assert picture(server, backed) == before
    assert schemas(server, backed) == []
    nothing_left(server, backed)


def other_rows(facts: dict[str, Any]) -> None:
    for table in facts["tables"]:
        if table["name"] == "orders":
            table["rows"] += 1


def other_content(facts: dict[str, Any]) -> None:
    for table in facts["tables"]:
        if table["name"] == "orders":
            table["hash"] = "0" * 64


def other_position(facts: dict[str, Any]) -> None:
    for sequence in facts["sequences"]:
        if sequence["name"] == "orders_id_seq":
            sequence["lastValue"] = sequence["lastValueAfter"] = 5


@pytest.mark.parametrize("change", [other_rows, other_content, other_position])
def test_tables_that_differ_from_the_manifest_do_not_arrive(
    pod: Pod, server: Server, backed: str, change: Any
) -> None:
    change_manifest(pod.volume / pod.names()[0], change)
    assert parts(pod, "shop.customers").code == 0
    before = picture(server, backed)
    result = parts(pod, "shop.orders")
    assert result.code == 1
    assert "differ from the manifest" in result.explained()
    assert picture(server, backed) == before
    assert len(schemas(server, backed)) == 1
    nothing_left(server, backed)


def test_what_fails_in_the_middle_leaves_nothing_in_the_live_database(
    pod: Pod, server: Server, backed: str
) -> None:
    # The second table of two no longer fits what the live database calls by its type's name.
    server.psql(
        backed,
        "DROP TYPE shop.place CASCADE; DROP TYPE shop.mood CASCADE;"
        " CREATE TYPE shop.mood AS ENUM ('glad');"
        " CREATE TYPE shop.place AS (street text, feeling shop.mood)",
    )
    before = picture(server, backed)
    result = parts(pod, "public.plain", "shop.customers")
    assert result.code == 1
    assert "shop.mood" in result.explained()
    assert "the live database was not touched" in result.explained()
    assert picture(server, backed) == before
    assert schemas(server, backed) == []
    nothing_left(server, backed)
    (record,) = pod.records("restores")
    assert record["result"] == "failed"


# A live database in which whoever makes a table waits for whoever holds this lock.
WAITING = """
    CREATE FUNCTION public.wait() RETURNS event_trigger LANGUAGE plpgsql
      AS 'BEGIN PERFORM pg_advisory_xact_lock(815); END';
    CREATE EVENT TRIGGER waiting ON ddl_command_end WHEN TAG IN ('CREATE TABLE')
      EXECUTE FUNCTION public.wait()"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_run_leaves_the_live_database_alone_and_the_next_one_tidies(
    pod: Pod, server: Server, backed: str, number: signal.Signals
) -> None:
    server.psql(backed, WAITING)
    before = picture(server, backed)
    holder = server.postgres.command(["psql", "-X", "-q"], server.directory)
    waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    with subprocess.Popen(
        holder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=server.environment("keeper", backed),
    ) as lock:
        assert lock.stdin and lock.stdout
        lock.stdin.write("SELECT pg_advisory_lock(815);\n")
        lock.stdin.flush()
        lock.stdout.readline()
        running = pod.start("restore/main.sh", RESTORE_TABLES="shop.orders")
        wait_until(lambda: server.psql("postgres", waiting) == "1", 60)
        kill_session(running.pid, number)
        output, _ = running.communicate(timeout=60)
        lock.stdin.close()
        lock.wait(10)
    assert schemas(server, backed) == [], output
    if number == signal.SIGTERM:
        assert "the live database was not touched" in output
        nothing_left(server, backed)
        assert picture(server, backed) == before
    end = restored(pod, server, "shop.orders")
    assert schemas(server, backed) == [f"shop{end}"]
    assert picture(server, backed) == before


# --- code in the dump -----------------------------------------------------------------------------


@pytest.fixture
def mallory(server: Server, live: str) -> Iterator[str]:
    """A role that may create objects in the schema shop, and would like to be a superuser."""
    server.psql(
        live,
        f"CREATE ROLE mallory LOGIN PASSWORD $p${PASSWORD}$p$;"
        " GRANT CREATE, USAGE ON SCHEMA shop TO mallory",
    )
    yield "mallory"
    drop_databases(server, live)
    server.psql("postgres", "DROP ROLE mallory")


def is_superuser(server: Server, role: str) -> bool:
    """Has somebody made it one?"""
    return server.psql("postgres", f"SELECT rolsuper FROM pg_roles WHERE rolname = '{role}'") == "t"


CLIMB = """
    CREATE FUNCTION shop.climb(i int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $f$ BEGIN
      BEGIN EXECUTE 'RESET ROLE; ALTER ROLE mallory SUPERUSER'; EXCEPTION WHEN OTHERS THEN END;
      RETURN i; END $f$;
    CREATE TABLE shop.trap (a int CHECK (shop.climb(a) > 0), b int DEFAULT shop.climb(1),
      c int GENERATED ALWAYS AS (shop.climb(a)) STORED);
    CREATE INDEX ON shop.trap (shop.climb(a));
    INSERT INTO shop.trap VALUES (1)"""


def test_code_in_the_dump_gets_no_superusers_rights(
    pod: Pod, server: Server, live: str, mallory: str
) -> None:
    server.psql(live, CLIMB, user=mallory)
    pod.good_backup()
    end = restored(pod, server, "shop.trap")
    assert not is_superuser(server, mallory)
    owner = f"SELECT relowner::regrole FROM pg_class WHERE oid = 'shop{end}.trap'::regclass"
    assert server.psql(live, owner) == mallory
    server.psql(live, f"ANALYZE shop{end}.trap")
    assert not is_superuser(server, mallory)


def test_a_superusers_table_does_not_arrive_with_code_of_others(
    pod: Pod, server: Server, live: str, mallory: str
) -> None:
    # What mallory's code could add while the dump is restored is here in the dump itself.
    server.psql(live, CLIMB, user=mallory)
    server.psql(live, "CREATE INDEX ON shop.customers ((shop.climb(1) + id))")
    server.psql("postgres", "ALTER ROLE mallory NOSUPERUSER")
    pod.good_backup()
    before = picture(server, live)
    result = parts(pod, "shop.customers")
    assert result.code == 1
    assert "calls shop.climb(integer), which belongs to mallory" in result.explained()
    assert picture(server, live) == before
    assert schemas(server, live) == []
    nothing_left(server, live)
    assert not is_superuser(server, mallory)


@pytest.mark.parametrize(
    ("where", "refusal"),
    [
        ("~", "code in the dump may define nothing while it is restored"),
        ("!~", "hold what the manifest does not name: function evil_restored_"),
    ],
    ids=["in the side database", "in the live database"],
)
def test_what_code_in_the_dump_adds_does_not_arrive(
    pod: Pod, server: Server, live: str, mallory: str, where: str, refusal: str
) -> None:
    server.psql(
        live,
        """CREATE FUNCTION shop.plant(i int) RETURNS boolean LANGUAGE plpgsql AS $f$ BEGIN
          IF current_user ~ '^pgkeep_restore_' AND current_database() WHERE '_restore_' THEN
            EXECUTE format('CREATE SCHEMA IF NOT EXISTS %1$I;'
              || ' CREATE OR REPLACE FUNCTION %1$I.f() RETURNS int LANGUAGE sql SECURITY DEFINER'
              || ' AS ''SELECT 1''', 'evil_restored_' || right(current_user, 15));
          END IF;
          RETURN true; END $f$;
        CREATE TABLE shop.trap (a int CHECK (shop.plant(a)));
        INSERT INTO shop.trap VALUES (1)""".replace("WHERE", where),
        user=mallory,
    )
    pod.good_backup()
    before = picture(server, live)
    result = parts(pod, "shop.trap")
    assert result.code == 1, result.output
    assert refusal in result.explained()
    assert schemas(server, live) == []
    assert picture(server, live) == before
    nothing_left(server, live)


# --- PostgreSQL 17 --------------------------------------------------------------------------------


def test_tables_arrive_on_postgresql_17(pod17: Pod, server17: Server) -> None:
    name = f"shop{time.monotonic_ns()}"
    server17.psql("postgres", f"CREATE DATABASE {name}")
    try:
        server17.psql(name, SHOP)
        pod17.database = name
        pod17.good_backup(BACKUP_TABLE_HASHES="true")
        before = picture(server17, name)
        end = restored(pod17, server17, "shop.measured", "shop.orders", ODD)
        assert picture(server17, name) == before
        assert server17.psql(name, f"SELECT count(*) FROM shop{end}.measured") == "200"
        assert server17.psql(name, f"SELECT nextval('shop{end}.orders_id_seq')") == "301"
    finally:
        drop_databases(server17, name)


def test_names_in_another_encoding_are_found(pod: Pod, server: Server, live: str) -> None:
    server.psql(
        "postgres", f"CREATE DATABASE {live}l TEMPLATE template0 ENCODING LATIN1 LOCALE 'C'"
    )
    server.psql(f"{live}l", "CREATE TABLE public.\"Täble\" AS SELECT 'ü' AS word")
    pod.database = f"{live}l"
    pod.good_backup()
    result = parts(pod, 'public."Täble"')
    assert result.code == 0, result.output
    (side,) = schemas(server, pod.database)
    assert server.psql(pod.database, f'SELECT word FROM {side}."Täble"') == "ü"

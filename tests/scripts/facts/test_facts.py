"""The facts: what they depend on and what not, and which differences they name."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, cast

import pytest

from tests.scripts.harness import PASSWORD, SCRIPTS, Pod, Server, drop_databases
from tests.scripts.reading import (
    DATABASE,
    FACTS,
    FACTS_TEXT,
    SEQUENCES,
    Facts,
    compared,
    compared_alone,
    dump_into,
    facts,
    hashes_of,
    manifest_of,
    structure_of,
)

KNOWN = Path(__file__).with_name("known.sql").read_text(encoding="utf-8")
DOCUMENT = SCRIPTS.parent / "docs" / "manifest.md"
RESTORED = f"{DATABASE}_restored"
ROLES = ("fact_owner", "fact_reader")

# Everything that changes how a value is written, and nothing of what it is.
UNUSUAL = {
    "search_path": "shop, content, pg_catalog",
    "quote_all_identifiers": "on",
    "DateStyle": "'SQL, DMY'",
    "TimeZone": "'Asia/Tokyo'",
    "IntervalStyle": "sql_standard",
    "extra_float_digits": "0",
    "bytea_output": "escape",
    "standard_conforming_strings": "off",
    "lc_monetary": "'POSIX'",
    "xmlbinary": "hex",
    "row_security": "off",
    "max_parallel_workers_per_gather": "4",
    "min_parallel_table_scan_size": "0",
    "parallel_setup_cost": "0",
}


@pytest.fixture(scope="module")
def known(each_server: Server) -> Iterator[Server]:
    """A server with the database of this module, its restored copy, and their roles."""
    server = each_server
    try:
        for role in ROLES:
            server.psql("postgres", f"CREATE ROLE {role} LOGIN PASSWORD $p${PASSWORD}$p$")
        server.psql("postgres", f"CREATE DATABASE {DATABASE}")
        server.psql(DATABASE, KNOWN)
        dump_into(server, DATABASE, RESTORED)
        yield server
    finally:
        drop_databases(server, DATABASE)
        for role in ROLES:
            server.psql("postgres", f"DROP ROLE IF EXISTS {role}")


@pytest.fixture(scope="module")
def manifest(known: Server) -> Facts:
    """The manifest of the database as it is before any change."""
    return manifest_of(known)


# --- the hash of a table --------------------------------------------------------------------------


def test_nothing_differs_after_a_restore(known: Server, manifest: Facts) -> None:
    assert all(
        re.fullmatch("[0-9a-f]{64}", table["hash"])
        for table in manifest["facts"]["tables"]
        if table["kind"] == "table"
    )
    assert compared(known, manifest, RESTORED) == {}


@pytest.mark.parametrize("level", ["session", "role", "database"])
def test_hashes_do_not_depend_on_settings(known: Server, manifest: Facts, level: str) -> None:
    plain = known.psql(DATABASE, "SELECT v::text FROM content.samples AS v")
    settings = [f"SET {name} = {value}" for name, value in UNUSUAL.items()]
    before = ";".join(settings) if level == "session" else ""
    target = {"role": "ROLE keeper IN DATABASE", "database": "DATABASE"}.get(level)
    try:
        if target:
            for setting in settings:
                known.psql("postgres", f"ALTER {target} {RESTORED} {setting}")
        told = known.psql(RESTORED, f"{before}; SELECT v::text FROM content.samples AS v")
        found = facts(known, RESTORED, before=before)
    finally:
        if target:
            known.psql("postgres", f"ALTER {target} {RESTORED} RESET ALL")
    assert told != plain, "the settings do change how values are written"
    assert hashes_of(found) == hashes_of(manifest["facts"])
    assert found["schema"] == manifest["facts"]["schema"]


@pytest.mark.parametrize(
    "setting",
    [
        *("search_path", "quote_all_identifiers", "DateStyle", "TimeZone", "IntervalStyle"),
        *("extra_float_digits", "bytea_output"),
    ],
)
def test_every_setting_is_needed(known: Server, manifest: Facts, setting: str) -> None:
    without = re.sub(rf"^SET LOCAL {setting} = .*\n", "", FACTS_TEXT, flags=re.MULTILINE)
    assert without != FACTS_TEXT
    # What else is in the path decides whether a name in a value is written in full.
    value = "pg_catalog, shop" if setting == "search_path" else UNUSUAL[setting]
    found = facts(known, before=f"SET {setting} = {value}", script=without)
    assert hashes_of(found) != hashes_of(manifest["facts"])


def test_no_lock_is_kept_on_what_was_read(known: Server) -> None:
    # Tables with all their indexes add up to more locks than a server allows.
    locked = known.psql(
        DATABASE,
        f"\\o /dev/null\n{SEQUENCES}\nBEGIN;\n{FACTS}\n\\o\n"
        "SELECT relation::regclass FROM pg_locks"
        " WHERE pid = pg_backend_pid() AND relation >= 16384; ROLLBACK;",
    )
    assert locked == ""


def test_hashes_do_not_depend_on_the_order_of_rows_or_columns(known: Server) -> None:
    change = """
        CREATE TABLE content.turned AS SELECT * FROM content.samples ORDER BY random();
        CREATE TABLE content.reordered AS
          SELECT never, markup, mood, relation, span, pair, list, doc, price, bytes, lasts, day, at,
                 exact, real, short, b, a, id
            FROM content.samples;
        ALTER TABLE content.samples ADD dropped int DEFAULT 7;
        ALTER TABLE content.samples DROP dropped"""
    found = hashes_of(facts(known, before=change))
    assert found["content.samples"] == found["content.turned"] == found["content.reordered"]


def test_inherited_columns_that_a_restore_reorders_change_nothing(known: Server) -> None:
    order = (
        "SELECT string_agg(attname, ',' ORDER BY attnum) FROM pg_attribute"
        " WHERE attrelid = 'shop.child'::regclass AND attnum > 0"
    )
    assert known.psql(DATABASE, order) == "a,b,c,d"
    assert known.psql(RESTORED, order) == "a,b,d,c", "a restore does reorder them"


VALUES = {
    "another value": "a = 'Left'",
    "a trailing space": "a = 'left '",
    "two columns swapped": "a = b, b = a",
    "a value moved to the next column": "a = NULL, b = 'left' WHERE id = 1",
    "null and the empty string swapped": "a = NULL, b = '' WHERE id = 2",
    "null to the empty string": "b = '' WHERE id = 2",
    "the empty string to null": "a = NULL WHERE id = 2",
    "a null column to the empty string": "never = ''",
    "minus zero to zero": "real = 0 WHERE id = 2",
    "the last bit of a float": "real = 0.3",
    "a trailing zero": "exact = 1.1",
    "a microsecond": "at = at + interval '1 microsecond'",
    "an infinite date": "day = '-infinity' WHERE id = 2",
    "thirty days for a month": "lasts = '32 days 03:04:05.6'",
    "a bit of a byte": "bytes = '\\x00fe5c27'",
    "a cent": "price = '12.35'::money",
    "null in a document": """doc = '{"a": [1], "b": "x"}'""",
    "text for a number in a document": """doc = '{"a": ["1", null], "b": "x"}'""",
    "the word NULL in an array": """list = '{a,"NULL"}'""",
    "an empty array to null": "list = NULL WHERE id = 2",
    "the empty string in a composite": "pair = '(1,\"\")'",
    "another bound": "span = '[1,3]'",
    "an empty range to null": "span = NULL WHERE id = 2",
    "another relation": "relation = 'shop.orders'",
    "another label": "mood = 'sad'",
    "a space in markup": "markup = '<a>1 </a>'",
    "another form of the same letter": "a = normalize(a, NFD) WHERE id = 3",
    "the values of two rows swapped": "a = CASE id WHEN 1 THEN 'ünïcödé' ELSE 'left' END"
    " WHERE id IN (1, 3)",
    "a twin made another row's": "id = 5 WHERE ctid = (SELECT max(ctid) FROM content.samples)",
}
OTHER_ROWS = {
    "one row deleted, another doubled": "DELETE FROM content.samples WHERE id = 1;"
    "INSERT INTO content.samples SELECT * FROM content.samples WHERE id = 2",
    "one of three twins in place of another row": "DELETE FROM content.samples WHERE id = 3;"
    "INSERT INTO content.samples SELECT DISTINCT ON (id) * FROM content.samples WHERE id = 4",
    "pairs of rows": "INSERT INTO content.samples SELECT * FROM content.samples WHERE id = 2;"
    "DELETE FROM content.samples WHERE ctid = (SELECT max(ctid) FROM content.samples WHERE id = 4)",
}
CONTENT_CHANGES = {
    name: f"UPDATE content.samples SET {change}" + ("" if "WHERE" in change else " WHERE id = 1")
    for name, change in VALUES.items()
} | OTHER_ROWS


@pytest.mark.parametrize("name", CONTENT_CHANGES)
def test_a_changed_content_is_named(known: Server, manifest: Facts, name: str) -> None:
    found = compared(known, manifest, change=CONTENT_CHANGES[name])
    assert set(found) == {"table content.samples content"}
    expected, hash_ = found["table content.samples content"]
    assert expected == hashes_of(manifest["facts"])["content.samples"] != hash_


def test_a_lost_row_is_told_by_number(known: Server, manifest: Facts) -> None:
    found = compared(known, manifest, change="DELETE FROM content.samples WHERE id = 1")
    assert found == {"table content.samples rows": ("5", "4")}


def test_rows_are_hashed_by_more_than_their_sum(known: Server) -> None:
    # Without the count, n rows and none would be told apart only by sums.
    found = hashes_of(
        facts(known, before="CREATE TABLE content.none (a int); CREATE TABLE content.blank ()")
    )
    assert found["content.none"] == found["content.blank"], "no rows, whatever the columns"
    filled = facts(
        known,
        before="CREATE TABLE content.blank ();"
        "INSERT INTO content.blank SELECT FROM generate_series(1, 3)",
    )
    assert hashes_of(filled)["content.blank"] != found["content.blank"]


@pytest.mark.parametrize(
    "change",
    [
        "SELECT lo_put(4711, 0, 'O')",
        "SELECT lo_put(4711, 3, ' ')",
        "SELECT lo_put(4712, 0, '\\x00')",
        # Positions count: the same bytes, one object later.
        "SELECT lo_unlink(4711), lo_unlink(4712), lo_from_bytea(4711, ''),"
        " lo_from_bytea(4712, 'one')",
    ],
)
def test_changed_large_objects_are_named(known: Server, manifest: Facts, change: str) -> None:
    found = set(compared(known, manifest, change=change))
    assert found - {"bytes of large objects"} == {"content of large objects"}


def test_bytes_of_large_objects_are_counted_also_without_hashes(known: Server) -> None:
    found = facts(known, hashes=False)
    longer = facts(known, hashes=False, before="SELECT lo_put(4711, 3, 'four')")
    assert longer["totals"]["largeObjectBytes"] == found["totals"]["largeObjectBytes"] + 4


def test_the_number_of_a_large_object_is_part_of_it(known: Server, manifest: Facts) -> None:
    found = compared(known, manifest, change="SELECT lo_unlink(4712), lo_from_bytea(4713, '')")
    assert structure_of(found) == {"largeObjects", *OWNED}
    assert "content of large objects" in found


def test_a_large_object_is_read_in_pieces_to_its_end(known: Server) -> None:
    piece = 1024 * 1024
    seen: set[str] = set()
    sizes = (piece - 1, piece, piece + 1, 2 * piece)
    for size, byte in itertools.product(sizes, (0, 1)):
        # All zeros but for the last byte: a hole in the object reads the same.
        change = (
            f"SELECT lo_create(5000); SELECT lo_put(5000, {size - 1}, decode('0{byte}', 'hex'))"
        )
        found = known.psql(
            DATABASE,
            f"\\set table_hashes true\nBEGIN;\n\\o /dev/null\n{change};\n\\o\n{FACTS}\nROLLBACK;",
        )
        seen.add(json.loads(found)["largeObjectHash"])
    assert len(seen) == 2 * len(sizes)


def test_without_table_hashes_rows_are_counted_all_the_same(known: Server, manifest: Facts) -> None:
    found = facts(known, hashes=False)
    assert set(hashes_of(found).values()) == {None}
    assert found["largeObjectHash"] is None
    assert [table["rows"] for table in found["tables"]] == [
        table["rows"] for table in manifest["facts"]["tables"]
    ]
    unset = known.psql(DATABASE, f"BEGIN;\n{FACTS}\nROLLBACK;")
    assert json.loads(unset)["largeObjectHash"] is None, "unset is false"


def test_a_hash_that_a_restore_did_not_read_is_a_difference(known: Server, manifest: Facts) -> None:
    lacking = json.loads(json.dumps(manifest))
    for table in lacking["facts"]["tables"]:
        table["hash"] = None
    assert compared(known, lacking) == {}
    found = compared_alone(known, manifest, facts(known, hashes=False))
    tables = sum(table["kind"] == "table" for table in manifest["facts"]["tables"])
    assert len(found) == tables + 1
    assert {found for _, found in found.values()} == {"-"}


# --- the structure --------------------------------------------------------------------------------

OWNED = {"owners", "privileges"}
CHANGES: dict[str, set[str]] = {
    "CREATE SCHEMA other": {"schemas", *OWNED},
    "ALTER SCHEMA shop OWNER TO fact_owner": OWNED,
    "ALTER SCHEMA public OWNER TO fact_owner": OWNED,
    "REVOKE USAGE ON SCHEMA public FROM PUBLIC": {"privileges"},
    "COMMENT ON SCHEMA public IS 'ours'": {"comments"},
    "CREATE TABLE shop.other (a int)": {"tables", "columns", *OWNED},
    "ALTER TABLE shop.orders RENAME TO renamed": {
        *("tables", "columns", "constraints", "indexes", "publications", "sequences"),
        *OWNED,
    },
    "ALTER TABLE shop.parent SET UNLOGGED": {"tables"},
    "ALTER TABLE shop.orders SET (fillfactor = 70)": {"tables"},
    "ALTER TABLE shop.orders SET (toast.autovacuum_enabled = false)": {"tables"},
    "ALTER TABLE shop.orders REPLICA IDENTITY FULL": {"tables"},
    "ALTER TABLE shop.orders ENABLE ROW LEVEL SECURITY": {"tables"},
    "ALTER TABLE shop.customers FORCE ROW LEVEL SECURITY": {"tables"},
    "ALTER TABLE shop.child NO INHERIT shop.parent": {"tables", "columns"},
    "ALTER TABLE shop.parts DETACH PARTITION shop.parts_rest": {"tables"},
    "ALTER TABLE shop.parts DETACH PARTITION shop.parts_old;"
    "ALTER TABLE shop.parts ATTACH PARTITION shop.parts_old"
    " FOR VALUES FROM (MINVALUE) TO ('2025-12-31')": {"tables"},
    "ALTER FOREIGN TABLE shop.far OPTIONS (SET name 'near')": {"tables"},
    "ALTER TABLE shop.orders ADD COLUMN extra int": {"columns"},
    "ALTER TABLE shop.orders DROP COLUMN paid": {"columns", "indexes"},
    "ALTER TABLE shop.orders RENAME COLUMN lasts TO during": {"columns", "constraints", "indexes"},
    "ALTER TABLE shop.customers ALTER email TYPE varchar(60)": {"columns"},
    "ALTER TABLE shop.customers ALTER email TYPE varchar(50) COLLATE shop.bytewise": {"columns"},
    "ALTER TABLE shop.customers ALTER email SET NOT NULL": {"columns"},
    "ALTER TABLE shop.customers ALTER email DROP DEFAULT": {"columns"},
    "ALTER TABLE shop.customers ALTER double DROP EXPRESSION": {"columns"},
    "ALTER TABLE shop.customers ALTER email SET STORAGE EXTERNAL": {"columns"},
    "ALTER TABLE shop.customers ALTER email SET COMPRESSION pglz": {"columns"},
    "ALTER TABLE shop.customers ALTER email SET STATISTICS 7": {"columns"},
    "ALTER TABLE shop.customers ALTER email SET (n_distinct = 5)": {"columns"},
    "ALTER TABLE shop.orders ALTER id SET GENERATED ALWAYS": {"columns"},
    "ALTER TABLE shop.orders DROP COLUMN placed, ADD COLUMN placed date": {
        *("columns", "constraints", "indexes"),
    },
    "ALTER TABLE shop.orders DROP CONSTRAINT orders_placed_check": {"constraints"},
    "ALTER TABLE shop.orders RENAME CONSTRAINT orders_placed_check TO late": {"constraints"},
    "ALTER TABLE shop.orders ADD CHECK (paid < 1000)": {"constraints"},
    "ALTER TABLE shop.orders DROP CONSTRAINT orders_customer": {"constraints"},
    "ALTER TABLE shop.orders ALTER CONSTRAINT orders_customer INITIALLY DEFERRED": {"constraints"},
    "ALTER TABLE shop.orders DROP CONSTRAINT orders_customer, ADD CONSTRAINT orders_customer"
    " FOREIGN KEY (customer) REFERENCES shop.customers ON DELETE SET NULL DEFERRABLE": {
        "constraints"
    },
    "ALTER TABLE shop.orders DROP CONSTRAINT orders_customer, ADD CONSTRAINT orders_customer"
    " FOREIGN KEY (customer) REFERENCES shop.customers ON DELETE CASCADE DEFERRABLE NOT VALID": {
        "constraints"
    },
    "ALTER TABLE shop.orders DROP CONSTRAINT apart,"
    " ADD CONSTRAINT apart EXCLUDE USING gist (lasts WITH -|-)": {"constraints"},
    "ALTER TABLE shop.parent ADD CONSTRAINT positive CHECK (a > 0) NO INHERIT": {"constraints"},
    "ALTER DOMAIN shop.amount DROP CONSTRAINT amount_check": {"constraints"},
    "CREATE INDEX ON shop.orders (paid)": {"indexes"},
    "DROP INDEX shop.orders_placed": {"indexes"},
    "DROP INDEX shop.orders_placed;"
    "CREATE INDEX orders_placed ON shop.orders (placed) INCLUDE (customer) WHERE paid > 0": {
        "indexes"
    },
    "DROP INDEX shop.orders_placed;"
    "CREATE INDEX orders_placed ON shop.orders (placed DESC, customer) WHERE paid > 0": {"indexes"},
    "DROP INDEX shop.orders_placed;"
    "CREATE INDEX orders_placed ON shop.orders (placed DESC) INCLUDE (customer)": {"indexes"},
    "DROP INDEX shop.orders_placed;"
    "CREATE UNIQUE INDEX orders_placed ON shop.orders (placed DESC, id) INCLUDE (customer)": {
        "indexes"
    },
    "ALTER TABLE shop.orders CLUSTER ON orders_pkey": {"indexes"},
    "ALTER INDEX shop.orders_placed SET (fillfactor = 50)": {"indexes"},
    "DROP VIEW shop.seen": {"views", *OWNED},
    "CREATE OR REPLACE VIEW shop.seen AS SELECT id, name, email FROM shop.customers": {"views"},
    "ALTER VIEW shop.seen SET (security_barrier)": {"views"},
    "ALTER VIEW shop.seen ALTER id SET DEFAULT 7": {"views"},
    "ALTER MATERIALIZED VIEW shop.kept SET (fillfactor = 50)": {"views"},
    "ALTER SEQUENCE shop.tickets INCREMENT 2": {"sequences"},
    "ALTER SEQUENCE shop.tickets MAXVALUE 99": {"sequences"},
    "ALTER SEQUENCE shop.tickets CYCLE": {"sequences"},
    "ALTER SEQUENCE shop.tickets CACHE 20": {"sequences"},
    "ALTER SEQUENCE shop.tickets AS int": {"sequences"},
    "ALTER SEQUENCE shop.tickets OWNED BY shop.customers.id": {"sequences"},
    "CREATE OR REPLACE FUNCTION shop.twice(i int) RETURNS int LANGUAGE sql IMMUTABLE"
    " SET search_path = shop, public AS 'SELECT i + i'": {"functions"},
    "ALTER FUNCTION shop.twice VOLATILE": {"functions"},
    "ALTER FUNCTION shop.twice SECURITY DEFINER": {"functions"},
    "ALTER FUNCTION shop.twice SET search_path = public": {"functions"},
    "ALTER FUNCTION shop.twice SET work_mem = '1MB'": {"functions"},
    "ALTER FUNCTION shop.twice PARALLEL SAFE": {"functions"},
    "ALTER FUNCTION shop.twice COST 7": {"functions"},
    "CREATE FUNCTION shop.twice(i bigint) RETURNS int LANGUAGE sql AS 'SELECT 1'": {
        "functions",
        *OWNED,
    },
    "CREATE OR REPLACE AGGREGATE shop.total(int) (sfunc = int4pl, stype = int, initcond = '1')": {
        "functions"
    },
    "ALTER TYPE shop.mood ADD VALUE 'calm' BEFORE 'sad'": {"types"},
    "ALTER TYPE shop.mood RENAME VALUE 'sad' TO 'low'": {"types"},
    "ALTER TYPE shop.pair ADD ATTRIBUTE c date": {"types"},
    "ALTER DOMAIN shop.amount SET NOT NULL": {"types"},
    "ALTER DOMAIN shop.amount SET DEFAULT 7": {"types"},
    "DROP TYPE shop.span;"
    "CREATE TYPE shop.span AS RANGE (subtype = int4, subtype_diff = int4range_subdiff)": {"types"},
    "ALTER TABLE shop.customers DISABLE TRIGGER touched": {"triggers"},
    "CREATE OR REPLACE TRIGGER touched BEFORE UPDATE OF email ON shop.customers"
    " FOR EACH ROW EXECUTE FUNCTION shop.touch('x')": {"triggers"},
    "CREATE OR REPLACE TRIGGER touched BEFORE UPDATE OF name ON shop.customers"
    " FOR EACH ROW EXECUTE FUNCTION shop.touch('y')": {"triggers"},
    "CREATE OR REPLACE TRIGGER touched AFTER UPDATE OF name ON shop.customers"
    " FOR EACH ROW EXECUTE FUNCTION shop.touch('x')": {"triggers"},
    "ALTER TABLE shop.parent DISABLE RULE quiet": {"rules"},
    "CREATE RULE loud AS ON INSERT TO shop.parent DO ALSO NOTHING": {"rules"},
    "ALTER POLICY own ON shop.customers TO fact_owner": {"policies"},
    "ALTER POLICY own ON shop.customers RENAME TO mine": {"policies"},
    "DROP POLICY own ON shop.customers;"
    "CREATE POLICY own ON shop.customers FOR UPDATE TO fact_reader USING (id > 0)": {"policies"},
    "ALTER STATISTICS shop.related SET STATISTICS 7": {"statistics"},
    "DROP OPERATOR shop.=== (int, int);"
    "CREATE OPERATOR shop.=== (leftarg = int, rightarg = int, function = int4ne)": {"operators"},
    "CREATE CAST (shop.mood AS int) WITH INOUT": {"operators"},
    "DROP COLLATION shop.bytewise;"
    "CREATE COLLATION shop.bytewise (provider = libc, locale = 'POSIX')": {"collations"},
    "ALTER TEXT SEARCH CONFIGURATION shop.words DROP MAPPING FOR email": {"textSearch"},
    "CREATE LANGUAGE other HANDLER plpgsql_call_handler": {"languages", *OWNED},
    "CREATE ACCESS METHOD other TYPE index HANDLER bthandler": {"accessMethods"},
    "ALTER SERVER elsewhere OPTIONS (SET host 'y')": {"foreignServers"},
    "CREATE USER MAPPING FOR fact_reader SERVER elsewhere": {"foreignServers"},
    "ALTER PUBLICATION told SET (publish = 'insert')": {"publications"},
    "ALTER PUBLICATION told SET TABLE shop.customers (id), shop.orders WHERE (id > 0)": {
        "publications"
    },
    "ALTER PUBLICATION told SET TABLE shop.customers (id, name), shop.orders": {"publications"},
    "ALTER PUBLICATION told ADD TABLE shop.parent": {"publications"},
    "CREATE PUBLICATION all_of_it FOR TABLES IN SCHEMA content": {"publications", "owners"},
    "CREATE SUBSCRIPTION heard CONNECTION 'dbname=x' PUBLICATION told"
    " WITH (connect = false, slot_name = NONE)": {"subscriptions", "owners"},
    "ALTER EVENT TRIGGER watching DISABLE": {"eventTriggers"},
    "COMMENT ON COLUMN shop.customers.name IS 'the last name'": {"comments"},
    "COMMENT ON CONSTRAINT orders_customer ON shop.orders IS 'whose'": {"comments"},
    "COMMENT ON LARGE OBJECT 4711 IS 'what'": {"comments"},
    "ALTER TABLE shop.orders OWNER TO fact_owner": OWNED,
    "ALTER FUNCTION shop.touch OWNER TO fact_owner": OWNED,
    "ALTER LARGE OBJECT 4711 OWNER TO fact_owner": OWNED,
    "ALTER TYPE shop.mood OWNER TO fact_owner": OWNED,
    "ALTER PUBLICATION told OWNER TO keeper; ALTER EVENT TRIGGER watching OWNER TO keeper": set(),
    "GRANT INSERT ON shop.orders TO fact_reader": {"privileges"},
    "GRANT SELECT ON shop.customers TO fact_reader WITH GRANT OPTION": {"privileges"},
    "REVOKE UPDATE (name) ON shop.customers FROM fact_reader": {"privileges"},
    "REVOKE EXECUTE ON FUNCTION shop.twice FROM PUBLIC": {"privileges"},
    "GRANT SELECT ON LARGE OBJECT 4711 TO fact_reader": {"privileges"},
    "ALTER DEFAULT PRIVILEGES IN SCHEMA shop GRANT INSERT ON TABLES TO fact_reader": {"privileges"},
    # The built-in default, spelled out, is no change.
    "GRANT ALL ON shop.orders TO keeper; GRANT USAGE ON TYPE shop.mood TO PUBLIC": set(),
    "SELECT lo_create(4713)": {"largeObjects", *OWNED},
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_structure_is_named_by_its_kind(
    known: Server, manifest: Facts, change: str
) -> None:
    assert structure_of(compared(known, manifest, change=change)) == CHANGES[change]


def test_every_kind_of_structure_is_changed_above(manifest: Facts) -> None:
    # A label needs a provider, which no package of Debian has.
    assert set().union(*CHANGES.values()) == set(manifest["facts"]["schema"]) - {"securityLabels"}


def test_a_database_without_schema_public_is_the_same_after_a_restore(known: Server) -> None:
    bare, restored = f"{DATABASE}_bare", f"{DATABASE}_bare_restored"
    try:
        known.psql("postgres", f"CREATE DATABASE {bare}")
        known.psql(bare, "CREATE SCHEMA shop; CREATE TABLE shop.t (a int); DROP SCHEMA public")
        dump_into(known, bare, restored)
        assert compared(known, manifest_of(known, bare), restored) == {}
    finally:
        drop_databases(known, bare)


def test_a_dump_without_owners_is_compared_without_them(known: Server, manifest: Facts) -> None:
    restored = f"{DATABASE}_without_owners"
    owned = (
        "ALTER TABLE shop.orders OWNER TO fact_owner; ALTER FUNCTION shop.twice OWNER TO fact_owner"
    )
    expected = manifest | {"facts": manifest["facts"] | facts(known, before=owned)}
    try:
        dump_into(known, DATABASE, restored, "--no-owner", "--no-acl")
        assert structure_of(compared(known, expected, restored)) == OWNED
        assert compared(known, expected | {"owners": False}, restored) == {}
    finally:
        drop_databases(known, restored)


def test_structure_is_not_compared_across_major_versions(known: Server, manifest: Facts) -> None:
    change = "COMMENT ON TABLE shop.orders IS 'other'; CREATE TABLE shop.other ()"
    minor = dict(manifest["facts"]["server"])
    minor["versionNumber"] += 1
    older = minor | {"versionNumber": minor["versionNumber"] - 10000}
    found = [
        structure_of(
            compared(known, {"facts": manifest["facts"] | {"server": each}}, change=change)
        )
        for each in (minor, older)
    ]
    assert found == [{"tables", "comments", *OWNED}, set()]


def test_an_older_manifest_is_compared_as_far_as_it_goes(known: Server, manifest: Facts) -> None:
    older = json.loads(json.dumps(manifest["facts"]))
    for key in ("sequences", "schema", "largeObjectHash"):
        del older[key]
    for table in older["tables"]:
        del table["hash"]
    older["counts"]["schemas"] += 1
    change = (
        "COMMENT ON TABLE shop.orders IS 'other'; SELECT nextval('shop.tickets');"
        "UPDATE shop.orders SET paid = 0; SELECT lo_put(4711, 0, 'O')"
    )
    assert compared(known, {"facts": older}, change=change) == {}
    found = compared(known, {"facts": older}, change="DROP TABLE shop.child")
    assert found == {
        "table shop.child": ("table", "absent"),
        "number of tables": (str(older["counts"]["tables"]), str(older["counts"]["tables"] - 1)),
    }


def test_names_with_line_breaks_stay_on_their_line(known: Server, manifest: Facts) -> None:
    found = compared(known, manifest, change='CREATE TABLE shop."a\nb\tc\rd" (e int)')
    assert found['table shop."a b c d"'] == ("absent", "table")


# --- sequences ------------------------------------------------------------------------------------


def test_sequences_are_read_as_they_stand(known: Server) -> None:
    change = (
        "SELECT setval('shop.tickets', 4711), setval('shop.orders_id_seq', 9, false);"
        'CREATE SEQUENCE shop."down \n""way""" INCREMENT -5 CYCLE; CREATE TEMP SEQUENCE gone'
    )
    found = known.psql(DATABASE, f"\\o /dev/null\n{change};\n\\o\n{SEQUENCES}")
    assert "\n" not in found
    assert [tuple(each.values()) for each in json.loads(found)] == [
        ("shop", 'down \n"way"', True, -5, None, False),
        ("shop", "orders_id_seq", False, 1, None, False),
        ("shop", "tickets", False, 1, 4711, True),
    ]
    assert list(json.loads(found)[0]) == [
        *("schema", "name", "cycle", "increment", "lastValue", "isCalled")
    ]
    known.psql(
        DATABASE,
        "SELECT setval('shop.tickets', 1, false), setval('shop.orders_id_seq', 20);"
        'DROP SEQUENCE shop."down \n""way""" ',
    )


def test_a_sequence_dropped_since_the_snapshot_does_no_harm(known: Server) -> None:
    known.psql(DATABASE, "CREATE SEQUENCE shop.short_lived")
    found = known.psql(
        DATABASE,
        f"""\\i '{SCRIPTS / "facts/sequence-list.sql"}'
            \\set list_file '{known.directory / "sequences"}'
            \\o :list_file
            \\qecho :sequences
            \\o
            DROP SEQUENCE shop.short_lived;
            {SEQUENCES}""",
    )
    (dropped,) = [each for each in json.loads(found) if each["name"] == "short_lived"]
    assert (dropped["lastValue"], dropped["isCalled"]) == (None, None)


class Position(NamedTuple):
    """What a sequence says of itself."""

    value: int | None
    called: bool | None = True


@pytest.mark.parametrize(
    ("before", "after", "found", "difference"),
    [
        (Position(7), Position(7), Position(7), None),
        (Position(7), Position(7), Position(8), ("7, called t", "8, called t")),
        (Position(7), Position(7), Position(6), ("7, called t", "6, called t")),
        (Position(7), Position(7), Position(7, False), ("7, called t", "7, called f")),
        (Position(1, False), Position(1, True), Position(1, False), None),
        (Position(1, False), Position(1, True), Position(1, True), None),
        (Position(7), Position(9), Position(7), None),
        (Position(7), Position(9), Position(8), None),
        (Position(7), Position(9), Position(9), None),
        (Position(7), Position(9), Position(10), ("between 7 and 9", "10")),
        (Position(7), Position(9), Position(6), ("between 7 and 9", "6")),
        # Backwards, by its step or by setval.
        (Position(-7), Position(-9), Position(-8), None),
        (Position(-7), Position(-9), Position(-10), ("between -9 and -7", "-10")),
        # Dropped during the dump.
        (Position(7), Position(None, None), Position(99), None),
    ],
)
@pytest.mark.parametrize("cycle", [False, True])
def test_a_restored_sequence_stands_where_the_dump_may_have_found_it(
    known: Server,
    manifest: Facts,
    before: Position,
    after: Position,
    found: Position,
    difference: tuple[str, str] | None,
    cycle: bool,
) -> None:
    named = {"schema": "a", "name": "B", "cycle": cycle, "increment": 1}
    expected = named | {"lastValue": before.value, "isCalled": before.called}
    expected |= {"lastValueAfter": after.value, "isCalledAfter": after.called}
    restored = named | {"lastValue": found.value, "isCalled": found.called}
    differences = compared_alone(
        known,
        {"facts": manifest["facts"] | {"sequences": [expected]}},
        manifest["facts"],
        [restored],
    )
    # One that may have begun anew meanwhile can stand anywhere.
    forgiven = difference is None or (cycle and before != after)
    assert differences == ({} if forgiven else {'sequence a."B" position': difference})


def test_missing_and_extra_sequences_are_named(known: Server, manifest: Facts) -> None:
    here = {"schema": "a", "name": "here", "cycle": False, "increment": 1}
    here |= {"lastValue": 1, "isCalled": True, "lastValueAfter": 1, "isCalledAfter": True}
    there = here | {"name": "there"}
    expected = {"facts": manifest["facts"] | {"sequences": [here]}}
    assert compared_alone(known, expected, manifest["facts"], [there]) == {
        "sequence a.here": ("present", "absent"),
        "sequence a.there": ("absent", "present"),
    }


# --- the document ---------------------------------------------------------------------------------


def fields(value: Any, path: str) -> set[str]:
    """The path of every field, `[]` for the elements of an array."""
    inner: list[tuple[str, Any]] = []
    if isinstance(value, dict):
        inner = [(f"{path}.{key}", each) for key, each in cast(Facts, value).items()]
    elif isinstance(value, list):
        inner = [(f"{path}[]", each) for each in cast(list[Any], value)]
    found = {name for name, _ in inner if not name.endswith("[]")}
    return found.union(*(fields(each, name) for name, each in inner))


def documented() -> dict[str, int]:
    """Every field in docs/manifest.md, with the version that brought it."""
    found: dict[str, int] = {}
    text = DOCUMENT.read_text(encoding="utf-8")
    for section in re.split(r"^#+ ", text, flags=re.MULTILINE):
        heading = re.match(r"`(manifest[^`]*)`\n", section)
        if heading:
            for name, since in re.findall(r"^\| `(\w+)` \|.*\| (\d+) \|$", section, re.MULTILINE):
                found[f"{heading[1]}.{name}"] = int(since)
    return found


def test_every_field_of_a_manifest_is_documented_and_no_other(pod: Pod, server: Server) -> None:
    backup = pod.good_backup(BACKUP_TABLE_HASHES="true")
    manifest = json.loads((backup / "manifest.json").read_text(encoding="utf-8"))
    assert fields(manifest, "manifest") == set(documented())
    assert max(documented().values()) == manifest["schemaVersion"]

    # What the document says by hand, psql does.
    (script,) = re.findall(r"```sql\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    assert server.psql(pod.database, script) == hashes_of(manifest["facts"])["public.orders"]
    # And the files it names are those that are there.
    beside = DOCUMENT.read_text(encoding="utf-8").split("\n\n")[2]
    named = set(re.findall(r"`([\w.]+)/?`", beside)) - {"NAME.sql.gz"}
    assert named == {path.name for path in backup.iterdir()} - {"manifest.json"}


def test_what_is_a_users_own_is_said_in_one_file() -> None:
    mentions = {
        path.relative_to(SCRIPTS).as_posix()
        for path in SCRIPTS.rglob("*.sql")
        if "'information_schema'" in path.read_text(encoding="utf-8")
    }
    assert mentions == {"facts/objects.sql"}

"""blocks.sql: a dump that does not hold the rows of its snapshot is told table by table."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator

import pytest

from tests.scripts.harness import SCRIPTS, Server, drop_databases
from tests.scripts.reading import BLOCKS, facts

# Tables of which it is not plain what pg_dump writes, and names that are hard to read back.
BLOCKY = r"""
CREATE EXTENSION hstore;
CREATE TABLE plain (a int); INSERT INTO plain SELECT generate_series(1, 5);
CREATE TABLE "select" (a int); INSERT INTO "select" VALUES (1);
CREATE TABLE bare (); INSERT INTO bare SELECT FROM generate_series(1, 3);
CREATE TABLE hollow ();
CREATE TABLE computed (a int GENERATED ALWAYS AS (7) STORED);
INSERT INTO computed VALUES (DEFAULT), (DEFAULT);
CREATE UNLOGGED TABLE unlogged (a int); INSERT INTO unlogged VALUES (1);
CREATE TABLE parent (a text); INSERT INTO parent VALUES (E'\\.'), (E'COPY x FROM stdin;\n\\.');
CREATE TABLE child () INHERITS (parent); INSERT INTO child VALUES ('c');
CREATE TABLE parts (a int) PARTITION BY LIST (a);
CREATE TABLE part PARTITION OF parts FOR VALUES IN (1); INSERT INTO parts VALUES (1), (1);
CREATE TABLE configured (a int); INSERT INTO configured VALUES (1);
ALTER EXTENSION hstore ADD TABLE configured;
UPDATE pg_extension SET extconfig = ARRAY['configured'::regclass::oid], extcondition = '{""}'
 WHERE extname = 'hstore';
CREATE SCHEMA made; ALTER EXTENSION hstore ADD SCHEMA made;
CREATE TABLE made.by_us (a int); INSERT INTO made.by_us VALUES (1);
CREATE MATERIALIZED VIEW kept AS SELECT 1;
CREATE SCHEMA "od""d s";
CREATE TABLE "od""d s"."new
line	tab \n back\slash ""quoted"" (x) FROM stdin;" (a int);
INSERT INTO "od""d s" . "new
line	tab \n back\slash ""quoted"" (x) FROM stdin;" VALUES (1), (2);
SELECT lo_from_bytea(0, decode(repeat('00ff5c', 10000), 'hex'));
SELECT lo_from_bytea(0, 'klein');
"""
HASHED = """
CREATE TYPE colour AS ENUM ('red', 'green', 'blue');
CREATE TABLE alone (a int); INSERT INTO alone VALUES (1);
CREATE TABLE hashed (c colour, i int) PARTITION BY HASH (c);
CREATE TABLE hashed_0 PARTITION OF hashed FOR VALUES WITH (modulus 2, remainder 0);
CREATE TABLE hashed_1 PARTITION OF hashed FOR VALUES WITH (modulus 2, remainder 1);
INSERT INTO hashed SELECT (enum_range(NULL::colour))[1 + i % 3], i FROM generate_series(1, 9) AS i;
"""


@pytest.fixture(scope="module")
def blocky(each_server: Server) -> Iterator[Server]:
    """A server with databases whose dumps are hard to count."""
    try:
        for name, sql in (("blocky", BLOCKY), ("blocky_hashed", HASHED)):
            each_server.psql("postgres", f"CREATE DATABASE {name}")
            each_server.psql(name, sql)
        yield each_server
    finally:
        drop_databases(each_server, "blocky")


def dumped_blocks(server: Server, database: str) -> list[str]:
    """The COPY blocks of a dump, as blocks.awk reads them."""
    path = server.directory / "dump.sql"
    done = server.client("pg_dump", "-f", path, database=database)
    assert done.returncode == 0, done.stderr
    awk = ["awk", "-v", "whole=1", "-f", SCRIPTS / "dump/blocks.awk", path]
    return subprocess.run(awk, check=True, capture_output=True, text=True).stdout.splitlines()


def mistaken(server: Server, database: str, blocks: list[str]) -> list[tuple[str, ...]]:
    """What blocks.sql prints."""
    folder = server.directory
    counted = facts(server, database, hashes=False)
    (folder / "facts").write_text(json.dumps(counted), encoding="utf-8")
    (folder / "blocks").write_text("".join(f"{line}\n" for line in blocks), encoding="utf-8")
    lines = server.psql(
        database,
        f"\\set facts_file {folder}/facts\n\\set blocks_file {folder}/blocks\n{BLOCKS}",
    ).splitlines()
    return [tuple(line.split("\t")) for line in lines]


def test_a_whole_dump_holds_the_counted_rows(blocky: Server) -> None:
    for database in ("blocky", "blocky_hashed"):
        blocks = dumped_blocks(blocky, database)
        assert mistaken(blocky, database, blocks) == []
    blocks = dumped_blocks(blocky, "blocky")
    assert {"3\tpublic.bare", "0\tpublic.hollow", "2\tpublic.computed", "1\tpublic.configured"} <= {
        *blocks
    }
    assert r'2	"od""d s"."new\nline\ttab \\n back\\slash ""quoted"" (x) FROM stdin;"' in blocks


@pytest.mark.parametrize(
    ("table", "rows"),
    [
        ("public.plain", 5),
        ('public."select"', 1),
        ("public.bare", 3),
        ("public.hollow", 0),
        ("public.unlogged", 1),
        ("public.child", 1),
        ("public.part", 2),
        ("made.by_us", 1),
        (r'"od""d s"."new\nline\ttab \\n back\\slash ""quoted"" (x) FROM stdin;"', 2),
    ],
)
def test_blocks_that_miss_rows_are_named(blocky: Server, table: str, rows: int) -> None:
    blocks = dumped_blocks(blocky, "blocky")
    line = f"{rows}\t{table}"
    assert line in blocks
    others = [each for each in blocks if each != line]
    (without,) = mistaken(blocky, "blocky", others)
    (more,) = mistaken(blocky, "blocky", [*others, f"{rows + 1}\t{table}"])
    (twice,) = mistaken(blocky, "blocky", [*blocks, line])
    (name,) = {without[0], more[0], twice[0]}
    assert name.startswith("table ")
    assert without[1:] == (f"{rows} rows", "no block of rows")
    assert more[1:] == (f"{rows} rows", f"{rows + 1} rows")
    assert twice[1:] == ("one block of rows", "2 blocks of rows")


def test_blocks_of_an_extension_s_own_tables_are_not_looked_for(blocky: Server) -> None:
    blocks = dumped_blocks(blocky, "blocky")
    line = "1\tpublic.configured"
    assert line in blocks
    assert mistaken(blocky, "blocky", [each for each in blocks if each != line]) == []


def test_partitions_that_are_loaded_through_their_root_are_summed(blocky: Server) -> None:
    blocks = dumped_blocks(blocky, "blocky_hashed")
    (first, second) = (line for line in blocks if line.endswith("\tpublic.hashed"))
    rest = [line for line in blocks if line not in (first, second)]
    objects = ["0\tlarge objects", "0\tbytes of large objects"]
    assert rest == ["1\tpublic.alone", *objects]
    what = "partitions loaded through their root"
    lost = int(second.split("\t")[0])
    assert mistaken(blocky, "blocky_hashed", [*rest, first]) == [
        (what, "2 blocks, 9 rows", f"1 blocks, {9 - lost} rows")
    ]
    assert mistaken(blocky, "blocky_hashed", [*rest, first, f"{lost + 1}\tpublic.hashed"]) == [
        (what, "2 blocks, 9 rows", "2 blocks, 10 rows")
    ]
    # A whole table that is missing stands out from the sum as well.
    assert mistaken(blocky, "blocky_hashed", [first, second, *objects]) == [
        (what, "3 blocks, 10 rows", "2 blocks, 9 rows")
    ]


def test_large_objects_that_are_cut_or_lost_are_told(blocky: Server) -> None:
    blocks = dumped_blocks(blocky, "blocky")
    counted = {line.split("\t")[1]: int(line.split("\t")[0]) for line in blocks[-2:]}
    assert counted == {"large objects": 2, "bytes of large objects": 30005}
    for what, number in counted.items():
        line = f"{number}\t{what}"
        fewer = [f"{number - 1}\t{what}" if each == line else each for each in blocks]
        assert mistaken(blocky, "blocky", fewer) == [(what, str(number), str(number - 1))]
        without = [each for each in blocks if each != line]
        assert mistaken(blocky, "blocky", without) == [(what, str(number), "none")]


def test_a_missing_table_is_told_also_where_no_table_is_partitioned(each_server: Server) -> None:
    try:
        each_server.psql("postgres", "CREATE DATABASE blocky_plain")
        each_server.psql("blocky_plain", "CREATE TABLE a AS SELECT 1 AS x; CREATE TABLE b (x int)")
        blocks = dumped_blocks(each_server, "blocky_plain")
        assert mistaken(each_server, "blocky_plain", blocks) == []
        for name, rows in (("a", 1), ("b", 0)):
            left = [line for line in blocks if not line.endswith(f".{name}")]
            assert mistaken(each_server, "blocky_plain", left) == [
                (f"table public.{name}", f"{rows} rows", "no block of rows")
            ]
    finally:
        drop_databases(each_server, "blocky_plain")

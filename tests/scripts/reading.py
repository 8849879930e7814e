"""Runs the SQL files that read and compare facts, outside of a backup or restore."""

from __future__ import annotations

import json
from typing import Any

from tests.scripts.harness import SCRIPTS, Server

# As psql commands: the files include others that lie beside them.
FACTS, SEQUENCES, COMPARE, BLOCKS, ACCESS, SESSION = (
    f"\\i '{SCRIPTS / name}.sql'\n"
    for name in (
        *("facts/facts", "facts/sequences", "facts/compare"),
        *("dump/blocks", "backup/access", "server/session"),
    )
)

# facts.sql itself with contents.sql in it, for tests that change a line of them.
FACTS_TEXT = (
    (SCRIPTS / "facts/facts.sql")
    .read_text(encoding="utf-8")
    .replace("\\ir contents.sql", (SCRIPTS / "facts/contents.sql").read_text(encoding="utf-8"))
    .replace("\\ir ", f"\\i {SCRIPTS}/facts/")
)

# sequences.sql itself, for use inside of a transaction, where it cannot let go of its locks.
SEQUENCES_TEXT = (
    (SCRIPTS / "facts/sequences.sql")
    .read_text(encoding="utf-8")
    .replace("\\ir ", f"\\i {SCRIPTS}/facts/")
    .replace("    COMMIT;\n", "")
)

DATABASE = "facts"  # what is read where a test does not say otherwise

Facts = dict[str, Any]


def facts(
    server: Server,
    database: str = DATABASE,
    *,
    hashes: bool = True,
    before: str = "",
    script: str = FACTS,
    user: str = "keeper",
) -> Facts:
    """The facts of a database after some SQL that is undone again."""
    sql = f"\\set table_hashes {str(hashes).lower()}\nBEGIN;\n{before};\n{script}\nROLLBACK;\n"
    found: Facts = json.loads(server.psql(database, sql, user=user))
    return found


def hashes_of(found: Facts) -> dict[str, str | None]:
    """The hash of every table."""
    return {f"{table['schema']}.{table['name']}": table["hash"] for table in found["tables"]}


def manifest_of(server: Server, database: str = DATABASE) -> Facts:
    """A manifest as a backup of this moment would have it, as far as a restore compares it."""
    sequences = json.loads(server.psql(database, SEQUENCES))
    merged = [
        each | {"lastValueAfter": each["lastValue"], "isCalledAfter": each["isCalled"]}
        for each in sequences
    ]
    return {"owners": True, "facts": facts(server, database) | {"sequences": merged}}


def compared(
    server: Server, manifest: Facts, database: str = DATABASE, change: str = ""
) -> dict[str, tuple[str, str]]:
    """What compare.sql prints for a database after a change that is undone again."""
    folder = server.directory
    (folder / "manifest").write_text(json.dumps(manifest), encoding="utf-8")
    lines = server.psql(
        database,
        f"""\\set table_hashes true
            \\set manifest_file {folder}/manifest
            \\set found_file {folder}/found
            \\set found_sequences {folder}/sequences
            BEGIN;
            \\o /dev/null
            {change};
            SET search_path = pg_catalog;
            \\o {folder}/found
            {FACTS}
            \\o {folder}/sequences
            {SEQUENCES_TEXT}
            \\o
            {COMPARE}
            ROLLBACK;""",
    ).splitlines()
    rows = [line.split("\t") for line in lines]
    assert all(len(row) == 3 for row in rows), rows
    return {what: (expected, found) for what, expected, found in rows}


def compared_alone(
    server: Server,
    manifest: Facts,
    found: Facts,
    sequences: list[Facts] | None = None,
) -> dict[str, tuple[str, str]]:
    """What compare.sql prints for facts that are made up."""
    folder = server.directory
    if sequences is None:
        sequences = manifest["facts"].get("sequences", [])
    for name, content in (("manifest", manifest), ("found", found), ("sequences", sequences)):
        (folder / name).write_text(json.dumps(content), encoding="utf-8")
    lines = server.psql(
        "postgres",
        f"\\set manifest_file {folder}/manifest\n\\set found_file {folder}/found\n"
        f"\\set found_sequences {folder}/sequences\n{COMPARE}",
    ).splitlines()
    return {what: (expected, seen) for what, expected, seen in (line.split("\t") for line in lines)}


def structure_of(differences: dict[str, tuple[str, str]]) -> set[str]:
    """The kinds whose structure differs."""
    return {
        what.removeprefix("structure: ") for what in differences if what.startswith("structure: ")
    }


def dump_into(server: Server, database: str, restored: str, *options: str) -> None:
    """A plain dump of one database, restored into a new one."""
    path = server.directory / "dump.sql"
    done = server.client("pg_dump", *options, "-f", path, database=database)
    assert done.returncode == 0, done.stderr
    server.psql("postgres", f'CREATE DATABASE "{restored}" TEMPLATE template0')
    words = ("-X", "-q", "-o", "/dev/null", "-v", "ON_ERROR_STOP=1", "-f", path)
    done = server.client("psql", *words, database=restored)
    assert done.returncode == 0, done.stderr

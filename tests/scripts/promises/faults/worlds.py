"""The worlds that faults are done in: a pod whose volume holds earlier backups worth protecting."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import queue
import subprocess
import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.scripts.harness import (
    PASSWORD,
    POD_GID,
    POD_UID,
    Pod,
    clone_backup,
    give,
    new_pod,
)
from tests.scripts.promises.faults.ledger import AT_ONCE
from tests.scripts.promises.faults.mortal import MortalServer

FORMATS = ("directory", "plain")

# The retention of these worlds: the next good backup lets EXPIRED go, and nothing else.
RETENTION = {"RETENTION_DAYS": "1", "RETENTION_MINIMUM": "1"}
LEGACY = "backup-20190101-000000.sql.gz"


def name_of(hours: float) -> str:
    """The name of a backup that was made so many hours ago."""
    return time.strftime("backup-%Y%m%d-%H%M%S", time.gmtime(time.time() - hours * 3600))


EXPIRED, PINNED, DAMAGED, RECENT = map(name_of, (144, 120, 96, 12))
# What every run appends to or writes anew.
RECORDS = {"runs.jsonl", "space", "metrics.prom"}
MARKS = ("damaged", "pinned", "proven", "suspicious", "acknowledged")

# What the proxy waits for: these words go over the wire in the middle of a table.
MIDDLE = "the middle of the dump"
# Small, because a run is made some hundred times; test_round_trip.py has one of everything.
SOURCE = f"""
CREATE TABLE moments (id serial PRIMARY KEY, line text NOT NULL);
INSERT INTO moments SELECT i, CASE i WHEN 1000 THEN '{MIDDLE}' ELSE md5(i::text) END
  FROM generate_series(1, 2000) AS i;
CREATE TABLE others AS SELECT * FROM moments WHERE id < 100;
SELECT lo_from_bytea(0, decode(repeat('00ff5c', 2000), 'hex'));
"""
# A role like the one the documentation recommends: everything readable, no superuser.
ROLE = f"""
CREATE ROLE {{role}} LOGIN BYPASSRLS PASSWORD $p${PASSWORD}$p$ IN ROLE pg_read_all_data;
"""
RIGHTS = """
DO $$ DECLARE object oid; BEGIN
  FOR object IN SELECT oid FROM pg_largeobject_metadata LOOP
    EXECUTE format('GRANT SELECT ON LARGE OBJECT %s TO PUBLIC', object);
  END LOOP;
END $$;
"""


@dataclass(frozen=True)
class Reference:
    """A good backup of the source: what every later one must equal."""

    dump: str
    facts: dict[str, Any]


def role_of(database: str) -> str:
    """Each database has a backup role of its own, because faults are done to roles as well."""
    return f"keeper_of_{database}"


def dump_of(backup: Path) -> str:
    """A hash of all that a backup would restore."""
    if (backup / "database").is_dir():
        words = ["/usr/lib/postgresql/15/bin/pg_restore", "-f", "-", str(backup / "database")]
        text = subprocess.run(words, check=True, capture_output=True).stdout
    else:
        text = gzip.decompress((backup / f"{backup.name}.sql.gz").read_bytes())
    # Lines with a random key, for psql alone.
    lines = [line for line in text.split(b"\n") if not line.startswith((b"\\restr", b"\\unrestr"))]
    return hashlib.sha256(b"\n".join(lines)).hexdigest()


def reference_of(backup: Path) -> Reference:
    """What later backups of the same database are compared with."""
    facts: dict[str, Any] = json.loads((backup / "manifest.json").read_text("utf-8"))["facts"]
    # What differs in a copy of the database, without any change of content.
    for key in ("bytes", "name"):
        facts["database"].pop(key)
    return Reference(dump_of(backup), facts)


def fingerprint(path: Path) -> str:
    """Kind, mode and content of one path of the volume."""
    if path.is_symlink():
        return f"-> {path.readlink()}"
    mode = oct(path.stat().st_mode)
    return f"{mode} {hashlib.sha256(path.read_bytes()).hexdigest()}" if path.is_file() else mode


@dataclass
class World:
    """One pod and what was on its volume before the fault."""

    pod: Pod
    server: MortalServer
    format: str
    database: str
    thorough: bool  # the next run is made and judged even if the fault left nothing behind
    reference: Reference
    names: list[str]
    before: dict[str, str]
    clean: dict[str, str] = field(default_factory=dict[str, str])
    expendable: set[str] = field(default_factory=lambda: {EXPIRED})  # retention may take them
    foreign: list[str] = field(default_factory=list[str])  # in staging, and to be left there
    left: list[str] = field(default_factory=list[str])  # what the fault left for the next run

    def earlier(self) -> dict[str, str]:
        """The earlier backups and their marks, byte by byte."""
        roots = [self.pod.volume / name for name in self.names]
        roots += [self.pod.volume / ".records" / kind for kind in MARKS]
        return {
            str(path.relative_to(self.pod.volume)): fingerprint(path)
            for root in roots
            for path in (root, *sorted(root.rglob("*")))
            if path.exists() or path.is_symlink()
        }

    @property
    def role(self) -> str:
        """The user of the Secret."""
        return role_of(self.database)

    def everything(self) -> dict[str, str]:
        """The whole volume, but for what every run appends to its records."""
        return {
            str(path.relative_to(self.pod.volume)): fingerprint(path)
            for path in sorted(self.pod.volume.rglob("*"))
            if path.name not in RECORDS and path.is_relative_to(self.pod.volume)
        }

    def backends(self) -> list[str]:
        """What is open on the server for this world's database."""
        return self.server.psql(
            "postgres",
            "SELECT concat_ws(' ', application_name, state, query) FROM pg_stat_activity"
            " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
            # psql is what the tests' own sessions call themselves.
            f" AND datname = '{self.database}' AND application_name <> 'psql'",
        ).splitlines()

    def new_names(self) -> list[str]:
        """Final names that were not there before."""
        return sorted(set(self.pod.names()) - set(self.names))

    @property
    def hooks(self) -> Path:
        """Where test and run leave each other word."""
        return self.pod.root / "hooks"


class Worlds:
    """Makes worlds: each with the same earlier backups, each with a database to itself."""

    def __init__(self, server: MortalServer) -> None:
        self.server = server
        self.databases: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.templates: dict[tuple[str, str], Path] = {}
        self.references: dict[tuple[str, str], Reference] = {}
        self.thorough = True

    @classmethod
    @contextmanager
    def made(cls, server: MortalServer) -> Generator[Worlds]:
        """Makes the databases and, once for each format, the earlier backups."""
        self = cls(server)
        server.psql("postgres", "CREATE DATABASE source")
        server.psql("source", SOURCE + RIGHTS)
        with ExitStack() as stack:
            for number in range(AT_ONCE):
                database = f"source{number}"
                server.psql("postgres", ROLE.format(role=role_of(database)))
                self.renew(database)
                self.databases.put(database)
                for format_ in FORMATS:
                    pod = stack.enter_context(new_pod(server.port, database))
                    self.templates[database, format_] = fill(pod, format_)
                    self.references[database, format_] = reference_of(pod.volume / RECENT)
            yield self

    def renew(self, database: str) -> None:
        """Makes a database anew, whatever became of it."""
        # By file, so that none of its pages are in the server's buffers.
        self.server.psql("postgres", f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")
        self.server.psql(
            "postgres", f"CREATE DATABASE {database} TEMPLATE source STRATEGY file_copy"
        )

    @contextmanager
    def new(
        self, format_: str = "directory", *, spoiled: bool = False, placed: bool = True
    ) -> Generator[World]:
        """A fresh world.

        Its database is made anew afterwards where the fault spoils it; `placed=False` leaves the
        volume empty, for a mount to come first.
        """
        database = self.databases.get()
        try:
            with new_pod(self.server.port, database) as pod:
                pod.settings |= {"BACKUP_FORMAT": format_, **RETENTION}
                (pod.secret / "username").write_text(role_of(database), encoding="utf-8")
                hooks = pod.root / "hooks"
                hooks.mkdir()
                give(hooks, POD_UID, POD_GID)
                reference = self.references[database, format_]
                thorough, self.thorough = self.thorough, False
                world = World(
                    pod, self.server, format_, database, thorough, reference, names=[], before={}
                )
                if placed:
                    self.place(world)
                yield world
        finally:
            if spoiled:
                self.renew(database)
            self.databases.put(database)

    def place(self, world: World) -> None:
        """Puts the earlier backups on the volume of a world."""
        source = self.templates[world.database, world.format]
        subprocess.run(["cp", "-a", f"{source}/.", world.pod.volume], check=True)
        world.names = world.pod.names()
        world.before = world.earlier()
        world.clean = world.everything()


def fill(pod: Pod, format_: str) -> Path:
    """Makes the earlier backups of all worlds of a format; hands back the volume."""
    (pod.secret / "username").write_text(role_of(pod.database), encoding="utf-8")
    made = pod.good_backup(BACKUP_FORMAT=format_)
    for name in (EXPIRED, PINNED, DAMAGED, RECENT):
        clone_backup(made, name)
    (pod.volume / made.name).rename(pod.root / "tmp" / made.name)
    with gzip.open(pod.volume / LEGACY, "wb") as legacy:
        legacy.write(b"SELECT 1;\n--\n-- PostgreSQL database dump complete\n--\n")
    for kind, name in (("pinned", PINNED), ("damaged", DAMAGED)):
        mark = pod.volume / ".records" / kind / name
        mark.parent.mkdir(exist_ok=True)
        mark.write_text("2020-04-04T04:04:04Z for the tests\n", encoding="utf-8")
    for record in RECORDS:
        (pod.volume / ".records" / record).unlink(missing_ok=True)
    for path in (pod.volume, *pod.volume.rglob("*")):
        os.chown(path, POD_UID, POD_GID)
    return pod.volume

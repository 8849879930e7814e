"""A throwaway PostgreSQL and a helper that runs the shipped scripts as a pod would.

The server runs on a loopback port, with passwords, under an unprivileged user; it is stopped by its
process id at the end, whatever the tests did. The scripts run under another unprivileged user with
exactly the environment of the contract and nothing else. Both run where their PostgreSQL lies: 15
on this machine, 17 in an image's root file system (see postgres.py).
"""

from __future__ import annotations

import ctypes
import gzip
import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from pgkeep import environment
from tests.scripts.postgres import POSTGRES_15, SCRIPTS, Postgres, drop_privileges

BINARIES = POSTGRES_15.binaries
SERVER_UID = 65534  # nobody: initdb wants a user that has a name
POD_UID = 999
POD_GID = 999
PASSWORD = r"pa:ss\word 'ü"  # everything a password file has to escape
SYSTEM_PATH = POSTGRES_15.path

# What each script is given: that of its pod, with all that comes from the settings.
_EVERY_POD = environment.names(environment.PROGRAM, environment.SETTINGS)
_WITH_DATABASE = _EVERY_POD + environment.names(environment.CREDENTIALS)
GIVEN = {
    "backup/all.sh": _WITH_DATABASE,
    # Started by backup/all.sh, once for each database, and by a restore.
    "backup/one.sh": (*_WITH_DATABASE, "DATABASE_NAME"),
    "console/main.sh": _EVERY_POD + environment.names(environment.CONSOLE),
    **dict.fromkeys(
        # All but the first are what it starts for another action.
        ("restore/main.sh", "restore/undo.sh", "restore/drop-aside.sh", "restore/list-aside.sh"),
        _WITH_DATABASE + environment.names(environment.RESTORE),
    ),
}
EVERYTHING = (
    *_WITH_DATABASE,
    "DATABASE_NAME",
    *environment.names(environment.CONSOLE, environment.RESTORE),
)

# What nobody is given any more, and a restore reads in order to refuse it.
REFUSED = {"RESTORE_IN_PLACE"}


def give(path: Path, uid: int, gid: int) -> None:
    """Changes the owner of a path where that is possible."""
    if os.geteuid() == 0:
        os.chown(path, uid, gid)


@dataclass(frozen=True)
class Server:
    """A running PostgreSQL."""

    port: int
    directory: Path
    pid: int
    log: Path
    postgres: Postgres = POSTGRES_15

    def client(
        self, tool: str, *words: str | Path, database: str, user: str = "keeper", sql: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Runs one of the clients, of the server's own version."""
        return subprocess.run(
            self.postgres.command([tool, *words], self.directory),
            input=sql,
            text=True,
            capture_output=True,
            check=False,
            env=self.environment(user, database),
        )

    def psql(self, database: str, sql: str, *, user: str = "keeper", check: bool = True) -> str:
        """Runs SQL and hands back its rows, tab separated."""
        words = ("-X", "-q", "-A", "-t", "-F", "\t", "-v", "ON_ERROR_STOP=1")
        done = self.client("psql", *words, database=database, user=user, sql=sql)
        if check and done.returncode != 0:
            raise AssertionError(done.stderr)
        return done.stdout.strip()

    def environment(self, user: str, database: str) -> dict[str, str]:
        """The environment a client of the tests needs."""
        return {
            "PATH": self.postgres.path,
            "PGHOST": "127.0.0.1",
            "PGPORT": str(self.port),
            "PGUSER": user,
            "PGPASSWORD": PASSWORD,
            "PGDATABASE": database,
            "PGCLIENTENCODING": "UTF8",
        }

    def databases(self) -> set[str]:
        """Names of all databases."""
        return set(self.psql("postgres", "SELECT datname FROM pg_database").splitlines())


def free_port() -> int:
    """A loopback port that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


MEMORY = Path("/dev/shm")


def own_folder(kind: str, parent: Path) -> Path:
    """A new folder that bears the number of this process."""
    return Path(tempfile.mkdtemp(prefix=f"pgkeep-{kind}-{os.getpid()}-", dir=parent))


def sweep_folders() -> None:
    """Removes the folders of tests that were killed."""
    for parent in (MEMORY, Path(tempfile.gettempdir())):
        for path in parent.glob("pgkeep-*-*-*"):
            number = path.name.split("-")[2]
            if number.isdigit() and not Path("/proc", number).exists():
                shutil.rmtree(path, ignore_errors=True)


@contextmanager
def running_server(postgres: Postgres = POSTGRES_15) -> Generator[Server]:
    """Makes a cluster, starts it, and removes both again."""
    directory = own_folder("server", Path(tempfile.gettempdir()))
    process: subprocess.Popen[bytes] | None = None
    try:
        give(directory, SERVER_UID, SERVER_UID)
        # The server goes with its tests, also when they are killed: SIGINT is its fast shutdown.
        as_server = drop_privileges(SERVER_UID, SERVER_UID, "--pdeathsig=INT")
        secret = directory / "password"
        secret.write_text(PASSWORD + "\n", encoding="utf-8")
        secret.chmod(0o644)
        data = directory / "data"
        initdb = [
            *(*as_server, "initdb", "-D", data, "-U", "keeper"),
            *(f"--pwfile={secret}", "--auth=scram-sha-256", "--no-sync"),
            *("--encoding=UTF8", "--locale=C.UTF-8"),
        ]
        subprocess.run(
            postgres.command(initdb, directory),
            check=True,
            capture_output=True,
            cwd=directory,
            env={"PATH": postgres.path},
        )
        port = free_port()
        log = directory / "log"
        options = {
            "listen_addresses": "127.0.0.1",
            "port": str(port),
            "unix_socket_directories": str(directory),
            "fsync": "off",
            "full_page_writes": "off",
            "shared_buffers": "32MB",
            "max_connections": "40",
            "autovacuum": "off",
            "max_prepared_transactions": "2",
        }
        words = [word for key, value in options.items() for word in ("-c", f"{key}={value}")]
        with log.open("wb") as output:
            process = subprocess.Popen(
                postgres.command([*as_server, "postgres", "-D", data, *words], directory),
                stdout=output,
                stderr=output,
                cwd=directory,
                env={"PATH": postgres.path},
            )
        server = Server(port, directory, process.pid, log, postgres)
        wait_until(lambda: server.psql("postgres", "SELECT 1", check=False) == "1", 20)
        yield server
    finally:
        if process is not None:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGQUIT)
                process.wait(10)
        shutil.rmtree(directory, ignore_errors=True)


def wait_until(condition: Callable[[], bool], seconds: float = 10, pause: float = 0.05) -> None:
    """Waits for something to become true."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"did not happen within {seconds} s")
        time.sleep(pause)


@dataclass(frozen=True)
class Result:
    """What a script printed and how it ended."""

    code: int
    output: str

    @property
    def last_lines(self) -> list[str]:
        """The last three lines, which name the cause and the cure of a failure."""
        return self.output.rstrip("\n").split("\n")[-3:]

    def explained(self) -> str:
        """Asserts the form of a failure, and hands back its last lines as one text."""
        error, cause, cure = self.last_lines
        assert error.startswith("ERROR: "), self.output
        assert cause.startswith("CAUSE: "), self.output
        assert cure.startswith("CURE: "), self.output
        assert "unexpected" not in error, self.output
        return "\n".join(self.last_lines)


@dataclass
class Pod:
    """The place where scripts run: a volume, a Secret, a temporary directory."""

    root: Path
    port: int
    database: str
    path: str = SYSTEM_PATH
    settings: dict[str, str] = field(default_factory=dict[str, str])
    postgres: Postgres = POSTGRES_15

    @property
    def volume(self) -> Path:
        """The backups directory."""
        return self.root / "backups"

    @property
    def secret(self) -> Path:
        """The mounted Secret."""
        return self.root / "credentials"

    def environment(self, script: str, **overrides: str) -> dict[str, str]:
        """Exactly what the container of this script gets."""
        values = environment.values(environment.CONSOLE, environment.RESTORE) | {
            "NAMESPACE": "shop",
            "VOLUME_NAME": "backup-pvc",
            "BACKUP_DIRECTORY": str(self.volume),
            "HOME": str(self.root / "tmp"),
            "TMPDIR": str(self.root / "tmp"),
            "DATABASE_HOST": "127.0.0.1",
            "DATABASE_PORT": str(self.port),
            "DATABASE_NAME": self.database,
            "DATABASE_NAMES": self.database,
            "DATABASE_SSLMODE": "prefer",
            "DATABASE_SECRET": "postgres-secret",
            "DATABASE_USER_KEY": "user-key",
            "DATABASE_PASSWORD_KEY": "password-key",
            "CREDENTIALS_DIRECTORY": str(self.secret),
            "BACKUP_FORMAT": "directory",
            "BACKUP_COMPRESSION": "auto",
            "BACKUP_JOBS": "2",
            "BACKUP_SCHEDULE": "0 2 * * *",
            "BACKUP_OWNERS": "true",
            "BACKUP_TABLE_HASHES": "false",
            "BACKUP_ANOMALY_FACTOR": "2",
            "BACKUP_TIMEOUT": "3600",
            "RETENTION_DAYS": "30",
            "RETENTION_MINIMUM": "7",
            "RETENTION_DAILY": "0",
            "RETENTION_WEEKLY": "0",
            "RETENTION_MONTHLY": "0",
            "RESTORE_BACKUP": "latest",
            "RESTORE_SMOKE_QUERY": "",
            "RESTORE_KEEP_DAYS": "0",
            "RESTORE_DATABASE_VOLUME": "",
            "RESTORE_JOBS": "2",
            "RESTORE_APPLICATIONS": "deployment/shop",
        }
        values |= self.settings | overrides
        names = GIVEN.get(script, EVERYTHING)
        return {"PATH": self.path} | {name: values[name] for name in names}

    def start(
        self, script: str, *, code: str | None = None, **overrides: str
    ) -> subprocess.Popen[str]:
        """Starts a script in a session of its own; `code` replaces it, to test single functions."""
        command = ["bash", str(SCRIPTS / script)] if code is None else ["bash", "-c", code]
        return subprocess.Popen(
            self.postgres.command([*drop_privileges(POD_UID, POD_GID), *command], self.root),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=self.environment(script, **overrides),
            cwd=self.root,
            start_new_session=True,
        )

    def run(self, script: str, *, code: str | None = None, **overrides: str) -> Result:
        """Runs a script to its end."""
        process = self.start(script, code=code, **overrides)
        return finish(process)

    def backup(self, **overrides: str) -> Result:
        """Runs a backup."""
        return self.run("backup/one.sh", **overrides)

    def good_backup(self, **overrides: str) -> Path:
        """Runs a backup that must succeed and hands back where it lies."""
        before = set(self.names())
        result = self.backup(**overrides)
        assert result.code == 0, result.output
        (name,) = set(self.names()) - before
        return self.volume / name

    def console(
        self,
        command: str = "list",
        backup: str = "latest",
        output: str = "text",
        *,
        dry_run: bool = True,
        **overrides: str,
    ) -> Result:
        """Runs the console; like its template it changes nothing unless it is told to."""
        return self.run(
            "console/main.sh",
            CONSOLE_COMMAND=command,
            CONSOLE_BACKUP=backup,
            CONSOLE_OUTPUT=output,
            CONSOLE_DRY_RUN="true" if dry_run else "false",
            **overrides,
        )

    def backups(self, *databases: str, **overrides: str) -> Result:
        """Runs the entry point of a backup pod, for these databases or the pod's own."""
        names = "\n".join(databases or (self.database,))
        return self.run("backup/all.sh", DATABASE_NAMES=names, **overrides)

    def restore(self, backup: str = "latest", **overrides: str) -> Result:
        """Runs a restore."""
        return self.run("restore/main.sh", RESTORE_BACKUP=backup, **overrides)

    def names(self) -> list[str]:
        """Everything that has a final name."""
        return sorted(path.name for path in self.volume.glob("backup-*"))

    def unfinished(self) -> list[str]:
        """What lies in staging."""
        return sorted(path.name for path in self.volume.glob(".staging/backup-*"))

    def records(self, kind: str) -> list[dict[str, object]]:
        """The lines of one record file."""
        path = self.volume / ".records" / f"{kind}.jsonl"
        return (
            [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
            if path.exists()
            else []
        )

    def listed(self, **overrides: str) -> list[dict[str, str]]:
        """The console's list, as the tool reads it."""
        settings = {"CONSOLE_OUTPUT": "tsv"} | overrides
        lines = self.run("console/main.sh", **settings).output.splitlines()
        assert lines[0] == "#pgkeep-list 1", lines
        assert lines[-1].startswith("#disk "), lines
        return [
            dict(zip(lines[1].split("\t"), line.split("\t"), strict=True)) for line in lines[2:-1]
        ]

    def flags(self, name: str) -> set[str]:
        """What the list says of a backup beside its status."""
        (row,) = [each for each in self.listed() if each["name"] == name]
        return set(row["flags"].split(",")) - {"-"}

    def mark(self, kind: str, name: str) -> str | None:
        """Why a backup is damaged, pinned, proven, …: its mark's text; None without a mark."""
        path = self.volume / ".records" / kind / name
        return path.read_text(encoding="utf-8").rstrip("\n") if path.exists() else None

    def put_mark(self, kind: str, name: str) -> None:
        """Marks a backup as a run would have."""
        path = self.volume / ".records" / kind / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("2026-11-23T02:00:00Z a test\n", encoding="utf-8")
        for made in (path.parent, path):
            give(made, POD_UID, POD_GID)


def finish(process: subprocess.Popen[str], seconds: float = 120) -> Result:
    """Waits for a script; a hanging one is killed with everything it started."""
    try:
        output, _ = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        kill_session(process.pid, signal.SIGKILL)
        output, _ = process.communicate()
        raise AssertionError(f"the script did not end within {seconds} s:\n{output}") from None
    return Result(process.returncode, output)


def session_members(session: int) -> list[int]:
    """Process ids of a session: a pod's processes, as far as a test is concerned."""
    members: list[int] = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError, ValueError):
            fields = path.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
            if int(fields[3]) == session:
                members.append(int(path.parent.name))
    return members


def kill_session(session: int, number: signal.Signals) -> None:
    """Sends a signal to every process of a session, as the end of a pod does."""
    for pid in session_members(session):
        with suppress(ProcessLookupError):
            os.kill(pid, number)


@cache
def keep_mounts_to_ourselves() -> None:
    """Moves the tests into a mount namespace: what they mount goes with them, however they end."""
    if ctypes.CDLL(None, use_errno=True).unshare(0x00020000) != 0:  # CLONE_NEWNS
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)


@contextmanager
def new_pod(port: int, database: str, postgres: Postgres = POSTGRES_15) -> Generator[Pod]:
    """A pod with an empty volume and the right Secret, gone at the end.

    Not in pytest's own directory: that is for its owner alone, and scripts run as somebody else.
    In memory where possible, because the scripts flush every file they publish.
    """
    root = own_folder("pod", MEMORY if os.access(MEMORY, os.W_OK) else Path(tempfile.gettempdir()))
    try:
        root.chmod(0o755)
        made = Pod(root, port, database, path=postgres.path, postgres=postgres)
        for directory, mode in ((made.volume, 0o770), (made.secret, 0o750), (root / "tmp", 0o700)):
            directory.mkdir()
            give(directory, POD_UID, POD_GID)
            directory.chmod(mode)
        (made.secret / "username").write_text("keeper", encoding="utf-8")
        (made.secret / "password").write_text(PASSWORD + "\n", encoding="utf-8")
        yield made
    finally:
        shutil.rmtree(root, ignore_errors=True)


SOURCE = Path(__file__).with_name("source.sql").read_text(encoding="utf-8")


def drop_databases(server: Server, prefix: str) -> None:
    """Drops every database whose name begins so."""
    for name in server.databases():
        if name.startswith(prefix):
            quoted = name.replace('"', '""')
            server.psql("postgres", f'DROP DATABASE "{quoted}" WITH (FORCE)')


def fingerprint(server: Server, database: str) -> dict[str, str]:
    """What must come back: contents by hash, counts and positions."""
    queries = {
        "customers": "SELECT md5(string_agg(c::text, ',' ORDER BY id)) FROM customers c",
        "orders": "SELECT md5(string_agg(o::text, ',' ORDER BY id)) FROM orders o",
        "measured": "SELECT count(*), sum(value)::numeric(20, 3) FROM measured",
        "odd": "SELECT md5(string_agg(t::text, ',' ORDER BY t::text))"
        r' FROM "Ödd ""schema"""."tab\tle 表" t',
        "objects": "SELECT md5(string_agg(md5(lo_get(oid)), ',' ORDER BY oid))"
        " FROM pg_largeobject_metadata",
        "sequence": "SELECT last_value FROM tickets",
        "view": "SELECT md5(string_agg(s::text, ',' ORDER BY name)) FROM spent s",
        "materialized": "SELECT count(*) FROM best",
        "constraints": "SELECT string_agg(conname, ',' ORDER BY conname) FROM pg_constraint"
        " WHERE connamespace = 'public'::regnamespace",
        "comment": "SELECT obj_description('orders'::regclass)",
    }
    return {key: server.psql(database, sql) for key, sql in queries.items()}


def rehash(backup: Path) -> None:
    """Writes SHA256SUMS anew, for tests that change a backup on purpose."""
    lines: list[str] = []
    for path in sorted(backup.rglob("*")):
        if path.is_file() and path.name != "SHA256SUMS":
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            lines.append(f"{digest}  {path.relative_to(backup)}\n")
    (backup / "SHA256SUMS").write_text("".join(lines), encoding="utf-8")


def change_manifest(backup: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Changes the facts of a manifest, as if the dump had been made from another database."""
    path = backup / "manifest.json"
    manifest: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    change(manifest["facts"])
    path.write_text(json.dumps(manifest) + "\n", encoding="utf-8")
    rehash(backup)


def clone_backup(backup: Path, name: str) -> Path:
    """A second backup that is as good as the first, under another name."""
    other = backup.parent / name
    shutil.copytree(backup, other, copy_function=shutil.copy2)
    for file in (other / "manifest.json", other / "summary"):
        text = file.read_text(encoding="utf-8").replace(backup.name, name)
        file.write_text(text, encoding="utf-8")
    plain = other / f"{backup.name}.sql.gz"
    if plain.exists():
        plain.rename(other / f"{name}.sql.gz")
    rehash(other)
    for path in (other, *other.rglob("*")):
        give(path, POD_UID, POD_GID)
    return other


def make_legacy(pod: Pod, server: Server, name: str = "backup-20240229-030405.sql.gz") -> Path:
    """A file as the older script made it: pg_dump piped into gzip."""
    path = pod.volume / name
    dump = server.client("pg_dump", "--no-owner", "--no-acl", database=pod.database)
    assert dump.returncode == 0, dump.stderr
    path.write_bytes(gzip.compress(dump.stdout.encode()))
    return path


def backends(server: Server, database: str) -> list[str]:
    """Sessions of the scripts on a database, with their states."""
    return server.psql(
        "postgres",
        "SELECT application_name || ' ' || state FROM pg_stat_activity"
        f" WHERE datname = '{database}' AND application_name ~ '^pg'",
    ).splitlines()

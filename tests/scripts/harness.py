"""A throwaway PostgreSQL 15 and a helper that runs the shipped scripts as a pod would.

The server runs from Debian's binaries on a loopback port, with passwords, under an unprivileged
user; it is stopped by its process id at the end, whatever the tests did. The scripts run under
another unprivileged user with exactly the environment of the contract and nothing else.
"""

from __future__ import annotations

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
from pathlib import Path
from typing import Any

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
BINARIES = Path("/usr/lib/postgresql/15/bin")
SERVER_UID = 65534  # nobody: initdb wants a user that has a name
POD_UID = 999
POD_GID = 999
PASSWORD = r"pa:ss\word 'ü"  # everything a password file has to escape
SYSTEM_PATH = f"{BINARIES}:/usr/bin:/bin"

# The environment of each container, as the program gives it (the names are the contract).
COMMON = ("NAMESPACE", "VOLUME_NAME", "BACKUP_DIRECTORY", "HOME", "TMPDIR")
DATABASE = (
    "DATABASE_HOST",
    "DATABASE_PORT",
    "DATABASE_NAME",
    "DATABASE_SSLMODE",
    "DATABASE_SECRET",
    "DATABASE_USER_KEY",
    "DATABASE_PASSWORD_KEY",
    "CREDENTIALS_DIRECTORY",
)
BACKUP = (
    "BACKUP_FORMAT",
    "BACKUP_COMPRESSION",
    "BACKUP_JOBS",
    "BACKUP_SCHEDULE",
    "RETENTION_DAYS",
    "RETENTION_MINIMUM",
)
CONSOLE = ("CONSOLE_COMMAND", "CONSOLE_BACKUP", "CONSOLE_OUTPUT")
RESTORE = ("RESTORE_BACKUP", "RESTORE_JOBS", "RESTORE_APPLICATIONS")


def drop_privileges(uid: int, gid: int) -> list[str]:
    """Words that put a command under another user, where the tests themselves run as root."""
    if os.geteuid() != 0:
        return []
    return ["setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups"]


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

    def psql(self, database: str, sql: str, *, user: str = "keeper", check: bool = True) -> str:
        """Runs SQL and hands back its rows, tab separated."""
        done = subprocess.run(
            [BINARIES / "psql", "-X", "-q", "-A", "-t", "-F", "\t", "-v", "ON_ERROR_STOP=1"],
            input=sql,
            text=True,
            capture_output=True,
            check=False,
            env=self.environment(user, database),
        )
        if check and done.returncode != 0:
            raise AssertionError(done.stderr)
        return done.stdout.strip()

    def environment(self, user: str, database: str) -> dict[str, str]:
        """The environment a client of the tests needs."""
        return {
            "PATH": SYSTEM_PATH,
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


@contextmanager
def running_server() -> Generator[Server]:
    """Makes a cluster, starts it, and removes both again."""
    directory = Path(tempfile.mkdtemp(prefix="pgkeep-server-"))
    process: subprocess.Popen[bytes] | None = None
    try:
        give(directory, SERVER_UID, SERVER_UID)
        as_server = drop_privileges(SERVER_UID, SERVER_UID)
        secret = directory / "password"
        secret.write_text(PASSWORD + "\n", encoding="utf-8")
        secret.chmod(0o644)
        data = directory / "data"
        subprocess.run(
            [
                *(*as_server, BINARIES / "initdb", "-D", data, "-U", "keeper"),
                *(f"--pwfile={secret}", "--auth=scram-sha-256", "--no-sync"),
                *("--encoding=UTF8", "--locale=C.UTF-8"),
            ],
            check=True,
            capture_output=True,
            cwd=directory,
            env={"PATH": SYSTEM_PATH},
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
        with log.open("wb") as output:
            process = subprocess.Popen(
                [*as_server, str(BINARIES / "postgres"), "-D", str(data)]
                + [word for key, value in options.items() for word in ("-c", f"{key}={value}")],
                stdout=output,
                stderr=output,
                cwd=directory,
                env={"PATH": SYSTEM_PATH},
            )
        server = Server(port, directory, process.pid, log)
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
        values = {
            "NAMESPACE": "shop",
            "VOLUME_NAME": "backup-pvc",
            "BACKUP_DIRECTORY": str(self.volume),
            "HOME": str(self.root / "tmp"),
            "TMPDIR": str(self.root / "tmp"),
            "DATABASE_HOST": "127.0.0.1",
            "DATABASE_PORT": str(self.port),
            "DATABASE_NAME": self.database,
            "DATABASE_SSLMODE": "prefer",
            "DATABASE_SECRET": "postgres-secret",
            "DATABASE_USER_KEY": "user-key",
            "DATABASE_PASSWORD_KEY": "password-key",
            "CREDENTIALS_DIRECTORY": str(self.secret),
            "BACKUP_FORMAT": "directory",
            "BACKUP_COMPRESSION": "auto",
            "BACKUP_JOBS": "2",
            "BACKUP_SCHEDULE": "0 2 * * *",
            "RETENTION_DAYS": "30",
            "RETENTION_MINIMUM": "7",
            "CONSOLE_COMMAND": "list",
            "CONSOLE_BACKUP": "latest",
            "CONSOLE_OUTPUT": "text",
            "RESTORE_BACKUP": "latest",
            "RESTORE_JOBS": "2",
            "RESTORE_APPLICATIONS": "deployment/shop",
        }
        values |= self.settings | overrides
        names = COMMON + {
            "backup.sh": DATABASE + BACKUP,
            "console.sh": CONSOLE,
            "restore.sh": DATABASE + RESTORE,
        }.get(script, DATABASE + BACKUP + CONSOLE + RESTORE)
        return {"PATH": self.path} | {name: values[name] for name in names}

    def start(
        self, script: str, *, code: str | None = None, **overrides: str
    ) -> subprocess.Popen[str]:
        """Starts a script in a session of its own; `code` replaces it, to test single functions."""
        command = ["bash", str(SCRIPTS / script)] if code is None else ["bash", "-c", code]
        return subprocess.Popen(
            [*drop_privileges(POD_UID, POD_GID), *command],
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
        return self.run("backup.sh", **overrides)

    def good_backup(self, **overrides: str) -> Path:
        """Runs a backup that must succeed and hands back where it lies."""
        before = set(self.names())
        result = self.backup(**overrides)
        assert result.code == 0, result.output
        (name,) = set(self.names()) - before
        return self.volume / name

    def console(
        self, command: str = "list", backup: str = "latest", output: str = "text"
    ) -> Result:
        """Runs the console."""
        return self.run(
            "console.sh", CONSOLE_COMMAND=command, CONSOLE_BACKUP=backup, CONSOLE_OUTPUT=output
        )

    def restore(self, backup: str = "latest", **overrides: str) -> Result:
        """Runs a restore."""
        return self.run("restore.sh", RESTORE_BACKUP=backup, **overrides)

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

    def listed(self) -> list[dict[str, str]]:
        """The console's list, as the tool reads it."""
        lines = self.console(output="tsv").output.splitlines()
        assert lines[0] == "#pgkeep-list 1"
        assert lines[-1].startswith("#disk ")
        return [
            dict(zip(lines[1].split("\t"), line.split("\t"), strict=True)) for line in lines[2:-1]
        ]


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


@contextmanager
def new_pod(port: int, database: str) -> Generator[Pod]:
    """A pod with an empty volume and the right Secret, gone at the end.

    Not in pytest's own directory: that is for its owner alone, and scripts run as somebody else.
    In memory where possible, because the scripts flush every file they publish.
    """
    memory = Path("/dev/shm")
    parent = memory if os.access(memory, os.W_OK) else None
    root = Path(tempfile.mkdtemp(prefix="pgkeep-pod-", dir=parent))
    try:
        root.chmod(0o755)
        made = Pod(root, port, database)
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
    path.write_text(json.dumps(manifest), encoding="utf-8")
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
    dump = subprocess.run(
        [BINARIES / "pg_dump", "--no-owner", "--no-acl"],
        check=True,
        capture_output=True,
        env=server.environment("keeper", pod.database),
    ).stdout
    path.write_bytes(gzip.compress(dump))
    return path


def backends(server: Server, database: str) -> list[str]:
    """Sessions of the scripts on a database, with their states."""
    return server.psql(
        "postgres",
        "SELECT application_name || ' ' || state FROM pg_stat_activity"
        f" WHERE datname = '{database}' AND application_name ~ '^pg'",
    ).splitlines()

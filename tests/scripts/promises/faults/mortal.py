"""A PostgreSQL server that may be killed and comes back as it was."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Generator
from contextlib import contextmanager, suppress

from tests.scripts.harness import SERVER_UID, Server, wait_until
from tests.scripts.postgres import drop_privileges
from tests.scripts.promises.faults.processes import alive, children_of, command_of


class MortalServer:
    """Wraps a server of the harness, so that it can be started again after its death."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.command = command_of(server.pid)
        self.successor: subprocess.Popen[bytes] | None = None

    @property
    def port(self) -> int:
        """Where it listens."""
        return self.server.port

    @property
    def pid(self) -> int:
        """The postmaster."""
        return self.successor.pid if self.successor else self.server.pid

    def psql(self, database: str, sql: str, *, user: str = "keeper", check: bool = True) -> str:
        """Runs SQL and hands back its rows, tab separated."""
        return self.server.psql(database, sql, user=user, check=check)

    def psql_started(self, database: str, sql: str) -> subprocess.Popen[bytes]:
        """Starts SQL that may take long; its end is the caller's business."""
        return subprocess.Popen(
            ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-c", sql],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=self.server.environment("keeper", database),
        )

    def wait_for(self, database: str, sql: str, answer: str) -> None:
        """Waits until a query gives this answer."""
        wait_until(lambda: self.psql(database, sql) == answer, 20, 0.02)

    def wait_for_lock(self, database: str) -> None:
        """Waits until somebody waits for a lock on a table."""
        waiting = (
            "SELECT count(*) > 0 FROM pg_stat_activity"
            f" WHERE datname = '{database}' AND wait_event_type = 'Lock'"
        )
        self.wait_for("postgres", waiting, "t")

    def forget(self, database: str) -> None:
        """Ends what the tests themselves have open on a database."""
        self.psql(
            database,
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            f" WHERE datname = '{database}' AND application_name = 'psql'"
            " AND pid <> pg_backend_pid()",
        )
        for name in self.psql(database, "SELECT gid FROM pg_prepared_xacts").splitlines():
            if name == database:
                self.psql(database, f"ROLLBACK PREPARED '{name}'")

    def alive(self) -> bool:
        """Does it answer?"""
        return self.psql("postgres", "SELECT 1", check=False) == "1"

    def send(self, number: signal.Signals) -> None:
        """Signals the postmaster and waits for its end, and for that of all its backends."""
        backends = self.processes()
        os.kill(self.pid, number)
        if self.successor:
            self.successor.wait(20)
        else:
            os.waitpid(self.pid, 0)  # a zombie would still own the data directory
        wait_until(lambda: not any(map(alive, backends)), 20)

    @contextmanager
    def away(self, number: signal.Signals) -> Generator[None]:
        """It is ended by this signal, and back at the end of the block."""
        self.send(number)
        try:
            yield
        finally:
            self.start()

    @contextmanager
    def listening(self, address: str, client: str) -> Generator[None]:
        """It listens on a second address as well, for one client, until the end of the block."""
        rules = self.server.directory / "data" / "pg_hba.conf"
        before = rules.read_text(encoding="utf-8")
        rules.write_text(f"{before}\nhost all all {client} scram-sha-256\n", encoding="utf-8")
        self.send(signal.SIGINT)
        self.start(f"listen_addresses=127.0.0.1,{address}")
        try:
            yield
        finally:
            rules.write_text(before, encoding="utf-8")
            self.send(signal.SIGINT)
            self.start()

    def processes(self) -> list[int]:
        """The postmaster and its children."""
        return [self.pid, *children_of(self.pid)]

    def start(self, *options: str) -> None:
        """Starts it again, on the same data and port; recovery is over when this returns."""
        with self.server.log.open("ab") as output:
            self.successor = subprocess.Popen(
                [*drop_privileges(SERVER_UID, SERVER_UID, "--pdeathsig=INT"), *self.command]
                + [word for option in options for word in ("-c", option)],
                stdout=output,
                stderr=output,
                cwd=self.server.directory,
                env={"PATH": self.server.postgres.path},
            )
        wait_until(self.alive, 20, 0.02)

    def end(self) -> None:
        """Stops the successor; the harness stops the one it started."""
        if self.successor:
            self.successor.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                self.successor.wait(20)

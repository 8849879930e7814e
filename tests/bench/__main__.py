"""How long a backup and a restore take, against the old job's `pg_dump | gzip` and `gunzip | psql`.

Only ratios of one run mean anything: both sides take turns on the same machine, server and data.
pgkeep's side does more (facts, full read, hashes, comparison, ANALYZE), which its time includes.

Usage: make bench
"""

from __future__ import annotations

import statistics
import subprocess
import time
from collections.abc import Callable

from rich.console import Console
from rich.table import Table

from tests.scripts.harness import BINARIES, Pod, Server, drop_databases, new_pod, running_server

ROUNDS = 3
DATABASE = "bench"
# About 250 MB: two tables, so that two jobs have something to do at the same time, with indexes.
DATA = """
CREATE TABLE orders AS
  SELECT n AS id, n % 5000 AS customer, md5(n::text) AS reference, now() - n * interval '1 s' AS at
  FROM generate_series(1, 1200000) AS n;
CREATE TABLE items AS
  SELECT n AS id, n % 1200000 + 1 AS ordered, repeat(md5(n::text), 2) AS description
  FROM generate_series(1, 800000) AS n;
ALTER TABLE orders ADD PRIMARY KEY (id);
ALTER TABLE items ADD PRIMARY KEY (id);
ALTER TABLE items ADD FOREIGN KEY (ordered) REFERENCES orders;
CREATE INDEX orders_customer ON orders (customer);
CREATE INDEX items_ordered ON items (ordered);
VACUUM ANALYZE;
"""


def seconds(work: Callable[[], None]) -> float:
    """Return how long something takes, in seconds."""
    begun = time.monotonic()
    work()
    return time.monotonic() - begun


class Contest:
    """The old job and pgkeep on one server and one volume."""

    def __init__(self, server: Server, pod: Pod) -> None:
        """Take the server that holds the data, and the pod that pgkeep's scripts run in."""
        self._server, self._pod = server, pod
        self._file = pod.root / "old.sql.gz"

    def _shell(self, command: str, database: str) -> None:
        environment = self._server.environment("keeper", database)
        subprocess.run(["bash", "-o", "pipefail", "-c", command], env=environment, check=True)

    def old_backup(self) -> None:
        """The old job: one process, one stream."""
        self._shell(f"{BINARIES}/pg_dump | gzip > {self._file}", DATABASE)

    def old_restore(self) -> None:
        """The old job's restore, into an empty database, as it was after its DROP SCHEMA."""
        self._shell(f"gunzip -c {self._file} | psql -Xq -v ON_ERROR_STOP=1 > /dev/null", "old")

    def backup(self) -> None:
        """Ours, with the default settings."""
        self._pod.good_backup()

    def restore(self) -> None:
        """Ours, of the latest backup over the live database."""
        result = self._pod.restore()
        if result.code != 0:
            raise SystemExit(result.output)


def main() -> None:
    """Measure and print."""
    old: dict[str, list[float]] = {"backup": [], "restore": []}
    new: dict[str, list[float]] = {"backup": [], "restore": []}
    with running_server() as server, new_pod(server.port, DATABASE) as pod:
        server.psql("postgres", f"CREATE DATABASE {DATABASE}")
        server.psql(DATABASE, DATA)
        contest = Contest(server, pod)
        for _ in range(ROUNDS):
            server.psql("postgres", "CREATE DATABASE old")
            old["backup"].append(seconds(contest.old_backup))
            new["backup"].append(seconds(contest.backup))
            old["restore"].append(seconds(contest.old_restore))
            new["restore"].append(seconds(contest.restore))
            drop_databases(server, "old")
            drop_databases(server, f"{DATABASE}_before_")
    table = Table("what", "old job (s)", "pgkeep (s)", "pgkeep / old job")
    for what in ("backup", "restore"):
        before, after = statistics.median(old[what]), statistics.median(new[what])
        table.add_row(what, f"{before:.1f}", f"{after:.1f}", f"{after / before:.2f}")
    console = Console()
    console.print(f"Medians of {ROUNDS} rounds, PostgreSQL {BINARIES.parent.name} on loopback:")
    console.print(table)


if __name__ == "__main__":
    main()

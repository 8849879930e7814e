"""Starting, finding again and ending the cluster's processes."""

import contextlib
import hashlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from cluster import cgroups, network, paths
from cluster.commands import ClusterError, tail, wait_for

# A process starts only after its number is on record: the shell waits for a word that comes once
# the record is written. If we are killed before, it reads the end of its input and is gone.
_LAUNCH = 'read -r go && echo "$$" > "$0" && exec "$@" < /dev/null'


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """One process of the cluster: how it is started and how one sees that it works."""

    name: str
    argv: tuple[str, ...]
    ready: Callable[[], bool]
    reads: tuple[Path, ...] = ()
    inside: bool = True
    limit: float = 60.0

    @property
    def log(self) -> Path:
        """Return its log file."""
        return paths.log_dir() / f"{self.name}.log"

    @property
    def fingerprint(self) -> str:
        """Return a hash of its command line and its configuration: it changes, so it restarts."""
        digest = hashlib.sha256("\0".join(self.argv).encode())
        for file in self.reads:
            digest.update(b"\0" + file.read_bytes())
        return digest.hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What is remembered of a started process; number and start time together are unique."""

    pid: int
    started: int
    boot: str
    fingerprint: str


def boot_id() -> str:
    """Return the number of this boot of the machine."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def _start_time(pid: int) -> int:
    """Return when a living process started (in ticks since boot), 0 when there is none."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return 0 if fields[0] in "ZX" else int(fields[19])


def _record_file(name: str) -> Path:
    return paths.run_dir() / f"{name}.pid.json"


def recorded() -> list[str]:
    """Return the names of all processes on record."""
    return sorted(
        file.name.removesuffix(".pid.json") for file in paths.run_dir().glob("*.pid.json")
    )


def find(name: str) -> Record | None:
    """Return the record of a process that is alive, and really the one that was started."""
    try:
        fields = cast("dict[str, str]", json.loads(_record_file(name).read_text()))
        record = Record(
            pid=int(fields["pid"]),
            started=int(fields["started"]),
            boot=fields["boot"],
            fingerprint=fields["fingerprint"],
        )
    except (FileNotFoundError, ValueError, KeyError):
        return None
    if record.boot != boot_id() or _start_time(record.pid) != record.started:
        return None
    return record


def is_current(process: Process) -> bool:
    """Say whether a process runs as it should now: same command, same namespace."""
    record = find(process.name)
    if record is None or record.fingerprint != process.fingerprint:
        return False
    if not process.inside:
        return True
    try:
        return Path(f"/proc/{record.pid}/ns/net").stat().st_ino == network.identity()
    except OSError:
        return False


def start(process: Process) -> bool:
    """Start a process unless it runs already; say whether it had to be started."""
    if is_current(process):
        return False
    stop(process.name)
    process.log.parent.mkdir(parents=True, exist_ok=True)
    if process.log.exists():  # the last run's log stays for whoever asks why it ended
        process.log.replace(process.log.with_suffix(".log.1"))
    entrance = network.enter() if process.inside else []
    words = [*entrance, *process.argv]
    with process.log.open("w") as log:
        child = subprocess.Popen(
            ["/bin/sh", "-c", _LAUNCH, str(cgroups.daemons() / "cgroup.procs"), *words],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd="/",
            start_new_session=True,
        )
    record = {
        "pid": str(child.pid),
        "started": str(_start_time(child.pid)),
        "boot": boot_id(),
        "fingerprint": process.fingerprint,
    }
    file = _record_file(process.name)
    unfinished = file.with_suffix(".unfinished")
    unfinished.write_text(json.dumps(record))
    unfinished.replace(file)
    if child.stdin is not None:
        with contextlib.suppress(BrokenPipeError), child.stdin:
            child.stdin.write(b"go\n")
    return True


def wait_until_ready(process: Process) -> None:
    """Wait until a process works, or tell which did not, and the end of its log."""

    def died() -> bool:
        return find(process.name) is None

    def why() -> str:
        what = "ended at once" if died() else f"was not ready within {process.limit:.0f} s"
        return f"{process.name} {what}; the end of {process.log}:\n{tail(process.log)}"

    wait_for(process.ready, limit=process.limit, otherwise=why, failed=died)


def stop(name: str, patience: float = 10.0) -> None:
    """End a process: asked first, made to after a while; its record goes when it is gone."""
    record = find(name)
    for sign, limit in ((signal.SIGTERM, patience), (signal.SIGKILL, 10.0)):
        if record is None:
            break
        with contextlib.suppress(ProcessLookupError):
            os.kill(record.pid, sign)
        deadline = time.monotonic() + limit
        while record is not None and time.monotonic() < deadline:
            time.sleep(0.02)
            record = find(name)
    if record is not None:
        raise ClusterError(f"{name} (process {record.pid}) cannot be ended")
    _record_file(name).unlink(missing_ok=True)

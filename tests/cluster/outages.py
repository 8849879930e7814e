"""What goes wrong with a node, its pods, their network and their disks: brought about for real.

The embedded cluster's node is this machine, so a pod's processes, its network and the disk below
its volume are in reach. Everything here is undone, also when a test dies.
"""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cluster import cgroups, paths, processes
from tests.cluster.support import Namespace

POSTGRES = 999  # user and group of the server, and of every pod's files


# --- pods as the node sees them -------------------------------------------------------------------


def first_process(pod: Mapping[str, Any]) -> int:
    """Return the process 1 of a pod's only container, by its number on the node; 0 for none."""
    uid = str(pod["metadata"]["uid"])
    for pid in cgroups.pods():
        try:
            group = Path(f"/proc/{pid}/cgroup").read_text().replace("_", "-")
            status = Path(f"/proc/{pid}/status").read_text()
            program = Path(f"/proc/{pid}/cmdline").read_text().partition("\0")[0]
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has just ended
        numbers = next(line for line in status.splitlines() if line.startswith("NSpid:")).split()
        if uid in group and numbers[-1] == "1" and program not in ("", "/pause"):
            return pid
    return 0


def kill(pid: int) -> None:
    """End a container: its process 1 takes all others with it, without a word to any."""
    os.kill(pid, signal.SIGKILL)


def is_alive(pid: int) -> bool:
    """Say whether a process runs still."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


@contextmanager
def standing_still(*pids: int, at_most: int = 30) -> Generator[None]:
    """Stop processes and let them go on afterwards; a guard does that should we be killed."""
    numbers = [str(pid) for pid in pids]
    guard = subprocess.Popen(
        ["sh", "-c", 'sleep "$0"; kill -CONT "$@"', str(at_most), *numbers], start_new_session=True
    )
    try:
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
        os.killpg(guard.pid, signal.SIGKILL)
        guard.wait()


@contextmanager
def kubelet_stopped() -> Generator[None]:
    """Stop the node's kubelet: pods run on, and nobody hears of them or can end them."""
    record = processes.find("kubelet")
    assert record is not None, "the kubelet does not run"
    with standing_still(record.pid):
        yield


# --- their network --------------------------------------------------------------------------------

# The resets that answer what the pod sends come in by its loopback.
_REFUSED = """
table ip cut {
  chain out { type filter hook output priority 0; tcp dport 5432 reject with tcp reset; }
  chain in { type filter hook input priority 0; iif != lo tcp sport 5432 reject with tcp reset; }
}
"""


@contextmanager
def cut_from_the_server(pid: int, *, silently: bool = False) -> Generator[None]:
    """Cut a pod off from every PostgreSQL: connections are reset, or nothing gets through.

    The rules are the pod's own network's, and go with it at the latest.

    Args:
        pid: A process of the pod.
        silently: Whether packets are just lost.
    """
    # The file keeps the network alive should the pod end meanwhile.
    with Path(f"/proc/{pid}/ns/net").open() as network:
        enter = ["nsenter", f"--net=/proc/self/fd/{network.fileno()}"]
        rules = _REFUSED.replace("reject with tcp reset", "drop") if silently else _REFUSED
        keep = (network.fileno(),)
        words = [*enter, "nft", "-f", "-"]
        subprocess.run(words, input=rules, text=True, check=True, pass_fds=keep)
        try:
            if not silently:  # who only waits for an answer would find it out after a minute
                words = [*enter, "ss", "--kill", "dport", "=", "5432"]
                subprocess.run(words, capture_output=True, check=False, pass_fds=keep)
            yield
        finally:
            words = [*enter, "nft", "delete", "table", "ip", "cut"]
            subprocess.run(words, check=True, pass_fds=keep)


# --- their disks ----------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Disk:
    """A small file system, which a claim of a pod is bound to."""

    path: Path

    @contextmanager
    def full(self, *, leave: int = 0) -> Generator[None]:
        """Fill it meanwhile, up to some bytes."""
        state, filler = os.statvfs(self.path), self.path / "filler"
        try:
            with filler.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, state.f_bavail * state.f_frsize - leave)
            yield
        finally:
            filler.unlink(missing_ok=True)


@contextmanager
def small_disk(where: Namespace, claim: str, size: str) -> Generator[Disk]:
    """Make a file system, and a volume on it that waits for a claim which is still to be made."""
    name = f"{where.name}-{claim}"
    # There, because the end of the cluster unmounts all that is below.
    path = Path(tempfile.mkdtemp(prefix="disk-", dir=paths.volumes_dir()))
    options = f"size={size},uid={POSTGRES},gid={POSTGRES},mode=0770"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "pgkeep", path], check=True)
    try:
        where.apply(
            {
                "apiVersion": "v1",
                "kind": "PersistentVolume",
                "metadata": {"name": name},
                "spec": {
                    "capacity": {"storage": "100Gi"},  # what the claims ask for, and more
                    "accessModes": ["ReadWriteOnce"],
                    "persistentVolumeReclaimPolicy": "Retain",
                    "storageClassName": "local-path",
                    "claimRef": {
                        "apiVersion": "v1",
                        "kind": "PersistentVolumeClaim",
                        "namespace": where.name,
                        "name": claim,
                    },
                    "hostPath": {"path": str(path)},
                },
            }
        )
        yield Disk(path=path)
    finally:
        where.kubectl("delete", "persistentvolume", name, "--wait=false")
        subprocess.run(["umount", "--lazy", path], check=True)
        path.rmdir()

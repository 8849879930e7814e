"""The cluster's control group: every process and container of the cluster is somewhere below it.

That makes an end certain: whatever was started, recorded or not, is found here. Both layouts of
Linux are served, one hierarchy (version 2) and one per controller (version 1).
"""

import contextlib
import os
import signal
import time
from pathlib import Path

from cluster import paths
from cluster.commands import ClusterError

ROOT = Path("/sys/fs/cgroup")


def _is_unified() -> bool:
    return (ROOT / "cgroup.controllers").exists()


def _hierarchies() -> list[Path]:
    """Return the top of each hierarchy that has our group, or should have it."""
    if _is_unified():
        return [ROOT]
    # cpu and cpuacct may be two names of one hierarchy: symbolic links say so.
    tops = [top for top in sorted(ROOT.iterdir()) if top.is_dir() and not top.is_symlink()]
    return [top for top in tops if (top / "cgroup.procs").exists()]


def daemons() -> Path:
    """Return the group of the cluster's own processes, in the hierarchy that we follow them by."""
    top = ROOT if _is_unified() else ROOT / "pids"
    return top / paths.cluster_name() / "daemons"


def ensure() -> None:
    """Make the groups; the kubelet puts those of its pods beside the daemons'."""
    for top in _hierarchies():
        group = top / paths.cluster_name()
        group.mkdir(exist_ok=True)
        if top.name == "cpuset" and not _is_unified():
            for file in ("cpuset.cpus", "cpuset.mems"):  # they start empty, which lets nothing run
                if not (group / file).read_text().strip():
                    (group / file).write_text((top / file).read_text())
    daemons().mkdir(exist_ok=True)


def _groups() -> list[Path]:
    """Return every group of ours, the deepest first."""
    found: list[Path] = []
    for top in _hierarchies():
        for folder, _, _ in os.walk(top / paths.cluster_name(), topdown=False):
            found.append(Path(folder))
    return found


def members(groups: list[Path] | None = None) -> set[int]:
    """Return the number of every process in our groups."""
    pids: set[int] = set()
    for group in _groups() if groups is None else groups:
        try:
            pids |= {int(line) for line in (group / "cgroup.procs").read_text().split()}
        except OSError:
            continue  # the group went away while we looked
    return pids - {0}


def pods() -> set[int]:
    """Return the number of every process in a container."""
    return members([group for group in _groups() if "kubepods" in group.parts])


def kill(limit: float = 20.0) -> None:
    """End every process in our groups: containers, their shims, and daemons nobody recorded."""
    deadline = time.monotonic() + limit
    while left := members():
        if time.monotonic() > deadline:
            raise ClusterError(f"processes {sorted(left)} of the cluster cannot be ended")
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)


def remove(limit: float = 10.0) -> None:
    """Remove the groups; the kernel may need a moment to see that one is empty."""
    deadline = time.monotonic() + limit
    while groups := _groups():
        for group in groups:
            try:
                group.rmdir()
            except FileNotFoundError:
                continue
            except OSError as error:
                if time.monotonic() > deadline:
                    raise ClusterError(f"the control group {group} cannot be removed") from error
        time.sleep(0.02)

"""Debian packages: installs what is missing and says what each is for.

The cluster runs its own containerd with its own folders and socket, so a service that Debian may
start for one of these packages is neither used nor touched.
"""

import os
import subprocess
from pathlib import Path

from cluster.commands import ClusterError, run, run_slow, say
from cluster.paths import cache_dir

REASONS = {
    "ca-certificates": "trust for the package registries",
    "containernetworking-plugins": "gives every pod its network interface",
    "containerd": "runs the pods' containers",
    "conntrack": "lets kube-proxy forget dead connections",
    "iproute2": "makes the cluster's network namespace",
    "mmdebstrap": "makes the PostgreSQL images from Debian's packages",
    "mount": "unmounts volumes when the cluster goes down",
    "nftables": "kube-proxy writes its rules with it",
    "openssl": "makes the certificates",
    "runc": "starts a container",
    "socat": "carries connections from 127.0.0.1 into the cluster",
    "util-linux": "nsenter and setpriv",
}

_APT = ("apt-get", "--option=DPkg::Lock::Timeout=300")


def _installed(names: list[str]) -> set[str]:
    """Return those of the packages that are fully installed."""
    listing = subprocess.run(
        ["dpkg-query", "--show", "--showformat", "${Package} ${db:Status-Status}\n", *names],
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    return {line.split()[0] for line in listing.splitlines() if line.endswith(" installed")}


def install() -> None:
    """Install what is missing, and nothing else."""
    if not Path("/usr/bin/apt-get").exists():
        raise ClusterError("the embedded cluster needs Debian (apt-get was not found)")
    if os.geteuid() != 0:
        raise ClusterError("the embedded cluster needs root: namespaces, mounts, containers")
    present = _installed(sorted(REASONS))
    missing = [name for name in sorted(REASONS) if name not in present]
    if not missing:
        return
    for name in missing:
        say(f"installing {name}: {REASONS[name]}")
    apt(missing)


def apt(names: list[str]) -> None:
    """Install packages by name, asking nothing and starting nothing ourselves."""
    if run(["dpkg", "--audit"]):
        _slowly("finishing an interrupted installation", "dpkg", "--configure", "-a")
    update()
    _slowly("installing packages", *_APT, "--yes", "--no-install-recommends", "install", *names)


def update() -> None:
    """Read the lists of what the machine's mirrors have."""
    _slowly("reading the package lists", *_APT, "update")


def _slowly(doing: str, *command: str) -> None:
    """Run apt or dpkg to its end even if we are killed: half an installation is a nuisance."""
    run_slow(
        command,
        doing=doing,
        log=cache_dir() / "log" / "apt.log",
        env={"DEBIAN_FRONTEND": "noninteractive", "NEEDRESTART_SUSPEND": "1"},
        outlives=True,
    )

"""Where things lie: what is kept between clusters (cache) and what a cluster is (state)."""

import hashlib
import os
from pathlib import Path

SOURCE = Path(__file__).resolve().parent
DEFAULT_STATE = Path("/var/lib/pgkeep-cluster")


def cache_dir() -> Path:
    """Return the folder of built programs and images, outside the checkout: clones share it."""
    if chosen := os.environ.get("PGKEEP_CACHE"):
        return Path(chosen).absolute()
    if base := os.environ.get("XDG_CACHE_HOME"):
        return Path(base).absolute() / "pgkeep"
    return Path.home() / ".cache" / "pgkeep"


def state_dir() -> Path:
    """Return the folder that holds everything of the running cluster and goes with it."""
    return Path(os.environ.get("PGKEEP_CLUSTER_DIR") or DEFAULT_STATE).absolute()


def run_dir() -> Path:
    """Return the part of the state that a reboot makes worthless: sockets, pids, mounts."""
    return state_dir() / "run"


def log_dir() -> Path:
    """Return the folder with one log file a process."""
    return state_dir() / "log"


def kubeconfig_path() -> Path:
    """Return the administrator's kubeconfig; it exists while the cluster does."""
    return state_dir() / "admin.kubeconfig"


def kubectl_path() -> Path:
    """Return the stable path of kubectl; it exists after the first build."""
    return cache_dir() / "bin" / "kubectl"


def containerd_socket() -> Path:
    """Return the socket of the cluster's own containerd."""
    return run_dir() / "containerd.sock"


def volumes_dir() -> Path:
    """Return the folder under which the local-path class makes its volumes."""
    return state_dir() / "volumes"


def cluster_name() -> str:
    """Return the name of the network namespace and the cgroup.

    A cluster in another state folder gets another name, so two can run side by side.
    """
    if state_dir() == DEFAULT_STATE:
        return "pgkeep"
    return "pgkeep-" + hashlib.sha256(str(state_dir()).encode()).hexdigest()[:6]

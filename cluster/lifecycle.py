"""Bringing the cluster up from any state, and taking it down from any state."""

import contextlib
import fcntl
import json
import os
import socket
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import cast

from cluster import (
    api,
    binaries,
    certificates,
    cgroups,
    containers,
    images,
    kubernetes,
    network,
    objects,
    packages,
    paths,
    processes,
)
from cluster.commands import ClusterError, run, say, warn, write
from cluster.processes import Process

FIRST_PORT = 16443
# The kubelet sets these for the whole machine; a machine that had others gets them back.
SYSCTLS = (
    "vm/overcommit_memory",
    "vm/panic_on_oom",
    "kernel/panic",
    "kernel/panic_on_oops",
    "kernel/keys/root_maxkeys",
    "kernel/keys/root_maxbytes",
)


@contextlib.contextmanager
def exclusive() -> Generator[None]:
    """Let one command at a time change cache or cluster; the lock goes with who holds it."""
    file = paths.cache_dir() / "cluster.lock"
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another cluster command is at work: waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def build() -> None:
    """Make programs and images; side by side, since one waits for the network at times."""
    if binaries.is_built() and images.is_built() and paths.kubectl_path().exists():
        binaries.build()
        return
    with ThreadPoolExecutor() as pool:
        compiling = pool.submit(binaries.build)
        making = pool.submit(images.build_postgres)
        compiling.result()
        images.build_pause()
        making.result()


def up() -> None:
    """Bring the cluster up: what runs as it should is left alone, what does not is mended."""
    packages.install()
    build()
    _finish_removal()
    _drop_what_cannot_live()
    for folder in (paths.state_dir(), paths.run_dir(), paths.log_dir()):
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o711 if folder == paths.state_dir() else 0o700)
    paths.volumes_dir().mkdir(exist_ok=True)
    paths.volumes_dir().chmod(0o711)
    network.ensure()
    cgroups.ensure()
    port = _port()
    certificates.ensure(port)
    _remember_sysctls()

    changed = _bring_up(kubernetes.etcd(), containers.process())
    with ThreadPoolExecutor() as pool:
        importing = pool.submit(containers.import_images)  # meanwhile the control plane starts
        changed |= _bring_up(kubernetes.apiserver())
        changed |= _bring_up(kubernetes.forwarder(port))
        changed |= _bring_up(kubernetes.controllers(), kubernetes.scheduler())
        objects.apply(again=changed)
        importing.result()
    changed |= _bring_up(kubernetes.kubelet(), kubernetes.coredns(), kubernetes.local_path())
    changed |= _bring_up(kubernetes.proxy())  # it gives up when its node appears after it
    say("the cluster runs" if changed else "the cluster runs already")
    print(f"export KUBECONFIG={paths.kubeconfig_path()}", flush=True)


def _bring_up(*wanted: Process) -> bool:
    """Start some processes side by side, wait for each; say whether any had to be started."""
    changed = False
    for process in [process for process in wanted if processes.start(process)]:
        changed = True
        say(f"{process.name} started")
    for process in wanted:
        if changed or not process.ready():
            processes.wait_until_ready(process)
            say(f"{process.name} ready")
    return changed


def _port() -> int:
    """Return the API server's port on this machine's loopback, chosen once."""
    file = paths.state_dir() / "port"
    if file.exists() and (text := file.read_text().strip()).isdigit():
        return int(text)
    for port in range(FIRST_PORT, FIRST_PORT + 100):
        with socket.socket() as candidate:
            candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                candidate.bind(("127.0.0.1", port))
            except OSError:
                continue
            write(file, f"{port}\n")
            return port
    raise ClusterError(f"no free port between {FIRST_PORT} and {FIRST_PORT + 99} on 127.0.0.1")


def _drop_what_cannot_live() -> None:
    """End containers that lost their network, drop what a reboot made worthless; keep the data.

    Afterwards containerd finds its containers gone and the kubelet makes every pod's anew.
    """
    file = paths.state_dir() / "boot"
    rebooted = file.exists() and file.read_text() != processes.boot_id()
    if paths.run_dir().exists() and (rebooted or not network.identity()):
        why = "the machine was restarted" if rebooted else "the cluster lost its network"
        say(f"{why}: starting from what lies on disk")
        _end_everything()
        containers.forget_outside()
        run(["rm", "-rf", "--one-file-system", paths.run_dir()])
    write(file, processes.boot_id())


def _end_everything() -> None:
    """End every process and container, unmount what they left; the kubelet goes first.

    In that order nobody starts anew what is about to end. Nothing is asked to save its work: a
    kill is what etcd's and PostgreSQL's logs are made for.
    """
    for name in sorted(processes.recorded(), key=lambda name: name != "kubelet"):
        processes.stop(name, patience=0)
    cgroups.kill()
    _unmount()


def _remember_sysctls() -> None:
    """Write down the machine's settings before a kubelet changes them."""
    file = paths.state_dir() / "sysctls.json"
    if not file.exists():
        known = {name: Path("/proc/sys", name) for name in SYSCTLS}
        values = {name: at.read_text().strip() for name, at in known.items() if at.exists()}
        write(file, json.dumps(values))


def _restore_sysctls() -> None:
    """Give the machine its settings back."""
    file = paths.state_dir() / "sysctls.json"
    if file.exists():
        for name, value in cast("dict[str, str]", json.loads(file.read_text())).items():
            with contextlib.suppress(OSError):
                Path("/proc/sys", name).write_text(value)


def down() -> None:
    """Take the cluster down and remove all of it, in an order that can be stopped and repeated."""
    traces = (paths.state_dir(), _doomed(), network.namespace(), cgroups.daemons().parent)
    if not any(trace.exists() for trace in traces):
        say("there is no cluster")
        return
    _end_everything()
    say("processes and containers ended")
    containers.forget_outside()
    network.remove()
    cgroups.remove()
    _restore_sysctls()
    left = [str(mount) for mount in _mounts()]
    if left:
        raise ClusterError(f"still mounted, so nothing is deleted: {', '.join(left)}")
    _finish_removal()
    if paths.state_dir().exists():
        paths.state_dir().rename(_doomed())
        _finish_removal()
    say("network, mounts, control groups and files removed; the cache is kept")


def _doomed() -> Path:
    """Return the name that a state folder gets before it is deleted.

    Deleting takes seconds and may be cut short; a state without half of its files must not be
    taken for a cluster that can be mended.
    """
    return paths.state_dir().with_name(f"{paths.state_dir().name}.removing")


def _finish_removal() -> None:
    """Delete what an earlier or this end of the cluster has put aside."""
    if _doomed().exists():
        run(["rm", "-rf", "--one-file-system", _doomed()])


def _mounts() -> list[Path]:
    """Return every mount under the state folder, the latest first."""
    found: list[Path] = []
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        point = line.split()[4].encode().decode("unicode_escape")  # a blank is written \\040
        if Path(point).is_relative_to(paths.state_dir()):
            found.append(Path(point))
    return found[::-1]


def _unmount() -> None:
    """Unmount everything under the state folder."""
    for point in _mounts():
        run(["umount", "--lazy", point])


def status() -> int:
    """Tell what runs and how to look at it; 0 only when the node takes pods."""
    known = processes.recorded()
    if not known:
        print("no cluster; start one with: python3 -m cluster up")
        return 1
    dead = [name for name in known if processes.find(name) is None]
    for name in known:
        record = processes.find(name)
        state = f"process {record.pid}" if record else "DEAD"
        print(f"{name:24} {state:16} {paths.log_dir() / name}.log")
    ready = api.node_is_ready()
    print(f"{'node ' + api.NODE:24} {'Ready' if ready else 'NOT READY'}")
    print(f"{'containers':24} {len(cgroups.pods())} processes in {paths.state_dir()}")
    print(f"export KUBECONFIG={paths.kubeconfig_path()}")
    if ready and not dead:
        return 0
    warn("mend it with: python3 -m cluster up")
    return 1


def require_root() -> None:
    """Refuse early and clearly what only root can do."""
    if os.geteuid() != 0:
        raise ClusterError("the embedded cluster needs root: namespaces, mounts, containers")

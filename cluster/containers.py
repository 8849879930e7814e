"""The cluster's own containerd: its configuration, its images, and the traces it leaves outside."""

import contextlib
import json
from pathlib import Path
from typing import cast

from cluster import images, network, paths
from cluster.commands import run, say, succeeds, write
from cluster.processes import Process

CNI_PROGRAMS = Path("/usr/lib/cni")
CNI_NETWORK = "pgkeep"
_CAP_SYS_RESOURCE = 24


def _may_lower_oom_score() -> bool:
    """Say whether this machine's root may make a process less likely to be killed."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapEff:"):
            return bool(int(line.split()[1], 16) >> _CAP_SYS_RESOURCE & 1)
    return False


def _config() -> str:
    """Return containerd's configuration: everything below our own folders."""
    run_dir = paths.run_dir()
    cri = 'plugins."io.containerd.grpc.v1.cri"'
    return f"""version = 2
root = "{paths.state_dir()}/containerd"
state = "{run_dir}/containerd"
disabled_plugins = [
  "io.containerd.snapshotter.v1.aufs",
  "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.zfs",
  "io.containerd.internal.v1.restart",
]

[grpc]
address = "{paths.containerd_socket()}"

[plugins."io.containerd.internal.v1.opt"]
path = "{paths.state_dir()}/containerd/opt"

[{cri}]
sandbox_image = "{images.PAUSE_IMAGE}"
restrict_oom_score_adj = {str(not _may_lower_oom_score()).lower()}
netns_mounts_under_state_dir = true

[{cri}.cni]
bin_dir = "{CNI_PROGRAMS}"
conf_dir = "{paths.state_dir()}/cni"

[{cri}.containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"

[{cri}.containerd.runtimes.runc.options]
Root = "{run_dir}/runc"
SystemdCgroup = false
"""


def _cni() -> str:
    """Return how a pod gets its interface: a pair to itself, routed, so no bridge is needed."""
    subnet = network.POD_RANGE.replace(".0.0/16", ".0.0/24")
    return json.dumps(
        {
            "cniVersion": "0.4.0",
            "name": CNI_NETWORK,
            "plugins": [
                {
                    "type": "ptp",
                    "ipMasq": False,
                    "ipam": {
                        "type": "host-local",
                        "ranges": [[{"subnet": subnet}]],
                        "routes": [{"dst": "0.0.0.0/0"}],
                        "dataDir": f"{paths.run_dir()}/addresses",
                    },
                }
            ],
        },
        indent=2,
    )


def process() -> Process:
    """Write the configuration, return the process."""
    config = paths.state_dir() / "containerd.toml"
    network_config = paths.state_dir() / "cni" / "10-pgkeep.conflist"
    write(config, _config())
    write(network_config, _cni())
    return Process(
        name="containerd",
        argv=("/usr/bin/containerd", "--config", str(config)),
        reads=(config, network_config),
        ready=_answers,
    )


def _ctr(*words: str | Path) -> str:
    return run(["ctr", "--address", paths.containerd_socket(), "--namespace", "k8s.io", *words])


def _answers() -> bool:
    """Say whether containerd takes requests."""
    return paths.containerd_socket().exists() and succeeds(
        ["ctr", "--address", paths.containerd_socket(), "--timeout", "2s", "version"]
    )


def import_images() -> None:
    """Give containerd the images it does not have, or has from an older recipe."""
    known = set(_ctr("images", "list", "--quiet").split())
    for name, archive in images.archives().items():
        mark = paths.state_dir() / "images" / name.replace("/", "_")
        if name in known and mark.exists() and mark.read_text() == archive.name:
            continue
        _ctr("images", "import", archive)
        write(mark, archive.name)
        say(f"image {name}")


def addresses_of_shims() -> list[Path]:
    """Return the sockets that containers' shims made in a folder all containerds share."""
    sockets: list[Path] = []
    for file in (paths.run_dir() / "containerd").glob("io.containerd.runtime.v2.task/*/*/address"):
        sockets.append(Path(file.read_text().strip().removeprefix("unix://")))
    return sockets


def forget_outside() -> None:
    """Remove what containerd's parts keep outside the state folder, ours only."""
    for socket in addresses_of_shims():
        socket.unlink(missing_ok=True)
    for result in Path("/var/lib/cni/results").glob("*"):
        with contextlib.suppress(OSError, ValueError):
            kept = cast("dict[str, str]", json.loads(result.read_text()))
            if kept.get("netns", "").startswith(f"{paths.run_dir()}/"):
                result.unlink()
    for link in Path("/var/log/containers").glob("*"):
        if link.is_symlink() and str(link.readlink()).startswith(f"{paths.state_dir()}/"):
            link.unlink()
    for folder in (
        "/run/containerd/s",
        "/run/containerd",
        "/var/lib/cni/results",
        "/var/lib/cni",
        "/var/log/containers",
        "/var/lib/kubelet/device-plugins",
        "/var/lib/kubelet",
    ):
        with contextlib.suppress(OSError):  # not there, or somebody else uses it
            Path(folder).rmdir()

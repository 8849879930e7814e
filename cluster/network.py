"""The cluster's own network namespace: nothing in it reaches the machine's network, or beyond."""

import ctypes
import os
import socket
import ssl
import threading
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path

from cluster import paths
from cluster.commands import run, succeeds

NODE_ADDRESS = "10.222.0.2"
POD_RANGE = "10.244.0.0/16"
SERVICE_RANGE = "10.96.0.0/16"
SERVICE_KUBERNETES = "10.96.0.1"
SERVICE_DNS = "10.96.0.10"

_CLONE_NEWNET = 0x40000000


def namespace() -> Path:
    """Return the file that stands for the namespace."""
    return Path("/run/netns") / paths.cluster_name()


def enter() -> list[str]:
    """Return the words that run a command inside.

    Not 'ip netns exec', which mounts /sys anew and so hides the control groups.
    """
    return ["nsenter", f"--net={namespace()}", "--"]


def identity() -> int:
    """Return the namespace's number, 0 when there is none (or a file that a reboot left)."""
    try:
        file, folder = namespace().stat(), namespace().parent.stat()
        return file.st_ino if file.st_dev != folder.st_dev else 0
    except OSError:
        return 0


def ensure() -> None:
    """Make the namespace and its uplink; each step is skipped where it is done already.

    Both ends of the veth pair stay inside: the node has an interface that carries its address and
    the service range, and there is no other side from which a packet could leave. Anything beyond
    is answered with 'unreachable' at once, where a lost packet would cost a time-out.
    """
    if not identity():
        namespace().unlink(missing_ok=True)
        run(["ip", "netns", "add", paths.cluster_name()])
    inside = enter()
    if not succeeds([*inside, "ip", "link", "show", "dev", "uplink"]):
        run([*inside, "ip", "link", "add", "uplink", "type", "veth", "peer", "name", "nowhere"])
    for device in ("lo", "nowhere", "uplink"):
        run([*inside, "ip", "link", "set", "dev", device, "up"])
    run([*inside, "ip", "address", "replace", f"{NODE_ADDRESS}/24", "dev", "uplink"])
    run([*inside, "ip", "route", "replace", SERVICE_RANGE, "dev", "uplink"])
    run([*inside, "ip", "route", "replace", "unreachable", "default"])
    run([*inside, "sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward"])


def remove() -> None:
    """Remove the namespace; its interfaces, addresses and rules go with it."""
    if identity():
        run(["umount", "--lazy", namespace()])
    namespace().unlink(missing_ok=True)


def healthy(port: int, path: str, trust: Path | None = None) -> bool:
    """Ask a process inside the namespace, on its loopback, whether it is well."""
    try:
        link = _connect(port)
    except OSError:
        return False
    try:
        if trust is None:
            client = HTTPConnection("127.0.0.1", port, timeout=5)
            client.sock = link
        else:
            client = HTTPSConnection("127.0.0.1", port, timeout=5)
            context = ssl.create_default_context(cafile=str(trust))
            client.sock = context.wrap_socket(link, server_hostname="127.0.0.1")
        client.request("GET", path)
        return client.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        link.close()


def _connect(port: int) -> socket.socket:
    """Return a connection made inside: a socket belongs to the namespace it was made in.

    A thread of its own enters the namespace and ends, so that this process never really leaves.
    """
    made: list[socket.socket] = []
    failed: list[OSError] = []

    def work() -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        try:
            handle = os.open(namespace(), os.O_RDONLY | os.O_CLOEXEC)
            try:
                if libc.setns(handle, _CLONE_NEWNET) != 0:
                    raise OSError(ctypes.get_errno(), "setns")
            finally:
                os.close(handle)
            made.append(socket.create_connection(("127.0.0.1", port), timeout=5))
        except OSError as error:
            failed.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    if failed:
        raise failed[0]
    return made[0]

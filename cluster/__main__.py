"""The embedded cluster's command line: python3 -m cluster COMMAND."""

import argparse
import sys
from collections.abc import Callable

from cluster import binaries, lifecycle, packages, paths
from cluster.commands import ClusterError, warn


def _print(text: object) -> int:
    print(text)
    return 0


def _status() -> int:
    lifecycle.require_root()
    return lifecycle.status()


def _alone(work: Callable[[], None]) -> Callable[[], int]:
    """Return a command that no other one may disturb."""

    def command() -> int:
        lifecycle.require_root()
        with lifecycle.exclusive():
            work()
        return 0

    return command


COMMANDS: dict[str, tuple[str, Callable[[], int]]] = {
    "install": ("install the Debian packages that are missing", _alone(packages.install)),
    "build": ("compile the programs and make the images that are missing", _alone(lifecycle.build)),
    "vet": ("run go vet on the programs' sources", _alone(binaries.vet)),
    "up": ("bring the cluster up, or mend it", _alone(lifecycle.up)),
    "down": ("end the cluster and remove it", _alone(lifecycle.down)),
    "status": ("tell what runs; ends with 0 when the node is Ready", _status),
    "kubeconfig": ("print the kubeconfig's path", lambda: _print(paths.kubeconfig_path())),
    "kubectl-path": ("print kubectl's path", lambda: _print(paths.kubectl_path())),
}


def main() -> int:
    """Run one command."""
    parser = argparse.ArgumentParser(prog="python3 -m cluster", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (purpose, _) in COMMANDS.items():
        commands.add_parser(name, help=purpose, description=purpose)
    chosen = parser.parse_args().command
    try:
        return COMMANDS[chosen][1]()
    except ClusterError as error:
        warn(f"cluster {chosen}: {error}")
        if chosen == "up":
            warn("run it again; if that does not help, start anew after: python3 -m cluster down")
        return 1
    except KeyboardInterrupt:
        warn(f"cluster {chosen}: stopped; run it again, or 'down'")
        return 130


if __name__ == "__main__":
    sys.exit(main())

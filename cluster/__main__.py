"""The embedded cluster's command line: python3 -m cluster COMMAND."""

import argparse
import signal
import sys
from collections.abc import Callable

from cluster import lifecycle, packages, paths
from cluster.commands import ClusterError, warn


def _print(text: object) -> int:
    print(text)
    return 0


def _end(*_: object) -> None:
    """Turn a polite request to end into an exception like any other."""
    sys.exit(143)


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
    "up": ("bring the cluster up, or mend it", _alone(lifecycle.up)),
    "down": ("end the cluster and remove it", _alone(lifecycle.down)),
    "status": ("tell what runs; ends with 0 when the node is Ready", lifecycle.status),
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
    signal.signal(signal.SIGTERM, _end)
    try:
        return COMMANDS[chosen][1]()
    except ClusterError as error:
        warn(f"cluster {chosen}: {error}")
        return 1
    except KeyboardInterrupt:
        warn(f"cluster {chosen}: stopped; run it again, or 'down'")
        return 130


if __name__ == "__main__":
    sys.exit(main())

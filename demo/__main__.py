"""Runs the main job on a real cluster, step by step: backup, accident, restore, proof.

`make demo` calls this; every step prints the command that a user would type.
"""

from __future__ import annotations

import argparse
import shutil
import sys

from rich.markup import escape

from cluster import paths
from demo import data, deploy
from demo.terminal import DemoError, Terminal

NAMESPACE = "pgkeep-demo"
REPLICAS = "2"


def main() -> int:
    """Run the whole demo; return the exit code of the process."""
    parser = argparse.ArgumentParser(prog="demo", description=__doc__)
    parser.add_argument("--context", default="", help="a context of your kubeconfig")
    context = parser.parse_args().context or None
    terminal = Terminal(
        namespace=NAMESPACE,
        kubeconfig=None if context else paths.kubeconfig_path(),
        context=context,
    )
    try:
        check_tools(terminal)
        demonstrate(terminal)
    except DemoError as error:
        terminal.say(f"\n[bold red]✗ {escape(str(error))}[/]")
        terminal.say("Run `make demo` again to go on, or `make down` to remove everything.")
        return 1
    return 0


def check_tools(terminal: Terminal) -> None:
    """Check that the demo's commands can run at all.

    Raises:
        DemoError: There is no kubectl, or no such context.
    """
    if shutil.which("kubectl", path=terminal.environment()["PATH"]) is None:
        raise DemoError("there is no kubectl on your PATH; install it, then run the demo again")
    if terminal.context:
        contexts = terminal.read(["kubectl", "config", "get-contexts", "--output=name"]).split()
        if terminal.context not in contexts:
            known = ", ".join(contexts) or "none"
            raise DemoError(f'CONTEXT "{terminal.context}" is not in your kubeconfig ({known} is)')


def demonstrate(terminal: Terminal) -> None:
    """Deploy, back up, destroy, restore and compare.

    Raises:
        DemoError: A step failed, or the data after the restore is not the data before it.
    """
    terminal.heading("Deploy the `dev` stack: volume, schedule, restore template, rights")
    deploy.namespace(terminal)
    outputs = deploy.stack(terminal)

    terminal.heading("Start PostgreSQL 17")
    deploy.credentials(terminal)
    deploy.scripts(terminal)
    deploy.database(terminal)
    data.drop_aside_databases(terminal)

    terminal.heading("Load real data: 336,776 flights from New York in 2013")
    if data.is_loaded(terminal):
        terminal.say("  the data of the last demo is still there and whole")
    else:
        data.load(terminal)
    deploy.application(terminal)
    before = data.fingerprint(terminal)
    show_fingerprint(terminal, before)

    terminal.heading("Back up")
    terminal.run(terminal.pgkeep("run-backup"))
    terminal.run(terminal.pgkeep("list-backups"))

    terminal.heading("Destroy something on purpose")
    terminal.run(
        data.psql(terminal, "--command=DROP TABLE flights CASCADE", "--command=TRUNCATE planes")
    )
    if data.is_loaded(terminal):
        raise DemoError("the accident did no harm, so a restore would prove nothing")
    terminal.say("  [red]the flights are gone, the planes are gone, the application fails[/]")

    terminal.heading("Restore: stop the application, restore beside, verify, swap, start again")
    terminal.run(terminal.pgkeep("run-restore", "latest", "--yes"))

    terminal.heading("Prove it: the same counts and hashes as before the accident")
    after = data.fingerprint(terminal)
    show_fingerprint(terminal, after)
    if after != before:
        raise DemoError("the data after the restore differs from the data before the accident")
    terminal.say("  [green]✓ every table has the rows and the hash it had before[/]")
    terminal.run(terminal.kubectl("rollout", "status", "deployment/flights-app", "--timeout=3m"))
    ready = terminal.read(
        terminal.kubectl("get", "deployment/flights-app", "-o", "jsonpath={.status.readyReplicas}")
    )
    if ready != REPLICAS:
        raise DemoError(f"the application runs with {ready or 0} replicas instead of {REPLICAS}")
    terminal.say(f"  [green]✓ the application runs again with {ready} replicas[/]")

    say_goodbye(terminal, outputs["listBackupsCommand"])


def show_fingerprint(terminal: Terminal, fingerprint: str) -> None:
    """Print a fingerprint as columns: table, rows, hash."""
    for line in fingerprint.splitlines():
        name, rows, value = line.split("|")
        terminal.say(f"  {name:<22}{int(rows):>10,} rows   hash {value}")


def say_goodbye(terminal: Terminal, list_backups: str) -> None:
    """Say what is running, how to look at it, how to go on by hand and how to end it."""
    terminal.heading("What is running now, and how to go on")
    where = f"--namespace {terminal.namespace}"
    if terminal.context:
        where = f"--context {terminal.context} {where}"
        terminal.say(f"  In your cluster, all of it in namespace {terminal.namespace}.")
    else:
        terminal.say("  A one-node Kubernetes on this machine. To look at it from your shell:")
        tools = f"$PWD/.venv/bin:{paths.kubectl_path().parent}"
        terminal.say(f"    export KUBECONFIG={terminal.kubeconfig} PATH={tools}:$PATH")
    for command in (
        f"kubectl {where} get pods,cronjobs,pvc",
        f"kubectl {where} logs -l app=postgres-backup --tail=-1",
        f"pgkeep {where} run-backup",
        f"pgkeep {where} list-backups",
        f"pgkeep {where} run-restore latest",
    ):
        terminal.say(f"    {command}")
    terminal.say("  With nothing but kubectl (the stack's output `listBackupsCommand`):")
    terminal.console.print(f"    {list_backups}", soft_wrap=True, markup=False)
    down = f"make down CONTEXT={terminal.context}" if terminal.context else "make down"
    terminal.say(f"  To remove everything the demo made: [bold]{down}[/]")


if __name__ == "__main__":
    sys.exit(main())

"""What every command needs: where to print, which cluster, what time it is."""

import contextlib
import os
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from rich.console import Console

from pgkeep.errors import PgkeepError
from pgkeep.jobs import kubectl
from pgkeep.kubernetes_api import Cluster


@dataclass(kw_only=True)
class Session:
    """One call of the tool."""

    kubeconfig: str = ""
    context: str = ""
    namespace: str = ""
    out: Console = field(default_factory=lambda: make_console(error=False))
    notes: Console = field(default_factory=lambda: make_console(error=True))
    _cluster: Cluster | None = None

    @property
    def cluster(self) -> Cluster:
        """The cluster; the kubeconfig is read at the first use.

        Raises:
            UsageError: The kubeconfig cannot be used.
        """
        if self._cluster is None:
            self._cluster = Cluster.connect(
                kubeconfig=self.kubeconfig, context=self.context, namespace=self.namespace
            )
        return self._cluster

    def now(self) -> datetime:
        """This machine's time, in UTC."""
        return datetime.now(UTC)

    def kubectl(self, *arguments: str) -> str:
        """A kubectl command for the same cluster, that can be pasted."""
        # A kubeconfig from the environment is in the user's shell, too.
        named = self.kubeconfig if self.kubeconfig != os.environ.get("KUBECONFIG") else ""
        return kubectl(self.cluster.namespace, *arguments, context=self.context, kubeconfig=named)

    def command(self, *arguments: str) -> str:
        """A command of this tool with the same global options."""
        words = ["pgkeep", *arguments]
        if self.context:
            words += ["--context", self.context]
        if self.namespace:
            words += ["--namespace", self.namespace]
        return " ".join(words)

    def say(self, text: str) -> None:
        """Tell what happens, on standard output; the text is no markup."""
        _plain(self.out, text)

    def note(self, text: str) -> None:
        """Tell what happens, on standard error, for commands whose output is data."""
        _plain(self.notes, text)

    def line(self, text: str) -> None:
        """Print a line of a log as it is: never wrapped, never coloured."""
        _plain(self.out, text)

    def done(self, text: str) -> None:
        """Tell that a step is done."""
        self.out.print("[green]✓[/green]", end=" ")
        _plain(self.out, text)

    def warn(self, text: str) -> None:
        """Tell what the user should look at."""
        self.out.print("[yellow]![/yellow]", end=" ")
        _plain(self.out, text)


class SteadyConsole(Console):
    """A console whose reader may go away.

    A closed pipe or terminal must not end a restore half-way: the output is lost, the work goes on.
    """

    def print(self, *objects: Any, **options: Any) -> None:
        """Print, or nothing at all once nobody can read it."""
        try:
            super().print(*objects, **options)
        except OSError:
            self.on_broken_pipe()

    def on_broken_pipe(self) -> None:
        """Be quiet from now on, also at the interpreter's last flush; Rich would exit."""
        self.quiet = True
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), self.file.fileno())


def make_console(*, error: bool) -> Console:
    """A console for standard output or standard error.

    Rich itself honours NO_COLOR and leaves colours out where there is no terminal. What it would
    do there, too, is to wrap at 80 columns: a pipe or a file has no width.
    """
    stream = sys.stderr if error else sys.stdout
    width = None if stream.isatty() or "COLUMNS" in os.environ else 1000
    return SteadyConsole(file=stream, highlight=False, width=width, emoji=False)


def print_error(console: Console, error: PgkeepError) -> None:
    """Print message, cause and cure."""
    console.print("[bold red]✗[/bold red]", end=" ")
    _plain(console, error.message)
    if error.cause:
        _plain(console, f"  Cause: {error.cause}")
    if error.cure:
        _plain(console, f"  Cure:  {error.cure}")


def _plain(console: Console, text: str) -> None:
    console.print(text, markup=False, highlight=False, soft_wrap=True)

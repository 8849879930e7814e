"""What every command needs: where to print, which cluster, what time it is."""

import os
from dataclasses import dataclass, field
from datetime import UTC, datetime

from rich.console import Console

from pgkeep.kube.client import Cluster
from pgkeep.terminal.console import make_console, plain
from pgkeep.terminal.kubectl import kubectl


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
        plain(self.out, text)

    def note(self, text: str) -> None:
        """Tell what happens, on standard error, for commands whose output is data."""
        plain(self.notes, text)

    def line(self, text: str) -> None:
        """Print a line of a log as it is: never wrapped, never coloured."""
        plain(self.out, text)

    def done(self, text: str) -> None:
        """Tell that a step is done."""
        self.out.print("[green]✓[/green]", end=" ")
        plain(self.out, text)

    def warn(self, text: str) -> None:
        """Tell what the user should look at."""
        self.out.print("[yellow]![/yellow]", end=" ")
        plain(self.out, text)

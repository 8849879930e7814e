"""What the demo prints and runs: headings, and commands as a user would type them."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from cluster import paths


class DemoError(Exception):
    """A step of the demo did not do what it promises; the message says which."""


@dataclass(kw_only=True)
class Terminal:
    """Prints the demo's steps and runs their commands in its namespace.

    Attributes:
        namespace: Where everything of the demo lives.
        kubeconfig: The kubeconfig every command gets, or None for the user's own.
        context: The context of the user's kubeconfig, or None for the current one.
    """

    namespace: str
    kubeconfig: Path | None
    context: str | None
    console: Console = field(default_factory=lambda: Console(highlight=False))
    _step: int = 0
    _started: float = field(default_factory=time.monotonic)

    def heading(self, title: str) -> None:
        """Print the title of the next step with the seconds since the demo began."""
        self._step += 1
        elapsed = time.monotonic() - self._started
        self.say(f"\n[bold cyan]── {self._step}. {title}[/] [dim]({elapsed:.0f} s)[/]")

    def say(self, text: str) -> None:
        """Print one line about what is going on; long ones are the terminal's to wrap."""
        self.console.print(text, soft_wrap=True)

    def environment(self) -> dict[str, str]:
        """Return the environment of the demo's commands: the user's, with our tools added."""
        # The user's own kubectl goes before the built one, which is there for machines without any.
        path = [
            str(Path(sys.executable).parent),
            os.environ.get("PATH", os.defpath),
            str(paths.kubectl_path().parent),
        ]
        environment = {**os.environ, "PATH": os.pathsep.join(path)}
        if self.kubeconfig is not None:
            environment["KUBECONFIG"] = str(self.kubeconfig)
        return environment

    def kubectl(self, *arguments: str) -> list[str]:
        """Return a kubectl command line in the demo's namespace."""
        context = ["--context", self.context] if self.context else []
        return ["kubectl", *context, "--namespace", self.namespace, *arguments]

    def pgkeep(self, *arguments: str) -> list[str]:
        """Return a pgkeep command line in the demo's namespace."""
        context = ["--context", self.context] if self.context else []
        return ["pgkeep", *context, "--namespace", self.namespace, *arguments]

    def run(self, command: Sequence[str], *, extra: Mapping[str, str] | None = None) -> None:
        """Print a command, run it with its output on the terminal.

        Raises:
            DemoError: The command failed.
        """
        self.show(command)
        result = subprocess.run(command, env={**self.environment(), **(extra or {})}, check=False)
        if result.returncode != 0:
            raise DemoError(f"{shlex.join(command)} ended with exit code {result.returncode}")

    def read(self, command: Sequence[str], *, stdin: str | None = None) -> str:
        """Run a command without printing it and return what it printed.

        Raises:
            DemoError: The command failed; the message has what it wrote to standard error.
        """
        result = subprocess.run(
            command,
            env=self.environment(),
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )
        if result.returncode != 0:
            reason = result.stderr.strip() or result.stdout.strip()
            raise DemoError(f"{shlex.join(command)} ended with {result.returncode}: {reason}")
        return result.stdout

    def show(self, command: Sequence[str]) -> None:
        """Print a command as a user would type it."""
        self.say(f"[bold green]$[/] [bold]{escape(shlex.join(command))}[/]")

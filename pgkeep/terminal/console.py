"""The consoles the tool prints on, and how an error looks on them."""

import contextlib
import os
import sys
from typing import Any

from rich.console import Console

from pgkeep.errors import PgkeepError


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
    plain(console, error.message)
    if error.cause:
        plain(console, f"  Cause: {error.cause}")
    if error.cure:
        plain(console, f"  Cure:  {error.cure}")


def plain(console: Console, text: str) -> None:
    """Print a text that is no markup, neither wrapped nor coloured."""
    console.print(text, markup=False, highlight=False, soft_wrap=True)

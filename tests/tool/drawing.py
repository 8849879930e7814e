"""Draws what a command shows, as it stands on a terminal of some width."""

import io

from rich.console import Console, RenderableType


def draw(what: RenderableType, width: int = 140) -> str:
    console = Console(file=io.StringIO(), width=width, highlight=False)
    console.print(what)
    assert isinstance(console.file, io.StringIO)
    return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines())

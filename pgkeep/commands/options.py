"""The options that several commands share, and the session behind a command's context."""

from typing import Annotated, cast

import typer

from pgkeep.session.session import Session

BackupName = Annotated[
    str, typer.Argument(metavar="NAME|latest", help="A backup's name, or latest.")
]
ExactName = Annotated[str, typer.Argument(metavar="NAME", help="A backup's name.")]
Json = Annotated[
    bool, typer.Option("--json", help="A JSON document for scripts (schemaVersion 1).")
]
StartTimeout = Annotated[
    int,
    typer.Option(
        "--start-timeout",
        min=10,
        metavar="SECONDS",
        help="How long the pod may take to start before the job is given up and deleted.",
    ),
]

# What stands before the command for the parser, users write behind it, as with kubectl.
_GLOBAL_WITH_VALUE = ("--context", "--kubeconfig", "--namespace", "-n")


def session_of(context: typer.Context) -> Session:
    """Return the session that the tool's callback has made."""
    return cast("Session", context.obj)


def global_options_first(arguments: list[str]) -> list[str]:
    """Move the global options to the front, wherever they stand (but not behind `--`)."""
    first: list[str] = []
    rest: list[str] = []
    remaining = list(arguments)
    while remaining:
        word = remaining.pop(0)
        if word == "--":
            return [*first, *rest, word, *remaining]
        if word in _GLOBAL_WITH_VALUE:
            first.append(word)
            if remaining:
                first.append(remaining.pop(0))
        elif word.startswith(tuple(f"{name}=" for name in _GLOBAL_WITH_VALUE[:3])) or (
            word.startswith("-n") and len(word) > 2
        ):
            first.append(word)
        else:
            rest.append(word)
    return first + rest

"""`pgkeep run-restore`, `resume`, `undo-restore` and `drop-aside`, as they are typed."""

from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated

import typer

from pgkeep.commands.options import BackupName, StartTimeout, session_of
from pgkeep.errors import InterruptedByUserError, UsageError
from pgkeep.restoring import drop, restore, undo
from pgkeep.restoring.downtime import RESUME
from pgkeep.restoring.request import (
    AsideRequest,
    DropRequest,
    RestoreRequest,
    Server,
    parse_at,
)
from pgkeep.restoring.workflow import Workflow
from pgkeep.session.confirmation import require_terminal
from pgkeep.session.session import Session
from pgkeep.terminal.interrupts import signals_as_interrupt

Database = Annotated[
    str, typer.Option("--database", metavar="NAME", help="Which one, where the stack has several.")
]
Host = Annotated[
    str,
    typer.Option(
        "--host",
        metavar="HOST",
        help="Another server than the stack's; the stack's database and applications are left "
        "alone.",
    ),
]
Port = Annotated[
    int | None,
    typer.Option("--port", min=1, max=65535, metavar="PORT", help="Its port, or another one."),
]
Secret = Annotated[
    str,
    typer.Option(
        "--secret",
        metavar="SECRET",
        help="User and password for it: a Secret with the same keys as the stack's.",
    ),
]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the tool."""
    app.command("run-restore")(run_restore)
    app.command("resume")(resume)
    app.command("undo-restore")(undo_restore)
    app.command("drop-aside")(drop_aside)


def run_restore(
    context: typer.Context,
    name: BackupName = "",
    at: Annotated[
        str,
        typer.Option(
            "--at", metavar="TIME", help="The newest backup at or before it: 2026-11-20T14:00Z."
        ),
    ] = "",
    database: Database = "",
    into: Annotated[
        str,
        typer.Option(
            "--into", metavar="NAME", help="As a new database beside the live one, which stays."
        ),
    ] = "",
    side: Annotated[
        str,
        typer.Option(
            "--side",
            metavar="NAME",
            help="Fill this empty database, which somebody has prepared, instead of creating one.",
        ),
    ] = "",
    table: Annotated[
        list[str] | None,
        typer.Option(
            "--table",
            metavar="SCHEMA.TABLE",
            help="Only this one, into a new schema beside the live ones; may be repeated.",
        ),
    ] = None,
    schema: Annotated[
        list[str] | None,
        typer.Option("--schema", metavar="SCHEMA", help="As --table, all of a schema."),
    ] = None,
    host: Host = "",
    port: Port = None,
    secret: Secret = "",
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Would it work? Everything up to the swap, and how long it takes. Nothing live "
            "is changed or stopped.",
        ),
    ] = False,
    allow_superuser_objects: Annotated[
        bool,
        typer.Option(
            "--allow-superuser-objects",
            help="Also what only a superuser may make, and what therefore could do anything.",
        ),
    ] = False,
    skip_safety_backup: Annotated[
        bool,
        typer.Option(
            "--skip-safety-backup",
            help="Where the live database is so broken that no backup of it can be made.",
        ),
    ] = False,
    yes: Yes = False,
    resumed: Annotated[bool, typer.Option("--resume", hidden=True)] = False,
    start_timeout: StartTimeout = 300,
) -> None:
    """Restore a backup in place of the live database, with the applications stopped meanwhile."""
    request = RestoreRequest(
        name=name,
        at=parse_at(at) if at else None,
        database=database,
        into=into,
        side=side,
        tables=tuple(table or ()),
        schemas=tuple(schema or ()),
        server=Server(host=host, port=port, secret=secret),
        dry_run=dry_run,
        allow_superuser_objects=allow_superuser_objects,
        safety_backup=not skip_safety_backup,
    )
    if resumed:
        if request != RestoreRequest():
            raise UsageError(
                "--resume finishes what was begun; nothing else can be said with it.",
                cure="pgkeep resume",
            )
        resume(context, start_timeout)
        return
    session = session_of(context)
    request.check(datetime.now(UTC))
    if not yes and not dry_run:
        require_terminal("A restore", "pgkeep run-restore …")
    with _explained(session):
        restore.run(session, request, start_seconds=start_timeout, confirmed=yes)


def resume(context: typer.Context, start_timeout: StartTimeout = 300) -> None:
    """Follow the restore or undo that was begun last, and finish what it needs."""
    session = session_of(context)
    with _explained(session):
        Workflow(session, start_seconds=start_timeout).resume()


def undo_restore(
    context: typer.Context,
    database: Database = "",
    drop_old: Annotated[bool, typer.Option("--drop-old", hidden=True)] = False,
    host: Host = "",
    port: Port = None,
    secret: Secret = "",
    yes: Yes = False,
    start_timeout: StartTimeout = 300,
) -> None:
    """Go back to the database that the last restore put aside, with the applications stopped."""
    server = Server(host=host, port=port, secret=secret)
    if drop_old:
        wanted = DropRequest(database=database, server=server, everything=True)
        _drop(context, wanted, start_timeout, confirmed=yes)
        return
    request = AsideRequest(database=database, server=server)
    request.check()
    if not yes:
        require_terminal("Undoing a restore", "pgkeep undo-restore")
    session = session_of(context)
    with _explained(session):
        undo.run(session, request, start_seconds=start_timeout, confirmed=yes)


def drop_aside(
    context: typer.Context,
    name: Annotated[
        str, typer.Argument(metavar="[NAME]", help="One of them; without it they are listed.")
    ] = "",
    everything: Annotated[bool, typer.Option("--all", help="All of them.")] = False,
    older_than_days: Annotated[
        int | None,
        typer.Option(
            "--older-than-days", min=1, max=36500, metavar="DAYS", help="Those put aside before."
        ),
    ] = None,
    database: Database = "",
    host: Host = "",
    port: Port = None,
    secret: Secret = "",
    yes: Yes = False,
    start_timeout: StartTimeout = 300,
) -> None:
    """List the databases that restores have put aside, or drop what is named: the end of undo."""
    request = DropRequest(
        database=database,
        server=Server(host=host, port=port, secret=secret),
        name=name,
        everything=everything,
        older_than_days=older_than_days,
    )
    _drop(context, request, start_timeout, confirmed=yes)


def _drop(
    context: typer.Context, request: DropRequest, start_timeout: int, *, confirmed: bool
) -> None:
    request.check()
    if request.which and not confirmed:
        require_terminal("Dropping what was put aside", "pgkeep drop-aside …")
    session = session_of(context)
    with _explained(session):
        drop.run(session, request, start_seconds=start_timeout, confirmed=confirmed)


@contextmanager
def _explained(session: Session) -> Generator[None]:
    """Say after a Ctrl-C that came between two steps how to finish."""
    with signals_as_interrupt():
        try:
            yield
        except KeyboardInterrupt:
            raise InterruptedByUserError(
                "Interrupted.",
                cure="Should an application be left stopped, this starts it: "
                f"{session.command(*RESUME)}",
            ) from None

"""`pgkeep list-backups`, `show` and `verify`: what lies on the volume, through the console Job."""

import json
from typing import Annotated

import typer

from pgkeep.catalog import tables
from pgkeep.catalog.console import ALL, failure, read_list, read_show, require_exists, run_console
from pgkeep.catalog.details import details
from pgkeep.commands.options import BackupName, Json, session_of
from pgkeep.errors import UsageError


def register(app: typer.Typer) -> None:
    """Add the commands to the tool."""
    app.command("list-backups")(list_backups)
    app.command("show")(show)
    app.command("verify")(verify)


def list_backups(context: typer.Context, as_json: Json = False) -> None:
    """List all backups, newest first, and the room they take."""
    session = session_of(context)
    if not as_json:
        session.note(f"Reading the backups of namespace {session.cluster.namespace} …")
    listing = read_list(session)
    if as_json:
        document = tables.list_document(listing, session.cluster.namespace, session.now())
        session.line(json.dumps(document, indent=2))
        return
    if not listing.backups:
        session.say(f"No backups yet. Make one: {session.command('run-backup')}")
        return
    session.out.print(tables.backup_table(listing, session.now(), session.out))
    for line in tables.latest_lines(listing, session.now()):
        session.say(line)
    session.say(tables.disk_line(listing))
    for warning in tables.warnings(listing.backups, session.command):
        session.warn(warning)


def show(context: typer.Context, name: BackupName, as_json: Json = False) -> None:
    """Show one backup in detail."""
    session = session_of(context)
    backup = read_show(session, name)
    if as_json:
        session.line(json.dumps(tables.show_document(backup, session.cluster.namespace), indent=2))
    else:
        session.out.print(details(backup, session.now()))


def verify(
    context: typer.Context,
    name: Annotated[
        str, typer.Argument(metavar="[NAME|latest]", help="A backup's name, or latest.")
    ] = "",
    all_backups: Annotated[bool, typer.Option("--all", help="Every backup.")] = False,
) -> None:
    """Read a backup again from start to end and compare every byte with its checksums."""
    if bool(name) == all_backups:
        raise UsageError(
            "Say which backup to verify.", cure="pgkeep verify NAME, or latest, or --all"
        )
    session = session_of(context)
    wanted = name or ALL
    answer = run_console(session, "verify", backup=wanted, output="text", on_line=session.line)
    if not answer.succeeded:
        require_exists(session, wanted)
        raise failure(answer, "The verification failed")
    session.done("Everything that was looked at is as it was when it was made.")

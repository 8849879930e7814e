"""`pgkeep prune`, `pin`, `unpin` and `acknowledge`: which backups stay, through the console Job."""

import json
from typing import Annotated

import typer

from pgkeep.catalog import prunings
from pgkeep.catalog.answers import Pruning
from pgkeep.catalog.console import ALL, LATEST, mark, read_prune
from pgkeep.commands.options import BackupName, ExactName, Json, session_of
from pgkeep.errors import InterruptedByUserError, UsageError
from pgkeep.session.confirmation import confirm, require_terminal
from pgkeep.session.session import Session
from pgkeep.terminal.words import plural


def register(app: typer.Typer) -> None:
    """Add the commands to the tool."""
    app.command("prune")(prune)
    app.command("pin")(pin)
    app.command("unpin")(unpin)
    app.command("acknowledge")(acknowledge)


def prune(
    context: typer.Context,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show what would stay and go, and why.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """Delete now what retention would delete after the next good backup."""
    if not dry_run and not yes:
        if as_json:
            raise UsageError(
                "With --json nothing can be asked.",
                cure="pgkeep prune --json --dry-run, or pgkeep prune --json --yes",
            )
        require_terminal("Deleting backups", "pgkeep prune")
    session = session_of(context)
    if as_json:
        answer = read_prune(session, dry_run=dry_run)
        document = prunings.prune_document(answer, session.cluster.namespace)
        session.line(json.dumps(document, indent=2))
        return
    session.note(f"Asking what retention would do in namespace {session.cluster.namespace} …")
    plan = read_prune(session, dry_run=True)
    if plan.decisions:
        session.out.print(prunings.decision_table(plan.decisions, session.now()))
    session.say(prunings.plan_sentence(plan))
    if dry_run or not plan.count:
        return
    if not yes:
        confirm(session, f"delete {plural(plan.count, 'backup')}")
    _prune(session, plan)


def _prune(session: Session, plan: Pruning) -> None:
    session.note("Deleting …")
    try:
        done = read_prune(session, dry_run=False)
    except KeyboardInterrupt:
        raise InterruptedByUserError(
            "Interrupted. Of what was to be deleted a part may be gone.",
            cure=f"What is left: {session.command('list-backups')}",
        ) from None
    if done.deletions:
        session.out.print(prunings.decision_table(done.deletions, session.now()))
    for line in prunings.differences(plan, done):
        session.warn(line)
    session.done(prunings.done_sentence(done))


def pin(context: typer.Context, name: BackupName) -> None:
    """Keep a backup, however old it becomes."""
    _mark(context, "pin", name)


def unpin(context: typer.Context, name: ExactName) -> None:
    """Leave a pinned backup to retention again."""
    _mark(context, "unpin", _exact("unpin", name))


def acknowledge(context: typer.Context, name: ExactName) -> None:
    """Say that a suspicious backup is as it should be, so that retention goes on.

    The older suspicious ones of its database are acknowledged with it.
    """
    _mark(context, "acknowledge", _exact("acknowledge", name))


def _exact(command: str, name: str) -> str:
    """Refuse a word for a backup where only its name will do.

    Raises:
        UsageError: Another backup could be the latest one by now than the one that was looked at.
    """
    if name in (LATEST, ALL):
        raise UsageError(
            f"pgkeep {command} takes the name of a backup, not {name}.",
            cause=f"What {name} means may have changed since you looked.",
            cure="The names: pgkeep list-backups",
        )
    return name


def _mark(context: typer.Context, command: str, name: str) -> None:
    session = session_of(context)
    for line in mark(session, command, name):
        session.line(line)

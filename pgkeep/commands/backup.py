"""`pgkeep run-backup`."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Annotated

import typer

from pgkeep.catalog.answers import Backup
from pgkeep.catalog.console import LATEST, read_list, read_show
from pgkeep.catalog.details import details
from pgkeep.catalog.tables import backup_table, warnings
from pgkeep.commands.options import StartTimeout, session_of
from pgkeep.errors import InterruptedByUserError, JobFailedError, PgkeepError
from pgkeep.kube.client import JOBS
from pgkeep.kube.discovery import find_cronjob, with_settings
from pgkeep.kube.follow import JobFollower
from pgkeep.kube.jobs import JobResult, database_names, job_from_cronjob
from pgkeep.session.job_failures import job_failure
from pgkeep.session.session import Session
from pgkeep.terminal.words import duration


def register(app: typer.Typer) -> None:
    """Add the command to the tool."""
    app.command("run-backup")(run_backup)


def run_backup(
    context: typer.Context,
    start_timeout: StartTimeout = 300,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Only the result, not the log.")
    ] = False,
) -> None:
    """Make a backup now, follow its log and show the result."""
    session = session_of(context)
    cronjob = with_settings(session.cluster, find_cronjob(session.cluster, "backup"))
    created = session.cluster.create(JOBS, job_from_cronjob(cronjob))
    name = str(created["metadata"]["name"])
    session.say(f"Started job/{name} in namespace {session.cluster.namespace}.")
    follower = JobFollower(
        session.cluster,
        name,
        on_line=(lambda _: None) if quiet else session.line,
        on_notice=session.warn,
        start_seconds=start_timeout,
    )
    try:
        result = follower.run()
    except KeyboardInterrupt:
        raise InterruptedByUserError(
            f"No longer following; the backup goes on in the cluster as job/{name}.",
            cure=f"Follow it: {session.kubectl('logs', '--follow', f'job/{name}')}",
        ) from None
    except JobFailedError:
        raise
    except PgkeepError as error:
        session.warn(f"job/{name} goes on in the cluster without being followed.")
        raise error
    if not result.succeeded:
        raise job_failure(session, result, "The backup failed")
    session.done(f"The backup succeeded in {duration(result.seconds)} (job/{name}).")
    if len(database_names(cronjob)) > 1:
        _show_results(session, result)
    else:
        _show_result(session, result)


def _show_result(session: Session, result: JobResult) -> None:
    """Show what lies on the volume now. The backup is good even where this cannot be read."""
    try:
        backup = read_show(session, LATEST)
    except PgkeepError as error:
        session.warn(f"Its details could not be read: {error.message}")
        return
    if _older(backup, result):
        session.warn(f"The latest backup is {backup.name}, which is older than this run.")
        return
    session.out.print(details(backup, session.now()))
    _warn(session, [backup])


def _show_results(session: Session, result: JobResult) -> None:
    """Show the backups of all databases that this run has made, as `_show_result`."""
    try:
        listing = read_list(session)
    except PgkeepError as error:
        session.warn(f"The list could not be read: {error.message}")
        return
    made = tuple(backup for backup in listing.backups if not _older(backup, result))
    session.out.print(
        backup_table(replace(listing, backups=made), session.now(), session.out),
    )
    _warn(session, made)


def _older(backup: Backup, result: JobResult) -> bool:
    # Both clocks are the cluster's; a second of rounding each.
    return bool(result.started and backup.created < result.started - timedelta(seconds=2))


def _warn(session: Session, backups: Sequence[Backup]) -> None:
    for text in warnings(backups, session.command):
        session.warn(text)

"""Asks the console Job: starts it with overridden variables, reads what it prints, removes it."""

import contextlib
from collections.abc import Callable

from pgkeep.catalog.answers import Backup, Listing, Pruning, parse_list, parse_prune, parse_show
from pgkeep.errors import JobFailedError, NotFoundError, PgkeepError
from pgkeep.kube.client import JOBS
from pgkeep.kube.discovery import find_cronjob
from pgkeep.kube.follow import JobFollower, remove_job
from pgkeep.kube.jobs import JobResult, job_from_cronjob
from pgkeep.kube.logs import diagnosis
from pgkeep.session.session import Session

LATEST = "latest"
ALL = "all"


def run_console(
    session: Session,
    command: str,
    *,
    backup: str = LATEST,
    output: str = "tsv",
    dry_run: bool = True,
    on_line: Callable[[str], None] | None = None,
) -> JobResult:
    """Run one console command to its end. The Job is deleted afterwards, whatever happens.

    Args:
        session: Where.
        command: list, show, verify, prune, pin, unpin or acknowledge.
        backup: A name, latest or all.
        output: tsv or text.
        dry_run: Whether prune only says what it would do.
        on_line: Called with every line as it comes.

    Raises:
        PgkeepError: The Job did not start, or the cluster is away. A Job that fails is a result.
    """
    cronjob = find_cronjob(session.cluster, "console")
    job = job_from_cronjob(
        cronjob,
        word=command,
        environment={
            "CONSOLE_COMMAND": command,
            "CONSOLE_BACKUP": backup,
            "CONSOLE_OUTPUT": output,
            "CONSOLE_DRY_RUN": "true" if dry_run else "false",
        },
    )
    name = str(session.cluster.create(JOBS, job)["metadata"]["name"])
    try:
        return JobFollower(
            session.cluster,
            name,
            on_line=on_line or (lambda _: None),
            on_notice=session.note,
        ).run()
    finally:
        # What matters is what went wrong before; the Job has a time to live, too.
        with contextlib.suppress(PgkeepError):
            remove_job(session.cluster, name)


def read_list(session: Session) -> Listing:
    """Return all backups.

    Raises:
        JobFailedError: The console failed.
        AnswerError: Its answer cannot be read.
        PgkeepError: As `run_console` says.
    """
    answer = run_console(session, "list")
    if not answer.succeeded:
        raise failure(answer, "The backups cannot be listed")
    return parse_list(list(answer.lines))


def read_show(session: Session, name: str) -> Backup:
    """Return the details of one backup.

    Args:
        session: Where.
        name: A name, or latest.

    Raises:
        NotFoundError: There is no such backup; the message has the names of those there are.
        JobFailedError: The console failed for another reason.
        AnswerError: Its answer cannot be read.
        PgkeepError: As `run_console` says.
    """
    answer = run_console(session, "show", backup=name)
    if answer.succeeded:
        return parse_show(list(answer.lines))
    require_exists(session, name)
    raise failure(answer, f"The details of {name} cannot be read")


def read_prune(session: Session, *, dry_run: bool) -> Pruning:
    """Ask what retention would delete, or let it delete that.

    Raises:
        JobFailedError: The console failed.
        AnswerError: Its answer cannot be read.
        PgkeepError: As `run_console` says.
    """
    answer = run_console(session, "prune", dry_run=dry_run)
    if not answer.succeeded:
        raise failure(
            answer,
            "What retention would do cannot be read" if dry_run else "The backups were not pruned",
        )
    return parse_prune(list(answer.lines), dry_run=dry_run)


def mark(session: Session, command: str, name: str) -> tuple[str, ...]:
    """Let the console note something about a backup; return what it says.

    Args:
        session: Where.
        command: pin, unpin or acknowledge.
        name: A name, or latest.

    Raises:
        NotFoundError: There is no such backup; the message has the names of those there are.
        JobFailedError: The console failed for another reason.
        PgkeepError: As `run_console` says.
    """
    answer = run_console(session, command, backup=name, output="text")
    if answer.succeeded:
        return answer.lines
    require_exists(session, name)
    raise failure(answer, f"pgkeep {command} {name} failed")


def require_exists(session: Session, name: str) -> None:
    """Find out whether a failed console run failed because there is no such backup.

    Raises:
        NotFoundError: There is none.
        PgkeepError: As `read_list` says.
    """
    listing = read_list(session)
    if name == ALL or (name == LATEST and listing.latest(session.now()) is not None):
        return
    if listing.named(name) is None:
        raise no_such_backup(session, name, listing)


def no_such_backup(session: Session, name: str, listing: Listing) -> NotFoundError:
    """Explain that a backup does not exist, with the newest of those that do.

    Args:
        session: For the commands in the message.
        name: What was asked for.
        listing: All that there are.
    """
    known = [backup.name for backup in listing.backups]
    if not known:
        return NotFoundError(
            f"No backups yet in namespace {session.cluster.namespace}.",
            cure=f"Make one: {session.command('run-backup')}",
        )
    if name == LATEST:
        return NotFoundError(
            "None of the backups is verified, so there is no latest one.",
            cause=f"There are: {', '.join(known[:5])}.",
            cure=f"Make one: {session.command('run-backup')}",
        )
    more = f" and {len(known) - 5} more" if len(known) > 5 else ""
    return NotFoundError(
        f"There is no backup {name}.",
        cause=f"There are: {', '.join(known[:5])}{more}.",
        cure=f"All of them: {session.command('list-backups')}",
    )


def failure(answer: JobResult, message: str) -> JobFailedError:
    """Explain a failed console run by what the script said last."""
    said = diagnosis(list(answer.lines))
    if said is not None:
        return JobFailedError(f"{message}: {said.message}", cause=said.cause, cure=said.cure)
    last = [line for line in answer.lines if line.strip()][-3:]
    ended = answer.message or answer.reason
    code = "" if answer.exit_code is None else f" (exit code {answer.exit_code})"
    return JobFailedError(
        f"{message}: job/{answer.name} failed{code}.",
        cause=" / ".join(last) or ended,
    )

"""`pgkeep run-restore`: asks, stops the applications, restores, starts them again."""

import signal
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Annotated

import typer

from pgkeep import applications as apps
from pgkeep.applications import Plan
from pgkeep.backups import Backup
from pgkeep.commands.backup import job_failure
from pgkeep.confirmation import confirm, require_terminal
from pgkeep.console import LATEST, read_show
from pgkeep.discovery import component_jobs, find_cronjob
from pgkeep.errors import (
    InterruptedByUserError,
    JobFailedError,
    NotFoundError,
    PgkeepError,
    UsageError,
)
from pgkeep.follow import JobFollower
from pgkeep.humanise import plural, utc
from pgkeep.jobs import JobResult, database_names, has_ended, job_from_cronjob, result, variable
from pgkeep.kubernetes_api import JOBS
from pgkeep.objects import JsonObject
from pgkeep.options import BackupName, StartTimeout, session_of
from pgkeep.render.details import durations, restore_plan
from pgkeep.session import Session, print_error
from pgkeep.targets import latest_backup, target_database

BACKUP_VARIABLE = "RESTORE_BACKUP"


def register(app: typer.Typer) -> None:
    """Add the command to the tool."""
    app.command("run-restore")(run_restore)


def run_restore(
    context: typer.Context,
    name: BackupName = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume", help="Follow the restore that was begun last, and finish what it needs."
        ),
    ] = False,
    start_timeout: StartTimeout = 300,
) -> None:
    """Restore a backup in place of the live database, with the applications stopped meanwhile."""
    if bool(name) == resume:
        raise UsageError(
            "Say which backup to restore.",
            cure="pgkeep run-restore NAME, or latest; or --resume alone",
        )
    if not yes and not resume:
        require_terminal("A restore", "pgkeep run-restore …")
    session = session_of(context)
    with signals_as_interrupt():
        try:
            run = RestoreRun(session, start_seconds=start_timeout)
            if resume:
                run.resume()
            else:
                run.begin(name, confirmed=yes)
        except KeyboardInterrupt:
            raise InterruptedByUserError(
                "Interrupted.",
                cure="Should an application be left stopped, this starts it: "
                f"{session.command('run-restore', '--resume')}",
            ) from None


@contextmanager
def signals_as_interrupt() -> Generator[None]:
    """Treat a closed terminal or a polite kill like Ctrl-C, so that the same clean-up runs."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    numbers = (signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(number, interrupt) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


class RestoreRun:
    """One restore, from the plan to the summary."""

    def __init__(self, session: Session, *, start_seconds: float) -> None:
        """Read what the stack says; nothing is changed.

        Args:
            session: Where.
            start_seconds: How long the restore's pod may take to start.

        Raises:
            PgkeepError: There is no restore CronJob, or its applications cannot be read.
        """
        self._session = session
        self._cluster = session.cluster
        self._start_seconds = start_seconds
        self._cronjob = find_cronjob(self._cluster, "restore")
        self._applications = apps.parse_applications(
            variable(self._cronjob, "RESTORE_APPLICATIONS")
        )
        self._steps: list[tuple[str, float]] = []

    def begin(self, wanted: str, *, confirmed: bool) -> None:
        """Show, ask, stop, restore, start.

        Args:
            wanted: A backup's name, or latest.
            confirmed: Whether not to ask.

        Raises:
            NotConfirmedError: The user did not say yes.
            NotFoundError: There is no such backup, or it is of no database of this stack.
            JobFailedError: The restore failed; the applications run again.
            InterruptedByUserError: Ctrl-C; the message says what goes on and how to finish.
            PgkeepError: Anything else.
        """
        session = self._session
        self._refuse_second()
        plans = apps.look_up(self._cluster, self._applications)
        session.note(f"Reading the details of {wanted} …")
        names = database_names(self._cronjob)
        backup = latest_backup(session, names) if wanted == LATEST else read_show(session, wanted)
        if backup.status == "damaged":
            raise JobFailedError(
                f"{backup.name} is damaged and will not be restored. Nothing was changed.",
                cause="A later verification found that its files are not what they were"
                + (f": {backup.damage}" if backup.damage else "."),
                cure=f"Choose another: {session.command('list-backups')}",
            )
        self._show(backup, target_database(backup, names), plans)
        if not confirmed:
            confirm(session, "restore")
        self._refuse_second()
        session.out.print()
        stopped = self._stop(plans)
        job = self._create_job(backup, stopped)
        session.done(f"The restore of {backup.name} began as job/{job}.")
        self._finish(job, stopped)

    def resume(self) -> None:
        """Follow the newest restore Job to its end and start the applications.

        Raises:
            NotFoundError: There is neither a restore Job nor an application left stopped.
            PgkeepError: As `begin`.
        """
        plans = apps.look_up(self._cluster, self._applications)
        left = [plan for plan in plans if plan.remembered]
        found = component_jobs(self._cluster, "restore")
        running = self._running(found)
        if running is not None:
            name, backup = running["metadata"]["name"], variable(running, BACKUP_VARIABLE)
            self._session.say(f"Following job/{name}, which restores {backup}.")
            self._finish(str(name), left)
        elif left:
            self._session.say(f"No restore runs. {self._last_restore(found)}")
            self._start(left)
        else:
            raise NotFoundError(
                "There is nothing to resume: no restore runs, and no application is left stopped."
            )

    @staticmethod
    def _last_restore(found: Sequence[JsonObject]) -> str:
        """Say how the newest restore Job ended. It need not be the one that was interrupted."""
        if not found:
            return "There is no record of an earlier one."
        last = result(found[0], [], [])
        word = "succeeded" if last.succeeded else "failed"
        when = f" at {utc(last.ended)}" if last.ended else ""
        backup = variable(found[0], BACKUP_VARIABLE)
        return f"The last one, job/{last.name} of {backup}, {word}{when}."

    def _refuse_second(self) -> None:
        running = self._running(component_jobs(self._cluster, "restore"))
        if running is None:
            return
        name = running["metadata"]["name"]
        raise PgkeepError(
            f"A restore is running already: job/{name}. Nothing was changed.",
            cause=f"It restores {variable(running, BACKUP_VARIABLE) or 'a backup'}.",
            cure=f"Look at it: {self._session.kubectl('logs', '--follow', f'job/{name}')} "
            f"or finish it: {self._session.command('run-restore', '--resume')}",
        )

    @staticmethod
    def _running(found: Sequence[JsonObject]) -> JsonObject | None:
        return next((job for job in found if not has_ended(job)), None)

    def _show(self, backup: Backup, database: str, plans: Sequence[Plan]) -> None:
        host = variable(self._cronjob, "DATABASE_HOST")
        autoscalers = apps.autoscaled(self._cluster, self._applications)
        target = f"{database} on {host} (namespace {self._cluster.namespace})"
        if backup.database not in (None, database):
            target += f"; THE BACKUP IS OF DATABASE {backup.database}"
        self._session.out.print(
            restore_plan(backup, target, plans, self._session.now(), autoscalers=autoscalers)
        )

    def _stop(self, plans: Sequence[Plan]) -> list[Plan]:
        """Stop all applications; when that does not succeed, start them again.

        Returns:
            What has to be started afterwards.
        """
        concerned = [plan for plan in plans if plan.concerned]
        if not concerned:
            return []
        begun = time.monotonic()
        stopped: list[Plan] = []
        try:
            for planned in concerned:
                # Before the request: a Ctrl-C during it leaves open whether it was carried out.
                stopped.append(planned)
                stopped[-1] = apps.stop(self._cluster, planned)
            for planned in stopped:
                apps.wait_stopped(self._cluster, planned)
        except (KeyboardInterrupt, PgkeepError) as reason:
            self._session.warn("Not all applications stopped; starting them again.")
            self._start_after_failure(stopped)
            if isinstance(reason, KeyboardInterrupt):
                raise InterruptedByUserError("Interrupted. The database was not touched.") from None
            raise
        for planned in stopped:
            self._session.done(f"Stopped {planned.application}; its pods are gone.")
        self._took("stop the applications", begun)
        return stopped

    def _create_job(self, backup: Backup, stopped: Sequence[Plan]) -> str:
        try:
            job = job_from_cronjob(self._cronjob, environment={BACKUP_VARIABLE: backup.name})
            return str(self._cluster.create(JOBS, job)["metadata"]["name"])
        except (KeyboardInterrupt, PgkeepError) as reason:
            # Whether it was created is open only when the connection broke, and then it shows.
            self._session.warn("The restore did not begin.")
            self._start_after_failure(stopped)
            if isinstance(reason, KeyboardInterrupt):
                raise InterruptedByUserError("Interrupted. The database was not touched.") from None
            raise

    def _finish(self, job: str, stopped: Sequence[Plan]) -> None:
        begun = time.monotonic()
        try:
            ended = self._follow(job)
        except KeyboardInterrupt:
            raise self._left_alone(job, stopped) from None
        except JobFailedError:
            self._start_after_failure(stopped)
            raise
        except PgkeepError as error:
            left = self._left_alone(job, stopped)
            self._session.warn(f"{left.message} {left.cure}")
            raise error
        self._took("restore", begun)
        if not ended.succeeded:
            self._session.warn(
                "The restore failed. It replaces the live database only in its very last step, the "
                "swap; the log says how far it came."
            )
            self._start_after_failure(stopped)
            raise job_failure(self._session, ended, "The restore failed")
        self._session.done(f"Restored {self._restored(job)}.")
        self._start_unless_running(stopped)
        self._session.out.print(durations(self._steps))

    def _start_after_failure(self, stopped: Sequence[Plan]) -> None:
        """Start the applications; what goes wrong with that does not hide the failure before it."""
        try:
            self._start_unless_running(stopped)
        except PgkeepError as error:
            print_error(self._session.notes, error)

    def _restored(self, job: str) -> str:
        try:
            return variable(self._cluster.get(JOBS, job), BACKUP_VARIABLE)
        except PgkeepError:
            return f"by job/{job}"

    def _follow(self, job: str) -> JobResult:
        return JobFollower(
            self._cluster,
            job,
            on_line=self._session.line,
            on_notice=self._session.warn,
            start_seconds=self._start_seconds,
        ).run()

    def _left_alone(self, job: str, stopped: Sequence[Plan]) -> InterruptedByUserError:
        names = ", ".join(str(plan.application) for plan in stopped)
        stay = f" {names} stays stopped meanwhile." if names else ""
        return InterruptedByUserError(
            f"No longer following; the restore goes on in the cluster as job/{job}.{stay}",
            cure=f"Follow it and start the applications when it has ended: "
            f"{self._session.command('run-restore', '--resume')}",
        )

    def _start_unless_running(self, stopped: Sequence[Plan]) -> None:
        """Start the applications, unless another restore needs them stopped."""
        if not stopped:
            return
        running = apps.insist(lambda: self._running(component_jobs(self._cluster, "restore")))
        if running is None:
            self._start(stopped)
            return
        names = ", ".join(str(plan.application) for plan in stopped)
        self._session.warn(
            f"{names} stays stopped: job/{running['metadata']['name']} restores. Afterwards: "
            f"{self._session.command('run-restore', '--resume')}"
        )

    def _start(self, stopped: Sequence[Plan]) -> None:
        """Start all applications with the replicas they had, and wait until they are ready.

        Every one is tried, whatever happens to the others.

        Raises:
            PgkeepError: The first that went wrong.
            InterruptedByUserError: Ctrl-C; what is started and what is not is said.
        """
        begun = time.monotonic()
        wanted = [plan for plan in stopped if plan.start > 0]
        problems: list[PgkeepError] = []
        try:
            started = self._each(wanted, lambda plan: apps.start(self._cluster, plan), problems)
            ready = self._each(started, lambda plan: apps.wait_ready(self._cluster, plan), problems)
        except KeyboardInterrupt:
            raise InterruptedByUserError(
                "Interrupted while the applications were being started.",
                cure=f"Finish with: {self._session.command('run-restore', '--resume')}",
            ) from None
        for plan in ready:
            count = plural(plan.start, "replica")
            self._session.done(f"Started {plan.application}; {count} ready.")
        if wanted:
            self._took("start the applications", begun)
        if problems:
            for problem in problems[1:]:
                self._session.warn(f"{problem.message} {problem.cause}")
            raise problems[0]

    @staticmethod
    def _each(
        plans: Sequence[Plan], action: Callable[[Plan], None], problems: list[PgkeepError]
    ) -> list[Plan]:
        done: list[Plan] = []
        for plan in plans:
            try:
                action(plan)
            except PgkeepError as error:
                problems.append(error)
            else:
                done.append(plan)
        return done

    def _took(self, step: str, begun: float) -> None:
        self._steps.append((step, time.monotonic() - begun))

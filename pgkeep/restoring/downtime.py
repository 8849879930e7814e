"""The applications' part of a restore: stopped before it, started after it, whatever happens."""

from collections.abc import Callable, Sequence

from pgkeep.errors import InterruptedByUserError, PgkeepError
from pgkeep.kube.waiting import insist
from pgkeep.restoring import applications as apps
from pgkeep.restoring.applications import Application, Plan
from pgkeep.restoring.stopwatch import Stopwatch
from pgkeep.restoring.task import restore_jobs, running
from pgkeep.session.session import Session
from pgkeep.terminal.console import print_error
from pgkeep.terminal.words import plural

RESUME = ("resume",)
"""The command that finishes whatever was left, of a restore and of its undoing."""


class Downtime:
    """Stops and starts the applications of one run."""

    def __init__(self, session: Session, stopwatch: Stopwatch) -> None:
        """Prepare; nothing is changed.

        Args:
            session: Where.
            stopwatch: Told how long the steps take.
        """
        self._session = session
        self._cluster = session.cluster
        self._stopwatch = stopwatch
        self._gone: set[Application] = set()

    def stop(self, plans: Sequence[Plan]) -> list[Plan]:
        """Stop all applications; when that does not succeed, start them again.

        Returns:
            What has to be started afterwards.

        Raises:
            InterruptedByUserError: Ctrl-C.
            PgkeepError: One cannot be stopped.
        """
        concerned = [plan for plan in plans if plan.concerned]
        if not concerned:
            return []
        stopped: list[Plan] = []
        try:
            with self._stopwatch.step("stop the applications"):
                for planned in concerned:
                    # Before the request: a Ctrl-C during it leaves open whether it was carried out.
                    stopped.append(planned)
                    stopped[-1] = apps.stop(self._cluster, planned)
                for planned in stopped:
                    apps.wait_stopped(self._cluster, planned)
                    self._gone.add(planned.application)
        except (KeyboardInterrupt, PgkeepError) as reason:
            self._session.warn("Not all applications stopped; starting them again.")
            self.start_after_failure(stopped)
            if isinstance(reason, KeyboardInterrupt):
                raise InterruptedByUserError("Interrupted. The database was not touched.") from None
            raise
        for planned in stopped:
            self._session.done(f"Stopped {planned.application}; its pods are gone.")
        return stopped

    def start_after_failure(self, stopped: Sequence[Plan]) -> None:
        """Start the applications; what goes wrong with that does not hide the failure before it."""
        try:
            self.start_unless_running(stopped)
        except PgkeepError as error:
            print_error(self._session.notes, error)

    def start_unless_running(self, stopped: Sequence[Plan]) -> None:
        """Start the applications, unless another restore needs them stopped.

        Raises:
            PgkeepError: As `start`.
        """
        if not stopped:
            return
        try:
            job = insist(lambda: running(restore_jobs(self._cluster)))
        except PgkeepError:
            self._tell_left(stopped)
            raise
        if job is None:
            self.start(stopped)
            return
        names = ", ".join(str(plan.application) for plan in stopped)
        self._session.warn(
            f"{names} stays stopped: job/{job['metadata']['name']} runs. Afterwards: "
            f"{self._session.command(*RESUME)}"
        )

    def start(self, stopped: Sequence[Plan]) -> None:
        """Start all applications with the replicas they had, and wait until they are ready.

        Every one is tried, whatever happens to the others.

        Raises:
            PgkeepError: The first that went wrong.
            InterruptedByUserError: Ctrl-C; what is started and what is not is said.
        """
        wanted = [plan for plan in stopped if plan.start > 0]
        if not wanted:
            return
        problems: list[PgkeepError] = []
        try:
            with self._stopwatch.step("start the applications"):
                started = _each(wanted, self._start_one, problems)
                self._tell_left([plan for plan in wanted if plan not in started])
                _each(started, self._wait_ready, problems)
        except KeyboardInterrupt:
            raise InterruptedByUserError(
                "Interrupted while the applications were being started.",
                cure=f"Finish with: {self._session.command(*RESUME)}",
            ) from None
        if problems:
            for problem in problems[1:]:
                self._session.warn(f"{problem.message} {problem.cause}")
            raise problems[0]

    def _tell_left(self, plans: Sequence[Plan]) -> None:
        if plans:
            names = ", ".join(str(plan.application) for plan in plans)
            self._session.warn(
                f"{names} could not be started and may be stopped still. Once that is mended: "
                f"{self._session.command(*RESUME)}"
            )

    def _start_one(self, planned: Plan) -> None:
        found = apps.start(self._cluster, planned)
        was_stopped = planned.replicas == 0 or planned.application in self._gone
        if found > 0 and was_stopped:
            self._session.warn(
                f"{planned.application} was started by somebody else meanwhile "
                f"({plural(found, 'replica')}). What it wrote before the end of the restore may be "
                "in the database that was put aside."
            )

    def _wait_ready(self, planned: Plan) -> None:
        ready = apps.wait_ready(self._cluster, planned)
        self._session.done(f"Started {planned.application}; {plural(ready, 'replica')} ready.")


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

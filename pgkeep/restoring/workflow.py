"""What a restore and its undoing have in common: stop, the Job, start again.

Every step is written down in the cluster before the next one begins: the replicas on the workloads,
then the Job. So `resume` goes on from any machine, whoever was killed when.
"""

from collections.abc import Sequence

from pgkeep.errors import InterruptedByUserError, JobFailedError, NotFoundError, PgkeepError
from pgkeep.kube.client import JOBS
from pgkeep.kube.discovery import find_cronjob, with_settings
from pgkeep.kube.follow import JobFollower
from pgkeep.kube.jobs import JobResult, database_names, job_from_cronjob, knows, variable
from pgkeep.kube.objects import JsonObject
from pgkeep.restoring import applications as apps
from pgkeep.restoring.applications import Plan
from pgkeep.restoring.downtime import RESUME, Downtime
from pgkeep.restoring.report import summary
from pgkeep.restoring.screens import durations
from pgkeep.restoring.stopwatch import Stopwatch
from pgkeep.restoring.task import Task, last_one, read_task, restore_jobs, running
from pgkeep.session.job_failures import job_failure
from pgkeep.session.session import Session


class Workflow:
    """One run of it."""

    def __init__(self, session: Session, *, start_seconds: float) -> None:
        """Read what the stack says; nothing is changed.

        Args:
            session: Where.
            start_seconds: How long the Job's pod may take to start.

        Raises:
            PgkeepError: There is no restore CronJob, or its applications cannot be read.
        """
        self.session = session
        self.cluster = session.cluster
        self.cronjob = with_settings(self.cluster, find_cronjob(self.cluster, "restore"))
        self.applications = apps.parse_applications(variable(self.cronjob, "RESTORE_APPLICATIONS"))
        self.names = database_names(self.cronjob)
        self.start_seconds = start_seconds
        self._stopwatch = Stopwatch()
        self._downtime = Downtime(session, self._stopwatch)

    def refuse_second(self) -> None:
        """Let only one restore, undo or drop run at a time.

        Raises:
            PgkeepError: One is running.
        """
        job = running(restore_jobs(self.cluster))
        if job is None:
            return
        task = read_task(job, self.cronjob)
        raise PgkeepError(
            f"A restore is running already: job/{task.job}. Nothing was changed.",
            cause=f"It {task.doing}.",
            cure=f"Look at it: {self.session.kubectl('logs', '--follow', f'job/{task.job}')} "
            f"or finish it: {self.session.command(*RESUME)}",
        )

    def job(self, environment: dict[str, str], secret: str = "") -> JsonObject:
        """Build the Job; it is not created yet.

        Args:
            environment: The variables that say what it does.
            secret: The Secret of its credentials, where it is not the stack's.

        Raises:
            PgkeepError: The stack is older than the tool. Its script would not see the variable,
                and would replace the live database where only a dry run was asked for.
        """
        unknown = [
            name
            for name in environment
            if name != "RESTORE_BACKUP" and not knows(self.cronjob, name)
        ]
        if unknown:
            raise PgkeepError(
                "The stack is older than this tool and cannot do that. Nothing was changed.",
                cause=f"CronJob {self.cronjob['metadata']['name']} has no {', '.join(unknown)}.",
                cure="Bring the stack up to date: pulumi up",
            )
        return job_from_cronjob(self.cronjob, environment=environment, secret=secret)

    def left_stopped(self) -> list[Plan]:
        """The applications that an earlier run has stopped and nobody has started since."""
        return [plan for plan in apps.look_up(self.cluster, self.applications) if plan.remembered]

    def perform(self, job: JsonObject, plans: Sequence[Plan]) -> None:
        """Stop, create the Job, follow it, start.

        Args:
            job: What `job` returned.
            plans: The applications to stop; none for what leaves the live database alone.

        Raises:
            JobFailedError: The Job failed; the applications run again.
            InterruptedByUserError: Ctrl-C; the message says what goes on and how to finish.
            PgkeepError: Anything else.
        """
        self.refuse_second()
        self.session.out.print()
        stopped = self._downtime.stop(plans)
        created = self._create(job, stopped)
        task = read_task(created, self.cronjob)
        self.session.done(f"job/{task.job} began; it {task.doing}.")
        self._finish(task, stopped)

    def resume(self) -> None:
        """Follow the newest Job to its end and start the applications.

        Raises:
            NotFoundError: There is neither a Job nor an application left stopped.
            PgkeepError: As `perform`.
        """
        left = self.left_stopped()
        found = restore_jobs(self.cluster)
        job = running(found)
        if job is not None:
            task = read_task(job, self.cronjob)
            self.session.say(f"Following job/{task.job}, which {task.doing}.")
            self._finish(task, left)
        elif left:
            self.session.say(f"No restore runs. {last_one(found, self.cronjob)}")
            self._downtime.start(left)
        else:
            raise NotFoundError(
                "There is nothing to resume: no restore runs, and no application is left stopped."
            )

    def _create(self, job: JsonObject, stopped: Sequence[Plan]) -> JsonObject:
        try:
            return self.cluster.create(JOBS, job)
        except (KeyboardInterrupt, PgkeepError) as reason:
            # Whether it was created is open only when the connection broke, and then it shows.
            self.session.warn("The job did not begin.")
            self._downtime.start_after_failure(stopped)
            if isinstance(reason, KeyboardInterrupt):
                raise InterruptedByUserError("Interrupted. The database was not touched.") from None
            raise

    def _finish(self, task: Task, stopped: Sequence[Plan]) -> None:
        try:
            with self._stopwatch.step(task.step):
                ended = self._follow(task.job)
        except KeyboardInterrupt:
            raise self._left_alone(task, stopped) from None
        except JobFailedError:
            self._downtime.start_after_failure(stopped)
            raise
        except PgkeepError as error:
            left = self._left_alone(task, stopped)
            self.session.warn(f"{left.message} {left.cure}")
            raise error
        if not ended.succeeded:
            self.session.warn(task.after_failure)
            self._downtime.start_after_failure(stopped)
            raise job_failure(self.session, ended, task.failed)
        self.session.done(task.done)
        self._downtime.start_unless_running(stopped)
        self.session.out.print(durations(self._stopwatch.steps))
        for line in summary(task, ended.lines, self.session.command):
            self.session.say(line)

    def _follow(self, job: str) -> JobResult:
        return JobFollower(
            self.cluster,
            job,
            on_line=self.session.line,
            on_notice=self.session.warn,
            start_seconds=self.start_seconds,
        ).run()

    def _left_alone(self, task: Task, stopped: Sequence[Plan]) -> InterruptedByUserError:
        names = ", ".join(str(plan.application) for plan in stopped)
        stay = f" {names} stays stopped meanwhile." if names else ""
        return InterruptedByUserError(
            f"No longer following; job/{task.job} goes on in the cluster and {task.doing}.{stay}",
            cure=f"Follow it{' and start the applications when it has ended' if names else ''}: "
            f"{self.session.command(*RESUME)}",
        )

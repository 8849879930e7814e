"""Back to the database that the last restore has kept, or the end of that possibility."""

import contextlib
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field

from pgkeep.errors import NotFoundError, PgkeepError, UsageError
from pgkeep.kube.client import JOBS
from pgkeep.kube.follow import JobFollower, remove_job
from pgkeep.kube.jobs import variable
from pgkeep.restoring import applications as apps
from pgkeep.restoring import sql_names
from pgkeep.restoring.autoscalers import autoscaled
from pgkeep.restoring.kept import Kept, parse
from pgkeep.restoring.request import Server
from pgkeep.restoring.screens import drop_plan, undo_plan
from pgkeep.restoring.task import ending, read_task, restore_jobs
from pgkeep.restoring.workflow import Workflow
from pgkeep.session.confirmation import confirm
from pgkeep.session.job_failures import job_failure
from pgkeep.session.session import Session
from pgkeep.terminal.words import plural

_ACTION = ("RESTORE_ACTION", "RESTORE_DROP")


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoRequest:
    """What `undo-restore` is asked for."""

    database: str = ""
    server: Server = field(default_factory=Server)
    drop_old: bool = False

    def check(self) -> None:
        """Refuse what cannot be.

        Raises:
            UsageError: What is wrong.
        """
        if self.database:
            sql_names.database(self.database, "--database")
        self.server.check()

    def environment(self, database: str) -> dict[str, str]:
        """The variables of the Job.

        Args:
            database: Which of several databases; empty where the stack has one.
        """
        wanted = {
            "RESTORE_ACTION": "drop-old" if self.drop_old else "undo",
            "RESTORE_DATABASE": database,
            "RESTORE_DROP": "all" if self.drop_old else "",
        }
        return {
            **{name: value for name, value in wanted.items() if value},
            **self.server.environment,
        }


def run(session: Session, request: UndoRequest, *, start_seconds: float, confirmed: bool) -> None:
    """Show, ask, and carry it out.

    Args:
        session: Where.
        request: What is asked for.
        start_seconds: How long the pod may take to start.
        confirmed: Whether not to ask.

    Raises:
        UsageError: The stack has no such database, or several and none was named.
        NotFoundError: There is nothing to go back to.
        NotConfirmedError: The user did not say yes.
        JobFailedError: The undo failed; the applications run again.
        InterruptedByUserError: Ctrl-C; the message says what goes on and how to finish.
        PgkeepError: Anything else.
    """
    workflow = Workflow(session, start_seconds=start_seconds)
    workflow.refuse_second()
    database = _database(request, workflow.names)
    environment = request.environment(database if len(workflow.names) > 1 else "")
    job = workflow.job(environment, request.server.secret)
    host = request.server.host or variable(workflow.cronjob, "DATABASE_HOST")
    server = host if request.server.port is None else f"{host}:{request.server.port}"
    target = f"{database} on {server} (namespace {workflow.cluster.namespace})"
    task = read_task(job, workflow.cronjob)
    if not request.drop_old and task.replaces and _only_to_start(workflow):
        return
    kept = _read_kept(
        workflow,
        {name: value for name, value in environment.items() if name not in _ACTION},
        request.server.secret,
        start_seconds=start_seconds,
    )
    if request.drop_old:
        own = [one for one in kept if not one.foreign]
        if not own:
            session.say(f"Nothing of {database} is kept that could be dropped.")
            return
        session.out.print(drop_plan(target, kept))
        if not confirmed:
            confirm(session, f"drop {plural(len(own), 'kept database')}")
        workflow.perform(job, [])
        return
    back = next((one for one in kept if not one.foreign), None)
    if back is None:
        raise _nothing(session, database, kept)
    plans = apps.look_up(workflow.cluster, workflow.applications) if task.replaces else []
    scalers = autoscaled(workflow.cluster, workflow.applications) if plans else {}
    session.out.print(undo_plan(target, back, task, plans, scalers))
    if not confirmed:
        confirm(session, "undo the restore")
    workflow.perform(job, plans)


def _read_kept(
    workflow: Workflow, environment: dict[str, str], secret: str, *, start_seconds: float
) -> list[Kept]:
    """Return what is kept, newest first. The Job that looks is deleted, whatever happens.

    An undo that has nothing to go back to, or no connection, is found out before the applications
    are stopped for it.

    Args:
        workflow: Where.
        environment: Which database, and which server where it is not the stack's.
        secret: The Secret of the credentials, where it is not the stack's.
        start_seconds: How long the pod may take to start.

    Raises:
        JobFailedError: The server cannot be asked, or another run works on the volume.
        PgkeepError: The Job did not start, or the cluster is away.
    """
    session, cluster = workflow.session, workflow.cluster
    look = {"RESTORE_ACTION": "drop-old", "RESTORE_DROP": "all", "RESTORE_DRY_RUN": "true"}
    job = workflow.job({**environment, **look}, secret)
    session.note("Looking for what restores have kept …")
    name = str(cluster.create(JOBS, job)["metadata"]["name"])
    try:
        ended = JobFollower(
            cluster,
            name,
            on_line=lambda _: None,
            on_notice=session.note,
            start_seconds=start_seconds,
        ).run()
    finally:
        with contextlib.suppress(PgkeepError):
            remove_job(cluster, name)
    if ended.succeeded:
        return parse(ended.lines)
    raise job_failure(session, ended, "What restores have kept cannot be read", log=False)


def _nothing(session: Session, database: str, kept: Sequence[Kept]) -> NotFoundError:
    others = ", ".join(one.name for one in kept)
    return NotFoundError(
        f"There is nothing to undo: no database is kept of {database}. Nothing was changed.",
        cause=f"What is kept belongs to another owner than {database} does: {others}."
        if others
        else "No restore has replaced it, or what was kept has been dropped.",
        cure="A restore makes a safety backup before it, which can be restored by its name: "
        f"{session.command('list-backups')}",
    )


def _database(request: UndoRequest, names: Sequence[str]) -> str:
    if request.database and request.database not in names:
        raise UsageError(
            f"This stack has no database {request.database}. Nothing was changed.",
            cause=f"Its databases: {', '.join(names)}.",
        )
    if not request.database and len(names) > 1:
        raise UsageError(
            f"This stack has {len(names)} databases. Nothing was changed.",
            cause=f"They are: {', '.join(names)}.",
            cure=f"Say which: pgkeep undo-restore --database {shlex.quote(names[0])}",
        )
    return request.database or names[0]


def _only_to_start(workflow: Workflow) -> bool:
    """Finish an undo that was interrupted after its swap: undone twice, it would not be undone."""
    if not workflow.left_stopped():
        return False
    for job in restore_jobs(workflow.cluster):
        task = read_task(job, workflow.cronjob)
        if task.dry_run:
            continue  # it has changed nothing
        if task.action != "undo" or not task.replaces or not ending(job).succeeded:
            return False
        workflow.session.say(
            "The undo that was interrupted has succeeded; what is left is to start the "
            "applications. To undo once more, run the same command again afterwards."
        )
        workflow.resume()
        return True
    return False

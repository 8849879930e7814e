"""The restore: which backup, what is shown of it, and the run itself."""

from pgkeep.errors import PgkeepError
from pgkeep.kube.jobs import knows, variable
from pgkeep.restoring import applications as apps
from pgkeep.restoring.applications import Plan
from pgkeep.restoring.autoscalers import autoscaled
from pgkeep.restoring.choice import Choice, choose
from pgkeep.restoring.database_volume import Room, room
from pgkeep.restoring.downtime import RESUME
from pgkeep.restoring.request import RestoreRequest
from pgkeep.restoring.screens import RestorePlan, restore_plan
from pgkeep.restoring.task import RestoreTask, Task, last_one, read_restore, restore_jobs
from pgkeep.restoring.workflow import Workflow
from pgkeep.session.confirmation import confirm
from pgkeep.session.session import Session


def run(
    session: Session, request: RestoreRequest, *, start_seconds: float, confirmed: bool
) -> None:
    """Choose, show, ask, and carry it out.

    Args:
        session: Where.
        request: What is asked for; it makes sense in itself.
        start_seconds: How long the restore's pod may take to start.
        confirmed: Whether not to ask.

    Raises:
        UsageError: The stack has no such database, or several and none was named.
        NotConfirmedError: The user did not say yes.
        NotFoundError: There is no such backup, or it is of no database of this stack.
        JobFailedError: The backup is damaged, or the restore failed; the applications run again.
        InterruptedByUserError: Ctrl-C; the message says what goes on and how to finish.
        PgkeepError: Anything else.
    """
    workflow = Workflow(session, start_seconds=start_seconds)
    workflow.refuse_second()
    # Read before anything else: what an option means for an older stack must not be found out late.
    task = read_restore(
        workflow.job(request.environment("", request.database), request.server.secret),
        workflow.cronjob,
    )
    plans = apps.look_up(workflow.cluster, workflow.applications) if task.replaces else []
    session.note(f"Reading the details of {request.wanted} …")
    choice = choose(session, request, workflow.names)
    space = _room(workflow, request)
    _show(workflow, request, task, choice, plans, space)
    _tell_left(workflow, task)
    # It changes nothing that somebody might want back.
    if not confirmed and not request.dry_run:
        confirm(session, "restore")
    # An older stack finds it by the backup alone; in the Job it is for the command that undoes it.
    several = len(workflow.names) > 1 and (
        request.database or knows(workflow.cronjob, "RESTORE_DATABASE")
    )
    database = (request.database or choice.database) if several else ""
    environment = request.environment(choice.backup.name, database)
    if space is not None and space.free is not None:
        environment["RESTORE_FREE_BYTES"] = str(space.free)
    workflow.perform(workflow.job(environment, request.server.secret), plans)


def _room(workflow: Workflow, request: RestoreRequest) -> Room | None:
    """What is known of the room for a second copy; nothing where it is another server's business.

    A stack that is older than the setting could not be told the figure either.
    """
    if (
        request.server.host
        or request.parts
        or not knows(workflow.cronjob, "RESTORE_DATABASE_VOLUME")
    ):
        return None
    return room(workflow.cluster, variable(workflow.cronjob, "RESTORE_DATABASE_VOLUME"))


def _show(
    workflow: Workflow,
    request: RestoreRequest,
    task: RestoreTask,
    choice: Choice,
    plans: list[Plan],
    space: Room | None,
) -> None:
    host = request.server.host or variable(workflow.cronjob, "DATABASE_HOST")
    port = request.server.port
    server = host if port is None else f"{host}:{port}"
    backup = choice.backup
    other = (
        backup.database not in (None, choice.database) and not request.into and not request.parts
    )
    workflow.session.out.print(
        restore_plan(
            RestorePlan(
                backup=backup,
                database=request.into or choice.database,
                live=choice.database,
                server=server,
                namespace=workflow.cluster.namespace,
                task=task,
                room=space,
                parts=request.parts,
                at=request.at,
                passed_over=choice.passed_over,
                secret=request.server.secret,
                safety_backup=request.safety_backup,
                superuser_objects=request.allow_superuser_objects,
                other_database=(backup.database or "") if other else "",
                plans=plans,
                autoscalers=autoscaled(workflow.cluster, workflow.applications) if plans else {},
            ),
            workflow.session.now(),
        )
    )


def _tell_left(workflow: Workflow, task: Task) -> None:
    """Say that applications are stopped from before; a run of its own may not be what is needed."""
    try:
        left = workflow.left_stopped()
        found = restore_jobs(workflow.cluster) if left else []
    except PgkeepError:
        return  # what leaves the applications alone does not fail for them
    if not left:
        return
    names = ", ".join(str(plan.application) for plan in left)
    then = "it is started after this one" if task.replaces else "this run leaves it so"
    workflow.session.warn(
        f"{names} is stopped by an earlier run; {then}. {last_one(found, workflow.cronjob)} To "
        f"start it without another restore: {workflow.session.command(*RESUME)}"
    )

"""Back to the database that the last restore has put aside."""

from collections.abc import Sequence

from pgkeep.errors import NotFoundError
from pgkeep.restoring import applications as apps
from pgkeep.restoring.aside import Aside
from pgkeep.restoring.autoscalers import autoscaled
from pgkeep.restoring.place import Place
from pgkeep.restoring.request import AsideRequest
from pgkeep.restoring.screens import undo_plan
from pgkeep.restoring.task import UndoTask, ending, read_task, restore_jobs
from pgkeep.restoring.workflow import Workflow
from pgkeep.session.confirmation import confirm
from pgkeep.session.session import Session


def run(session: Session, request: AsideRequest, *, start_seconds: float, confirmed: bool) -> None:
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
    place = Place(workflow, request, "undo-restore")
    job = place.job("undo")
    task = read_task(job, workflow.cronjob)
    if task.replaces and _only_to_start(workflow):
        return
    asides = place.look()
    back = next((one for one in asides if one.ours), None)
    if back is None:
        raise _nothing(session, place.database, asides)
    plans = apps.look_up(workflow.cluster, workflow.applications) if task.replaces else []
    scalers = autoscaled(workflow.cluster, workflow.applications) if plans else {}
    session.out.print(undo_plan(place.words, back, task, plans, scalers))
    if not confirmed:
        confirm(session, "undo the restore")
    workflow.perform(job, plans)


def _nothing(session: Session, database: str, asides: Sequence[Aside]) -> NotFoundError:
    others = ", ".join(one.name for one in asides)
    return NotFoundError(
        f"There is nothing to undo: no database of {database} is put aside. Nothing was changed.",
        cause=f"What is put aside belongs to another owner than {database} does: {others}."
        if others
        else "No restore has replaced it, or what was put aside has been dropped.",
        cure="A restore makes a safety backup before it, which can be restored by its name: "
        f"{session.command('list-backups')}",
    )


def _only_to_start(workflow: Workflow) -> bool:
    """Finish an undo that was interrupted after its swap: undone twice, it would not be undone."""
    if not workflow.left_stopped():
        return False
    for job in restore_jobs(workflow.cluster):
        task = read_task(job, workflow.cronjob)
        if not task.changes:
            continue
        if not (isinstance(task, UndoTask) and task.replaces and ending(job).succeeded):
            return False
        workflow.session.say(
            "The undo that was interrupted has succeeded; what is left is to start the "
            "applications. To undo once more, run the same command again afterwards."
        )
        workflow.resume()
        return True
    return False

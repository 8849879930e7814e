"""The restore: which backup, what is shown of it, and the chain."""

from pgkeep.errors import PgkeepError
from pgkeep.kube.jobs import knows, variable
from pgkeep.restoring import applications as apps
from pgkeep.restoring.applications import Plan
from pgkeep.restoring.autoscalers import autoscaled
from pgkeep.restoring.choice import Choice, choose
from pgkeep.restoring.database_volume import Room, room
from pgkeep.restoring.downtime import RESUME
from pgkeep.restoring.request import RestoreOrder
from pgkeep.restoring.screens import RestorePlan, restore_plan
from pgkeep.restoring.task import Work, last_one, read_work, restore_jobs
from pgkeep.restoring.workflow import Chain
from pgkeep.session.confirmation import confirm
from pgkeep.session.session import Session


def run(session: Session, order: RestoreOrder, *, start_seconds: float, confirmed: bool) -> None:
    """Choose, show, ask, and carry it out.

    Args:
        session: Where.
        order: What is asked for; it makes sense in itself.
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
    chain = Chain(session, start_seconds=start_seconds)
    chain.refuse_second()
    # Read before anything else: what an option means for an older stack must not be found out late.
    work = read_work(
        chain.job(order.environment("", order.database), order.server.secret), chain.cronjob
    )
    plans = apps.look_up(chain.cluster, chain.applications) if work.replaces else []
    session.note(f"Reading the details of {order.wanted} …")
    choice = choose(session, order, chain.names)
    space = _room(chain, order)
    _show(chain, order, work, choice, plans, space)
    _tell_left(chain, work)
    # It changes nothing that somebody might want back.
    if not confirmed and not order.dry_run:
        confirm(session, "restore")
    # An older stack finds it by the backup alone; in the Job it is for the command that undoes it.
    several = len(chain.names) > 1 and (order.database or knows(chain.cronjob, "RESTORE_DATABASE"))
    database = (order.database or choice.database) if several else ""
    environment = order.environment(choice.backup.name, database)
    if space is not None and space.free is not None:
        environment["RESTORE_FREE_BYTES"] = str(space.free)
    chain.perform(chain.job(environment, order.server.secret), plans)


def _room(chain: Chain, order: RestoreOrder) -> Room | None:
    """What is known of the room for a second copy; nothing where it is another server's business.

    A stack that is older than the setting could not be told the figure either.
    """
    if order.server.host or order.parts or not knows(chain.cronjob, "RESTORE_DATABASE_VOLUME"):
        return None
    return room(chain.cluster, variable(chain.cronjob, "RESTORE_DATABASE_VOLUME"))


def _show(
    chain: Chain,
    order: RestoreOrder,
    work: Work,
    choice: Choice,
    plans: list[Plan],
    space: Room | None,
) -> None:
    host = order.server.host or variable(chain.cronjob, "DATABASE_HOST")
    port = order.server.port
    server = host if port is None else f"{host}:{port}"
    backup = choice.backup
    other = backup.database not in (None, choice.database) and not order.into and not order.parts
    chain.session.out.print(
        restore_plan(
            RestorePlan(
                backup=backup,
                database=order.into or choice.database,
                live=choice.database,
                server=server,
                namespace=chain.cluster.namespace,
                work=work,
                room=space,
                parts=order.parts,
                at=order.at,
                passed_over=choice.passed_over,
                secret=order.server.secret,
                safety_backup=order.safety_backup,
                superuser_objects=order.allow_superuser_objects,
                other_database=(backup.database or "") if other else "",
                plans=plans,
                autoscalers=autoscaled(chain.cluster, chain.applications) if plans else {},
            ),
            chain.session.now(),
        )
    )


def _tell_left(chain: Chain, work: Work) -> None:
    """Say that applications are stopped from before; a run of its own may not be what is needed."""
    try:
        left = chain.left_stopped()
        found = restore_jobs(chain.cluster) if left else []
    except PgkeepError:
        return  # what leaves the applications alone does not fail for them
    if not left:
        return
    names = ", ".join(str(plan.application) for plan in left)
    then = "it is started after this one" if work.replaces else "this run leaves it so"
    chain.session.warn(
        f"{names} is stopped by an earlier run; {then}. {last_one(found, chain.cronjob)} To start "
        f"it without another restore: {chain.session.command(*RESUME)}"
    )

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
from pgkeep.restoring.task import ending, read_work, restore_jobs
from pgkeep.restoring.workflow import Chain
from pgkeep.session.confirmation import confirm
from pgkeep.session.job_failures import job_failure
from pgkeep.session.session import Session
from pgkeep.terminal.words import plural

_ACTION = ("RESTORE_ACTION", "RESTORE_DROP")


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoOrder:
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


def run(session: Session, order: UndoOrder, *, start_seconds: float, confirmed: bool) -> None:
    """Show, ask, and carry it out.

    Args:
        session: Where.
        order: What is asked for.
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
    chain = Chain(session, start_seconds=start_seconds)
    chain.refuse_second()
    database = _database(order, chain.names)
    environment = order.environment(database if len(chain.names) > 1 else "")
    job = chain.job(environment, order.server.secret)
    host = order.server.host or variable(chain.cronjob, "DATABASE_HOST")
    server = host if order.server.port is None else f"{host}:{order.server.port}"
    target = f"{database} on {server} (namespace {chain.cluster.namespace})"
    work = read_work(job, chain.cronjob)
    if not order.drop_old and work.replaces and _only_to_start(chain):
        return
    kept = _read_kept(
        chain,
        {name: value for name, value in environment.items() if name not in _ACTION},
        order.server.secret,
        start_seconds=start_seconds,
    )
    if order.drop_old:
        own = [one for one in kept if not one.foreign]
        if not own:
            session.say(f"Nothing of {database} is kept that could be dropped.")
            return
        session.out.print(drop_plan(target, kept))
        if not confirmed:
            confirm(session, f"drop {plural(len(own), 'kept database')}")
        chain.perform(job, [])
        return
    back = next((one for one in kept if not one.foreign), None)
    if back is None:
        raise _nothing(session, database, kept)
    plans = apps.look_up(chain.cluster, chain.applications) if work.replaces else []
    scalers = autoscaled(chain.cluster, chain.applications) if plans else {}
    session.out.print(undo_plan(target, back, work, plans, scalers))
    if not confirmed:
        confirm(session, "undo the restore")
    chain.perform(job, plans)


def _read_kept(
    chain: Chain, environment: dict[str, str], secret: str, *, start_seconds: float
) -> list[Kept]:
    """Return what is kept, newest first. The Job that looks is deleted, whatever happens.

    An undo that has nothing to go back to, or no connection, is found out before the applications
    are stopped for it.

    Args:
        chain: Where.
        environment: Which database, and which server where it is not the stack's.
        secret: The Secret of the credentials, where it is not the stack's.
        start_seconds: How long the pod may take to start.

    Raises:
        JobFailedError: The server cannot be asked, or another run works on the volume.
        PgkeepError: The Job did not start, or the cluster is away.
    """
    session, cluster = chain.session, chain.cluster
    look = {"RESTORE_ACTION": "drop-old", "RESTORE_DROP": "all", "RESTORE_DRY_RUN": "true"}
    job = chain.job({**environment, **look}, secret)
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


def _database(order: UndoOrder, names: Sequence[str]) -> str:
    if order.database and order.database not in names:
        raise UsageError(
            f"This stack has no database {order.database}. Nothing was changed.",
            cause=f"Its databases: {', '.join(names)}.",
        )
    if not order.database and len(names) > 1:
        raise UsageError(
            f"This stack has {len(names)} databases. Nothing was changed.",
            cause=f"They are: {', '.join(names)}.",
            cure=f"Say which: pgkeep undo-restore --database {shlex.quote(names[0])}",
        )
    return order.database or names[0]


def _only_to_start(chain: Chain) -> bool:
    """Finish an undo that was interrupted after its swap: undone twice, it would not be undone."""
    if not chain.left_stopped():
        return False
    for job in restore_jobs(chain.cluster):
        work = read_work(job, chain.cronjob)
        if work.dry_run:
            continue  # it has changed nothing
        if work.action != "undo" or not work.replaces or not ending(job).succeeded:
            return False
        chain.session.say(
            "The undo that was interrupted has succeeded; what is left is to start the "
            "applications. To undo once more, run the same command again afterwards."
        )
        chain.resume()
        return True
    return False

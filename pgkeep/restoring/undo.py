"""Back to the database that the last restore has kept, or the end of that possibility."""

import contextlib
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field

from pgkeep import applications as apps
from pgkeep.autoscalers import autoscaled
from pgkeep.confirmation import confirm
from pgkeep.errors import PgkeepError, UsageError
from pgkeep.jobs import variable
from pgkeep.kubernetes_api import PODS
from pgkeep.logs import CONTAINER
from pgkeep.objects import JsonObject
from pgkeep.render.plans import UndoPlan, drop_plan, undo_plan
from pgkeep.restoring import sql_names
from pgkeep.restoring.chain import Chain
from pgkeep.restoring.order import Server
from pgkeep.restoring.report import settings
from pgkeep.restoring.work import ending, read_work, restore_jobs
from pgkeep.session import Session


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What the cluster still knows of the restore that would be undone."""

    job: JsonObject
    kept: str
    """What its log says was kept; empty when the log is gone."""


def run(session: Session, order: UndoOrder, *, start_seconds: float, confirmed: bool) -> None:
    """Show, ask, and carry it out.

    Args:
        session: Where.
        order: What is asked for.
        start_seconds: How long the pod may take to start.
        confirmed: Whether not to ask.

    Raises:
        UsageError: The stack has no such database, or several and none was named.
        NotConfirmedError: The user did not say yes.
        JobFailedError: The undo failed; the applications run again.
        InterruptedByUserError: Ctrl-C; the message says what goes on and how to finish.
        PgkeepError: Anything else.
    """
    chain = Chain(session, start_seconds=start_seconds)
    chain.refuse_second()
    database = _database(order, chain.names)
    job = chain.job(
        order.environment(database if len(chain.names) > 1 else ""), order.server.secret
    )
    host = order.server.host or variable(chain.cronjob, "DATABASE_HOST")
    server = host if order.server.port is None else f"{host}:{order.server.port}"
    target = f"{database} on {server} (namespace {chain.cluster.namespace})"
    work = read_work(job, chain.cronjob)
    if order.drop_old:
        session.out.print(drop_plan(target))
        if not confirmed:
            confirm(session, "drop the kept databases")
        chain.perform(job, [])
        return
    found = restore_jobs(chain.cluster)
    if work.replaces and _only_to_start(chain, found):
        return
    plans = apps.look_up(chain.cluster, chain.applications) if work.replaces else []
    last = _last_restore(chain, found, job)
    session.out.print(
        undo_plan(
            UndoPlan(
                target=target,
                work=work,
                backup=read_work(last.job, chain.cronjob).backup if last else "",
                restored=ending(last.job).ended if last else None,
                kept=last.kept if last else "",
                plans=plans,
                autoscalers=autoscaled(chain.cluster, chain.applications) if plans else {},
            ),
            session.now(),
        )
    )
    if not confirmed:
        confirm(session, "undo the restore")
    chain.perform(job, plans)


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


def _only_to_start(chain: Chain, found: Sequence[JsonObject]) -> bool:
    """Finish an undo that was interrupted after its swap. Undoing twice could go one too far."""
    if not found or not chain.left_stopped():
        return False
    work = read_work(found[0], chain.cronjob)
    if work.action != "undo" or not work.replaces or not ending(found[0]).succeeded:
        return False
    chain.session.say(
        "The undo that was interrupted has succeeded; what is left is to start the applications. "
        "To undo once more, run the same command again afterwards."
    )
    chain.resume()
    return True


def _last_restore(chain: Chain, found: Sequence[JsonObject], job: JsonObject) -> Restored | None:
    """The newest restore of the same database on the same server, if it is still on record."""
    wanted = read_work(job, chain.cronjob)
    for one in found:
        work = read_work(one, chain.cronjob)
        if (work.database, work.elsewhere) != (wanted.database, wanted.elsewhere):
            continue
        if work.action == "undo" and ending(one).succeeded:
            return None  # what it left is not known from here
        if work.undo_words is not None and ending(one).succeeded:
            return Restored(job=one, kept=_kept(chain, work.job))
    return None


def _kept(chain: Chain, job: str) -> str:
    """What the restore's log calls the database it kept; empty when nobody can read it any more."""
    lines: list[str] = []
    with contextlib.suppress(PgkeepError):
        for pod in chain.cluster.find(PODS, label_selector=f"batch.kubernetes.io/job-name={job}"):
            name = str(pod["metadata"]["name"])
            for raw in chain.cluster.log(name, container=CONTAINER, follow=False):
                lines.append(raw.partition(" ")[2].rstrip("\r\n"))
    return settings(lines).get("kept", "")

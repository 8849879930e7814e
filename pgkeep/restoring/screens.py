"""What a restore and its undoing show before they ask, and the durations they show in the end."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from pgkeep.catalog.answers import Backup
from pgkeep.catalog.details import details, grid, suspicion
from pgkeep.restoring.applications import Application, Plan
from pgkeep.restoring.aside import Aside
from pgkeep.restoring.autoscalers import Autoscaler
from pgkeep.restoring.database_volume import Room
from pgkeep.restoring.task import RestoreTask, Task, TrialTask
from pgkeep.terminal import words

# So many newer backups that were not chosen are named, the others counted.
_NAMED = 5
_READ_SECONDS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class RestorePlan:
    """What `run-restore` is about to do."""

    backup: Backup
    database: str
    """The database it will be."""
    live: str
    """The stack's database; empty where a copy is of none of them."""
    server: str
    namespace: str
    task: RestoreTask
    room: Room | None = None
    """What is known of the room for a second copy; None where that is not asked."""
    parts: tuple[str, ...] = ()
    at: datetime | None = None
    passed_over: tuple[tuple[str, str], ...] = ()
    secret: str = ""
    safety_backup: bool = True
    superuser_objects: bool = False
    other_database: str = ""
    """The database the backup is of, where that is not the one it takes the place of."""
    plans: Sequence[Plan] = ()
    autoscalers: Mapping[Application, Autoscaler] = field(
        default_factory=dict[Application, Autoscaler]
    )


def restore_plan(plan: RestorePlan, now: datetime) -> RenderableType:
    """What `run-restore` shows before it asks."""
    block = grid()
    for label, text, style in (*_chosen(plan, now), *_effects(plan, now)):
        block.add_row(label, Text(text, style=style))
    title = "The dry run" if isinstance(plan.task, TrialTask) else "The restore"
    parts = [details(plan.backup, now), Text(), Text(title), block]
    if plan.backup.suspicious:
        parts += [Text(), Text(alarm(plan.backup), style="bold red")]
    return Group(*parts)


def _chosen(plan: RestorePlan, now: datetime) -> list[tuple[str, str, str]]:
    rows: list[tuple[str, str, str]] = []
    if plan.at is not None:
        before = (plan.at - plan.backup.created).total_seconds()
        text = f"{words.utc(plan.at)}; this backup is {words.duration(before)} older"
        # It is named after its start. What is to be undone may be moments old, and be in it.
        if before < _READ_SECONDS:
            text += ", and was read moments after its start; an earlier state needs an earlier time"
        rows.append(("Asked for", text, ""))
    if plan.passed_over:
        lines = [f"{name}: {why}" for name, why in plan.passed_over[:_NAMED]]
        if len(plan.passed_over) > _NAMED:
            lines.append(f"and {len(plan.passed_over) - _NAMED} more")
        rows.append(("Not taken", "newer, but\n" + "\n".join(lines), "yellow"))
    if plan.backup.safety:
        rows.append(
            ("Careful", "a safety backup: of a database that a restore has replaced", "yellow")
        )
    if plan.backup.created > now:
        rows.append(("Careful", "by its date this backup is still to come", "yellow"))
    return rows


def _effects(plan: RestorePlan, now: datetime) -> list[tuple[str, str, str]]:
    task = plan.task
    target = f"{plan.database} on {plan.server} (namespace {plan.namespace})"
    if task.elsewhere is not None:
        target = f"{plan.database} on {plan.server}, ANOTHER SERVER than the stack's"
    if plan.other_database:
        target += f"; THE BACKUP IS OF DATABASE {plan.other_database}"
    rows = [("Into", target, "")]
    if plan.parts:
        rows[0] = ("Into", f"new schemas in {target}", "")
        rows.append(("Only", "\n".join(plan.parts), ""))
    if plan.secret:
        rows.append(("User", f"of Secret {plan.secret}", ""))
    if task.side:
        rows.append(
            (
                "Filled",
                f"{task.side}, an empty database that somebody has prepared; where the user may "
                "not rename databases, it ends with the statements for somebody who may",
                "",
            )
        )
    if plan.superuser_objects:
        rows.append(("Careful", "objects that need a superuser are restored as one", "bold yellow"))
    if plan.room is not None:
        rows.append(("Room", _room(plan.room, plan.backup.database_bytes), ""))
    if task.replaces:
        return [*rows, *_replaced(plan, now)]
    if isinstance(task, TrialTask):
        rows.append(
            (
                "Changed",
                "nothing: all steps but the swap, beside the live database, and everything is "
                "dropped again; needs the room of a second copy meanwhile",
                "",
            )
        )
    elif task.elsewhere is not None and not task.into and not task.parts:
        rows.append(
            (
                "There",
                f"a database {plan.database} on that server is replaced"
                + (", after a backup of it," if plan.safety_backup else "")
                + " and put aside",
                "bold",
            )
        )
    own = f"{plan.live} is not touched" if plan.live else "no database that exists is touched"
    if plan.parts:
        own = f"what {plan.live} has now is not touched"
    if task.elsewhere is not None:
        own = "nothing of this stack is touched"
    rows.append(("Live", f"{own}, and no application is stopped", "bold"))
    return rows


def _room(room: Room, needed: int | None) -> str:
    second = "for a second copy" if needed is None else f"for {words.size(needed)} more"
    if room.free is None:
        return (
            f"{second} is needed on the server; what is free there is not known: {room.reason}. On "
            "a full disk the restore fails, and the live database stays as it is"
        )
    return f"{second} is needed on the server; its volume has {words.size(room.free)} free"


def _replaced(plan: RestorePlan, now: datetime) -> list[tuple[str, str, str]]:
    safety = (
        ("Before", "a verified backup is made of the database as it is now", "")
        if plan.safety_backup
        else ("Before", "NO BACKUP is made of the database as it is now", "bold yellow")
    )
    return [
        ("Lost", loss(plan.backup, now), "bold"),
        safety,
        ("Put aside", "the database as it is now, for undo-restore", ""),
        ("Stopped", _stopped(plan.plans, plan.autoscalers), ""),
    ]


def undo_plan(
    target: str,
    back: Aside,
    task: Task,
    plans: Sequence[Plan],
    autoscalers: Mapping[Application, Autoscaler],
) -> RenderableType:
    """What `undo-restore` shows before it asks.

    Args:
        target: Of which database on which server.
        back: The database that gets its name again.
        task: What the Job will do.
        plans: One for each application.
        autoscalers: The autoscalers of the applications.
    """
    block = grid()
    block.add_row("Of", Text(target))
    block.add_row("Back to", Text(f"{back.name} ({back.words})", "bold"))
    block.add_row(
        "Put aside",
        Text("what it is now, with everything written since; for another undo-restore"),
    )
    if task.replaces:
        block.add_row("Stopped", Text(_stopped(plans, autoscalers)))
    else:
        block.add_row("Live", Text("of this stack nothing is touched, no application is stopped"))
    return Group(Text("The undo"), block)


def aside_list(target: str, asides: Sequence[Aside]) -> RenderableType:
    """What `drop-aside` shows that is not told what to drop.

    Args:
        target: Of which database on which server.
        asides: All that is put aside of it.
    """
    block = grid()
    for one in asides:
        block.add_row(Text(one.name), Text(one.words, style="" if one.goes else "yellow"))
    return Group(Text(f"Put aside of {target}"), block)


def drop_plan(target: str, asides: Sequence[Aside], goes: Sequence[Aside]) -> RenderableType:
    """What `drop-aside` shows before it asks.

    Args:
        target: Of which database on which server.
        asides: All that is put aside of it.
        goes: What is dropped of that.
    """
    block = grid()
    block.add_row("Of", Text(target))
    stays = [one for one in asides if one not in goes]
    for label, several, style in (("Dropped", goes, "bold"), ("Stays", stays, "yellow")):
        lines = [f"{one.name} ({one.words})" for one in several]
        if lines:
            block.add_row(label, Text("\n".join(lines), style=style))
    left = any(one.ours for one in stays)
    block.add_row(
        "After it",
        Text(
            "undo-restore goes back to what stays"
            if left
            else "undo-restore has nothing to go back to any more"
        ),
    )
    block.add_row("Live", Text("is not touched, and no application is stopped"))
    return Group(Text("The end of undo"), block)


def alarm(backup: Backup) -> str:
    """What has to be known before a suspicious backup replaces the live database."""
    return (
        f"THIS BACKUP IS SUSPICIOUS: {suspicion(backup)}. It is whole, but what it was made of may "
        "not have been; after the restore the database is what it was then."
    )


def loss(backup: Backup, now: datetime) -> str:
    """What a restore takes away from the live database, as a sentence."""
    return f"everything written since {words.utc(backup.created)}, {words.age(backup.created, now)}"


def _stopped(plans: Sequence[Plan], autoscalers: Mapping[Application, Autoscaler]) -> str:
    lines = [plan_line(plan, autoscalers.get(plan.application)) for plan in plans]
    return "\n".join(lines) or "nothing (the setting applications is empty)"


def plan_line(plan: Plan, autoscaler: Autoscaler | None = None) -> str:
    """What happens to one application."""
    if plan.replicas:
        text = f"{plan.application} ({words.plural(plan.replicas, 'replica')} now)"
    elif plan.start:
        text = f"{plan.application} (stopped now, {words.plural(plan.start, 'replica')} afterwards)"
    else:
        text = f"{plan.application} (0 replicas now, stays at 0)"
    if plan.note:
        text += f"; {plan.note}"
    if autoscaler is not None:
        text += f"; {_autoscaler(autoscaler)}"
    return text


def _autoscaler(autoscaler: Autoscaler) -> str:
    if autoscaler.keda:
        return (
            f"KEDA MAY START IT AGAIN meanwhile; to keep it from that: kubectl annotate "
            f"scaledobject/{autoscaler.keda} autoscaling.keda.sh/paused=true (afterwards paused-)"
        )
    if autoscaler.wakes:
        return (
            f"AUTOSCALER {autoscaler.name} MAY START IT AGAIN meanwhile, as its minReplicas is 0; "
            "set that to 1 before"
        )
    return f"autoscaler {autoscaler.name} pauses while it is at 0"


def durations(steps: Sequence[tuple[str, float]]) -> RenderableType:
    """The steps of a run and how long each took, in seconds, with their sum."""
    table = Table.grid(padding=(0, 2))
    table.add_column()
    table.add_column(justify="right")
    for step, seconds in steps:
        table.add_row(f"  {step}", words.duration(seconds))
    table.add_row("  total", words.duration(sum(seconds for _, seconds in steps)))
    return table

"""One backup in detail, and what a restore of it would do."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from pgkeep import humanise
from pgkeep.applications import Application, Plan
from pgkeep.backups import Backup
from pgkeep.render.tables import flags

_STATUS_TEXT = {
    "verified": Text("verified", style="green"),
    "damaged": Text("damaged: a later check found it changed", style="bold red"),
    "unverified": Text("unverified: made by the older script, never checked", style="yellow"),
}


def facts(backup: Backup, now: datetime) -> list[tuple[str, str]]:
    """The known facts of a backup, as pairs of label and text."""
    found = [("Created", f"{humanise.utc(backup.created)} ({humanise.age(backup.created, now)})")]
    if backup.database:
        found.append(("Database", backup.database))
    if backup.server_version:
        found.append(("Server", f"PostgreSQL {backup.server_version}"))
    if backup.tables is not None and backup.rows is not None:
        content = (
            f"{humanise.plural(backup.tables, 'table')}, {humanise.plural(backup.rows, 'row')}"
        )
        if backup.large_objects:
            content += f", {humanise.plural(backup.large_objects, 'large object')}"
        found.append(("Content", content))
    if backup.backup_bytes is not None:
        size = humanise.size(backup.backup_bytes)
        if backup.database_bytes is not None:
            size += f" (the database had {humanise.size(backup.database_bytes)})"
        found.append(("Size", size))
    if backup.format:
        form = backup.format + (f", {backup.compression}" if backup.compression else "")
        found.append(("Format", form))
    if backup.duration_seconds is not None:
        found.append(("Took", humanise.duration(backup.duration_seconds)))
    if backup.path:
        found.append(("Path", backup.path))
    if backup.goes:
        found.append(("Goes", f"with the next retention: {backup.goes}"))
    elif backup.kept:
        found.append(("Kept", backup.kept))
    return found


def _status(backup: Backup) -> Text:
    if backup.damage:
        return Text(f"damaged: {_reason(backup.damage)}", style="bold red")
    return _STATUS_TEXT[backup.status]


def details(backup: Backup, now: datetime) -> RenderableType:
    """A backup's details as a block."""
    grid = _grid()
    grid.add_row("Backup", Text(backup.name, style="bold"))
    grid.add_row("Status", _status(backup))
    if backup.flags:
        grid.add_row("Flags", flags(backup))
    if backup.suspicious:
        grid.add_row("Suspicion", Text(suspicion(backup), style="bold yellow"))
    for label, text in facts(backup, now):
        grid.add_row(label, Text(text))
    return grid


def suspicion(backup: Backup) -> str:
    """Why a backup is suspicious, in words."""
    return _reason(backup.suspicion) if backup.suspicion else "it differs from the ones before it"


def _reason(noted: str) -> str:
    """What the console has noted, `TIME why`, with the time for people and last."""
    time, _, why = noted.partition(" ")
    try:
        return f"{why} (noted {humanise.utc(humanise.parse_time(time))})"
    except ValueError:
        return noted


def alarm(backup: Backup) -> str:
    """What has to be known before a suspicious backup replaces the live database."""
    return (
        f"THIS BACKUP IS SUSPICIOUS: {suspicion(backup)}. It is whole, but what it was made of may "
        "not have been; after the restore the database is what it was then."
    )


def loss(backup: Backup, now: datetime) -> str:
    """What a restore takes away from the live database, as a sentence."""
    return (
        f"everything written since {humanise.utc(backup.created)}, "
        f"{humanise.age(backup.created, now)}"
    )


def plan_line(plan: Plan, autoscaler: str = "") -> str:
    """What happens to one application."""
    if plan.replicas:
        text = f"{plan.application} ({humanise.plural(plan.replicas, 'replica')} now)"
    elif plan.start:
        text = (
            f"{plan.application} (stopped now, {humanise.plural(plan.start, 'replica')} afterwards)"
        )
    else:
        text = f"{plan.application} (0 replicas now, stays at 0)"
    if plan.note:
        text += f"; {plan.note}"
    if autoscaler:
        text += f"; autoscaler {autoscaler} pauses while it is at 0"
    return text


def restore_plan(
    backup: Backup,
    target: str,
    plans: Sequence[Plan],
    now: datetime,
    *,
    autoscalers: Mapping[Application, str] | None = None,
) -> RenderableType:
    """What `run-restore` shows before it asks.

    Args:
        backup: The backup to restore.
        target: The live database, "name on host".
        plans: One for each application.
        now: For the ages.
        autoscalers: The autoscalers of the applications.
    """
    grid = _grid()
    grid.add_row("Into", Text(target))
    grid.add_row("Lost", Text(loss(backup, now), style="bold"))
    lines = [plan_line(plan, (autoscalers or {}).get(plan.application, "")) for plan in plans]
    stopped = "\n".join(lines) or "nothing (the setting applications is empty)"
    grid.add_row("Stopped", Text(stopped))
    parts = [details(backup, now), Text(), Text("The restore"), grid]
    if backup.suspicious:
        parts += [Text(), Text(alarm(backup), style="bold red")]
    return Group(*parts)


def durations(steps: Sequence[tuple[str, float]]) -> RenderableType:
    """The steps of a run and how long each took, in seconds, with their sum."""
    table = Table.grid(padding=(0, 2))
    table.add_column()
    table.add_column(justify="right")
    for step, seconds in steps:
        table.add_row(f"  {step}", humanise.duration(seconds))
    table.add_row("  total", humanise.duration(sum(seconds for _, seconds in steps)))
    return table


def _grid() -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True, min_width=9)
    grid.add_column(overflow="fold")
    return grid

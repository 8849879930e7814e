"""One backup in detail."""

from datetime import datetime

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from pgkeep.catalog.answers import Backup
from pgkeep.catalog.tables import flags
from pgkeep.terminal import words

_STATUS_TEXT = {
    "verified": Text("verified", style="green"),
    "damaged": Text("damaged: a later check found it changed", style="bold red"),
    "unverified": Text("unverified: made by the older script, never checked", style="yellow"),
}


def facts(backup: Backup, now: datetime) -> list[tuple[str, str]]:
    """The known facts of a backup, as pairs of label and text."""
    found = [("Created", f"{words.utc(backup.created)} ({words.age(backup.created, now)})")]
    if backup.database:
        found.append(("Database", backup.database))
    if backup.server_version:
        found.append(("Server", f"PostgreSQL {backup.server_version}"))
    if backup.tables is not None and backup.rows is not None:
        content = f"{words.plural(backup.tables, 'table')}, {words.plural(backup.rows, 'row')}"
        if backup.large_objects:
            content += f", {words.plural(backup.large_objects, 'large object')}"
        found.append(("Content", content))
    if backup.backup_bytes is not None:
        size = words.size(backup.backup_bytes)
        if backup.database_bytes is not None:
            size += f" (the database had {words.size(backup.database_bytes)})"
        found.append(("Size", size))
    if backup.format:
        form = backup.format + (f", {backup.compression}" if backup.compression else "")
        found.append(("Format", form))
    if backup.duration_seconds is not None:
        found.append(("Took", words.duration(backup.duration_seconds)))
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
    block = grid()
    block.add_row("Backup", Text(backup.name, style="bold"))
    block.add_row("Status", _status(backup))
    if backup.flags:
        block.add_row("Flags", flags(backup))
    if backup.suspicious:
        block.add_row("Suspicion", Text(suspicion(backup), style="bold yellow"))
    for label, text in facts(backup, now):
        block.add_row(label, Text(text))
    return block


def suspicion(backup: Backup) -> str:
    """Why a backup is suspicious, in words."""
    return _reason(backup.suspicion) if backup.suspicion else "it differs from the ones before it"


def _reason(noted: str) -> str:
    """What the console has noted, `TIME why`, with the time for people and last."""
    time, _, why = noted.partition(" ")
    try:
        return f"{why} (noted {words.utc(words.parse_time(time))})"
    except ValueError:
        return noted


def grid() -> Table:
    """A block of labels and texts."""
    block = Table.grid(padding=(0, 2))
    block.add_column(style="dim", no_wrap=True, min_width=9)
    block.add_column(overflow="fold")
    return block

"""The list of backups, as a table and as a JSON document."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from rich.box import SIMPLE_HEAD
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from pgkeep import humanise
from pgkeep.backups import Backup, Listing

_STYLES = {"verified": "green", "damaged": "bold red", "unverified": "yellow"}


@dataclass(frozen=True, slots=True)
class _Column:
    title: str
    justify: Literal["left", "right"]
    cell: Callable[[Backup, datetime], RenderableType]
    importance: int
    """On a narrow terminal the columns of the least importance are left out first."""


def short_version(version: str | None) -> str:
    """`17.7` of `17.7 (Debian 17.7-3.pgdg13+1)`."""
    return version.split()[0] if version and version.split() else "-"


def _age(backup: Backup, now: datetime) -> Text:
    return Text(humanise.duration(max(0, int((now - backup.created).total_seconds()))))


_COLUMNS = (
    _Column("Name", "left", lambda b, _: Text(b.name), 100),
    _Column("Age", "right", lambda b, now: _age(b, now), 90),
    _Column("Status", "left", lambda b, _: Text(b.status, style=_STYLES[b.status]), 95),
    _Column("Size", "right", lambda b, _: Text(humanise.size(b.backup_bytes)), 80),
    _Column("Rows", "right", lambda b, _: Text(humanise.number(b.rows)), 70),
    _Column("Tables", "right", lambda b, _: Text(humanise.number(b.tables)), 40),
    _Column("Took", "right", lambda b, _: Text(humanise.duration(b.duration_seconds)), 50),
    _Column("Format", "left", lambda b, _: Text(b.format or "-"), 20),
    _Column("Server", "left", lambda b, _: Text(short_version(b.server_version)), 30),
    _Column("Database", "left", lambda b, _: Text(b.database or "-"), 10),
)


def backup_table(listing: Listing, now: datetime, console: Console) -> Table:
    """Build the table, with as many columns as the console has room for.

    Args:
        listing: What to show.
        now: For the ages.
        console: Only for its width.
    """
    chosen = list(_COLUMNS)
    while True:
        table = _table(listing, now, chosen)
        needed = console.measure(table, options=console.options.update(width=10_000)).maximum
        if needed <= console.width or len(chosen) == 3:
            return table
        chosen.remove(min(chosen, key=lambda column: column.importance))


def _table(listing: Listing, now: datetime, columns: list[_Column]) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column.title, justify=column.justify, no_wrap=True)
    for backup in listing.backups:
        table.add_row(*(column.cell(backup, now) for column in columns))
    return table


def disk_line(listing: Listing) -> str:
    """One line about the room on the volume."""
    disk = listing.disk
    percent = f" ({disk.free * 100 // disk.total}%)" if disk.total else ""
    return (
        f"Disk: backups use {humanise.size(disk.used)}; {humanise.size(disk.free)}{percent} of "
        f"{humanise.size(disk.total)} free."
    )


def latest_line(listing: Listing, now: datetime) -> str:
    """One line about the newest verified backup."""
    latest = listing.latest
    if latest is None:
        return "Latest: none of them is verified."
    return f"Latest: {latest.name}, {humanise.age(latest.created, now)}."


def backup_document(backup: Backup) -> dict[str, Any]:
    """A backup's facts under stable names; unknown ones are null, times ISO 8601 in UTC."""
    return {
        "name": backup.name,
        "status": backup.status,
        "created": backup.created.isoformat().replace("+00:00", "Z"),
        "durationSeconds": backup.duration_seconds,
        "backupBytes": backup.backup_bytes,
        "database": backup.database,
        "format": backup.format,
        "serverVersion": backup.server_version,
        "tables": backup.tables,
        "rows": backup.rows,
        "largeObjects": backup.large_objects,
        "path": backup.path,
    }


def list_document(listing: Listing, namespace: str) -> dict[str, Any]:
    """The document of `list-backups --json`; a field may be added, none changes its meaning."""
    disk = listing.disk
    return {
        "schemaVersion": 1,
        "namespace": namespace,
        "latest": listing.latest.name if listing.latest else None,
        "disk": {"usedBytes": disk.used, "freeBytes": disk.free, "totalBytes": disk.total},
        "backups": [backup_document(backup) for backup in listing.backups],
    }


def show_document(backup: Backup, namespace: str) -> dict[str, Any]:
    """The document of `show --json`."""
    return {
        "schemaVersion": 1,
        "namespace": namespace,
        "backup": backup_document(backup)
        | {
            "databaseBytes": backup.database_bytes,
            "compression": backup.compression,
            "clientVersion": backup.client_version,
        },
    }

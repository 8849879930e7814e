"""The list of backups, as a table and as a JSON document."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from rich.box import SIMPLE_HEAD
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from pgkeep.catalog.answers import Backup, Listing
from pgkeep.terminal import words

_KEPT = "Kept because"
# Where there is no room the reasons take a second line; at this width the usual ones need none.
_REASON_WIDTH = 24
_STYLES = {"verified": "green", "damaged": "bold red", "unverified": "yellow"}


@dataclass(frozen=True, slots=True)
class _Column:
    title: str
    justify: Literal["left", "right"]
    cell: Callable[[Backup, datetime], RenderableType]
    importance: int
    """On a narrow terminal the columns of the least importance are left out first."""


# A backup that wants a person to look at it has to be seen in the colours, too.
_FLAG_STYLES = {
    "suspicious": "bold yellow",
    "pinned": "cyan",
    "safety": "magenta",
    "proven": "green",
}


def flags(backup: Backup) -> Text:
    """The flags of a backup, or "-"."""
    words = [Text(flag, style=_FLAG_STYLES.get(flag, "")) for flag in backup.flags]
    return Text(", ").join(words) if words else Text("-")


def _kept(backup: Backup) -> Text:
    return Text(backup.kept or "-", style="yellow" if backup.goes else "")


def short_version(version: str | None) -> str:
    """`17.7` of `17.7 (Debian 17.7-3.pgdg13+1)`."""
    return version.split()[0] if version and version.split() else "-"


def _age(backup: Backup, now: datetime) -> Text:
    return Text(words.duration(max(0, int((now - backup.created).total_seconds()))))


_COLUMNS = (
    _Column("Name", "left", lambda b, _: Text(b.name), 100),
    _Column("Age", "right", lambda b, now: _age(b, now), 90),
    _Column("Status", "left", lambda b, _: Text(b.status, style=_STYLES[b.status]), 95),
    _Column("Flags", "left", lambda b, _: flags(b), 85),
    _Column("Size", "right", lambda b, _: Text(words.size(b.backup_bytes)), 80),
    _Column("Rows", "right", lambda b, _: Text(words.number(b.rows)), 70),
    _Column("Tables", "right", lambda b, _: Text(words.number(b.tables)), 40),
    _Column("Took", "right", lambda b, _: Text(words.duration(b.duration_seconds)), 50),
    _Column("Format", "left", lambda b, _: Text(b.format or "-"), 20),
    _Column("Server", "left", lambda b, _: Text(short_version(b.server_version)), 30),
    _Column("Database", "left", lambda b, _: Text(b.database or "-"), 10),
    _Column(_KEPT, "left", lambda b, _: _kept(b), 75),
)


def backup_table(listing: Listing, now: datetime, console: Console) -> Table:
    """Build the table, with as many columns as the console has room for.

    Args:
        listing: What to show.
        now: For the ages.
        console: Only for its width.
    """
    chosen = [_for_listing(column, listing) for column in _COLUMNS]
    longest: int | None = None
    while True:
        table = _table(listing, now, chosen, longest)
        needed = console.measure(table, options=console.options.update(width=10_000)).maximum
        if needed <= console.width or len(chosen) == 3:
            return table
        if longest is None:
            longest = _REASON_WIDTH
        else:
            chosen.remove(min(chosen, key=lambda column: column.importance))


def _for_listing(column: _Column, listing: Listing) -> _Column:
    # Which database a backup is of goes without saying only where there is one.
    if column.title == "Database" and len(listing.databases) > 1:
        return replace(column, importance=82)
    return column


def _table(listing: Listing, now: datetime, columns: list[_Column], longest: int | None) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        reason = column.title == _KEPT
        table.add_column(
            column.title,
            justify=column.justify,
            no_wrap=not reason,
            max_width=longest if reason else None,
        )
    for backup in listing.backups:
        table.add_row(*(column.cell(backup, now) for column in columns))
    return table


def disk_line(listing: Listing) -> str:
    """One line about the room on the volume."""
    disk = listing.disk
    percent = f" ({disk.free * 100 // disk.total}%)" if disk.total else ""
    return (
        f"Disk: backups use {words.size(disk.used)}; {words.size(disk.free)}{percent} of "
        f"{words.size(disk.total)} free."
    )


def latest_lines(listing: Listing, now: datetime) -> list[str]:
    """One line about the newest verified backup, or where there are several databases, of each."""
    if len(listing.databases) < 2:
        return [_latest_line("Latest", listing.latest(now), now)]
    return [
        _latest_line(f"Latest of {database}", listing.latest(now, database=database), now)
        for database in sorted(listing.databases)
    ]


def _latest_line(label: str, latest: Backup | None, now: datetime) -> str:
    if latest is None:
        return f"{label}: none of them is verified."
    return f"{label}: {latest.name}, {words.age(latest.created, now)}."


def warnings(backups: Iterable[Backup], command: Callable[..., str]) -> list[str]:
    """What somebody has to look at, one line each, with the command that mends it.

    Args:
        backups: What to warn of.
        command: Makes a command line of this tool from its words.
    """
    lines: list[str] = []
    for backup in backups:
        if backup.status == "damaged":
            lines.append(
                f"{backup.name} is damaged; it is neither restored nor counted. "
                f"Read it once more: {command('verify', backup.name)}"
            )
        if backup.suspicious:
            lines.append(
                f"{backup.name} is suspicious; nothing of its database is deleted meanwhile. "
                f"Look at it ({command('show', backup.name)}), and when it is as it should be: "
                f"{command('acknowledge', backup.name)}"
            )
    return lines


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
        "flags": list(backup.flags),
        "kept": backup.kept,
    }


def list_document(listing: Listing, namespace: str, now: datetime) -> dict[str, Any]:
    """The document of `list-backups --json`; a field may be added, none changes its meaning."""
    disk, latest = listing.disk, listing.latest(now)
    return {
        "schemaVersion": 1,
        "namespace": namespace,
        "latest": latest.name if latest else None,
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
            "suspicion": backup.suspicion,
            "damage": backup.damage,
        },
    }

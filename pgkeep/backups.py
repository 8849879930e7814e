"""What the console prints for the tool (CONSOLE_OUTPUT=tsv), read with suspicion. Pure."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pgkeep.errors import AnswerError
from pgkeep.humanise import parse_time, printable

Status = Literal["verified", "damaged", "unverified"]

LIST_MARK = "#pgkeep-list 1"
SHOW_MARK = "#pgkeep-show 1"

_NAME = re.compile(r"backup-\d{8}-\d{6}(\.sql\.gz)?")
_COLUMNS = (
    "name",
    "status",
    "created",
    "duration_seconds",
    "backup_bytes",
    "database",
    "format",
    "server_version",
    "tables",
    "rows",
    "large_objects",
    "path",
)
_STATUSES = ("verified", "damaged", "unverified")
_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """One backup. What is unknown, as most is of a file of the older shell script, is None."""

    name: str
    status: Status
    created: datetime
    path: str
    duration_seconds: float | None = None
    backup_bytes: int | None = None
    database_bytes: int | None = None
    database: str | None = None
    format: str | None = None
    compression: str | None = None
    server_version: str | None = None
    client_version: str | None = None
    tables: int | None = None
    rows: int | None = None
    large_objects: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """Bytes of the backup volume."""

    used: int
    free: int
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """All backups, newest first, and the room they take."""

    backups: tuple[Backup, ...]
    disk: Disk

    @property
    def latest(self) -> Backup | None:
        """The newest verified backup: what `latest` means everywhere."""
        return next((backup for backup in self.backups if backup.status == "verified"), None)


def parse_list(lines: list[str]) -> Listing:
    """Read the answer to `list`.

    Raises:
        AnswerError: It is not of the agreed form; the message has the offending line.
    """
    rows = [line for line in lines if line.strip()]
    if not rows or rows[0] != LIST_MARK:
        raise _unexpected("the list of backups", LIST_MARK, rows[0] if rows else "")
    if len(rows) < 3:
        raise _unexpected("the list of backups", "a header and a last line with #disk", rows[-1])
    header = rows[1].split("\t")
    missing = [column for column in _COLUMNS if column not in header]
    if missing or len(set(header)) != len(header):
        raise _unexpected("the list's header", f"the columns {' '.join(_COLUMNS)}", rows[1])
    disk = _disk(rows[-1])
    backups: list[Backup] = []
    for row in rows[2:-1]:
        values = row.split("\t")
        if len(values) != len(header):
            raise _unexpected("a line of the list", f"{len(header)} columns", row)
        backups.append(_backup(dict(zip(header, values, strict=True)), row))
    backups.sort(key=lambda backup: (backup.created, backup.name), reverse=True)
    return Listing(backups=tuple(backups), disk=disk)


def parse_show(lines: list[str]) -> Backup:
    """Read the answer to `show`.

    Raises:
        AnswerError: It is not of the agreed form.
    """
    rows = [line for line in lines if line.strip()]
    if not rows or rows[0] != SHOW_MARK:
        raise _unexpected("a backup's details", SHOW_MARK, rows[0] if rows else "")
    values: dict[str, str] = {}
    for row in rows[1:]:
        key, equals, value = row.partition("=")
        if not equals or not key or key in values:
            raise _unexpected("a backup's details", "KEY=VALUE, each key once", row)
        values[key] = value
    return _backup(values, " ".join(rows[1:]))


def _disk(row: str) -> Disk:
    words = row.split()
    if len(words) == 4 and words[0] == "#disk":
        numbers = [_integer(word) for word in words[1:]]
        used, free, total = numbers
        if used is not None and free is not None and total is not None:
            return Disk(used=used, free=free, total=total)
    raise _unexpected("the list's last line", "#disk USED FREE TOTAL", row)


def _backup(values: dict[str, str], row: str) -> Backup:
    name, status = values.get("name", ""), values.get("status", "")
    if not _NAME.fullmatch(name):
        raise _unexpected("a backup's name", "backup-YYYYMMDD-HHMMSS", name or row)
    if status not in _STATUSES:
        raise _unexpected(f"the status of {name}", " or ".join(_STATUSES), status or row)
    try:
        created = parse_time(values["created"])
    except (KeyError, ValueError) as error:
        raise _unexpected(f"the time of {name}", "an ISO 8601 time", row) from error

    def whole(key: str) -> int | None:
        return _known(values, key, name)

    return Backup(
        name=name,
        status=status,
        created=created,
        path=_text(values, "path") or "",
        duration_seconds=_seconds(values, name),
        backup_bytes=whole("backup_bytes"),
        database_bytes=whole("database_bytes"),
        database=_text(values, "database"),
        format=_text(values, "format"),
        compression=_text(values, "compression"),
        server_version=_text(values, "server_version"),
        client_version=_text(values, "client_version"),
        tables=whole("tables"),
        rows=whole("rows"),
        large_objects=whole("large_objects"),
    )


def _text(values: dict[str, str], key: str) -> str | None:
    value = values.get(key, "-")
    if value in ("", "-", r"\N"):
        return None
    return printable(unescape(value))


def _known(values: dict[str, str], key: str, name: str) -> int | None:
    value = values.get(key, "-")
    if value in ("", "-", r"\N"):
        return None
    number = _integer(value)
    if number is None:
        raise _unexpected(f"{key} of {name}", "a whole number", value)
    return number


def _seconds(values: dict[str, str], name: str) -> float | None:
    value = values.get("duration_seconds", "-")
    if value in ("", "-", r"\N"):
        return None
    if not re.fullmatch(r"\d{1,12}(\.\d{1,9})?", value):
        raise _unexpected(f"duration_seconds of {name}", "seconds", value)
    return float(value)


def _integer(text: str) -> int | None:
    return int(text) if re.fullmatch(r"[0-9]{1,19}", text) else None


def unescape(value: str) -> str:
    """Undo the escapes of PostgreSQL's COPY text format."""
    return re.sub(r"\\(.)", lambda found: _ESCAPES.get(found[1], found[1]), value, flags=re.S)


def _unexpected(what: str, wanted: str, found: str) -> AnswerError:
    shown = printable(found)[:200]
    return AnswerError(
        f"The console's answer cannot be read: {what}.",
        cause=f"Expected {wanted}, found: {shown!r}." if shown else f"Expected {wanted}.",
        cure="Bring the stack (pulumi up) and this tool to the same version.",
    )

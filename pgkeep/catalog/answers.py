"""What the console prints for the tool (CONSOLE_OUTPUT=tsv), read with suspicion. Pure."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from typing import Literal

from pgkeep.catalog.forms import BACKUP_NAME, integer, marked, table, unescape, unexpected
from pgkeep.terminal.words import parse_time, printable

Status = Literal["verified", "damaged", "unverified"]
Flag = Literal["safety", "pinned", "proven", "suspicious", "in-use"]
Verdict = Literal["keep", "delete"]

LIST_MARK = "#pgkeep-list 1"
SHOW_MARK = "#pgkeep-show 1"
PRUNE_MARK = "#pgkeep-prune 1"

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
    "flags",
    "kept",
    "database_bytes",
    "compression",
    "client_version",
    "suspicion",
    "damage",
)
_STATUSES = ("verified", "damaged", "unverified")
_FLAGS: tuple[Flag, ...] = ("safety", "pinned", "proven", "suspicious", "in-use")
# Details that a console of an older stack does not tell.
_SINCE_FLAGS = ("flags", "kept", "suspicion", "damage")
_GOES = "goes: "
_CLOCKS_DIFFER = timedelta(days=1)


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
    flags: tuple[Flag, ...] = ()
    kept: str | None = None
    """Why retention leaves it, or `goes: …` when the next one takes it."""
    suspicion: str | None = None
    """Since when and why it is suspicious."""
    damage: str | None = None
    """Since when it is damaged, and what was found."""

    @property
    def suspicious(self) -> bool:
        """Whether it differs from its predecessors, and nobody has acknowledged that."""
        return "suspicious" in self.flags

    @property
    def safety(self) -> bool:
        """Whether a restore made it, of a database that somebody wanted to replace."""
        return "safety" in self.flags

    @property
    def goes(self) -> str | None:
        """Why the next retention takes it; None when it stays."""
        return self.kept.removeprefix(_GOES) if self.kept and self.kept.startswith(_GOES) else None


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

    def named(self, name: str) -> Backup | None:
        """The backup of a name, which may have a path before it.

        The file of the older script may lack its ending, as the console takes it, too.
        """
        wanted = name.rpartition("/")[2]
        return next((one for one in self.backups if one.name in (wanted, f"{wanted}.sql.gz")), None)

    def latest(
        self, now: datetime, *, database: str | None = None, at: datetime | None = None
    ) -> Backup | None:
        """The newest verified backup: what `latest` means everywhere.

        Args:
            now: A backup that a wrong clock has dated more than a day ahead is never the latest.
            database: Only of this one.
            at: Only of this time or before.
        """
        return next(
            (
                one
                for one in self.backups
                if database in (None, one.database)
                and (at is None or one.created <= at)
                and not unfit(one, now)
            ),
            None,
        )

    def passed_over(
        self, chosen: Backup | None, *, database: str, at: datetime | None = None
    ) -> tuple[Backup, ...]:
        """Those newer than the latest one that may be of its database, and are not fit for it.

        Args:
            chosen: What `latest` returned.
            database: The database it was asked for.
            at: The time it was asked for.
        """
        newer = takewhile(lambda one: chosen is None or one.name != chosen.name, self.backups)
        return tuple(
            one
            for one in newer
            if one.database in (None, database) and (at is None or one.created <= at)
        )

    @property
    def databases(self) -> tuple[str, ...]:
        """The databases there are backups of, those with the newest backups first."""
        return tuple(dict.fromkeys(one.database for one in self.backups if one.database))


def unfit(backup: Backup, now: datetime) -> str:
    """Why a backup is never chosen for somebody who has not named it; empty when it may be."""
    if backup.status == "damaged":
        return "damaged"
    if backup.status == "unverified":
        return "unverified"
    if backup.safety:
        return "a safety backup, of a database that a restore replaced"
    if backup.created > now + _CLOCKS_DIFFER:
        return "dated in the future by a wrong clock"
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What retention says about one backup."""

    verdict: Verdict
    name: str
    database: str | None
    reason: str

    @property
    def created(self) -> datetime | None:
        """When the backup was made, by its name; None when the name holds no real date."""
        try:
            return datetime.strptime(self.name[7:22], "%Y%m%d-%H%M%S").replace(tzinfo=UTC)
        except ValueError:
            return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruning:
    """What retention would do, or has done."""

    dry_run: bool
    decisions: tuple[Decision, ...]
    """One for each backup, newest first."""
    count: int
    """How many backups would go, or have gone."""

    @property
    def deletions(self) -> tuple[Decision, ...]:
        """What was decided to go."""
        return tuple(one for one in self.decisions if one.verdict == "delete")


def parse_list(lines: list[str]) -> Listing:
    """Read the answer to `list`.

    Raises:
        AnswerError: It is not of the agreed form; the message has the offending line.
    """
    rows = marked(lines, LIST_MARK, "the list of backups")
    if len(rows) < 2:
        raise unexpected(
            "the list of backups", "a header and a last line with #disk", rows[-1] if rows else ""
        )
    disk = _disk(rows[-1])
    found = table(rows[0], rows[1:-1], _COLUMNS, "the list")
    backups = [_backup(values) for values in found]
    backups.sort(key=lambda backup: (backup.created, backup.name), reverse=True)
    return Listing(backups=tuple(backups), disk=disk)


def parse_show(lines: list[str]) -> Backup:
    """Read the answer to `show`.

    Raises:
        AnswerError: It is not of the agreed form.
    """
    rows = marked(lines, SHOW_MARK, "a backup's details")
    values: dict[str, str] = {}
    for row in rows:
        key, equals, value = row.partition("=")
        if not equals or not key or key in values:
            raise unexpected("a backup's details", "KEY=VALUE, each key once", row)
        values[key] = value
    missing = [key for key in _SINCE_FLAGS if key not in values]
    if missing:
        raise unexpected("a backup's details", f"also {', '.join(missing)}", " ".join(rows))
    return _backup(values)


def parse_prune(lines: list[str], *, dry_run: bool) -> Pruning:
    """Read the answer to `prune`.

    Args:
        lines: The answer.
        dry_run: What was asked for. A run that did the other thing has to be known at once.

    Raises:
        AnswerError: It is not of the agreed form.
    """
    rows = marked(lines, PRUNE_MARK, "what retention says")
    if not rows:
        raise unexpected(
            "what retention says", f"a last line #result {'dry-run' if dry_run else 'done'} N", ""
        )
    decisions = [_decision(row) for row in rows[:-1]]
    if len({one.name for one in decisions}) != len(decisions):
        raise unexpected("what retention says", "each backup once", " ".join(rows[:-1]))
    decisions.sort(key=lambda one: one.name, reverse=True)
    count = _result(rows[-1], "dry-run" if dry_run else "done")
    answer = Pruning(dry_run=dry_run, decisions=tuple(decisions), count=count)
    planned = len(answer.deletions)
    # A run may do less than was decided: somebody has begun to read a backup meanwhile.
    if count > planned or (dry_run and count != planned):
        raise unexpected("the number of backups that go", str(planned), rows[-1])
    return answer


def _decision(row: str) -> Decision:
    values = row.split("\t")
    if len(values) != 4:
        raise unexpected("a line of what retention says", "4 columns", row)
    verdict, name, database, reason = values
    if not BACKUP_NAME.fullmatch(name):
        raise unexpected("a backup's name", "backup-YYYYMMDD-HHMMSS", name or row)
    if verdict not in ("keep", "delete"):
        raise unexpected(f"the verdict on {name}", "keep or delete", verdict or row)
    known = {"database": database, "reason": reason}
    return Decision(
        verdict=verdict,
        name=name,
        database=_text(known, "database"),
        reason=_text(known, "reason") or "-",
    )


def _result(row: str, word: str) -> int:
    words = row.split()
    if len(words) == 3 and words[:2] == ["#result", word]:
        count = integer(words[2])
        if count is not None:
            return count
    raise unexpected("the last line of what retention says", f"#result {word} N", row)


def _disk(row: str) -> Disk:
    words = row.split()
    if len(words) == 4 and words[0] == "#disk":
        numbers = [integer(word) for word in words[1:]]
        used, free, total = numbers
        if used is not None and free is not None and total is not None:
            return Disk(used=used, free=free, total=total)
    raise unexpected("the list's last line", "#disk USED FREE TOTAL", row)


def _backup(values: dict[str, str]) -> Backup:
    row = "\t".join(values.values())
    name, status = values.get("name", ""), values.get("status", "")
    if not BACKUP_NAME.fullmatch(name):
        raise unexpected("a backup's name", "backup-YYYYMMDD-HHMMSS", name or row)
    if status not in _STATUSES:
        raise unexpected(f"the status of {name}", " or ".join(_STATUSES), status or row)
    try:
        created = parse_time(values["created"])
    except (KeyError, ValueError) as error:
        raise unexpected(f"the time of {name}", "an ISO 8601 time", row) from error

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
        flags=_flags(values, name),
        kept=_text(values, "kept"),
        suspicion=_text(values, "suspicion"),
        damage=_text(values, "damage"),
    )


def _flags(values: dict[str, str], name: str) -> tuple[Flag, ...]:
    value = values.get("flags", "")
    if value == "-":
        return ()
    words = value.split(",")
    known: tuple[Flag, ...] = tuple(flag for flag in _FLAGS if flag in words)
    if list(known) != words:
        raise unexpected(f"the flags of {name}", f"some of {','.join(_FLAGS)} or -", value)
    return known


def _text(values: dict[str, str], key: str) -> str | None:
    value = values.get(key, "-")
    if value in ("", "-", r"\N"):
        return None
    return printable(unescape(value))


def _known(values: dict[str, str], key: str, name: str) -> int | None:
    value = values.get(key, "-")
    if value in ("", "-", r"\N"):
        return None
    number = integer(value)
    if number is None:
        raise unexpected(f"{key} of {name}", "a whole number", value)
    return number


def _seconds(values: dict[str, str], name: str) -> float | None:
    value = values.get("duration_seconds", "-")
    if value in ("", "-", r"\N"):
        return None
    if not re.fullmatch(r"\d{1,12}(\.\d{1,9})?", value):
        raise unexpected(f"duration_seconds of {name}", "seconds", value)
    return float(value)

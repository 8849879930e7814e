"""The databases that restores have put aside, as a Job lists them (RESTORE_OUTPUT=tsv). Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from pgkeep.catalog.forms import BACKUP_NAME, integer, marked, table, unescape, unexpected
from pgkeep.errors import AnswerError
from pgkeep.terminal.words import duration, parse_time, printable, size, utc

ASIDE_MARK = "#pgkeep-aside 1"

_COLUMNS = ("name", "since", "age_seconds", "bytes", "owner", "successor", "ours", "droppable")
_UNDO = "undo"


@dataclass(frozen=True, slots=True, kw_only=True)
class Aside:
    """One of them.

    Whoever owns a database can write the comment that marks it. So one of another owner is shown as
    just that, and what it says of itself is neither believed nor able to spoil the list.
    """

    name: str
    age_seconds: int
    """How long it is aside, by the server's clock or the pod's, whichever makes it younger."""
    size: int | None
    """In bytes; None where the user may not ask for it."""
    owner: str
    ours: bool
    """Whether it is the live database's: what belongs to another owner is left alone."""
    droppable: bool
    """Whether the user of the Secret may drop it."""
    since: datetime | None = None
    """Only of one that is ours, as the next one."""
    successor: str = ""
    """The backup that took its place, or `undo`."""

    @property
    def goes(self) -> bool:
        """Whether a drop takes it."""
        return self.ours and self.droppable

    @property
    def words(self) -> str:
        """What a person wants to know before it goes, or comes back."""
        room = "size not known" if self.size is None else size(self.size)
        if self.since is None:
            return f'{room}, of another owner: "{self.owner}"'
        by = "an undo" if self.successor == _UNDO else self.successor
        age = duration(self.age_seconds)
        text = f"{room}, put aside {utc(self.since)} ({age} ago), replaced by {by}"
        return text if self.droppable else f'{text}, which only "{self.owner}" may drop'


def parse_aside(lines: Sequence[str]) -> list[Aside]:
    """Read the list, newest first as it comes.

    Raises:
        AnswerError: It is not of the agreed form. Nothing may be undone or dropped then.
    """
    what = "the list of what is put aside"
    rows = marked(lines, ASIDE_MARK, what)
    if len(rows) < 2:
        raise unexpected(what, "a header and a last line #end N", rows[-1] if rows else "")
    found = table(rows[0], rows[1:-1], _COLUMNS, what)
    if rows[-1] != f"#end {len(found)}":
        raise unexpected(f"the last line of {what}", f"#end {len(found)}", rows[-1])
    asides = [_aside(values) for values in found]
    if len({one.name for one in asides}) != len(asides):
        raise unexpected(what, "each name once", " ".join(one.name for one in asides))
    return asides


def _aside(values: dict[str, str]) -> Aside:
    name = printable(unescape(values["name"]))
    if not name.strip():
        raise unexpected("a database that is put aside", "its name", "\t".join(values.values()))
    ours = _truth(values, "ours")
    return Aside(
        name=name,
        age_seconds=_number(values, "age_seconds"),
        size=None if values["bytes"] == "-" else _number(values, "bytes"),
        owner=printable(unescape(values["owner"])),
        ours=ours,
        droppable=_truth(values, "droppable"),
        since=_since(values) if ours else None,
        successor=_successor(values) if ours else "",
    )


def _since(values: dict[str, str]) -> datetime:
    try:
        return parse_time(values["since"])
    except ValueError as error:
        raise _unreadable(values, "since", "an ISO 8601 time") from error


def _successor(values: dict[str, str]) -> str:
    successor = values["successor"]
    if successor != _UNDO and not BACKUP_NAME.fullmatch(successor):
        raise _unreadable(values, "successor", f"a backup's name or {_UNDO}")
    return successor


def _number(values: dict[str, str], key: str) -> int:
    number = integer(values[key])
    if number is None:
        raise _unreadable(values, key, "a whole number")
    return number


def _truth(values: dict[str, str], key: str) -> bool:
    if values[key] not in ("true", "false"):
        raise _unreadable(values, key, "true or false")
    return values[key] == "true"


def _unreadable(values: dict[str, str], key: str, wanted: str) -> AnswerError:
    return unexpected(f"{key} of {printable(values['name'])}", wanted, values[key])

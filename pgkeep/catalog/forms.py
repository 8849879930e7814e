"""Marked, versioned forms that pods print for the tool, read with suspicion. Pure.

The first line is the mark, such as `#pgkeep-list 1`. What follows is for the tool alone, so no line
may be of another form: a sentence for people may be reworded, a form may not.
"""

import re
from collections.abc import Sequence

from pgkeep.errors import AnswerError
from pgkeep.terminal.words import printable

BACKUP_NAME = re.compile(r"backup-\d{8}-\d{6}(\.sql\.gz)?")
_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\"}


def marked(lines: Sequence[str], mark: str, what: str) -> list[str]:
    """Return the lines below the mark; empty lines are none.

    Args:
        lines: What was printed.
        mark: What the first line has to be.
        what: What they are about, for the message.

    Raises:
        AnswerError: The first line is another one, or there is none.
    """
    rows = [line for line in lines if line.strip()]
    if not rows or rows[0] != mark:
        raise unexpected(what, mark, rows[0] if rows else "")
    return rows[1:]


def table(
    header: str, rows: Sequence[str], columns: Sequence[str], what: str
) -> list[dict[str, str]]:
    """Return the rows of a table, by the columns that its header names.

    Args:
        header: The names of the columns, separated by tabs; there may be more than are asked for.
        rows: One a line, as many values as there are columns.
        columns: Those that have to be there.
        what: What it is, for the message.

    Raises:
        AnswerError: A column is missing or there twice, or a row has another number of values.
    """
    names = header.split("\t")
    if not set(columns) <= set(names) or len(set(names)) != len(names):
        raise unexpected(f"the header of {what}", f"the columns {' '.join(columns)}", header)
    found: list[dict[str, str]] = []
    for row in rows:
        values = row.split("\t")
        if len(values) != len(names):
            raise unexpected(f"a line of {what}", f"{len(names)} columns", row)
        found.append(dict(zip(names, values, strict=True)))
    return found


def integer(text: str) -> int | None:
    """Read a whole number; None when it is none."""
    return int(text) if re.fullmatch(r"[0-9]{1,19}", text) else None


def unescape(value: str) -> str:
    """Undo the escapes of PostgreSQL's COPY text format."""
    return re.sub(r"\\(.)", lambda found: _ESCAPES.get(found[1], found[1]), value, flags=re.S)


def unexpected(what: str, wanted: str, found: str) -> AnswerError:
    """Explain that a pod's answer is not of the agreed form.

    Args:
        what: Which part of it.
        wanted: What it should have been.
        found: What it was.
    """
    shown = printable(found)[:200]
    return AnswerError(
        f"The job's answer cannot be read: {what}.",
        cause=f"Expected {wanted}, found: {shown!r}." if shown else f"Expected {wanted}.",
        cure="Bring the stack (pulumi up) and this tool to the same version.",
    )

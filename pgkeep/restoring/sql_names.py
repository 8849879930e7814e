"""Names of databases, schemas and tables, as a user writes them. Pure."""

import re

from pgkeep.errors import UsageError
from pgkeep.terminal.words import printable

# PostgreSQL cuts longer names without a word.
_LONGEST_BYTES = 63
_PART = r'(?:"(?:[^"\x00-\x1f\x7f]|"")+"|[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*)'
_SCHEMA = re.compile(_PART)
_TABLE = re.compile(rf"({_PART})\.({_PART})")


def table(text: str) -> str:
    """Return `schema.table` as the server will read it, to be shown.

    Raises:
        UsageError: It is no such name.
    """
    found = _TABLE.fullmatch(text)
    if found is None:
        raise UsageError(
            f"{printable(text)!r} is no table for --table.",
            cause="It takes SCHEMA.TABLE as in SQL: what has capitals, blanks or dots in its name "
            "is put in double quotes.",
            cure="For example --table public.orders, or --table 'public.\"Order items\"'",
        )
    return ".".join(_as_read(part) for part in found.groups())


def schema(text: str) -> str:
    """Return a schema's name as the server will read it, to be shown.

    Raises:
        UsageError: It is no such name.
    """
    if _SCHEMA.fullmatch(text) is None:
        raise UsageError(
            f"{printable(text)!r} is no schema for --schema.",
            cause="It takes a name as in SQL: what has capitals, blanks or dots in it is put in "
            "double quotes.",
            cure="For example --schema sales, or --schema '\"Old sales\"'",
        )
    return _as_read(text)


def database(text: str, option: str) -> str:
    """Return the name of a database, which is taken as it is.

    Raises:
        UsageError: No database can have it.
    """
    if not text.strip() or not text.isprintable() or len(text.encode()) > _LONGEST_BYTES:
        raise UsageError(
            f"{printable(text)!r} is no name for {option}.",
            cause=f"A database's name has 1 to {_LONGEST_BYTES} bytes, all of them printable.",
        )
    return text


def _as_read(part: str) -> str:
    """Unquoted names are lower case to SQL; quotes that change nothing are left out."""
    if not part.startswith('"'):
        return "".join(letter.lower() if letter.isascii() else letter for letter in part)
    inner = part[1:-1].replace('""', '"')
    return inner if re.fullmatch(r"[a-z_][a-z0-9_$]*", inner) else part

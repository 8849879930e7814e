"""The cron dialect of Kubernetes: what its controller accepts, and what would ever fire.

Kubernetes parses with robfig/cron's standard parser: five fields, no seconds, day of week 0 to 6,
`?` as another `*`, none of L, W and #. The API server refuses the rest at `pulumi up`, or worse,
accepts a schedule that never comes (31 February). Both are told here instead.
"""

import re
from dataclasses import dataclass

from components.settings.refusal import RefusedError

_EXAMPLE = "0 2 * * *"
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
# The leap year counts: 29 February comes, if only every fourth year.
_LONGEST = dict(zip(range(1, 13), (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31), strict=True))
_DESCRIPTORS = frozenset(
    ("@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly")
)


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()
    first: int = 0  # the number of names[0]


_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of month", 1, 31),
    _Field("month", 1, 12, tuple(_MONTHS), 1),
    _Field("day of week", 0, 6, tuple(_DAYS)),
)


@dataclass(frozen=True, slots=True)
class _Parsed:
    values: frozenset[int]
    star: bool  # an unrestricted field; matters where the two day fields meet


def schedule(text: str) -> str:
    """Returns the schedule when Kubernetes accepts it and it comes at least once in four years."""
    if "TZ" in text:
        raise RefusedError(
            "a schedule without a time zone, which Kubernetes refuses there;"
            ' the zone belongs into the setting "timeZone"',
            _EXAMPLE,
        )
    if text.startswith("@"):
        if text not in _DESCRIPTORS:
            raise RefusedError(
                f"five fields, or one of {', '.join(sorted(_DESCRIPTORS))}"
                " (@every is not bound to the clock and @reboot has no meaning here)",
                "@daily",
            )
        return text
    fields = text.split()
    if len(fields) != len(_FIELDS):
        raise RefusedError(
            f"five fields (minute, hour, day of month, month, day of week), not {len(fields)};"
            " Kubernetes knows neither seconds nor years",
            _EXAMPLE,
        )
    _, _, days, months, weekdays = (
        _parse(part, field) for part, field in zip(fields, _FIELDS, strict=True)
    )
    # Where both day fields are restricted either one is enough; else both must hold.
    by_date = days.star or weekdays.star
    if by_date and not any(min(days.values) <= _LONGEST[month] for month in months.values):
        raise RefusedError(
            f"a date that comes: no month of {fields[3]!r} has a day {fields[2]}, so no backup"
            " would ever run",
            _EXAMPLE,
        )
    return " ".join(fields)


def _parse(text: str, field: _Field) -> _Parsed:
    parts = text.split(",")
    parsed = [_parse_range(part, field) for part in parts]
    values = frozenset[int]().union(*(one.values for one in parsed))
    return _Parsed(values, any(one.star for one in parsed))


def _parse_range(text: str, field: _Field) -> _Parsed:
    match = re.fullmatch(r"([^/-]+)(?:-([^/-]+))?(?:/(\d+))?", text, re.ASCII)
    if not match:
        raise _wrong(text, field)
    first, last, step = match.groups()
    every = int(step) if step else 1
    if every == 0:
        raise RefusedError(f"a step of at least 1 in the field {field.name}", _EXAMPLE)
    if first in ("*", "?"):
        if last:
            raise _wrong(text, field)
        return _Parsed(frozenset(range(field.low, field.high + 1, every)), star=every == 1)
    low = _number(first, field)
    # "3/5" means "from 3 on, every 5th", as in the controller.
    high = _number(last, field) if last else (field.high if step else low)
    if low > high:
        raise RefusedError(
            f"a range that goes upwards in the field {field.name}, not {text!r}", _EXAMPLE
        )
    return _Parsed(frozenset(range(low, high + 1, every)), star=False)


def _number(text: str, field: _Field) -> int:
    if text.lower() in field.names:
        return field.names.index(text.lower()) + field.first
    if not re.fullmatch(r"\d{1,9}", text, re.ASCII) or not field.low <= int(text) <= field.high:
        raise _wrong(text, field)
    return int(text)


def _wrong(text: str, field: _Field) -> RefusedError:
    names = f" or {field.names[0]}-{field.names[-1]}" if field.names else ""
    hint = "; Sunday is 0" if field.name == "day of week" and text == "7" else ""
    return RefusedError(
        f"{field.low}-{field.high}{names} in the field {field.name}, with * ? , - and / only,"
        f" not {text!r}{hint}",
        _EXAMPLE,
    )

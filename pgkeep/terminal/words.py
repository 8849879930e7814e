"""Numbers and times for people. Pure."""

import re
from datetime import UTC, datetime

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def size(count: int | None) -> str:
    """Bytes with binary units ("1.5 GiB"), the ones Kubernetes quantities use; "-" for None."""
    if count is None:
        return "-"
    if count < 1024:
        return f"{count} B"
    value = float(count)
    for unit in ("KiB", "MiB", "GiB", "TiB", "PiB"):
        value /= 1024
        if value < 999.95 or unit == "PiB":
            break
    return f"{value:.1f} {unit}"


def number(count: int | None) -> str:
    """A count with thousands separated ("1,234,567"); "-" for None."""
    return "-" if count is None else f"{count:,}"


def duration(seconds: float | None) -> str:
    """Seconds as the two largest units ("3 h 12 min"); "-" for None."""
    if seconds is None:
        return "-"
    if seconds < 10:
        return f"{max(seconds, 0):.1f} s".replace(".0 s", " s")
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return _two(whole, 60, "min", "s")
    if whole < 86400:
        return _two(whole // 60, 60, "h", "min")
    return _two(whole // 3600, 24, "d", "h")


def _two(count: int, base: int, large: str, small: str) -> str:
    high, low = divmod(count, base)
    return f"{high} {large} {low} {small}" if low else f"{high} {large}"


def age(moment: datetime, now: datetime) -> str:
    """How long ago a moment was ("3 h 12 min ago"); a clock that is ahead counts as now."""
    seconds = (now - moment).total_seconds()
    return "just now" if seconds < 1 else f"{duration(int(seconds))} ago"


def utc(moment: datetime) -> str:
    """A time as `2026-11-23 02:00:00 UTC`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def plural(count: int, word: str) -> str:
    """A count and its noun ("1 table", "2 tables")."""
    return f"{count:,} {word}" if count == 1 else f"{count:,} {word}s"


def parse_time(text: str) -> datetime:
    """Read an ISO 8601 time as Kubernetes and the scripts write it; without zone it is UTC.

    Raises:
        ValueError: It is not one.
    """
    # Kubernetes' log stamps have nanoseconds, Python's times microseconds.
    moment = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text.strip()))
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def printable(text: str) -> str:
    """Text that is safe on a terminal: what could move the cursor or turn text round shows as `?`.

    Names in a database may hold any character, and they come through the logs.
    """
    return _CONTROL.sub("?", text)

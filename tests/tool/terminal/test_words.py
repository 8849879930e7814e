from datetime import UTC, datetime, timedelta, timezone

import pytest

from pgkeep.terminal import words

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (None, "-"),
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1_048_575, "1.0 MiB"),
        (1_572_864, "1.5 MiB"),
        (3 * 1024**4, "3.0 TiB"),
        (5000 * 1024**5, "5000.0 PiB"),
    ],
)
def test_sizes_use_binary_units(count: int | None, text: str) -> None:
    assert words.size(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "-"),
        (-3, "0 s"),
        (0, "0 s"),
        (0.42, "0.4 s"),
        (9, "9 s"),
        (59.6, "1 min"),
        (61, "1 min 1 s"),
        (11_520, "3 h 12 min"),
        (7200, "2 h"),
        (3599.9, "1 h"),
        (86_400 * 3 + 3600 * 4, "3 d 4 h"),
    ],
)
def test_durations_show_two_units(seconds: float | None, text: str) -> None:
    assert words.duration(seconds) == text


def test_an_age_in_the_future_is_just_now() -> None:
    assert words.age(NOW + timedelta(minutes=2), NOW) == "just now"
    assert words.age(NOW - timedelta(hours=3, minutes=12), NOW) == "3 h 12 min ago"


def test_times_are_shown_in_utc() -> None:
    moment = datetime(2026, 11, 23, 14, 0, tzinfo=timezone(timedelta(hours=2)))
    assert words.utc(moment) == "2026-11-23 12:00:00 UTC"


@pytest.mark.parametrize(
    "text",
    ["2026-11-23T12:00:00Z", "2026-11-23T12:00:00", "2026-11-23T13:00:00+01:00"],
)
def test_times_are_read_as_utc(text: str) -> None:
    assert words.parse_time(text) == NOW


def test_nanoseconds_are_read() -> None:
    assert words.parse_time("2026-11-23T12:00:00.123456789Z").microsecond == 123456


def test_control_characters_never_reach_the_terminal() -> None:
    hostile = "a\x1b[2Jb\rc\x9bd\u202ee\tf"
    assert words.printable(hostile) == "a?[2Jb?c?d?e\tf"
    assert words.printable("✓ naïve 日本") == "✓ naïve 日本"


def test_one_is_not_plural() -> None:
    assert words.plural(1, "pod") == "1 pod"
    assert words.plural(1200, "pod") == "1,200 pods"

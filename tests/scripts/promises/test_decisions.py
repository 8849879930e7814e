"""The three pure pieces, as shipped, in every awk: what stays, what is odd, when the disk is full.

Retention cannot hurt: its table says so in sentences, and 100,000 random histories are compared
with a model that is written another way (sets instead of one walk).
"""

from __future__ import annotations

import os
import re
import statistics
import subprocess
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from random import Random
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

from tests.scripts.harness import SCRIPTS

AWKS = (("mawk",), ("gawk",), ("gawk", "--posix"), ("busybox", "awk"))
NOW = datetime(2026, 11, 23, 2, 0, 0, tzinfo=UTC)  # a Monday
MINUTE, HOUR, DAY = 60, 3600, 86400

each_awk = pytest.mark.parametrize("awk", AWKS, ids=" ".join)


def run_awk(
    script: str, lines: Iterable[str], awk: Sequence[str] = AWKS[0], **variables: object
) -> list[str]:
    """Runs the shipped file as the scripts do."""
    assigned = [word for item in variables.items() for word in ("-v", "{}={}".format(*item))]
    done = subprocess.run(
        [*awk, *assigned, "-f", str(SCRIPTS / script)],
        input="".join(f"{line}\n" for line in lines),
        check=True,
        capture_output=True,
        text=True,
        env={"PATH": os.environ["PATH"], "LC_ALL": "C"},
    )
    assert done.stderr == ""
    return done.stdout.splitlines()


# --- retention: words for it ----------------------------------------------------------------------


@dataclass(frozen=True)
class Backup:
    """A line of the decision's input."""

    name: str
    flags: str = "-"
    status: str = "verified"
    group: str = "g0"

    @property
    def line(self) -> str:
        return f"{self.group} {self.name} {self.status} {self.flags}"

    def has(self, flag: str) -> bool:
        return flag in self.flags.split(",")

    def with_flag(self, flag: str) -> Backup:
        return replace(self, flags=flag if self.flags == "-" else f"{self.flags},{flag}")


@dataclass(frozen=True)
class Rules:
    """The settings of retention."""

    days: int = 30
    minimum: int = 1
    daily: int = 0
    weekly: int = 0
    monthly: int = 0


DEFAULT = Rules()


class Verdict(NamedTuple):
    """A line of the decision's output."""

    verdict: str
    group: str
    name: str
    reason: str


def name_of(moment: datetime | int) -> str:
    if isinstance(moment, int):
        moment = datetime.fromtimestamp(moment, UTC)
    return moment.strftime("backup-%Y%m%d-%H%M%S")


def ago(days: float, flags: str = "-", *, seconds: int = 0, status: str = "verified") -> Backup:
    """A backup made so long before NOW, or after it if that is negative."""
    name = name_of(NOW - timedelta(days=days, seconds=seconds))
    return Backup(name + (".sql.gz" if status == "unverified" else ""), flags, status)


def every(step: float, count: int, first: float = 0) -> list[Backup]:
    """So many backups, one each `step` days; the newest is `first` days old."""
    return [ago(first + i * step) for i in range(count)]


def at(*days: str) -> list[Backup]:
    """Backups of 02:00 of these days."""
    return [Backup(name_of(datetime.fromisoformat(f"{day}T02:00+00:00"))) for day in days]


def names(backups: Iterable[Backup]) -> set[str]:
    return {backup.name for backup in backups}


def decide(
    backups: Iterable[Backup],
    rules: Rules = DEFAULT,
    now: datetime = NOW,
    awk: Sequence[str] = AWKS[0],
) -> list[Verdict]:
    lines = run_awk(
        "volume/retention.awk",
        (backup.line for backup in backups),
        awk,
        now=int(now.timestamp()),
        **asdict(rules),
    )
    return [Verdict(*line.split(" ", 3)) for line in lines]


def deleted(verdicts: Iterable[Verdict]) -> set[tuple[str, str]]:
    return {(made.group, made.name) for made in verdicts if made.verdict == "delete"}


# --- retention: the table -------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """A sentence, and what it means: the names that go, and the reasons of some of the others."""

    title: str
    backups: list[Backup]
    rules: Rules
    goes: Iterable[Backup] = ()
    reasons: Iterable[tuple[Backup, str]] = ()
    now: datetime = NOW


NO_DATES = [
    Backup(f"backup-{digits}")
    for digits in (
        *("20260230-000000", "20250229-000000", "21000229-000000", "20260431-000000"),
        *("20261301-000000", "20260001-000000", "20260100-000000", "19691231-235959"),
        *("20260101-240000", "20260101-006000", "20260101-000060"),
        *("2026-000000", "20260101-00000", "202601010-00000", "20260101-000000.sql.gz"),
    )
] + [Backup(name) for name in ("../../etc", "10", "9", "-", "Backup-20200101-000000")]
MONTH_ENDS = at(*(f"{y}-{m:02d}-01" for y in range(2018, 2026) for m in range(1, 13)))
HELD = f"retention is held: {ago(3).name} is suspicious until it is acknowledged"
TEN_BY_HAND = [ago(2.5, seconds=i * 6 * MINUTE) for i in range(10)]
TEN_LONG_AGO = [ago(90, seconds=i * 6 * MINUTE) for i in range(10)]

TABLE = [
    Case("nothing at all", [], DEFAULT),
    # Age and floor.
    Case(
        "the only one stays, however old it is",
        [ago(4000)],
        Rules(days=1),
        reasons=[(ago(4000), "the newest verified")],
    ),
    Case(
        "younger than the limit stays",
        every(1, 31),
        DEFAULT,
        reasons=[(ago(i), "not older than 30 days") for i in (1, 30)],
    ),
    Case(
        "older than the limit goes",
        every(1, 40),
        DEFAULT,
        every(1, 9, first=31),
        [(ago(i), "older than 30 days") for i in (31, 39)],
    ),
    Case("exactly as old as the limit is not older", every(1, 2), Rules(days=1)),
    Case(
        "one second older is older",
        [*every(0.5, 2), ago(1, seconds=1)],
        Rules(days=1),
        [ago(1, seconds=1)],
        [(ago(1, seconds=1), "older than 1 day"), (ago(0.5), "not older than 1 day")],
    ),
    Case(
        "one second older is older after a month of hours too",
        [*every(1 / 24, 30 * 24 + 1), ago(30, seconds=1)],
        DEFAULT,
        [ago(30, seconds=1)],
    ),
    Case(
        "the floor holds",
        every(1, 7, first=100),
        Rules(days=1, minimum=7),
        reasons=[(ago(100), "the newest verified"), (ago(106), "one of the newest 7")],
    ),
    Case("above the floor they go", every(1, 9), Rules(3, minimum=7), every(1, 2, first=7)),
    Case("a floor of nothing is a floor of one", [ago(9)], Rules(days=1, minimum=0)),
    Case("a limit of no days leaves the newest", every(1, 3), Rules(days=0), every(1, 2, first=1)),
    # What counts.
    Case(
        "damaged ones neither go nor count",
        [*(ago(i, status="damaged") for i in (0, 1, 2, 500)), *every(1, 4, first=3)],
        Rules(days=1, minimum=2),
        every(1, 2, first=5),
        [
            (ago(500), "damaged backups are never deleted"),
            (ago(3), "the newest verified"),
            (ago(4), "one of the newest 2"),
        ],
    ),
    Case(
        "unverified ones neither go nor count",
        [*(ago(i, status="unverified") for i in (0, 1, 2, 900)), *every(1, 4, first=3)],
        Rules(days=1, minimum=2),
        every(1, 2, first=5),
        [(ago(900, status="unverified"), "unverified backups are never deleted")],
    ),
    Case(
        "the future neither goes nor counts",
        [ago(-3000), ago(-2), ago(-1), *every(1, 4, first=3)],
        Rules(days=1, minimum=2),
        every(1, 2, first=5),
        [(ago(-1), "it is dated in the future"), (ago(3), "the newest verified")],
    ),
    Case(
        "the future begins in a second, not now",
        [ago(0), ago(0, seconds=-1)],
        Rules(days=1),
        reasons=[
            (ago(0), "the newest verified"),
            (ago(0, seconds=-1), "it is dated in the future"),
        ],
    ),
    Case(
        "a name without a date neither goes nor counts",
        [*NO_DATES, *every(1, 4)],
        Rules(days=1, minimum=2),
        every(1, 2, first=2),
        [(backup, "the name holds no date") for backup in NO_DATES],
    ),
    Case(
        "the leap day of 2024 counts",
        at(*(f"2024-03-{day:02d}" for day in range(1, 31)), "2024-02-29", "2024-02-28"),
        DEFAULT,
        at("2024-02-28"),
        now=datetime(2024, 3, 30, 2, tzinfo=UTC),
    ),
    Case(
        "the year 2100 has no leap day",
        at(*(f"2100-03-{day:02d}" for day in range(1, 31)), "2100-02-28", "2100-02-27"),
        DEFAULT,
        at("2100-02-27"),
        [(at("2100-03-30")[0], "the newest verified")],
        now=datetime(2100, 3, 30, 2, tzinfo=UTC),
    ),
    # Flags.
    Case(
        "the newest proven one stays, older proven ones go",
        [*every(1, 5), ago(5, "proven"), ago(6, "proven"), ago(7)],
        Rules(days=1),
        [*every(1, 3, first=2), ago(6), ago(7)],
        [(ago(5), "the newest proven")],
    ),
    Case(
        "a damaged one and one from the future are not the newest proven",
        [
            *(ago(-1, "proven"), ago(0, "proven", status="damaged"), *every(1, 4, first=1)),
            *(ago(5, "proven"), ago(6, "proven")),
        ],
        Rules(days=1),
        [*every(1, 3, first=2), ago(6)],
        [(ago(5), "the newest proven")],
    ),
    Case(
        "the newest verified comes before the newest proven",
        [ago(0, "proven"), ago(1, "proven")],
        DEFAULT,
        reasons=[(ago(0), "the newest verified"), (ago(1), "not older than 30 days")],
    ),
    Case(
        "a pinned one stays and counts for the floor",
        [ago(0), ago(1, "pinned"), ago(2), ago(3), ago(400, "pinned")],
        Rules(days=1, minimum=3),
        [ago(3)],
        [(ago(1), "pinned"), (ago(2), "one of the newest 3"), (ago(400), "pinned")],
    ),
    Case(
        "a safety backup neither counts for the floor nor is the newest verified",
        [ago(0, "safety,pinned"), *every(1, 3, first=1)],
        Rules(days=1, minimum=2),
        [ago(3)],
        [
            (ago(0), "pinned"),
            (ago(1), "the newest verified"),
            (ago(2), "one of the newest 2"),
        ],
    ),
    Case(
        "a safety backup takes no day, week or month from another",
        [ago(0), ago(0.05), ago(1.04, "safety,pinned"), ago(1.05), ago(2.05)],
        Rules(days=1, daily=2, weekly=1, monthly=1),
        [ago(2.05)],
        [(ago(1.05), "kept for day 2026-11-22"), (ago(1.04), "pinned")],
    ),
    Case(
        "a safety backup is not the newest proven",
        [*every(1, 3), ago(3, "safety,pinned,proven"), ago(4, "proven"), ago(5)],
        Rules(days=1),
        [ago(2), ago(5)],
        [(ago(3), "pinned"), (ago(4), "the newest proven")],
    ),
    Case(
        "a safety backup says nothing of the usual gap",
        [*(ago(0.1 * i, "safety,pinned") for i in range(1, 9)), *every(7, 5)],
        Rules(days=21),
        [ago(28)],
    ),
    Case(
        "an unpinned safety backup goes by its age",
        [*every(1, 4), ago(1.5, "safety"), ago(2.5, "safety"), ago(9, "safety")],
        Rules(days=2),
        [ago(2.5), ago(3), ago(9)],
        [(ago(1.5), "not older than 2 days"), (ago(2.5), "older than 2 days")],
    ),
    Case(
        "an unpinned safety backup older than all the others goes too",
        [*every(1, 3), ago(9, "safety")],
        Rules(days=2),
        [ago(9)],
    ),
    Case(
        "an unpinned safety backup stays while no other is newer",
        [ago(800, "safety"), ago(900)],
        Rules(days=1),
        reasons=[
            (ago(800), "no other verified one is newer"),
            (ago(900), "the newest verified"),
        ],
    ),
    Case(
        "the only one stays, also if it is a safety backup",
        [ago(800, "safety")],
        Rules(days=1),
        reasons=[(ago(800), "no other verified one is newer")],
    ),
    Case(
        "one in use stays and counts for the floor",
        [ago(0), ago(1, "in-use"), ago(2), ago(3), ago(400, "in-use")],
        Rules(days=1, minimum=3),
        [ago(3)],
        [(ago(1), "in use by another run"), (ago(2), "one of the newest 3")],
    ),
    Case(
        "the first reason that applies is given",
        [
            *(ago(0, "pinned,proven,in-use"), ago(1, "proven,in-use"), ago(2, "proven")),
            *every(1, 3, first=3),
        ],
        Rules(days=4, minimum=4, daily=9, weekly=9, monthly=9),
        reasons=[
            (ago(0), "pinned"),
            (ago(1), "in use by another run"),
            (ago(2), "one of the newest 4"),
            (ago(3), "one of the newest 4"),
            (ago(4), "not older than 4 days"),
            (ago(5), "kept for day 2026-11-18"),
        ],
    ),
    # Days, weeks and months.
    Case(
        "the last one of each of the newest days stays",
        every(0.25, 24),
        Rules(
            days=1, daily=4
        ),  # the 23rd (now), 22nd, 21st and 20th; the last one is that of 20:00
        set(every(0.25, 19, first=1.25)) - {ago(1.25), ago(2.25)},
        [
            (ago(1.25), "kept for day 2026-11-21"),
            (ago(2.25), "kept for day 2026-11-20"),
            (ago(3.25), "older than 1 day"),
        ],
    ),
    Case(
        "days without a backup take no place",
        every(10, 6),
        Rules(days=1, daily=4),
        every(10, 2, first=40),
        [(ago(30), "kept for day 2026-10-24")],
    ),
    Case(
        "the last one of each of the newest ISO weeks stays",
        every(1, 60),
        Rules(days=1, weekly=4),
        set(every(1, 58, first=2)) - {ago(8), ago(15)},
        [(ago(8), "kept for week 2026-W46"), (ago(15), "kept for week 2026-W45")],
    ),
    Case(
        "the first days of January may belong to week 53",
        at("2027-01-12", "2027-01-10", "2027-01-03", "2027-01-02")
        + at("2026-12-28", "2026-12-27", "2026-12-26"),
        Rules(days=0, weekly=4),
        at("2027-01-02", "2026-12-28", "2026-12-26"),
        [
            (at("2027-01-10")[0], "kept for week 2027-W01"),
            (at("2027-01-03")[0], "kept for week 2026-W53"),
            (at("2026-12-27")[0], "kept for week 2026-W52"),
        ],
        now=datetime(2027, 1, 12, 2, tzinfo=UTC),
    ),
    Case(
        "the last days of December may belong to week 1",
        at("2025-01-06", "2024-12-31", "2024-12-30", "2024-12-29"),
        Rules(days=0, weekly=3),
        at("2024-12-30"),
        [
            (at("2024-12-31")[0], "kept for week 2025-W01"),
            (at("2024-12-29")[0], "kept for week 2024-W52"),
        ],
        now=datetime(2025, 1, 6, 2, tzinfo=UTC),
    ),
    Case(
        "the last one of each of the newest months stays",
        every(1, 120),
        Rules(days=1, monthly=3),
        set(every(1, 118, first=2)) - {ago(23), ago(54)},
        [(ago(23), "kept for month 2026-10"), (ago(54), "kept for month 2026-09")],
    ),
    Case(
        "the same month of another year is another month",
        at("2026-11-23", "2025-11-30", "2025-11-29", "2024-11-30"),
        Rules(days=0, monthly=2),
        at("2025-11-29", "2024-11-30"),
        [(at("2025-11-30")[0], "kept for month 2025-11")],
    ),
    Case(
        "one that stays anyway takes its day's, week's and month's place",
        [ago(0), ago(1, "pinned"), *every(1, 3, first=2)],
        Rules(days=0, daily=2, weekly=2, monthly=1),
        every(1, 3, first=2),
        [(ago(1), "pinned")],
    ),
    Case(
        "the future and damaged ones take no place",
        [ago(-40), ago(-1), ago(0, status="damaged"), *every(1, 4, first=1)],
        Rules(days=0, daily=3, weekly=1, monthly=1),
        [ago(4)],
        [(ago(3), "kept for day 2026-11-20")],
    ),
    # Suspicion.
    Case(
        "a suspicious one holds back what would go, and nothing else changes",
        [*every(1, 3), ago(3, "suspicious"), ago(4, "pinned"), *every(1, 2, first=5)],
        Rules(days=1, daily=6),
        reasons=[
            (ago(0), "the newest verified"),
            (ago(3), "kept for day 2026-11-20"),
            (ago(4), "pinned"),
            (ago(5), "kept for day 2026-11-18"),
            (ago(6), HELD),
        ],
    ),
    Case(
        "a suspicious one is itself held, and the newest one is named",
        [*every(1, 3), ago(3, "suspicious"), ago(4, "suspicious"), ago(5, "suspicious")],
        Rules(days=1),
        reasons=[(ago(i), HELD) for i in (2, 3, 4, 5)],
    ),
    Case(
        "a damaged suspicious one holds retention as well",
        [*every(1, 3), ago(3, "suspicious", status="damaged")],
        Rules(days=1),
        reasons=[(ago(2), HELD), (ago(3), "damaged backups are never deleted")],
    ),
    # Age is time in which backups were made.
    Case(
        "a weekly schedule ages by the calendar",
        every(7, 10),
        DEFAULT,
        every(7, 5, first=35),
    ),
    Case(
        "a monthly schedule ages by the calendar",
        every(30, 20),
        Rules(days=365),
        every(30, 7, first=390),
    ),
    Case(
        "the first and the fifteenth of each month age by the calendar",
        at(*(f"2026-{m:02d}-{d:02d}" for m in range(1, 12) for d in (1, 15))),
        Rules(days=8 + 31 + 30 + 31),
        at(*(f"2026-{m:02d}-{d:02d}" for m in range(1, 9) for d in (1, 15)))[:-1],
    ),
    Case(
        "a month in which every run failed ages by two days",
        [ago(0), *every(1, 31, first=31)],
        DEFAULT,
        every(1, 2, first=60),
    ),
    Case(
        "a month without weekly backups ages by two weeks",
        [ago(0), *every(7, 9, first=35)],
        Rules(days=70),
        [],
        [(ago(35 + 8 * 7), "not older than 70 days")],
    ),
    Case(
        "a clock that is ten years ahead ages by two days",
        [ago(-3650), *every(1, 31)],
        DEFAULT,
        every(1, 2, first=29),
        now=NOW + timedelta(days=3650),
    ),
    Case(
        "a clock that jumps ahead twice in a row ages by two days each",
        [ago(-3650), ago(-1000), *every(1, 31)],
        DEFAULT,
        every(1, 4, first=27),
        now=NOW + timedelta(days=3650),
    ),
    Case(
        "time that passes without any backup ages by two days",
        every(1, 31, first=500),
        DEFAULT,
        every(1, 2, first=529),
    ),
    Case(
        "a clock that is years behind lets nothing go that was made before",
        [*every(1, 60), *every(1, 4, first=2000)],
        Rules(days=1),
        every(1, 2, first=2002),
        [(ago(0), "it is dated in the future"), (ago(2000), "the newest verified")],
        now=NOW - timedelta(days=2000),
    ),
    Case(
        "what such a clock has named is one more normal gap older than the rest",
        [*every(1, 20), *at("1970-01-01")],
        Rules(days=21),
    ),
    Case(
        "ten by hand in one hour do not make a daily schedule older or younger",
        [*every(1, 40), *TEN_BY_HAND],
        DEFAULT,
        every(1, 9, first=31),
    ),
    Case(
        "ten by hand in one hour keep the backups of a weekly schedule longer",
        [*every(7, 20), *TEN_BY_HAND],
        DEFAULT,
        every(7, 11, first=63),
    ),
    Case(
        "ten by hand in one hour are forgotten after some weekly backups",
        [*every(7, 20), *TEN_LONG_AGO],
        DEFAULT,
        [*every(7, 15, first=35), *TEN_LONG_AGO],
    ),
    Case(
        "few gaps are no schedule: a day each",
        [ago(-4000), ago(-2000), *every(1, 2)],
        Rules(days=2),
        [ago(1)],
        [(ago(0), "not older than 2 days")],
        now=NOW + timedelta(days=4000),
    ),
    Case(
        "sixteen gaps of a new schedule are enough, whatever was usual before",
        [*every(7, 17), *every(1 / 24, 200, first=112.5)],
        DEFAULT,
        [*every(7, 12, first=35), *every(1 / 24, 200, first=112.5)],
    ),
    # Had all gaps a say, those between the month ends would make the outage 20 days long.
    Case(
        "the gaps that earlier deletions left make nothing older",
        [*every(1, 16), *every(1, 14, first=35), *MONTH_ENDS],
        Rules(monthly=1000),
    ),
]


@each_awk
@pytest.mark.parametrize("case", TABLE, ids=lambda case: case.title)
def test_retention(case: Case, awk: list[str]) -> None:
    verdicts = decide(case.backups, case.rules, case.now, awk)
    assert {name for _, name in deleted(verdicts)} == names(case.goes)
    assert [made.name for made in verdicts] == sorted(names(case.backups), reverse=True)
    assert all(made.reason and made.group == "g0" for made in verdicts)
    reasons = {made.name: made.reason for made in verdicts}
    for backup, reason in case.reasons:
        assert reasons[backup.name] == reason


@each_awk
def test_databases_know_nothing_of_one_another(awk: list[str]) -> None:
    # Names of groups that are equal as numbers are different words.
    whole = every(1, 5)
    groups = {
        "1": [replace(backup, group="1") for backup in whole],
        "01": [replace(backup, group="01") for backup in [*whole[:4], ago(4, "pinned")]],
        "1.0": [replace(backup, group="1.0") for backup in [ago(0, "suspicious"), *whole[1:]]],
        "-": [replace(backup, group="-") for backup in [ago(9), ago(30, status="unverified")]],
    }
    mixed = [backup for backups in groups.values() for backup in backups]
    Random(4).shuffle(mixed)  # noqa: S311 - no secret
    rules = Rules(days=1, daily=3)
    first_seen = list(dict.fromkeys(backup.group for backup in mixed))
    together = decide(mixed, rules, awk=awk)
    alone = [decide(groups[group], rules, awk=awk) for group in first_seen]
    assert together == [made for verdicts in alone for made in verdicts]
    assert deleted(together) == {("1", ago(i).name) for i in (3, 4)} | {("01", ago(3).name)}


@each_awk
def test_the_order_of_ten_thousand_lines_does_not_matter(awk: list[str]) -> None:
    backups = every(1 / 24, 10_000)
    rules = Rules(days=100, minimum=7, daily=200, weekly=70, monthly=90)
    expected = decide(backups, rules)
    assert len(deleted(expected)) > 5000
    shuffled = Random(4).sample(backups, len(backups))  # noqa: S311 - no secret
    for order in (backups[::-1], backups[5000:] + backups[:5000], shuffled):
        assert decide(order, rules, awk=awk) == expected


@each_awk
@pytest.mark.parametrize("variable", ["now", "days", "minimum", "daily", "weekly", "monthly"])
def test_settings_that_are_no_numbers_delete_nothing(variable: str, awk: list[str]) -> None:
    sound = {"now": int(NOW.timestamp()), **asdict(Rules(days=1))}
    lines = [backup.line for backup in every(1, 5)]
    assert sum(
        line.startswith("delete ") for line in run_awk("volume/retention.awk", lines, awk, **sound)
    )
    for value in ("", " ", "x", "-1", "+1", "1.5", "1e3", "0x10", "1 ", "30d", "٣"):
        answer = run_awk("volume/retention.awk", lines, awk, **{**sound, variable: value})
        words = "the retention settings are not numbers"
        assert answer == [f"keep g0 {backup.name} {words}" for backup in every(1, 5)]
    del sound[variable]
    assert all(
        line.startswith("keep ") for line in run_awk("volume/retention.awk", lines, awk, **sound)
    )


@each_awk
def test_a_line_that_cannot_be_read_stays_and_does_not_count(awk: list[str]) -> None:
    variables = {"now": int(NOW.timestamp()), **asdict(Rules(days=0))}
    torn = [f"g0 {ago(0).name}", f"g0 {ago(1).name} verified", f"g0 {ago(2).name} verified - -"]
    answer = run_awk(
        "volume/retention.awk", [*torn, "", ago(3).line, ago(4).line], awk, **variables
    )
    assert answer == [
        *(f"keep g0 {ago(i).name} its status and flags cannot be read" for i in range(3)),
        f"keep g0 {ago(3).name} the newest verified",
        f"delete g0 {ago(4).name} older than 0 days",
    ]


@pytest.mark.parametrize("step", [1 / 24, 1, 7], ids=["hourly", "daily", "weekly"])
def test_it_makes_no_difference_how_far_the_clock_jumps(step: float) -> None:
    usual = every(step, 60)
    rules = Rules(days=int(30 * step) or 1)
    steady = deleted(decide(usual, rules))
    gone = [
        deleted(decide([ago(-jump), *usual], rules, NOW + timedelta(days=jump)))
        for jump in (14, 15, 40, 365, 4000, 18_000)
    ]
    assert all(each == gone[0] for each in gone)
    # A usual gap and at most one more, or the one day of hourly backups.
    assert len(gone[0] - steady) == (24 if step < 1 else 2)


# --- retention: a model written another way -------------------------------------------------------


@lru_cache(maxsize=20_000)
def moment_of(name: str) -> datetime | None:
    found = re.fullmatch(r"backup-(\d{4})(\d\d)(\d\d)-(\d\d)(\d\d)(\d\d)", name, re.ASCII)
    if not found:
        return None
    year, month, day, hour, minute, second = map(int, found.groups())
    try:
        moment = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None
    return moment if year >= 1970 else None


def not_older(moments: list[datetime], days: int, now: datetime) -> set[datetime]:
    """Those for which, or for an older one, the capped gaps up to it make no more than `days`."""
    moments = sorted(moments, reverse=True)
    gaps = [int((new - old).total_seconds()) for new, old in pairwise([now, *moments])]

    def age(index: int) -> int:
        sample = gaps[1 : index + 1][:31]
        cap = max(DAY, 2 * statistics.median_low(sample)) if len(sample) >= 3 else DAY
        return sum(min(gap, cap) for gap in gaps[: index + 1])

    young = [index for index in range(len(moments)) if age(index) <= days * DAY]
    return set(moments[: max(young) + 1]) if young else set()


NONE_IS_NEWER = "no other verified one is newer"


def safety_not_older(moment: datetime, good: Iterable[datetime], days: int, now: datetime) -> bool:
    """Whether it would not be older as one more after the young ones."""
    young = not_older(list(good), days, now)
    return any(m < moment for m in young) or moment in not_older([*young, moment], days, now)


def day_of(moment: datetime) -> str:
    return moment.date().isoformat()


def week_of(moment: datetime) -> str:
    year, week, _ = moment.isocalendar()
    return f"{year}-W{week:02d}"


def month_of(moment: datetime) -> str:
    return day_of(moment)[:7]


def last_ones(
    moments: Iterable[datetime], word: Callable[[datetime], str], places: int
) -> dict[datetime, str]:
    last = {word(moment): moment for moment in sorted(moments)}
    return {last[chosen]: chosen for chosen in sorted(last, reverse=True)[:places]}


def expected_verdicts(backups: list[Backup], rules: Rules, now: datetime) -> set[tuple[str, ...]]:
    """What must come out for one group: sets, each with its reason, the first one wins."""
    moments = {b: moment_of(b.name) for b in backups}
    good = {
        b: moment
        for b, moment in moments.items()
        if b.status == "verified" and moment and moment <= now
    }
    safety = {b: good.pop(b) for b in list(good) if b.has("safety")}
    newest_first = sorted(good, key=lambda b: good[b], reverse=True)
    young = not_older(list(good.values()), rules.days, now)
    suspicious = [b.name for b in backups if b.has("suspicious")]
    minimum = max(rules.minimum, 1)
    days = "1 day" if rules.days == 1 else f"{rules.days} days"
    not_old = f"not older than {days}"
    reasons: dict[Backup, str] = {}
    for b in backups:
        if b.status != "verified":
            reasons[b] = f"{b.status} backups are never deleted"
        elif moments[b] is None:
            reasons[b] = "the name holds no date"
        elif b not in good and b not in safety:
            reasons[b] = "it is dated in the future"
    for chosen, reason in (
        ([b for b in [*good, *safety] if b.has("pinned")], "pinned"),
        ([b for b in [*good, *safety] if b.has("in-use")], "in use by another run"),
        ([b for b in safety if all(safety[b] > m for m in good.values())], NONE_IS_NEWER),
        (
            [b for b in safety if safety_not_older(safety[b], good.values(), rules.days, now)],
            not_old,
        ),
        (newest_first[:1], "the newest verified"),
        ([b for b in newest_first if b.has("proven")][:1], "the newest proven"),
        (newest_first[:minimum], f"one of the newest {minimum}"),
        ([b for b in good if good[b] in young], not_old),
    ):
        for b in chosen:
            reasons.setdefault(b, reason)
    for kind, word, places in (
        ("day", day_of, rules.daily),
        ("week", week_of, rules.weekly),
        ("month", month_of, rules.monthly),
    ):
        last = last_ones(good.values(), word, places) if places else {}
        for b in good:
            if good[b] in last:
                reasons.setdefault(b, f"kept for {kind} {last[good[b]]}")
    stays = {("keep", b.group, b.name, reason) for b, reason in reasons.items()}
    rest = {*good, *safety} - set(reasons)
    if suspicious:
        held = f"retention is held: {max(suspicious)} is suspicious until it is acknowledged"
        return stays | {("keep", b.group, b.name, held) for b in rest}
    return stays | {("delete", b.group, b.name, f"older than {days}") for b in rest}


# --- retention: random histories ------------------------------------------------------------------

HISTORIES = 100_000
BATCH = 250  # one awk process decides so many histories, a group each
STEPS = (HOUR, 6 * HOUR, DAY, DAY, DAY, 7 * DAY, 30 * DAY)
FLAGS = ("safety", "pinned", "proven", "suspicious", "in-use")
ODD_NAMES = ("10", "9", "notes", "backup-20260230-000000", "backup-2026-000000", "backup-mine")
TURNS = (  # where calendars go wrong
    *(datetime(2024, 2, 29, 23, 59, 59, tzinfo=UTC), datetime(2100, 3, 1, tzinfo=UTC)),
    *(datetime(2026, 12, 31, 12, tzinfo=UTC), datetime(2027, 1, 3, 12, tzinfo=UTC)),
    *(datetime(2024, 12, 30, 12, tzinfo=UTC), datetime(2021, 1, 4, tzinfo=UTC), NOW),
)


def random_history(chance: Random, now: int, group: str) -> list[Backup]:
    """A schedule with outages, runs by hand, wrong clocks, and every status and flag."""
    step = chance.choice(STEPS)
    irregular = chance.random() < 0.2
    sound, flagged = chance.choice((1, 0.9, 0.5)), chance.choice((0, 0.05, 0.3))
    count = chance.choice((1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 12, 15, 20, 45))
    moment = now - chance.choice((0, 0, 1, step, chance.randint(0, 90 * DAY), -3 * step))
    found: dict[str, Backup] = {}
    for _ in range(count):
        status = "verified" if chance.random() < sound else chance.choice(("damaged", "unverified"))
        flags = [
            flag for flag in FLAGS if chance.random() < flagged * (flag != "suspicious" or 0.2)
        ]
        if chance.random() < 0.01:
            name = chance.choice(ODD_NAMES)
        elif 0 <= moment < 250_000_000_000:
            name = name_of(moment) + (".sql.gz" if status == "unverified" else "")
        else:
            continue
        found[name] = Backup(name, ",".join(flags) or "-", status, group)
        gap = int(chance.expovariate(1 / step)) if irregular else step
        event = chance.random()
        if event < 0.04:
            gap *= chance.randint(2, 40)  # every run failed
        elif event < 0.08:
            gap = chance.randint(1, 10 * MINUTE)  # by hand
        elif event < 0.12:
            gap = chance.randint(-4000, 4000) * DAY  # the clock
        elif event < 0.2:
            gap += chance.randint(-30, 30)
        moment -= gap
    backups = list(found.values())
    chance.shuffle(backups)
    return backups


# Words that some awk may take for numbers, and for the same one.
def group_names(count: int) -> list[str]:
    return [(f"{i}", f"0{i - 1}", f"{i - 2}.0", f"db{i}", f"{i}e2")[i % 5] for i in range(count)]


rules_of_any_kind = st.builds(
    Rules,
    days=st.one_of(st.integers(0, 60), st.sampled_from((1, 7, 30, 365, 36_500))),
    minimum=st.integers(0, 12),
    daily=st.sampled_from((0, 0, 1, 2, 7, 40)),
    weekly=st.sampled_from((0, 0, 1, 3, 8)),
    monthly=st.sampled_from((0, 0, 1, 6, 24)),
)
moments_of_any_kind = st.one_of(
    st.sampled_from(TURNS),
    st.datetimes(
        datetime(1971, 1, 1),
        datetime(2200, 1, 1),
        timezones=st.just(UTC),
    ).map(lambda moment: moment.replace(microsecond=0)),
)
seeds = st.integers(0, 2**32)


def random_batch(seed: int, rules: Rules, now: datetime) -> tuple[Random, dict[str, list[Backup]]]:
    # From all three: hypothesis likes to try the same seed with other rules.
    chance = Random(f"{seed} {rules} {now}")  # noqa: S311 - no secret
    moment = int(now.timestamp())
    return chance, {group: random_history(chance, moment, group) for group in group_names(BATCH)}


def tries(count: int, *phases: Phase) -> settings:
    return settings(
        max_examples=count,
        deadline=None,
        database=None,
        phases=phases or tuple(Phase),
        suppress_health_check=[HealthCheck.too_slow],
    )


def batches(count: int) -> settings:
    # A smaller seed is no simpler history: looking for one would only take long.
    return tries(count, Phase.generate)


def test_a_hundred_thousand_histories_are_decided_as_the_model_says(
    capsys: pytest.CaptureFixture[str],
) -> None:
    seen: set[int] = set()
    verdicts = defaultdict[str, int](int)

    @batches(HISTORIES // BATCH + 60)  # the shortest histories come more than once
    @given(seeds, rules_of_any_kind, moments_of_any_kind, st.sampled_from(AWKS))
    def compare(seed: int, rules: Rules, now: datetime, awk: tuple[str, ...]) -> None:
        chance, histories = random_batch(seed, rules, now)
        lines = [backup for backups in histories.values() for backup in backups]
        if chance.random() < 0.5:
            chance.shuffle(lines)
        answers = defaultdict[str, set[tuple[str, ...]]](set)
        for made in decide(lines, rules, now, awk):
            answers[made.group].add(made)
            verdicts[made.verdict] += 1
        for group, backups in sorted(histories.items(), key=lambda item: len(item[1])):
            answer = answers[group]
            expected = expected_verdicts(backups, rules, now)
            if answer != expected:
                shown = "\n".join(backup.line for backup in sorted(backups, key=lambda b: b.name))
                differing = sorted(answer ^ expected)
                pytest.fail(f"{rules}, now {now}, {awk}:\n{shown}\ndiffers in {differing}")
            check_promises(backups, rules, now, {name for v, _, name, _ in answer if v == "delete"})
            seen.add(hash(frozenset(replace(b, group="") for b in backups)))

    compare()
    with capsys.disabled():
        print(f"\n{len(seen)} different histories: {dict(verdicts)}")
    assert len(seen) >= HISTORIES
    assert min(verdicts["keep"], verdicts["delete"]) > HISTORIES


def check_promises(backups: list[Backup], rules: Rules, now: datetime, gone: set[str]) -> None:
    """What no rule may ever break, in the promises' own words."""
    may_go = [
        b
        for b in sorted(backups, key=lambda b: b.name, reverse=True)
        if b.status == "verified" and (moment := moment_of(b.name)) and moment <= now
    ]
    good = [b for b in may_go if not b.has("safety")]
    assert gone <= names(may_go), "only verified backups with a date in the past go"
    assert not good or good[0].name not in gone, "the newest verified one stays"
    proven = [b for b in good if b.has("proven")]
    assert not proven or proven[0].name not in gone, "the newest proven one stays"
    stay = names(good) - gone
    assert len(stay) >= min(max(rules.minimum, 1), len(good)), "the floor holds"
    assert not any(b.name in gone for b in may_go if b.has("pinned") or b.has("in-use"))
    assert good or not gone, "a safety backup that is the only one stays"
    assert not gone or not any(b.has("suspicious") for b in backups), "a suspicious one holds"
    # Gaps are cut, never stretched.
    assert all(now - (moment_of(name) or now) > timedelta(days=rules.days) for name in gone)


@batches(20)
@given(seeds, rules_of_any_kind, moments_of_any_kind)
def test_deciding_again_deletes_nothing_more(seed: int, rules: Rules, now: datetime) -> None:
    chance, histories = random_batch(seed, rules, now)
    backups = [b for history in histories.values() for b in history]
    gone = deleted(decide(backups, rules, now))
    # Also where a run was killed half-way. It may be less then: without those that are gone an
    # older one that was kept can count as young, and whatever is newer than it is young with it.
    done = {each for each in sorted(gone) if chance.random() < 0.5}
    left = [b for b in backups if (b.group, b.name) not in done]
    assert deleted(decide(left, rules, now)) <= gone - done
    left = [b for b in backups if (b.group, b.name) not in gone]
    assert deleted(decide(left, rules, now)) == set()


@batches(20)
@given(seeds, rules_of_any_kind, moments_of_any_kind)
def test_a_pin_or_a_higher_keep_never_deletes_more(seed: int, rules: Rules, now: datetime) -> None:
    chance, histories = random_batch(seed, rules, now)
    backups = [b for history in histories.values() for b in history]
    gone = deleted(decide(backups, rules, now))
    for flag in FLAGS:
        # A newer proven one takes the place of an older one, and a safety backup has no place; the
        # others only ever add.
        if flag not in ("proven", "safety"):
            more = [b.with_flag(flag) if chance.random() < 0.2 else b for b in backups]
            assert deleted(decide(more, rules, now)) <= gone, flag
    for field, value in asdict(rules).items():
        higher = replace(rules, **{field: value + chance.randint(1, 10)})
        assert deleted(decide(backups, higher, now)) <= gone, field


@batches(20)
@given(seeds, rules_of_any_kind, moments_of_any_kind)
def test_other_databases_and_the_order_of_lines_change_nothing(
    seed: int, rules: Rules, now: datetime
) -> None:
    chance, histories = random_batch(seed, rules, now)
    backups = [b for history in histories.values() for b in history]
    answer = decide(backups, rules, now)
    chance.shuffle(backups)
    assert sorted(decide(backups, rules, now)) == sorted(answer)
    some = {group for group in histories if chance.random() < 0.5}
    fewer = decide([b for b in backups if b.group in some], rules, now)
    assert sorted(fewer) == sorted(made for made in answer if made.group in some)


@batches(20)
@given(seeds, rules_of_any_kind, moments_of_any_kind)
def test_it_makes_no_difference_how_far_the_clock_jumps_after_any_history(
    seed: int, rules: Rules, now: datetime
) -> None:
    _, histories = random_batch(seed, rules, now)

    def after(years: int) -> set[tuple[str, str]]:
        later = now + timedelta(days=years * 365)
        fresh = [Backup(name_of(later), group=group) for group in histories]
        # What is in the future today must not become the past by the jump.
        past = [b for h in histories.values() for b in h if (moment_of(b.name) or now) <= now]
        return deleted(decide([*fresh, *past], rules, later))

    # Both longer than twice any gap of a history, which is what may be counted at most.
    assert after(500) == after(1000)


# --- anomalies ------------------------------------------------------------------------------------

USUAL = "100000000 98211 40 100"
ROUND = "100000000 10000 40 100"
MEBIBYTE = 1 << 20


@dataclass(frozen=True)
class Oddity:
    """A new backup, the earlier ones, and the words for what is odd."""

    title: str
    fresh: str
    earlier: list[str]
    words: str = ""
    factor: int = 2


ODDITIES = [
    Oddity("like those before it", "90000000 99000 41 90", [USUAL] * 7),
    Oddity("the very first one", "1 0 0 0", []),
    Oddity("two earlier ones are no sample", "1 0 0 0", [USUAL] * 2),
    Oddity(
        "few rows",
        "100000000 120 40 100",
        [USUAL] * 7,
        "rows fell to 120, the median of the last 7 backups is 98211",
    ),
    Oddity(
        "many rows",
        "100000000 200000 40 100",
        [USUAL] * 3,
        "rows rose to 200000, the median of the last 3 backups is 98211",
    ),
    Oddity(
        "a small file",
        f"{MEBIBYTE * 2 - 1} 98211 40 100",
        [USUAL] * 3,
        "the size fell to 1.9 MiB, the median of the last 3 backups is 95.3 MiB",
    ),
    Oddity(
        "a large file",
        f"{3 << 40} 98211 40 100",
        [f"{5 << 30} 98211 40 100"] * 3,
        "the size rose to 3.0 TiB, the median of the last 3 backups is 5.0 GiB",
    ),
    Oddity(
        "everything at once",
        "1023 0 3 1000",
        [USUAL] * 10,
        "the size fell to 1023 B, the median of the last 10 backups is 95.3 MiB; "
        "rows fell to 0, the median of the last 10 backups is 98211; "
        "tables fell to 3, the median of the last 10 backups is 40; "
        "large objects rose to 1000, the median of the last 10 backups is 100",
    ),
    Oddity("exactly half is not less", "50000000 5000 20 50", [ROUND] * 3),
    Oddity("exactly twice is not more", "200000000 20000 80 200", [ROUND] * 3),
    Oddity(
        "one less than half",
        "50000000 4999 20 50",
        [ROUND] * 3,
        "rows fell to 4999, the median of the last 3 backups is 10000",
    ),
    Oddity(
        "one more than twice",
        "50000000 10000 81 50",
        [ROUND] * 3,
        "tables rose to 81, the median of the last 3 backups is 40",
    ),
    Oddity("a tenth, where ten is the factor", "10000000 1000 4 10", [ROUND] * 3, factor=10),
    Oddity(
        "less than a tenth, where ten is the factor",
        "10000000 999 4 10",
        [ROUND] * 3,
        "rows fell to 999, the median of the last 3 backups is 10000",
        factor=10,
    ),
    Oddity("small now and then", "1048575 999 3 9", ["1000 1 1 1"] * 3),
    Oddity("small then and now", "1000 1 1 1", ["1048575 999 3 9"] * 3),
    Oddity(
        "no longer small",
        f"{MEBIBYTE} 1000 4 10",
        ["1000 1 1 1"] * 3,
        "the size rose to 1.0 MiB, the median of the last 3 backups is 1000 B; "
        "rows rose to 1000, the median of the last 3 backups is 1; "
        "tables rose to 4, the median of the last 3 backups is 1; "
        "large objects rose to 10, the median of the last 3 backups is 1",
    ),
    Oddity(
        "small of a sudden",
        "1024 1 1 1",
        [f"{MEBIBYTE} 1000 4 10"] * 3,
        "the size fell to 1.0 KiB, the median of the last 3 backups is 1.0 MiB; "
        "rows fell to 1, the median of the last 3 backups is 1000; "
        "tables fell to 1, the median of the last 3 backups is 4; "
        "large objects fell to 1, the median of the last 3 backups is 10",
    ),
    Oddity(
        "what is gone entirely is not small",
        "1000 0 0 0",
        ["1000 1 2 1"] * 3,
        "rows fell to 0, the median of the last 3 backups is 1; "
        "tables fell to 0, the median of the last 3 backups is 2; "
        "large objects fell to 0, the median of the last 3 backups is 1",
    ),
    Oddity("never anything", "1000 0 0 0", ["1000 0 0 0"] * 3),
    Oddity(
        "something where nothing was",
        "1000 5000 3 9",
        ["1000 0 0 0"] * 3,
        "rows rose to 5000, the median of the last 3 backups is 0",
    ),
    Oddity("odd ones among the earlier ones", USUAL, ["1 0 0 0", *[USUAL] * 3, "9 9 9 9"]),
    Oddity(
        "not known now",
        "- 120 - -",
        [USUAL] * 3,
        "rows fell to 120, the median of the last 3 backups is 98211",
    ),
    Oddity(
        "not known then: what is known is the sample",
        "1000 120 1 0",
        [USUAL, "100000000 - 40 -", "100000000 98211 - -", "- 98211 - 100"],
        "the size fell to 1000 B, the median of the last 3 backups is 95.3 MiB; "
        "rows fell to 120, the median of the last 3 backups is 98211",
    ),
    Oddity(
        "of an even number the lower one of the two in the middle",
        "100000000 120 40 100",
        [f"100000000 {rows} 40 100" for rows in (4000, 1000, 3000, 2000)],
        "rows fell to 120, the median of the last 4 backups is 2000",
    ),
    Oddity(
        "thirty-two bits are not the end",
        "100000000 4000000000 40 100",
        ["100000000 9000000000 40 100"] * 3,
        "rows fell to 4000000000, the median of the last 3 backups is 9000000000",
    ),
    Oddity(
        "compared as numbers, not as words",
        "100000000 9000 40 100",
        [f"100000000 {rows} 40 100" for rows in (10000, 9999, 100000)],
    ),
    Oddity("torn lines say nothing", "1", ["", "100000000 98", "1e9 x -1 0x10", "1.5 1", "9"]),
]


@each_awk
@pytest.mark.parametrize("oddity", ODDITIES, ids=lambda oddity: oddity.title)
def test_anomaly(oddity: Oddity, awk: list[str]) -> None:
    for earlier in (oddity.earlier, oddity.earlier[::-1]):
        lines = [oddity.fresh, *earlier]
        words = run_awk("backup/anomaly.awk", lines, awk, factor=oddity.factor, minimum=3)
        assert words == ([oddity.words] if oddity.words else [])


@each_awk
def test_anomaly_settings_that_are_no_numbers_make_suspicious(awk: list[str]) -> None:
    for factor, minimum in (("", 3), ("x", 3), ("-2", 3), ("1", 3), ("0", 3), (2, ""), (2, "x")):
        words = run_awk("backup/anomaly.awk", [USUAL] * 9, awk, factor=factor, minimum=minimum)
        assert words == ["the anomaly settings are not numbers"]


amounts = st.one_of(st.none(), st.integers(0, 30), st.integers(0, 3000), st.integers(0, 10**10))
backups_in_numbers = st.tuples(amounts, amounts, amounts, amounts)


@tries(400)
@given(backups_in_numbers, st.lists(backups_in_numbers, max_size=10), st.integers(2, 20))
def test_any_numbers_are_judged_by_their_median(
    fresh: tuple[int | None, ...], earlier: list[tuple[int | None, ...]], factor: int
) -> None:
    lines = [" ".join("-" if n is None else str(n) for n in line) for line in (fresh, *earlier)]
    words = "".join(run_awk("backup/anomaly.awk", lines, factor=factor, minimum=3))
    found = {
        (re.split(" fell to | rose to ", reason)[0], " rose to " in reason)
        for reason in words.split("; ")
        if reason
    }
    expected: set[tuple[str, bool]] = set()
    metrics = ("the size", MEBIBYTE), ("rows", 1000), ("tables", 4), ("large objects", 10)
    for metric, (label, small) in enumerate(metrics):
        sample = [known for line in earlier if (known := line[metric]) is not None]
        value = fresh[metric]
        if value is None or len(sample) < 3:
            continue
        usual = statistics.median_low(sample)
        if value == 0 < usual or (max(value, usual) >= small and value < usual / factor):
            expected.add((label, False))
        if max(value, usual) >= small and value > usual * factor:
            expected.add((label, True))
    assert found == expected


# --- when the volume is full ----------------------------------------------------------------------

GIBIBYTE = 1 << 30
EPOCH = int(NOW.timestamp())


def space(*seen: tuple[float, float]) -> list[str]:
    """Lines for (days ago, GiB free)."""
    return [f"{EPOCH - round(days * DAY)} {round(free * GIBIBYTE)}" for days, free in seen]


TEN_A_DAY = space(*((day, 100 + 10 * day) for day in range(6)))
A_SECOND = 1 / DAY


@dataclass(frozen=True)
class Forecast:
    """Lines, and in how many days nothing is free."""

    title: str
    lines: list[str]
    days: str
    free: object = 100 * GIBIBYTE


FORECASTS = [
    Forecast("ten a day", TEN_A_DAY, "10"),
    Forecast("whole days are counted", TEN_A_DAY, "9", 100 * GIBIBYTE - 1_000_000),
    Forecast(
        "ten are not nine where a double has no more digits",
        space((0.25, 102.5), (1.25, 112.5), (7, 170)),
        "10",
    ),
    Forecast("nothing is free", TEN_A_DAY, "0", 0),
    Forecast("no lines", [], "-"),
    Forecast("two points are no trend", TEN_A_DAY[:2], "-"),
    Forecast("three are one", TEN_A_DAY[:3], "10"),
    Forecast("a day is long enough", space((0, 100), (0.5, 105), (1, 110)), "10"),
    Forecast("less is not", space((0, 100), (0.5, 105), (1 - A_SECOND, 110)), "-"),
    Forecast("three at one moment", space((3, 1), (3, 2), (3, 3)), "-"),
    Forecast("free space does not shrink", space((0, 100), (1, 100), (2, 100)), "-"),
    Forecast("free space grows", space((0, 100), (1, 90), (2, 80)), "-"),
    Forecast("up and down", space((0, 95), (1, 94), (2, 92), (3, 98), (4, 100)), "71"),
    Forecast("in a hundred years", space((0, 100), (1, 100.001), (2, 100.002)), "-"),
    Forecast("what is fourteen days old is asked", [*TEN_A_DAY[:2], *space((14, 240))], "10"),
    Forecast("what is older is not", [*TEN_A_DAY, *space((14 + A_SECOND, 0), (900, 0))], "10"),
    Forecast("two and an older one", [*TEN_A_DAY[:2], *space((14 + A_SECOND, 240))], "-"),
    Forecast("what a wrong clock wrote", [*TEN_A_DAY, *space((-A_SECOND, 0), (-99, 5))], "10"),
    Forecast(
        "torn and foreign lines",
        [
            *(*TEN_A_DAY, "", f"{EPOCH}", f"{EPOCH} ", f"{EPOCH} 1 1", f"{EPOCH} -5", "17 0"),
            *(f"{EPOCH} 1e3", f"{EPOCH} x", f"x {EPOCH}", "# 1", f"{EPOCH} 1.5", "-5 5"),
            *(f"{EPOCH},7", f"{EPOCH}{EPOCH} 0", f"{EPOCH}.5 0", f"{EPOCH} 0x10"),
        ],
        "10",
    ),
    Forecast("free space that is no number", TEN_A_DAY, "-", "x"),
    Forecast("free space that is not known", TEN_A_DAY, "-", ""),
]


@each_awk
@pytest.mark.parametrize("forecast", FORECASTS, ids=lambda forecast: forecast.title)
def test_forecast(forecast: Forecast, awk: list[str]) -> None:
    for lines in (forecast.lines, forecast.lines[::-1]):
        answer = run_awk("volume/forecast.awk", lines, awk, now=EPOCH, free=forecast.free)
        assert answer == [forecast.days]


points = st.tuples(st.integers(0, 14 * DAY), st.integers(0, 1 << 44))


@tries(400)
@given(st.lists(points, min_size=3, max_size=30), st.integers(0, 1 << 44))
def test_the_line_through_any_points_is_that_of_the_least_squares(
    seen: list[tuple[int, int]], free: int
) -> None:
    lines = [f"{EPOCH - age} {left}" for age, left in seen]
    answer = run_awk("volume/forecast.awk", lines, now=EPOCH, free=free)
    ages = [age / DAY for age, _ in seen]
    if max(ages) - min(ages) < 1:
        assert answer == ["-"]
        return
    slope = statistics.linear_regression(ages, [left for _, left in seen]).slope
    assume(abs(slope) > 1)  # a byte a day is the last digit of a double
    days = free / slope
    assume(not 36_524 < days < 36_526)
    if slope < 0 or days > 36_526:
        assert answer == ["-"]
    else:
        assert answer in ([str(int(days))], [str(int(days + 0.001))])

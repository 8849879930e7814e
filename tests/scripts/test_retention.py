"""Retention cannot hurt: the decision (the shipped file) and what a run does with it."""

from __future__ import annotations

import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.scripts.harness import SCRIPTS, Pod, clone_backup

NOW = datetime(2026, 11, 23, 2, 0, 0, tzinfo=UTC)
AWKS = [
    words
    for words in (["mawk"], ["gawk"], ["gawk", "--posix"], ["busybox", "awk"])
    if shutil.which(words[0]) is not None
]


def name_of(moment: datetime) -> str:
    return moment.strftime("backup-%Y%m%d-%H%M%S")


def days_ago(days: float) -> str:
    return name_of(NOW - timedelta(days=days))


def decide(
    lines: list[tuple[str, str]], *, days: int = 30, minimum: int = 7, awk: list[str] | None = None
) -> list[tuple[str, str, str]]:
    """Runs the shipped file."""
    done = subprocess.run(
        [
            *(*(awk or AWKS[0]), "-v", f"now={int(NOW.timestamp())}", "-v", f"days={days}"),
            *("-v", f"minimum={minimum}", "-f", str(SCRIPTS / "retention.awk")),
        ],
        input="".join(f"{name} {status}\n" for name, status in lines),
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stderr == ""
    return [
        (words[0], words[1], words[2])
        for words in (line.split(" ", 2) for line in done.stdout.splitlines())
    ]


def deleted(lines: list[tuple[str, str]], days: int = 30, minimum: int = 7) -> set[str]:
    return {
        name
        for verdict, name, _ in decide(lines, days=days, minimum=minimum)
        if verdict == "delete"
    }


TABLE: list[tuple[str, list[tuple[str, str]], int, int, set[str]]] = [
    ("nothing at all", [], 30, 7, set()),
    ("one old one is the only one", [(days_ago(400), "verified")], 30, 1, set()),
    ("younger than the limit stays", [(days_ago(i), "verified") for i in range(31)], 30, 1, set()),
    (
        "older than the limit goes",
        [(days_ago(i), "verified") for i in range(40)],
        30,
        1,
        {days_ago(i) for i in range(31, 40)},
    ),
    ("to the second", [(days_ago(0), "verified"), (days_ago(1), "verified")], 1, 1, set()),
    (
        "one second older",
        [(days_ago(0), "verified"), (name_of(NOW - timedelta(days=1, seconds=1)), "verified")],
        1,
        1,
        {name_of(NOW - timedelta(days=1, seconds=1))},
    ),
    ("the floor holds", [(days_ago(100 + i), "verified") for i in range(7)], 30, 7, set()),
    (
        "above the floor",
        [(days_ago(100 + i), "verified") for i in range(9)],
        30,
        7,
        {days_ago(107), days_ago(108)},
    ),
    (
        "damaged ones neither go nor count",
        [
            (days_ago(1), "damaged"),
            (days_ago(2), "damaged"),
            (days_ago(90), "verified"),
            (days_ago(91), "verified"),
        ],
        30,
        1,
        {days_ago(91)},
    ),
    (
        "unverified ones neither go nor count",
        [
            (days_ago(1) + ".sql.gz", "unverified"),
            (days_ago(900) + ".sql.gz", "unverified"),
            (days_ago(90), "verified"),
        ],
        30,
        1,
        set(),
    ),
    (
        "the future neither goes nor counts",
        [
            (name_of(NOW + timedelta(days=3000)), "verified"),
            (days_ago(90), "verified"),
            (days_ago(91), "verified"),
        ],
        30,
        1,
        {days_ago(91)},
    ),
    (
        "a date that does not exist",
        [("backup-20260230-000000", "verified"), (days_ago(1), "verified")],
        1,
        1,
        set(),
    ),
    (
        "a name that is none",
        [("backup-2026-000000", "verified"), ("../../etc", "verified")],
        1,
        1,
        set(),
    ),
    (
        "leap days count",
        [(days_ago(0), "verified"), ("backup-20240229-020000", "verified")],
        998,
        1,
        set(),
    ),
    (
        "leap days count, a day later",
        [(days_ago(0), "verified"), ("backup-20240229-020000", "verified")],
        997,
        1,
        {"backup-20240229-020000"},
    ),
]


@pytest.mark.parametrize("awk", AWKS, ids=" ".join)
def test_the_table_of_decisions_holds_in_every_awk(awk: list[str]) -> None:
    for title, lines, days, minimum, expected in TABLE:
        verdicts = decide(lines, days=days, minimum=minimum, awk=awk)
        assert {name for verdict, name, _ in verdicts if verdict == "delete"} == expected, title
        assert sorted(name for _, name, _ in verdicts) == sorted(name for name, _ in lines), title
        assert all(reason for *_, reason in verdicts), title


def test_order_of_the_input_does_not_matter() -> None:
    lines = [(days_ago(i * 7), "verified") for i in range(20)]
    assert decide(lines) == decide(lines[::-1])


@pytest.mark.parametrize(("days", "minimum"), [("", "7"), ("30", ""), ("x", "7"), ("30", "-1")])
def test_settings_that_are_no_numbers_delete_nothing(days: str, minimum: str) -> None:
    done = subprocess.run(
        [
            *(*AWKS[0], "-v", "now=1795399200", "-v", f"days={days}", "-v", f"minimum={minimum}"),
            *("-f", str(SCRIPTS / "retention.awk")),
        ],
        input="".join(f"{days_ago(i * 100)} verified\n" for i in range(20)),
        check=True,
        capture_output=True,
        text=True,
    )
    assert "delete" not in done.stdout


HISTORY = st.lists(
    st.tuples(
        st.integers(min_value=-(86400 * 400), max_value=86400 * 4000),
        st.sampled_from(["verified", "verified", "verified", "damaged", "unverified"]),
    ),
    max_size=60,
    unique_by=lambda entry: entry[0],
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(history=HISTORY, days=st.integers(1, 400), minimum=st.integers(1, 20))
def test_no_history_loses_what_it_must_keep(
    history: list[tuple[int, str]], days: int, minimum: int
) -> None:
    lines = [
        (
            name_of(NOW - timedelta(seconds=age)) + (".sql.gz" if status == "unverified" else ""),
            status,
        )
        for age, status in history
    ]
    gone = deleted(lines, days=days, minimum=minimum)
    past = sorted(
        (age, name)
        for (age, status), (name, _) in zip(history, lines, strict=True)
        if status == "verified" and age >= 0
    )
    expected = {name for age, name in past[minimum:] if age > days * 86400}
    assert gone == expected
    assert all(status == "verified" for name, status in lines if name in gone)
    assert not past or past[0][1] not in gone, "the newest verified one stays"
    assert len(past) - len(gone) >= min(minimum, len(past)), "the floor holds"


# --- what a run does with it ----------------------------------------------------------------------


def test_old_backups_go_to_the_trash_and_are_gone_one_run_later(pod: Pod) -> None:
    first = pod.good_backup()
    old = [clone_backup(first, f"backup-2020010{day}-000000") for day in range(1, 5)]
    second = pod.good_backup(RETENTION_MINIMUM="3")
    assert pod.names() == [old[-1].name, first.name, second.name]
    trash = pod.volume / ".trash"
    assert sorted(path.name for path in trash.iterdir()) == [path.name for path in old[:-1]]
    third = pod.good_backup(RETENTION_MINIMUM="3")
    assert pod.names() == [first.name, second.name, third.name]
    assert [path.name for path in trash.iterdir()] == [old[-1].name]


def test_damaged_and_legacy_backups_stay_and_do_not_count(pod: Pod) -> None:
    first = pod.good_backup()
    old = [clone_backup(first, f"backup-2020010{day}-000000") for day in range(1, 4)]
    (pod.volume / "backup-20190101-000000.sql.gz").write_bytes(b"x")
    (old[2] / "globals.sql").write_text("x", encoding="utf-8")
    assert pod.console("verify", old[2].name).code == 1
    pod.good_backup(RETENTION_MINIMUM="3")
    assert {"backup-20190101-000000.sql.gz", old[2].name, old[1].name} < set(pod.names())
    assert old[0].name not in pod.names()


def test_another_database_has_its_own_floor(pod: Pod) -> None:
    first = pod.good_backup()
    other = clone_backup(first, "backup-20200101-000000")
    summary = other / "summary"
    summary.write_text(
        summary.read_text(encoding="utf-8").replace("database=source", "database=other"),
        encoding="utf-8",
    )
    pod.good_backup(RETENTION_MINIMUM="1")
    assert other.name in pod.names()


def test_a_retention_that_fails_leaves_the_good_backup_a_success_and_says_so(pod: Pod) -> None:
    first = pod.good_backup()
    old = clone_backup(first, "backup-20200101-000000")
    trash = pod.volume / ".trash"
    trash.chmod(0o550)
    try:
        result = pod.backup(RETENTION_MINIMUM="1")
    finally:
        trash.chmod(0o770)
    assert result.code == 0, result.output
    assert "WARNING: retention failed" in result.output
    assert old.name in pod.names()
    assert len(pod.names()) == 3


def test_the_sweep_touches_only_names_of_its_own(pod: Pod) -> None:
    for place in (".staging", ".trash"):
        for name in ("backup-20200101-000000", "backup-mine", "notes"):
            (pod.volume / place / name).mkdir(parents=True)
    outside = pod.root / "outside"
    outside.mkdir()
    (outside / "precious").write_text("x", encoding="utf-8")
    (pod.volume / ".trash/backup-20200101-000001").symlink_to(outside)
    for path in (pod.volume / ".staging", pod.volume / ".trash"):
        path.chmod(0o777)
        for child in path.iterdir():
            if not child.is_symlink():
                child.chmod(0o777)
    pod.good_backup()
    for place in (".staging", ".trash"):
        left = {path.name for path in (pod.volume / place).iterdir()}
        assert left - {"backup-20200101-000001"} == {"backup-mine", "notes"}
    assert (outside / "precious").exists()
    assert isinstance(outside, Path)

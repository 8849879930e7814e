"""Retention by hand: what prune foretells is what it does; pins, uses and suspicions hold it."""

from __future__ import annotations

import fcntl
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.scripts.harness import SCRIPTS, Pod, Server, clone_backup, make_legacy, wait_until

DAYS = {"RETENTION_DAYS": "3", "RETENTION_MINIMUM": "1"}


def days_ago(days: int) -> str:
    # Half an hour less: the third day stays the third however long the test takes.
    return (datetime.now(UTC) - timedelta(days=days, minutes=-30)).strftime("backup-%Y%m%d-%H%M%S")


@pytest.fixture
def history(pod: Pod) -> list[str]:
    """Eleven daily backups, newest first."""
    backup = pod.good_backup()
    names = [clone_backup(backup, days_ago(day)).name for day in range(1, 11)]
    pod.settings |= DAYS
    return [backup.name, *names]


def plan(pod: Pod, *, dry_run: bool = True) -> tuple[list[list[str]], str]:
    """The rows of a prune's answer, and its last line."""
    result = pod.run(
        "console/main.sh",
        CONSOLE_COMMAND="prune",
        CONSOLE_OUTPUT="tsv",
        CONSOLE_DRY_RUN="true" if dry_run else "false",
    )
    assert result.code == 0, result.output
    lines = result.output.splitlines()
    assert lines[0] == "#pgkeep-prune 1"
    return [line.split("\t") for line in lines[1:-1]], lines[-1]


def trash(pod: Pod) -> list[str]:
    return sorted(path.name for path in pod.volume.glob(".trash/*"))


def test_a_dry_run_says_for_each_backup_why_it_stays_or_goes_and_changes_nothing(
    pod: Pod, history: list[str]
) -> None:
    before = pod.names()
    rows, last = plan(pod)
    assert [row[1] for row in rows] == history
    assert [row[0] for row in rows] == ["keep"] * 4 + ["delete"] * 7
    assert {row[2] for row in rows} == {"source"}
    assert [row[3] for row in rows] == [
        "the newest verified",
        *["not older than 3 days"] * 3,
        *["older than 3 days"] * 7,
    ]
    assert last == "#result dry-run 7"
    assert pod.names() == before
    assert trash(pod) == []


def test_the_real_run_does_exactly_what_the_dry_run_said(pod: Pod, history: list[str]) -> None:
    foretold, _ = plan(pod)
    done, last = plan(pod, dry_run=False)
    assert done == foretold
    assert last == "#result done 7"
    assert set(pod.names()) == {row[1] for row in foretold if row[0] == "keep"}
    assert set(trash(pod)) == {row[1] for row in foretold if row[0] == "delete"}
    assert set(pod.names()) < set(history)


def test_what_lies_in_the_trash_can_be_taken_back_until_the_next_run(
    pod: Pod, history: list[str]
) -> None:
    plan(pod, dry_run=False)
    (pod.volume / ".trash" / history[-1]).rename(pod.volume / history[-1])
    assert pod.console("verify", history[-1]).code == 0
    plan(pod, dry_run=False)
    assert trash(pod) == [history[-1]], "the others are really gone"


def test_a_run_that_fails_does_not_empty_the_trash(pod: Pod, history: list[str]) -> None:
    plan(pod, dry_run=False)
    before = trash(pod)
    (pod.secret / "password").write_text("wrong", encoding="utf-8")
    assert pod.backup().code == 1
    assert trash(pod) == before == sorted(history[4:])


def test_a_pinned_backup_stays_until_it_is_unpinned(pod: Pod, history: list[str]) -> None:
    pinned = history[-1]
    assert pod.console("pin", pinned).code == 0
    assert pod.flags(pinned) == {"pinned"}
    rows, _ = plan(pod, dry_run=False)
    assert rows[-1][0] == "keep"
    assert "pinned" in rows[-1][3]
    assert pinned in pod.names()

    assert pod.console("unpin", pinned).code == 0
    plan(pod, dry_run=False)
    assert pinned not in pod.names()
    assert "is not pinned" in pod.console("unpin", history[0]).explained()


def test_the_newest_proven_backup_stays_however_old_it_is(pod: Pod, history: list[str]) -> None:
    pod.put_mark("proven", history[8])
    pod.put_mark("proven", history[9])
    plan(pod, dry_run=False)
    assert history[8] in pod.names()
    assert history[9] not in pod.names()


def test_a_restore_with_every_fact_equal_proves_the_backup(pod: Pod, copy: str) -> None:
    pod.database = copy
    backup = pod.good_backup()
    assert pod.flags(backup.name) == set()
    assert pod.restore(backup.name).code == 0
    assert pod.flags(backup.name) == {"proven"}


def test_a_backup_in_use_is_left_alone_and_goes_with_the_next_run(
    pod: Pod, history: list[str]
) -> None:
    used = history[-1]
    with (pod.volume / used / "manifest.json").open("rb") as reader:
        fcntl.flock(reader, fcntl.LOCK_SH)
        assert pod.flags(used) == {"in-use"}
        rows, _ = plan(pod, dry_run=False)
        assert rows[-1][0] == "keep"
        assert used in pod.names()
    plan(pod, dry_run=False)
    assert used not in pod.names()


def test_a_backup_that_is_being_verified_is_in_use(pod: Pod, history: list[str]) -> None:
    # The check stops in the middle at a pipe that nobody has opened yet.
    used = history[-1]
    gate = pod.root / "tmp" / "gate"
    code = (
        f"source {SCRIPTS}/console/main.sh; mkfifo {gate}; chmod 0666 {gate};"
        f"check_hashes() {{ : <{gate}; return 0; }}; main"
    )
    running = pod.start("console/main.sh", code=code, CONSOLE_COMMAND="verify", CONSOLE_BACKUP=used)
    try:
        wait_until(lambda: gate.exists() and pod.flags(used) == {"in-use"})
        plan(pod, dry_run=False)
        assert used in pod.names()
    finally:
        with gate.open("w"):
            pass
        output, _ = running.communicate(timeout=60)
    assert running.returncode == 0, output


def test_damaged_and_legacy_backups_are_listed_with_their_reason_and_stay(
    pod: Pod, server: Server, history: list[str]
) -> None:
    legacy = make_legacy(pod, server)
    (pod.volume / history[-1] / "globals.sql").write_text("x", encoding="utf-8")
    assert pod.console("verify", history[-1]).code == 1
    rows, _ = plan(pod, dry_run=False)
    kept = {row[1]: row[3] for row in rows if row[0] == "keep"}
    assert "damaged" in kept[history[-1]]
    assert "unverified" in kept[legacy.name]
    assert {history[-1], legacy.name} < set(pod.names())


def test_a_suspicious_backup_holds_retention_until_somebody_acknowledges_it(
    pod: Pod, history: list[str]
) -> None:
    pod.put_mark("suspicious", history[0])
    rows, last = plan(pod, dry_run=False)
    assert last == "#result done 0"
    assert f"{history[0]} is suspicious" in rows[-1][3]
    assert set(history) <= set(pod.names())

    assert pod.console("acknowledge", history[0]).code == 0
    assert pod.flags(history[0]) == set()
    assert plan(pod, dry_run=False)[1] == "#result done 7"
    assert "is not suspicious" in pod.console("acknowledge", history[0]).explained()


def test_marks_go_with_their_backup(pod: Pod, history: list[str]) -> None:
    pod.put_mark("acknowledged", history[-1])
    mark = pod.volume / ".records/acknowledged" / history[-1]
    plan(pod, dry_run=False)
    assert mark.exists(), "its backup can still be taken back"
    plan(pod, dry_run=False)
    assert not mark.exists()


def test_a_prune_waits_for_nobody_and_names_who_is_at_work(pod: Pod, history: list[str]) -> None:
    with (pod.volume / ".lock").open("a+b") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.truncate(0)
        lock.write(b"backup in pod x since 2026-11-23T02:00:00Z\n")
        lock.flush()
        result = pod.run("console/main.sh", CONSOLE_COMMAND="prune", CONSOLE_DRY_RUN="false")
        assert result.code == 75
        assert "held by backup in pod x since" in result.explained()
        plan(pod)  # a dry run only looks
    assert set(history) <= set(pod.names())


def test_a_link_with_the_name_of_a_backup_is_never_followed(
    pod: Pod, history: list[str], tmp_path: Path
) -> None:
    outside = pod.root / "outside"
    shutil.move(pod.volume / history[-1], outside)
    (pod.volume / history[-1]).symlink_to(outside)
    result = pod.run("console/main.sh", CONSOLE_COMMAND="prune", CONSOLE_DRY_RUN="false")
    assert result.code == 1
    assert "refused to delete" in result.output
    assert (outside / "manifest.json").exists()
    assert tmp_path.exists()


def test_the_list_says_why_each_backup_stays_or_that_it_goes(pod: Pod, history: list[str]) -> None:
    kept = {row["name"]: row["kept"] for row in pod.listed()}
    assert kept[history[0]] == "the newest verified"
    assert kept[history[1]] == "not older than 3 days"
    assert kept[history[-1]] == "goes: older than 3 days"


def test_a_clock_that_jumped_ahead_for_one_run_takes_nothing_away(
    pod: Pod, history: list[str]
) -> None:
    future = (datetime.now(UTC) + timedelta(days=900)).strftime("%s")
    code = (
        f"source {SCRIPTS}/console/main.sh; "
        f"EPOCHSECONDS() {{ :; }}; unset EPOCHSECONDS; EPOCHSECONDS={future}; main"
    )
    result = pod.run("console/main.sh", code=code, CONSOLE_COMMAND="prune", CONSOLE_DRY_RUN="false")
    assert result.code == 0, result.output
    # As if one day had passed: time without backups ages nothing.
    assert set(history[:3]) <= set(pod.names())

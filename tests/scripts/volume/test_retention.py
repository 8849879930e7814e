"""Retention cannot hurt: what a run does with the decision (which is in test_decisions.py)."""

from __future__ import annotations

from pathlib import Path

from tests.scripts.harness import Pod, clone_backup


def test_old_backups_go_to_the_trash_and_are_gone_one_run_later(pod: Pod) -> None:
    first = pod.good_backup()
    old = [clone_backup(first, f"backup-2020010{day}-000000") for day in range(1, 5)]
    second = pod.good_backup(RETENTION_DAYS="1", RETENTION_MINIMUM="3")
    assert pod.names() == [old[-1].name, first.name, second.name]
    trash = pod.volume / ".trash"
    assert sorted(path.name for path in trash.iterdir()) == [path.name for path in old[:-1]]
    third = pod.good_backup(RETENTION_DAYS="1", RETENTION_MINIMUM="3")
    assert pod.names() == [first.name, second.name, third.name]
    assert [path.name for path in trash.iterdir()] == [old[-1].name]


def test_damaged_and_legacy_backups_stay_and_do_not_count(pod: Pod) -> None:
    first = pod.good_backup()
    old = [clone_backup(first, f"backup-2020010{day}-000000") for day in range(1, 4)]
    (pod.volume / "backup-20190101-000000.sql.gz").write_bytes(b"x")
    (old[2] / "globals.sql").write_text("x", encoding="utf-8")
    assert pod.console("verify", old[2].name).code == 1
    pod.good_backup(RETENTION_DAYS="1", RETENTION_MINIMUM="3")
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
    pod.good_backup(RETENTION_DAYS="1", RETENTION_MINIMUM="1")
    assert other.name in pod.names()


def test_a_retention_that_fails_leaves_the_good_backup_a_success_and_says_so(pod: Pod) -> None:
    first = pod.good_backup()
    old = clone_backup(first, "backup-20200101-000000")
    trash = pod.volume / ".trash"
    trash.chmod(0o550)
    try:
        result = pod.backup(RETENTION_DAYS="1", RETENTION_MINIMUM="1")
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

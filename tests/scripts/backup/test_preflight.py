"""What would stop a backup in the middle of the night is found in its first seconds."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from tests.scripts.harness import (
    POD_GID,
    POD_UID,
    SCRIPTS,
    Pod,
    clone_backup,
    give,
    keep_mounts_to_ourselves,
    rehash,
)

MIB = 1024 * 1024


def change_summary(backup: Path, **facts: int) -> None:
    path = backup / "summary"
    text = path.read_text(encoding="utf-8")
    for key, value in facts.items():
        text = re.sub(rf"^{key}=.*$", f"{key}={value}", text, flags=re.MULTILINE)
    path.write_text(text, encoding="utf-8")
    rehash(backup)


def free_space_history(pod: Pod, *points: tuple[float, int]) -> None:
    """Writes free bytes of so many days ago, as earlier runs would have."""
    records = pod.volume / ".records"
    records.mkdir(exist_ok=True)
    lines = [f"{int(time.time() - days * 86400)} {free}\n" for days, free in points]
    (records / "space").write_text("".join(lines), encoding="utf-8")
    for path in (records, records / "space"):
        give(path, POD_UID, POD_GID)
        path.chmod(0o777 if path.is_dir() else 0o666)


def test_the_estimate_follows_the_growth_of_the_database(pod: Pod) -> None:
    backup = pod.good_backup()
    change_summary(backup, backup_bytes=100 * MIB, database_bytes=1)
    result = pod.backup()
    # The database is millions of times as large as it was: so would the backup be.
    assert result.code == 1
    assert "TiB" in result.explained()
    assert f"{backup.name} has 100.0 MiB, the database had 1 B then and has" in result.explained()


def test_a_database_that_shrank_is_reckoned_with_the_last_backup(pod: Pod) -> None:
    backup = pod.good_backup()
    change_summary(backup, backup_bytes=100 * MIB, database_bytes=1 << 50)
    assert "needs about 136.0 MiB" in pod.backup().output


def test_the_days_that_are_left_are_told(pod: Pod) -> None:
    free = shutil.disk_usage(pod.volume).free
    free_space_history(pod, (8, free + 800 * MIB), (4, free + 400 * MIB), (2, free + 200 * MIB))
    result = pod.backup()
    assert result.code == 0, result.output
    days = re.search(r"at the present growth nothing is free in (\d+) days", result.output)
    assert days is not None, result.output
    assert abs(int(days[1]) - free // (100 * MIB)) <= 1 + free // (100 * MIB) // 20
    assert "pgkeep_volume_days_left" in (pod.volume / ".records/metrics.prom").read_text(
        encoding="utf-8"
    )


def test_too_little_space_is_told_with_the_days_that_were_left(
    pod: Pod, small_volume: Callable[[str], None]
) -> None:
    small_volume("12m")
    free_space_history(pod, (3, 36 * MIB), (2, 28 * MIB), (1, 20 * MIB))
    result = pod.backup()
    assert result.code == 1
    assert re.search(r"nothing is free in \d days", result.explained())


def test_the_trash_is_emptied_before_its_time_where_its_room_is_needed(
    pod: Pod, small_volume: Callable[[str], None]
) -> None:
    small_volume("40m")
    tombstone = pod.volume / ".trash" / "backup-20200101-000000"
    tombstone.mkdir(parents=True)
    (tombstone / "dump").write_bytes(b"x" * 25 * MIB)
    for path in (tombstone.parent, tombstone, tombstone / "dump"):
        give(path, POD_UID, POD_GID)
    assert pod.good_backup().exists()
    assert not tombstone.exists()


def test_a_file_system_without_inodes_is_found_before_the_dump(pod: Pod) -> None:
    keep_mounts_to_ourselves()
    options = f"size=64m,nr_inodes=30,uid={POD_UID},gid={POD_GID},mode=0770"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "pgkeep", pod.volume], check=True)
    try:
        result = pod.backup()
        assert result.code == 1
        assert re.search(r"has \d+ inodes free, the backup needs about 64", result.explained())
        assert pod.names() == pod.unfinished() == []
    finally:
        subprocess.run(["umount", "-l", pod.volume], check=True)


def test_clocks_that_disagree_stop_retention_and_are_told(pod: Pod) -> None:
    backup = pod.good_backup()
    old = [clone_backup(backup, f"backup-2020010{day}-000000").name for day in (1, 2, 3)]
    ahead = int(time.time()) + 86400
    code = f"source {SCRIPTS}/backup/one.sh; unset EPOCHSECONDS; EPOCHSECONDS={ahead}; main"
    result = pod.run("backup/one.sh", code=code, RETENTION_DAYS="1", RETENTION_MINIMUM="1")
    assert result.code == 0, result.output
    assert re.search(r"the server's differs by \d+ seconds; retention waits", result.output)
    assert set(old) < set(pod.names())


def test_a_backup_from_the_future_is_told_and_is_not_the_latest(pod: Pod) -> None:
    backup = pod.good_backup()
    clone_backup(backup, "backup-20991231-000000")
    result = pod.backup()
    assert result.code == 0
    assert "backup-20991231-000000 is dated in the future" in result.output
    (latest,) = [line for line in pod.console().output.splitlines() if "(latest)" in line]
    assert "backup-20991231-000000" not in latest
    assert "backup-20991231-000000" not in pod.console("verify", "latest").output


def test_a_lock_names_its_holder_and_a_text_left_behind_blocks_nobody(pod: Pod) -> None:
    lock = pod.volume / ".lock"
    lock.write_text("backup in pod gone since 2020-01-01T00:00:00Z\n", encoding="utf-8")
    give(lock, POD_UID, POD_GID)
    assert pod.good_backup().exists()


def test_a_question_that_is_cut_off_is_told_with_its_cause(pod: Pod) -> None:
    code = (
        f'source {SCRIPTS}/backup/one.sh; eval "real_$(declare -f ask_number)";'
        "ask_number() { real_ask_number 'SELECT pg_terminate_backend(pg_backend_pid())'; }; main"
    )
    result = pod.run("backup/one.sh", code=code)
    assert result.code == 1
    assert "the connection to the server was cut" in result.explained()
    assert "pop_var_context" not in result.output

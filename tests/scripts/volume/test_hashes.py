"""What is proven is what lies on the device, not what memory remembers of it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.scripts.harness import (
    POD_GID,
    POD_UID,
    SCRIPTS,
    SYSTEM_PATH,
    Pod,
    finish,
    give,
    keep_mounts_to_ourselves,
    wait_until,
)


@pytest.fixture
def device(pod: Pod) -> Iterator[Path]:
    """The file under the small ext4 file system that the volume then lies on."""
    if os.geteuid() != 0:
        pytest.skip("mounting a file system needs root")
    keep_mounts_to_ourselves()
    image = pod.root / "device"
    with image.open("wb") as file:
        file.truncate(64 * 1024 * 1024)
    subprocess.run(["mkfs.ext4", "-q", "-O", "^has_journal", image], check=True)
    subprocess.run(["mount", "-o", "loop", image, pod.volume], check=True)
    try:
        give(pod.volume, POD_UID, POD_GID)
        pod.volume.chmod(0o770)
        yield image
    finally:
        subprocess.run(["umount", "-l", pod.volume], check=True)


def flip_on_device(device: Path, file: Path) -> None:
    """Changes one byte of a file's first block below the file system, which does not see it."""
    content = file.read_bytes()
    with device.open("r+b") as disk:
        place = disk.read().find(content[:512])
        assert place >= 0, "the file has been flushed"
        disk.seek(place + 100)
        disk.write(bytes([content[100] ^ 1]))
        disk.flush()
        os.fsync(disk.fileno())
    assert file.read_bytes() == content, "memory still has the good bytes"


@pytest.fixture(params=["gnu", "busybox"])
def reader(request: pytest.FixtureRequest, pod: Pod) -> None:
    """The dd that reads past the memory: GNU's or busybox'."""
    if request.param == "busybox":
        tools = pod.root / "bin"
        tools.mkdir()
        (tools / "dd").symlink_to(shutil.which("busybox") or "busybox")
        pod.path = f"{tools}:{SYSTEM_PATH}"


@pytest.mark.usefixtures("reader")
def test_a_write_that_never_arrived_is_found_before_the_backup_is_published(
    pod: Pod, device: Path
) -> None:
    gate = pod.root / "tmp" / "gate"
    code = (
        f'source {SCRIPTS}/backup/one.sh; mkfifo {gate}; eval "real_$(declare -f check_written)";'
        f'check_written() {{ echo flushed >{gate}; read -r _ <{gate}; real_check_written "$@"; }};'
        "main"
    )
    running = pod.start("backup/one.sh", code=code)
    assert gate_opens(gate)
    (table, *_) = sorted(pod.volume.glob(".staging/*/database/*.dat.gz"))
    flip_on_device(device, table)
    gate.write_text("go on\n", encoding="utf-8")
    result = finish(running)
    assert result.code == 1, result.output
    assert "the staged backup is not whole" in result.explained()
    assert f"changed: database/{table.name}" in result.explained()
    assert pod.names() == pod.unfinished() == []


def gate_opens(gate: Path) -> bool:
    wait_until(gate.exists)
    return gate.read_text(encoding="utf-8") == "flushed\n"


@pytest.mark.usefixtures("reader")
def test_verify_reads_the_device(pod: Pod, device: Path) -> None:
    backup = pod.good_backup()
    flip_on_device(device, backup / "globals.sql")
    result = pod.console("verify", backup.name)
    assert result.code == 1
    assert "changed: globals.sql" in result.output


def test_a_volume_with_a_closed_folder_and_no_room_is_listed_all_the_same(
    pod: Pod, device: Path
) -> None:
    backup = pod.good_backup()
    assert (pod.volume / "lost+found").exists(), "closed to everybody but root"
    with pytest.raises(OSError, match="No space left"):
        (pod.volume / "filler").write_bytes(b"x" * device.stat().st_size)
    (row,) = pod.listed()
    assert (row["name"], row["status"], row["flags"]) == (backup.name, "verified", "-")
    assert "no space is left" in pod.backup().explained()
    subprocess.run(["mount", "-o", "remount,ro", pod.volume], check=True)
    (row,) = pod.listed()
    assert (row["name"], row["status"], row["flags"]) == (backup.name, "verified", "-")
    assert "Read-only file system" in pod.backup().explained()

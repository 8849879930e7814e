"""The volume fills up, breaks, lies or goes away."""

from __future__ import annotations

import fcntl
import os
import shutil
import struct
import subprocess
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.scripts.harness import POD_GID, POD_UID
from tests.scripts.promises.faults import judge
from tests.scripts.promises.faults.ledger import Ledger
from tests.scripts.promises.faults.runs import Moment, at_moment, code, started
from tests.scripts.promises.faults.volumes import Volume, ext4, memory, tmpfs
from tests.scripts.promises.faults.worlds import FORMATS, World, Worlds

SIZE = "48M"  # the preflight wants 16 MiB to be left over
FULL = "[Nn]o space (is )?left|inodes|B free, the backup needs"
LEVELS = (4096, 20480, 40960)  # bytes left: for a file, for some, for nearly all of the dump


def volume_of(worlds: Worlds, world: World, kind: str) -> AbstractContextManager[Volume]:
    """A small file system of this kind."""
    return tmpfs(worlds, world, f"size={SIZE}") if kind == "tmpfs" else ext4(worlds, world, SIZE)


@pytest.mark.parametrize("kind", ["tmpfs", "ext4"])
def test_the_volume_fills_up(worlds: Worlds, ledger: Ledger, few: list[Moment], kind: str) -> None:
    """To the last byte at each step, and to some bytes less before the dump."""

    def attempt(moment: tuple[Moment, int, str]) -> None:
        at, level, format_ = moment
        with (
            worlds.new(format_, placed=False) as world,
            volume_of(worlds, world, kind) as volume,
            started(world, code(world, at=at_moment(at.step, "stand_still"))) as going,
        ):
            going.wait_until_held()
            volume.fill(level)
            going.release()
            result = going.finish()
            judge.either(going, result, FULL, late=at.published, mend=volume.empty)

    dump = next(each for each in few if each.step.startswith("Dumped"))
    chosen = [(moment, 0, "directory") for moment in few]
    chosen += [(dump, level, "directory") for level in LEVELS]
    chosen += [(dump, level, "plain") for level in (0, *LEVELS)]
    with ledger.fault(f"volume full ({kind}) at each step and level") as fault:
        fault.each(chosen, attempt, name=lambda each: f"{each[0]}, {each[1]} bytes left, {each[2]}")


@pytest.mark.parametrize("kind", ["tmpfs", "ext4"])
def test_the_volume_runs_out_of_inodes(
    worlds: Worlds, ledger: Ledger, few: list[Moment], kind: str
) -> None:
    def attempt(moment: Moment) -> None:
        with worlds.new(placed=False) as world:
            if kind == "tmpfs":
                made = tmpfs(worlds, world, f"size={SIZE},nr_inodes=400")
            else:
                made = ext4(worlds, world, SIZE, "-N", "400")
            program = code(world, at=at_moment(moment.step, "stand_still"))
            with made as volume, started(world, program) as going:
                going.wait_until_held()
                volume.use_up_inodes()
                going.release()
                result = going.finish()
                judge.either(going, result, FULL, late=moment.published, mend=volume.empty)

    with ledger.fault(f"inodes used up ({kind}) at each step") as fault:
        fault.each(fault.some(few), attempt)


def test_the_volume_is_mounted_read_only(worlds: Worlds, ledger: Ledger) -> None:
    with ledger.fault("volume read-only from the beginning") as fault:
        for format_ in FORMATS:
            with (
                fault.trial(format_),
                worlds.new(format_, placed=False) as world,
                tmpfs(worlds, world, "size=48M"),
            ):
                remount = ["mount", "-o", "remount,{}", world.pod.volume]
                subprocess.run([str(word).format("ro") for word in remount], check=True)
                with started(world, code(world)) as going:
                    result = going.finish()
                    judge.absent(
                        going,
                        result,
                        "cannot be written.*Read-only",
                        mend=lambda words=remount: run_words(words, "rw"),
                    )


def run_words(words: list[str | Path], last: str) -> None:
    """Runs a command with one word filled in."""
    subprocess.run([str(word).format(last) for word in words], check=True)


BROKEN: list[tuple[str, Callable[[Volume], None], str]] = [
    ("made read-only by the kernel", Volume.break_down, "[Rr]ead-only|faulty"),
    ("gone (every access an I/O error)", Volume.shut_down, "[Ii]nput/output error|faulty"),
]


@pytest.mark.parametrize(("what", "do", "cause"), BROKEN, ids=[each[0] for each in BROKEN])
def test_the_file_system_breaks_down(
    worlds: Worlds,
    ledger: Ledger,
    few: list[Moment],
    what: str,
    do: Callable[[Volume], None],
    cause: str,
) -> None:
    def attempt(moment: Moment) -> None:
        with (
            worlds.new(placed=False) as world,
            ext4(worlds, world, SIZE) as volume,
            started(world, code(world, at=at_moment(moment.step, "stand_still"))) as going,
        ):
            going.wait_until_held()
            do(volume)
            going.release()
            result = going.finish()
            judge.gone(going)
            volume.mount_again()
            judge.either(going, result, cause, late=moment.published, leaves_staging=True)

    with ledger.fault(f"file system {what} at each step") as fault:
        fault.each(fault.some(few), attempt)


def test_the_volume_is_unmounted(worlds: Worlds, ledger: Ledger, few: list[Moment]) -> None:
    """What is then under its path is a folder of the pod, and must not take a backup."""

    def attempt(moment: Moment) -> None:
        with worlds.new(placed=False) as world:
            disk = world.pod.root / "disk"
            disk.mkdir()
            os.chown(disk, POD_UID, POD_GID)
            bind = ["mount", "--bind", disk, world.pod.volume]
            subprocess.run(bind, check=True)
            try:
                worlds.place(world)
                program = code(world, at=at_moment(moment.step, "stand_still"))
                with started(world, program) as going:
                    going.wait_until_held()
                    subprocess.run(["umount", "--lazy", world.pod.volume], check=True)
                    going.release()
                    result = going.finish()
                    assert world.pod.names() == [], "a backup in the place of the volume"
                    subprocess.run(bind, check=True)
                    cause = "No such file|is not there|not mounted|cannot be read"
                    judge.either(going, result, cause, late=moment.published, leaves_staging=True)
            finally:
                subprocess.run(["umount", "--lazy", world.pod.volume], check=True)

    # Before the first look at it, a volume that is not there is an empty one.
    with ledger.fault("volume unmounted at each step") as fault:
        fault.each(fault.some(few[1:]), attempt)


def test_the_staged_files_are_taken_away(worlds: Worlds, ledger: Ledger, few: list[Moment]) -> None:
    def attempt(moment: Moment) -> None:
        with (
            worlds.new() as world,
            started(world, code(world, at=at_moment(moment.step, "stand_still"))) as going,
        ):
            going.wait_until_held()
            for path in world.pod.volume.glob(".staging/backup-*"):
                shutil.rmtree(path)
            going.release()
            result = going.finish()
            judge.either(
                going, result, "No such file|cannot be read|holds no dump|not whole", late=False
            )

    with ledger.fault("staging removed at each step") as fault:
        fault.each(fault.some([each for each in few if not each.published]), attempt)


def test_the_rights_to_the_volume_are_taken_away(
    worlds: Worlds, ledger: Ledger, few: list[Moment]
) -> None:
    def attempt(moment: Moment) -> None:
        with (
            worlds.new() as world,
            started(world, code(world, at=at_moment(moment.step, "stand_still"))) as going,
        ):
            going.wait_until_held()
            staging = world.pod.volume / ".staging"
            folders = [world.pod.volume, *([staging] if staging.is_dir() else [])]
            modes = {path: path.stat().st_mode for path in folders}
            for path in folders:
                path.chmod(0o555)
            going.release()
            result = going.finish()

            def mend() -> None:
                for path, mode in modes.items():
                    path.chmod(mode)

            judge.either(
                going,
                result,
                "Permission denied|cannot be written",
                late=moment.published,
                leaves_staging=True,
                mend=mend,
            )

    with ledger.fault("volume's rights taken away at each step") as fault:
        fault.each(fault.some(few), attempt)


def test_the_temporary_directory_fills_up(
    worlds: Worlds, ledger: Ledger, few: list[Moment]
) -> None:
    def attempt(moment: Moment) -> None:
        with worlds.new() as world:
            options = f"size=1M,uid={POD_UID},gid={POD_GID},mode=0700"
            with memory(world.pod.root / "tmp", options) as temporary:
                program = code(world, at=at_moment(moment.step, "stand_still"))
                with started(world, program) as going:
                    going.wait_until_held()
                    temporary.fill()
                    going.release()
                    result = going.finish()
                    cause = r"/tmp of the pod|[Nn]o space (is )?left"
                    mend = temporary.empty
                    judge.either(going, result, cause, late=moment.published, mend=mend)

    with ledger.fault("/tmp full at each step") as fault:
        fault.each(fault.some(few), attempt)


# --- what memory does not tell --------------------------------------------------------------------


def test_the_device_runs_out_of_space_that_it_promised(
    worlds: Worlds, ledger: Ledger, few: list[Moment]
) -> None:
    """A thin volume: the writes succeed in memory, and are lost on their way to the device."""

    def attempt(moment: Moment) -> None:
        with worlds.new(placed=False) as world:
            place = world.pod.root / "backing"
            place.mkdir()
            with (
                memory(place, "size=20M") as backing,
                ext4(worlds, world, SIZE, on=place) as volume,
            ):
                program = code(world, at=at_moment(moment.step, "stand_still"))
                with started(world, program) as going:
                    going.wait_until_held()
                    backing.fill()
                    going.release()
                    result = going.finish()
                    judge.gone(going)
                    backing.empty()
                    volume.mount_again()
                    cause = f"{FULL}|full or faulty|[Ii]nput/output error|[Rr]ead-only"
                    late = moment.published
                    judge.either(going, result, cause, late=late, leaves_staging=True)

    with ledger.fault("thin volume out of space at each step") as fault:
        fault.each(fault.some([each for each in few if not each.published]), attempt)


FIBMAP = 1  # which block of the device holds a block of a file

# Held when everything has been written to the device and before it is read again.
FLUSHED = """
eval "shipped_$(declare -f flush_tree)"
flush_tree() { shipped_flush_tree "$@"; stand_still; }
"""


def on_the_device(path: Path) -> int:
    """Where on the device a file begins."""
    with path.open("rb") as file:
        block = struct.unpack("I", fcntl.ioctl(file, FIBMAP, struct.pack("I", 0)))[0]
        assert block, "it is not on the device yet"
        return block * os.fstatvfs(file.fileno()).f_bsize


def test_bytes_change_on_the_device(worlds: Worlds, ledger: Ledger) -> None:
    """One bit of each staged file, behind the back of the file system and its memory."""

    def attempt(moment: tuple[str, int]) -> None:
        format_, number = moment
        with (
            worlds.new(format_, placed=False) as world,
            ext4(worlds, world, SIZE) as volume,
            started(world, code(world, more=FLUSHED)) as going,
        ):
            going.wait_until_held()
            assert volume.image is not None
            path = staged(world)[number]
            content = path.read_bytes()
            offset = min(len(content), 4096) // 2
            with volume.image.open("r+b") as device:
                device.seek(on_the_device(path) + offset)
                device.write(bytes([content[offset] ^ 1]))
            assert path.read_bytes() == content, "memory still has the good bytes"
            going.release()
            result = going.finish()
            judge.absent(going, result, f"changed: .*{path.name}|SHA256SUMS")

    with ledger.fault("a bit of a staged file changed on the device") as fault:
        for format_ in FORMATS:
            with (
                worlds.new(format_) as world,
                started(world, code(world, more=FLUSHED)) as going,
            ):
                going.wait_until_held()
                names = [path.name.replace(path.parent.name, "") for path in staged(world)]
            fault.each(
                [(format_, number) for number in range(len(names))],
                attempt,
                name=lambda each, names=names: f"{names[each[1]]}, {each[0]}",
            )


def staged(world: World) -> list[Path]:
    """The files of the backup in staging that hold anything."""
    found = sorted(world.pod.volume.glob(".staging/backup-*/**/*"))
    return [path for path in found if path.is_file() and path.stat().st_size]

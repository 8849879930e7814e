"""Small file systems under the volume of a world, and what goes wrong with them."""

from __future__ import annotations

import errno
import fcntl
import os
import struct
import subprocess
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.scripts.harness import POD_GID, POD_UID
from tests.scripts.promises.faults.worlds import World, Worlds

OWNER = f"uid={POD_UID},gid={POD_GID},mode=0770"
SHUTDOWN = 0x8004587D  # EXT4_IOC_SHUTDOWN: from now on every access is an input/output error
WITHOUT_FLUSH = 2


@dataclass
class Volume:
    """A file system of its own under the volume."""

    path: Path
    image: Path | None = None

    def fill(self, leave: int = 0) -> None:
        """Leaves so many bytes free."""
        filler = self.path / "filler"
        with filler.open("wb") as file:
            state = os.statvfs(self.path)
            free = state.f_bavail * state.f_frsize - leave
            with suppress(OSError):  # the last blocks may be needed for the list of blocks
                os.posix_fallocate(file.fileno(), 0, max(free, 1))
            if not leave:
                fill_up(file.fileno())

    def empty(self) -> None:
        """Takes the filler away."""
        for path in self.path.glob("filler*"):
            path.unlink()

    def use_up_inodes(self) -> None:
        """Makes empty files until there can be no more."""
        try:
            for number in range(1_000_000):
                os.close(os.open(self.path / f"filler{number}", os.O_CREAT | os.O_WRONLY))
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise

    def shut_down(self) -> None:
        """The device is gone, as far as the file system can tell."""
        descriptor = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.ioctl(descriptor, SHUTDOWN, struct.pack("I", WITHOUT_FLUSH))
        finally:
            os.close(descriptor)

    def break_down(self) -> None:
        """The kernel finds an error in the file system and makes it read-only."""
        device = Path("/proc/self/mounts").read_text(encoding="utf-8")
        name = next(line.split()[0] for line in device.splitlines() if f" {self.path} " in line)
        trigger = Path(f"/sys/fs/ext4/{Path(name).name}/trigger_fs_error")
        trigger.write_text("for a test", encoding="utf-8")

    def mount_again(self) -> None:
        """As a new pod would find it."""
        assert self.image is not None
        subprocess.run(["umount", self.path], check=True)
        mount_image(self.image, self.path)


def fill_up(descriptor: int) -> None:
    """Writes until nothing goes any more, to the last byte."""
    os.lseek(descriptor, 0, os.SEEK_END)
    for size in (65536, 4096, 512, 1):
        with suppress(OSError):
            while os.write(descriptor, bytes(size)) == size:
                pass
    with suppress(OSError):
        os.fsync(descriptor)


def mount_image(image: Path, place: Path) -> None:
    """Mounts an ext4 image; the loop device is gone when it is unmounted."""
    options = "loop,errors=remount-ro"
    subprocess.run(["mount", "-o", options, image, place], check=True)


@contextmanager
def memory(place: Path, options: str) -> Generator[Volume]:
    """Memory mounted at a place, as small as the options say."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "pgkeep", place], check=True)
    try:
        yield Volume(place)
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)


@contextmanager
def tmpfs(worlds: Worlds, world: World, options: str) -> Generator[Volume]:
    """A volume in memory."""
    with memory(world.pod.volume, f"{OWNER},{options}") as volume:
        worlds.place(world)
        yield volume


@contextmanager
def ext4(
    worlds: Worlds, world: World, size: str, *options: str, on: Path | None = None
) -> Generator[Volume]:
    """A real file system on a real block device, the device a file."""
    place, image = world.pod.volume, (on or world.pod.root) / "image"
    with image.open("wb"):
        pass
    subprocess.run(["truncate", "-s", size, image], check=True)
    subprocess.run(["mkfs.ext4", "-q", "-F", "-m", "0", *options, image], check=True)
    mount_image(image, place)
    try:
        os.chown(place, POD_UID, POD_GID)
        place.chmod(0o770)
        worlds.place(world)
        subprocess.run(["sync", "-f", place], check=True)
        yield Volume(place, image)
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)

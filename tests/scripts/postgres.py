"""The PostgreSQL versions that the script tests run with, and where each of them lies.

15 is Debian 12's own, installed on this machine. 17 comes from the image that the embedded cluster
makes of Debian 13's packages: unpacked once into the cache, and entered by one process at a time.

Usage: python3 -m tests.scripts.postgres   (makes what is missing of 17)
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cluster import images, lifecycle, packages, paths
from cluster.commands import ClusterError, run, say, warn

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
ENTER = Path(__file__).with_name("enter-image.sh")


def drop_privileges(uid: int, gid: int, *options: str) -> list[str]:
    """Words that put a command under another user, where the tests themselves run as root."""
    if os.geteuid() != 0:
        return []
    return ["setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups", *options]


@dataclass(frozen=True)
class Postgres:
    """One PostgreSQL: on this machine itself, or in the root file system of an image."""

    major: int
    image: Path | None = None

    @property
    def binaries(self) -> Path:
        """Where its programs lie, in its own file system."""
        return Path(f"/usr/lib/postgresql/{self.major}/bin")

    @property
    def path(self) -> str:
        """The PATH of a container."""
        return f"{self.binaries}:/usr/bin:/bin"

    def command(self, words: Sequence[str | Path], directory: Path) -> list[str]:
        """What to start, so that a command runs where this PostgreSQL lies.

        It becomes the command by exec alone, so number and session of the process stay the same.
        """
        plain = [str(word) for word in words]
        if self.image is None:
            return plain
        enter = ["/usr/bin/unshare", "--mount", "--propagation=private", "/bin/bash", str(ENTER)]
        return [*enter, str(self.image), str(directory), str(SCRIPTS), *plain]


POSTGRES_15 = Postgres(15)


def _home() -> Path:
    """The unpacked image's folder; like the archive's, its name follows from the recipe."""
    archive = images.postgres_archive(images.POSTGRES_17)
    return paths.cache_dir() / "roots" / archive.stem


def postgres_17() -> Postgres:
    """PostgreSQL 17, whose image is made and unpacked where it is not there yet."""
    if not _home().exists():
        with lifecycle.exclusive():
            if not _home().exists():
                _make()
    return Postgres(17, _home())


def _make() -> None:
    """Builds the image where it is missing, and unpacks it: beside its place, then renamed."""
    home = _home()
    archive = images.postgres_archive(images.POSTGRES_17)
    if not archive.exists():
        if shutil.which("mmdebstrap") is None:
            say(f"installing mmdebstrap: {packages.REASONS['mmdebstrap']}")
            packages.apt(["mmdebstrap"])
        images.build_postgres([images.POSTGRES_17])
    unfinished = home.with_name(f".{home.name}")
    _remove(unfinished)
    (unfinished / "tree").mkdir(parents=True)
    (unfinished / "mount").mkdir()
    with subprocess.Popen(
        ["tar", "--extract", "--to-stdout", "--file", archive, "layer.tar"],
        stdout=subprocess.PIPE,
    ) as layer:
        subprocess.run(
            ["tar", "--extract", "--numeric-owner", "--preserve-permissions"],
            cwd=unfinished / "tree",
            stdin=layer.stdout,
            check=True,
        )
    if layer.returncode != 0:
        raise ClusterError(f"{archive} cannot be read; remove it and start again")
    unfinished.rename(home)
    # Every other one, unfinished or of an older recipe, of the same image.
    stem = f"postgres-{images.POSTGRES_17.major}-{images.POSTGRES_17.suite}-"
    for other in (*home.parent.glob(f"{stem}*"), *home.parent.glob(f".{stem}*")):
        if other != home:
            _remove(other)


def _remove(folder: Path) -> None:
    run(["rm", "-rf", "--one-file-system", folder])


def main() -> int:
    """Makes what is missing and says where it lies."""
    try:
        lifecycle.require_root()
        print(postgres_17().image)
    except ClusterError as error:
        warn(f"PostgreSQL 17 for the tests: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

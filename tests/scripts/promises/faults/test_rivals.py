"""Other runs at the same time, and what earlier ones have left behind."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.scripts.harness import POD_GID, POD_UID, Result
from tests.scripts.promises.faults import judge
from tests.scripts.promises.faults.ledger import Ledger
from tests.scripts.promises.faults.runs import Moment, at_moment, code, started
from tests.scripts.promises.faults.worlds import EXPIRED, FORMATS, RECENT, World, Worlds

LOCKED = r"held by {} in pod \S+ since 20\d\d-"


def stepped_back(world: World, result: Result, holder: str) -> None:
    """A second run ended at once, named the first, and touched nothing."""
    assert result.code == 75, result.output
    assert re.search(LOCKED.format(holder), result.explained()), result.output
    judge.untouched(world)


def rival(world: World, script: str, **overrides: str) -> Result:
    """A second run, in a pod of its own on the same volume."""
    return world.pod.run(script, **overrides)


@pytest.mark.parametrize(
    ("what", "script", "overrides"),
    [
        ("backup", "backup/one.sh", {}),
        ("restore", "restore/main.sh", {}),
        ("prune", "console/main.sh", {"CONSOLE_COMMAND": "prune", "CONSOLE_DRY_RUN": "false"}),
    ],
)
def test_something_else_is_started_during_a_backup(
    worlds: Worlds,
    ledger: Ledger,
    few: list[Moment],
    what: str,
    script: str,
    overrides: dict[str, str],
) -> None:
    """The second one steps back, the first one ends as if nothing had been."""

    def attempt(moment: Moment) -> None:
        with worlds.new() as world:
            program = code(world, at=at_moment(moment.step, "stand_still"))
            with started(world, program) as going:
                going.wait_until_held()
                databases = world.server.server.databases()
                stepped_back(world, rival(world, script, **overrides), "backup")
                assert world.server.server.databases() == databases
                going.release()
                judge.whole(going, going.finish())

    # Before the first of these the lock is not taken.
    chosen = [each for each in few[1:] if not each.published]
    with ledger.fault(f"{what} started during a backup") as fault:
        fault.each(fault.some(chosen), attempt)


def test_a_backup_is_started_during_something_else(worlds: Worlds, ledger: Ledger) -> None:
    cases = {
        "restore": ("restore/main.sh", "", "Verified the bytes of the backup", "restore"),
        "backup of another database": ("backup/one.sh", "postgres", "Opened a snapshot", "backup"),
    }
    with ledger.fault("backup started during a restore or another backup") as fault:
        for what, (script, database, step, holder) in cases.items():
            with fault.trial(what), worlds.new() as world:
                program = code(world, at=at_moment(step, "stand_still"), script=script)
                name = database or world.database
                with started(world, program, script=script, DATABASE_NAME=name) as going:
                    going.wait_until_held()
                    stepped_back(world, world.pod.backup(), holder)
                    going.process.kill()
                    judge.killed(going, Result(going.process.wait(10), ""))


def test_a_reader_holds_what_retention_would_take(worlds: Worlds, ledger: Ledger) -> None:
    def attempt(format_: str) -> None:
        with worlds.new(format_) as world:
            expired = world.pod.volume / EXPIRED
            with (
                (expired / "manifest.json").open("rb") as reader,
                started(world, code(world)) as going,
            ):
                fcntl.flock(reader, fcntl.LOCK_SH)
                result = going.finish()
                assert expired.is_dir(), "taken from under its reader"
                judge.whole(going, result, mend=reader.close)

    with ledger.fault("retention meets a reader") as fault:
        fault.each(FORMATS, attempt)


def own(path: Path) -> None:
    """Gives a path to the pod."""
    os.chown(path, POD_UID, POD_GID)


def stale_lock(world: World) -> str:
    (world.pod.volume / ".lock").write_text("backup in pod dead-1 since 2020-01-01T00:00:00Z\n")
    own(world.pod.volume / ".lock")
    return "complete and verified"


def stale_staging(world: World) -> str:
    for name in ("backup-20200101-000000", "backup-20210101-000000"):
        stage = world.pod.volume / ".staging" / name
        shutil.copytree(world.pod.volume / RECENT, stage)
        for path in (stage, *stage.rglob("*")):
            own(path)
    return "removing .staging/backup-20200101-000000(.|\n)*removing .staging/backup-20210101"


def stale_trash(world: World) -> str:
    grave = world.pod.volume / ".trash" / "backup-20200101-000000"
    shutil.copytree(world.pod.volume / RECENT, grave)
    for path in (grave, *grave.rglob("*")):
        own(path)
    return "removing .trash/backup-20200101-000000"


def half_a_mark(world: World) -> str:
    half = world.pod.volume / ".records" / "damaged" / f".{RECENT}.new"
    half.write_text("2026-")
    own(half)
    return "complete and verified"


LEFT_BEHIND = [
    ("stale lock file with text", stale_lock),
    ("stale staging of killed runs", stale_staging),
    ("stale trash of a killed run", stale_trash),
    ("half a mark of a killed run", half_a_mark),
]


@pytest.mark.parametrize(("what", "leave"), LEFT_BEHIND, ids=[each[0] for each in LEFT_BEHIND])
def test_what_a_killed_run_left_behind_does_not_matter(
    worlds: Worlds, ledger: Ledger, what: str, leave: Callable[[World], str]
) -> None:
    def attempt(format_: str) -> None:
        with worlds.new(format_) as world:
            says = leave(world)
            with started(world, code(world)) as going:
                judge.whole(going, going.finish(), says=says)

    with ledger.fault(what) as fault:
        fault.each(FORMATS, attempt)


def foreign_file(volume: Path) -> Path:
    path = volume / ".staging" / "notes.txt"
    path.write_text("mine")
    return path


def foreign_folder(volume: Path) -> Path:
    path = volume / ".staging" / "mine" / "notes.txt"
    path.parent.mkdir()
    path.write_text("mine")
    return path


def link_in_staging(volume: Path) -> Path:
    target = volume / RECENT / "manifest.json"
    (volume / ".staging" / "backup-20200101-000000").symlink_to(target.parent)
    return target


def link_in_trash(volume: Path) -> Path:
    target = volume / RECENT / "manifest.json"
    (volume / ".trash" / "backup-20200101-000000").symlink_to(target.parent)
    return target


def name_with_more(volume: Path) -> Path:
    path = volume / ".staging" / "backup-20200101-000000-of-mine" / "notes.txt"
    path.parent.mkdir()
    path.write_text("mine")
    return path


def file_with_our_name(volume: Path) -> Path:
    path = volume / ".staging" / "backup-20200101-000000"
    path.write_text("mine")
    return path


FOREIGN = [
    foreign_file,
    foreign_folder,
    link_in_staging,
    link_in_trash,
    name_with_more,
    file_with_our_name,
]


def test_what_is_not_ours_is_left_alone(worlds: Worlds, ledger: Ledger) -> None:
    def attempt(put: Callable[[Path], Path]) -> None:
        with worlds.new() as world:
            path = put(world.pod.volume)
            before = path.read_bytes()
            world.foreign = world.pod.unfinished()
            with started(world, code(world)) as going:
                result = going.finish()
                assert path.read_bytes() == before
                judge.whole(going, result)
            assert path.read_bytes() == before

    with ledger.fault("foreign files in staging and trash") as fault:
        fault.each(FOREIGN, attempt, name=lambda put: put.__name__)


def link_with_a_final_name(world: World) -> None:
    """An old backup that somebody has moved away and linked."""
    elsewhere = world.pod.root / "elsewhere"
    shutil.copytree(world.pod.volume / EXPIRED, elsewhere)
    (world.pod.volume / "backup-20180101-000000").symlink_to(elsewhere)


def test_retention_does_not_follow_a_link(worlds: Worlds, ledger: Ledger) -> None:
    def attempt(format_: str) -> None:
        with worlds.new(format_) as world:
            link_with_a_final_name(world)
            world.names = world.pod.names()
            world.before = world.earlier()
            with started(world, code(world)) as going:
                judge.whole(going, going.finish())

    with ledger.fault("link under the name of an old backup") as fault:
        fault.each(FORMATS, attempt)


def staging_is_a_file(volume: Path) -> None:
    shutil.rmtree(volume / ".staging")
    (volume / ".staging").write_text("")


def lock_is_a_folder(volume: Path) -> None:
    (volume / ".lock").unlink()
    (volume / ".lock").mkdir()


def foreign_lock(volume: Path) -> None:
    (volume / ".lock").chmod(0o600)
    os.chown(volume / ".lock", 0, 0)


def foreign_staging(volume: Path) -> None:
    stage = volume / ".staging" / "backup-20200101-000000"
    stage.mkdir()
    (stage / "file").write_text("")
    stage.chmod(0o700)


IN_THE_WAY = [
    ("staging is a file", staging_is_a_file, "cannot be written"),
    ("lock is a folder", lock_is_a_folder, r"\.lock"),
    ("lock belongs to somebody else", foreign_lock, r"\.lock.*Permission"),
    ("staging left by another user", foreign_staging, "Permission denied"),
]


@pytest.mark.parametrize(("what", "put", "cause"), IN_THE_WAY, ids=[each[0] for each in IN_THE_WAY])
def test_something_of_ours_is_not_what_it_should_be(
    worlds: Worlds, ledger: Ledger, what: str, put: Callable[[Path], None], cause: str
) -> None:
    def attempt(format_: str) -> None:
        with worlds.new(format_) as world:
            volume = world.pod.volume
            put(volume)
            with started(world, code(world)) as going:
                judge.absent(
                    going, going.finish(), cause, leaves_staging=True, mend=lambda: clear(volume)
                )

    with ledger.fault(what) as fault:
        fault.each(FORMATS, attempt)


def clear(volume: Path) -> None:
    """Takes away what was in the way."""
    for path in (volume / ".staging", volume / ".lock"):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    (volume / ".staging").mkdir()
    own(volume / ".staging")


def test_the_trash_cannot_be_written(worlds: Worlds, ledger: Ledger) -> None:
    """The new backup is good; the old ones stay, and the log says why."""

    def attempt(format_: str) -> None:
        with worlds.new(format_) as world:
            trash = world.pod.volume / ".trash"
            trash.chmod(0o555)
            with started(world, code(world)) as going:
                result = going.finish()
                assert (world.pod.volume / EXPIRED).is_dir()
                says = "WARNING: retention failed"
                judge.whole(going, result, says=says, mend=lambda: trash.chmod(0o777))

    with ledger.fault("trash not writable") as fault:
        fault.each(FORMATS, attempt)

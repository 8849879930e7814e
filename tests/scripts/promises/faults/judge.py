"""The judgement, for every fault the same: what a run that met one may and may not leave behind."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable

from tests.scripts.harness import SYSTEM_PATH, Result, wait_until
from tests.scripts.postgres import SCRIPTS
from tests.scripts.promises.faults.processes import command_of, members
from tests.scripts.promises.faults.runs import Run, started
from tests.scripts.promises.faults.worlds import EXPIRED, PINNED, RECENT, World, reference_of

NAME = re.compile(r"backup-\d{8}-\d{6}")
HANGS = 20  # seconds after which something that reads files hangs
PATIENCE = 15  # seconds within which sessions and processes of a run that ended must be gone


def nothing() -> None:
    """What mends a world that needs no mending."""


def absent(
    going: Run,
    result: Result,
    cause: str,
    *,
    mend: Callable[[], None] = nothing,
    leaves_staging: bool = False,
    in_the_log: bool = False,
) -> None:
    """The run failed, said why, and the volume is as it was; the next run succeeds.

    `in_the_log`: it is enough that the lines before the last ones name the cause.
    """
    world = going.world
    assert result.code not in (0, -signal.SIGKILL), f"exit code {result.code}\n{result.output}"
    named(result, cause, in_the_log=in_the_log)
    gone(going)
    mend()
    untouched(world)
    if not leaves_staging:
        assert world.pod.unfinished() == world.foreign, result.output
    next_run(world)


def named(result: Result, cause: str, *, in_the_log: bool = False) -> None:
    """The last lines are what they should be and name the cause."""
    explained = result.explained()
    assert re.search(r"^CAUSE: .*\w", explained, re.MULTILINE), f"no cause:\n{result.output}"
    text = result.output if in_the_log else explained
    assert re.search(cause, text), f"no word of {cause!r}:\n{result.output}"


def killed(going: Run, result: Result, *, mend: Callable[[], None] = nothing) -> None:
    """The run was killed and could say nothing: the next one says what it found, and succeeds."""
    assert result.code == -signal.SIGKILL, f"exit code {result.code}\n{result.output}"
    gone(going)
    mend()
    untouched(going.world)
    next_run(going.world)


def whole(
    going: Run,
    result: Result,
    *,
    says: str = "",
    mend: Callable[[], None] = nothing,
    was_killed: bool = False,
    in_the_log: bool = False,
) -> None:
    """The fault came too late or does no harm: the backup is there, whole, and nothing is lost."""
    world = going.world
    (name,) = world.new_names() or [f"nothing was published\n{result.output}"]
    if was_killed:
        assert result.code == -signal.SIGKILL, f"exit code {result.code}\n{result.output}"
    elif result.code == 0:
        assert re.search(says, result.output), f"no word of {says!r}:\n{result.output}"
    else:
        named(result, says, in_the_log=in_the_log)
        told = f"the new backup {name} is whole and published"
        assert told in result.explained(), result.output
    gone(going)
    mend()
    is_whole(world, name)
    read = verified(world, name)
    assert read.code == 0, read.output
    kept(world)
    world.names = world.pod.names()
    world.before = world.earlier()
    next_run(world)


def either(
    going: Run,
    result: Result,
    cause: str,
    *,
    late: bool,
    mend: Callable[[], None] = nothing,
    leaves_staging: bool = False,
    in_the_log: bool = False,
) -> None:
    """The fault fails the run, or does not touch it: then the backup is whole to the last byte.

    A run that fails although its backup is published is right only after the rename (`late`).
    """
    if not going.world.new_names():
        absent(
            going,
            result,
            cause,
            mend=mend,
            leaves_staging=leaves_staging,
            in_the_log=in_the_log,
        )
    else:
        assert late or result.code == 0, f"published, and yet it failed:\n{result.output}"
        says = "" if result.code == 0 else cause
        whole(going, result, says=says, mend=mend, in_the_log=in_the_log)


def gone(going: Run) -> None:
    """No process of the run is left, and no session or transaction on the server.

    From here on the programs of the pod are what they should be.
    """
    assert not going.cleared, "judged too late: we have killed what it left"
    going.world.pod.path = SYSTEM_PATH
    try:
        wait_until(lambda: members(going.pid) == [], PATIENCE, 0.02)
    except AssertionError:
        left = [command_of(pid) for pid in members(going.pid)]
        raise AssertionError(f"processes are left: {left}") from None
    try:
        wait_until(lambda: going.world.backends() == [], PATIENCE)
    except AssertionError:
        raise AssertionError(f"sessions are left: {going.world.backends()}") from None


def untouched(world: World) -> None:
    """Nothing new has a final name or is listed; retention has not run; all bytes are the same."""
    assert world.pod.names() == world.names, "a final name was made or lost"
    listed = sorted(row["name"] for row in world.pod.listed())
    assert listed == world.names, "the console lists something else"
    difference = {
        path: (world.before.get(path), now.get(path))
        for now in [world.earlier()]
        for path in world.before.keys() | now.keys()
        if world.before.get(path) != now.get(path)
    }
    assert difference == {}, "an earlier backup or mark was changed"


def kept(world: World) -> None:
    """Every earlier backup is there, byte by byte; only what is expendable may be gone, whole."""
    now = world.earlier()
    gone = {name for name in world.expendable if not (world.pod.volume / name).exists()}
    for path, was in world.before.items():
        if path.partition("/")[0] in gone:
            continue
        assert now.get(path) == was, f"{path} was changed or lost"


def is_whole(world: World, name: str) -> None:
    """A backup is what it says: listed, readable to its end, equal to the reference."""
    (row,) = [row for row in world.pod.listed() if row["name"] == name]
    assert row["status"] == "verified", row
    found = reference_of(world.pod.volume / name)
    assert found.facts == world.reference.facts, "the manifest's facts are not those of the source"
    assert found.dump == world.reference.dump, "the dump is not that of the source"


def next_run(world: World) -> None:
    """Without the fault a backup succeeds, sweeps what the fault left and says so.

    On a volume that is what it was before, this is the run of every other trial: there it is made
    for the first moment of each fault only.
    """
    if not world.thorough and world.everything() == world.clean:
        return
    world.left = [
        f"{folder}/{path.name}"
        for folder in (".staging", ".trash")
        for path in (world.pod.volume / folder).glob("backup-*")
        if NAME.fullmatch(path.name) and path.is_dir() and not path.is_symlink()
    ]
    result = world.pod.backup()
    assert result.code == 0, f"the next run fails:\n{result.output}"
    for path in world.left:
        assert f"removing {path}" in result.output, f"no word of {path}:\n{result.output}"
        assert not (world.pod.volume / path).exists()
    assert world.pod.unfinished() == world.foreign
    (name,) = world.new_names()
    is_whole(world, name)
    assert not (world.pod.volume / EXPIRED).exists(), "this retention would remove the expired one"
    kept(world)
    assert world.backends() == []


def published(going: Run) -> None:
    """A backup was made, whatever else failed in the same run."""
    world = going.world
    gone(going)
    (name,) = world.new_names()
    is_whole(world, name)
    kept(world)
    world.names = world.pod.names()
    world.before = world.earlier()
    next_run(world)


# --- damage to a published backup -----------------------------------------------------------------


def latest(world: World) -> str:
    """What a restore of `latest` would take."""
    choose = (
        f"source {SCRIPTS}/restore/main.sh; start_script; check_restore_parameters; choose_backup;"
        ' printf "\\n%s" "$NAME"'
    )
    with started(world, choose, script="restore/main.sh", RESTORE_BACKUP="latest") as going:
        # Before it stands which newer ones it passed over, and why.
        return going.finish(HANGS).output.rpartition("\n")[2]


def restored(world: World, name: str) -> Result:
    """How a restore of this backup ends."""
    with started(world, script="restore/main.sh", RESTORE_BACKUP=name) as going:
        return going.finish(HANGS)


def verified(world: World, name: str) -> Result:
    """What the console's `verify` says of a backup."""
    with started(
        world, script="console/main.sh", CONSOLE_COMMAND="verify", CONSOLE_BACKUP=name
    ) as going:
        return going.finish(HANGS)


def verdict_on_expired(world: World) -> str:
    """What retention would do with the third good backup if the newest two were to stay."""
    result = world.pod.console("prune", output="tsv", RETENTION_MINIMUM="2")
    assert result.code == 0, result.output
    rows = [line.split("\t") for line in result.output.splitlines()]
    (verdict,) = [row[0] for row in rows if row[1:2] == [EXPIRED]]
    return verdict


def damaged(world: World) -> None:
    """Whoever reads it first notices and marks it; then nobody chooses, restores or counts it."""
    mark = world.pod.volume / ".records" / "damaged" / RECENT
    databases = world.server.server.databases()

    refused = restored(world, RECENT)
    assert refused.code == 1, refused.output
    assert f"backup {RECENT} is damaged" in refused.explained(), refused.output
    assert world.server.server.databases() == databases, "the restore began"
    mark.unlink(missing_ok=True)

    read = verified(world, RECENT)
    assert read.code == 1, read.output
    assert f"1 of 1 backups are damaged: {RECENT}" in read.explained(), read.output
    assert re.search(rf"^✗ {RECENT} \(.*\w.*\)$", read.output, re.MULTILINE), read.output
    assert mark.exists(), "no mark"

    (row,) = [row for row in world.pod.listed() if row["name"] == RECENT]
    assert row["status"] == "damaged", row
    assert latest(world) == PINNED, "latest means the newest good one"
    refused = restored(world, RECENT)
    assert refused.code == 1, refused.output
    assert f"backup {RECENT} is damaged" in refused.explained(), refused.output
    # With it, the expired one would be the third; without it, it is the second.
    assert verdict_on_expired(world) == "keep", "a damaged backup counts"
    for name in (EXPIRED, PINNED):
        read = verified(world, name)
        assert read.code == 0, read.output

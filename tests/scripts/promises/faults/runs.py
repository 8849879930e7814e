"""Runs of the shipped scripts that can be stopped at a step, or do something there in its place."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.scripts.harness import POD_GID, POD_UID, Result, wait_until
from tests.scripts.postgres import SCRIPTS, drop_privileges
from tests.scripts.promises.faults.processes import members
from tests.scripts.promises.faults.worlds import World

# The shipped script, sourced; `at` is called at the beginning and at the end of each step.
STEPS = """
source '{scripts}/{script}'
eval "shipped_$(declare -f begin)"
eval "shipped_$(declare -f done_step)"
begin() {{ shipped_begin "$@"; at "$1"; }}
done_step() {{ local ended=$STEP; shipped_done_step "$@"; at "$ended, ended"; }}
stand_still() {{ : >'{hooks}/reached'; until [[ -e '{hooks}/go' ]]; do /usr/bin/sleep 0.01; done; }}
at() {{ printf '%s\\n' "$1" >'{hooks}/step'; {at}
:; }}
{more}
main
"""


def code(
    world: World,
    at: str = "",
    more: str = "",
    script: str = "backup/one.sh",
    scripts: Path = SCRIPTS,
) -> str:
    """The shipped main; `at` sees the name of the moment as $1, `more` follows the definitions."""
    return STEPS.format(scripts=scripts, script=script, hooks=world.hooks, at=at, more=more)


def changed_scripts(world: World, changes: dict[str, dict[str, str]]) -> Path:
    """A copy of the scripts with other constants: so long no test can wait."""
    copy = world.pod.root / "scripts"
    shutil.copytree(SCRIPTS, copy)
    for file, replacements in changes.items():
        text = (copy / file).read_text("utf-8")
        for old, new in replacements.items():
            assert old in text, f"{file} has no {old!r} any more"
            text = text.replace(old, new)
        (copy / file).write_text(text, encoding="utf-8")
    return copy


def at_moment(moment: str, action: str) -> str:
    """Does something at one moment, once."""
    return f"if [[ $1 == '{moment}' ]]; then {action}; fi"


@dataclass
class Run:
    """A run that has been started."""

    world: World
    process: subprocess.Popen[bytes]
    log: Path
    cleared: bool = False  # whatever it left running has been killed by us

    @property
    def pid(self) -> int:
        """The script's process, whose session holds all it started."""
        return self.process.pid

    @property
    def output(self) -> str:
        """What it has said so far."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def wait_until_held(self) -> None:
        """Waits until the run stands still at its moment."""
        reached = self.world.hooks / "reached"
        wait_until(lambda: reached.exists() or self.process.poll() is not None, 60, 0.005)
        assert reached.exists(), f"it ended before the moment came:\n{self.output}"

    def release(self) -> None:
        """Lets a run that stands still go on."""
        (self.world.hooks / "go").touch()

    def finish(self, seconds: float = 60) -> Result:
        """Waits for the end of the script; what it leaves running is the judge's business."""
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"no end within {seconds} s:\n{self.output}") from None
        return Result(code, self.output)


@contextmanager
def started(
    world: World,
    program: str | None = None,
    *,
    script: str = "backup/one.sh",
    prefix: tuple[str, ...] = (),
    **overrides: str,
) -> Generator[Run]:
    """Starts a script (or `program` with its environment); no process outlives the block."""
    for name in ("reached", "go", "moments"):
        (world.hooks / name).unlink(missing_ok=True)
    path = SCRIPTS / script
    if program is not None:
        # A file: in a string of `bash -c` an exit handler does not end as it does in a script.
        path = world.hooks / "program.sh"
        path.write_text(program, encoding="utf-8")
    command = ["bash", str(path)]
    log = world.pod.root / "log"
    # A file, because a pipe would keep us until the last one that holds it has gone.
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*prefix, *drop_privileges(POD_UID, POD_GID), *command],
            stdout=output,
            stderr=output,
            env=world.pod.environment(script, **overrides),
            cwd=world.pod.root,
            start_new_session=True,
        )
    going = Run(world, process, log)
    try:
        yield going
    finally:
        while left := members(process.pid):
            for pid in left:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        process.wait()
        going.cleared = True


@dataclass(frozen=True)
class Moment:
    """A point of a run, and whether the backup has its final name there."""

    step: str
    published: bool

    def __str__(self) -> str:
        return self.step


def moments_of(world: World) -> list[Moment]:
    """The beginnings of all steps of a run without a fault, and the end of the last one."""
    note = (
        "local published=no;"
        " if [[ -n $NAME && -e $BACKUP_DIRECTORY/$NAME ]]; then published=yes; fi;"
        f" printf '%s\\t%s\\n' \"$1\" $published >>'{world.hooks}/moments'"
    )
    with started(world, code(world, at=note)) as going:
        result = going.finish()
    assert result.code == 0, result.output
    lines = (world.hooks / "moments").read_text("utf-8").splitlines()
    moments = [
        Moment(step, published == "yes") for step, published in (line.split("\t") for line in lines)
    ]
    return [each for each in moments if not each.step.endswith(", ended")] + moments[-1:]

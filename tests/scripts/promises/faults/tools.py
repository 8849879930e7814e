"""Stands before every program that a run starts, counts its calls and does the fault at one.

A folder with one link for each program of the system comes first on PATH. The shim behind all of
them is what the run starts; it becomes the real program by exec, so the process that is killed is
the very one the script waits for.
"""

from __future__ import annotations

import shutil
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.scripts.harness import BINARIES, POD_GID, POD_UID, SYSTEM_PATH, give
from tests.scripts.promises.faults.worlds import World

# `case` chooses the fault; everything else goes to the real program.
SHIM = """#!/bin/sh
# dash: the shim must cost little, there are hundreds of calls.
tool=${{0##*/}}
real={binaries}/$tool
[ -x "$real" ] || real=/usr/bin/$tool
read -r step <'{hooks}/step' || :
read -r call 2>/dev/null <"{hooks}/calls/$tool" || call=0
call=$((call + 1))
echo "$call" >"{hooks}/calls/$tool"
printf '%s\\t%s\\t%s\\n' "$tool" "$call" "$step" >>'{hooks}/census'
case "$tool $call" in
{cases}
esac
exec "$real" "$@"
"""

# What may be done at a call. The shell has no pipefail; where it matters there is no pipe.
KILLED_AT_ONCE = "kill -KILL $$"
KILLED_HALFWAY = """\
  PATH={path}
  "$real" "$@" >'{hooks}/output'
  head -c "$(($(wc -c <'{hooks}/output') / 2))" '{hooks}/output'
  kill -KILL $$"""
KILLED_AT_THE_END = '"$real" "$@"; kill -KILL $$'


@dataclass(frozen=True)
class Call:
    """One call of a program during a run without a fault."""

    tool: str
    number: int
    step: str

    def __str__(self) -> str:
        return f"{self.tool}, call {self.number}, {self.step}"


def census(world: World) -> list[Call]:
    """All calls of a run with shims, in their order."""
    lines = (world.hooks / "census").read_text("utf-8").splitlines()
    return [
        Call(tool, int(call), step) for tool, call, step in (line.split("\t") for line in lines)
    ]


@contextmanager
def shims(world: World, cases: dict[str, str], *missing: str) -> Generator[None]:
    """Puts shims before the programs of a world: `{"sync 2": KILLED_AT_ONCE}`.

    A key is a program and which of its calls, or `*` for each; the programs in `missing` are not
    to be found at all.
    """
    folder = world.pod.root / "shims"
    hooks = world.hooks
    (hooks / "calls").mkdir(exist_ok=True)
    give(hooks / "calls", POD_UID, POD_GID)
    for file in ("census", "step"):
        (hooks / file).write_text("before\n", encoding="utf-8")
        give(hooks / file, POD_UID, POD_GID)
    (hooks / "census").write_text("", encoding="utf-8")
    lines = [
        f"'{key.split()[0]} '{key.split()[1]})\n"
        f"{case.replace('{hooks}', str(hooks)).replace('{path}', SYSTEM_PATH)}\n  ;;"
        for key, case in cases.items()
    ]
    folder.mkdir()
    shim = folder / ".shim"
    shim.write_text(
        SHIM.format(binaries=BINARIES, hooks=hooks, cases="\n".join(lines)), encoding="utf-8"
    )
    shim.chmod(0o755)
    for path in (*Path("/usr/bin").iterdir(), *BINARIES.iterdir()):
        link = folder / path.name
        if path.name not in missing and not link.is_symlink():
            link.symlink_to(shim.name)
    for own in ("bash", "sh", "env", "setpriv", "unshare"):
        (folder / own).unlink(missing_ok=True)
    world.pod.path = f"{folder}:/usr/bin:/bin" if not missing else str(folder)
    if missing:  # /bin and /usr/bin would bring them back
        for own in ("bash", "sh", "setpriv", "env"):
            (folder / own).symlink_to(f"/usr/bin/{own}")
    try:
        yield
    finally:
        world.pod.path = SYSTEM_PATH
        shutil.rmtree(folder)

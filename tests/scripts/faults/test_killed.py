"""Every process of a run is killed, wherever it is in its work."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.scripts.faults import judge, tools
from tests.scripts.faults.ledger import Ledger
from tests.scripts.faults.processes import members, stat_of
from tests.scripts.faults.proxy import Proxy, proxy
from tests.scripts.faults.runs import Run, code, started
from tests.scripts.faults.tools import Call, census, shims
from tests.scripts.faults.worlds import FORMATS, MIDDLE, Worlds
from tests.scripts.harness import Result, wait_until

# Programs whose work is on the volume, not in what they print.
DOERS = {"chmod", "cp", "flock", "mkdir", "mktemp", "mv", "pg_dump", "pg_dumpall", "rm", "sync"}
ENDLESS = "Opened a snapshot"  # here psql waits for more; the tests below kill it
HOW = {
    "before it does anything": tools.KILLED_AT_ONCE,
    "with half of its output written": tools.KILLED_HALFWAY,
    "when its work is done": tools.KILLED_AT_THE_END,
}
# Where the two formats go different ways.
PLAIN_STEPS = {"Dumped the database and counted its rows", "Read the whole dump back"}


def calls_of(worlds: Worlds, format_: str) -> list[tuple[Call, bool]]:
    """The first call of each program in each step, and whether it comes after the rename.

    The call that does the rename counts as after it.
    """
    with worlds.new(format_) as world:
        with shims(world, {}), started(world, code(world)) as going:
            result = going.finish()
        assert result.code == 0, result.output
        calls = census(world)
    rename = next(
        i for i, call in enumerate(calls) if (call.tool, call.step) == ("mv", "Published")
    )
    chosen: dict[tuple[str, str], tuple[Call, bool]] = {}
    for number, call in enumerate(calls):
        if call.tool in {"dirname", "mktemp"}:
            continue  # they come before a script can say anything
        chosen.setdefault((call.step, call.tool), (call, number >= rename))
    return list(chosen.values())


@pytest.fixture(scope="module")
def calls(worlds: Worlds) -> list[tuple[str, Call, bool]]:
    """All calls to be hit, of both formats."""
    plain = [each for each in calls_of(worlds, "plain") if each[0].step in PLAIN_STEPS]
    return [("directory", *each) for each in calls_of(worlds, "directory")] + [
        ("plain", *each) for each in plain
    ]


@pytest.mark.parametrize("when", list(HOW))
def test_a_program_of_the_run_is_killed(
    worlds: Worlds, ledger: Ledger, calls: list[tuple[str, Call, bool]], when: str
) -> None:
    def attempt(moment: tuple[str, Call, bool]) -> None:
        format_, call, late = moment
        with (
            worlds.new(format_) as world,
            shims(world, {f"{call.tool} {call.number}": HOW[when]}),
            started(world, code(world)) as going,
        ):
            result = going.finish()
            assert call in census(world), "it was not called"
            cause = rf"\b{call.tool}\b|SIGKILL|[Kk]illed|exit code 1(37|41)|signal 9|No such file"
            judge.either(going, result, cause, late=late, in_the_log=True)

    # What prints is killed in the middle of it, what does something before it and after it.
    does = when != "with half of its output written"
    chosen = [
        each
        for each in calls
        if (each[1].tool in DOERS) == does
        and not (each[1].tool == "psql" and each[1].step == ENDLESS)
    ]
    with ledger.fault(f"a program of the run is killed {when}") as fault:
        fault.each(chosen, attempt, name=lambda each: f"{each[0]}, {each[1]}")


# --- every process that runs at one moment --------------------------------------------------------


def described(pid: int, script: int) -> str:
    """What a process is, in words that are the same in every run."""
    if pid == script:
        return "the script"
    words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    name = Path(os.fsdecode(words[0])).name
    if name != "bash":
        return name.partition(":")[0]
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="utf-8").split()
    pauses = any(described(int(child), script) == "sleep" for child in children)
    return "the shell of the pause" if pauses else "a shell of the script"


def processes(going: Run) -> list[tuple[str, int]]:
    """The processes of a run, each with its name and which of that name it is."""
    kinds = [described(pid, going.pid) for pid in members(going.pid)]
    return [(kind, kinds[:end].count(kind)) for end, kind in enumerate(kinds, 1)]


def find(going: Run, kind: str, number: int) -> int:
    """The process of that description."""
    found = [pid for pid in members(going.pid) if described(pid, going.pid) == kind]
    return found[number - 1]


def wait_until_all_is_begun(going: Run, wire: Proxy) -> None:
    """In the middle of a table, the script itself waiting for what it has started."""
    wire.wait_until_held(going)
    wait_until(lambda: ("sleep", 1) in processes(going), 10)


def hit(going: Run, pid: int, how: str) -> None:
    """Kills a process; one that is stopped first shows that the run does not go on without it."""
    if how == "SIGSTOP, then SIGKILL,":
        os.kill(pid, signal.SIGSTOP)
        wait_until(lambda: stat_of(pid)[0] == "T", 5, 0.005)
        assert going.process.poll() is None
    os.kill(pid, signal.SIGTERM if how == "SIGTERM" else signal.SIGKILL)


@pytest.mark.parametrize(
    ("how", "formats"),
    [
        ("SIGKILL", FORMATS),
        ("SIGTERM", ("directory",)),
        ("SIGSTOP, then SIGKILL,", ("directory",)),
    ],
)
def test_each_process_is_hit_in_the_middle_of_a_table(
    worlds: Worlds, ledger: Ledger, how: str, formats: tuple[str, ...]
) -> None:
    alive: list[tuple[str, str, int]] = []
    for format_ in formats:
        with worlds.new(format_) as world, proxy(world.server.port) as wire:
            wire.wait_for(MIDDLE.encode())
            with started(world, code(world), DATABASE_PORT=str(wire.port)) as going:
                wait_until_all_is_begun(going, wire)
                alive += [(format_, *each) for each in processes(going)]
    assert {"the script", "pg_dump", "psql"} <= {kind for _, kind, _ in alive}

    def attempt(moment: tuple[str, str, int]) -> None:
        format_, kind, number = moment
        with worlds.new(format_) as world, proxy(world.server.port) as wire:
            wire.wait_for(MIDDLE.encode())
            with started(world, code(world), DATABASE_PORT=str(wire.port)) as going:
                wait_until_all_is_begun(going, wire)
                hit(going, find(going, kind, number), how)
                judge_hit(going, kind, how, wire)

    with ledger.fault(f"{how} to each process in the middle of a table") as fault:
        fault.each(alive, attempt, name=lambda each: f"{each[0]}, {each[1]} {each[2]}")


def judge_hit(going: Run, kind: str, how: str, wire: Proxy) -> None:
    """Only the script's own death by SIGKILL leaves the others to end by themselves."""
    if kind == "the script" and how != "SIGTERM":
        going.process.wait(10)
        wire.release()
        judge.killed(going, Result(going.process.returncode, ""))
    elif kind in {"sleep", "the shell of the pause"}:  # between heartbeats: the run goes on
        wire.release()
        judge.whole(going, going.finish())
    else:
        result = going.finish()
        cause = "SIGTERM" if kind == "the script" else r"SIG|died|was cut|[Kk]illed|terminat"
        judge.absent(going, result, cause)

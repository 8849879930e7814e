"""Every process of a run is killed, wherever it is in its work."""

from __future__ import annotations

import pytest

from tests.scripts.promises.faults import judge, tools
from tests.scripts.promises.faults.ledger import Ledger
from tests.scripts.promises.faults.runs import code, started
from tests.scripts.promises.faults.tools import Call, census, shims
from tests.scripts.promises.faults.worlds import Worlds

# Programs whose work is on the volume, not in what they print.
DOERS = {"chmod", "cp", "flock", "mkdir", "mktemp", "mv", "pg_dump", "pg_dumpall", "rm", "sync"}
ENDLESS = "Opened a snapshot"  # here psql waits for more; test_processes.py kills it
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
        fault.each(fault.some(chosen), attempt, name=lambda each: f"{each[0]}, {each[1]}")

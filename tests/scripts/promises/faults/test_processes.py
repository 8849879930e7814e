"""Each process that is at work in the middle of a table is hit, one after the other."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.scripts.harness import Result, wait_until
from tests.scripts.promises.faults import judge
from tests.scripts.promises.faults.ledger import Ledger
from tests.scripts.promises.faults.processes import children_of, command_of, members, stat_of
from tests.scripts.promises.faults.proxy import Proxy, proxy
from tests.scripts.promises.faults.runs import Run, code, started
from tests.scripts.promises.faults.worlds import FORMATS, MIDDLE, Worlds

STOPPED_FIRST = "SIGSTOP, then SIGKILL,"


def described(pid: int, script: int) -> str:
    """What a process is, in words that are the same in every run."""
    if pid == script:
        return "the script"
    name = Path((command_of(pid) or ["nothing any more"])[0]).name.partition(":")[0]
    if name != "bash":
        return name
    below = {described(child, script) for child in children_of(pid)} or {"nothing yet"}
    return f"the shell of {min(below)}"


def at_work(going: Run) -> list[tuple[str, int]]:
    """The processes of a run, each with its name and which of that name it is."""
    kinds = [described(pid, going.pid) for pid in members(going.pid)]
    return [(kind, kinds[:end].count(kind)) for end, kind in enumerate(kinds, 1)]


def all_at_work(going: Run, wire: Proxy) -> list[tuple[str, int]]:
    """The same when the script itself does nothing but wait for what it has started."""
    wire.wait_until_held(going)
    seen: list[list[tuple[str, int]]] = [[]]

    def settled() -> bool:
        seen.append(at_work(going))
        return seen[-1] == seen[-2] and ("sleep", 1) in seen[-1]

    try:
        wait_until(settled, 20)
    except AssertionError:
        raise AssertionError(f"not all at work: {seen[-2:]}\n{going.output}") from None
    return seen[-1]


def hit(going: Run, kind: str, number: int, how: str) -> None:
    """Kills a process, or stops it first, so that the others meet one that does not answer.

    The pause between two heartbeats may end while it is being looked for: then it is the next one.
    """

    def done() -> bool:
        found = [pid for pid in members(going.pid) if described(pid, going.pid) == kind]
        try:
            pid = found[number - 1]
            if how == STOPPED_FIRST:
                os.kill(pid, signal.SIGSTOP)
                wait_until(lambda: stat_of(pid)[:1] in (["T"], []), 5, 0.005)
            os.kill(pid, signal.SIGTERM if how == "SIGTERM" else signal.SIGKILL)
        except (IndexError, ProcessLookupError):
            return False
        return True

    wait_until(done, 10)


@pytest.mark.parametrize(
    ("how", "formats"),
    [("SIGKILL", FORMATS), ("SIGTERM", ("directory",)), (STOPPED_FIRST, ("directory",))],
)
def test_each_process_is_hit_in_the_middle_of_a_table(
    worlds: Worlds, ledger: Ledger, how: str, formats: tuple[str, ...]
) -> None:
    chosen: list[tuple[str, str, int]] = []
    for format_ in formats:
        with worlds.new(format_) as world, proxy(world.server.port) as wire:
            wire.wait_for(MIDDLE.encode())
            with started(world, code(world), DATABASE_PORT=str(wire.port)) as going:
                chosen += [(format_, *each) for each in all_at_work(going, wire)]
    assert {"the script", "pg_dump", "psql"} <= {kind for _, kind, _ in chosen}

    def attempt(moment: tuple[str, str, int]) -> None:
        format_, kind, number = moment
        with worlds.new(format_) as world, proxy(world.server.port) as wire:
            wire.wait_for(MIDDLE.encode())
            with started(world, code(world), DATABASE_PORT=str(wire.port)) as going:
                all_at_work(going, wire)
                hit(going, kind, number, how)
                judge_hit(going, kind, how, wire)

    with ledger.fault(f"{how} to each process in the middle of a table") as fault:
        fault.each(chosen, attempt, name=lambda each: f"{each[0]}, {each[1]} {each[2]}")


def judge_hit(going: Run, kind: str, how: str, wire: Proxy) -> None:
    """Only the script's own death by SIGKILL leaves the others to end by themselves."""
    if kind == "the script" and how != "SIGTERM":
        code = going.process.wait(10)
        wire.release()
        judge.killed(going, Result(code, going.output))
    elif kind.endswith("sleep"):  # the pause between two heartbeats: the run goes on
        wire.release()
        judge.whole(going, going.finish())
    else:
        result = going.finish()
        wire.release()  # the server learns that its client has gone
        cause = "SIGTERM" if kind == "the script" else "SIG|died|was cut|[Kk]illed|[Tt]erminat"
        judge.absent(going, result, cause)

"""The whole run is ended at each of its steps, with and without a word."""

from __future__ import annotations

import os
import signal

import pytest

from tests.scripts.harness import Result
from tests.scripts.promises.faults import judge
from tests.scripts.promises.faults.ledger import Ledger
from tests.scripts.promises.faults.processes import children_of
from tests.scripts.promises.faults.proxy import proxy
from tests.scripts.promises.faults.runs import Moment, Run, at_moment, code, started
from tests.scripts.promises.faults.worlds import MIDDLE, Worlds

# The processes of a pod are in a namespace of their own, and the script is the first of them.
POD = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc")


@pytest.mark.parametrize("name", ["TERM", "INT", "HUP"])
def test_a_signal_at_each_step_ends_the_run_and_is_named(
    worlds: Worlds, ledger: Ledger, moments: list[Moment], few: list[Moment], name: str
) -> None:
    def attempt(moment: Moment) -> None:
        with worlds.new() as world:
            program = code(world, at=at_moment(moment.step, f"kill -{name} $$"))
            with started(world, program) as going:
                result = going.finish()
                assert result.code == 128 + signal.Signals[f"SIG{name}"], result.output
                if moment.published:
                    judge.whole(going, result, says=f"stopped by SIG{name}")
                else:
                    judge.absent(going, result, f"stopped by SIG{name}")

    with ledger.fault(f"SIG{name} at each step") as fault:
        fault.each(fault.some(moments if name == "TERM" else few), attempt)


def test_the_pod_is_killed_at_each_step(
    worlds: Worlds, ledger: Ledger, moments: list[Moment]
) -> None:
    def attempt(moment: Moment) -> None:
        with worlds.new() as world:
            program = code(world, at=at_moment(moment.step, "stand_still"))
            with started(world, program, prefix=POD) as going:
                going.wait_until_held()
                result = kill_first(going)
                if moment.published:
                    judge.whole(going, result, was_killed=True)
                else:
                    judge.killed(going, result)

    with ledger.fault("pod killed at each step") as fault:
        fault.each(fault.some(moments), attempt)


def test_the_pod_is_killed_in_the_middle_of_a_table(worlds: Worlds, ledger: Ledger) -> None:
    with ledger.fault("pod killed in the middle of a table") as fault:
        for format_ in ("directory", "plain"):
            with (
                fault.trial(format_),
                worlds.new(format_) as world,
                proxy(world.server.port) as wire,
            ):
                wire.wait_for(MIDDLE.encode())
                port = str(wire.port)
                with started(world, code(world), prefix=POD, DATABASE_PORT=port) as going:
                    wire.wait_until_held(going)
                    result = kill_first(going)
                    wire.release()
                    judge.killed(going, result)
                    (left,) = world.left
                    assert left.startswith(".staging/"), left


def kill_first(going: Run) -> Result:
    """Kills process 1 of the pod; the kernel takes all the others with it."""
    (first,) = children_of(going.pid)
    os.kill(first, signal.SIGKILL)
    output = going.finish().output  # the exit code is that of unshare
    assert "is complete and verified" not in output
    return Result(-signal.SIGKILL, output)

"""The server, or one of its backends, goes away."""

from __future__ import annotations

import os
import signal

import pytest

from tests.scripts.harness import wait_until
from tests.scripts.promises.faults import judge
from tests.scripts.promises.faults.ledger import Ledger
from tests.scripts.promises.faults.mortal import MortalServer
from tests.scripts.promises.faults.processes import alive
from tests.scripts.promises.faults.proxy import proxy
from tests.scripts.promises.faults.runs import Moment, at_moment, code, started
from tests.scripts.promises.faults.worlds import FORMATS, MIDDLE, World, Worlds

GONE = "nothing answers|was cut|starting up or shutting down"
ENDS = [
    ("killed (SIGKILL)", signal.SIGKILL),
    ("stopped fast (SIGINT)", signal.SIGINT),
]
IMPATIENT = "CONNECT_PATIENCE=1"


@pytest.mark.parametrize(("how", "number"), ENDS)
def test_the_server_goes_away(
    worlds: Worlds,
    ledger: Ledger,
    mortal: MortalServer,
    few: list[Moment],
    how: str,
    number: signal.Signals,
) -> None:
    with ledger.fault(f"server {how} at each step") as fault:
        for moment in fault.some(few):
            with fault.trial(moment.step), worlds.new() as world:
                program = code(world, at=at_moment(moment.step, "stand_still"), more=IMPATIENT)
                with started(world, program) as going:
                    going.wait_until_held()
                    with mortal.away(number):
                        going.release()
                        result = going.finish()
                    judge.either(going, result, GONE, late=moment.published)


def test_the_server_goes_away_in_the_middle_of_a_table(
    worlds: Worlds, ledger: Ledger, mortal: MortalServer
) -> None:
    with ledger.fault("server gone in the middle of a table") as fault:
        for how, number in ENDS:
            for format_ in FORMATS:
                with (
                    fault.trial(f"{how}, {format_}"),
                    worlds.new(format_) as world,
                    proxy(mortal.port) as wire,
                ):
                    wire.wait_for(MIDDLE.encode())
                    port = str(wire.port)
                    with started(world, code(world, more=IMPATIENT), DATABASE_PORT=port) as going:
                        wire.wait_until_held(going)
                        with mortal.away(number):
                            wire.release()
                            result = going.finish()
                        judge.absent(going, result, GONE)


def test_the_server_is_started_again_during_the_run(
    worlds: Worlds, ledger: Ledger, mortal: MortalServer, few: list[Moment]
) -> None:
    """A server that is back at once does not hide that the snapshot is gone."""
    with ledger.fault("server killed and back at once") as fault:
        for moment in fault.some(few):
            with fault.trial(moment.step), worlds.new() as world:
                program = code(world, at=at_moment(moment.step, "stand_still"), more=IMPATIENT)
                with started(world, program) as going:
                    going.wait_until_held()
                    with mortal.away(signal.SIGKILL):
                        pass
                    going.release()
                    result = going.finish()
                    judge.either(going, result, GONE, late=moment.published)


def sessions(world: World) -> list[tuple[str, int]]:
    """The sessions of a run: what they call themselves, and their backends."""
    rows = world.server.psql(
        "postgres",
        "SELECT application_name, pid FROM pg_stat_activity"
        f" WHERE datname = '{world.database}' AND backend_type = 'client backend'"
        " ORDER BY backend_start",
    )
    return [(name, int(pid)) for name, pid in (row.split("\t") for row in rows.splitlines())]


def test_a_session_is_terminated_in_the_middle_of_a_table(
    worlds: Worlds, ledger: Ledger, mortal: MortalServer
) -> None:
    """Leader, workers and the session with the snapshot, each in turn."""

    def attempt(moment: tuple[str, int]) -> None:
        format_, number = moment
        with worlds.new(format_) as world, proxy(mortal.port) as wire:
            wire.wait_for(MIDDLE.encode())
            with started(world, code(world), DATABASE_PORT=str(wire.port)) as going:
                wire.wait_until_held(going)
                _, pid = sessions(world)[number]
                mortal.psql("postgres", f"SELECT pg_terminate_backend({pid}, 5000)")
                wire.release()
                # A session that has done its work already is not missed.
                judge.either(going, going.finish(), GONE, late=False)

    # The snapshot's session, the leader, two workers; a plain dump has no workers.
    moments = [("directory", number) for number in range(4)] + [("plain", 0), ("plain", 1)]
    with ledger.fault("backend terminated in the middle of a table") as fault:
        fault.each(moments, attempt, name=lambda each: f"{each[0]}, session {each[1]}")


def test_a_backend_is_killed_and_takes_all_sessions_with_it(
    worlds: Worlds, ledger: Ledger, mortal: MortalServer
) -> None:
    with ledger.fault("backend killed (SIGKILL), server recovers") as fault:
        for number in range(4):
            with (
                fault.trial(f"session {number}"),
                worlds.new() as world,
                proxy(mortal.port) as wire,
            ):
                wire.wait_for(MIDDLE.encode())
                port = str(wire.port)
                with started(world, code(world, more=IMPATIENT), DATABASE_PORT=port) as going:
                    wire.wait_until_held(going)
                    _, pid = sessions(world)[number]
                    backends = mortal.processes()[1:]
                    os.kill(pid, signal.SIGKILL)
                    # Let go sooner, a run that has all it needs would be done before they are.
                    wait_until(lambda pids=backends: not any(map(alive, pids)), 20)
                    wait_until(mortal.alive, 20)
                    wire.release()
                    result = going.finish()
                    judge.absent(going, result, GONE)


def test_the_snapshot_session_is_terminated_between_two_steps(
    worlds: Worlds, ledger: Ledger, mortal: MortalServer
) -> None:
    steps = ["Opened a snapshot, ended", "Dumped the database and counted its rows"]

    def attempt(step: str) -> None:
        with (
            worlds.new() as world,
            started(world, code(world, at=at_moment(step, "stand_still"))) as going,
        ):
            going.wait_until_held()
            ((name, pid),) = sessions(world)
            assert name == "pgkeep"
            mortal.psql("postgres", f"SELECT pg_terminate_backend({pid}, 5000)")
            going.release()
            judge.absent(going, going.finish(), GONE)

    with ledger.fault("snapshot's session terminated between two steps") as fault:
        fault.each(steps, attempt)

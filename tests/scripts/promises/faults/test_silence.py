"""A server falls silent, and the pod is ended: its last words come within a pod's half minute.

At any connection, before its login or after it, where it is no broken connection and no timeout of
the client's ends the wait. Whatever asks the server so that a signal has to wait for the answer
hangs here.
"""

from __future__ import annotations

import random
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from tests.scripts.harness import Result, wait_until
from tests.scripts.promises.faults.ledger import SEED, SHARE, Ledger
from tests.scripts.promises.faults.proxy import Proxy, proxy
from tests.scripts.promises.faults.restores import (
    GRACE,
    IN_SWAP,
    POINTS,
    STAGES,
    SUPERUSER,
    Hit,
    Point,
    Scene,
    Stages,
    arrived,
    found,
    gone,
    judged,
    program,
)
from tests.scripts.promises.faults.runs import Run, started
from tests.scripts.promises.faults.test_network import SHORT

TOLD = r"SIGTERM[^.]*\n.*activeDeadlineSeconds"
# So that a trial takes less time; what is shipped has trials of its own.
HASTY = f"{SHORT}\nLAST_WORDS=6"

# What a pod can be started for: script and settings. Those of KEPT need what a restore has kept.
ACTIONS: dict[str, tuple[str, dict[str, str]]] = {
    "restore": ("restore/main.sh", {"RESTORE_SAFETY_BACKUP": "false"}),
    "dry run": ("restore/main.sh", {"RESTORE_DRY_RUN": "true"}),
    "single tables": ("restore/main.sh", {"RESTORE_TABLES": "public.goods"}),
    "undo": ("restore/main.sh", {"RESTORE_ACTION": "undo"}),
    "drop": ("restore/main.sh", {"RESTORE_ACTION": "drop-aside", "RESTORE_DROP": "all"}),
    "backup": ("backup/one.sh", {}),
}
KEPT = ("undo", "drop")


@dataclass(frozen=True)
class Silence:
    """From which connection on nobody gets an answer, as a part of all that a run makes."""

    part: float
    lets_in: bool

    def __str__(self) -> str:
        login = "after" if self.lets_in else "before"
        return f"{login} the login, {self.part:.3f} of the connections (seed {SEED})"


def silences(action: str) -> list[Silence]:
    """Spread over the whole run; two of three let in, because that is what no timeout ends."""
    chance = random.Random(f"{SEED} silence {action}")  # noqa: S311 - no secret
    count = max(2, round(6 * SHARE))
    return [Silence((number + chance.random()) / count, number % 3 != 2) for number in range(count)]


def act(scene: Scene, action: str, wire: Proxy | None = None) -> Result:
    """Does it undisturbed, with the server as it is or over a wire."""
    with begun(scene, action, wire.port if wire else scene.stage.server.port) as going:
        return going.finish()


@contextmanager
def begun(scene: Scene, action: str, port: int, more: str = "") -> Generator[Run]:
    """Starts it, with other definitions where there are more."""
    script, settings = ACTIONS[action]
    scene.pod.settings = settings | {"DATABASE_PORT": str(port)}
    text = program(scene, more=more, script=script) if more else None
    with started(scene.world, text, script=script) as going:
        yield going


def prepare(scene: Scene, action: str) -> None:
    """What has to be there before."""
    if action in KEPT:
        result = act(scene, "restore")
        assert result.code == 0, result.output


def end_in_silence(wire: Proxy, going: Run) -> None:
    """SIGTERM when it waits for an answer that does not come; one that is over is over."""
    wait_until(lambda: wire.reached.is_set() or going.process.poll() is not None, GRACE, 0.01)
    time.sleep(0.3)
    going.process.terminate()


@pytest.mark.parametrize("action", ACTIONS)
def test_a_pod_is_deleted_while_the_server_is_silent(
    stages: Stages, ledger: Ledger, action: str
) -> None:
    with stages.new(SUPERUSER) as scene, proxy(scene.stage.server.port) as wire:
        prepare(scene, action)
        result = act(scene, action, wire)
        assert result.code == 0, result.output
        connections = wire.accepted

    def attempt(silence: Silence) -> None:
        with stages.new(SUPERUSER) as scene, proxy(scene.stage.server.port) as wire:
            prepare(scene, action)
            wire.silence_at(1 + int(silence.part * connections), lets_in=silence.lets_in)
            with begun(scene, action, wire.port, HASTY) as going:
                end_in_silence(wire, going)
                result = going.finish(GRACE)
                wire.close()
                gone(scene, going)
            if result.code != 0:
                assert "stopped by SIGTERM" in result.explained(), result.output
            if action != "single tables":  # what stands beside the live ones waits for the next run
                found(scene, "after the fault")
            after = act(scene, action)
            assert after.code == 0, f"{result.output}\nthe next run:\n{after.output}"
            assert scene.stage.roles() == [], after.output
            assert scene.pod.unfinished() == [], after.output

    with ledger.fault(f"{action}: server silent at a connection, pod deleted") as fault:
        fault.each(silences(action), attempt, at_once=STAGES)


# --- in the middle of the clean-up ----------------------------------------------------------------


@dataclass(frozen=True)
class Late:
    """The connection of the clean-up, counted from 1, at which the server falls silent."""

    point: Point
    number: int
    lets_in: bool = True
    more: str = HASTY
    chance: int = 0

    def __str__(self) -> str:
        shipped = "" if self.more else ", times as shipped"
        return f"{self.point}, connection {self.number} of the clean-up{shipped}"


def points(*wanted: str) -> list[Point]:
    """Points of a restore by their names."""
    return [each for each in POINTS if isinstance(each, Point) and each.what in wanted]


SIDE_MADE = points("definitions not read yet")[0]
(BEFORE_RENAMES,) = [each for each in points("before the renames") if each in IN_SWAP]
LATE = [
    *(Late(SIDE_MADE, number) for number in range(1, 8)),
    Late(SIDE_MADE, 3, lets_in=False),
    *(Late(BEFORE_RENAMES, number) for number in (1, 2)),
    Late(SIDE_MADE, 2, more=""),
    Late(SIDE_MADE, 5, lets_in=False, more=""),
]


def test_the_server_falls_silent_during_the_clean_up(stages: Stages, ledger: Ledger) -> None:
    def attempt(late: Late) -> None:
        with arrived(stages, late.point, late.more) as hit:
            hit.wire.silence_at(hit.wire.accepted + late.number, lets_in=late.lets_in)
            hit.going.process.terminate()
            hit.wire.cut()
            result = hit.going.finish(GRACE)
            hit.wire.close()
            judged(hit, result, cause=TOLD)

    with ledger.fault("restore: server silent during the clean-up") as fault:
        fault.each(fault.some(LATE), attempt, at_once=STAGES)


# --- a run that fails by itself -------------------------------------------------------------------

BREAKS = "\ncompare_side() { begin Compared; fail 1 broken 'it is broken' 'a test' 'none'; }"
BROKEN = Point("a restore that fails", "Compared", b"")


def test_a_pod_is_deleted_during_the_clean_up_of_a_failure(stages: Stages, ledger: Ledger) -> None:
    """It cleans up without haste until the signal comes, and then as one that was told to end."""

    def attempt(late: Late) -> None:
        with stages.new(SUPERUSER) as scene, proxy(scene.stage.server.port) as wire:
            text = program(scene, "Compared", late.more + BREAKS)
            with scene.restore(
                text, DATABASE_PORT=str(wire.port), RESTORE_SAFETY_BACKUP="false"
            ) as going:
                going.wait_until_held()
                wire.silence_at(wire.accepted + late.number, lets_in=True)
                going.release()
                end_in_silence(wire, going)
                result = going.finish(GRACE)
                wire.close()
                judged(Hit(scene, going, wire, late.point), result, cause="it is broken")

    with ledger.fault("restore: pod deleted during the clean-up of a failure") as fault:
        trials = [Late(BROKEN, number) for number in (1, 3, 4)] + [Late(BROKEN, 3, more="")]
        fault.each(trials, attempt, at_once=STAGES)

"""A restore that is hit at any moment leaves the old or the new database, whole, under the name."""

from __future__ import annotations

import os
import signal
from contextlib import suppress

from tests.scripts.harness import wait_until
from tests.scripts.promises.faults.ledger import Ledger
from tests.scripts.promises.faults.restores import (
    AWAY,
    GRACE,
    IN_SWAP,
    POINTS,
    STAGES,
    Hit,
    Moment,
    Point,
    Stages,
    arrived,
    judged,
    kill_everything,
    random_moments,
)
from tests.scripts.promises.faults.test_network import SHORT
from tests.scripts.promises.faults.volumes import Volume

IMPATIENT = "CONNECT_PATIENCE=1"
# The last: of pg_dump, in the safety backup.
LOST = "nothing answers|was cut|starting up or shutting down|session that holds the snapshot"
FULL = "[Nn]o space (is )?left|B free, the backup needs"
MEBIBYTE = 2**20


def test_without_a_fault_the_database_is_away_for_less_than_two_seconds(
    stages: Stages, ledger: Ledger
) -> None:
    def attempt(moment: Moment) -> None:
        with arrived(stages, moment, pause=0) as hit:
            judged(hit, hit.going.finish())
            assert hit.scene.reader.longest_wait() < AWAY, hit.scene.reader.account()

    with ledger.fault("restore: no fault, a client that comes back at once") as fault:
        fault.each(random_moments("none", 4), attempt)


# --- the pod --------------------------------------------------------------------------------------


def test_everything_that_runs_is_killed(stages: Stages, ledger: Ledger) -> None:
    """A pod deleted without grace, or a node that is gone."""

    def attempt(moment: Moment) -> None:
        with arrived(stages, moment) as hit:
            kill_everything(hit.going)
            hit.wire.cut()
            judged(hit, hit.going.finish(), was_killed=True)

    with ledger.fault("restore: everything killed (SIGKILL)") as fault:
        fault.each([*random_moments("everything"), *fault.some(POINTS)], attempt)


def test_the_pod_is_deleted(stages: Stages, ledger: Ledger) -> None:
    """SIGTERM to its first process, which has half a minute."""

    def attempt(moment: Moment) -> None:
        with arrived(stages, moment) as hit:
            hit.going.process.terminate()
            hit.wire.cut()
            result = hit.going.finish(GRACE)
            judged(hit, result, cause="SIGTERM[^.]*\n.*activeDeadlineSeconds", tidy=True)

    with ledger.fault("restore: pod deleted (SIGTERM)") as fault:
        fault.each([*random_moments("deleted"), *fault.some(POINTS)], attempt)


def test_the_script_alone_is_killed(stages: Stages, ledger: Ledger) -> None:
    """What it has started goes on to its own end, and nobody waits for it."""

    def attempt(moment: Moment) -> None:
        with arrived(stages, moment) as hit:
            with suppress(ProcessLookupError):
                os.kill(hit.going.pid, signal.SIGKILL)
            hit.wire.release()
            judged(hit, hit.going.finish(), was_killed=True)

    with ledger.fault("restore: script alone killed (SIGKILL)") as fault:
        fault.each([*random_moments("script"), *fault.some(IN_SWAP)], attempt)


# --- the server -----------------------------------------------------------------------------------


def test_the_server_is_killed_and_started_again(stages: Stages, ledger: Ledger) -> None:
    """Back at once, or only when the run has given up."""

    def attempt(moment: Moment) -> None:
        with arrived(stages, moment, IMPATIENT) as hit:
            with hit.scene.stage.server.away(signal.SIGKILL):
                hit.wire.release()
                if moment.chance % 2:
                    hit.going.finish()
            judged(hit, hit.going.finish(), cause=LOST)

    with ledger.fault("restore: server killed (SIGKILL) and started again") as fault:
        fault.each([*random_moments("server"), *fault.some(POINTS)], attempt)


def a_backend(hit: Hit) -> int:
    """One of the run's sessions, at random; 0 when the run is over."""
    while True:
        over = hit.going.process.poll() is not None
        sessions = hit.scene.stage.backends()
        if sessions:
            return int(sessions[0].split()[0])
        if over:
            return 0


def test_a_backend_of_the_run_is_killed(stages: Stages, ledger: Ledger) -> None:
    """With SIGKILL it takes all sessions with it, and the server recovers."""

    def attempt(moment: Moment) -> None:
        with arrived(stages, moment, IMPATIENT) as hit:
            server = hit.scene.stage.server
            pid = a_backend(hit)
            backends = server.processes()[1:]
            if pid in backends:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                # One that was ending by itself takes nobody along: then the run comes to its end.
                wait_until(
                    lambda: (
                        not set(backends) & set(server.processes())
                        or hit.going.process.poll() is not None
                    ),
                    20,
                    0.01,
                )
                wait_until(server.alive, 20, 0.01)
            hit.wire.release()
            judged(hit, hit.going.finish(), cause=LOST)

    with ledger.fault("restore: backend killed (SIGKILL), server recovers") as fault:
        fault.each([*random_moments("backend"), *fault.some(IN_SWAP)], attempt)


def test_a_session_of_the_run_is_terminated(stages: Stages, ledger: Ledger) -> None:
    def attempt(moment: Moment) -> None:
        with arrived(stages, moment) as hit:
            pid = a_backend(hit)
            hit.scene.stage.server.psql("postgres", f"SELECT pg_terminate_backend({pid}, 5000)")
            hit.wire.release()
            judged(hit, hit.going.finish(), cause=LOST, tidy=True)

    with ledger.fault("restore: session terminated") as fault:
        fault.each(random_moments("session"), attempt)


# --- the network ----------------------------------------------------------------------------------


def test_all_connections_are_reset(stages: Stages, ledger: Ledger) -> None:
    """New ones get through at once, or never again."""

    def attempt(moment: Moment) -> None:
        with arrived(stages, moment, IMPATIENT) as hit:
            if moment.chance % 2:
                hit.wire.close()
            else:
                hit.wire.cut(everything=True)
            judged(hit, hit.going.finish(), cause=LOST)

    with ledger.fault("restore: all connections reset") as fault:
        fault.each([*random_moments("reset"), *fault.some(POINTS)], attempt)


def test_the_network_is_silent_until_the_deadline(stages: Stages, ledger: Ledger) -> None:
    def attempt(moment: Moment) -> None:
        with arrived(stages, moment, SHORT) as hit:
            hit.wire.silent = True
            hit.going.process.terminate()  # what Kubernetes does at activeDeadlineSeconds
            result = hit.going.finish(GRACE)
            hit.wire.close()
            judged(hit, result, cause="SIGTERM[^.]*\n.*activeDeadlineSeconds")

    with ledger.fault("restore: server silent until the deadline") as fault:
        fault.each([*random_moments("silent"), *fault.some(POINTS)], attempt, at_once=STAGES)


def test_a_silent_server_leaves_time_for_the_last_words(stages: Stages, ledger: Ledger) -> None:
    """With the timeouts as shipped, each of which is a third of a pod's last half minute."""

    def attempt(moment: Moment) -> None:
        with arrived(stages, moment) as hit:
            hit.wire.silent = True
            hit.going.process.terminate()
            result = hit.going.finish(GRACE)
            hit.wire.close()
            judged(hit, result, cause="SIGTERM[^.]*\n.*activeDeadlineSeconds")

    with ledger.fault("restore: server silent, timeouts as shipped") as fault:
        fault.each([POINTS[1], IN_SWAP[1]], attempt, at_once=STAGES)


# --- space ----------------------------------------------------------------------------------------


def test_the_backup_volume_fills_up(stages: Stages, ledger: Ledger) -> None:
    def attempt(moment: Moment) -> None:
        with arrived(stages, moment, small_volume="48M") as hit:
            volume = Volume(hit.scene.pod.volume)
            volume.fill((0, 4096, 65536, 17 * MEBIBYTE)[moment.chance % 4])
            hit.wire.release()
            judged(hit, hit.going.finish(), cause=FULL, tidy=True, mend=volume.empty)

    with ledger.fault("restore: backup volume full") as fault:
        fault.each(random_moments("volume"), attempt)


def test_the_disk_of_the_server_fills_up(stages: Stages, ledger: Ledger) -> None:
    """To the last byte, or so that the side database fills it; the live one answers on."""

    def attempt(moment: Moment) -> None:
        with arrived(stages, moment) as hit:
            disk = hit.scene.stage.disk
            try:
                disk.fill(0 if isinstance(moment, Point) else moment.chance % (12 * MEBIBYTE))
                hit.wire.release()
                result = hit.going.finish()
                judged(hit, result, cause=FULL, mend=disk.empty)
                assert hit.scene.reader.longest_wait() < AWAY, hit.scene.reader.account()
            finally:
                disk.empty()

    with ledger.fault("restore: server's disk full") as fault:
        fault.each([*random_moments("disk"), IN_SWAP[0]], attempt)

"""The tool ends at each of its requests, in every way; another machine goes on from there."""

import re
from collections.abc import Iterator

import pytest

from pgkeep.errors import NotPermittedError, UnreachableError
from pgkeep.restoring.task import running
from tests.tool.world import Call, Fault, Killed, World, is_look, stack

NAME = "backup-20261123-020000"
RUNNING = {"web": (2, None), "queue": (1, None)}
RESTORE = ["run-restore", NAME, "--yes"]
UNDO = ["undo-restore", "--yes"]
RESUME = ["resume"]


def requests_of(call: Call, arguments: list[str]) -> list[str]:
    """The requests of an undisturbed run."""
    world = stack()
    code, text = call(world, arguments)
    assert code == 0, text
    assert world.applications == RUNNING
    return world.requests


def each_moment(call: Call, arguments: list[str]) -> Iterator[tuple[int, bool]]:
    """Every request of a run, before it was carried out, and where it changes something after."""
    for number, request in enumerate(requests_of(call, arguments), start=1):
        yield number, False
        # Of one that only reads, the answer is lost as if it had not been sent.
        if request.split()[0] not in ("get", "list", "watch"):
            yield number, True


def disturbed(fault: Fault, number: int, carried_out: bool, *, succeed: bool = True) -> World:
    world = stack()
    world.fault, world.fault_at, world.carried_out = fault, number, carried_out
    world.succeed = succeed
    return world


def about(world: World, number: int, carried_out: bool, text: str) -> str:
    made = world.requests[number - 1] if number <= len(world.requests) else "?"
    return f"request {number} ({made}), {'answer lost' if carried_out else 'not sent'}:\n{text}"


def is_running(world: World) -> bool:
    return running(world.jobs) is not None


def is_needed(world: World) -> bool:
    """Whether somebody has to be told to resume. A Job that only looks ends by itself."""
    job = running(world.jobs)
    return world.applications != RUNNING or (job is not None and not is_look(job))


@pytest.mark.parametrize("arguments", [RESTORE, UNDO])
@pytest.mark.parametrize("meanwhile", ["the job goes on", "the job ends", "the job fails"])
def test_killed_at_any_request_it_is_resumed_from_another_machine(
    call: Call, arguments: list[str], meanwhile: str
) -> None:
    kills = 0
    for number, carried_out in each_moment(call, arguments):
        world = disturbed(Killed, number, carried_out)
        code, text = call(world, arguments)
        assert code == 137, about(world, number, carried_out, text)
        kills += 1
        if meanwhile != "the job goes on":
            world.run_jobs(succeed=meanwhile == "the job ends")
        needs = is_running(world) or world.applications != RUNNING
        other = world.recovered()
        code, text = call(other, RESUME)
        said = about(world, number, carried_out, text)
        assert code == (0 if needs else 5), said
        assert other.applications == RUNNING, said
        assert not is_running(other), said
        assert len(other.jobs) <= 1, "resuming never begins anything"
    assert kills > 20


@pytest.mark.parametrize("arguments", [RESTORE, UNDO])
@pytest.mark.parametrize("meanwhile", ["the job goes on", "the job ends", "the job fails"])
def test_killed_at_any_request_it_is_simply_run_again(
    call: Call, arguments: list[str], meanwhile: str
) -> None:
    for number, carried_out in each_moment(call, arguments):
        world = disturbed(Killed, number, carried_out)
        call(world, arguments)
        if meanwhile != "the job goes on":
            world.run_jobs(succeed=meanwhile == "the job ends")
        was_running = is_running(world)
        other = world.recovered()
        code, text = call(other, arguments)
        said = about(world, number, carried_out, text)
        if was_running:
            # It is not begun twice; the words say how to finish.
            assert code == 1, said
            assert "A restore is running already: job/postgres-restore-manual-1" in text, said
            assert "pgkeep resume" in text, said
            assert call(other, RESUME)[0] == 0, said
        else:
            assert code == 0, said
        assert other.applications == RUNNING, said
        assert not is_running(other), said


def test_an_undo_that_was_killed_after_its_swap_is_not_undone_by_running_it_again(
    call: Call,
) -> None:
    begun = 0
    for number, carried_out in each_moment(call, UNDO):
        world = disturbed(Killed, number, carried_out)
        call(world, UNDO)
        world.run_jobs()
        if len(world.jobs) == 1 and world.applications != RUNNING:
            begun += 1
            stopped = all(replicas == 0 for replicas, _ in world.applications.values())
            other = world.recovered()
            code, text = call(other, UNDO)
            said = about(world, number, carried_out, text)
            assert code == 0, said
            assert len(other.jobs) == 1, said
            assert "The undo that was interrupted has succeeded" in text, said
            assert other.applications == RUNNING, said
            assert stopped or "create job" not in other.requests, said
    assert begun > 5


def test_that_stays_so_when_somebody_tries_something_out_in_between(call: Call) -> None:
    moment = requests_of(call, UNDO).index("follow", 10) + 1
    world = disturbed(Killed, moment, False)
    call(world, UNDO)
    world.run_jobs()
    other = world.recovered()
    assert call(other, ["run-restore", NAME, "--dry-run"])[0] == 0
    code, text = call(other, UNDO)
    assert code == 0
    assert "The undo that was interrupted has succeeded" in text
    assert len(other.jobs) == 2
    assert other.applications == RUNNING


@pytest.mark.parametrize("arguments", [RESTORE, UNDO])
@pytest.mark.parametrize("succeed", [True, False])
def test_ctrl_c_at_any_request_leaves_nothing_stopped_without_a_word(
    call: Call, arguments: list[str], succeed: bool
) -> None:
    for number, carried_out in each_moment(call, arguments):
        world = disturbed(KeyboardInterrupt, number, carried_out, succeed=succeed)
        code, text = call(world, arguments)
        said = about(world, number, carried_out, text)
        assert code == 130 or (code == 1 and not succeed), said
        if is_needed(world):
            assert "pgkeep resume" in text, said
            other = world.recovered()
            assert call(other, RESUME)[0] == 0, said
            assert other.applications == RUNNING, said


def away() -> BaseException:
    return UnreachableError("The cluster does not answer.")


def forbidden() -> BaseException:
    return NotPermittedError("You may not do that.")


@pytest.mark.parametrize("arguments", [RESTORE, UNDO])
@pytest.mark.parametrize("fault", [away, forbidden])
def test_a_request_that_fails_leaves_nothing_stopped_without_a_word(
    call: Call, arguments: list[str], fault: Fault
) -> None:
    for number, carried_out in each_moment(call, arguments):
        world = disturbed(fault, number, carried_out)
        code, text = call(world, arguments)
        said = about(world, number, carried_out, text)
        assert code in (0, 4), said
        if is_needed(world):
            assert code == 4, said
            assert "pgkeep resume" in text, said
            other = world.recovered()
            assert call(other, RESUME)[0] == 0, said
            assert other.applications == RUNNING, said


@pytest.mark.parametrize("arguments", [RESTORE, UNDO])
def test_the_resumption_may_be_killed_as_well(call: Call, arguments: list[str]) -> None:
    for number in range(1, 12):
        world = disturbed(Killed, 0, False)
        world.fault_at = (
            len(requests_of(call, arguments)) - 6
        )  # while the Job runs, or shortly before the start
        call(world, arguments)
        again = world.recovered()
        again.fault, again.fault_at, again.carried_out = Killed, number, number % 2 == 0
        call(again, RESUME)
        last = again.recovered()
        code, text = call(last, RESUME)
        assert code in (0, 5), text
        assert last.applications == RUNNING, text


def test_the_words_of_a_failed_restore(call: Call) -> None:
    world = stack()
    world.succeed = False
    code, text = call(world, RESTORE)
    assert code == 1
    assert world.applications == RUNNING
    assert "only in its very last step, the swap" in text
    assert re.search(r"The restore failed after .*: job/postgres-restore-manual-1", text)

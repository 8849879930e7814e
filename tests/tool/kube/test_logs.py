from pgkeep.kube.logs import LogPosition, container_state, diagnosis
from tests.tool.objects import pod

FIRST = "2026-11-23T02:00:00.000000001Z one\n"
SECOND = "2026-11-23T02:00:01.100000000Z two\n"
THIRD = "2026-11-23T02:00:01.200000000Z three\n"
FOURTH = "2026-11-23T02:00:01.300000000Z four\n"


def read(position: LogPosition, *raw: str) -> list[str]:
    return [text for text in map(position.accept, raw) if text is not None]


def test_a_resumed_stream_repeats_no_line() -> None:
    position = LogPosition()
    assert read(position, FIRST, SECOND, THIRD) == ["one", "two", "three"]
    assert position.since == "2026-11-23T02:00:01Z"
    position.reopened()
    assert read(position, SECOND, THIRD, FOURTH) == ["four"]
    position.reopened()
    assert read(position, SECOND, THIRD, FOURTH) == []


def test_equal_lines_of_one_moment_are_counted() -> None:
    position = LogPosition()
    assert read(position, SECOND, SECOND) == ["two", "two"]
    position.reopened()
    assert read(position, SECOND, SECOND, SECOND) == ["two"]


def test_a_cut_line_is_read_again_whole() -> None:
    position = LogPosition()
    assert read(position, FIRST, SECOND[:-3]) == ["one"]
    position.reopened()
    assert read(position, FIRST, SECOND) == ["two"]


def test_a_stream_that_broke_before_its_first_line_begins_at_the_start() -> None:
    position = LogPosition()
    position.reopened()
    assert position.since is None
    assert read(position, FIRST) == ["one"]


def test_what_the_kubelet_says_of_a_container_that_is_gone_is_no_line_of_its_log() -> None:
    position = LogPosition()
    gone = "unable to retrieve container logs for containerd://39eed91ab7aee6b6\n"
    assert read(position, FIRST, gone) == ["one"]
    assert position.since == "2026-11-23T02:00:00Z"


def test_a_clock_that_steps_back_loses_no_line() -> None:
    position = LogPosition()
    assert read(position, SECOND, FIRST, THIRD) == ["two", "one", "three"]


def test_empty_lines_and_blanks_stay() -> None:
    stamp = "2026-11-23T02:00:00.1Z"
    assert read(LogPosition(), f"{stamp} \n", f"{stamp}   x\n") == ["", "  x"]


def test_escape_sequences_in_a_log_are_shown_not_obeyed() -> None:
    assert read(LogPosition(), "2026-11-23T02:00:00.1Z \x1b]0;x\x07\n") == ["?]0;x?"]


def test_the_last_lines_explain_a_failure() -> None:
    lines = ["✗ connect", "ERROR: no answer: host db", "CAUSE: refused", "CURE: start it"]
    said = diagnosis(lines)
    assert said is not None
    assert (said.message, said.cause, said.cure) == (
        "no answer: host db",
        "refused",
        "start it",
    )
    assert diagnosis(["✓ all well"]) is None
    assert diagnosis([]) is None


def test_the_state_of_other_containers_does_not_count() -> None:
    assert container_state(pod(state={"running": {}}, container="sidecar"))[0] == "waiting"
    assert container_state(pod(state={"running": {}}))[0] == "running"
    assert container_state({"metadata": {}})[0] == "waiting"

"""The beginning and the end of every script: failures, signals, last words."""

from __future__ import annotations

import time

import pytest

from tests.scripts.harness import SCRIPTS, Pod, finish

# To load a file of core/ alone.
CORE = f"SCRIPTS={SCRIPTS}; source $SCRIPTS/core"


def test_an_unexpected_failure_still_names_its_place(pod: Pod) -> None:
    code = f"{CORE}/script.sh; start_script; begin 'Trying'; false; echo never"
    result = pod.run("console/main.sh", code=code)
    assert result.code == 1
    assert "never" not in result.output
    assert "✗ Trying" in result.output
    error, cause, cure = result.last_lines
    assert error == 'ERROR: step "Trying" ended with exit code 1'
    assert cause.startswith("CAUSE: line ")
    assert "false" in cause
    assert cure.startswith("CURE: ")


def test_a_failure_is_told_wherever_the_output_of_the_failing_step_goes(pod: Pod) -> None:
    code = (
        f"{CORE}/script.sh; start_script; broken() {{ fail 1 test what why how; }};"
        "broken >/dev/null 2>&1"
    )
    result = pod.run("console/main.sh", code=code)
    assert result.code == 1
    assert result.explained() == "ERROR: what\nCAUSE: why\nCURE: how"


@pytest.mark.parametrize("delay", [0, 0.0005, 0.001, 0.002, 0.003, 0.005, 0.05])
def test_sigterm_is_heard_at_any_moment_and_cleans_up_once(pod: Pod, delay: float) -> None:
    # The start of a child is the hard moment: it is not yet known, or still has our traps.
    code = (
        f"{CORE}/script.sh; clean() {{ echo cleaned; }}; AT_END=clean; start_script;"
        "begin Waiting; echo begun; run sleep 60"
    )
    running = pod.start("console/main.sh", code=code)
    assert running.stdout is not None
    assert running.stdout.readline() == "begun\n"
    time.sleep(delay)
    sent = time.monotonic()
    running.terminate()
    result = finish(running)
    assert time.monotonic() - sent < 5
    assert result.code == 143
    assert 'stopped by SIGTERM during step "Waiting"' in result.explained()
    assert result.output.count("cleaned") == 1
    assert "Terminated" not in result.output


@pytest.mark.parametrize("code", [0, 1, 143])
@pytest.mark.parametrize("where", ["on_signal", "finish"])
def test_another_sigterm_keeps_no_run_from_cleaning_up(pod: Pod, where: str, code: int) -> None:
    # `timeout` and the parent of a run both send it, and more than once; it may also come when the
    # run has just reached its own end. It comes at the beginning of the handler named.
    end = "kill -TERM $$" if code == 143 else f"exit {code}"
    script = (
        f"{CORE}/script.sh; clean() {{ echo cleaned; }}; AT_END=clean; start_script; sent=no;"
        'eval "shipped_$(declare -f is_main)"; is_main() {'
        f" if [[ ${{FUNCNAME[1]}} == {where} && $sent == no ]]; then sent=yes; kill -TERM $$; fi;"
        f" shipped_is_main; }}; {end}"
    )
    result = pod.run("console/main.sh", code=script)
    assert result.code == code
    assert result.output.count("cleaned") == 1
    assert code == 0 or "CURE: " in result.explained()

"""The files as such: what they read, how they look, how large they are."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.scripts.harness import GIVEN, SCRIPTS, Pod, finish

SHELL = sorted(SCRIPTS.glob("*.sh"))
TOOLS = Path(sys.executable).parent
# Set by bash itself, or by us for PostgreSQL's clients.
OWN = {
    "BASHPID",
    "BASH_SOURCE",
    "FUNCNAME",
    "BASH_COMMAND",
    "LINENO",
    "EPOCHREALTIME",
    "EPOCHSECONDS",
    "SECONDS",
    "HOSTNAME",
    "IFS",
    "PIPESTATUS",
}


def with_sourced(script: str) -> str:
    """The text of a script and of all that it sources."""
    text = (SCRIPTS / script).read_text(encoding="utf-8")
    sourced = re.findall(r'^source "\$SCRIPTS/(\S+)"', text, re.MULTILINE)
    return text + "".join(with_sourced(each) for each in sourced)


def names_read(script: str) -> set[str]:
    """Upper-case variables that a script and what it sources read without setting them."""
    text = with_sourced(script)
    text = re.sub(r"^\s*#.*$", "", text, flags=re.MULTILINE)
    read = set(re.findall(r"\$\{?[!#]?([A-Z][A-Z0-9_]+)", text))
    for line in re.findall(r"require_(?:parameter|number|truth) ((?:[^\n\\]|\\\n)*)", text):
        read |= set(re.findall(r"\b([A-Z][A-Z_]+)\b", line))
    # What only stands in a text for the reader is not an assignment.
    text = re.sub(r'"[^"\n]*"', "", text)
    text = re.sub(r"'[^'\n]*'", "", text)
    written = set(
        re.findall(r"(?:^|[\s;({])(?:readonly |local |export )?([A-Z][A-Z0-9_]+)(?:\+?=|\[)", text)
    )
    written |= set(re.findall(r"\b(?:read -r|printf -v|coproc|facts_hear) ([A-Z][A-Z0-9_]*)", text))
    written |= set(re.findall(r"(?:read -r|IFS=\S+ read -r) [A-Z_]+ ([A-Z_]+)", text))
    return read - written - OWN - {"FACTS_PID", "LOCK_DESCRIPTOR"}


@pytest.mark.parametrize("script", ["backup.sh", "console.sh"])
def test_a_script_reads_exactly_the_environment_it_is_given(script: str) -> None:
    # HOME is for the clients (~/.psqlrc, ~/.postgresql), not for us.
    assert names_read(script) == set(GIVEN[script]) - {"HOME"}


def test_what_backups_and_backup_read_together_is_what_the_pod_is_given() -> None:
    together = names_read("backups.sh") | names_read("backup.sh")
    assert together == (set(GIVEN["backups.sh"]) | {"DATABASE_NAME"}) - {"HOME"}


def test_what_restore_and_backup_read_together_is_what_the_pod_is_given() -> None:
    # A restore makes a backup first.
    together = names_read("restore.sh") | names_read("backup.sh")
    # What it reads only in order to refuse it is given by nobody.
    together.remove("RESTORE_IN_PLACE")
    assert together == (set(GIVEN["restore.sh"]) | {"DATABASE_NAME"}) - {"HOME"}


@pytest.mark.parametrize("script", ["backups.sh", "backup.sh", "console.sh", "restore.sh"])
def test_no_function_takes_the_place_of_another_files(script: str) -> None:
    defined = re.findall(r"^(\w+)\(\) [{(]", with_sourced(script), re.MULTILINE)
    assert sorted(set(defined)) == sorted(defined), {
        name for name in defined if defined.count(name) > 1
    }


@pytest.mark.parametrize("path", SHELL, ids=lambda path: path.name)
def test_shellcheck_has_nothing_to_say(path: Path) -> None:
    done = subprocess.run(
        [TOOLS / "shellcheck", "-x", "-o", "all", "-S", "style", path.name],
        cwd=SCRIPTS,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_shfmt_has_nothing_to_change() -> None:
    done = subprocess.run(
        [TOOLS / "shfmt", "-d", "-i", "2", "-ci", "-bn", *SHELL],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", ["backups.sh", "backup.sh", "console.sh", "restore.sh"])
def test_a_script_does_nothing_when_it_is_sourced(pod: Pod, name: str) -> None:
    result = pod.run(name, code=f"source {SCRIPTS}/{name}; echo quiet")
    assert result.output == "quiet\n"
    assert list(pod.volume.iterdir()) == []


@pytest.mark.parametrize("name", ["backups.sh", "backup.sh", "console.sh", "restore.sh"])
def test_a_script_without_its_siblings_stops_at_once(pod: Pod, name: str) -> None:
    lonely = pod.root / name
    lonely.write_text((SCRIPTS / name).read_text(encoding="utf-8"), encoding="utf-8")
    result = pod.run(name, code=f"bash {lonely}")
    assert result.code == 1
    assert result.output.count("\n") == 1


@pytest.mark.parametrize("path", SHELL, ids=lambda path: path.name)
def test_no_local_variable_hides_the_exit_code_of_a_command(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(
        r"^\s*(local|readonly|export|declare)\b[^\n]*=\"?\$\((?!\()", text, re.MULTILINE
    )


def test_everything_fits_into_one_configmap() -> None:
    files = [path for path in SCRIPTS.iterdir() if path.suffix in {".sh", ".sql", ".awk"}]
    assert sum(path.stat().st_size for path in files) < 512 * 1024  # of 1 MiB: room to grow


def test_an_unexpected_failure_still_names_its_place(pod: Pod) -> None:
    code = f"source {SCRIPTS}/common.sh; start_script; begin 'Trying'; false; echo never"
    result = pod.run("console.sh", code=code)
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
        f"source {SCRIPTS}/common.sh; start_script; broken() {{ fail 1 test what why how; }};"
        "broken >/dev/null 2>&1"
    )
    result = pod.run("console.sh", code=code)
    assert result.code == 1
    assert result.explained() == "ERROR: what\nCAUSE: why\nCURE: how"


@pytest.mark.parametrize("delay", [0, 0.0005, 0.001, 0.002, 0.003, 0.005, 0.05])
def test_sigterm_is_heard_at_any_moment_and_cleans_up_once(pod: Pod, delay: float) -> None:
    # The start of a child is the hard moment: it is not yet known, or still has our traps.
    code = (
        f"source {SCRIPTS}/common.sh; cleanup() {{ echo cleaned; }}; start_script;"
        "begin Waiting; echo begun; run sleep 60"
    )
    running = pod.start("console.sh", code=code)
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
        f"source {SCRIPTS}/common.sh; cleanup() {{ echo cleaned; }}; start_script; sent=no;"
        'eval "shipped_$(declare -f is_main)"; is_main() {'
        f" if [[ ${{FUNCNAME[1]}} == {where} && $sent == no ]]; then sent=yes; kill -TERM $$; fi;"
        f" shipped_is_main; }}; {end}"
    )
    result = pod.run("console.sh", code=script)
    assert result.code == code
    assert result.output.count("cleaned") == 1
    assert code == 0 or "CURE: " in result.explained()


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (1536, "1.5 KiB"), (5 << 40, "5.0 TiB")],
)
def test_sizes_are_for_people(pod: Pod, size: int, text: str) -> None:
    assert (
        pod.run("console.sh", code=f"source {SCRIPTS}/common.sh; human_size {size}").output == text
    )

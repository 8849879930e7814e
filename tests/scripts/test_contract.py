"""The files as such: what they read, how they look, how large they are."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.scripts.harness import EVERYTHING, GIVEN, REFUSED, SCRIPTS, Pod

SHELL = sorted(SCRIPTS.rglob("*.sh"))
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


def all_sourced(script: str) -> list[str]:
    """A script and all that it sources, each once."""
    found = [script]
    for each in found:
        text = (SCRIPTS / each).read_text(encoding="utf-8")
        sourced = re.findall(r'^source "\$SCRIPTS/(\S+)"$', text, re.MULTILINE)
        found += [name for name in dict.fromkeys(sourced) if name not in found]
    return found


def with_sourced(script: str) -> str:
    """The text of a script and of all that it sources."""
    return "".join((SCRIPTS / each).read_text(encoding="utf-8") for each in all_sourced(script))


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


@pytest.mark.parametrize("script", GIVEN)
def test_a_script_reads_no_more_than_its_pod_is_given(script: str) -> None:
    # They set it themselves.
    own = {"DATABASE_NAME"} if script.startswith(("backup/all", "restore/")) else set[str]()
    assert names_read(script) - REFUSED <= set(GIVEN[script]) | own


def test_every_variable_of_the_contract_is_read_by_a_script() -> None:
    # HOME is for the clients (~/.psqlrc, ~/.postgresql), not for us.
    read = set[str]().union(*(names_read(script) for script in GIVEN))
    assert read - REFUSED == set(EVERYTHING) - {"HOME"}


@pytest.mark.parametrize("path", SHELL, ids=lambda path: str(path.relative_to(SCRIPTS)))
def test_shellcheck_has_nothing_to_say(path: Path) -> None:
    done = subprocess.run(
        [TOOLS / "shellcheck", "-o", "all", "-S", "style", path],
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


@pytest.mark.parametrize(
    "name", ["backup/all.sh", "backup/one.sh", "console/main.sh", "restore/main.sh"]
)
def test_a_script_does_nothing_when_it_is_sourced(pod: Pod, name: str) -> None:
    result = pod.run(name, code=f"source {SCRIPTS}/{name}; echo quiet")
    assert result.output == "quiet\n"
    assert list(pod.volume.iterdir()) == []


@pytest.mark.parametrize(
    "name", ["backup/all.sh", "backup/one.sh", "console/main.sh", "restore/main.sh"]
)
def test_a_script_without_its_siblings_stops_at_once(pod: Pod, name: str) -> None:
    lonely = pod.root / name
    lonely.parent.mkdir(mode=0o755)
    lonely.write_text((SCRIPTS / name).read_text(encoding="utf-8"), encoding="utf-8")
    result = pod.run(name, code=f"bash {lonely}")
    assert result.code == 1
    assert result.output.count("\n") == 1


@pytest.mark.parametrize("path", SHELL, ids=lambda path: str(path.relative_to(SCRIPTS)))
def test_no_local_variable_hides_the_exit_code_of_a_command(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(
        r"^\s*(local|readonly|export|declare)\b[^\n]*=\"?\$\((?!\()", text, re.MULTILINE
    )

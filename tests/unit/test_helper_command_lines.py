"""The helper commands, executed by real shells against a kubectl that records and plays along."""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.unit.support import STACKS
from tools.render import Rendered, render

COMMANDS = ("runBackupCommand", "listBackupsCommand", "restoreCommand", "logsCommand")
RUNS = COMMANDS[:3]
SHELLS = ("bash", "sh")
LONGEST = 400
# Plays a cluster. Its behaviour comes from the environment, its memory is in $STUB.
KUBECTL = r"""#!/bin/sh
# One write for each call: those of a pipeline come at the same time.
call=$(for word in "$@"; do printf '%s\037' "$word"; done)
echo "$call" >> "$STUB/calls"
late() { echo "error: timed out waiting for the condition on $1" >&2; exit 1; }
case "$*" in
*"--dry-run=client"*) [ -z "$NO_CRONJOB" ] || { echo 'cronjob not found' >&2; exit 1; }; echo JOB ;;
*"set env"*) sed 's/JOB/JOB with latest/' ;;
*"create -f -"*) read -r document || { echo 'no objects passed to create' >&2; exit 1; }
  echo "$document" >> "$STUB/created" ;;
*"create job"*) [ -z "$NO_CRONJOB" ] || { echo 'cronjob not found' >&2; exit 1; } ;;
*"wait job/"*"jsonpath={..ready}"*) echo made > "$STUB/pod" ;;
*"wait pod"*"jsonpath={..startedAt}"*)
  [ -s "$STUB/pod" ] || { echo 'no matching resources found' >&2; exit 1; }
  [ -z "$NEVER_STARTS" ] || late pods/x; echo on > "$STUB/on" ;;
*"logs -f job/"*) [ -s "$STUB/on" ] || { echo 'container is waiting to start' >&2; exit 1; }
  echo 'the log'; [ -z "$LOG_BREAKS" ] || { echo 'unexpected EOF' >&2; exit 1; } ;;
*"wait job/"*"condition=complete"*) [ "$STATE" = Complete ] || late jobs/x ;;
*"logs -f"*) echo 'the log' ;;
*"get pods"*) for pod in $PODS; do echo "pod/$pod"; done ;;
*) echo "unexpected: $*" >&2; exit 64 ;;
esac
"""


@dataclass(frozen=True, slots=True)
class Outcome:
    code: int
    output: str
    errors: str
    calls: list[list[str]]
    folder: Path


@pytest.fixture
def bin_folder(tmp_path: Path) -> Path:
    """A PATH with kubectl and what every system has."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for tool in ("bash", "sh", "date", "tail", "sed"):
        found = shutil.which(tool)
        assert found
        (folder / tool).symlink_to(found)
    (folder / "kubectl").write_text(KUBECTL)
    (folder / "kubectl").chmod(0o755)
    return folder


def run(command: str, shell: str, bin_folder: Path, **behaviour: str) -> Outcome:
    folder = bin_folder.parent
    result = subprocess.run(
        [bin_folder / shell, "-c", f"{command}\necho after $?"],
        env={"PATH": str(bin_folder), "STUB": str(folder), "STATE": "Complete", **behaviour},
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    output, _, code = result.stdout.rpartition("after ")
    calls = (folder / "calls").read_text() if (folder / "calls").exists() else ""
    split = [line.split("\x1f")[:-1] for line in calls.splitlines()]
    return Outcome(int(code), output, result.stderr, split, folder)


@pytest.mark.parametrize("name", COMMANDS)
def test_each_is_one_line_that_every_shell_parses(prod_rendered: Rendered, name: str) -> None:
    command = prod_rendered.outputs[name]
    assert "\n" not in command
    assert "!" not in command, "an interactive bash would expand it from its history"
    for shell in SHELLS:
        subprocess.run([shell, "-n", "-c", command], check=True, env=os.environ)


@pytest.mark.parametrize("stack", STACKS)
@pytest.mark.parametrize("name", COMMANDS)
def test_each_is_short_enough_to_be_read(name: str, stack: str) -> None:
    assert len(render(stack).outputs[name]) <= LONGEST


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("name", RUNS)
def test_a_run_that_completes_shows_its_log_and_succeeds(
    prod_rendered: Rendered, bin_folder: Path, name: str, shell: str
) -> None:
    found = run(prod_rendered.outputs[name], shell, bin_folder)
    assert found.code == 0, found.errors
    assert found.output == "the log\n"
    assert all(call[:2] == ["-n", "educard-prod"] for call in found.calls)


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("name", RUNS)
def test_a_run_that_fails_shows_its_log_and_fails(
    prod_rendered: Rendered, bin_folder: Path, name: str, shell: str
) -> None:
    found = run(prod_rendered.outputs[name], shell, bin_folder, STATE="Failed")
    assert found.code == 1
    assert "the log" in found.output


@pytest.mark.parametrize(("state", "code"), [("Complete", 0), ("Failed", 1)])
@pytest.mark.parametrize("name", RUNS)
def test_a_log_that_breaks_off_does_not_decide(
    prod_rendered: Rendered, bin_folder: Path, name: str, state: str, code: int
) -> None:
    found = run(prod_rendered.outputs[name], "sh", bin_folder, STATE=state, LOG_BREAKS="1")
    assert found.code == code


@pytest.mark.parametrize("name", RUNS)
def test_a_pod_that_never_starts_is_not_waited_for_without_end(
    prod_rendered: Rendered, bin_folder: Path, name: str
) -> None:
    found = run(prod_rendered.outputs[name], "sh", bin_folder, NEVER_STARTS="1")
    assert found.code == 1
    assert found.errors == "error: timed out waiting for the condition on pods/x\n"
    assert found.calls[-1][-1] == "--timeout=5m", "pulling an image over a slow line takes minutes"


@pytest.mark.parametrize("name", RUNS)
def test_nothing_is_waited_for_when_the_job_cannot_be_created(
    prod_rendered: Rendered, bin_folder: Path, name: str
) -> None:
    found = run(prod_rendered.outputs[name], "sh", bin_folder, NO_CRONJOB="1")
    assert found.code == 1
    assert "cronjob not found" in found.errors
    assert not [call for call in found.calls if {"logs", "wait"} & set(call)]


def test_a_backup_is_a_job_from_the_cron_job_under_a_new_name(
    prod_rendered: Rendered, bin_folder: Path
) -> None:
    found = run(prod_rendered.outputs["runBackupCommand"], "bash", bin_folder)
    job = found.calls[0][4]
    assert re.fullmatch(r"postgres-backup-\d{10}", job)
    assert len(job) <= 63
    assert found.calls[0] == [
        "-n",
        "educard-prod",
        "create",
        "job",
        job,
        "--from=cronjob/postgres-backup",
    ]


def test_a_list_is_a_job_of_the_console(prod_rendered: Rendered, bin_folder: Path) -> None:
    found = run(prod_rendered.outputs["listBackupsCommand"], "bash", bin_folder)
    assert found.calls[0][-1] == "--from=cronjob/postgres-backup-console"
    assert len(found.calls[0][4]) <= 63


def test_a_restore_creates_the_job_only_with_the_backup_named(
    prod_rendered: Rendered, bin_folder: Path
) -> None:
    found = run(prod_rendered.outputs["restoreCommand"], "bash", bin_folder)
    assert found.code == 0, found.errors
    assert (found.folder / "created").read_text() == "JOB with latest\n"
    [dry] = [call for call in found.calls if "--dry-run=client" in call]
    assert dry[-4:] == ["--from=cronjob/postgres-restore", "--dry-run=client", "-o", "yaml"]
    [override] = [call[2:] for call in found.calls if "set" in call]
    assert override == ["set", "env", "--local", "-f", "-", "RESTORE_BACKUP=latest", "-o", "yaml"]


@pytest.mark.parametrize("shell", SHELLS)
def test_the_log_is_that_of_the_newest_backup(
    prod_rendered: Rendered, bin_folder: Path, shell: str
) -> None:
    found = run(prod_rendered.outputs["logsCommand"], shell, bin_folder, PODS="old middle new")
    assert found.code == 0, found.errors
    assert found.output == "the log\n"
    assert found.calls[-1] == ["-n", "educard-prod", "logs", "-f", "pod/new"]
    assert found.calls[0][2:6] == ["get", "pods", "-l", "app=postgres-backup"]


@pytest.mark.parametrize("shell", SHELLS)
def test_without_any_backup_the_log_command_says_so_and_fails(
    prod_rendered: Rendered, bin_folder: Path, shell: str
) -> None:
    found = run(prod_rendered.outputs["logsCommand"], shell, bin_folder)
    assert found.code == 1
    assert "No backup is left to look at in namespace educard-prod." in found.errors

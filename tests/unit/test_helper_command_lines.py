"""The helper commands, executed by real shells against a kubectl that records and plays along."""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tools.render import Rendered

COMMANDS = ("runBackupCommand", "listBackupsCommand", "restoreCommand", "logsCommand")
RUNS = COMMANDS[:3]
SHELLS = ("bash", "sh")
# Plays a cluster. Its behaviour comes from the environment, its memory is in $STUB.
KUBECTL = r"""#!/bin/sh
# One write for each call: those of a pipeline come at the same time.
call=$(for word in "$@"; do printf '%s\037' "$word"; done)
echo "$call" >> "$STUB/calls"
count() { echo x >> "$STUB/$1"; wc -l < "$STUB/$1"; }
case "$*" in
*"--dry-run=client"*) [ -z "$NO_CRONJOB" ] || { echo 'cronjob not found' >&2; exit 1; }; echo JOB ;;
*"set env"*) sed 's/JOB/JOB with latest/' ;;
*"create -f -"*) read -r document || { echo 'no objects passed to create' >&2; exit 1; }
  echo "$document" >> "$STUB/created" ;;
*"create job"*) [ -z "$NO_CRONJOB" ] || { echo 'cronjob not found' >&2; exit 1; } ;;
*"get pods"*phase*) if [ "$(count phases)" -gt "${PENDING:-0}" ]; then echo Running > "$STUB/on"
  echo Running; else echo Pending; fi ;;
*"logs -f job/"*) [ -s "$STUB/on" ] || { echo 'container is waiting to start' >&2; exit 1; }
  echo 'the log' ;;
*"logs -f"*) echo 'the log' ;;
*"get job"*conditions*status*) [ "$(count states)" -le "${RUNNING:-0}" ] || echo "$STATE" ;;
*"get job"*message*) echo 'Job was active longer than specified deadline' ;;
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
    """A PATH with kubectl and what every system has; time passes at once."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for tool in ("bash", "sh", "date", "tail", "wc", "sed"):
        found = shutil.which(tool)
        assert found
        (folder / tool).symlink_to(found)
    for name, text in (("kubectl", KUBECTL), ("sleep", "#!/bin/sh\n")):
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
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


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("name", RUNS)
def test_a_run_that_completes_shows_its_log_and_succeeds(
    prod_rendered: Rendered, bin_folder: Path, name: str, shell: str
) -> None:
    found = run(
        prod_rendered.outputs[name],
        shell,
        bin_folder,
        STATE="SuccessCriteriaMet Complete",
        RUNNING="5",
        PENDING="3",
    )
    assert found.code == 0, found.errors
    assert found.output.count("the log") == 1, "shown once, however long the Job takes to settle"
    assert all(call[:2] == ["-n", "educard-prod"] for call in found.calls if call[0] != "set")


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("name", RUNS)
def test_a_run_that_fails_shows_its_log_and_fails(
    prod_rendered: Rendered, bin_folder: Path, name: str, shell: str
) -> None:
    command = prod_rendered.outputs[name]
    found = run(command, shell, bin_folder, STATE="FailureTarget Failed")
    assert found.code == 1
    assert "the log" in found.output


@pytest.mark.parametrize("name", RUNS)
def test_a_run_that_fails_before_it_has_a_log_says_why(
    prod_rendered: Rendered, bin_folder: Path, name: str
) -> None:
    command = prod_rendered.outputs[name]
    found = run(command, "sh", bin_folder, STATE="Failed", PENDING="999", RUNNING="3")
    assert found.code == 1
    assert "longer than specified deadline" in found.errors


def test_a_pod_that_never_starts_is_not_waited_for_without_end(
    prod_rendered: Rendered, bin_folder: Path
) -> None:
    command = prod_rendered.outputs["runBackupCommand"]
    found = run(command, "sh", bin_folder, PENDING="99999", RUNNING="99999")
    assert found.code == 1
    assert re.search(
        r"The pod has not started; this says why: kubectl -n educard-prod describe pod"
        r" -l job-name=postgres-[a-z-]+-\d{8}-\d{6}\n",
        found.errors,
    )


@pytest.mark.parametrize("name", RUNS)
def test_nothing_is_followed_when_the_job_cannot_be_created(
    prod_rendered: Rendered, bin_folder: Path, name: str
) -> None:
    found = run(prod_rendered.outputs[name], "sh", bin_folder, NO_CRONJOB="1")
    assert found.code == 1
    assert "cronjob not found" in found.errors
    assert not [call for call in found.calls if "logs" in call]


def test_a_backup_is_a_job_from_the_cron_job_under_a_new_name(
    prod_rendered: Rendered, bin_folder: Path
) -> None:
    found = run(prod_rendered.outputs["runBackupCommand"], "bash", bin_folder)
    job = found.calls[0][4]
    assert re.fullmatch(r"postgres-backup-\d{8}-\d{6}", job)
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
    [override] = [call for call in found.calls if call[0] == "set"]
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

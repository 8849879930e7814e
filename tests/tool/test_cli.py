"""The command line as a user types it, as far as it goes without a cluster."""

import io
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from pgkeep.cli import app
from pgkeep.commands.options import global_options_first
from pgkeep.errors import NotConfirmedError, PgkeepError
from pgkeep.session.confirmation import confirm, is_yes
from pgkeep.session.session import Session
from pgkeep.terminal.console import SteadyConsole, print_error
from pgkeep.terminal.interrupts import signals_as_interrupt

KUBECONFIG = """
apiVersion: v1
kind: Config
current-context: here
clusters: [{name: c, cluster: {server: "http://127.0.0.1:9"}}]
users: [{name: u, user: {token: not-a-secret}}]
contexts:
- {name: here, context: {cluster: c, user: u, namespace: shop}}
- {name: there, context: {cluster: c, user: u}}
"""
COMMANDS = (
    "run-backup",
    "list-backups",
    "show",
    "verify",
    "prune",
    "pin",
    "unpin",
    "acknowledge",
    "run-restore",
    "resume",
    "undo-restore",
    "drop-aside",
)


@pytest.fixture
def kubeconfig(tmp_path: Path) -> Path:
    path = tmp_path / "kubeconfig"
    path.write_text(KUBECONFIG)
    return path


def call(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, list(arguments), env={"COLUMNS": "200", "NO_COLOR": "1"})
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.exit_code, result.output


def test_help_lists_commands_and_exit_codes() -> None:
    code, text = call("--help")
    assert code == 0
    for part in (*COMMANDS, "130 interrupted"):
        assert part in text


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str) -> None:
    code, text = call(command, "--help")
    assert code == 0
    assert "Usage" in text


@pytest.mark.parametrize(
    "arguments",
    [
        ["no-such-command"],
        ["show"],
        ["verify"],
        ["verify", "latest", "--all"],
        ["run-restore", "--yes"],
        ["run-restore", "latest", "--resume"],
        ["run-restore", "--dry-run", "--resume"],
        ["run-restore", "--database", "shop", "--resume"],
        ["run-restore", "latest", "--port", "0", "--yes"],
        ["undo-restore", "latest"],
        ["undo-restore", "--host", "two words", "--yes"],
        ["resume", "latest"],
        ["resume", "--yes"],
        ["drop-aside", "--all", "--older-than-days", "3", "--yes"],
        ["drop-aside", "shop_before_20261123_045900", "--all", "--yes"],
        ["drop-aside", "--older-than-days", "0", "--yes"],
        ["drop-aside", "--older-than-days", "-1", "--yes"],
        ["drop-aside", "all", "--yes"],
        ["drop-aside", "14", "--yes"],
        ["drop-aside", " ", "--yes"],
        ["drop-aside", "--host", "two words"],
        ["run-backup", "--start-timeout", "1"],
        ["list-backups", "--nonsense"],
        ["pin"],
        ["unpin"],
        ["acknowledge"],
        ["prune", "--json"],
        ["prune", "latest"],
    ],
)
def test_wrong_usage_ends_with_2(arguments: list[str]) -> None:
    assert call(*arguments)[0] == 2


def test_no_kubeconfig(tmp_path: Path) -> None:
    code, text = call("list-backups", "--kubeconfig", str(tmp_path / "none"))
    assert code == 2
    assert "There is no kubeconfig" in text
    assert "export KUBECONFIG=" in text


@pytest.mark.parametrize("content", ["", "{", "[]", "kind: Config\n", "contexts: 3\n"])
def test_a_broken_kubeconfig_is_no_traceback(tmp_path: Path, content: str) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text(content)
    code, text = call("list-backups", "--kubeconfig", str(path))
    assert code == 2
    assert str(path) in text


def test_an_unknown_context_lists_the_known_ones(kubeconfig: Path) -> None:
    code, text = call("list-backups", "--kubeconfig", str(kubeconfig), "--context", "prod")
    assert code == 2
    assert "here, there" in text


@pytest.mark.parametrize(
    "arguments",
    [
        ["run-backup"],
        ["list-backups", "--json"],
        ["prune", "--dry-run"],
        ["pin", "latest"],
        ["run-restore", "latest", "--yes"],
        ["run-restore", "latest", "--dry-run"],
        ["undo-restore", "--yes"],
        ["resume"],
        ["drop-aside"],
    ],
)
def test_a_cluster_that_is_away(kubeconfig: Path, arguments: list[str]) -> None:
    code, text = call("--kubeconfig", str(kubeconfig), *arguments)
    assert code == 4
    assert "does not answer at http://127.0.0.1:9" in text
    assert "connection refused" in text


def test_the_kubeconfig_comes_from_the_environment(
    kubeconfig: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    assert "context here" in call("list-backups")[1]
    assert "context there" in call("list-backups", "--context", "there")[1]


@pytest.mark.parametrize(
    "arguments",
    [
        ["run-restore", "latest"],
        ["run-restore", "latest", "--into", "shop_copy"],
        ["undo-restore"],
        ["undo-restore", "--drop-old"],
        ["drop-aside", "--all"],
        ["drop-aside", "--older-than-days", "3"],
        ["drop-aside", "shop_before_20261123_045900"],
        ["prune"],
    ],
)
def test_what_deletes_or_replaces_needs_a_terminal_or_yes(
    kubeconfig: Path, arguments: list[str]
) -> None:
    code, text = call("--kubeconfig", str(kubeconfig), *arguments)
    assert code == 3
    assert "--yes" in text
    assert "Nothing was changed" in text


def test_the_module_is_the_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pgkeep", "--help"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0
    assert "pgkeep [OPTIONS] COMMAND" in done.stdout


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["list-backups", "-n", "x"], ["-n", "x", "list-backups"]),
        (
            ["show", "latest", "--namespace=x", "--json"],
            ["--namespace=x", "show", "latest", "--json"],
        ),
        (["-nx", "show", "a"], ["-nx", "show", "a"]),
        (["show", "--", "-n"], ["show", "--", "-n"]),
        (["show", "--namespace"], ["--namespace", "show"]),
        (["show", "--no-such"], ["show", "--no-such"]),
    ],
)
def test_global_options_may_stand_anywhere(given: list[str], expected: list[str]) -> None:
    assert global_options_first(given) == expected


@pytest.mark.parametrize("answer", ["yes", " yes ", "yes\t"])
def test_yes_is_yes(answer: str) -> None:
    assert is_yes(answer)


@pytest.mark.parametrize("answer", ["", "y", "Yes", "YES", "ja", "yes please", "no"])
def test_nothing_else_is_yes(answer: str) -> None:
    assert not is_yes(answer)


def session_with(text: str, monkeypatch: pytest.MonkeyPatch) -> Session:
    monkeypatch.setattr("sys.stdin", io.StringIO(text))
    return Session(out=Console(file=io.StringIO()), notes=Console(file=io.StringIO()))


def test_confirming(monkeypatch: pytest.MonkeyPatch) -> None:
    confirm(session_with("yes\n", monkeypatch), "restore")
    for text in ("no\n", "\n", ""):
        with pytest.raises(NotConfirmedError, match="Nothing was changed"):
            confirm(session_with(text, monkeypatch), "restore")


def test_a_polite_kill_is_an_interrupt_and_only_meanwhile() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt), signals_as_interrupt():
        signal.raise_signal(signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) is before


def test_errors_show_cause_and_cure_and_no_markup() -> None:
    console = Console(file=io.StringIO(), width=20)
    print_error(console, PgkeepError("It is [bold]broken[/bold].", cause="wear", cure="mend it"))
    assert isinstance(console.file, io.StringIO)
    assert console.file.getvalue().splitlines() == [
        "✗ It is [bold]broken[/bold].",
        "  Cause: wear",
        "  Cure:  mend it",
    ]


def test_log_lines_are_never_wrapped() -> None:
    session = Session(out=Console(file=io.StringIO(), width=20))
    session.line("x" * 50 + " [red]y[/red]")
    assert isinstance(session.out.file, io.StringIO)
    assert session.out.file.getvalue() == "x" * 50 + " [red]y[/red]\n"


def test_a_reader_that_goes_away_is_no_error() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as stream:
        session = Session(out=SteadyConsole(file=stream))
        for _ in range(3):
            session.line("nobody reads this")
        assert session.out.quiet

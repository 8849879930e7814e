"""Running other programs, and saying what goes on: the only place that starts a subprocess."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

STARTED = time.monotonic()
SAY_EVERY = 15.0


class ClusterError(Exception):
    """A failure that is told to the user as it is, without a traceback."""


def say(text: str) -> None:
    """Print one line with the seconds since the start, at once."""
    print(f"[{time.monotonic() - STARTED:6.1f} s] {text}", flush=True)


def warn(text: str) -> None:
    """Print a line on standard error."""
    print(text, file=sys.stderr, flush=True)


def tail(file: Path, lines: int = 15) -> str:
    """Return the last lines of a log file, indented, for an error message."""
    try:
        text = file.read_text(errors="replace")
    except FileNotFoundError:
        return "    (no log was written)"
    return "\n".join("    " + line for line in text.splitlines()[-lines:]) or "    (empty)"


def run(
    argv: Sequence[str | Path],
    *,
    stdin: str | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> str:
    """Run a short command, return what it printed; a failure becomes a ClusterError."""
    words = [str(word) for word in argv]
    try:
        done = subprocess.run(
            words,
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            env=None if env is None else {**os.environ, **env},
            cwd=cwd,
            check=False,
        )
    except FileNotFoundError as error:
        raise ClusterError(f"{words[0]} is not installed: run 'cluster install' first") from error
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip()
        raise ClusterError(f"'{' '.join(words)}' ended with {done.returncode}: {said}")
    return done.stdout


def succeeds(argv: Sequence[str | Path]) -> bool:
    """Say whether a short command ends with 0."""
    try:
        run(argv)
    except ClusterError:
        return False
    return True


def run_slow(
    argv: Sequence[str | Path],
    *,
    doing: str,
    log: Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    outlives: bool = False,
) -> None:
    """Run a command that takes minutes: its output goes to a log, its progress is told.

    The command dies with this process, so that an interrupted build leaves nobody working; one
    that 'outlives' us is one that must not be cut short.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    words = [str(word) for word in argv]
    if not outlives:
        words = ["setpriv", "--pdeathsig", "TERM", "--", *words]
    begun = time.monotonic()
    with log.open("w") as output:
        process = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=None if env is None else {**os.environ, **env},
            cwd=cwd,
        )
        while True:
            try:
                code = process.wait(timeout=SAY_EVERY)
                break
            except subprocess.TimeoutExpired:
                say(f"  ... {doing}: {time.monotonic() - begun:.0f} s so far")
    if code != 0:
        raise ClusterError(f"{doing} failed ({code}); the end of {log}:\n{tail(log)}")


def wait_for(
    condition: Callable[[], bool],
    *,
    limit: float,
    otherwise: Callable[[], str],
    failed: Callable[[], bool] = lambda: False,
) -> None:
    """Poll until the condition holds; give up when it has failed for good or the limit is over."""
    deadline = time.monotonic() + limit
    while not condition():
        if failed() or time.monotonic() > deadline:
            raise ClusterError(otherwise())
        time.sleep(0.1)


def write(file: Path, text: str, mode: int = 0o600) -> None:
    """Write a file so that a reader, or a kill, sees the old one or the new one, never a half."""
    if file.exists() and file.read_text() == text and file.stat().st_mode & 0o777 == mode:
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_name(f".{file.name}.{os.getpid()}")
    unfinished.touch(mode=mode)
    unfinished.chmod(mode)
    unfinished.write_text(text)
    unfinished.replace(file)

"""Runs several make targets to their end, whatever fails, and says at the end how each ended.

    python3 tools/suites.py lint scripts,proofs+test-cluster faults-sample

Each word is a stage, one after the other; in a stage lanes joined by `+` run side by side, and in a
lane the targets joined by `,` one after the other. With nothing but Python's own library: it runs
before anything is installed.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

# pytest's last line, which CI reads.
CLOSING = re.compile(r"^(=+ )?\d+ (passed|failed|error|skipped|deselected|xfailed).* in [\d.]+s.*$")
COLOUR = re.compile(r"\x1b\[[\d;]*m")


@dataclass
class Suite:
    """One target and what became of it."""

    name: str
    code: int = 0
    seconds: float = 0
    closing: list[str] = field(default_factory=list[str])


def run(suite: Suite, running: dict[str, subprocess.Popen[str]], lock: threading.Lock) -> None:
    """Runs one target; its lines are printed as they come, behind its name."""
    started = time.monotonic()
    process = subprocess.Popen(
        [os.environ.get("MAKE", "make"), "--no-print-directory", suite.name],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    running[suite.name] = process
    assert process.stdout  # noqa: S101 - it is a pipe
    for line in process.stdout:
        text = line.rstrip("\n")
        if CLOSING.match(COLOUR.sub("", text)):
            suite.closing.append(text)
        with lock:
            print(f"{suite.name} | {text}", flush=True)
    suite.code = process.wait()
    suite.seconds = time.monotonic() - started
    del running[suite.name]


def main(stages: list[str]) -> int:
    """Runs everything and prints the table."""
    suites: list[Suite] = []
    running: dict[str, subprocess.Popen[str]] = {}
    lock = threading.Lock()

    def lane(names: list[Suite]) -> None:
        for suite in names:
            run(suite, running, lock)

    def end(*_: object) -> None:
        for process in list(running.values()):
            process.terminate()
        os._exit(143)

    signal.signal(signal.SIGTERM, end)
    for stage in stages:
        lanes = [[Suite(name) for name in words.split(",")] for words in stage.split("+")]
        suites += [suite for each in lanes for suite in each]
        with ThreadPoolExecutor(len(lanes)) as pool:
            list(pool.map(lane, lanes))

    print()
    for suite in suites:
        sign, (minutes, seconds) = "✗" if suite.code else "✓", divmod(round(suite.seconds), 60)
        words = "; ".join(line.strip("= ") for line in suite.closing)
        print(f"{sign} {suite.name:18} {minutes:3}:{seconds:02} min  {words}".rstrip())
    for suite in suites:
        print(*suite.closing, sep="\n", end="\n" if suite.closing else "")
    return 1 if any(suite.code for suite in suites) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

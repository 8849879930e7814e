"""tools/suites.py: everything is tried, and reported together."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

TOOL = Path(__file__).parents[2] / "tools" / "suites.py"
MAKEFILE = """
good slow:
\t@sleep 0.2; echo "===== 3 passed in 1.25s ====="
bad:
\t@echo "FAILED test_x.py::test_y"; echo "1 failed, 2 passed in 0.10s"; exit 1
first:
\t@touch ready
second:
\t@for i in $$(seq 100); do [[ ! -e ready ]] || exit 0; sleep 0.1; done; exit 1
"""


def suites(place: Path, *stages: str) -> tuple[int, str]:
    (place / "Makefile").write_text(f"SHELL := bash\n{MAKEFILE}", encoding="utf-8")
    words = [sys.executable, str(TOOL), *stages]
    done = subprocess.run(words, cwd=place, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


def test_what_fails_leaves_nothing_untried_and_fails_the_whole(tmp_path: Path) -> None:
    code, output = suites(tmp_path, "bad", "good,bad+slow")
    assert code != 0
    assert [line[:6] for line in output.splitlines() if line.startswith(("✓", "✗"))] == [
        *("✗ bad ", "✓ good", "✗ bad ", "✓ slow")
    ]


def test_the_last_lines_are_those_of_pytest(tmp_path: Path) -> None:
    code, output = suites(tmp_path, "good", "bad")
    assert code != 0
    assert output.splitlines()[-2:] == [
        "===== 3 passed in 1.25s =====",
        "1 failed, 2 passed in 0.10s",
    ]


def test_lanes_run_side_by_side(tmp_path: Path) -> None:
    code, output = suites(tmp_path, "second+first")
    assert code == 0, output

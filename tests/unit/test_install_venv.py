"""tools/install-venv.sh: whatever it meets in .venv, there is a whole one afterwards."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# As the real one does, it leaves a pip alone that is there, unless it is to begin anew.
PYTHON = """#!/bin/bash
[[ $1 == -c ]] && exit
if [[ $* == *--clear* ]]; then rm -rf .venv; fi
mkdir -p .venv/bin
[[ -e .venv/bin/pip ]] || printf '#!/bin/bash\\necho installed "$@" >>.venv/log\\n' >.venv/bin/pip
chmod +x .venv/bin/pip
"""
BROKEN = "#!/bin/bash\necho \"ImportError: cannot import name 'main' from 'pip'\" >&2\nexit 1\n"
KILLED = "#!/bin/bash\nprintf '#!/bin/bash\\nexit 1\\n' >.venv/bin/pip\nkill -KILL $PPID\n"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A checkout with nothing but the script, and a python3 that makes environments of stubs."""
    (tmp_path / "tools").mkdir()
    shutil.copy(ROOT / "tools" / "install-venv.sh", tmp_path / "tools")
    (tmp_path / "bin").mkdir()
    executable(tmp_path / "bin" / "python3", PYTHON)
    return tmp_path


def executable(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)


def install(tree: Path) -> int:
    path = f"{tree / 'bin'}:{os.environ['PATH']}"
    words = [str(tree / "tools" / "install-venv.sh")]
    return subprocess.run(words, env={"PATH": path}, check=False).returncode


def installed(tree: Path) -> bool:
    """All of it, up to the last package, and marked so."""
    log = tree / ".venv" / "log"
    return (tree / ".venv" / ".installed").exists() and "--editable" in log.read_text("utf-8")


def test_one_that_is_not_there_is_made(tree: Path) -> None:
    assert install(tree) == 0
    assert installed(tree)


def test_one_whose_pip_was_killed_while_it_replaced_itself_is_made_anew(tree: Path) -> None:
    executable(tree / ".venv" / "bin" / "pip", BROKEN)
    assert install(tree) == 0
    assert installed(tree)


def test_an_update_that_is_killed_is_mended_by_the_next_run(tree: Path) -> None:
    assert install(tree) == 0
    executable(tree / ".venv" / "bin" / "pip", KILLED)
    assert install(tree) != 0
    assert not (tree / ".venv" / ".installed").exists()
    assert install(tree) == 0
    assert installed(tree)


def test_an_update_keeps_what_is_whole(tree: Path) -> None:
    assert install(tree) == 0
    (tree / ".venv" / "kept").touch()
    assert install(tree) == 0
    assert (tree / ".venv" / "kept").exists()

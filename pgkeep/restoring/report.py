"""What is worth repeating of a Job's log once the applications run again. Pure."""

import re
from collections.abc import Callable, Sequence

from pgkeep.restoring.task import Task

_SETTING = re.compile(r"  (\S+) +(\S.*)")
# What the script's summary calls it, and what is said here.
_REPEATED = {
    "aside": "Put aside",
    "kept": "Put aside",
    "safety": "Safety backup",
    "schema": "Schema",
}


def summary(task: Task, lines: Sequence[str], command: Callable[..., str]) -> list[str]:
    """The names that the log's summary has, and the command that undoes the run.

    Args:
        task: What was done.
        lines: The log.
        command: Makes a command line of this tool from its words.
    """
    found = settings(lines)
    said = [f"{word}: {found[key]}." for key, word in _REPEATED.items() if found.get(key)]
    # Without a database of before there is nothing to go back to; a log that was cut does not say.
    if task.undo_words is not None and ("aside" in found or "kept" in found or not found):
        said.append(f"To undo it: {command(*task.undo_words)}")
    return said


def settings(lines: Sequence[str]) -> dict[str, str]:
    """The lines `  name   value` below the log's last heading `Summary`."""
    found: dict[str, str] = {}
    below = False
    for line in lines:
        if line == "Summary":
            below, found = True, {}
            continue
        setting = _SETTING.fullmatch(line)
        if below and setting is not None:
            found.setdefault(setting[1], setting[2].rstrip("."))
        elif below and not line.startswith("  "):
            below = False
    return found

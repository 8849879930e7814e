"""The processes of this machine, read so that one that ends meanwhile does no harm."""

from __future__ import annotations

import os
from pathlib import Path


def stat_of(pid: int) -> list[str]:
    """The fields of a process from its state on; nothing when it has just gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    return text.rpartition(")")[2].split()


def members(session: int) -> list[int]:
    """The processes of a run that are alive."""
    found: list[int] = []
    for name in [path.name for path in Path("/proc").iterdir()]:
        if name.isdigit() and stat_of(int(name))[3:4] == [str(session)] and alive(int(name)):
            found.append(int(name))
    return sorted(found)


def alive(pid: int) -> bool:
    """Is there such a process, and is it not a zombie?"""
    fields = stat_of(pid)
    return bool(fields) and fields[0] not in {"Z", "X"}


def command_of(pid: int) -> list[str]:
    """The words of its command; nothing when it has just gone."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0").split(b"\0")
    except OSError:
        return []
    return [os.fsdecode(word) for word in words]


def children_of(pid: int) -> list[int]:
    """Its children."""
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="utf-8")
    except OSError:
        return []
    return [int(child) for child in text.split()]

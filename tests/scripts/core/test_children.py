"""Whoever waits for the server can be told to end: read from the text of the scripts.

bash runs a trap only when its foreground command has ended. So the main process of a script asks
the server through `run` alone, and never in a pipeline or a command substitution, which wait as
well. promises/faults/test_silence.py tries the same on some of the connections of a run.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from tests.scripts.harness import SCRIPTS

CLIENT = r"psql(?!_)|pg_dump(?:all)? (?!--version)|pg_restore (?=.*--dbname)"
APART = {
    "open_snapshot",  # a coprocess: who hears from it waits in `read`, which a trap ends
    "client_compresses",  # its host is none
}


@dataclass
class Function:
    """A function of a script, and what it does in the process that calls it."""

    file: Path
    name: str
    lines: list[str]
    why: str = ""  # the line that waits for the server


def without_texts(text: str) -> str:
    """A script without comments and what stands in quotes, but with substitutions in quotes."""
    kept: list[str] = []
    inside: list[str] = []  # the signs that will end what we are in
    at = 0
    while at < len(text):
        sign, within = text[at], inside[-1] if inside else ""
        if sign == "\\":
            at += 2
            continue
        if sign == "#" and within != '"' and text[at - 1].isspace():
            at = text.index("\n", at)
            continue
        if sign == "'" and within != '"':
            at = text.index("'", at + 1)
        elif sign == within:
            inside.pop()
        elif sign == '"':
            inside.append('"')
        elif text.startswith("$(", at):
            inside.append(")")
            kept.append("$")
            sign, at = "(", at + 1
        elif sign == "(" and within == ")":
            inside.append(")")
        if sign == "\n" or inside[-1:] != ['"']:
            kept.append(sign)
        at += 1
    return "".join(kept)


def functions_of(file: Path) -> list[Function]:
    """Its functions, without comments and texts, each command on one line."""
    text = file.read_text(encoding="utf-8").replace("\\\n", " ")
    text = without_texts(text)
    return [
        Function(file, match[1], match[2].splitlines())
        for match in re.finditer(r"(?ms)^(\w+)\(\) \{(.*?)(?:^\}| \}$)", text)
    ]


def waits(line: str, names: list[str]) -> bool:
    """Does a line call one of these where no signal gets through?"""
    if "require_programs" in line:
        return False
    words = "|".join([CLIENT, *(name + r"(?![\w-])" for name in names)])
    called = rf"(?<![\w$-])(?<!=\()(?:{words})"
    for match in re.finditer(called, line):
        before = line[: match.start()]
        apart = re.search(r"(?:^|[\s(;!])(?:run|start_child) (?:\w+ )*(?:\w+=\S+ )*$", before)
        inside = before.count("$(") + before.count("<(") > before.count(")")
        piped = re.search(r"(?<!\|)\|(?!\|)", line)
        if not apart or inside or piped:
            return True
    # `query` and its like go through `run`; what that is worth depends on where they stand.
    return bool(re.search(r"[$<]\((?:as_restorer )?(?:query|ask|in_side|run) ", line))


def waiting() -> list[Function]:
    """All functions that make their caller wait for the server, deaf to signals."""
    functions = [each for file in sorted(SCRIPTS.rglob("*.sh")) for each in functions_of(file)]
    assert len(functions) > 200
    known: list[Function] = []
    while True:
        new: list[Function] = []
        for each in functions:
            if each in known or each.name in APART:
                continue
            own = {other.name for other in functions if other.file == each.file}
            names = [
                other.name for other in known if other.file == each.file or other.name not in own
            ]
            each.why = next((line.strip() for line in each.lines if waits(line, names)), "")
            if each.why:
                new.append(each)
        if not new:
            return known
        known += new


def test_a_script_asks_the_server_where_a_signal_gets_through() -> None:
    found = {each.name: each.why for each in waiting()}
    assert "psql_on" in found, "the text of the scripts is not understood any more"
    entries = {
        name: why for name, why in found.items() if re.search(r"main$|^cleanup|finish", name)
    }
    assert not entries, entries

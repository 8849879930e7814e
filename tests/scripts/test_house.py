"""The house of the scripts: rooms stand on those before them, files say what they stand on."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, cast

import pytest

from tests.scripts.harness import SCRIPTS

# From the ground up. What a room knows, the README says.
ROOMS = (
    *("core", "server", "volume", "facts", "dump", "aside", "load"),
    *("backup", "console", "tables", "restore"),
)
# What the scripts may start: the usual tools of Debian and Alpine, and PostgreSQL's clients.
PROGRAMS = (
    " awk bash cat chmod cmp cut date dd df dirname du find flock grep gzip head id mkdir mktemp mv"
    " od rm sed sha256sum sleep sort stat sync tail tr uniq wc xargs"
    " pg_dump pg_dumpall pg_restore psql "
)
SHFMT = Path(sys.executable).parent / "shfmt"

FILES = {
    str(path.relative_to(SCRIPTS)): path.read_text(encoding="utf-8")
    for path in sorted(SCRIPTS.rglob("*"))
    if path.is_file()
}
SHELL = [name for name in FILES if name.endswith(".sh")]
# What is started, and never sourced.
ENTRIES = [name for name in SHELL if FILES[name].endswith('== "$0" ]]; then main "$@"; fi\n')]
LIBRARIES = [name for name in SHELL if name not in ENTRIES]


def sourced_by(name: str) -> list[str]:
    """The files that a file sources, as their lines say."""
    return re.findall(r'^source "\$SCRIPTS/(\S+)"$', FILES[name], re.MULTILINE)


def started_by(name: str) -> list[str]:
    """The files that a file starts as programs of their own."""
    return re.findall(r'\bbash "\$SCRIPTS/(\S+)"', FILES[name])


def closure(name: str) -> list[str]:
    """A file and all that is loaded with it, each once."""
    found = [name]
    for each in found:
        found += [other for other in sourced_by(each) if other not in found]
    return found


def code_of(name: str) -> str:
    """The text without its comments."""
    mark = "--" if name.endswith(".sql") else "#"
    return re.sub(rf"^\s*{mark}.*$", "", FILES[name], flags=re.MULTILINE)


def mentioned_by(name: str) -> set[str]:
    """The files that the code of a file names: to source, to start, to hand to psql or awk."""
    text = code_of(name)
    if name.endswith(".sql"):
        beside = re.findall(r"^\\ir (\S+)", text, re.MULTILINE)
        return {
            str((SCRIPTS / name).parent.joinpath(each).resolve().relative_to(SCRIPTS))
            for each in beside
        }
    whole = set(re.findall(r"\$SCRIPTS/([\w./-]+)", text))
    # Those that `query` and its like put behind $SCRIPTS.
    return whole | set(re.findall(r"(?<![\w./$-])((?:[a-z]+)/[\w-]+\.(?:sql|awk|sh))\b", text))


def room(name: str) -> str:
    """The room of a file."""
    return name.split("/", maxsplit=1)[0]


def nodes(tree: Any) -> Iterator[dict[str, Any]]:
    """Every node of a syntax tree."""
    if isinstance(tree, dict):
        node = cast(dict[str, Any], tree)
        yield node
        for value in node.values():
            yield from nodes(value)
    elif isinstance(tree, list):
        for value in cast(list[Any], tree):
            yield from nodes(value)


@cache
def tree_of(name: str) -> list[dict[str, Any]]:
    """The nodes of a shell file's syntax tree."""
    done = subprocess.run(
        [SHFMT, "--to-json"], input=FILES[name], capture_output=True, text=True, check=True
    )
    return list(nodes(json.loads(done.stdout)))


def defined_in(name: str) -> list[str]:
    """The functions that a file defines."""
    return [node["Name"]["Value"] for node in tree_of(name) if node.get("Type") == "FuncDecl"]


def called_by(name: str) -> set[str]:
    """The words at which a command begins, and those handed to `run` and `as_restorer`."""
    found: set[str] = set()
    for node in tree_of(name):
        if node.get("Type") != "CallExpr":
            continue
        words: list[dict[str, Any]] = node.get("Args") or []
        for word in words:
            parts: list[dict[str, Any]] = word["Parts"]
            if len(parts) != 1 or parts[0]["Type"] != "Lit":
                break
            found.add(parts[0]["Value"])
            if parts[0]["Value"] not in {"run", "as_restorer", "start_child"}:
                break
    return found


def test_nothing_but_rooms_lies_in_scripts() -> None:
    assert {path.name for path in SCRIPTS.iterdir()} == set(ROOMS)


def test_a_room_stands_only_on_rooms_before_it() -> None:
    upwards = [
        f"{name}: {other}"
        for name in FILES
        for other in (*(sourced_by(name) if name in SHELL else ()), *mentioned_by(name))
        if ROOMS.index(room(other)) > ROOMS.index(room(name))
    ]
    assert upwards == []


def test_every_file_that_is_named_is_there() -> None:
    missing = [
        f"{name}: {other}" for name in FILES for other in mentioned_by(name) if other not in FILES
    ]
    assert missing == []


def test_every_file_is_named_somewhere() -> None:
    named = {other for name in FILES for other in mentioned_by(name)}
    assert set(FILES) - named <= set(ENTRIES)


def test_the_rooms_a_file_names_come_with_what_it_sources_or_starts() -> None:
    """So that the rooms a pod needs follow from these lines, and a file is never missing in one."""
    absent: list[str] = []
    for name in SHELL:
        rooms = {room(each) for each in closure(name)} | {room(each) for each in started_by(name)}
        absent += [f"{name}: {other}" for other in mentioned_by(name) if room(other) not in rooms]
        for other in mentioned_by(name):
            if other.endswith(".sql"):
                further = {room(each) for each in mentioned_by(other)}
                absent += [f"{other}: {each}" for each in further - rooms]
    assert absent == []


def test_no_two_functions_have_one_name() -> None:
    places: dict[str, list[str]] = {}
    for name in SHELL:
        for function in defined_in(name):
            places.setdefault(function, []).append(name)
    # The one function that every program has.
    assert set(places.pop("main")) == set(ENTRIES)
    assert {function: where for function, where in places.items() if len(where) > 1} == {}


def test_no_files_source_each_other_in_a_circle() -> None:
    left = {name: set(sourced_by(name)) for name in SHELL}
    while free := [name for name, needs in left.items() if not needs]:
        for name in free:
            del left[name]
        for needs in left.values():
            needs.difference_update(free)
    assert left == {}


def test_a_program_is_sourced_by_nobody() -> None:
    assert {other for name in SHELL for other in sourced_by(name)} & set(ENTRIES) == set()


@pytest.mark.parametrize("name", LIBRARIES)
def test_a_file_can_be_loaded_alone_and_brings_what_it_calls(name: str) -> None:
    code = f'SCRIPTS={SCRIPTS}; source "$SCRIPTS/{name}"; source "$SCRIPTS/{name}"; declare -F'
    done = subprocess.run(
        ["bash", "-euc", code],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "/usr/bin:/bin"},
    )
    assert (done.returncode, done.stderr) == (0, "")
    loaded = {line.split()[-1] for line in done.stdout.splitlines()}
    ours = {function for each in SHELL for function in defined_in(each)}
    assert called_by(name) & ours - loaded == set()


@pytest.mark.parametrize("name", SHELL)
def test_a_file_sources_each_file_whose_functions_it_calls(name: str) -> None:
    """What comes by way of another file goes when that file no longer needs it."""
    near = {name, *sourced_by(name)}
    homes = {function: each for each in SHELL for function in defined_in(each)}
    far = {word: homes[word] for word in called_by(name) if word in homes and word != "main"}
    assert {word: home for word, home in far.items() if home not in near} == {}


def test_every_command_is_a_function_a_builtin_or_a_program_of_the_image() -> None:
    """In a handler that hides its errors nobody would hear of a function that has another name."""
    listed = subprocess.run(
        ["bash", "-c", "compgen -b"], capture_output=True, text=True, check=True
    )
    known = {function for each in SHELL for function in defined_in(each)}
    known |= set(listed.stdout.split())
    words = {(name, word) for name in SHELL for word in called_by(name) - known}
    unknown = {(name, word) for name, word in words if f" {word} " not in PROGRAMS}
    assert unknown == set()


@pytest.mark.parametrize("name", LIBRARIES)
def test_a_file_is_loaded_once_however_often_it_is_sourced(name: str) -> None:
    guard = "PGKEEP_" + re.sub(r"\W", "_", name.removesuffix(".sh").upper())
    first = [line for line in code_of(name).splitlines() if line]
    assert first[:2] == [f"[[ ! -v {guard} ]] || return 0", f"readonly {guard}=1"]


def test_no_line_of_shell_is_longer_than_140_characters() -> None:
    root = SCRIPTS.parent
    listed = subprocess.run(
        ["git", "ls-files", "*.sh", ".ci/run"], cwd=root, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    long = [
        f"{name}:{number}: {len(line)}"
        for name in listed
        for number, line in enumerate((root / name).read_text(encoding="utf-8").splitlines(), 1)
        if len(line) > 140
    ]
    assert long == []

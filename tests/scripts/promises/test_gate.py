"""Every number that comes from outside goes through one gate before bash reckons with it.

bash evaluates a word in arithmetic: `x='a[$(command)]'; ((x))` runs the command. So each name that
stands in arithmetic must be known to hold a number: because it was assigned one, or because it has
passed `is_number` or `require_number`. What is neither stands in the table below with its reason.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.scripts.postgres import SCRIPTS

FILES = sorted(Path(SCRIPTS).rglob("*.sh"))
# bash's own, always numbers.
OWN = {"SECONDS", "EPOCHSECONDS", "BASHPID", "LINENO", "RANDOM"}
# Globals: where they get their number.
GATED = {
    "ANSWER": "ask_number",
    "SERVER_NUMBER": "connect: is_number",
    "CLIENT_MAJOR": "read_client_version: digits of a pattern",
    "ASKED_EPOCH": "read_asked_time: epoch_of, of digits of a pattern",
    "CHILD_PATIENCE": "literals, and its own value put back",
    "CONNECT_PATIENCE": "a literal",
    "WAIT_UNTIL": "hurry: arithmetic",
    "CLOCK_BASE": "check_clock: arithmetic",
    "SPACE_NEEDED": "estimate_space: arithmetic, or awk's %.0f of what has passed",
    "STEP_STARTED": "begin: microseconds",
    "RETENTION_DAILY": "check_retention_parameters: require_number",
    "RETENTION_WEEKLY": "check_retention_parameters: require_number",
    "RETENTION_MONTHLY": "check_retention_parameters: require_number",
    "RESTORE_KEEP_DAYS": "check_parameters: require_number",
    "RESTORE_JOBS": "check_parameters: require_number",
    "RESTORE_FREE_BYTES": "check_restore_parameters: a pattern of digits",
}
# Arguments and locals: function, name and why it can be nothing but a number.
GATED_IN = {
    ("seconds_since", "1"): "a moment of `microseconds`",
    ("unexpected", "1"): "an exit code",
    ("on_signal", "2"): "a literal in the trap",
    ("days_words", "1"): "aside_words: seconds of next_aside",
    ("require_number", "2"): "a literal of the caller",
    ("duration_words", "seconds"): "a difference of two numbers",
    ("epoch_of", "1"): "digits of a pattern",
    ("read_asked_time", "part"): "digits of a pattern",
    ("warn_about_client", "fixed"): "a literal",
    ("record_backup", "1"): "an exit code",
    ("append_end", "1"): "an exit code",
    ("end_backup", "1"): "an exit code",
    ("end_restore", "1"): "an exit code",
    ("end_undo", "1"): "an exit code",
    ("end_drop_aside", "1"): "an exit code",
    ("human_size", "unit"): "a literal of the list",
    ("disk_use", "used"): "du and awk, of this pod",
    ("disk_use", "free"): "df and awk, of this pod",
    ("disk_use", "total"): "df and awk, of this pod",
    ("check_directory", "codes"): "exit codes",
    ("check_plain", "codes"): "exit codes",
    ("collect_metrics", "count"): "counted here",
    ("collect_metrics", "suspicious"): "counted here",
    ("collect_metrics", "key"): "a subscript of an associative array is a word",
    ("plan_space", "restored"): "figure: is_number",
    ("plan_space", "wal"): "figure: is_number",
    ("drop_aside_where", "seconds"): "next_aside",
}
# Commands that print numbers of this pod's own.
COUNTING = re.compile(
    r"^\"?\$\((?:[^()]*\| wc -l\)"
    r"|(?:microseconds|wc |free_bytes|uptime_seconds|bytes_below|epoch_of |grep -c|stat -c %s))"
)
FUNCTION = re.compile(r"^(\w+)\(\) [({]\n(.*?)^[)}]$|^(\w+)\(\) \{ ([^\n]*) \}$", re.M | re.S)


def functions(text: str) -> list[tuple[str, str]]:
    """Names and bodies; what stands outside of functions last, under no name."""
    found = [(m[1] or m[3], m[2] or m[4]) for m in FUNCTION.finditer(text)]
    return [*found, ("", FUNCTION.sub("", text))]


def without_comments(body: str) -> str:
    return re.sub(r"(?m)(^|\s)#(?![{*@]).*$", "", body)


def arithmetic(body: str) -> list[str]:
    """The text of all that bash reckons with: `(( ))`, `[[ -lt ]]`, `local -i`, `printf %d`."""
    found: list[str] = []
    for match in re.finditer(r"\(\(", body):
        depth, end = 2, match.end()
        while depth and end < len(body):
            depth += {"(": 1, ")": -1}.get(body[end], 0)
            end += 1
        found.append(body[match.end() : end - 2])
    found += re.findall(r"\[\[[^\n]*?(\S+ -(?:lt|gt|le|ge|eq|ne) \S+)", body)
    found += re.findall(r"(?:declare|local|typeset) -[a-z]*i[a-z]* (.*)", body)
    found += re.findall(r"\bprintf (?:-v \S+ )?'[^']*(?<!%m-)%0?\d*d[^']*' (.*)", body)
    found += re.findall(r"(?m)^\s*let (.*)", body)
    return found


def names(expression: str) -> set[str]:
    """The variables in it. Lengths are numbers; commands are looked at by themselves."""
    text = re.sub(r"\$\{#[^}]*\}|\[_\$\w+\]", "", expression)
    text = re.sub(r"\$\([^()]*\)", "0", text)
    text = re.sub(r"\$\{!\w+\}", "0", text)  # only require_number, which looks first
    text = re.sub(r"\b(?:16|10)#| -(?:lt|gt|le|ge|eq|ne) |; (?:fi|done|then)\b", " ", text)
    return set(re.findall(r"(?<![\w#:%/])\$?\{?([A-Za-z_]\w*|(?<=\$)\d|(?<=\$\{)\d)", text))


def is_gated(function: str, body: str, name: str, text: str) -> bool:
    """Whether a name in arithmetic can hold nothing but a number."""
    if name in OWN | set(GATED) or (function, name) in GATED_IN:
        return True
    if re.search(rf'is_number "\$\{{?{name}\}}?[":]', body):
        return True
    where = body if re.search(rf"local[^\n]*\b{name}\b|\b{name}[=+]", body) else text
    values = re.findall(rf"(?<![\w$])(?<!-v )(?:readonly )?{name}\+?=(\$\([^\n]*\)|\S*)", where)
    values += re.findall(rf"\(\({name} = (\d+);", where)
    return bool(values) and all(
        re.match(r"^[\"']?\d*[\"']?[;)]?$|^\$\(\(|^\$\{#|^\$\?|^\$BASHPID", value)
        or COUNTING.match(value + " ")
        or re.match(r"^\"?\$\{?(EPOCHSECONDS|SECONDS|ANSWER|CHILD_PATIENCE)", value)
        for value in values
    )


EVERYTHING = "\n".join(path.read_text(encoding="utf-8") for path in FILES)


@pytest.mark.parametrize("path", FILES, ids=[str(path.relative_to(SCRIPTS)) for path in FILES])
def test_arithmetic_is_done_with_numbers_only(path: Path) -> None:
    loose: list[str] = []
    for function, body in functions(path.read_text(encoding="utf-8")):
        clean = without_comments(body)
        for expression in arithmetic(clean):
            loose += [
                f"{function}: {name} in (({expression.strip()}))"
                for name in sorted(names(expression))
                if not is_gated(function, clean, name, EVERYTHING)
            ]
    assert loose == []


def test_the_table_of_exceptions_names_what_there_is() -> None:
    defined = set(re.findall(r"(?m)^(\w+)\(\)", EVERYTHING))
    assert {function for function, _ in GATED_IN} <= defined
    assert all(name in EVERYTHING for name in GATED)


@pytest.mark.parametrize(
    "line",
    [
        "f() {\n  local x\n  read -r x\n  ((x > 1))\n}\n",
        "f() {\n  local x\n  x=$(psql_on a -c b)\n  y=$((x + 1))\n}\n",
        "f() {\n  y=$(($1 + 1))\n}\n",
        "f() {\n  local x\n  x=$(<file)\n  [[ $x -lt 1 ]]\n}\n",
        "f() {\n  printf '%d' \"$1\"\n}\n",
        "f() {\n  local -i x\n  x=$1\n}\n",
    ],
)
def test_the_test_finds_a_word_that_did_not_pass(line: str) -> None:
    ((function, body), _) = functions(line)
    found = {name for each in arithmetic(body) for name in names(each)}
    assert any(not is_gated(function, body, name, line) for name in found)

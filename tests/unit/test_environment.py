"""The environment contract: without a name twice, and as the documentation lists it."""

import subprocess
import sys

import pytest

from pgkeep import environment
from pgkeep.environment import CONSOLE, CREDENTIALS, PROGRAM, RESTORE, SETTINGS, Variable
from tools.render import ROOT

GROUPS = (SETTINGS, PROGRAM, CREDENTIALS, CONSOLE, RESTORE)


def table(variables: tuple[Variable, ...]) -> str:
    """As docs/BACKUP_RESTORE.md shows what an operator may set."""
    rows = [
        f"| `{one.name}` | {one.meaning} | {f'`{one.value}`' if one.value else ''} |"
        for one in variables
    ]
    return "\n".join(
        ["| variable | what it says | unless a Job says it |", "| --- | --- | --- |", *rows]
    )


def test_no_variable_is_set_twice() -> None:
    found = environment.names(*GROUPS)
    assert len(found) == len(set(found)), "who sets it would depend on the pod"


@pytest.mark.parametrize("variables", [RESTORE, CONSOLE], ids=["restore", "console"])
def test_the_documentation_lists_what_an_operator_may_set(variables: tuple[Variable, ...]) -> None:
    text = (ROOT / "docs" / "BACKUP_RESTORE.md").read_text(encoding="utf-8")
    assert table(variables) in text, f"docs/BACKUP_RESTORE.md has to say:\n{table(variables)}"


def test_a_meaning_fits_into_a_cell() -> None:
    for group in GROUPS:
        for one in group:
            assert one.meaning, one.name
            assert "|" not in one.meaning + one.value, one.name


def test_neither_half_needs_the_other_to_import_the_contract() -> None:
    check = "import sys, pgkeep.environment; sys.exit(bool({'pulumi', 'typer'} & set(sys.modules)))"
    subprocess.run([sys.executable, "-c", check], check=True)

"""Fixtures: each stack's program, run once."""

import os

import pytest

from tests.unit.support import STACKS
from tools.render import Captured, Rendered, capture_stack, render

# An Output inside an f-string raises instead of becoming a paragraph of advice.
os.environ["PULUMI_ERROR_OUTPUT_STRING"] = "1"


@pytest.fixture(scope="session", params=STACKS)
def program(request: pytest.FixtureRequest) -> Captured:
    """The whole program, once for each stack file."""
    return capture_stack(str(request.param))


@pytest.fixture(scope="session")
def prod() -> Captured:
    """The whole program of the stack prod."""
    return capture_stack("prod")


@pytest.fixture(scope="session")
def prod_rendered() -> Rendered:
    """The objects and outputs of the stack prod."""
    return render("prod")

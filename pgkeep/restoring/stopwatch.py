"""How long each step of a run took."""

import time
from collections.abc import Generator
from contextlib import contextmanager


class Stopwatch:
    """The steps of a run, in their order."""

    def __init__(self) -> None:
        """Begin without any."""
        self.steps: list[tuple[str, float]] = []

    @contextmanager
    def step(self, name: str) -> Generator[None]:
        """Measure a step; one that fails is none."""
        begun = time.monotonic()
        yield
        self.steps.append((name, time.monotonic() - begun))

"""Which faults were tried at which moments, and which of them the scripts caught."""

from __future__ import annotations

import os
import random
import threading
import traceback
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

Moment = TypeVar("Moment")

# Each run tries other moments; its report names the seed, which repeats them when it is set. Where
# many moments are known a share of them is tried. Every kind of fault is tried in any case.
SEED = os.environ.setdefault("PGKEEP_SEED", str(random.SystemRandom().randrange(10**8)))
SHARE = float(os.environ.get("PGKEEP_SHARE", "1"))
FEWEST = 2

# Trials know nothing of one another; most of the time of each is the start of programs.
AT_ONCE = os.cpu_count() or 1


@dataclass
class Fault:
    """One kind of fault and its trials; a trial that was not caught has the reason."""

    name: str
    trials: int = 0
    missed: list[str] = field(default_factory=list[str])
    lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def trial(self, moment: str) -> Generator[None]:
        """Counts one trial; a failure is kept for the end, so that the other moments run too."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - whatever it is, it was not caught
            where = traceback.extract_tb(error.__traceback__)[-1]
            place = f"{Path(where.filename).name}:{where.lineno}"
            self.count(1, [f"{moment}: {type(error).__name__} {error} ({place})"])
        else:
            self.count(1, [])

    def some(self, moments: Sequence[Moment]) -> list[Moment]:
        """This run's share of the moments, in their order."""
        count = min(len(moments), max(FEWEST, round(len(moments) * SHARE)))
        chance = random.Random(f"{SEED} {self.name}")  # noqa: S311 - no secret
        return [moments[number] for number in sorted(chance.sample(range(len(moments)), count))]

    def each(
        self,
        moments: Iterable[Moment],
        attempt: Callable[[Moment], None],
        name: Callable[[Moment], str] = str,
        at_once: int = AT_ONCE,
    ) -> None:
        """One trial for each moment, more at once than processors where they mostly wait."""

        def one(moment: Moment) -> None:
            with self.trial(name(moment)):
                attempt(moment)

        with ThreadPoolExecutor(at_once) as pool:
            list(pool.map(one, moments))

    def count(self, trials: int, missed: list[str]) -> None:
        """Adds trials, many of them where they were made many at a time."""
        with self.lock:
            self.trials += trials
            self.missed += missed

    @property
    def caught(self) -> int:
        """So many trials were caught."""
        return self.trials - len(self.missed)


class Ledger:
    """All faults of a test session."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []

    @contextmanager
    def fault(self, name: str) -> Generator[Fault]:
        """The trials of one fault; fails at its end when one was not caught."""
        assert all(fault.name != name for fault in self.faults), f"{name} is counted twice"
        fault = Fault(name)
        self.faults.append(fault)
        try:
            yield fault
        except BaseException:
            fault.trials += 1
            fault.missed.append("the test itself broke off")
            raise
        assert fault.trials, f"{name} was never tried"
        if fault.missed:
            listed = "\n\n".join(fault.missed)
            raise AssertionError(f"{name}: missed {len(fault.missed)} of {fault.trials}\n{listed}")

    @property
    def missed(self) -> list[Fault]:
        """Faults that were not caught at every moment."""
        return [fault for fault in self.faults if fault.missed or not fault.trials]

    def table(self) -> list[str]:
        """The table for the end of the run, and its last line `caught n of n`."""
        if not self.faults:
            return []
        width = max(len(fault.name) for fault in self.faults)
        lines = [f"{'fault':{width}}  trials  caught"]
        for fault in self.faults:
            sign = "✗" if fault in self.missed else "✓"
            lines.append(f"{fault.name:{width}}  {fault.trials:6}  {fault.caught:6} {sign}")
        good = len(self.faults) - len(self.missed)
        trials = sum(fault.trials for fault in self.faults)
        caught = sum(fault.caught for fault in self.faults)
        lines.append(
            f"caught {good} of {len(self.faults)} faults ({caught:,} of {trials:,} trials)"
        )
        return lines

"""The pod's clock is wrong, or jumps in the middle of a run."""

from __future__ import annotations

import pytest

from tests.scripts.promises.faults import judge
from tests.scripts.promises.faults.ledger import Ledger
from tests.scripts.promises.faults.runs import Moment, at_moment, code, started
from tests.scripts.promises.faults.worlds import EXPIRED, Worlds

# bash tells the time in two ways; the script's own durations come from a third.
CLOCK = """
SHIFT=0
unset EPOCHSECONDS
printf() {
  local -a words=()
  local word
  for word in "$@"; do
    if [[ $word == -1 && "$*" == *')T'* ]]; then word=$(($(/usr/bin/date +%s) + SHIFT)); fi
    words+=("$word")
  done
  builtin printf "${words[@]}"
}
jump() { SHIFT=$1; EPOCHSECONDS=$(($(/usr/bin/date +%s) + SHIFT)); }
jump 0
"""

YEAR = 365 * 86400
JUMPS = [
    ("forward by ten years", 10 * YEAR),
    ("forward by two days", 2 * 86400),
    ("backward by a day", -86400),
    ("backward by ten years", -10 * YEAR),
]


@pytest.mark.parametrize(("how", "seconds"), JUMPS, ids=[each[0] for each in JUMPS])
def test_the_clock_jumps(
    worlds: Worlds, ledger: Ledger, few: list[Moment], how: str, seconds: int
) -> None:
    """The run succeeds, and no backup goes that would not go by the right clock."""

    def attempt(moment: Moment | None) -> None:
        with worlds.new() as world:
            jump = f"jump {seconds}"
            at = at_moment(moment.step, jump) if moment else ""
            program = code(world, at=at, more=CLOCK if moment else f"{CLOCK}{jump}")
            with started(world, program) as going:
                result = going.finish()
                if moment in doubted:
                    assert (world.pod.volume / EXPIRED).is_dir(), "retention trusted the clock"
                world.expendable |= set(world.new_names())
                judge.whole(going, result)

    # With the first two it is wrong already when it is compared with the server's.
    doubted = [None, few[1]]
    chosen = [*doubted, few[-3], few[-2]]
    with ledger.fault(f"clock jumps {how}") as fault:
        fault.each(chosen, attempt, name=lambda each: each.step if each else "from the beginning")

"""Words for people."""

from __future__ import annotations

import pytest

from tests.scripts.harness import SCRIPTS, Pod

# To load a file of core/ alone.
CORE = f"SCRIPTS={SCRIPTS}; source $SCRIPTS/core"


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (1536, "1.5 KiB"), (5 << 40, "5.0 TiB")],
)
def test_sizes_are_for_people(pod: Pod, size: int, text: str) -> None:
    assert pod.run("console/main.sh", code=f"{CORE}/text.sh; human_size {size}").output == text

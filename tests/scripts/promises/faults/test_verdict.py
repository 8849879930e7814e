"""The verdict on the suite itself: enough faults, and every one of them caught."""

from __future__ import annotations

from tests.scripts.promises.faults.ledger import Ledger

FEWEST = 40


def test_every_fault_was_caught(ledger: Ledger) -> None:
    print("\n".join(ledger.table()))
    assert len(ledger.faults) >= FEWEST, f"only {len(ledger.faults)} faults were tried"
    assert [fault.name for fault in ledger.missed] == []

"""What retention would do or has done, as a table, in sentences and as a JSON document."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from pgkeep.catalog.answers import Decision, Pruning
from pgkeep.terminal import words

_STYLES = {"keep": "green", "delete": "bold red"}


def decision_table(decisions: Sequence[Decision], now: datetime) -> Table:
    """Build the table, a line for each decision."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for title in ("Name", "Age", "Database", "Verdict"):
        table.add_column(title, justify="right" if title == "Age" else "left", no_wrap=True)
    table.add_column("Reason", overflow="fold")
    for one in decisions:
        table.add_row(
            Text(one.name),
            Text(_age(one, now)),
            Text(one.database or "-"),
            Text(one.verdict, style=_STYLES[one.verdict]),
            Text(one.reason),
        )
    return table


def _age(decision: Decision, now: datetime) -> str:
    if decision.created is None:
        return "-"
    return words.duration(max(0, int((now - decision.created).total_seconds())))


def plan_sentence(plan: Pruning) -> str:
    """What would go, as a sentence."""
    total = words.plural(len(plan.decisions), "backup")
    if not plan.count:
        return f"Nothing is to be deleted of {total}."
    return f"To be deleted: {plan.count:,} of {total}."


def done_sentence(done: Pruning) -> str:
    """What has gone, as a sentence."""
    stay = len(done.decisions) - done.count
    return (
        f"Deleted {words.plural(done.count, 'backup')}, kept {stay:,}. "
        "What was deleted takes its room until the next retention empties the trash."
    )


def differences(plan: Pruning, done: Pruning) -> list[str]:
    """What came otherwise than it was shown, one line each: time passes and backups are made."""
    shown = {one.name for one in plan.deletions}
    decided = {one.name: one for one in done.deletions}
    lines = [
        f"{name} was to go, too, which was not shown before: {one.reason}."
        for name, one in decided.items()
        if name not in shown
    ]
    reasons = {one.name: one.reason for one in done.decisions}
    lines += [
        f"{name} was not to go any more: {reasons.get(name, 'it is no longer there')}."
        for name in sorted(shown - decided.keys(), reverse=True)
    ]
    if done.count < len(done.deletions):
        lines.append(
            f"{done.count} of {len(done.deletions)} were deleted; the others are being read, and "
            "go with the next retention."
        )
    return lines


def prune_document(pruning: Pruning, namespace: str) -> dict[str, Any]:
    """The document of `prune --json`."""
    return {
        "schemaVersion": 1,
        "namespace": namespace,
        "dryRun": pruning.dry_run,
        "deleted": 0 if pruning.dry_run else pruning.count,
        "toDelete": len(pruning.deletions),
        "backups": [
            {
                "name": one.name,
                "database": one.database,
                "verdict": one.verdict,
                "reason": one.reason,
            }
            for one in pruning.decisions
        ],
    }

import json

from pgkeep.catalog import prunings
from pgkeep.catalog.answers import parse_prune
from tests.tool.catalog.test_answers import DELETE, KEEP, KEPT_FILE, NOW, pruned
from tests.tool.drawing import draw

PLAN = parse_prune(pruned(KEEP, DELETE, KEPT_FILE), dry_run=True)


def test_the_plan_of_retention_has_a_line_for_each_backup() -> None:
    lines = draw(prunings.decision_table(PLAN.decisions, NOW)).strip().splitlines()
    assert lines[0].split() == ["Name", "Age", "Database", "Verdict", "Reason"]
    rows = [" ".join(line.split()) for line in lines[2:]]
    assert rows == [
        "backup-20261123-020000 3 h 12 min shop keep one of the newest 7",
        "backup-20260901-020000 83 d 3 h shop delete older than 30 days",
        "backup-20240101-020000.sql.gz 1057 d 3 h - keep unverified backups are never deleted",
    ]


def test_a_long_reason_is_folded_and_not_cut() -> None:
    text = draw(prunings.decision_table(PLAN.decisions, NOW), 80)
    assert "…" not in text
    assert " ".join("".join(text.split()).split()).count("neverdeleted") == 1


def test_what_is_to_go_and_what_has_gone_are_sentences() -> None:
    nothing = parse_prune(pruned(KEEP, result="#result dry-run 0"), dry_run=True)
    done = parse_prune(pruned(KEEP, DELETE, result="#result done 1"), dry_run=False)
    assert prunings.plan_sentence(PLAN) == "To be deleted: 1 of 3 backups."
    assert prunings.plan_sentence(nothing) == "Nothing is to be deleted of 1 backup."
    assert prunings.done_sentence(done).startswith("Deleted 1 backup, kept 1. ")
    assert prunings.differences(PLAN, done) == []


def test_what_came_otherwise_than_it_was_shown_is_said() -> None:
    second = DELETE.replace("20260901", "20260902")
    kept = DELETE.replace("delete", "keep", 1).replace("older than 30 days", "pinned")
    done = parse_prune(pruned(KEEP, second, kept, result="#result done 0"), dry_run=False)
    assert prunings.differences(PLAN, done) == [
        "backup-20260902-020000 was to go, too, which was not shown before: older than 30 days.",
        "backup-20260901-020000 was not to go any more: pinned.",
        "0 of 1 were deleted; the others are being read, and go with the next retention.",
    ]
    gone = parse_prune(pruned(KEEP, result="#result done 0"), dry_run=False)
    assert prunings.differences(PLAN, gone) == [
        "backup-20260901-020000 was not to go any more: it is no longer there."
    ]


def test_the_json_document_of_a_plan_is_stable() -> None:
    document = json.loads(json.dumps(prunings.prune_document(PLAN, "shop")))
    assert document == {
        "schemaVersion": 1,
        "namespace": "shop",
        "dryRun": True,
        "deleted": 0,
        "toDelete": 1,
        "backups": [
            {
                "name": "backup-20261123-020000",
                "database": "shop",
                "verdict": "keep",
                "reason": "one of the newest 7",
            },
            {
                "name": "backup-20260901-020000",
                "database": "shop",
                "verdict": "delete",
                "reason": "older than 30 days",
            },
            {
                "name": "backup-20240101-020000.sql.gz",
                "database": None,
                "verdict": "keep",
                "reason": "unverified backups are never deleted",
            },
        ],
    }
    done = parse_prune(pruned(KEEP, DELETE, result="#result done 1"), dry_run=False)
    assert prunings.prune_document(done, "shop")["deleted"] == 1

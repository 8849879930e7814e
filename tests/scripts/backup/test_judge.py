"""A backup that is whole but unlike the ones before it is kept, flagged, and stops retention."""

from __future__ import annotations

import pytest

from tests.scripts.harness import SCRIPTS, Pod, Server, clone_backup


@pytest.fixture
def shop(pod: Pod, copy: str) -> Pod:
    """A pod with three ordinary backups of a database of its own."""
    pod.database = copy
    first = pod.good_backup()
    for day in (1, 2):
        clone_backup(first, f"backup-2026010{day}-000000")
    return pod


def test_an_ordinary_backup_is_not_suspicious(shop: Pod) -> None:
    backup = shop.good_backup()
    assert shop.flags(backup.name) == set()


def test_rows_that_vanish_make_a_backup_suspicious_and_stop_retention(
    shop: Pod, server: Server
) -> None:
    server.psql(shop.database, "DELETE FROM orders")
    before = shop.names()
    result = shop.backup(RETENTION_DAYS="1", RETENTION_MINIMUM="1")
    assert result.code == 0, result.output
    (new,) = set(shop.names()) - set(before)
    assert set(before) < set(shop.names()), "nothing was deleted"
    assert shop.flags(new) == {"suspicious"}
    assert f"{new} is suspicious: rows fell to 1903" in result.output
    assert f"pgkeep acknowledge {new}" in result.output
    details = shop.console("show", new, "tsv").output
    assert "\nsuspicion=20" in details
    assert "\nstatus=verified\n" in details, "it is whole all the same"


def test_a_restore_of_a_suspicious_backup_says_so(shop: Pod, server: Server) -> None:
    server.psql(shop.database, "DELETE FROM orders")
    shop.good_backup()
    result = shop.restore("latest")
    assert result.code == 0, result.output
    assert "WARNING: it is suspicious" in result.output


def test_after_an_acknowledgement_the_new_state_is_what_is_usual(shop: Pod, server: Server) -> None:
    server.psql(shop.database, "DELETE FROM orders")
    first, second = shop.good_backup(), shop.good_backup()
    assert shop.flags(first.name) == shop.flags(second.name) == {"suspicious"}
    result = shop.console("acknowledge", second.name)
    assert result.code == 0, result.output
    assert f"✓ {first.name} is acknowledged" in result.output, "the older one with it"
    third = shop.good_backup()
    assert [shop.flags(each.name) for each in (first, second, third)] == [set(), set(), set()]


def test_a_suspicion_is_marked_before_the_backup_can_be_seen(shop: Pod, server: Server) -> None:
    server.psql(shop.database, "DELETE FROM orders")
    before = shop.names()
    marks = "$BACKUP_DIRECTORY/.records/suspicious"
    code = f"source {SCRIPTS}/backup/one.sh; publish() {{ ls {marks}; exit 9; }}; main"
    result = shop.run("backup/one.sh", code=code)
    assert result.code == 9
    assert shop.names() == before
    assert "backup-20" in result.output
    left = [path.name for path in (shop.volume / ".records/suspicious").iterdir()]
    assert left == [], "no mark without its backup"


def test_the_factor_is_a_setting(shop: Pod, server: Server) -> None:
    server.psql(shop.database, "DELETE FROM orders")
    backup = shop.good_backup(BACKUP_ANOMALY_FACTOR="3")
    assert shop.flags(backup.name) == set()


def test_another_database_is_not_compared_with(pod: Pod, server: Server, copy: str) -> None:
    first = pod.good_backup()
    for day in (1, 2):
        clone_backup(first, f"backup-2026010{day}-000000")
    server.psql(copy, "DELETE FROM orders")
    pod.database = copy
    assert pod.flags(pod.good_backup().name) == set()

"""Before a restore replaces a database it makes a backup of it, which counts for nothing else."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.scripts.harness import (
    SCRIPTS,
    Pod,
    Server,
    clone_backup,
    drop_databases,
    fingerprint,
    finish,
    kill_session,
    session_members,
    wait_until,
)


@pytest.fixture
def live(pod: Pod, server: Server, copy: str) -> str:
    """A database that has been backed up and changed since."""
    pod.database = copy
    pod.good_backup()
    server.psql(copy, "UPDATE customers SET name = 'newer' WHERE id = 1; DELETE FROM orders")
    server.psql(copy, "REFRESH MATERIALIZED VIEW best")
    return copy


@pytest.fixture
def bulky(server: Server, slow_pod: Pod) -> Iterator[str]:
    """A big database with its backup: a safety backup of it takes long enough to be hit."""
    server.psql("postgres", "CREATE DATABASE bulky TEMPLATE big")
    slow_pod.database = "bulky"
    slow_pod.good_backup(BACKUP_COMPRESSION="gzip:1")
    yield "bulky"
    drop_databases(server, "bulky")


def marked(pod: Pod, kind: str) -> set[str]:
    """Names that bear such a mark."""
    return {path.name for path in pod.volume.glob(f".records/{kind}/backup-*")}


def safety_of(pod: Pod) -> Path:
    """The only safety backup there is."""
    (name,) = marked(pod, "safety")
    return pod.volume / name


def test_a_restore_backs_the_live_database_up_first_and_that_backup_is_as_good_as_any(
    pod: Pod, server: Server, live: str
) -> None:
    (first,) = pod.names()
    before = fingerprint(server, live)
    result = pod.restore()
    assert result.code == 0, result.output
    safety = safety_of(pod).name
    assert sorted(pod.names()) == [first, safety]
    assert pod.flags(safety) == {"safety", "pinned"}
    assert (pod.mark("safety", safety) or "").endswith(f" before the restore of {first}")
    assert (pod.mark("pinned", safety) or "").endswith(f" before the restore of {first}")
    assert pod.console("verify", safety).code == 0
    assert f"✓ Backed up the live database ({safety}, pinned, " in result.output
    # Its own steps are shown, and told from those of the restore.
    assert re.search(r"^    ✓ Dumped the database", result.output, re.MULTILINE)
    assert not re.search(r"^✓ Dumped the database", result.output, re.MULTILINE)
    assert fingerprint(server, live) != before
    again = pod.restore(safety, RESTORE_SAFETY_BACKUP="false")
    assert again.code == 0, again.output
    assert fingerprint(server, live) == before


def test_it_is_made_before_anything_else_is(pod: Pod, live: str) -> None:
    del live
    steps = re.findall(r"^✓ ([^(]*) \(", pod.restore().output, re.MULTILINE)
    assert steps.index("Backed up the live database") < steps.index("Created the side database")


def test_it_is_made_in_the_format_of_the_schedule(pod: Pod, live: str) -> None:
    del live
    assert pod.restore(BACKUP_FORMAT="plain", BACKUP_TABLE_HASHES="true").code == 0
    safety = safety_of(pod)
    assert (safety / f"{safety.name}.sql.gz").exists()
    assert "table_hashes=true\n" in (safety / "summary").read_text(encoding="utf-8")


def test_it_is_on_record_as_what_it_is(pod: Pod, live: str) -> None:
    del live
    assert pod.restore().code == 0
    first, safety = pod.records("runs")
    assert "safety" not in first
    assert (safety["name"], safety["result"], safety["safety"]) == (
        safety_of(pod).name,
        "ok",
        True,
    )


def test_it_is_never_the_latest(pod: Pod, server: Server, live: str) -> None:
    (first,) = pod.names()
    whole = fingerprint(server, "source")
    assert pod.restore().code == 0
    assert safety_of(pod).name > first
    assert re.search(rf"^  {first} .*\(latest\)", pod.console().output, re.MULTILINE)
    assert f"name={first}\n" in pod.console("show", "latest", "tsv").output
    result = pod.restore("latest", RESTORE_SAFETY_BACKUP="false")
    assert f"restoring {first} " in result.output
    assert fingerprint(server, live) == whole


def test_the_metrics_do_not_take_it_for_a_backup_of_the_schedule(pod: Pod, live: str) -> None:
    del live
    metrics = pod.volume / ".records/metrics.prom"

    def latest() -> list[str]:
        text = metrics.read_text(encoding="utf-8")
        return re.findall(r"^pgkeep_latest_backup_.*", text, re.MULTILINE)

    before = latest()
    assert pod.restore().code == 0
    assert latest() == before


def test_it_says_nothing_about_what_is_usual(pod: Pod) -> None:
    first = pod.good_backup()
    for day in range(1, 4):
        pod.put_mark("safety", clone_backup(first, f"backup-2020010{day}-000000").name)
    assert "1 of them, too few to say what is usual" in pod.backup().output


def test_it_is_not_suspicious_however_little_is_left(pod: Pod, server: Server, live: str) -> None:
    first = pod.volume / pod.names()[0]
    for day in range(1, 4):
        clone_backup(first, f"backup-2020010{day}-000000")
    server.psql(live, "DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    result = pod.restore()
    assert result.code == 0, result.output
    assert marked(pod, "suspicious") == set()


def test_it_stays_while_it_is_pinned_and_goes_by_its_age_afterwards(pod: Pod) -> None:
    first = pod.good_backup()
    old = clone_backup(first, "backup-20200101-000000").name
    for kind in ("safety", "pinned"):
        pod.put_mark(kind, old)
    second = pod.good_backup(RETENTION_DAYS="1", RETENTION_MINIMUM="1").name
    assert old in pod.names()
    assert pod.console("unpin", old).code == 0
    third = pod.good_backup(RETENTION_DAYS="1", RETENTION_MINIMUM="1").name
    assert set(pod.names()) == {first.name, second, third}
    pod.good_backup()
    assert marked(pod, "safety") == set(), "the mark goes with the backup"


def test_a_safety_backup_runs_no_retention(pod: Pod, live: str) -> None:
    del live
    old = clone_backup(pod.volume / pod.names()[0], "backup-20200101-000000").name
    result = pod.restore(RETENTION_DAYS="1", RETENTION_MINIMUM="1")
    assert result.code == 0, result.output
    assert old in pod.names()
    assert "Retention" not in result.output


# --- when none is made ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "settings", [{"RESTORE_SAFETY_BACKUP": "false"}, {"RESTORE_DRY_RUN": "true"}], ids=str
)
def test_none_is_made_where_none_is_wanted(pod: Pod, live: str, settings: dict[str, str]) -> None:
    result = pod.restore(**settings)
    assert result.code == 0, result.output
    assert marked(pod, "safety") == set()
    warned = f'no safety backup of "{live}" is made (--skip-safety-backup)' in result.output
    assert warned == ("RESTORE_SAFETY_BACKUP" in settings)


def test_none_is_made_of_nothing(pod: Pod, server: Server, live: str) -> None:
    server.psql("postgres", f"DROP DATABASE {live}")
    assert pod.restore().code == 0
    assert marked(pod, "safety") == set()


# --- when it fails --------------------------------------------------------------------------------

# A view that has lost its query: the dump of the whole fails.
BREAK = """
SET allow_system_table_mods = on;
DELETE FROM pg_rewrite WHERE ev_class = 'spent'::regclass;
"""


def test_a_live_database_that_cannot_be_dumped_is_left_alone_until_that_is_accepted(
    pod: Pod, server: Server, live: str
) -> None:
    (first,) = pod.names()
    server.psql(live, BREAK)
    result = pod.restore()
    assert result.code == 1
    error, cause, cure = result.explained().splitlines()
    assert "the safety backup of the live database failed: " in error
    assert error.endswith("the live database was not touched")
    assert len(cause) > len("CAUSE: ")
    assert "--skip-safety-backup (RESTORE_SAFETY_BACKUP=false)" in cure
    assert server.psql(live, "SELECT count(*) FROM orders") == "0"
    assert {name for name in server.databases() if name.startswith(live)} == {live}
    assert pod.names() == [first]
    assert pod.unfinished() == []
    assert marked(pod, "safety") == marked(pod, "pinned") == set()
    accepted = pod.restore(RESTORE_SAFETY_BACKUP="false")
    assert accepted.code == 0, accepted.output
    assert fingerprint(server, live) == fingerprint(server, "source")
    (record, _) = pod.records("restores")
    assert (record["result"], record["reason"]) == ("failed", "safety")


def test_no_room_for_it_is_found_before_the_dump(pod: Pod, live: str) -> None:
    del live
    code = (
        f"source {SCRIPTS}/restore/main.sh; back_up_live() {{ DATABASE_NAME=$DATABASE_NAME bash -c "
        f"'source {SCRIPTS}/backup/one.sh; free_bytes() {{ echo 1000; }}; main \"$@\"' one.sh"
        ' safety "$LOCK_DESCRIPTOR" "$WORK/safety" why | indent_lines; }; main'
    )
    result = pod.run("restore/main.sh", code=code)
    assert result.code == 1
    assert "has 1000 B free, the backup needs about" in result.explained()
    assert "enlarge it (volumeSize)" in result.explained()


# --- the lock -------------------------------------------------------------------------------------


@pytest.mark.parametrize("descriptor", ["10", "1", "0", "x", "", "10 "])
def test_no_backup_goes_without_the_lock_because_it_is_called_a_safety_backup(
    pod: Pod, descriptor: str
) -> None:
    pod.good_backup()
    code = (
        f"exec 10>>$BACKUP_DIRECTORY/other; bash {SCRIPTS}/backup/one.sh safety '{descriptor}' f w"
    )
    result = pod.run("backup/one.sh", code=code)
    assert result.code == 2
    assert "without the lock of its restore" in result.explained()
    assert len(pod.names()) == 1


def test_the_lock_of_somebody_else_is_none(pod: Pod) -> None:
    pod.good_backup()
    code = (
        "exec 10>>$BACKUP_DIRECTORY/.lock 11>>$BACKUP_DIRECTORY/.lock; flock -n 11;"
        f"bash {SCRIPTS}/backup/one.sh safety 10 f w"
    )
    result = pod.run("backup/one.sh", code=code)
    assert result.code == 2
    assert "without the lock of its restore" in result.explained()


def test_after_it_the_lock_is_still_the_restores_and_says_so(pod: Pod, live: str) -> None:
    del live
    code = (
        f"source {SCRIPTS}/restore/main.sh; make_role() {{ LOCK=$BACKUP_DIRECTORY/.lock; cat $LOCK;"
        " if flock -n $LOCK true; then echo free; fi; exit 1; }; main"
    )
    result = pod.run("restore/main.sh", code=code)
    assert safety_of(pod)
    assert re.search(r"^restore in pod .* since ", result.output, re.MULTILINE)
    assert "\nfree\n" not in result.output


def is_dumping(server: Server, name: str) -> bool:
    """pg_dump is copying rows out of the live database."""
    return "COPY" in server.psql(
        "postgres",
        "SELECT query FROM pg_stat_activity"
        f" WHERE datname = '{name}' AND state = 'active' AND application_name = 'pg_dump'",
    )


def test_nobody_else_works_on_the_volume_meanwhile_also_when_the_restore_alone_is_killed(
    slow_pod: Pod, server: Server, bulky: str
) -> None:
    running = slow_pod.start("restore/main.sh")
    wait_until(lambda: is_dumping(server, bulky), 30)
    other = slow_pod.backup()
    assert other.code == 75
    assert "the lock is held by restore in pod" in other.explained()
    running.kill()
    running.wait()
    assert slow_pod.backup().code == 75
    wait_until(lambda: session_members(running.pid) == [], 60)
    running.communicate()
    # What it made is whole, and harmless.
    assert slow_pod.flags(safety_of(slow_pod).name) == {"safety", "pinned"}
    assert slow_pod.backup(BACKUP_COMPRESSION="gzip:1").code == 0


def test_sigterm_ends_it_and_leaves_nothing(slow_pod: Pod, server: Server, bulky: str) -> None:
    (first,) = slow_pod.names()
    running = slow_pod.start("restore/main.sh")
    wait_until(lambda: is_dumping(server, bulky), 30)
    running.terminate()
    result = finish(running)
    assert result.code == 143
    assert 'stopped by SIGTERM during step "Backed up the live database"' in result.explained()
    assert "the live database was not touched" in result.explained()
    # The child has had the time for its own last words.
    assert re.search(r"^    ERROR: stopped by SIGTERM", result.output, re.MULTILINE)
    assert slow_pod.names() == [first]
    assert slow_pod.unfinished() == []
    assert marked(slow_pod, "safety") == marked(slow_pod, "pinned") == set()


def test_a_restore_that_is_killed_meanwhile_can_be_started_again(
    slow_pod: Pod, server: Server, bulky: str
) -> None:
    running = slow_pod.start("restore/main.sh")
    wait_until(lambda: is_dumping(server, bulky), 30)
    kill_session(running.pid, signal.SIGKILL)
    running.communicate()
    result = slow_pod.restore(BACKUP_COMPRESSION="gzip:1")
    assert result.code == 0, result.output
    assert slow_pod.unfinished() == []

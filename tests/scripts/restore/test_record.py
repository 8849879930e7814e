"""A restore as a whole: what it does without the swap, and what it leaves word of."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from typing import cast

import pytest

from tests.scripts.harness import SCRIPTS, Pod, Server, fingerprint


@pytest.fixture
def live(pod: Pod, server: Server, copy: str) -> Iterator[str]:
    """A database that has been backed up and changed since."""
    pod.database = copy
    pod.good_backup()
    server.psql(copy, "UPDATE customers SET name = 'newer' WHERE id = 1")
    yield copy
    server.psql("postgres", f"ALTER DATABASE {copy} ALLOW_CONNECTIONS true", check=False)


def test_a_dry_run_does_everything_but_the_swap(pod: Pod, server: Server, live: str) -> None:
    before, databases = fingerprint(server, live), server.databases()
    volume = sorted(pod.names())

    result = pod.restore(RESTORE_DRY_RUN="true")

    assert result.code == 0, result.output
    assert "every fact equal" in result.output
    assert f'could be restored into database "{live}"' in result.output.replace(
        "can be", "could be"
    )
    assert "Swapped" not in result.output
    assert (server.databases(), fingerprint(server, live)) == (databases, before)
    assert sorted(pod.names()) == volume, "a dry run makes no safety backup"
    (record,) = pod.records("restores")
    assert (record["result"], record["dryRun"], record["swapped"]) == ("ok", True, False)


def test_a_dry_run_says_that_it_would_not_work(pod: Pod, server: Server, live: str) -> None:
    server.psql(
        live,
        "CREATE FUNCTION code(cstring) RETURNS int LANGUAGE internal STRICT AS 'int4in'",
    )
    backup = pod.good_backup()
    databases = server.databases()
    result = pod.restore(backup.name, RESTORE_DRY_RUN="true")
    assert result.code == 1, result.output
    assert "the live database was not touched" in result.explained()
    assert server.databases() == databases


def test_the_record_holds_every_step_with_its_time(pod: Pod, live: str) -> None:
    result = pod.restore()
    assert result.code == 0, result.output
    (record,) = pod.records("restores")
    steps = cast(list[dict[str, object]], record["steps"])
    named = [step["step"] for step in steps]
    shown = re.findall(r"^✓ (.*?) \(.* s\)$", result.output, re.MULTILINE)
    assert named == shown
    assert {"Chose the backup", "Swapped"} <= {*shown}
    assert record["database"] == live
    assert str(record["kept"]) in result.output
    assert not (pod.volume / ".records" / "restore-running.json").exists()


def test_the_next_run_says_in_which_step_one_was_killed(pod: Pod, live: str) -> None:
    killed = "compare_side() { begin Compared; kill -KILL $$; }"
    code = f"source {SCRIPTS}/restore/main.sh; {killed}; main"
    assert pod.run("restore/main.sh", code=code, RESTORE_BACKUP="latest").code == -signal.SIGKILL

    result = pod.restore()

    assert result.code == 0, result.output
    assert "an earlier run was killed" in result.output
    killed, done = pod.records("restores")
    assert (killed["result"], killed["step"], killed["database"]) == ("killed", "Compared", live)
    assert done["result"] == "ok"

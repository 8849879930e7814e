"""The session that holds the snapshot: it is never silent for long, and never left open."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

from tests.scripts.harness import (
    SCRIPTS,
    Pod,
    Server,
    backends,
    finish,
    kill_session,
    wait_until,
)


def impatient_scripts(pod: Pod, *, idle: str) -> Path:
    """A copy of the scripts whose server ends a silent transaction soon."""
    scripts = pod.root / "scripts"
    shutil.copytree(SCRIPTS, scripts)
    session = (scripts / "server/session.sql").read_text(encoding="utf-8")
    assert "'10min'" in session
    (scripts / "server/session.sql").write_text(
        session.replace("'10min'", f"'{idle}'"), encoding="utf-8"
    )
    return scripts


def slow_dump(scripts: Path, seconds: int, heartbeat: int) -> str:
    """A backup whose pg_dump begins late, so that the session has nothing to do meanwhile."""
    return (
        f"source {scripts}/backup/one.sh; HEARTBEAT={heartbeat};"
        f' pg_dump() {{ [[ $1 == --version ]] || sleep {seconds}; command pg_dump "$@"; }}; main'
    )


def test_a_dump_that_takes_longer_than_the_server_waits_keeps_its_snapshot(pod: Pod) -> None:
    scripts = impatient_scripts(pod, idle="2s")
    result = pod.run("backup/one.sh", code=slow_dump(scripts, seconds=5, heartbeat=1))
    assert result.code == 0, result.output


def test_without_its_heartbeat_the_server_ends_the_session_and_the_run_says_so(pod: Pod) -> None:
    scripts = impatient_scripts(pod, idle="1s")
    result = pod.run("backup/one.sh", code=slow_dump(scripts, seconds=3, heartbeat=600))
    assert result.code == 1
    assert "the session that holds the snapshot was ended" in result.explained()
    assert pod.names() == pod.unfinished() == []


def test_a_script_that_stands_still_does_not_keep_a_transaction_open(
    pod: Pod, server: Server
) -> None:
    scripts = impatient_scripts(pod, idle="2s")
    running = pod.start("backup/one.sh", code=slow_dump(scripts, seconds=60, heartbeat=1))
    try:
        wait_until(lambda: "pgkeep idle in transaction" in backends(server, pod.database))
        os.kill(running.pid, signal.SIGSTOP)
        wait_until(lambda: backends(server, pod.database) == [], 20)
    finally:
        kill_session(running.pid, signal.SIGKILL)
        finish(running)
    assert pod.names() == []


def without_lock(before: str) -> str:
    """A backup whose pg_dump fails as one does that gets no lock, or has lost its connection."""
    return (
        f"source {SCRIPTS}/backup/one.sh; ask() {{ psql_on postgres -v pid=$FACTS_BACKEND -f -; }};"
        ' pg_dump() { [[ $1 != --version ]] || { command pg_dump "$@"; return; };'
        " until ask <<<\"SELECT state FROM pg_stat_activity WHERE pid = :'pid'\""
        f" | grep -q 'idle in'; do sleep 0.1; done; {before};"
        " echo 'pg_dump: error: could not obtain lock on relation \"public.t\"' >&2; return 1; };"
        " main"
    )


def test_a_lock_that_is_not_had_is_told_from_a_connection_that_is_lost(pod: Pod) -> None:
    locked = pod.run("backup/one.sh", code=without_lock(":"))
    assert "holds or wants an exclusive lock on a table" in locked.explained()
    end = "ask <<<\"SELECT pg_terminate_backend(:'pid', 5000)\" >/dev/null"
    lost = pod.run("backup/one.sh", code=without_lock(end))
    assert "the connection to the server was cut" in lost.explained()
    assert "public.t" in lost.output
    assert pod.names() == pod.unfinished() == []

"""A backup is complete or absent, whatever goes wrong, and the last lines say what to do."""

from __future__ import annotations

import re
import shutil
import signal
import time
from collections.abc import Callable

import pytest

from tests.scripts.harness import (
    PASSWORD,
    SCRIPTS,
    Pod,
    Server,
    backends,
    clone_backup,
    finish,
    free_port,
    kill_session,
    session_members,
    wait_until,
)

# The same main, with less patience for a server that does not answer.
IMPATIENT = f"source {SCRIPTS}/backup/one.sh; CONNECT_PATIENCE=1; main"


def nothing_visible(pod: Pod) -> bool:
    return pod.names() == [] and pod.unfinished() == []


def has_begun(pod: Pod) -> bool:
    return any(path.stat().st_size > 0 for path in pod.volume.glob(".staging/*/database/*.dat.gz"))


def test_a_wrong_password_is_named(pod: Pod) -> None:
    (pod.secret / "password").write_text("wrong", encoding="utf-8")
    result = pod.backup()
    assert result.code == 1
    assert (
        'refused user "keeper" with the password of Secret "postgres-secret"' in result.explained()
    )
    assert nothing_visible(pod)
    (record,) = pod.records("runs")
    assert (record["result"], record["reason"]) == ("failed", "password")


def test_a_missing_secret_is_named(pod: Pod) -> None:
    for path in pod.secret.iterdir():
        path.unlink()
    result = pod.backup()
    assert result.code == 1
    assert 'Secret "postgres-secret" is missing in namespace "shop"' in result.explained()
    assert nothing_visible(pod)


@pytest.mark.parametrize(("file", "key"), [("username", "user-key"), ("password", "password-key")])
def test_a_missing_key_is_named(pod: Pod, file: str, key: str) -> None:
    (pod.secret / file).unlink()
    result = pod.backup()
    assert result.code == 1
    assert f'has no key "{key}"' in result.explained()
    assert nothing_visible(pod)


def test_an_empty_key_is_named(pod: Pod) -> None:
    (pod.secret / "password").write_text("", encoding="utf-8")
    assert 'key "password-key" of Secret "postgres-secret" is empty' in pod.backup().explained()


def test_a_missing_database_is_named(pod: Pod) -> None:
    pod.database = "nowhere"
    result = pod.backup()
    assert result.code == 1
    assert "there is no such database" in result.explained()
    assert "databaseName" in result.explained()
    assert nothing_visible(pod)


def test_a_server_that_is_down_is_waited_for_and_then_named(pod: Pod) -> None:
    pod.port = free_port()
    result = pod.run("backup/one.sh", code=IMPATIENT)
    assert result.code == 1
    assert f"nothing answers at 127.0.0.1:{pod.port}" in result.explained()
    assert "trying for 1 s" in result.output
    assert nothing_visible(pod)


def test_an_unknown_host_is_named(pod: Pod) -> None:
    result = pod.run("backup/one.sh", code=IMPATIENT, DATABASE_HOST="no-such-host.invalid")
    assert 'the name "no-such-host.invalid" is not known' in result.explained()


def test_a_database_that_takes_no_connections_is_named(pod: Pod, server: Server, copy: str) -> None:
    server.psql("postgres", f"ALTER DATABASE {copy} ALLOW_CONNECTIONS false")
    pod.database = copy
    assert "connections to it are switched off" in pod.backup().explained()


def test_a_full_volume_is_named(pod: Pod, small_volume: Callable[[str], None]) -> None:
    small_volume("64k")
    for number in range(3):
        (pod.volume / f"filler{number}").write_bytes(b"x" * 16384)
    with pytest.raises(OSError, match="No space left"):
        (pod.volume / "last").write_bytes(b"x" * 65536)
    result = pod.backup()
    assert result.code == 1
    assert "no space is left" in result.explained()
    assert nothing_visible(pod)


@pytest.mark.parametrize(
    ("words", "where"),
    [
        (
            'ERROR:  could not extend file "base/1/2": No space left on device\n'
            "HINT:  Check free disk space.",
            "the disk of the server at",
        ),
        ("pg_dump: error: could not write to output file: No space left on device", "volume"),
    ],
)
def test_whose_disk_is_full_is_told(pod: Pod, words: str, where: str) -> None:
    (pod.root / "words").write_text(words, encoding="utf-8")
    result = pod.run(
        "backup/one.sh",
        code=f"source {SCRIPTS}/backup/one.sh; start_script; use_credentials; "
        f'explain {pod.root}/words; fail 1 "$KIND" "it failed" "$CAUSE" "$CURE"',
    )
    assert f"no space is left on {where}" in result.explained()


def test_too_little_space_is_found_before_the_dump_and_told_in_numbers(
    pod: Pod, small_volume: Callable[[str], None]
) -> None:
    small_volume("4m")
    result = pod.backup()
    assert result.code == 1
    assert re.search(
        r"has \d+\.\d MiB free, the backup needs about \d+\.\d MiB", result.explained()
    )
    assert nothing_visible(pod)


def test_a_volume_that_fills_up_in_the_middle_leaves_nothing(
    slow_pod: Pod, small_volume: Callable[[str], None]
) -> None:
    small_volume("200m")
    running = slow_pod.start("backup/one.sh")
    wait_until(lambda: has_begun(slow_pod))
    with pytest.raises(OSError, match="No space left"):
        (slow_pod.volume / "filler").write_bytes(b"x" * 200 * 1024 * 1024)
    result = finish(running)
    assert result.code == 1
    assert "no space is left" in result.explained()
    assert nothing_visible(slow_pod)


def test_a_volume_that_cannot_be_written_is_named(pod: Pod) -> None:
    pod.volume.chmod(0o555)
    result = pod.backup()
    assert result.code == 1
    assert 'volume "backup-pvc" cannot be written' in result.explained()
    pod.volume.rmdir()
    assert "is not mounted" in pod.backup().explained()


def test_sigterm_ends_the_run_at_once_and_says_so(slow_pod: Pod, server: Server) -> None:
    running = slow_pod.start("backup/one.sh")
    wait_until(lambda: has_begun(slow_pod))
    sent = time.monotonic()
    running.send_signal(signal.SIGTERM)  # process 1 of the pod, and only that
    result = finish(running)
    assert time.monotonic() - sent < 5
    assert result.code == 143
    assert "SIGTERM" in result.explained()
    assert "activeDeadlineSeconds" in result.explained()
    assert nothing_visible(slow_pod)
    wait_until(lambda: session_members(running.pid) == [], 2)
    wait_until(lambda: backends(server, "big") == [], 5)


def test_a_killed_pod_leaves_only_staging_which_the_next_run_sweeps(
    slow_pod: Pod, server: Server
) -> None:
    running = slow_pod.start("backup/one.sh")
    wait_until(lambda: has_begun(slow_pod))
    kill_session(running.pid, signal.SIGKILL)
    finish(running)
    (left,) = slow_pod.unfinished()
    assert slow_pod.names() == []
    assert slow_pod.listed() == []
    wait_until(lambda: backends(server, "big") == [], 8)

    time.sleep(1.1)
    backup = slow_pod.good_backup(BACKUP_COMPRESSION="gzip:1")
    assert slow_pod.unfinished() == []
    assert slow_pod.names() == [backup.name]
    assert left != backup.name


def test_no_transaction_stays_open_when_only_the_script_is_killed(
    slow_pod: Pod, server: Server
) -> None:
    running = slow_pod.start("backup/one.sh")
    wait_until(lambda: has_begun(slow_pod))
    assert any(each.startswith("pgkeep") for each in backends(server, "big")), (
        "the snapshot is held"
    )
    running.kill()
    try:
        wait_until(
            lambda: not any(each.startswith("pgkeep") for each in backends(server, "big")), 8
        )
    finally:
        kill_session(running.pid, signal.SIGKILL)
        finish(running)
    assert slow_pod.names() == []


def test_no_transaction_stays_open_after_a_good_run(pod: Pod, server: Server) -> None:
    pod.good_backup()
    assert backends(server, "source") == []


@pytest.mark.parametrize("who", ["pg_dump", "pgkeep"])
def test_a_session_that_the_server_ends_fails_the_run(
    slow_pod: Pod, server: Server, who: str
) -> None:
    # Counting is done in a moment; here it is held up, so that it can be hit.
    scripts = slow_pod.root / "scripts"
    shutil.copytree(SCRIPTS, scripts)
    facts = (scripts / "facts/facts.sql").read_text(encoding="utf-8")
    (scripts / "facts/facts.sql").write_text("SELECT pg_sleep(20);\n" + facts, encoding="utf-8")
    running = slow_pod.start("backup/one.sh", code=f"bash {scripts}/backup/one.sh")
    wait_until(lambda: has_begun(slow_pod))
    server.psql(
        "postgres",
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        f" WHERE datname = 'big' AND application_name = '{who}'",
    )
    result = finish(running)
    assert result.code == 1
    assert "the connection to the server was cut" in result.explained()
    assert nothing_visible(slow_pod)
    wait_until(lambda: backends(server, "big") == [], 8)


def test_of_two_runs_at_once_the_second_steps_back_and_names_the_first(slow_pod: Pod) -> None:
    running = slow_pod.start("backup/one.sh")
    wait_until(lambda: has_begun(slow_pod))
    second = slow_pod.backup()
    assert second.code == 75
    assert re.search(r"held by backup in pod \S+ since 20\d\d-", second.explained())
    assert finish(running).code == 0
    assert len(slow_pod.names()) == 1
    assert [each["result"] for each in slow_pod.records("runs")] == ["ok"]


def test_a_locked_table_is_named_instead_of_waited_for(
    slow_pod: Pod, server: Server, copy: str
) -> None:
    slow_pod.database = copy
    code = f"source {SCRIPTS}/backup/one.sh; LOCK_WAIT=1s; main"
    held = (
        "SELECT count(*) FROM pg_locks"
        " WHERE mode = 'AccessExclusiveLock' AND relation = 'orders'::regclass"
    )
    holder = slow_pod.start(
        "backup/one.sh",
        code=f"source {SCRIPTS}/backup/one.sh; start_script; use_credentials; "
        'psql_on "$DATABASE_NAME" -c BEGIN -c "LOCK TABLE public.orders" -c "SELECT pg_sleep(30)"',
    )
    try:
        wait_until(lambda: server.psql(copy, held) == "1")
        result = slow_pod.run("backup/one.sh", code=code)
    finally:
        kill_session(holder.pid, signal.SIGKILL)
        finish(holder)
    assert result.code == 1
    assert "exclusive lock" in result.explained()
    assert nothing_visible(slow_pod)


def test_missing_rights_are_listed_as_the_statements_that_give_them(
    pod: Pod, server: Server, copy: str
) -> None:
    server.psql(copy, "ALTER TABLE customers ENABLE ROW LEVEL SECURITY")
    server.psql("postgres", f"CREATE ROLE reader LOGIN PASSWORD $p${PASSWORD}$p$")
    try:
        (pod.secret / "username").write_text("reader", encoding="utf-8")
        pod.database = copy
        result = pod.backup()
        assert result.code == 1
        assert "permission denied for" in result.explained()
        statements = [
            line.strip()
            for line in result.output.splitlines()
            if re.match(" +(GRANT|ALTER ROLE) ", line)
        ]
        assert any("LARGE OBJECT" in each for each in statements)
        assert any("BYPASSRLS" in each for each in statements)
        assert any("SEQUENCE" in each for each in statements)
        assert nothing_visible(pod)

        server.psql(copy, ";".join(statements))
        pod.good_backup()
    finally:
        server.psql(copy, "DROP OWNED BY reader")
        server.psql("postgres", "DROP ROLE reader")


def test_a_dump_that_cannot_be_read_back_is_not_published(pod: Pod) -> None:
    code = f'source {SCRIPTS}/backup/one.sh; eval "real_$(declare -f make_dump)"; ' + (
        'make_dump() { real_make_dump; local f; for f in "$STAGE"/database/*.dat.gz; do'
        ' truncate -s -7 "$f"; done; }; main'
    )
    result = pod.run("backup/one.sh", code=code)
    assert result.code == 1
    assert "the finished dump cannot be read" in result.explained()
    assert nothing_visible(pod)


def test_a_failed_run_never_starts_retention(pod: Pod) -> None:
    good = pod.good_backup()
    old = [clone_backup(good, f"backup-2020010{day}-000000").name for day in range(1, 4)]
    shutil.rmtree(good)
    (pod.secret / "password").write_text("wrong", encoding="utf-8")
    assert pod.backup(RETENTION_DAYS="1", RETENTION_MINIMUM="1").code == 1
    assert pod.names() == old


@pytest.mark.parametrize(
    ("words", "chosen"),
    [
        ("pg_dump: error: this build does not support compression with ZSTD", "gzip:1"),
        ('pg_dump: error: connection to server on socket "/nonexistent" failed', "zstd:1"),
    ],
)
def test_the_best_compression_the_client_can_do_is_chosen(
    pod: Pod, words: str, chosen: str
) -> None:
    code = (
        f"source {SCRIPTS}/backup/one.sh; start_script; CLIENT_MAJOR=17;"
        f"pg_dump() {{ echo '{words}' >&2; return 1; }};"
        "choose_compression; echo $COMPRESSION; compression_option"
    )
    result = pod.run("backup/one.sh", code=code)
    assert result.output == f"{chosen}\n--compress={chosen}"


@pytest.mark.parametrize("compression", ["zstd:1", "lz4:1"])
def test_a_compression_the_client_cannot_do_is_named(pod: Pod, compression: str) -> None:
    result = pod.backup(BACKUP_COMPRESSION=compression)
    assert result.code == 1
    assert f"cannot do {compression}" in result.explained()
    assert "compression auto" in result.explained()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BACKUP_FORMAT", "tar"),
        ("BACKUP_COMPRESSION", "gzip:10"),
        ("BACKUP_COMPRESSION", "fast"),
        ("BACKUP_JOBS", "0"),
        ("BACKUP_JOBS", "two"),
        ("RETENTION_DAYS", "0"),
        ("RETENTION_MINIMUM", "0"),
        ("RETENTION_MINIMUM", "-1"),
        ("DATABASE_NAME", ""),
        ("NAMESPACE", ""),
    ],
)
def test_a_bad_parameter_is_refused_by_name(pod: Pod, name: str, value: str) -> None:
    result = pod.backup(**{name: value})
    assert result.code == 2
    assert value in result.explained()
    assert nothing_visible(pod)


@pytest.mark.parametrize(
    ("client", "server_number", "verdict"),
    [
        ("15.18 (Debian 15.18-0+deb12u1)", 160004, "PostgreSQL 16"),
        ("17.11", 150018, "transaction_timeout"),
        ("16.15", 150018, "is newer than server"),
        ("15.18", 150018, "fixed in 15.19"),
        ("18beta1", 180000, ""),
        ("17.11 (Debian 17.11-1.pgdg12+1)", 170011, ""),
    ],
)
def test_versions_that_do_not_fit_are_named(
    pod: Pod, client: str, server_number: int, verdict: str
) -> None:
    code = (
        f"source {SCRIPTS}/backup/one.sh; pg_dump() {{ echo 'pg_dump (PostgreSQL) {client}'; }};"
        f"start_script; SERVER_NUMBER={server_number};"
        f"SERVER_VERSION={server_number // 10000}.{server_number % 100};"
        "read_client_version; check_versions; echo fine"
    )
    result = pod.run("backup/one.sh", code=code)
    assert verdict in result.output
    assert (result.output == "fine\n") == (verdict == "")

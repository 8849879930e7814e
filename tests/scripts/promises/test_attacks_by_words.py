"""No word from a server, from the volume or from the environment becomes a number, a row or a file.

bash runs the command in `a[$(command)]` wherever it reckons with that word. So each of these words
is put wherever one from outside arrives, and then nothing may have run, nothing may hang, and what
is not concerned goes on.
"""

from __future__ import annotations

import hashlib
import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.scripts.harness import PASSWORD, Pod, Server, drop_databases

DATABASE = "worded"
COMMAND = "PATH[$(touch${IFS}FILE)]"
HOSTILE = (
    COMMAND,
    f"0{COMMAND}",
    f"1+{COMMAND}",
    f"{COMMAND}+1",
    "x=1",
    "1\t2",
    "",
    "-",
    "--",
    "-1",
    "+1",
    "010",
    "08",
    "0x10",
    "1e3",
    "16#ff",
    "36#zz",
    "9" * 19,
    "9" * 400,
    "1.5",
    "1 2",
    "*",
    "@",
    "]",
    "[0]",
    "$(id)",
    "`id`",
    "${HOME}",
    "%s%n",
    "\\x41",
    "\x1b[2K",
    "\u202e",
    "\r✓ verified",
    "true",
    "null",
    "١",  # noqa: RUF001 - a digit, but not one of ours
)


@pytest.fixture
def worded(server: Server) -> Iterator[Server]:
    """A database of mallory's, no superuser."""
    server.psql("postgres", f"CREATE ROLE mallory LOGIN PASSWORD $p${PASSWORD}$p$")
    try:
        server.psql("postgres", f"CREATE DATABASE {DATABASE} OWNER mallory")
        server.psql(DATABASE, "CREATE TABLE t AS SELECT 1 AS a", user="mallory")
        yield server
    finally:
        drop_databases(server, DATABASE)
        server.psql("postgres", "DROP ROLE mallory")


@pytest.fixture
def worded_pod(pod: Pod, worded: Server) -> Pod:  # noqa: ARG001 - it has to be there
    """The pod whose Secret holds a superuser."""
    pod.database = DATABASE
    return pod


def ran(pod: Pod) -> Path:
    """What a command that was executed leaves."""
    return pod.root / "tmp" / "ran"


@pytest.mark.parametrize("run", ["list-aside", "drop-aside", "drop-old", "undo", "backup", "trial"])
def test_a_comment_on_a_kept_database_is_no_number(
    worded_pod: Pod, worded: Server, run: str
) -> None:
    backup = worded_pod.good_backup()
    word = COMMAND.replace("FILE", str(ran(worded_pod)))
    kept = f"{DATABASE}_before_20260101_000000"
    worded.psql("postgres", f"CREATE DATABASE {kept} OWNER mallory")
    for comment in (
        f"pgkeep kept: x\t2026\t{word}\t- 20251125_223420 {DATABASE}",
        f"pgkeep kept: x\\t2026\\t{word}\\t- 20251125_223420 {DATABASE}",
        f"pgkeep kept: undo 20251125_223420 {DATABASE}\t{word}",
        f"pgkeep kept: {word} 20251125_223420 {DATABASE}",
        f"pgkeep kept: undo {word} {DATABASE}",
        f"pgkeep kept: undo 20251125_223420 {DATABASE}\n{word}\t{word}\t{word}",
        f"pgkeep restore in progress: {word} {DATABASE}",
        word,
    ):
        worded.psql("postgres", f"COMMENT ON DATABASE {kept} IS $c${comment}$c$", user="mallory")
        if run == "backup":
            worded_pod.backup(RESTORE_KEEP_DAYS="14")
        elif run == "trial":
            worded_pod.restore(backup.name, RESTORE_DRY_RUN="true")
        else:
            worded_pod.run(
                "restore/main.sh",
                RESTORE_ACTION=run,
                RESTORE_DROP="99999",
            )
        assert not ran(worded_pod).exists(), comment


SERVER_WORDS = (
    "pg_database_size(name) RETURNS text",
    "pg_database_size(oid) RETURNS text",
    "current_setting(text) RETURNS text",
    "clock_timestamp() RETURNS text",
    "floor(numeric) RETURNS text",
    "floor(double precision) RETURNS text",
)


@pytest.mark.parametrize("function", SERVER_WORDS)
def test_a_function_that_stands_in_for_one_of_the_server_gives_no_shell(
    worded_pod: Pod, worded: Server, function: str
) -> None:
    """A superuser of the server may put any into pg_catalog: he shall not have the backups too."""
    backup = worded_pod.good_backup()
    word = COMMAND.replace("FILE", str(ran(worded_pod)))
    name = function.split("(", 1)[0]
    arguments = function.split("(", 1)[1].split(")", 1)[0]
    for database in (DATABASE, "postgres"):
        worded.psql(
            database,
            f"SET allow_system_table_mods = on; ALTER FUNCTION pg_catalog.{name}({arguments})"
            f" RENAME TO real_{name}; CREATE FUNCTION pg_catalog.{function} LANGUAGE sql"
            f" AS $f$ SELECT $w${word}$w$::text $f$",
        )
    try:
        for result in (
            worded_pod.backup(RESTORE_KEEP_DAYS="14"),
            worded_pod.restore(backup.name, RESTORE_DRY_RUN="true"),
            worded_pod.run("restore/main.sh", RESTORE_ACTION="undo"),
            worded_pod.run("restore/main.sh", RESTORE_ACTION="drop-aside", RESTORE_DROP="9"),
        ):
            assert not ran(worded_pod).exists(), result.output
            if result.code:
                result.explained()
    finally:
        for database in (DATABASE, "postgres"):
            worded.psql(
                database,
                f"SET allow_system_table_mods = on; DROP FUNCTION pg_catalog.{name}({arguments});"
                f" ALTER FUNCTION pg_catalog.real_{name}({arguments}) RENAME TO {name}",
            )


KEYS = (
    "schema_version",
    "name",
    "database",
    "created",
    "duration_seconds",
    "format",
    "compression",
    "server_version",
    "client_version",
    "tables",
    "rows",
    "large_objects",
    "database_bytes",
    "backup_bytes",
    "owners",
    "table_hashes",
)


def with_value(summary: str, key: str, value: str) -> str:
    """The summary with another value behind one key."""
    lines = [
        f"{key}={value}" if line.startswith(f"{key}=") else line for line in summary.splitlines()
    ]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("key", KEYS)
def test_a_summary_is_believed_only_where_it_has_its_form(worded_pod: Pod, key: str) -> None:
    good = worded_pod.good_backup()
    bad = worded_pod.good_backup()
    file = bad / "summary"
    text = file.read_text(encoding="utf-8")
    for number, hostile in enumerate(HOSTILE):
        value = hostile.replace("FILE", str(ran(worded_pod)))
        file.write_text(with_value(text, key, value), encoding="utf-8")
        table = worded_pod.console("list", output="tsv")
        results = [table]
        # What people read, and what decides, with some of them.
        if number % 7 == 0:
            results += [
                worded_pod.console("list"),
                worded_pod.console("show", bad.name),
                worded_pod.console("prune"),
            ]
        for result in results:
            assert not ran(worded_pod).exists(), (value, result.output)
            assert result.code == 0, (value, result.output)
            assert "\x1b" not in result.output, value
        listed = table.output.splitlines()
        rows = [line.split("\t") for line in listed if line.startswith("backup-")]
        assert {row[0] for row in rows} == {good.name, bad.name}, value
        assert {len(row) for row in rows} == {len(listed[1].split("\t"))}, value
        assert dict((row[0], row[1]) for row in rows)[good.name] == "verified", value
    file.write_text(with_value(text, key, COMMAND.replace("FILE", str(ran(worded_pod)))))
    result = worded_pod.backup()
    assert result.code == 0, result.output
    assert not ran(worded_pod).exists()


def test_random_summaries_and_marks_run_nothing_and_stop_no_list(worded_pod: Pod) -> None:
    """Ten thousand values, many to a summary; the seed is printed when it fails."""
    good = worded_pod.good_backup()
    bad = worded_pod.good_backup()
    text = (bad / "summary").read_text(encoding="utf-8")
    seed = int(os.environ.get("PGKEEP_FUZZ_SEED", random.SystemRandom().randrange(10**9)))
    chance = random.Random(seed)  # noqa: S311 - no secret
    alphabet = "0189-+.=[]()$`'\"\\{}*@#%&|;<>! \t\x1b\x07aZ\u00e9\u202e"
    for _ in range(10_000 // len(KEYS) // 25):
        changed, value = text, ""
        for key in KEYS:
            for _ in range(25):
                value = "".join(chance.choices(alphabet, k=chance.randrange(0, 30)))
                value += chance.choice(HOSTILE).replace("FILE", str(ran(worded_pod)))
                changed += f"{key}={value}\n" if chance.random() < 0.5 else f"{value}={key}\n"
            changed = with_value(changed, key, value)
        (bad / "summary").write_text(changed, encoding="utf-8")
        for kind in ("damaged", "suspicious", "pinned", "safety", "proven"):
            mark = worded_pod.volume / ".records" / kind / bad.name
            mark.parent.mkdir(exist_ok=True)
            mark.write_text("".join(chance.choices(alphabet, k=80)), encoding="utf-8")
        for command, output in (
            ("list", "text"),
            ("list", "tsv"),
            ("show", "tsv"),
            ("prune", "tsv"),
        ):
            result = worded_pod.console(command, bad.name, output)
            assert result.code == 0, (seed, result.output)
            assert not ran(worded_pod).exists(), seed
            assert "\x1b" not in result.output, seed
            assert good.name in result.output or command == "show", seed


@pytest.mark.parametrize(
    "name",
    [
        "restore-running.json",
        "suspicious/NAME",
        "damaged/NAME",
        "pinned/NAME",
        "runs.jsonl",
        "restores.jsonl",
        "verifications.jsonl",
        "space",
        "metrics.prom.new",
        "../.staging/.probe",
        "../.lock",
    ],
)
@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_what_lies_in_the_place_of_a_record_gives_nothing_away_and_stops_nothing(
    worded_pod: Pod, name: str, kind: str
) -> None:
    backup = worded_pod.good_backup()
    path = worded_pod.volume / ".records" / name.replace("NAME", backup.name)
    path.parent.mkdir(exist_ok=True)

    def put() -> None:
        path.unlink(missing_ok=True)
        if kind == "link":
            path.symlink_to(worded_pod.secret / "password")
        else:
            os.mkfifo(path, 0o666)

    for run in (
        lambda: worded_pod.backup(),
        lambda: worded_pod.restore(backup.name, RESTORE_DRY_RUN="true"),
        lambda: worded_pod.console("list"),
        lambda: worded_pod.console("list", output="tsv"),
        lambda: worded_pod.console("show", backup.name),
        lambda: worded_pod.console("verify", backup.name),
    ):
        put()
        result = run()
        assert PASSWORD not in result.output
        if result.code:
            result.explained()
        for file in worded_pod.volume.rglob("*"):
            if file.is_file() and not file.is_symlink():
                assert PASSWORD.encode() not in file.read_bytes(), file
    path.unlink(missing_ok=True)


def test_a_staging_folder_that_is_a_link_is_not_swept(worded_pod: Pod) -> None:
    backup = worded_pod.good_backup()
    staging = worded_pod.volume / ".staging"
    staging.rmdir()
    staging.symlink_to(".")
    result = worded_pod.backup()
    assert result.code == 1
    assert "is a link" in result.explained()
    assert backup.is_dir()


def test_the_statements_in_a_backup_are_for_people(worded_pod: Pod, worded: Server) -> None:
    """Where the live database is gone its settings come from the manifest, never from a file."""
    worded.psql(
        "postgres",
        f"ALTER DATABASE {DATABASE} SET work_mem = '5MB'; ALTER ROLE mallory IN DATABASE {DATABASE}"
        f' SET search_path = a, "b c"; REVOKE CONNECT ON DATABASE {DATABASE} FROM PUBLIC;'
        f" COMMENT ON DATABASE {DATABASE} IS E'it''s\\nmine'",
    )
    asked = f"""SELECT (SELECT string_agg(setrole || setconfig::text, ';' ORDER BY setrole)
               FROM pg_db_role_setting WHERE setdatabase = d.oid),
             datacl::text, datconnlimit, shobj_description(oid, 'pg_database')
        FROM pg_database d WHERE datname = '{DATABASE}'"""
    before = worded.psql("postgres", asked)
    backup = worded_pod.good_backup()
    statements = backup / "database.sql"
    assert "work_mem" in statements.read_text(encoding="utf-8")
    statements.write_text(f"\\! touch {ran(worded_pod)}\nCREATE ROLE evil SUPERUSER;\n")
    lines = (backup / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
    digest = hashlib.sha256(statements.read_bytes()).hexdigest()
    (backup / "SHA256SUMS").write_text(
        "".join(
            f"{digest}  database.sql\n" if line.endswith("  database.sql") else line + "\n"
            for line in lines
        )
    )
    worded.psql("postgres", f"DROP DATABASE {DATABASE}")

    result = worded_pod.restore(backup.name)

    assert result.code == 0, result.output
    assert not ran(worded_pod).exists()
    assert worded.psql("postgres", "SELECT count(*) FROM pg_roles WHERE rolname = 'evil'") == "0"
    assert worded.psql("postgres", asked) == before

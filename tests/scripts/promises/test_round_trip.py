"""A backup, and a restore of it: everything comes back, in both formats, with either userland."""

from __future__ import annotations

import json
import shutil
import stat
import subprocess
import threading

import pytest

from tests.scripts.harness import (
    BINARIES,
    PASSWORD,
    SCRIPTS,
    SYSTEM_PATH,
    Pod,
    Server,
    drop_databases,
    fingerprint,
)

# What busybox brings on Alpine and the scripts may use; anything else they call must fail here.
APPLETS = [
    *(
        "awk",
        "cat",
        "chmod",
        "cmp",
        "cut",
        "dd",
        "df",
        "dirname",
        "du",
        "env",
        "find",
        "grep",
        "gzip",
    ),
    *("head", "id", "kill", "ls", "mkdir", "mktemp", "mv", "od", "rm", "rmdir", "sed"),
    *("sha256sum", "sh", "sleep", "sort", "stat", "sync", "tail", "tr", "true", "uniq", "wc"),
    "xargs",
]


@pytest.fixture(params=["debian", "busybox"])
def userland(request: pytest.FixtureRequest, pod: Pod) -> str:
    """The pod's tools: Debian's, or busybox and nothing else."""
    if request.param == "busybox":
        busybox = shutil.which("busybox")
        if busybox is None:
            pytest.skip("busybox is not installed (apt-get install busybox)")
        tools = pod.root / "bin"
        tools.mkdir()
        for applet in APPLETS:
            (tools / applet).symlink_to(busybox)
        # Debian's busybox is built without flock; Alpine's has it, with the same options.
        for tool in ("bash", "flock", "setpriv"):
            (tools / tool).symlink_to(shutil.which(tool, path=SYSTEM_PATH) or tool)
        for tool in ("psql", "pg_dump", "pg_dumpall", "pg_restore"):
            (tools / tool).symlink_to(BINARIES / tool)
        pod.path = str(tools)
    return str(request.param)


@pytest.mark.parametrize("format_", ["directory", "plain"])
def test_everything_comes_back(
    pod: Pod, server: Server, copy: str, format_: str, userland: str
) -> None:
    pod.database = copy
    before = fingerprint(server, copy)
    backup = pod.good_backup(BACKUP_FORMAT=format_)
    server.psql(copy, "DELETE FROM orders; DROP TABLE measured; SELECT nextval('tickets')")

    verified = pod.console("verify", backup.name)
    # A plain dump names its owners itself, and here that is a superuser.
    trusted = "true" if format_ == "plain" else "false"
    result = pod.restore(backup.name, RESTORE_ALLOW_SUPERUSER_OBJECTS=trusted)

    assert verified.code == 0, verified.output
    assert result.code == 0, result.output
    assert "not found" not in verified.output + result.output, userland
    assert "every fact equal" in result.output
    assert fingerprint(server, copy) == before


def test_busybox_lists_like_debian(pod: Pod, userland: str) -> None:
    backup = pod.good_backup()
    (row,) = pod.listed()
    assert row["name"] == backup.name, userland
    assert row["rows"] == "4903"


@pytest.mark.parametrize(
    "name",
    ['it\'s "quo\\ted" & | odd', "Größe_数据 UPPER", "postgresql://x?a=b", "n" * 63, "ü" * 31],
    ids=["quotes", "unicode", "url", "long", "long-unicode"],
)
def test_a_database_may_have_any_name(pod: Pod, server: Server, name: str) -> None:
    quoted = name.replace('"', '""')
    pod.database = name
    try:
        server.psql("postgres", f'CREATE DATABASE "{quoted}"')
        server.psql(name, "CREATE TABLE t AS SELECT 7 AS x")
        backup = pod.good_backup()
        server.psql(name, "UPDATE t SET x = 8")
        result = pod.restore(backup.name)
        assert result.code == 0, result.output
        assert server.psql(name, "SELECT x FROM t") == "7"
        kept = [each for each in server.databases() if "_before_" in each]
        assert len(kept) == 1
        assert len(kept[0].encode()) <= 63
    finally:
        drop_databases(server, name[:20])


def test_facts_and_dump_show_one_moment_while_others_write(slow_pod: Pod, server: Server) -> None:
    stop = threading.Event()

    def write() -> None:
        with subprocess.Popen(
            [BINARIES / "psql", "-X", "-q"],
            stdin=subprocess.PIPE,
            text=True,
            env=server.environment("keeper", "big"),
        ) as client:
            assert client.stdin is not None
            while not stop.wait(0.001):
                client.stdin.write("INSERT INTO events DEFAULT VALUES;\n")
                client.stdin.flush()
            client.stdin.close()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        backup = slow_pod.good_backup()
    finally:
        stop.set()
        writer.join()

    facts = json.loads((backup / "manifest.json").read_text(encoding="utf-8"))["facts"]
    (counted,) = [table["rows"] for table in facts["tables"] if table["name"] == "events"]
    text = subprocess.run(
        [BINARIES / "pg_restore", "--data-only", "--table=events", "-f", "-", backup / "database"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    dumped = text.split("FROM stdin;\n", 1)[1].split("\\.\n", 1)[0].count("\n")
    assert counted == dumped
    assert int(server.psql("big", "SELECT count(*) FROM events")) > dumped + 10


def test_a_plain_backup_restores_by_hand_with_zcat_and_psql(
    pod: Pod, server: Server, copy: str
) -> None:
    pod.database = copy
    backup = pod.good_backup(BACKUP_FORMAT="plain")
    before = fingerprint(server, copy)
    server.psql("postgres", f'CREATE DATABASE "{copy}_hand" TEMPLATE template0')
    subprocess.run(
        [
            "bash",
            "-c",
            f"zcat '{backup / backup.name}.sql.gz' | psql -X -q -v ON_ERROR_STOP=1",
        ],
        check=True,
        capture_output=True,
        env=server.environment("keeper", f"{copy}_hand"),
    )
    assert fingerprint(server, f"{copy}_hand") == before


def test_the_manifest_says_what_is_in_the_backup(pod: Pod, server: Server) -> None:
    backup = pod.good_backup()
    manifest = json.loads((backup / "manifest.json").read_text(encoding="utf-8"))
    facts = manifest["facts"]
    assert manifest["schemaVersion"] == 3
    assert manifest["name"] == backup.name
    assert manifest["compression"] == "gzip:1"
    assert facts["database"] | {"bytes": 0} == {
        "name": "source",
        "owner": "keeper",
        "encoding": "UTF8",
        "collate": "C.UTF-8",
        "ctype": "C.UTF-8",
        "localeProvider": "libc",
        "locale": None,
        "icuRules": None,
        "collationVersion": None,
        "bytes": 0,
        "properties": {"comment": None, "connectionLimit": -1, "rights": None, "settings": []},
    }
    assert facts["server"]["systemIdentifier"] == server.psql(
        "postgres", "SELECT system_identifier FROM pg_control_system()"
    )
    assert {each["name"] for each in facts["extensions"]} == {"plpgsql", "hstore"}
    assert facts["roles"] == ["keeper"]
    assert facts["totals"] == {"tables": 5, "rows": 4903, "largeObjectBytes": 15005}
    assert facts["counts"]["largeObjects"] == 2
    assert facts["counts"]["views"] == 1
    assert facts["counts"]["sequences"] == 3
    assert facts["counts"]["functions"] == 1, "functions of extensions do not count"
    odd = [each for each in facts["tables"] if each["schema"] == 'Ödd "schema"']
    table = {"schema": 'Ödd "schema"', "name": r"tab\tle 表", "kind": "table", "rows": 3}
    assert odd == [table | {"hash": None}]


def test_hashes_are_in_the_format_of_sha256sum(pod: Pod) -> None:
    backup = pod.good_backup()
    done = subprocess.run(
        ["sha256sum", "-c", "SHA256SUMS"], cwd=backup, check=True, capture_output=True
    )
    assert done.stderr == b""
    listed = {
        line[66:] for line in (backup / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
    }
    assert listed == {
        str(path.relative_to(backup))
        for path in backup.rglob("*")
        if path.is_file() and path.name != "SHA256SUMS"
    }


def test_the_group_may_read_and_write_everything(pod: Pod) -> None:
    backup = pod.good_backup()
    for path in (
        backup,
        *backup.rglob("*"),
        pod.volume / ".trash",
        pod.volume / ".staging",
        pod.volume / ".records",
    ):
        mode = stat.S_IMODE(path.stat().st_mode)
        wanted = 0o770 if path.is_dir() else 0o660
        assert mode & wanted == wanted, f"{path} has mode {mode:o}"
        assert mode & 0o007 == 0, f"{path} is open to everyone"


def test_globals_hold_roles_without_passwords(pod: Pod) -> None:
    text = (pod.good_backup() / "globals.sql").read_text(encoding="utf-8")
    assert "CREATE ROLE keeper" in text
    assert "PASSWORD" not in text


def test_two_backups_in_one_second_get_two_names(pod: Pod) -> None:
    code = f"source {SCRIPTS}/backup/one.sh; mkdir $BACKUP_DIRECTORY/.staging; "
    result = pod.run("backup/one.sh", code=code + "stage; echo $NAME; stage; echo $NAME")
    first, second = result.output.split()
    assert first < second


def test_passwords_appear_nowhere(pod: Pod) -> None:
    backup = pod.good_backup()
    result = pod.restore("none such")
    assert PASSWORD not in result.output
    for path in (*backup.rglob("*"), *(pod.root / "tmp").rglob("*")):
        if path.is_file():
            assert PASSWORD.encode() not in path.read_bytes()
    assert not list((pod.root / "tmp").iterdir()), "temporary files are gone at the end"


def test_a_role_that_is_no_superuser_can_back_up_and_restore_its_database(
    pod: Pod, server: Server
) -> None:
    server.psql(
        "postgres",
        f"CREATE ROLE shop_owner LOGIN CREATEDB PASSWORD $p${PASSWORD}$p$;"
        "ALTER ROLE shop_owner SET statement_timeout = '1ms';"
        "ALTER ROLE shop_owner SET idle_session_timeout = '200ms';"
        "ALTER ROLE shop_owner SET lock_timeout = '1ms'",
    )
    try:
        server.psql("postgres", "CREATE DATABASE shop_db OWNER shop_owner")
        server.psql(
            "shop_db", "SET ROLE shop_owner; CREATE TABLE t AS SELECT generate_series(1, 9) AS x"
        )
        (pod.secret / "username").write_text("shop_owner\n", encoding="utf-8")
        pod.database = "shop_db"
        backup = pod.good_backup()
        server.psql("shop_db", "DROP TABLE t")
        result = pod.restore(backup.name)
        assert result.code == 0, result.output
        assert server.psql("shop_db", "SELECT count(*) FROM t") == "9"
    finally:
        drop_databases(server, "shop_db")
        server.psql("postgres", "DROP ROLE shop_owner")

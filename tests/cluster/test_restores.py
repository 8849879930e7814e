"""What can be restored, and from and into what, as an operator does it on a real cluster.

Most tests share one stack with a history: a first and a second state of the database, each with its
backup, a damaged copy of the newest, and two files as the old shell job has left them. Whatever the
live database is when a test begins, the test damages it first.
"""

from __future__ import annotations

import json
import re
import subprocess
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

import pytest

from cluster import api, paths
from tests.cluster.support import (
    APPLICATION,
    FINGERPRINT,
    PASSWORD,
    ROLE,
    SAMPLE,
    Namespace,
    Server,
    Volume,
    credentials,
    demo_application,
    deploy_stack,
    ready_replicas,
    sample_databases,
    start_application,
    start_server,
    wait_until,
)

FIFTEEN = "postgres:15-bookworm"
MIB = 1024 * 1024
# As the script calls them, in their order.
STEPS = [
    "Chose the backup",
    "Verified the bytes of the backup",
    "Checked the server",
    "Backed up the live database",
    "Chose the role that executes the dump",
    "Created the side database",
    "Restored into the side database",
    "Compared with the manifest",
    "Analyzed",
    "Swapped",
    "Asked the restored database",
]

MORE = """
CREATE TABLE state (name text NOT NULL);
INSERT INTO state VALUES ('first');
CREATE SCHEMA billing;
CREATE TABLE billing.invoices (id integer PRIMARY KEY, amount numeric(8, 2) NOT NULL);
INSERT INTO billing.invoices SELECT n, n * 1.25 FROM generate_series(1, 200) AS n;
"""
SECOND = """
UPDATE state SET name = 'second';
INSERT INTO customers VALUES (1001, 'Kundin № 1001');
INSERT INTO orders (customer) VALUES (1001);
INSERT INTO billing.invoices VALUES (201, 0.01);
"""
DAMAGE = """
DELETE FROM orders;
DELETE FROM customers WHERE id > 10;
DELETE FROM billing.invoices;
UPDATE state SET name = 'damaged';
"""
CONTENT = f"""{FINGERPRINT}
UNION ALL SELECT count(*), sum(hashtextextended(t::text, 0)) FROM billing.invoices AS t
UNION ALL SELECT count(*), sum(hashtextextended(t::text, 0)) FROM state AS t
"""

# A client that connects anew for every question, as fast as it can, and remarks on each answer.
READER = r"""
trap 'exit 0' TERM
export PGUSER PGPASSWORD
PGUSER=$(<"$CREDENTIALS_DIRECTORY/username") PGPASSWORD=$(<"$CREDENTIALS_DIRECTORY/password")
while true; do
  code=0
  answer=$(psql -XqAt -c "$STATEMENT" 2>&1) || code=$?
  printf '%s %s %s\n' "$EPOCHREALTIME" "$code" "${answer//$'\n'/ }"
  [[ $code != 0 ]] || touch /tmp/ready
done
"""
LOOK = "SELECT name, (SELECT count(*) FROM customers), (SELECT count(*) FROM orders) FROM state"


@dataclass(frozen=True, kw_only=True)
class Shop:
    """A stack, its application and the history of its database."""

    where: Namespace
    server: Server
    database: str
    volume: Volume
    first: str
    second: str
    damaged: str
    old_file: str
    cut_file: str
    contents: dict[str, str]

    def restore(self, *arguments: str, check: bool = True) -> str:
        """Run `run-restore` and return its words, however the lines are broken."""
        return words(self.where.pgkeep("run-restore", *arguments, "--yes", check=check))

    def content(self, database: str = "") -> str:
        return self.server.psql(CONTENT, database=database or self.database)

    def damage(self) -> str:
        """Do to the live database what calls for a restore; return what it holds then."""
        self.server.psql(DAMAGE, database=self.database, role=ROLE)
        return self.content()

    def databases(self) -> set[str]:
        """Return the names that begin with the live database's."""
        return names_like(self.server, self.database)

    def application(self) -> tuple[int, set[str]]:
        """Return what any stop would change: the workload's generation, and its pods."""
        pods = self.where.get("pods", selector=f"app={APPLICATION}")["items"]
        generation = self.where.get("deployment", APPLICATION)["metadata"]["generation"]
        return generation, {pod["metadata"]["uid"] for pod in pods}

    def runs(self) -> None:
        """Wait until the application is what it was before a restore."""
        wait_until(lambda: ready_replicas(self.where) == 2, "both replicas to be ready again")

    def safety(self) -> dict[str, Any]:
        """Return the newest safety backup as the list has it."""
        return next(backup for backup in self.where.listed() if "safety" in backup["flags"])

    def record(self) -> dict[str, Any]:
        """Return what the last run has written down on the volume."""
        return json.loads(self.volume.sh("tail -n 1 .records/restores.jsonl"))


def words(ended: subprocess.CompletedProcess[str]) -> str:
    return " ".join((ended.stdout + ended.stderr).split())


def names_like(server: Server, name: str) -> set[str]:
    found = f"SELECT datname FROM pg_database WHERE starts_with(datname, '{name}')"
    return set(server.psql(found).splitlines())


def moment(backup: str) -> datetime:
    return datetime.strptime(backup, "backup-%Y%m%d-%H%M%S").replace(tzinfo=UTC)


def left_roles(server: Server) -> str:
    return server.psql("SELECT rolname FROM pg_roles WHERE starts_with(rolname, 'pgkeep_restore')")


@pytest.fixture(scope="module")
def shop(make_namespace: Callable[[str], Namespace], server: Server) -> Iterator[Shop]:
    """The stack and its history; the application runs."""
    where, database = make_namespace("shop"), f"shop_{uuid.uuid4().hex[:6]}"
    with sample_databases(server, database):
        server.psql(MORE, database=database, role=ROLE)
        stack = deploy_stack(
            where,
            databaseHost=server.host,
            databaseName=database,
            applications=f'["deployment/{APPLICATION}"]',
            smokeQuery="SELECT 1 FROM orders LIMIT 1",
        )
        start_application(where, server.host, database)
        contents = {"first": server.psql(CONTENT, database=database)}
        where.pgkeep("run-backup")
        server.psql(SECOND, database=database, role=ROLE)
        contents["second"] = server.psql(CONTENT, database=database)
        where.pgkeep("run-backup")
        volume = Volume.open(stack)
        first, second = sorted(volume.names())
        yield Shop(
            where=where,
            server=server,
            database=database,
            volume=volume,
            first=first,
            second=second,
            damaged=add_damaged(volume, second),
            old_file=add_old_file(server, volume, database, "backup-20250101-020000"),
            cut_file=add_old_file(
                server, volume, database, "backup-20250102-020000", through="head -n -30"
            ),
            contents=contents,
        )


# A backup of another name, as good as the first; then a byte that nobody knows of.
DAMAGED_COPY = """
cp -a "$1" "$2"
cd "$2"
sed -i "s/$1/$2/" manifest.json summary
find . -type f ! -name SHA256SUMS -printf '%P\\n' | xargs sha256sum >SHA256SUMS
printf x >>"$(ls -S database/*.dat* | head -n 1)"
"""


def add_damaged(volume: Volume, original: str) -> str:
    """Add a backup of a second later whose damage has been found."""
    name = (moment(original) + timedelta(seconds=1)).strftime("backup-%Y%m%d-%H%M%S")
    volume.sh(DAMAGED_COPY, original, name)
    found = volume.namespace.pgkeep("verify", name, check=False)
    assert found.returncode == 1
    return name


def add_old_file(
    server: Server, volume: Volume, database: str, name: str, *, through: str = "cat"
) -> str:
    """Write a backup as the old job did, with the dump led through a filter."""
    file = f"{name}.sql.gz"
    dump = f"pg_dump --username={ROLE} {database} | {through} | gzip | base64"
    text = server.namespace.kubectl("exec", "statefulset/postgres", "--", "bash", "-c", dump)
    volume.namespace.kubectl(*volume.command(f"base64 -d >{file}"), stdin=text)
    return file


# --- a client, a restore, and back again ---


@pytest.fixture
def reader(shop: Shop) -> Callable[[], list[tuple[float, str]]]:
    """Start a client that asks all the time; returns what answers it has had, and when."""
    deployment = demo_application(PGHOST=shop.server.host, PGDATABASE=shop.database, STATEMENT=LOOK)
    deployment["metadata"]["name"] = "reader"
    deployment["spec"]["replicas"] = 1
    deployment["spec"]["selector"]["matchLabels"] = {"app": "reader"}
    deployment["spec"]["template"]["metadata"]["labels"] = {"app": "reader"}
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    container["command"] = ["bash", "-c", READER]
    shop.where.apply(deployment)
    shop.where.kubectl("rollout", "status", "deployment/reader", "--timeout=2m")

    def answers() -> list[tuple[float, str]]:
        """Return each answer; a connection that was refused or ended is an empty one."""
        found: list[tuple[float, str]] = []
        for line in shop.where.kubectl("logs", "deployment/reader", "--tail=-1").splitlines():
            time, code, answer = line.split(" ", maxsplit=2)
            # psql ends with 2 where there is no connection (any more), with 1 where the
            # database that it is connected to lacks what the statement asks for.
            assert code in ("0", "2"), answer
            found.append((float(time), answer if code == "0" else ""))
        return found

    return answers


def test_a_client_sees_the_old_or_the_new_state_whole_and_each_step_can_be_undone(
    shop: Shop, reader: Callable[[], list[tuple[float, str]]]
) -> None:
    where = shop.where
    damaged = shop.damage()
    wait_until(lambda: reader()[-1][1] == "damaged|10|0", "the client to see the damage")
    begun = len(reader())

    said = shop.restore("latest")
    assert f"Restored {shop.second}." in said
    assert f"newer, but {shop.damaged}: damaged" in said
    assert "the setting databaseVolumeName names no claim. On a full disk the restore fails" in said
    assert shop.content() == shop.contents["second"]
    shop.runs()
    record = shop.record()
    assert (record["result"], record["backup"], record["swapped"]) == ("ok", shop.second, True)
    assert [step["step"] for step in record["steps"]] == STEPS
    assert 0 < sum(step["seconds"] for step in record["steps"]) <= record["seconds"]

    # What was live has been kept twice: beside the new one, and as a backup of its own.
    assert shop.content(record["kept"]) == damaged
    safety = shop.safety()
    assert safety["name"] == record["safetyBackup"]
    assert safety["status"] == "verified"
    assert set(safety["flags"]) >= {"safety", "pinned"}
    assert safety["rows"] == 11  # ten customers and the name of the state

    # That backup brings the state back by its name. The smoke query finds no order in it.
    failed = where.pgkeep("run-restore", safety["name"], "--yes", check=False)
    assert failed.returncode == 1
    assert "answers the smoke query (smokeQuery) with no row" in words(failed)
    assert "to go back to the old one: pgkeep undo-restore" in words(failed)
    assert shop.content() == damaged
    shop.runs()
    record = shop.record()
    assert (record["result"], record["reason"], record["swapped"]) == ("failed", "smoke", True)

    where.pgkeep("undo-restore", "--yes")
    assert shop.content() == shop.contents["second"]
    shop.runs()

    # Three swaps, and between them the client had whole answers or none.
    old, new = "damaged|10|0", "second|1001|5001"
    wait_until(lambda: reader()[-1][1] == new, "the client to see the last of them")
    answers = reader()[begun:]
    whole = [(time, answer) for time, answer in answers if answer]
    assert [answer for answer, _ in groupby(answer for _, answer in whole)] == [old, new, old, new]
    gaps = [after[0] - before[0] for before, after in pairwise(whole) if before[1] != after[1]]
    print(f"{len(whole)} answers, {len(answers) - len(whole)} refused; gaps of {gaps} s")
    where.kubectl("delete", "deployment", "reader")

    # What is put aside goes when somebody says so, and not before.
    aside = shop.databases() - {shop.database}
    assert len(aside) == 2
    listed = words(where.pgkeep("drop-aside"))
    assert all(name in listed for name in aside)
    refused = where.pgkeep("drop-aside", "--all", stdin="no\n", check=False)
    assert refused.returncode == 3
    assert shop.databases() == {shop.database} | aside
    dropped = words(where.pgkeep("drop-aside", "--all", "--yes"))
    assert all(f"dropped {name}" in dropped for name in aside)
    assert shop.databases() == {shop.database}
    assert shop.content() == shop.contents["second"]


# --- what else can be restored ---


def test_a_moment_is_restored_with_what_is_lost_said_before(shop: Shop) -> None:
    shop.damage()
    asked = moment(shop.second) - timedelta(seconds=1)

    said = shop.restore("--at", f"{asked:%Y-%m-%dT%H:%M:%SZ}")
    assert f"Asked for {asked:%Y-%m-%d %H:%M:%S} UTC" in said
    assert f"Lost everything written since {moment(shop.first):%Y-%m-%d %H:%M:%S} UTC" in said
    assert f"Restored {shop.first}." in said
    assert shop.content() == shop.contents["first"]
    shop.runs()


def test_a_dry_run_answers_with_the_time_it_took_and_leaves_nothing(
    shop: Shop, superuser: str
) -> None:
    live, application = shop.damage(), shop.application()
    databases, backups = shop.databases(), len(shop.where.listed())

    # As a superuser, so that there is a role which could be left, too.
    said = shop.restore("latest", "--dry-run", "--secret", superuser)
    assert "every fact equal" in said
    assert re.search(r'"pgkeep_restore_\w+", made for this run', said)
    assert re.search(r"duration [\d.]+ s without a safety backup", said)
    assert f"{shop.second} can be restored. Nothing live was changed." in said
    assert left_roles(shop.server) == ""
    assert shop.databases() == databases
    assert len(shop.where.listed()) == backups
    assert shop.content() == live
    assert shop.application() == application
    assert shop.record()["dryRun"] is True


def test_a_name_is_restored_beside_the_live_database_and_nobody_is_stopped(shop: Shop) -> None:
    live, application = shop.damage(), shop.application()
    beside = f"{shop.database}_look"

    said = shop.restore(shop.first, "--into", beside)
    assert f"Restored {shop.first} as database {beside}." in said
    assert shop.content(beside) == shop.contents["first"]
    assert shop.content() == live
    assert shop.application() == application


def test_tables_and_schemas_arrive_beside_the_live_ones(shop: Shop) -> None:
    live, application = shop.damage(), shop.application()
    tables = (
        "SELECT oid, relfilenode, relname FROM pg_class "
        "WHERE relnamespace IN ('public'::regnamespace, 'billing'::regnamespace) ORDER BY oid"
    )
    before = shop.server.psql(tables, database=shop.database)

    said = shop.restore("latest", "--table", "public.orders", "--schema", "billing")
    found = re.search(r"in schemas that end in (_restored_\w+)", said)
    assert found is not None
    restored = CONTENT.replace("FROM orders", f"FROM public{found[1]}.orders")
    restored = restored.replace("billing.", f"billing{found[1]}.")
    of_orders, of_invoices = (
        [rows.splitlines()[n] for n in (1, 3)]
        for rows in (shop.contents["second"], shop.server.psql(restored, database=shop.database))
    )
    assert of_orders == of_invoices
    assert shop.content() == live
    assert shop.server.psql(tables, database=shop.database) == before
    assert shop.application() == application


def test_a_file_of_the_old_job_is_restored_and_one_cut_short_is_not(shop: Shop) -> None:
    live, databases = shop.damage(), shop.databases()

    # Its gzip is whole; what broke off is the dump.
    refused = shop.restore(shop.cut_file, "--into", f"{shop.database}_cut", check=False)
    assert f"ERROR: {shop.cut_file} cannot be read" in refused
    assert shop.databases() == databases
    assert shop.content() == live

    said = shop.restore(shop.old_file)
    assert "unverified" in said
    assert f"Restored {shop.old_file}." in said
    assert shop.content() == shop.contents["second"]
    assert shop.content(shop.record()["kept"]) == live
    shop.runs()


def test_a_damaged_backup_is_refused_by_its_name_with_the_reason(shop: Shop) -> None:
    live, application = shop.damage(), shop.application()
    refused = shop.restore(shop.damaged, check=False)
    assert f"{shop.damaged} is damaged and will not be restored. Nothing was changed." in refused
    assert "changed: database/" in refused
    assert shop.content() == live
    assert shop.application() == application


# --- versions, servers, roles ---


@pytest.fixture
def superuser(shop: Shop) -> Iterator[str]:
    """The name of a Secret whose user is a superuser of the shared server."""
    role = f"boss_{uuid.uuid4().hex[:6]}"
    shop.server.psql(f"CREATE ROLE {role} LOGIN SUPERUSER PASSWORD '{PASSWORD}'")
    shop.where.apply(secret("boss", role))
    yield "boss"
    shop.server.psql(f"DROP ROLE {role}")


def secret(name: str, role: str) -> dict[str, Any]:
    """Return the Secret of another user than the stack's."""
    keys = {"username": role, "password": PASSWORD}
    return {**credentials(), "metadata": {"name": name}, "stringData": keys}


@pytest.fixture(scope="module")
def fifteen(make_namespace: Callable[[str], Namespace]) -> Server:
    """A server of PostgreSQL 15."""
    return start_server(make_namespace("fifteen"), image=f"docker.io/library/{FIFTEEN}")


def test_a_backup_of_15_without_owners_comes_back_equal_on_15_and_on_a_server_of_17(
    namespace: Namespace, fifteen: Server, server: Server
) -> None:
    database = f"plain_{uuid.uuid4().hex[:6]}"
    mover = f"mover_{uuid.uuid4().hex[:6]}"
    deploy = partial(
        deploy_stack,
        namespace,
        databaseHost=fifteen.host,
        databaseName=database,
        owners="false",
    )
    with sample_databases(fifteen, database):
        fifteen.psql(
            f"""
            CREATE ROLE clerk;
            CREATE TABLE notes (note text);
            INSERT INTO notes VALUES ('kept');
            ALTER TABLE notes OWNER TO clerk;
            GRANT SELECT ON notes TO {ROLE};
            """,
            database=database,
        )
        before = fifteen.psql(FINGERPRINT, database=database)
        stack = deploy(image=FIFTEEN, tableHashes="true")
        namespace.pgkeep("run-backup")
        manifest = json.loads(Volume.open(stack).sh("cat backup-*/manifest.json"))
        assert manifest["schemaVersion"] == 3
        assert (manifest["owners"], manifest["tableHashes"]) == (False, True)
        assert manifest["facts"]["server"]["version"].startswith("15.")
        hashes = {
            table["name"]: table["hash"]
            for table in manifest["facts"]["tables"]
            if table["kind"] == "table"
        }
        assert hashes.keys() == {"customers", "notes", "orders"}
        assert {len(each or "") for each in hashes.values()} == {64}
        assert len(manifest["facts"]["largeObjectHash"]) == 64

        # Where its roles are gone.
        fifteen.psql("DROP TABLE notes, orders CASCADE; DROP ROLE clerk", database=database)
        restored = namespace.pgkeep("run-restore", "latest", "--yes").stdout
        assert "3 tables, 6001 rows, every fact equal" in restored
        assert fifteen.psql(FINGERPRINT, database=database) == before
        owner = "SELECT note, tableowner FROM notes, pg_tables WHERE tablename = 'notes'"
        assert fifteen.psql(owner, database=database) == f"kept|{ROLE}"

        # The move to a new server: its client, and a user of its own there.
        deploy()
        server.psql(f"CREATE ROLE {mover} LOGIN CREATEDB PASSWORD '{PASSWORD}'")
        try:
            namespace.apply(secret("new-server", mover))
            newer = ["--host", server.host, "--secret", "new-server"]
            moved = words(namespace.pgkeep("run-restore", "latest", *newer, "--yes"))
            assert "ANOTHER SERVER than the stack's" in moved
            assert "3 tables, 6001 rows, every fact equal" in moved
            assert server.psql(FINGERPRINT, database=database) == before
            assert server.psql(owner, database=database) == f"kept|{mover}"
        finally:
            server.psql(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")
            server.psql(f"DROP ROLE {mover}")
        assert fifteen.psql(FINGERPRINT, database=database) == before


ATTACK = r"""
CREATE FUNCTION attempt() RETURNS void LANGUAGE plpgsql AS $$ BEGIN
  BEGIN EXECUTE 'ALTER ROLE owner SUPERUSER'; EXCEPTION WHEN OTHERS THEN NULL; END;
  BEGIN
    RESET SESSION AUTHORIZATION; ALTER ROLE owner SUPERUSER;
  EXCEPTION WHEN OTHERS THEN NULL; END;
  BEGIN COPY (SELECT 1) TO PROGRAM 'touch /tmp/pwned'; EXCEPTION WHEN OTHERS THEN NULL; END;
END $$;
CREATE FUNCTION strike(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN
  RAISE LOG 'struck by %', session_user;
  PERFORM public.attempt();
  RETURN $1;
END $$;
CREATE TABLE checks (a text CHECK (strike(a) <> ''));
INSERT INTO checks VALUES ('struck');
CREATE INDEX ON checks (strike(a));
"""


def test_one_of_several_is_restored_by_a_superuser_and_its_code_gains_nothing(
    fifteen: Server,
) -> None:
    where, prefix = fifteen.namespace, f"several_{uuid.uuid4().hex[:6]}"
    attacked, other = f"{prefix}_attacked", f"{prefix}_other"
    with sample_databases(fifteen, attacked, other):
        fifteen.psql(ATTACK, database=attacked, role=ROLE)
        before = fifteen.psql(FINGERPRINT, database=attacked)
        fifteen.psql(f"CREATE ROLE boss LOGIN SUPERUSER PASSWORD '{PASSWORD}'")
        where.apply(secret("boss", "boss"))
        deploy_stack(
            where,
            databaseHost=fifteen.host,
            databaseName="",
            databases=json.dumps([attacked, other]),
            image=FIFTEEN,
            databaseVolumeName="data-postgres-0",
        )
        where.pgkeep("run-backup")
        fifteen.psql("DROP TABLE orders CASCADE", database=attacked, role=ROLE)
        fifteen.psql("DROP TABLE orders CASCADE", database=other, role=ROLE)
        after = fifteen.psql("SELECT count(*) FROM customers", database=other)

        chosen = ["latest", "--database", attacked, "--secret", "boss"]
        said = words(where.pgkeep("run-restore", *chosen, "--yes"))
        # A directory of the node, as this cluster's volumes are, has no figures of its own.
        assert "what is free there is not known: the kubelet of pgkeep has no figures" in said
        assert "every fact equal" in said
        assert fifteen.psql(FINGERPRINT, database=attacked) == before
        left = "SELECT count(*) FROM pg_class WHERE relname = 'orders'"
        assert fifteen.psql(left, database=other) == "0", "the other is as it was left"
        assert fifteen.psql("SELECT count(*) FROM customers", database=other) == after

        rights = "SELECT rolname FROM pg_roles WHERE rolsuper ORDER BY rolname"
        assert fifteen.psql(rights).split() == ["boss", "postgres"]
        assert left_roles(fifteen) == ""
        where.kubectl("exec", "statefulset/postgres", "--", "test", "!", "-e", "/tmp/pwned")
        log = where.kubectl("logs", "statefulset/postgres", "--tail=-1")
        assert "struck by pgkeep_restore_" in log, "the attack did not even begin"
        owners = "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'"
        assert fifteen.psql(owners, database=attacked) == ROLE


# --- no room for a second copy ---

ROOM = 180 * MIB
# Unlogged: the log of writing it would take the room of another copy.
BALLAST = """
CREATE UNLOGGED TABLE ballast AS SELECT repeat('x', 1000) AS filler FROM generate_series(1, 60000)
"""
CLAIM = "data-postgres-0"


@pytest.fixture(scope="module", autouse=True)
def narrow(make_namespace: Callable[[str], Namespace]) -> Iterator[Server]:
    """A server on a small file system of its own, which one database fills by more than a third.

    Made before all tests: the kubelet looks at a volume only every minute or two.
    """
    where = make_namespace("narrow")
    path = paths.volumes_dir() / where.name
    path.mkdir()
    options = f"size={ROOM},uid=999,gid=999,mode=0770"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", path], check=True)
    try:
        where.apply(*small_volume(where, path))
        server = start_server(where)
        server.psql(f"CREATE DATABASE narrow OWNER {ROLE}")
        server.psql(SAMPLE, database="narrow", role=ROLE)
        server.psql(BALLAST, database="narrow", role=ROLE)
        yield server
    finally:
        # The pod keeps what is mounted until it ends; nobody has to wait for that here.
        where.kubectl("delete", "namespace", where.name, "--wait=false")
        where.kubectl("delete", "persistentvolume", where.name, "--wait=false")
        subprocess.run(["umount", "--lazy", path], check=True)
        path.rmdir()


def small_volume(where: Namespace, path: Path) -> list[dict[str, Any]]:
    """Return the server's claim, bound to a folder of the node of which the kubelet has figures."""
    terms = [{"key": "kubernetes.io/hostname", "operator": "In", "values": [api.NODE]}]
    common = {"accessModes": ["ReadWriteOnce"], "storageClassName": ""}
    volume = {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": where.name},
        "spec": {
            **common,
            "capacity": {"storage": str(ROOM)},
            "persistentVolumeReclaimPolicy": "Retain",
            "claimRef": {"namespace": where.name, "name": CLAIM},
            "local": {"path": str(path)},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": terms}]}},
        },
    }
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": CLAIM},
        "spec": {
            **common,
            "volumeName": where.name,
            "resources": {"requests": {"storage": str(ROOM)}},
        },
    }
    return [volume, claim]


def figures(where: Namespace) -> dict[str, Any]:
    """Return what the kubelet says of the claim; empty while it has not looked at it."""
    address = f"/api/v1/nodes/{api.NODE}/proxy/stats/summary"
    for pod in json.loads(where.kubectl("get", "--raw", address))["pods"]:
        for volume in pod.get("volume", []):
            if volume.get("pvcRef") == {"name": CLAIM, "namespace": where.name}:
                return volume
    return {}


def test_where_a_second_copy_has_no_room_the_restore_says_so_and_the_live_database_stays(
    narrow: Server,
) -> None:
    where = narrow.namespace
    deploy = partial(deploy_stack, where, databaseHost=narrow.host, databaseName="narrow")
    deploy()
    where.pgkeep("run-backup")
    narrow.psql("DELETE FROM orders", database="narrow", role=ROLE)
    before = narrow.psql(FINGERPRINT, database="narrow")

    # Unknown: what a full disk does is said before, and it does no more.
    failed = where.pgkeep("run-restore", "latest", "--yes", check=False)
    assert failed.returncode == 1
    said = words(failed)
    assert "On a full disk the restore fails, and the live database stays as it is" in said
    assert "No space left on device" in said
    assert "the live database was not touched" in said
    assert narrow.psql(FINGERPRINT, database="narrow") == before
    assert names_like(narrow, "narrow") == {"narrow"}

    # Known: nothing is begun.
    deploy(databaseVolumeName=CLAIM)
    size = int(narrow.psql("SELECT pg_database_size('narrow')"))
    wait_until(
        lambda: figures(where).get("availableBytes", ROOM) < size,
        "the kubelet to have looked at the volume since it is so full",
        seconds=240,
    )
    refused = where.pgkeep("run-restore", "latest", "--yes", check=False)
    assert refused.returncode == 1
    said = words(refused)
    number = r"[\d.]+ MiB"
    assert re.search(
        rf"for {number} more is needed on the server; its volume has {number} free", said
    )
    numbers = rf"the server's disk has {number} free, the restore needs about {number}"
    assert re.search(f"{numbers}; the live database was not touched", said)
    assert narrow.psql(FINGERPRINT, database="narrow") == before
    assert names_like(narrow, "narrow") == {"narrow"}

"""A restore that is hit in its midst loses nothing: neither the database nor the application.

The real tool restores over a live database whose application runs. It is hit where most is at
stake: while the side database is being filled, and in the swap, between its two renames. Both
moments are held open, so chance decides nothing; that any other moment is as good,
tests/scripts/promises/faults/test_restores.py shows.
"""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from pgkeep.restoring.applications import ANNOTATION
from tests.cluster import outages
from tests.cluster.outages import Disk
from tests.cluster.support import (
    APPLICATION,
    FINGERPRINT,
    ROLE,
    SAMPLE,
    Namespace,
    demo_application,
    demo_scripts,
    deploy_stack,
    start_server,
    wait_until,
)

LIVE = "shop"
MEBIBYTE = 2**20

# Whoever fills `guarded` waits as long as there is a role `hold`: a restore stands still there.
GUARDED = """
CREATE FUNCTION held() RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  WHILE EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'hold') LOOP
    PERFORM pg_catalog.pg_sleep(0.02);
  END LOOP;
  RETURN true;
END $$;
CREATE TABLE guarded (id integer CHECK (public.held()), noise text);
INSERT INTO guarded
  SELECT n, (SELECT string_agg(sha512(format('%s %s', n, m)::bytea)::text, '')
               FROM generate_series(1, 80) AS m)
    FROM generate_series(1, 400) AS n;
"""
CHANGE = """
DELETE FROM orders WHERE id % 7 = 0;
INSERT INTO customers SELECT 1 + max(id), 'written after the backup' FROM customers;
"""
# In one statement, hence of one moment; a table that is missing is an error.
LOOK = f"""{FINGERPRINT.strip()}
UNION ALL SELECT count(*), sum(hashtextextended(t::text, 0)) FROM guarded AS t
UNION ALL SELECT count(*), sum(orders) FROM totals
"""
READ = r"""
trap 'exit 0' TERM
export PGUSER=$(<"${CREDENTIALS_DIRECTORY}/username")
export PGPASSWORD=$(<"${CREDENTIALS_DIRECTORY}/password")
while true; do
  code=0
  said=$(psql --no-psqlrc -qAt --command="${STATEMENT}" 2>&1) || code=$?
  printf '%s %s\n' "${code}" "${said//$'\n'/ }"
  sleep 0.1
done
"""
IN_SWAP = """SELECT FROM pg_stat_activity
    WHERE query ~ 'RENAME TO' AND wait_event_type = 'Lock' AND state = 'active'"""
ANSWERED, REFUSED = "0", "2"  # what psql ends with; 2 is a connection refused, or lost


@dataclass
class Scene:
    """A server, a stack, an application and a client, and a backup of an older state."""

    where: Namespace
    data: Disk
    backups: Disk
    outputs: Path
    old: str = ""  # what the live database holds, before a restore
    new: str = ""  # what the backup holds
    database_pid: int = 0
    read_before: int = field(default=0)  # lines of the client that earlier tests have judged

    # --- the server, by its socket: the kubelet, which kubectl exec needs, is away at times ---

    def psql(self, database: str) -> list[str]:
        if not outages.is_alive(self.database_pid):
            self.database_pid = outages.first_process(self.where.get("pod", "postgres-0"))
        return [
            "nsenter", f"--target={self.database_pid}", "--mount", "--net",
            f"--setuid={outages.POSTGRES}", f"--setgid={outages.POSTGRES}",
            "/usr/lib/postgresql/17/bin/psql", "--no-psqlrc", "-qAt", "--set=ON_ERROR_STOP=1",
            "--username=postgres", f"--dbname={database}",
        ]  # fmt: skip

    def ask(self, sql: str, database: str = "postgres") -> str:
        """Run SQL as the server's administrator."""
        done = subprocess.run(
            self.psql(database), input=sql, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def content(self, database: str = LIVE) -> str:
        return self.ask(LOOK, database).replace("\n", " ")

    def aside(self) -> list[str]:
        names = f"SELECT datname FROM pg_database WHERE datname ~ '^{LIVE}_before_' ORDER BY 1"
        return self.ask(names).splitlines()

    def sides(self) -> list[str]:
        names = f"SELECT datname FROM pg_database WHERE datname ~ '^{LIVE}_restore_' ORDER BY 1"
        return self.ask(names).splitlines()

    def temporary_roles(self) -> list[str]:
        return self.ask("SELECT rolname FROM pg_roles WHERE rolname ~ '^pgkeep'").splitlines()

    # --- the cluster ---

    def application(self) -> tuple[int, int, str | None]:
        """Replicas wanted, replicas ready, and those that are noted."""
        found = self.where.get("deployment", APPLICATION)
        noted = found["metadata"].get("annotations", {}).get(ANNOTATION)
        return found["spec"]["replicas"], found["status"].get("readyReplicas", 0), noted

    def running_pod(self) -> dict[str, Any]:
        """The pod of the restore that runs."""

        def running() -> list[dict[str, Any]]:
            pods = self.where.get("pods", selector="app=postgres-restore")["items"]
            return [pod for pod in pods if pod["status"]["phase"] == "Running"]

        (pod,) = wait_until(running, "the restore's pod to be reported")
        return pod

    # --- the client ---

    def read(self) -> list[str]:
        """What the client has seen in this test."""
        return self.where.kubectl("logs", "pod/reader", "--tail=-1").splitlines()[
            self.read_before :
        ]

    def reads_again(self) -> None:
        """Wait until an attempt that began after this moment is answered."""
        seen = len(self.read())
        wait_until(
            lambda: any(line.startswith(ANSWERED) for line in self.read()[seen + 1 :]),
            "the client to be answered",
        )

    def judge_client(self) -> None:
        """All of the old, all of the new, or refused; and the old never again after the new."""
        lines = self.read()
        broken = [line for line in lines if line.partition(" ")[0] not in (ANSWERED, REFUSED)]
        assert not broken, f"the client got in and could not read: {broken}"
        seen = [line.partition(" ")[2] for line in lines if line.startswith(ANSWERED)]
        assert set(seen) <= {self.old, self.new}, "the client has read neither old nor new"
        states = [content == self.new for content in seen]
        assert states == sorted(states), "the client has read the new database, then the old again"


class Restore:
    """A run of the tool that goes on beside the test."""

    def __init__(self, scene: Scene, *words: str) -> None:
        self.file = scene.outputs / str(len(list(scene.outputs.iterdir())))
        command = ["pgkeep", "--namespace", scene.where.name]
        with self.file.open("w") as output:
            self.process = subprocess.Popen(
                [*command, *(words or ("run-restore", "latest", "--yes"))],
                env=scene.where.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def said(self) -> str:
        return self.file.read_text()

    def end(self, code: int | None = None) -> str:
        """Wait for its end and return what it said; `code` is what it has to end with."""
        try:
            ended = self.process.wait(timeout=180)
        except subprocess.TimeoutExpired:
            raise AssertionError("it does not end") from None
        assert code is None or ended == code, f"it ended with {ended}"
        return self.said()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


def at_once(condition: Callable[[], bool], going: Restore) -> None:
    """Wait for a condition, and tell soon that it is there; or that the restore is over."""
    deadline = time.monotonic() + 120
    while not condition():
        assert going.process.poll() is None, "it is over already"
        assert time.monotonic() < deadline, "that has never come"
        time.sleep(0.02)


@contextmanager
def begun(scene: Scene, *words: str) -> Generator[Restore]:
    going = Restore(scene, *words)
    try:
        yield going
    except AssertionError as error:
        raise AssertionError(f"{error}\nthe tool has said:\n{going.said()}") from error
    finally:
        going.kill()


@contextmanager
def filling(scene: Scene) -> Generator[Restore]:
    """A restore that stands still while it fills its side database, until `release`."""
    scene.ask("CREATE ROLE hold")
    try:
        with begun(scene) as going:
            here = f"""SELECT EXISTS (SELECT FROM pg_stat_activity
                WHERE datname ~ '^{LIVE}_restore_' AND wait_event = 'PgSleep')"""
            at_once(lambda: scene.ask(here) == "t", going)
            assert scene.application() == (0, 0, "2")
            yield going
    finally:
        release(scene)


def release(scene: Scene) -> None:
    scene.ask("DROP ROLE IF EXISTS hold")


@dataclass
class Between:
    """A restore that stands still between the two renames of its swap, for a second."""

    scene: Scene
    restore: Restore
    pid: int  # process 1 of its pod
    pod: str
    holder: subprocess.Popen[str]

    def wait_until_given_up(self) -> None:
        """Wait until this attempt has failed, or is done."""
        wait_until(lambda: self.scene.ask(f"SELECT EXISTS ({IN_SWAP})") == "f", "its end")

    def release(self) -> None:
        """Let the swap go on."""
        if self.holder.poll() is None:
            self.holder.communicate()


@contextmanager
def swapping(scene: Scene) -> Generator[Between]:
    """A restore between its two renames: the first is done and not committed yet.

    Should what is to happen take longer than a second, it happens between two attempts.
    """
    with filling(scene) as going:
        pod = scene.running_pod()
        # The swap's next statement is a COMMENT; while there are roles to drop, comments are
        # needed for that.
        holder = subprocess.Popen(scene.psql("postgres"), stdin=subprocess.PIPE, text=True)
        assert holder.stdin is not None
        holder.stdin.write("""
            DO $$ BEGIN
              WHILE EXISTS (SELECT FROM pg_roles WHERE rolname ~ '^(hold$|pgkeep)') LOOP
                PERFORM pg_sleep(0.01);
              END LOOP;
            END $$;
            BEGIN;
            LOCK TABLE pg_shdescription IN SHARE MODE;
        """)
        holder.stdin.flush()
        held = Between(scene, going, outages.first_process(pod), pod["metadata"]["name"], holder)
        try:
            release(scene)
            at_once(lambda: scene.ask(f"SELECT EXISTS ({IN_SWAP})") == "t", going)
            yield held
        finally:
            held.release()


# --- the judgement --------------------------------------------------------------------------------


def judge(scene: Scene, said: str) -> str:
    """Old or new is whole under the name, the tool tells the truth, the application runs again."""
    found = scene.content()
    assert found in (scene.old, scene.new), f"neither old nor new is there:\n{said}"
    blocked = "SELECT datname FROM pg_database WHERE NOT datallowconn AND datname <> 'template0'"
    assert scene.ask(blocked) == ""
    if "the live database was not touched" in said:
        assert found == scene.old, said
    if "the restored database is in place" in said:
        assert found == scene.new, said
    if found == scene.new:
        assert scene.content(scene.aside()[0]) == scene.old
    assert re.search(rf"Started deployment/{APPLICATION}; 2 replicas ready", said), said
    wait_until(lambda: scene.application() == (2, 2, None), "the application to be ready")
    scene.reads_again()
    scene.judge_client()
    return found


def finish(scene: Scene) -> None:
    """Run it again: it succeeds, and nothing is left of those that were killed."""
    with begun(scene) as going:
        said = going.end(0)
    assert judge(scene, said) == scene.new
    assert_clean(scene)


def assert_clean(scene: Scene) -> None:
    assert scene.sides() == []
    assert scene.temporary_roles() == []


# --- where it takes place -------------------------------------------------------------------------


def start_reader(where: Namespace) -> None:
    template = demo_application(PGDATABASE=LIVE, STATEMENT=LOOK)["spec"]["template"]
    (container,) = template["spec"]["containers"]
    container["command"] = ["bash", "-c", READ]
    del container["readinessProbe"]
    metadata = {"name": "reader", "labels": {"app": "reader"}}
    where.apply({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]})
    where.kubectl("wait", "--for=condition=Ready", "pod/reader", "--timeout=2m")


@pytest.fixture(scope="module")
def stage(
    make_namespace: Callable[[str], Namespace], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Scene]:
    """A server on a disk of its own, a stack on another, an application, a client, a backup."""
    where = make_namespace("killed")
    with ExitStack() as stack:
        scene = Scene(
            where,
            stack.enter_context(outages.small_disk(where, "data-postgres-0", "600m")),
            stack.enter_context(outages.small_disk(where, "backup-pvc", "96m")),
            tmp_path_factory.mktemp("outputs"),
        )
        start_server(where)
        scene.ask(f"CREATE DATABASE {LIVE} OWNER {ROLE}")
        scene.ask(f"SET ROLE {ROLE}; {SAMPLE} {GUARDED}", LIVE)
        deploy_stack(
            where,
            databaseHost="postgres",
            databaseName=LIVE,
            applications=f'["deployment/{APPLICATION}"]',
        )
        statement = "SELECT count(*) FROM orders"
        where.apply(demo_scripts(), demo_application(PGDATABASE=LIVE, STATEMENT=statement))
        where.pgkeep("run-backup")
        scene.new = scene.content()
        where.kubectl("rollout", "status", f"deployment/{APPLICATION}", "--timeout=2m")
        start_reader(where)
        yield scene
        # The volumes can be unmounted only when no pod is on them any more.
        where.kubectl("delete", "namespace", where.name, "--timeout=3m")


@pytest.fixture
def scene(stage: Scene) -> Scene:
    """The stage, with a live database that is not as the backup; nothing of other tests is left."""
    release(stage)
    stage.where.kubectl("delete", "jobs", "--selector=app=postgres-restore")
    if stage.application() != (2, 2, None):
        stage.where.pgkeep("resume", check=False)
    for name in stage.aside():
        stage.ask(f"DROP DATABASE {name} WITH (FORCE)")
    stage.ask(f"SET ROLE {ROLE}; {CHANGE}", LIVE)
    stage.ask(f"ALTER ROLE {ROLE} NOSUPERUSER")
    stage.old = stage.content()
    stage.reads_again()
    stage.read_before += len(stage.read()) - 1
    return stage


@pytest.fixture
def by_a_superuser(scene: Scene) -> None:
    """A restore that makes a temporary role, which may not stay either."""
    scene.ask(f"ALTER ROLE {ROLE} SUPERUSER")


# --- the kinds ------------------------------------------------------------------------------------


@pytest.mark.usefixtures("by_a_superuser")
def test_the_pod_is_deleted(scene: Scene) -> None:
    with filling(scene) as going:
        assert len(scene.temporary_roles()) == 1
        pod = scene.running_pod()["metadata"]["name"]
        scene.where.kubectl("delete", "pod", pod, "--force", "--grace-period=0")
        said = going.end(1)
    assert judge(scene, said) == scene.old

    with swapping(scene) as hit:
        scene.where.kubectl("delete", "pod", hit.pod, "--wait=false")
        hit.wait_until_given_up()
        hit.release()
        said = hit.restore.end()
    judge(scene, said)
    finish(scene)


def test_the_kubelet_is_stopped_for_a_while(scene: Scene) -> None:
    # The pod goes on, and ends, and nobody hears of it.
    with filling(scene) as going:
        pid = outages.first_process(scene.running_pod())
        with outages.kubelet_stopped():
            release(scene)
            wait_until(lambda: not outages.is_alive(pid), "the restore to end, unheard")
        said = going.end(0)
    assert judge(scene, said) == scene.new
    assert_clean(scene)


def test_the_node_is_lost_and_comes_back(scene: Scene) -> None:
    with swapping(scene) as hit, outages.kubelet_stopped():
        outages.kill(hit.pid)
        hit.release()
        hit.wait_until_given_up()
        hit.restore.kill()  # somebody else has to find out
    with begun(scene, "resume") as going:
        said = going.end()
    judge(scene, said)
    finish(scene)


@pytest.mark.usefixtures("by_a_superuser")
def test_the_server_is_killed(scene: Scene) -> None:
    with filling(scene) as going:
        outages.kill(scene.database_pid)
        said = going.end(1)
    assert judge(scene, said) == scene.old

    with swapping(scene) as hit:
        outages.kill(scene.database_pid)
        hit.release()
        said = hit.restore.end()
    judge(scene, said)
    finish(scene)


def test_the_tool_is_killed(scene: Scene) -> None:
    with begun(scene) as going:
        at_once(lambda: re.search("Stopped +deployment", going.said()) is not None, going)
        with outages.kubelet_stopped():  # so that no pod of the application ends
            at_once(lambda: scene.application()[::2] == (0, "2"), going)
            going.kill()
    with begun(scene, "resume") as going:
        said = going.end(0)
    assert "No restore runs." in said
    assert judge(scene, said) == scene.old

    with filling(scene) as going:
        going.kill()
        with begun(scene, "resume") as resumed:
            at_once(lambda: "Following job/" in resumed.said(), resumed)
            release(scene)
            said = resumed.end(0)
    assert judge(scene, said) == scene.new
    assert_clean(scene)


@pytest.mark.usefixtures("by_a_superuser")
def test_the_network_is_cut(scene: Scene) -> None:
    with filling(scene) as going:
        pid = outages.first_process(scene.running_pod())
        with outages.cut_from_the_server(pid):
            release(scene)
            said = going.end(1)
    assert judge(scene, said) == scene.old

    with swapping(scene) as hit, outages.cut_from_the_server(hit.pid):
        hit.release()
        said = hit.restore.end()
    judge(scene, said)

    # A cut that ends is waited out.
    with filling(scene) as going:
        pid = outages.first_process(scene.running_pod())
        with outages.cut_from_the_server(pid, silently=True):
            release(scene)
            idle = f"""SELECT EXISTS (SELECT FROM pg_stat_activity
                WHERE datname ~ '^{LIVE}_restore_' AND wait_event = 'ClientRead')"""
            at_once(lambda: scene.ask(idle) == "t", going)
        said = going.end(0)
    assert judge(scene, said) == scene.new
    assert_clean(scene)


@pytest.mark.usefixtures("by_a_superuser")
def test_a_disk_is_full(scene: Scene) -> None:
    with scene.backups.full(), begun(scene) as going:
        said = going.end(1)
    assert re.search("No space left|free, the backup needs", said)
    assert judge(scene, said) == scene.old

    with filling(scene) as going:
        # With room left in its write-ahead log; without, a server would stop until there is some.
        scene.ask("SELECT pg_switch_wal()")
        scene.ask("CHECKPOINT")
        with scene.data.full(leave=MEBIBYTE):
            release(scene)
            said = going.end(1)
    assert "no space is left on the disk of the server at postgres:5432" in said
    assert judge(scene, said) == scene.old
    assert_clean(scene)

    assert all(line.startswith(ANSWERED) for line in scene.read()), "the live one did not answer"

    # Only records of the restore are written now, and it goes on without them.
    with filling(scene) as going, scene.backups.full():
        release(scene)
        said = going.end(0)
    assert judge(scene, said) == scene.new
    assert_clean(scene)

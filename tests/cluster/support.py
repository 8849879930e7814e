"""What the tests on the real cluster are written with: a namespace, a server, a stack, waiting."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest
import yaml

from tools.render import render

ROOT = Path(__file__).parents[2]
ROLE = "owner"
PASSWORD = "not-a-secret-in-a-test"
APPLICATION = "flights-app"


T = TypeVar("T")


def wait_until(condition: Callable[[], T], what: str, *, seconds: float = 120) -> T:
    """Return the condition's first true value; fail with `what` when it never gets true."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            pytest.fail(f"waited {seconds:.0f} s for {what}")
        time.sleep(0.5)
    return value


@dataclass(frozen=True, kw_only=True)
class Namespace:
    """A namespace on the cluster and the commands a user would run in it."""

    name: str
    environment: Mapping[str, str]

    def run(
        self, command: Sequence[str], *, stdin: str | None = None, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run a command against the cluster; with `check`, fail with all it printed."""
        result = subprocess.run(
            command, env=self.environment, input=stdin, capture_output=True, text=True, check=False
        )
        if check and result.returncode != 0:
            pytest.fail(f"{command} ended with {result.returncode}\n{result.stdout}{result.stderr}")
        return result

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """Run kubectl in this namespace and return what it printed."""
        return self.run(["kubectl", "--namespace", self.name, *arguments], stdin=stdin).stdout

    def pgkeep(
        self, *arguments: str, stdin: str | None = None, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run the operator's tool in this namespace."""
        command = ["pgkeep", "--namespace", self.name, *arguments]
        return self.run(command, stdin=stdin, check=check)

    def get(self, kind: str, name: str = "", *, selector: str = "") -> dict[str, Any]:
        """Return an object, or the list of a kind."""
        arguments = [kind, *([name] if name else []), *(["-l", selector] if selector else [])]
        return json.loads(self.kubectl("get", *arguments, "-o", "json"))

    def apply(self, *objects: Mapping[str, Any]) -> None:
        """Apply objects as the demo does: server-side, strictly validated."""
        manifest = yaml.safe_dump_all(objects)
        self.kubectl("apply", "--server-side", "--validate=strict", "-f", "-", stdin=manifest)

    def start(self, cronjob: str, name: str, **environment: str) -> None:
        """Start a Job from a CronJob with changed parameters, as the helper commands do."""
        job = self.kubectl(
            "create", "job", name, f"--from=cronjob/{cronjob}", "--dry-run=client", "-o", "yaml"
        )
        if environment:
            changes = [f"{key}={value}" for key, value in environment.items()]
            job = self.kubectl(
                "set", "env", "--local", "-f", "-", "-o", "yaml", *changes, stdin=job
            )
        self.kubectl("create", "-f", "-", stdin=job)

    def outcome(self, job: str, *, seconds: float = 180) -> str:
        """Wait for a Job's end and return `Complete` or `Failed`."""

        def ended() -> str:
            conditions = self.get("job", job)["status"].get("conditions", [])
            true = {item["type"] for item in conditions if item["status"] == "True"}
            return next(iter(true & {"Complete", "Failed"}), "")

        return wait_until(ended, f"the end of job {job} in {self.name}", seconds=seconds)

    def log(self, job: str) -> str:
        """Return the whole log of a Job."""
        return self.kubectl("logs", f"job/{job}", "--tail=-1")

    def listed(self) -> list[dict[str, Any]]:
        """Return the backups as the tool lists them, newest first."""
        return json.loads(self.pgkeep("list-backups", "--json").stdout)["backups"]


@dataclass(frozen=True, kw_only=True)
class Server:
    """The PostgreSQL server the tests share, in a namespace of its own."""

    namespace: Namespace
    statefulset: str = "postgres"

    @property
    def host(self) -> str:
        """Return the name under which other namespaces reach it."""
        return f"postgres.{self.namespace.name}"

    def psql(self, sql: str, *, database: str = "postgres", role: str = "postgres") -> str:
        """Run SQL inside the server's pod and return the rows, unaligned."""
        return self.namespace.kubectl(
            "exec", "-i", f"statefulset/{self.statefulset}", "--",
            "psql", "-XqAt", "--set=ON_ERROR_STOP=1", f"--username={role}", f"--dbname={database}",
            stdin=sql,
        ).strip()  # fmt: skip


def start_server(namespace: Namespace, *, image: str | None = None) -> Server:
    """Start the demo's PostgreSQL server, from another image where one is named."""
    objects = demo_objects("database")
    for each in objects:
        if image and each["kind"] == "StatefulSet":
            each["spec"]["template"]["spec"]["containers"][0]["image"] = image
    namespace.apply(credentials(), demo_scripts(), *objects)
    namespace.kubectl("rollout", "status", "statefulset/postgres", "--timeout=4m")
    return Server(namespace=namespace)


@dataclass(frozen=True, kw_only=True)
class Stack:
    """A deployed stack: the namespace it lives in, its objects and its outputs."""

    namespace: Namespace
    objects: Sequence[Mapping[str, Any]]
    outputs: Mapping[str, str]


def deploy_stack(
    namespace: Namespace, *, secret: Mapping[str, Any] | None = None, **settings: str
) -> Stack:
    """Deploy the `dev` stack with changed settings and no applications but those they name."""
    # Suspended: a test that runs at two in the morning must find no backup but its own.
    ours = {"namespace": namespace.name, "applications": "[]", "suspend": "true"}
    rendered = render("dev", {**ours, **settings})
    namespace.apply(*rendered.objects, secret or credentials())
    return Stack(namespace=namespace, objects=rendered.objects, outputs=rendered.outputs)


@contextmanager
def sample_databases(server: Server, *names: str) -> Generator[None]:
    """Databases with sample data, owned by the role that pgkeep connects as."""
    try:
        for name in names:
            server.psql(f"CREATE DATABASE {name} OWNER {ROLE}")
            server.psql(SAMPLE, database=name, role=ROLE)
        yield
    finally:
        for name in names:
            # Restores keep the old ones under longer names.
            kept = server.psql(f"SELECT datname FROM pg_database WHERE datname LIKE '{name}%'")
            for each in kept.splitlines():
                server.psql(f'DROP DATABASE IF EXISTS "{each}" WITH (FORCE)')


@dataclass(frozen=True, kw_only=True)
class Volume:
    """The volume of a stack, seen from a pod on it."""

    namespace: Namespace

    @classmethod
    def open(cls, stack: Stack) -> Volume:
        """Start the pod, as docs/BACKUP_RESTORE.md says."""
        where = stack.namespace
        job = json.loads(
            where.kubectl(
                "create", "job", "look", "--from=cronjob/postgres-backup-console",
                "--dry-run=client", "-o", "json",
            )
        )  # fmt: skip
        pod_spec = job["spec"]["template"]["spec"]
        pod_spec["containers"][0]["command"] = ["sleep", "3600"]
        # As process 1 `sleep` ignores SIGTERM, and every namespace is waited for in the end.
        pod_spec["terminationGracePeriodSeconds"] = 1
        where.kubectl("create", "-f", "-", stdin=json.dumps(job))
        selector = "batch.kubernetes.io/job-name=look"
        wait_until(
            lambda: any(
                pod["status"]["phase"] == "Running"
                for pod in where.get("pods", selector=selector)["items"]
            ),
            "a pod to look at the volume",
        )
        return cls(namespace=where)

    def sh(self, script: str, *arguments: str) -> str:
        """Run a script in the folder of the backups."""
        return self.namespace.kubectl(*self.command(script, *arguments)).strip()

    @staticmethod
    def command(script: str, *arguments: str) -> list[str]:
        """Return the words for kubectl that run a script in the folder of the backups."""
        script = f"cd /backups\n{script}"
        return ["exec", "-i", "job/look", "--", "bash", "-euc", script, "bash", *arguments]

    def names(self, folder: str = ".") -> set[str]:
        """Return the names of the backups in a folder."""
        return set(self.sh('ls "$1"', folder).split())


def demo_application(**environment: str) -> dict[str, Any]:
    """Return the demo's application, with other values of its variables."""
    (deployment,) = demo_objects("application")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    for variable in container["env"]:
        variable["value"] = environment.get(variable["name"], variable["value"])
    return deployment


def start_application(where: Namespace, host: str, database: str) -> None:
    """Run the demo's application with two replicas on the test's database."""
    statement = "SELECT count(*) FROM orders"
    deployment = demo_application(PGHOST=host, PGDATABASE=database, STATEMENT=statement)
    where.apply(demo_scripts(), deployment)
    where.kubectl("rollout", "status", f"deployment/{APPLICATION}", "--timeout=2m")


def ready_replicas(where: Namespace) -> int:
    """Return how many replicas of the application answer their probe."""
    return where.get("deployment", APPLICATION)["status"].get("readyReplicas", 0)


def credentials(password: str = PASSWORD, **keys: str) -> dict[str, Any]:
    """Return the database's Secret."""
    data = keys or {"username": ROLE, "password": password}
    metadata = {"name": "postgres-credentials"}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": data}


def demo_scripts() -> dict[str, Any]:
    """Return the ConfigMap with the demo's server and application scripts."""
    data = {path.name: path.read_text() for path in (ROOT / "demo").glob("*.sh")}
    metadata = {"name": "demo-scripts"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def demo_objects(name: str) -> list[dict[str, Any]]:
    """Return the objects of one of the demo's manifests."""
    text = (ROOT / "demo" / "manifests" / f"{name}.yaml").read_text()
    return list(yaml.safe_load_all(text))


SAMPLE = """
CREATE TABLE customers (id integer PRIMARY KEY, name text NOT NULL);
CREATE TABLE orders (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer integer NOT NULL REFERENCES customers,
    placed_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO customers SELECT n, 'Kundin № ' || n FROM generate_series(1, 1000) AS n;
INSERT INTO orders (customer) SELECT 1 + n % 1000 FROM generate_series(1, 5000) AS n;
CREATE VIEW busy AS SELECT customer, count(*) FROM orders GROUP BY customer;
CREATE MATERIALIZED VIEW totals AS SELECT count(*) AS orders FROM orders;
SELECT lo_from_bytea(0, '\\x00ff10');
"""

FINGERPRINT = """
SELECT count(*), sum(hashtextextended(t::text, 0)) FROM customers AS t
UNION ALL SELECT count(*), sum(hashtextextended(t::text, 0)) FROM orders AS t
UNION ALL SELECT count(*), sum(hashtextextended(lo_get(oid)::text, 0)) FROM pg_largeobject_metadata
"""

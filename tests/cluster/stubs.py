"""Stacks of stub scripts, and the tool pointed at them.

The CronJobs have the names, labels and variables of the stack's own, so that the tool finds what it
relies on, and nothing that the stack does not have. Their scripts are stubs, so that every turn a
run can take is brought about on purpose and in seconds; the stack's own have their own tests.
"""

import copy
import functools
import os
import shlex
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from cluster import paths
from pgkeep.kube import client as api
from pgkeep.kube.client import Cluster, Resource
from pgkeep.kube.jobs import has_ended
from pgkeep.kube.objects import JsonObject, section
from pgkeep.restoring.applications import ANNOTATION
from tools.render import render

IMAGE = "docker.io/library/postgres:17-trixie"
NAMESPACES = Resource("/api/v1", "namespaces", "namespace")

NAME = "backup-20261123-020000"
ASIDE = "shop_before_20261123_045900"
PATIENCE_SECONDS = 90.0

Completed = subprocess.CompletedProcess[str]

BACKUP_SCRIPT = """
for step in $(seq 1 "${STUB_LINES}"); do
  echo "✓ step ${step}"
  sleep "${STUB_PAUSE}"
done
if [[ ${STUB_EXIT} -ne 0 ]]; then
  printf '%s\n' 'ERROR: no answer from postgres:5432' 'CAUSE: connection refused' 'CURE: start it'
fi
exit "${STUB_EXIT}"
"""

CONSOLE_SCRIPT = r"""
tab=$'\t'
row() {
  local IFS=${tab}
  echo "$*"
}
case ${CONSOLE_COMMAND} in
  list)
    echo '#pgkeep-list 1'
    row name status created duration_seconds backup_bytes database format server_version tables \
      rows large_objects path flags kept database_bytes compression client_version suspicion damage
    if [[ ${STUB_EMPTY} == no ]]; then
      row backup-20261123-020000 "${STUB_STATUS}" 2026-11-23T02:00:00Z 4 1048576 shop directory \
        17.7 5 336776 1 /backups/backup-20261123-020000 pinned,proven pinned 9000000 zstd:1 17.7 - \
        "${STUB_DAMAGE}"
      row backup-20240101-020000.sql.gz unverified 2024-01-01T02:00:00Z - 2048 - plain - - - - \
        /backups/backup-20240101-020000.sql.gz - 'unverified backups are never deleted' - - - - -
    fi
    echo '#disk 1050624 900000000 1000000000'
    ;;
  show)
    if [[ ${CONSOLE_BACKUP} != latest && ${CONSOLE_BACKUP} != backup-20261123-020000 ]]; then
      echo "ERROR: there is no ${CONSOLE_BACKUP}"
      exit 1
    fi
    printf '%s\n' '#pgkeep-show 1' name=backup-20261123-020000 status="${STUB_STATUS}" \
      created=2026-11-23T02:00:00Z database=shop format=directory tables=5 rows=336776 \
      backup_bytes=1048576 path=/backups/backup-20261123-020000 flags=pinned,proven kept=pinned \
      suspicion=- damage="${STUB_DAMAGE}"
    ;;
  verify)
    echo "✓ ${CONSOLE_BACKUP} (${CONSOLE_OUTPUT})"
    ;;
esac
"""

# Held, it goes on when somebody makes /tmp/go.
RESTORE_SCRIPT = r"""
if [[ ${RESTORE_ACTION} == list-aside ]]; then
  printf '%s\n' '#pgkeep-aside 1'
  printf '%s\t' name since age_seconds bytes owner successor ours
  printf '%s\n' droppable
  printf '%s\t' "${STUB_ASIDE}" 2026-11-23T04:59:00Z 60 9227469 shop backup-20261123-020000 true
  printf '%s\n' true '#end 1'
  exit
fi
for name in "${!RESTORE_@}"; do
  echo "  ${name}=${!name//$'\n'/ | }"
done
echo "restoring ${RESTORE_BACKUP}"
until [[ ${STUB_HOLD} == no || -e /tmp/go ]]; do
  sleep 0.1
done
echo "finished"
exit "${STUB_EXIT}"
"""

STUB_DEFAULTS = {
    "STUB_LINES": "3",
    "STUB_PAUSE": "0.2",
    "STUB_HOLD": "no",
    "STUB_EXIT": "0",
    "STUB_EMPTY": "no",
    "STUB_STATUS": "verified",
    "STUB_DAMAGE": "-",
    "STUB_ASIDE": ASIDE,
}
SCRIPTS = {"backup": BACKUP_SCRIPT, "console": CONSOLE_SCRIPT, "restore": RESTORE_SCRIPT}


@functools.cache
def stack_objects() -> list[JsonObject]:
    """The objects of a stack of one database and one application."""
    settings = {"databaseName": "shop", "applications": '["deployment/web"]'}
    return render("dev", settings).objects


def stack_object(kind: str, component: str) -> JsonObject:
    """One of them, without a namespace."""
    [found] = [
        one
        for one in stack_objects()
        if one["kind"] == kind
        and one["metadata"]["labels"]["app.kubernetes.io/component"] == component
    ]
    found = copy.deepcopy(found)
    del found["metadata"]["namespace"]
    return found


def cronjob(component: str, *, image: str = IMAGE, **variables: str) -> JsonObject:
    """The stack's CronJob of a component, with a stub for its pod."""
    made = stack_object("CronJob", component)
    made["spec"]["suspend"] = True
    pod = made["spec"]["jobTemplate"]["spec"]["template"]
    [container] = pod["spec"]["containers"]
    environment = {one["name"]: one.get("value", "") for one in container["env"]}
    environment |= STUB_DEFAULTS | variables
    stub = {
        "name": container["name"],
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["bash", "-c", SCRIPTS[component]],
        "env": [{"name": name, "value": value} for name, value in environment.items()],
        "envFrom": container["envFrom"],
        "terminationMessagePolicy": container["terminationMessagePolicy"],
    }
    pod["spec"] = {
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": 1,
        "automountServiceAccountToken": False,
        "containers": [stub],
    }
    return made


def stack_variables(container: JsonObject) -> dict[str, str]:
    """What the stack tells a pod: the settings, and what its container has of its own."""
    settings: dict[str, str] = stack_object("ConfigMap", "settings")["data"]
    return settings | {one["name"]: one.get("value", "") for one in container["env"]}


def workload(kind: str, name: str, replicas: int, *, last_seconds: int = 0) -> JsonObject:
    """A Deployment or StatefulSet whose pods do nothing, and end when they are told to."""
    labels = {"app": name}
    # PostgreSQL's image asks for SIGINT where others are sent SIGTERM.
    command = ["bash", "-c", f"trap 'sleep {last_seconds}; exit' INT TERM; sleep infinity & wait"]
    container = {"name": "main", "image": IMAGE, "command": command}
    pod_spec = {"terminationGracePeriodSeconds": 30, "containers": [container]}
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod_spec},
        },
    }


def autoscaler(name: str, kind: str, target: str, **spec: object) -> JsonObject:
    """An autoscaler that wants 2 or 3 replicas."""
    reference = {"apiVersion": "apps/v1", "kind": kind, "name": target}
    return {
        "metadata": {"name": name},
        "spec": {"scaleTargetRef": reference, "minReplicas": 2, "maxReplicas": 3, **spec},
    }


@dataclass(frozen=True, slots=True)
class Place:
    """A namespace of its own, and the tool pointed at it."""

    cluster: Cluster
    kubeconfig: Path
    begun: list[subprocess.Popen[str]] = field(default_factory=list[subprocess.Popen[str]])

    @property
    def environment(self) -> dict[str, str]:
        return os.environ | {"KUBECONFIG": str(self.kubeconfig), "NO_COLOR": "1", "COLUMNS": "160"}

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "pgkeep", "-n", self.cluster.namespace, *arguments]

    def run(self, *arguments: str) -> Completed:
        return subprocess.run(
            self.command(*arguments),
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS * 2,
            check=False,
        )

    def run_all(self, *commands: str) -> list[Completed]:
        """Run several commands at the same time: most of each is waiting for a pod."""
        with ThreadPoolExecutor(len(commands)) as pool:
            begun = [pool.submit(self.run, *shlex.split(command)) for command in commands]
            return [one.result() for one in begun]

    def begin(self, *arguments: str) -> subprocess.Popen[str]:
        # A script that runs in the background ignores Ctrl-C, and all it starts inherits that.
        process = subprocess.Popen(
            ["env", "--default-signal=INT", *self.command(*arguments)],
            env=self.environment | {"PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.begun.append(process)
        return process

    def deploy(self, *components: str, **variables: str) -> None:
        for component in components:
            self.cluster.create(api.CRONJOBS, cronjob(component, **variables))

    def application(self, replicas: int = 2) -> None:
        self.cluster.create(api.DEPLOYMENTS, workload("Deployment", "web", replicas))
        eventually(
            lambda: section(self.web(), "status").get("readyReplicas", 0) == replicas,
            "the application is ready",
        )

    def web(self) -> JsonObject:
        return self.cluster.get(api.DEPLOYMENTS, "web")

    def web_state(self) -> tuple[int, str | None]:
        return state(self.web())

    def jobs(self, component: str) -> list[JsonObject]:
        label = f"app.kubernetes.io/component={component}"
        return self.cluster.find(api.JOBS, label_selector=label)

    def release(self) -> None:
        """Let the held restore go on."""
        [job] = [job for job in self.jobs("restore") if not has_ended(job)]
        words = [str(paths.kubectl_path()), "--namespace", self.cluster.namespace, "exec"]
        words += [f"job/{job['metadata']['name']}", "--", "touch", "/tmp/go"]
        done = subprocess.run(words, env=self.environment, timeout=PATIENCE_SECONDS, check=False)
        # The restore may have ended, and this with it, before the answer is on its way.
        assert done.returncode in (0, 137)


def state(found: JsonObject) -> tuple[int, str | None]:
    """A workload's replicas, and what pgkeep has noted of them."""
    return found["spec"]["replicas"], section(found, "metadata", "annotations").get(ANNOTATION)


@contextmanager
def places(kubeconfig: Path) -> Generator[Callable[..., Place]]:
    """Make namespaces, which are deleted in the end. That is not waited for."""
    connected = Cluster.connect(kubeconfig=str(kubeconfig))
    top = connected.in_namespace("")
    made: list[Place] = []

    def make(**labels: str) -> Place:
        name = f"tool-{uuid.uuid4().hex[:8]}"
        top.create(NAMESPACES, {"metadata": {"name": name, "labels": labels}})
        made.append(Place(connected.in_namespace(name), kubeconfig))
        made[-1].cluster.create(api.CONFIG_MAPS, stack_object("ConfigMap", "settings"))
        return made[-1]

    try:
        yield make
    finally:
        for place in made:
            for process in place.begun:
                process.kill()  # of a test that failed half-way
                process.wait()
                if process.stdout is not None:
                    process.stdout.close()
            top.delete(NAMESPACES, place.cluster.namespace)


def eventually(test: Callable[[], bool], what: str, seconds: float = PATIENCE_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not test():
        assert time.monotonic() < deadline, f"never happened: {what}"
        time.sleep(0.2)


def read_until(process: subprocess.Popen[str], text: str) -> str:
    """Read a running tool's output up to a line that has `text`."""
    assert process.stdout is not None
    seen = ""
    for line in process.stdout:
        seen += line
        if text in line:
            return seen
    raise AssertionError(f"{text!r} was not printed:\n{seen}")


def words(text: str) -> str:
    """What a table says, however its lines are broken."""
    return " ".join(text.split())

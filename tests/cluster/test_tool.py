"""The operator's tool against a real API server, controllers and pods.

The CronJobs here carry the stack's labels and run stub scripts, so that every turn a run can take
is brought about on purpose and in seconds; the stack's own scripts have their own tests.
"""

import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pgkeep import kubernetes_api as api
from pgkeep.applications import ANNOTATION
from pgkeep.kubernetes_api import Cluster, Resource
from pgkeep.objects import JsonObject, entries, section

IMAGE = "docker.io/library/postgres:17-trixie"
NAMESPACES = Resource("/api/v1", "namespaces", "namespace")
QUOTAS = Resource("/api/v1", "resourcequotas", "resourcequota")
ROLES = Resource("/apis/rbac.authorization.k8s.io/v1", "roles", "role")
BINDINGS = Resource("/apis/rbac.authorization.k8s.io/v1", "rolebindings", "rolebinding")
ACCOUNTS = Resource("/api/v1", "serviceaccounts", "serviceaccount")

NAME = "backup-20261123-020000"
PATIENCE_SECONDS = 90.0

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
      rows large_objects path flags kept
    if [[ ${STUB_EMPTY} == no ]]; then
      row backup-20261123-020000 verified 2026-11-23T02:00:00Z 4 1048576 shop directory 17.7 5 \
        336776 1 /backups/backup-20261123-020000 pinned,proven pinned
      row backup-20240101-020000.sql.gz unverified 2024-01-01T02:00:00Z - 2048 - plain - - - - \
        /backups/backup-20240101-020000.sql.gz - 'unverified backups are never deleted'
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

RESTORE_SCRIPT = """
echo "restoring ${RESTORE_BACKUP}"
sleep "${STUB_PAUSE}"
echo "finished"
exit "${STUB_EXIT}"
"""

STUB_DEFAULTS = {
    "STUB_LINES": "3",
    "STUB_PAUSE": "0.2",
    "STUB_EXIT": "0",
    "STUB_EMPTY": "no",
    "STUB_STATUS": "verified",
    "STUB_DAMAGE": "-",
    "RESTORE_APPLICATIONS": "deployment/web",
    "DATABASE_NAMES": "shop",
    "DATABASE_HOST": "postgres",
}
SCRIPTS = {"backup": BACKUP_SCRIPT, "console": CONSOLE_SCRIPT, "restore": RESTORE_SCRIPT}
CRONJOB_NAMES = {
    "backup": "postgres-backup",
    "console": "postgres-backup-console",
    "restore": "postgres-restore",
}


def cronjob(component: str, *, image: str = IMAGE, **variables: str) -> JsonObject:
    name = CRONJOB_NAMES[component]
    labels = {
        "app.kubernetes.io/name": "pgkeep",
        "app.kubernetes.io/component": component,
        "app": name,
    }
    container = {
        "name": "pgkeep",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["bash", "-c", SCRIPTS[component]],
        "env": [
            {"name": key, "value": value} for key, value in {**STUB_DEFAULTS, **variables}.items()
        ],
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }
    pod_spec = {
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": 1,
        "automountServiceAccountToken": False,
        "containers": [container],
    }
    job_spec = {
        "backoffLimit": 0,
        "template": {"metadata": {"labels": labels}, "spec": pod_spec},
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": name, "labels": labels},
        "spec": {
            "schedule": "0 0 31 2 *",
            "suspend": True,
            "jobTemplate": {"metadata": {"labels": labels}, "spec": job_spec},
        },
    }


def deployment(name: str = "web", replicas: int = 2) -> JsonObject:
    labels = {"app": name}
    container = {"name": "main", "image": IMAGE, "command": ["sleep", "infinity"]}
    pod_spec = {"terminationGracePeriodSeconds": 1, "containers": [container]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod_spec},
        },
    }


@dataclass(frozen=True, slots=True)
class Place:
    """A namespace of its own, and the tool pointed at it."""

    cluster: Cluster
    kubeconfig: Path

    @property
    def environment(self) -> dict[str, str]:
        return os.environ | {"KUBECONFIG": str(self.kubeconfig), "NO_COLOR": "1", "COLUMNS": "160"}

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "pgkeep", "-n", self.cluster.namespace, *arguments]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments),
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS * 2,
            check=False,
        )

    def begin(self, *arguments: str) -> subprocess.Popen[str]:
        # A script that runs in the background ignores Ctrl-C, and all it starts inherits that.
        return subprocess.Popen(
            ["env", "--default-signal=INT", *self.command(*arguments)],
            env=self.environment | {"PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def deploy(self, *components: str, **variables: str) -> None:
        for component in components:
            self.cluster.create(api.CRONJOBS, cronjob(component, **variables))

    def application(self, replicas: int = 2) -> None:
        self.cluster.create(api.DEPLOYMENTS, deployment(replicas=replicas))
        eventually(
            lambda: section(self.web(), "status").get("readyReplicas", 0) == replicas,
            "the application is ready",
        )

    def web(self) -> JsonObject:
        return self.cluster.get(api.DEPLOYMENTS, "web")

    def web_state(self) -> tuple[int, str | None]:
        web = self.web()
        return web["spec"]["replicas"], section(web, "metadata", "annotations").get(ANNOTATION)

    def jobs(self, component: str) -> list[JsonObject]:
        label = f"app.kubernetes.io/component={component}"
        return self.cluster.find(api.JOBS, label_selector=label)


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


@pytest.fixture
def make_place(kubeconfig: Path) -> Iterator[Callable[..., Place]]:
    connected = Cluster.connect(kubeconfig=str(kubeconfig))
    top = connected.in_namespace("")
    made: list[str] = []

    def make(**labels: str) -> Place:
        name = f"tool-{uuid.uuid4().hex[:8]}"
        top.create(NAMESPACES, {"metadata": {"name": name, "labels": labels}})
        made.append(name)
        return Place(connected.in_namespace(name), kubeconfig)

    yield make
    for name in made:
        top.delete(NAMESPACES, name)


@pytest.fixture
def place(make_place: Callable[..., Place]) -> Place:
    return make_place()


# --- finding the stack ---


def test_an_empty_namespace_names_the_one_that_has_pgkeep(make_place: Callable[..., Place]) -> None:
    empty, other = make_place(), make_place()
    other.deploy("console")
    done = empty.run("list-backups")
    assert done.returncode == 5
    assert f"in namespace {empty.cluster.namespace}" in done.stderr
    assert other.cluster.namespace in done.stderr
    assert "--namespace" in done.stderr
    assert other.jobs("console") == [], "never guesses"


def test_someone_without_rights_is_told_which_and_who_can_give_them(
    place: Place, tmp_path: Path
) -> None:
    place.deploy("console", "backup")
    token = account_token(place, "eve")
    stranger = Place(place.cluster, with_token(place.kubeconfig, token, tmp_path / "eve"))
    done = stranger.run("run-backup")
    assert done.returncode == 4
    assert "You may not list cronjobs.batch" in done.stderr
    assert "pgkeep-operator" in done.stderr
    grant(place, "eve", [("batch", "cronjobs", ["get", "list"])])
    eventually(
        lambda: "You may not create jobs.batch" in stranger.run("run-backup").stderr,
        "the next right is missing",
    )
    nobody = Place(place.cluster, with_token(place.kubeconfig, "wrong", tmp_path / "nobody"))
    done = nobody.run("run-backup")
    assert done.returncode == 4
    assert "does not know you" in done.stderr


def test_the_operators_rights_suffice(place: Place, tmp_path: Path) -> None:
    place.deploy("backup", "console", "restore")
    place.application()
    look = ["get", "list", "watch"]
    grant(
        place,
        "ops",
        [
            ("batch", "cronjobs", look),
            ("batch", "jobs", [*look, "create", "delete"]),
            ("", "pods", look),
            ("", "pods/log", ["get"]),
            ("apps", "deployments", [*look, "patch"]),
        ],
    )
    token = account_token(place, "ops")
    operator = Place(place.cluster, with_token(place.kubeconfig, token, tmp_path / "ops"))
    for arguments in (["run-backup"], ["list-backups"], ["run-restore", "latest", "--yes"]):
        done = operator.run(*arguments)
        assert done.returncode == 0, done.stdout + done.stderr


def account_token(place: Place, name: str) -> str:
    place.cluster.create(ACCOUNTS, {"metadata": {"name": name}})
    request = Resource("/api/v1", f"serviceaccounts/{name}/token".rstrip("/"), "token")
    body: JsonObject = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": {},
    }
    # The subresource's path: …/namespaces/X/serviceaccounts/NAME/token.
    return str(place.cluster.create(request, body)["status"]["token"])


def grant(place: Place, name: str, rights: list[tuple[str, str, list[str]]]) -> None:
    rules = [
        {"apiGroups": [group], "resources": [resource], "verbs": verbs}
        for group, resource, verbs in rights
    ]
    place.cluster.create(ROLES, {"metadata": {"name": name}, "rules": rules})
    subject = {"kind": "ServiceAccount", "name": name, "namespace": place.cluster.namespace}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name}
    place.cluster.create(
        BINDINGS, {"metadata": {"name": name}, "subjects": [subject], "roleRef": role}
    )


def with_token(kubeconfig: Path, token: str, target: Path) -> Path:
    """Write a kubeconfig for the same cluster, for someone else."""
    import yaml

    content: Any = yaml.safe_load(kubeconfig.read_text())
    for user in content["users"]:
        user["user"] = {"token": token}
    target.write_text(yaml.safe_dump(content))
    return target


# --- run-backup ---


def test_a_backup_is_followed_to_its_end(place: Place) -> None:
    place.deploy("backup", "console", STUB_LINES="20", STUB_PAUSE="0.1")
    done = place.run("run-backup")
    assert done.returncode == 0, done.stderr
    assert re.findall(r"✓ step (\d+)", done.stdout) == [str(step) for step in range(1, 21)]
    assert "The backup succeeded" in done.stdout
    [job] = place.jobs("backup")
    metadata = job["metadata"]
    [owner] = metadata["ownerReferences"]
    assert (owner["kind"], owner["name"]) == ("CronJob", "postgres-backup")
    assert owner["controller"] is True
    assert metadata["annotations"]["cronjob.kubernetes.io/instantiate"] == "manual"
    assert metadata["labels"]["app"] == "postgres-backup"
    assert place.jobs("console") == [], "the console's Job is taken away"


def test_a_failed_backup_ends_with_1_and_its_last_lines(place: Place) -> None:
    place.deploy("backup", STUB_EXIT="1")
    done = place.run("run-backup")
    assert done.returncode == 1
    assert "ERROR: no answer from postgres:5432" in done.stdout
    assert "The backup failed" in done.stderr
    assert "Cause: connection refused" in done.stderr
    assert "Cure:  start it" in done.stderr


def test_ctrl_c_leaves_the_backup_running(place: Place) -> None:
    place.deploy("backup", STUB_LINES="100", STUB_PAUSE="0.2")
    process = place.begin("run-backup")
    read_until(process, "✓ step 2")
    process.send_signal(signal.SIGINT)
    rest, _ = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "goes on in the cluster" in rest
    assert "logs --follow job/" in rest
    [job] = place.jobs("backup")
    assert section(job, "status").get("active") == 1


def test_a_job_that_is_deleted_meanwhile_is_noticed(place: Place) -> None:
    place.deploy("backup", STUB_LINES="100")
    process = place.begin("run-backup")
    read_until(process, "✓ step 2")
    [job] = place.jobs("backup")
    place.cluster.delete(api.JOBS, job["metadata"]["name"])
    rest, _ = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "was deleted while it was followed" in rest


def test_an_image_that_is_not_there_is_explained(place: Place) -> None:
    place.cluster.create(api.CRONJOBS, cronjob("backup", image="registry.invalid/no/such/image:1"))
    done = place.run("run-backup")
    assert done.returncode == 1
    assert re.search(r"ErrImagePull|ImagePullBackOff", done.stdout + done.stderr)
    assert "registry.invalid/no/such/image:1" in done.stderr
    assert "setting" in done.stderr
    assert place.jobs("backup") == []


def test_a_secret_that_is_not_there_is_explained(place: Place) -> None:
    wanting = cronjob("backup")
    pod_spec = wanting["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    reference = {"secretKeyRef": {"name": "no-such-secret", "key": "x"}}
    pod_spec["containers"][0]["env"].append({"name": "X", "valueFrom": reference})
    place.cluster.create(api.CRONJOBS, wanting)
    done = place.run("run-backup")
    assert done.returncode == 1
    assert "CreateContainerConfigError" in done.stderr
    assert "no-such-secret" in done.stderr


def test_a_pod_that_fits_nowhere_is_explained(place: Place) -> None:
    large = cronjob("backup")
    pod_spec = large["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    pod_spec["containers"][0]["resources"] = {"requests": {"memory": "100Ti"}}
    place.cluster.create(api.CRONJOBS, large)
    done = place.run("run-backup", "--start-timeout", "10")
    assert done.returncode == 1
    assert "FailedScheduling" in done.stderr
    assert "nodes are available" in done.stderr or "no nodes available" in done.stderr


def test_a_claim_that_is_not_there_is_explained(place: Place) -> None:
    wanting = cronjob("backup")
    pod_spec = wanting["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    pod_spec["volumes"] = [{"name": "v", "persistentVolumeClaim": {"claimName": "no-such-claim"}}]
    place.cluster.create(api.CRONJOBS, wanting)
    done = place.run("run-backup", "--start-timeout", "10")
    assert done.returncode == 1
    assert "no-such-claim" in done.stderr


def test_a_configmap_that_is_not_there_is_explained(place: Place) -> None:
    wanting = cronjob("backup")
    pod_spec = wanting["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    pod_spec["volumes"] = [{"name": "v", "configMap": {"name": "no-such-scripts"}}]
    # Without a mount the kubelet does not even look for it.
    pod_spec["containers"][0]["volumeMounts"] = [{"name": "v", "mountPath": "/scripts"}]
    place.cluster.create(api.CRONJOBS, wanting)
    done = place.run("run-backup", "--start-timeout", "10")
    assert done.returncode == 1
    assert "FailedMount" in done.stderr
    assert "no-such-scripts" in done.stderr


def test_a_quota_that_refuses_the_pod_is_explained(place: Place) -> None:
    place.cluster.create(QUOTAS, {"metadata": {"name": "small"}, "spec": {"hard": {"pods": "0"}}})
    place.deploy("backup")
    done = place.run("run-backup")
    assert done.returncode == 1
    assert "FailedCreate" in done.stderr
    assert "exceeded quota: small" in done.stderr


def test_pod_security_that_refuses_the_pod_is_explained(make_place: Callable[..., Place]) -> None:
    place = make_place(**{"pod-security.kubernetes.io/enforce": "restricted"})
    place.deploy("backup")
    done = place.run("run-backup")
    assert done.returncode == 1
    assert 'violates PodSecurity "restricted' in done.stderr


# --- list-backups, show, verify ---


def test_the_list_and_its_json(place: Place) -> None:
    place.deploy("console")
    done = place.run("list-backups")
    assert done.returncode == 0, done.stderr
    for part in (NAME, "336,776", "pinned, proven", "unverified", f"Latest: {NAME}", "Disk:"):
        assert part in done.stdout
    document = json.loads(place.run("list-backups", "--json").stdout)
    assert document["schemaVersion"] == 1
    assert [backup["name"] for backup in document["backups"]] == [
        NAME,
        "backup-20240101-020000.sql.gz",
    ]
    assert place.jobs("console") == []


def test_no_backups_yet(place: Place) -> None:
    place.deploy("console", STUB_EMPTY="yes")
    done = place.run("list-backups")
    assert done.returncode == 0
    assert "No backups yet" in done.stdout
    assert f"pgkeep run-backup --namespace {place.cluster.namespace}" in done.stdout
    assert json.loads(place.run("list-backups", "--json").stdout)["backups"] == []


def test_one_backup(place: Place) -> None:
    place.deploy("console")
    done = place.run("show", "latest")
    assert done.returncode == 0, done.stderr
    assert NAME in done.stdout
    assert json.loads(place.run("show", NAME, "--json").stdout)["backup"]["rows"] == 336776
    done = place.run("show", "backup-20200101-000000")
    assert done.returncode == 5
    assert NAME in done.stderr
    done = place.run("verify", "--all")
    assert done.returncode == 0
    assert "✓ all (text)" in done.stdout


# --- run-restore ---


def test_a_restore_stops_and_starts_the_application(place: Place) -> None:
    place.deploy("console", "restore")
    place.application()
    process = place.begin("run-restore", "latest", "--yes")
    seen = read_until(process, f"restoring {NAME}")
    assert place.web_state() == (0, "2")
    # Pods that have ended may still be on record; none of them holds a connection any more.
    pods = place.cluster.find(api.PODS, label_selector="app=web")
    assert {section(pod, "status")["phase"] for pod in pods} <= {"Failed", "Succeeded"}
    rest, _ = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 0, seen + rest
    assert place.web_state() == (2, None)
    assert section(place.web(), "status")["readyReplicas"] == 2
    for part in ("2 replicas now", "everything written since 2026-11-23 02:00:00 UTC"):
        assert part in seen
    for part in ("finished", "2 replicas ready", f"Restored {NAME}", "total"):
        assert part in rest


def test_a_failed_restore_starts_the_application_again(place: Place) -> None:
    place.deploy("console")
    place.deploy("restore", STUB_EXIT="1")
    place.application()
    done = place.run("run-restore", NAME, "--yes")
    assert done.returncode == 1
    assert "The restore failed" in done.stderr
    assert place.web_state() == (2, None)


def test_a_restore_that_cannot_start_starts_the_application_again(place: Place) -> None:
    place.deploy("console")
    place.cluster.create(api.CRONJOBS, cronjob("restore", image="registry.invalid/no/image:1"))
    place.application()
    done = place.run("run-restore", NAME, "--yes")
    assert done.returncode == 1
    assert "registry.invalid/no/image:1" in done.stderr
    assert place.jobs("restore") == [], "it must not start later, unobserved"
    assert place.web_state() == (2, None)


def test_an_application_at_0_stays_at_0(place: Place) -> None:
    place.deploy("console", "restore")
    place.application(replicas=0)
    done = place.run("run-restore", "latest", "--yes")
    assert done.returncode == 0, done.stderr
    assert "stays at 0" in done.stdout
    assert place.web_state() == (0, None)


def test_an_application_left_stopped_by_a_killed_run_is_started(place: Place) -> None:
    place.deploy("console", "restore")
    place.application(replicas=0)
    note = {"metadata": {"annotations": {ANNOTATION: "1"}}}
    place.cluster.patch(api.DEPLOYMENTS, "web", note)
    done = place.run("run-restore", "latest", "--yes")
    assert done.returncode == 0, done.stderr
    assert "stopped by an earlier run" in done.stdout
    assert place.web_state() == (1, None)


def test_an_application_that_does_not_exist_stops_nothing(place: Place) -> None:
    place.deploy("console")
    place.deploy("restore", RESTORE_APPLICATIONS="deployment/web,statefulset/nowhere")
    place.application()
    done = place.run("run-restore", "latest", "--yes")
    assert done.returncode == 5
    assert "There is no statefulset/nowhere" in done.stderr
    assert place.web_state() == (2, None)
    assert place.jobs("restore") == []


def test_a_damaged_backup_is_refused(place: Place) -> None:
    place.deploy(
        "console", STUB_STATUS="damaged", STUB_DAMAGE="2026-11-24T02:00:00Z changed: blocks"
    )
    place.deploy("restore", RESTORE_APPLICATIONS="")
    done = place.run("run-restore", "latest", "--yes")
    assert done.returncode == 1
    assert "is damaged" in done.stderr
    assert "changed: blocks" in done.stderr
    assert place.jobs("restore") == []


def test_without_terminal_and_yes_nothing_happens(place: Place) -> None:
    place.deploy("console", "restore")
    done = place.run("run-restore", "latest")
    assert done.returncode == 3
    assert "--yes" in done.stderr
    assert place.jobs("restore") == place.jobs("console") == []


@pytest.mark.parametrize(("typed", "code"), [("no", 3), ("yes", 0)])
def test_the_word_yes_decides(place: Place, typed: str, code: int) -> None:
    place.deploy("console")
    place.deploy("restore", RESTORE_APPLICATIONS="")
    text, status = in_terminal(place, ["run-restore", "latest"], " to restore:", typed)
    assert status == code, text
    assert ("Nothing was changed." in text) == (code == 3)
    assert len(place.jobs("restore")) == (1 if code == 0 else 0)


def in_terminal(place: Place, arguments: list[str], prompt: str, typed: str) -> tuple[str, int]:
    """Run the tool on a terminal of its own, and answer its question."""
    main, side = pty.openpty()
    process = subprocess.Popen(
        place.command(*arguments),
        env=place.environment,
        stdin=side,
        stdout=side,
        stderr=side,
        start_new_session=True,
    )
    os.close(side)
    text = ""
    try:
        while True:
            try:
                piece = os.read(main, 4096)
            except OSError:  # the other side is closed
                break
            if not piece:
                break
            before, text = prompt in text, text + piece.decode(errors="replace")
            if prompt in text and not before:
                os.write(main, f"{typed}\n".encode())
    finally:
        os.close(main)
    return text, process.wait(timeout=PATIENCE_SECONDS)


def test_ctrl_c_during_the_restore_and_resuming(place: Place) -> None:
    place.deploy("console")
    place.deploy("restore", STUB_PAUSE="15")
    place.application()
    process = place.begin("run-restore", "latest", "--yes")
    read_until(process, "restoring")
    process.send_signal(signal.SIGINT)
    rest, _ = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "deployment/web stays stopped" in rest
    assert "run-restore --resume" in rest
    assert place.web_state() == (0, "2")
    [job] = place.jobs("restore")
    second = place.run("run-restore", "latest", "--yes")
    assert second.returncode == 1
    assert f"A restore is running already: job/{job['metadata']['name']}" in second.stderr
    done = place.run("run-restore", "--resume")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "finished" in done.stdout
    assert place.web_state() == (2, None)
    assert place.run("run-restore", "--resume").returncode == 5


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_killed_tool_says_how_to_finish(place: Place, number: signal.Signals) -> None:
    place.deploy("console")
    place.deploy("restore", STUB_PAUSE="5")
    place.application()
    process = place.begin("run-restore", "latest", "--yes")
    read_until(process, "restoring")
    process.send_signal(number)
    rest, _ = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "run-restore --resume" in rest
    assert place.run("run-restore", "--resume").returncode == 0
    assert place.web_state() == (2, None)


def test_a_tool_killed_without_warning_leaves_what_the_next_run_needs(place: Place) -> None:
    place.deploy("console", "restore")
    place.application()
    process = place.begin("run-restore", "latest", "--yes")
    read_until(process, "restoring")
    process.kill()
    process.communicate()
    eventually(
        lambda: bool(entries(place.jobs("restore")[0], "status", "conditions")), "the Job ends"
    )
    done = place.run("run-restore", "latest", "--yes")
    assert done.returncode == 0, done.stderr
    assert "stopped by an earlier run" in done.stdout
    assert place.web_state() == (2, None)


def test_a_reader_that_goes_away_does_not_stop_the_restore(place: Place) -> None:
    place.deploy("console", "restore")
    place.application()
    process = place.begin("run-restore", "latest", "--yes")
    assert process.stdout is not None
    read_until(process, "Stopped deployment/web")
    process.stdout.close()
    assert process.wait(timeout=PATIENCE_SECONDS) == 0
    assert place.web_state() == (2, None)


def test_resuming_after_the_restore_has_ended_starts_the_application(place: Place) -> None:
    place.deploy("console", "restore")
    place.application()
    process = place.begin("run-restore", "latest", "--yes")
    read_until(process, "restoring")
    process.kill()
    process.communicate()
    eventually(
        lambda: bool(entries(place.jobs("restore")[0], "status", "conditions")), "the Job ends"
    )
    done = place.run("run-restore", "--resume")
    assert done.returncode == 0, done.stderr
    assert re.search(
        r"The last one, job/postgres-restore-manual-\w+ of \S+, succeeded", done.stdout
    )
    assert place.web_state() == (2, None)

"""The operator's tool against a real API server, controllers and pods."""

import json
import os
import pty
import re
import shlex
import signal
import subprocess
from collections.abc import Callable, Generator, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from pgkeep.kube import client as api
from pgkeep.kube.client import Resource
from pgkeep.kube.jobs import has_ended
from pgkeep.kube.objects import JsonObject, section
from pgkeep.restoring.applications import ANNOTATION
from tests.cluster.stubs import (
    ASIDE,
    NAME,
    PATIENCE_SECONDS,
    Completed,
    Place,
    autoscaler,
    cronjob,
    eventually,
    places,
    read_until,
    stack_object,
    stack_variables,
    words,
    workload,
)

QUOTAS = Resource("/api/v1", "resourcequotas", "resourcequota")
ROLES = Resource("/apis/rbac.authorization.k8s.io/v1", "roles", "role")
BINDINGS = Resource("/apis/rbac.authorization.k8s.io/v1", "rolebindings", "rolebinding")
ACCOUNTS = Resource("/api/v1", "serviceaccounts", "serviceaccount")

MISSING_IMAGE = "registry.invalid/no/such/image:1"

Make = Callable[..., Place]
Case = Callable[[Make], tuple[Place, str]]
"""Prepares a namespace, and says which command is to be run in it."""
Ended = Callable[[str], tuple[Place, Completed]]
"""Where a case was prepared, and how its command ended."""


@pytest.fixture
def make_place(kubeconfig: Path) -> Iterator[Make]:
    with places(kubeconfig) as make:
        yield make


@pytest.fixture
def place(make_place: Make) -> Place:
    return make_place()


@contextmanager
def all_at_once(kubeconfig: Path, cases: Mapping[str, Case]) -> Generator[Ended]:
    """Run many commands at the same time, because nearly all that each does is wait."""
    with places(kubeconfig) as make, ThreadPoolExecutor(len(cases)) as pool:
        begun = {name: case(make) for name, case in cases.items()}
        ends = {
            name: pool.submit(place.run, *shlex.split(command))
            for name, (place, command) in begun.items()
        }
        yield lambda name: (begun[name][0], ends[name].result())


# --- finding the stack ---


def test_an_empty_namespace_names_the_one_that_has_pgkeep(make_place: Make) -> None:
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
    rules = [
        {"apiGroups": ["batch"], "resources": ["cronjobs"], "verbs": ["get", "list"]},
        {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]},
    ]
    grant(place, "eve", {"metadata": {"name": "eve"}, "rules": rules})
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
    place.cluster.create(api.AUTOSCALERS, autoscaler("web-scaler", "Deployment", "web"))
    grant(place, "ops", stack_object("Role", "access"))
    token = account_token(place, "ops")
    operator = Place(place.cluster, with_token(place.kubeconfig, token, tmp_path / "ops"))
    backup, listed, restore = operator.run_all(
        "run-backup", "list-backups", "run-restore latest --yes"
    )
    undo = operator.run("undo-restore", "--yes")
    for done in (backup, listed, restore, undo):
        assert done.returncode == 0, done.stdout + done.stderr
    for done in (restore, undo):
        assert "autoscaler web-scaler pauses while it is at 0" in words(done.stdout)


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


def grant(place: Place, name: str, role: JsonObject) -> None:
    place.cluster.create(ROLES, role)
    subject = {"kind": "ServiceAccount", "name": name, "namespace": place.cluster.namespace}
    reference = {
        "apiGroup": "rbac.authorization.k8s.io",
        "kind": "Role",
        "name": role["metadata"]["name"],
    }
    place.cluster.create(
        BINDINGS, {"metadata": {"name": name}, "subjects": [subject], "roleRef": reference}
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


# --- pods that cannot start ---


def no_image(make: Make) -> tuple[Place, str]:
    place = make()
    place.deploy("backup", image=MISSING_IMAGE)
    return place, "run-backup"


def test_an_image_that_is_not_there_is_explained(obstructed: Ended) -> None:
    place, done = obstructed("no image")
    assert done.returncode == 1
    assert re.search(r"ErrImagePull|ImagePullBackOff", done.stdout + done.stderr)
    assert MISSING_IMAGE in done.stderr
    assert "setting" in done.stderr
    assert place.jobs("backup") == []


def wanting(place: Place, *, pod: JsonObject | None = None, **container: object) -> None:
    """A backup whose pod wants something that is not there."""
    made = cronjob("backup")
    pod_spec = made["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    pod_spec |= pod or {}
    pod_spec["containers"][0] |= container
    place.cluster.create(api.CRONJOBS, made)


def no_secret(make: Make) -> tuple[Place, str]:
    place = make()
    reference = {"secretKeyRef": {"name": "no-such-secret", "key": "x"}}
    wanting(place, env=[{"name": "X", "valueFrom": reference}])
    return place, "run-backup"


def test_a_secret_that_is_not_there_is_explained(obstructed: Ended) -> None:
    _, done = obstructed("no secret")
    assert done.returncode == 1
    assert "CreateContainerConfigError" in done.stderr
    assert "no-such-secret" in done.stderr


def too_large(make: Make) -> tuple[Place, str]:
    place = make()
    wanting(place, resources={"requests": {"memory": "100Ti"}})
    return place, "run-backup --start-timeout 15"


def test_a_pod_that_fits_nowhere_is_explained(obstructed: Ended) -> None:
    _, done = obstructed("too large")
    assert done.returncode == 1
    assert "FailedScheduling" in done.stderr
    assert "nodes are available" in done.stderr or "no nodes available" in done.stderr


def no_claim(make: Make) -> tuple[Place, str]:
    place = make()
    claim = {"name": "v", "persistentVolumeClaim": {"claimName": "no-such-claim"}}
    wanting(place, pod={"volumes": [claim]})
    return place, "run-backup --start-timeout 15"


def test_a_claim_that_is_not_there_is_explained(obstructed: Ended) -> None:
    _, done = obstructed("no claim")
    assert done.returncode == 1
    assert "no-such-claim" in done.stderr


def no_config_map(make: Make) -> tuple[Place, str]:
    place = make()
    scripts = {"name": "v", "configMap": {"name": "no-such-scripts"}}
    # Without a mount the kubelet does not even look for it.
    mount = {"name": "v", "mountPath": "/scripts"}
    wanting(place, pod={"volumes": [scripts]}, volumeMounts=[mount])
    return place, "run-backup --start-timeout 15"


def test_a_configmap_that_is_not_there_is_explained(obstructed: Ended) -> None:
    _, done = obstructed("no ConfigMap")
    assert done.returncode == 1
    assert "FailedMount" in done.stderr
    assert "no-such-scripts" in done.stderr


def no_quota(make: Make) -> tuple[Place, str]:
    place = make()
    place.cluster.create(QUOTAS, {"metadata": {"name": "small"}, "spec": {"hard": {"pods": "0"}}})
    place.deploy("backup")
    return place, "run-backup"


def test_a_quota_that_refuses_the_pod_is_explained(obstructed: Ended) -> None:
    _, done = obstructed("no quota")
    assert done.returncode == 1
    assert "FailedCreate" in done.stderr
    assert "exceeded quota: small" in done.stderr


def restricted(make: Make) -> tuple[Place, str]:
    place = make(**{"pod-security.kubernetes.io/enforce": "restricted"})
    place.deploy("backup")
    return place, "run-backup"


def test_pod_security_that_refuses_the_pod_is_explained(obstructed: Ended) -> None:
    _, done = obstructed("restricted")
    assert done.returncode == 1
    assert 'violates PodSecurity "restricted' in done.stderr


def no_restore(make: Make) -> tuple[Place, str]:
    place = make()
    place.deploy("console")
    place.deploy("restore", image=MISSING_IMAGE)
    place.application()
    return place, f"run-restore {NAME} --yes"


def test_a_restore_that_cannot_start_starts_the_application_again(obstructed: Ended) -> None:
    place, done = obstructed("no restore")
    assert done.returncode == 1
    assert MISSING_IMAGE in done.stderr
    assert place.jobs("restore") == [], "it must not start later, unobserved"
    assert "Stopped deployment/web" in done.stdout
    assert place.web_state() == (2, None)


@pytest.fixture(scope="module")
def obstructed(kubeconfig: Path) -> Iterator[Ended]:
    cases: dict[str, Case] = {
        "no restore": no_restore,
        "no image": no_image,
        "no secret": no_secret,
        "too large": too_large,
        "no claim": no_claim,
        "no ConfigMap": no_config_map,
        "no quota": no_quota,
        "restricted": restricted,
    }
    with all_at_once(kubeconfig, cases) as ended:
        yield ended


# --- list-backups, show, verify ---


def test_the_list_and_its_json(place: Place) -> None:
    place.deploy("console")
    done, in_json = place.run_all("list-backups", "list-backups --json")
    assert done.returncode == 0, done.stderr
    for part in (NAME, "336,776", "pinned, proven", "unverified", f"Latest: {NAME}", "Disk:"):
        assert part in done.stdout
    document = json.loads(in_json.stdout)
    assert document["schemaVersion"] == 1
    assert [backup["name"] for backup in document["backups"]] == [
        NAME,
        "backup-20240101-020000.sql.gz",
    ]
    assert place.jobs("console") == []


def test_no_backups_yet(place: Place) -> None:
    place.deploy("console", STUB_EMPTY="yes")
    done, in_json = place.run_all("list-backups", "list-backups --json")
    assert done.returncode == 0
    assert "No backups yet" in done.stdout
    assert f"pgkeep run-backup --namespace {place.cluster.namespace}" in done.stdout
    assert json.loads(in_json.stdout)["backups"] == []


def test_one_backup(place: Place) -> None:
    place.deploy("console")
    newest, in_json, unknown, verified = place.run_all(
        "show latest", f"show {NAME} --json", "show backup-20200101-000000", "verify --all"
    )
    assert newest.returncode == 0, newest.stderr
    assert NAME in newest.stdout
    assert json.loads(in_json.stdout)["backup"]["rows"] == 336776
    assert unknown.returncode == 5
    assert NAME in unknown.stderr
    assert verified.returncode == 0
    assert "✓ all (text)" in verified.stdout


# --- what a restore, an undo and a drop ask for, and what becomes of the application ---

RESTORE = f"run-restore {NAME}"
SWAPS = {
    "run-restore --at 2026-11-23T03:00+01:00 --yes": {"RESTORE_BACKUP": NAME},
    f"{RESTORE} --skip-safety-backup --allow-superuser-objects --yes": {
        "RESTORE_BACKUP": NAME,
        "RESTORE_SAFETY_BACKUP": "false",
        "RESTORE_ALLOW_SUPERUSER_OBJECTS": "true",
    },
    "undo-restore --yes": {"RESTORE_ACTION": "undo"},
}
BESIDE = {
    f"{RESTORE} --dry-run": {"RESTORE_BACKUP": NAME, "RESTORE_DRY_RUN": "true"},
    # The kubelet puts values in the place of $(NAME), and one $ in that of two.
    f"{RESTORE} --into 'a$(HOME)$$b' --yes": {
        "RESTORE_BACKUP": NAME,
        "RESTORE_INTO": "a$(HOME)$$b",
    },
    f"{RESTORE} --table public.orders --table 'public.\"a b\"' --schema billing --yes": {
        "RESTORE_BACKUP": NAME,
        "RESTORE_TABLES": 'public.orders | public."a b"',
        "RESTORE_SCHEMAS": "billing",
    },
    "drop-aside --all --yes": {"RESTORE_ACTION": "drop-aside", "RESTORE_DROP": "all"},
}


@pytest.mark.parametrize("command", [*SWAPS, *BESIDE])
def test_what_is_asked_for_reaches_the_pod_and_nothing_else(restored: Ended, command: str) -> None:
    place, done = restored(command)
    assert done.returncode == 0, done.stdout + done.stderr
    assert told(done.stdout) == (SWAPS | BESIDE)[command]
    assert len(place.jobs("restore")) == 1, "the one that looked is taken away"
    assert (ASIDE in done.stdout) == command.startswith(("undo", "drop"))


def told(text: str) -> JsonObject:
    """What the restore's pod says it was told, without what the stack tells every one."""
    template = stack_object("CronJob", "restore")["spec"]["jobTemplate"]["spec"]["template"]
    [container] = template["spec"]["containers"]
    usual = stack_variables(container)
    found = re.findall(r"^  (RESTORE_\w+)=(.*)$", text, re.MULTILINE)
    assert found
    return {name: value for name, value in found if value != usual[name]}


@pytest.mark.parametrize("command", SWAPS)
def test_what_swaps_stops_and_starts_the_application(restored: Ended, command: str) -> None:
    place, done = restored(command)
    assert "Stopped deployment/web; its pods are gone." in done.stdout
    assert "Started deployment/web; 1 replica ready." in done.stdout
    assert place.web_state() == (1, None)
    assert place.web()["metadata"]["generation"] == 3, "as made, stopped, started"


@pytest.mark.parametrize("command", BESIDE)
def test_what_leaves_the_live_database_alone_never_stops_the_application(
    restored: Ended, command: str
) -> None:
    place, done = restored(command)
    assert "no application is stopped" in words(done.stdout)
    assert place.web()["metadata"]["generation"] == 1, "as it was made"


def with_application(command: str) -> Case:
    def case(make: Make) -> tuple[Place, str]:
        place = make()
        place.deploy("console", "restore")
        place.cluster.create(api.DEPLOYMENTS, workload("Deployment", "web", 1))
        return place, command

    return case


def failing(make: Make) -> tuple[Place, str]:
    place = make()
    place.deploy("console")
    place.deploy("restore", STUB_EXIT="1")
    place.application()
    return place, f"{RESTORE} --yes"


def test_a_failed_restore_starts_the_application_again(restored: Ended) -> None:
    place, done = restored("failing")
    assert done.returncode == 1
    assert "The restore failed" in done.stderr
    assert place.web_state() == (2, None)


def at_0(make: Make) -> tuple[Place, str]:
    place = make()
    place.deploy("console", "restore")
    place.application(replicas=0)
    return place, f"{RESTORE} --yes"


def test_an_application_at_0_stays_at_0(restored: Ended) -> None:
    place, done = restored("at 0")
    assert done.returncode == 0, done.stderr
    assert "stays at 0" in done.stdout
    assert place.web_state() == (0, None)


def left_stopped(make: Make) -> tuple[Place, str]:
    place = make()
    place.deploy("console", "restore")
    place.application(replicas=0)
    note = {"metadata": {"annotations": {ANNOTATION: "1"}}}
    place.cluster.patch(api.DEPLOYMENTS, "web", note)
    return place, f"{RESTORE} --yes"


def test_an_application_left_stopped_by_a_killed_run_is_started(restored: Ended) -> None:
    place, done = restored("left stopped")
    assert done.returncode == 0, done.stderr
    assert "stopped by an earlier run" in done.stdout
    assert place.web_state() == (1, None)


def damaged(make: Make) -> tuple[Place, str]:
    place = make()
    damage = "2026-11-24T02:00:00Z changed: blocks"
    place.deploy("console", STUB_STATUS="damaged", STUB_DAMAGE=damage)
    place.deploy("restore", RESTORE_APPLICATIONS="")
    return place, f"{RESTORE} --yes"


def test_a_damaged_backup_is_refused(restored: Ended) -> None:
    place, done = restored("damaged")
    assert done.returncode == 1
    assert "is damaged" in done.stderr
    assert "changed: blocks" in done.stderr
    assert place.jobs("restore") == []


@pytest.fixture(scope="module")
def restored(kubeconfig: Path) -> Iterator[Ended]:
    cases: dict[str, Case] = {
        "failing": failing,
        "at 0": at_0,
        "left stopped": left_stopped,
        "damaged": damaged,
    }
    cases |= {command: with_application(command) for command in (*SWAPS, *BESIDE)}
    with all_at_once(kubeconfig, cases) as ended:
        yield ended


def test_a_restore_stops_and_starts_the_application(place: Place) -> None:
    place.deploy("console", "restore", STUB_HOLD="yes")
    place.application()
    process = place.begin("run-restore", "latest", "--yes")
    seen = read_until(process, f"restoring {NAME}")
    assert place.web_state() == (0, "2")
    # Pods that have ended may still be on record; none of them holds a connection any more.
    pods = place.cluster.find(api.PODS, label_selector="app=web")
    assert {section(pod, "status")["phase"] for pod in pods} <= {"Failed", "Succeeded"}
    place.release()
    rest, _ = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 0, seen + rest
    assert place.web_state() == (2, None)
    assert section(place.web(), "status")["readyReplicas"] == 2
    for part in ("2 replicas now", "everything written since 2026-11-23 02:00:00 UTC"):
        assert part in seen
    for part in ("finished", "2 replicas ready", f"Restored {NAME}", "total"):
        assert part in rest


def test_an_application_that_does_not_exist_stops_nothing(place: Place) -> None:
    place.deploy("console")
    place.deploy("restore", RESTORE_APPLICATIONS="deployment/web,statefulset/nowhere")
    place.application()
    done = place.run("run-restore", "latest", "--yes")
    assert done.returncode == 5
    assert "There is no statefulset/nowhere" in done.stderr
    assert place.web_state() == (2, None)
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
    text, status = in_terminal(place, ["run-restore", NAME], " to restore:", typed)
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
    place.deploy("console", "restore", STUB_HOLD="yes")
    place.application()
    process = place.begin("run-restore", NAME, "--yes")
    read_until(process, "restoring")
    process.send_signal(signal.SIGINT)
    rest, _ = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "deployment/web stays stopped" in rest
    assert "pgkeep resume" in rest
    assert place.web_state() == (0, "2")
    [job] = place.jobs("restore")
    running = f"A restore is running already: job/{job['metadata']['name']}"
    second, undo = place.run_all(f"{RESTORE} --yes", "undo-restore --yes")
    assert (second.returncode, undo.returncode) == (1, 1)
    assert running in second.stderr
    assert running in undo.stderr
    resumed = place.begin("resume")
    read_until(resumed, "Following job/")
    place.release()
    text, _ = resumed.communicate(timeout=PATIENCE_SECONDS)
    assert resumed.returncode == 0, text
    assert "finished" in text
    assert place.web_state() == (2, None)
    assert place.run("resume").returncode == 5


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_killed_tool_says_how_to_finish(place: Place, number: signal.Signals) -> None:
    place.deploy("console", "restore", STUB_HOLD="yes")
    place.application()
    process = place.begin("run-restore", NAME, "--yes")
    read_until(process, "restoring")
    process.send_signal(number)
    rest, _ = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "pgkeep resume" in rest
    place.release()
    assert place.run("resume").returncode == 0
    assert place.web_state() == (2, None)


def kill_during_the_restore(place: Place, *command: str) -> None:
    """Kill the tool without warning, and let the Job go on to its end."""
    process = place.begin(*command)
    read_until(process, "restoring")
    process.kill()
    process.communicate()
    place.release()
    eventually(lambda: all(has_ended(job) for job in place.jobs("restore")), "the Job ends")
    assert place.web_state() == (0, "2")


def test_a_tool_killed_without_warning_leaves_what_the_next_run_needs(place: Place) -> None:
    place.deploy("console", "restore", STUB_HOLD="yes")
    place.application()
    kill_during_the_restore(place, "run-restore", NAME, "--yes")
    again = place.begin("run-restore", NAME, "--yes")
    seen = read_until(again, "restoring")
    place.release()
    rest, _ = again.communicate(timeout=PATIENCE_SECONDS)
    assert again.returncode == 0, seen + rest
    assert "stopped by an earlier run" in seen
    assert place.web_state() == (2, None)


def test_resuming_after_the_restore_has_ended_starts_the_application(place: Place) -> None:
    place.deploy("console", "restore", STUB_HOLD="yes")
    place.application()
    kill_during_the_restore(place, "run-restore", NAME, "--yes")
    done = place.run("resume")
    assert done.returncode == 0, done.stderr
    assert re.search(
        r"The last one, job/postgres-restore-manual-\w+ of \S+, succeeded", done.stdout
    )
    assert place.web_state() == (2, None)


def test_an_undo_that_was_killed_after_its_swap_is_not_undone_by_running_it_again(
    place: Place,
) -> None:
    place.deploy("restore", STUB_HOLD="yes")
    place.application()
    kill_during_the_restore(place, "undo-restore", "--yes")
    done = place.run("undo-restore", "--yes")
    assert done.returncode == 0, done.stderr
    assert "The undo that was interrupted has succeeded" in done.stdout
    assert len(place.jobs("restore")) == 1
    assert place.web_state() == (2, None)


def test_a_reader_that_goes_away_does_not_stop_the_restore(place: Place) -> None:
    place.deploy("console", "restore")
    place.application()
    process = place.begin("run-restore", NAME, "--yes")
    assert process.stdout is not None
    read_until(process, "Stopped deployment/web")
    process.stdout.close()
    assert process.wait(timeout=PATIENCE_SECONDS) == 0
    assert place.web_state() == (2, None)

"""The embedded cluster does what a real one does, and comes back when a part of it dies."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cluster import processes
from tests.cluster.support import ROOT, Namespace, wait_until

pytestmark = pytest.mark.disruptive

SCRIPT = """
set -e
id -u > /data/who
getent hosts kubernetes.default.svc.cluster.local
timeout 5 bash -c '< /dev/tcp/kubernetes.default/443' && echo connected
timeout 5 getent hosts somewhere.example || echo 'no such name'
timeout 5 bash -c '< /dev/tcp/192.0.2.1/80' 2> /dev/null || echo 'no way out'
"""


@pytest.fixture(name="namespace", scope="module")
def _namespace(make_namespace: Callable[[str], Namespace]) -> Namespace:
    return make_namespace("embedded")


def pod(**container: Any) -> dict[str, Any]:
    """Return a pod that a restricted namespace admits, but for what a test adds to it."""
    restricted: dict[str, Any] = {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "probe"},
        "spec": {
            "restartPolicy": "Never",
            "automountServiceAccountToken": False,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": 999,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [
                {
                    "name": "probe",
                    "image": "postgres:17-trixie",
                    "command": ["bash", "-c", SCRIPT],
                    "securityContext": restricted,
                    **container,
                }
            ],
        },
    }


def claim() -> dict[str, Any]:
    """Return a claim of the default class."""
    size = {"requests": {"storage": "1Mi"}}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": size},
    }


def up() -> str:
    """Run `up` as the Makefile does."""
    command = [sys.executable, "-m", "cluster", "up"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def running() -> dict[str, int]:
    """Return the number of every process of the cluster that is alive."""
    found = {name: processes.find(name) for name in processes.recorded()}
    return {name: record.pid for name, record in found.items() if record}


def node_is_ready(namespace: Namespace) -> bool:
    (node,) = namespace.get("nodes")["items"]
    conditions = {item["type"]: item["status"] for item in node["status"]["conditions"]}
    return conditions["Ready"] == "True"


def test_the_node_is_ready(namespace: Namespace) -> None:
    assert node_is_ready(namespace)


def test_a_pod_has_names_services_and_a_volume_but_no_way_out(namespace: Namespace) -> None:
    probe = pod(volumeMounts=[{"name": "data", "mountPath": "/data"}])
    volume = {"name": "data", "persistentVolumeClaim": {"claimName": "data"}}
    probe["spec"]["volumes"] = [volume]
    namespace.apply(claim(), probe)
    wait_until(
        lambda: namespace.get("pod", "probe")["status"]["phase"] in {"Succeeded", "Failed"},
        "the probe's end",
    )
    said = namespace.kubectl("logs", "probe")
    assert said.splitlines() == [
        "10.96.0.1       kubernetes.default.svc.cluster.local",
        "connected",
        "no such name",
        "no way out",
    ]
    name = namespace.get("pvc", "data")["spec"]["volumeName"]
    source = namespace.get("pv", name)["spec"]
    folder = Path((source.get("hostPath") or source["local"])["path"])
    assert (folder / "who").read_text() == "999\n"
    assert (folder / "who").stat().st_uid == 999

    namespace.kubectl("delete", "pod/probe", "pvc/data")
    wait_until(lambda: not folder.exists(), "the volume to go with its claim")


def test_a_restricted_namespace_refuses_a_privileged_pod(namespace: Namespace) -> None:
    manifest = pod(securityContext={"privileged": True})
    refused = namespace.run(
        ["kubectl", "--namespace", namespace.name, "create", "-f", "-"],
        stdin=json.dumps(manifest),
        check=False,
    )
    assert refused.returncode != 0
    assert 'violates PodSecurity "restricted' in refused.stderr


def test_up_leaves_a_running_cluster_alone() -> None:
    before = running()
    assert "the cluster runs already" in up()
    assert running() == before


@pytest.mark.parametrize("victim", ["kubelet", "kube-apiserver", "etcd"])
def test_up_starts_what_died(namespace: Namespace, victim: str) -> None:
    before = running()
    os.kill(before[victim], signal.SIGKILL)
    up()
    after = running()
    assert after.keys() == before.keys()
    assert {name for name in after if after[name] != before[name]} == {victim}
    assert node_is_ready(namespace)

"""What the cluster itself needs in the API: name service, local-path class, rights of its parts."""

import hashlib
import json

from cluster import images, paths
from cluster.certificates import APISERVER_TO_KUBELET, COREDNS, LOCAL_PATH
from cluster.commands import run, write
from cluster.network import NODE_ADDRESS, SERVICE_DNS

Manifest = dict[str, object]
LOCAL_PATH_NAMESPACE = "local-path-storage"
LOCAL_PATH_ACCOUNT = "local-path-provisioner-service-account"

HELPER_POD = f"""apiVersion: v1
kind: Pod
metadata:
  name: helper-pod
spec:
  priorityClassName: system-node-critical
  automountServiceAccountToken: false
  containers:
  - name: helper-pod
    image: {images.POSTGRES_17.name}
    imagePullPolicy: IfNotPresent
"""


def local_path_config() -> str:
    """Return where the provisioner puts its volumes."""
    node = "DEFAULT_PATH_FOR_NON_LISTED_NODES"
    return json.dumps({"nodePathMap": [{"node": node, "paths": [str(paths.volumes_dir())]}]})


def _role(name: str, *rules: tuple[str, str, str]) -> Manifest:
    """Return a cluster role from (group, resources, verbs), words separated by blanks."""
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": name},
        "rules": [
            {"apiGroups": [group], "resources": resources.split(), "verbs": verbs.split()}
            for group, resources, verbs in rules
        ],
    }


def _binding(role: str, user: str) -> Manifest:
    """Return a cluster-wide binding of a role to the user of a certificate."""
    group = "rbac.authorization.k8s.io"
    return {
        "apiVersion": f"{group}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": user},
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": role},
        "subjects": [{"apiGroup": group, "kind": "User", "name": user}],
    }


def _dns() -> list[Manifest]:
    """Return the name service's fixed address, which leads to the process on the node."""
    ports = [
        {"name": "dns", "port": 53, "protocol": "UDP"},
        {"name": "dns-tcp", "port": 53, "protocol": "TCP"},
    ]
    name = {"name": "kube-dns", "namespace": "kube-system"}
    return [
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {**name, "labels": {"k8s-app": "kube-dns"}},
            "spec": {"clusterIP": SERVICE_DNS, "ports": ports},
        },
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {**name, "labels": {"kubernetes.io/service-name": "kube-dns"}},
            "addressType": "IPv4",
            "endpoints": [{"addresses": [NODE_ADDRESS], "conditions": {"ready": True}}],
            "ports": ports,
        },
        _role(
            COREDNS.user,
            ("", "endpoints services pods namespaces", "list watch"),
            ("discovery.k8s.io", "endpointslices", "list watch"),
        ),
        _binding(COREDNS.user, COREDNS.user),
    ]


def _local_path() -> list[Manifest]:
    """Return the storage class, and what its provisioner wants to find."""
    privileged = {"pod-security.kubernetes.io/enforce": "privileged"}
    return [
        {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": LOCAL_PATH_NAMESPACE, "labels": privileged},
        },
        {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": LOCAL_PATH_ACCOUNT, "namespace": LOCAL_PATH_NAMESPACE},
        },
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "local-path-config", "namespace": LOCAL_PATH_NAMESPACE},
            "data": {
                "config.json": local_path_config(),
                "setup": '#!/bin/sh\nset -eu\nmkdir -m 0777 -p "$VOL_DIR"\n',
                "teardown": '#!/bin/sh\nset -eu\nrm -rf "$VOL_DIR"\n',
                "helperPod.yaml": HELPER_POD,
            },
        },
        {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "StorageClass",
            "metadata": {
                "name": "local-path",
                "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
            },
            "provisioner": "rancher.io/local-path",
            "volumeBindingMode": "WaitForFirstConsumer",
            "reclaimPolicy": "Delete",
        },
        _role(
            LOCAL_PATH.user,
            ("", "nodes persistentvolumeclaims configmaps pods/log", "get list watch"),
            ("", "pods persistentvolumes", "get list watch create patch update delete"),
            ("", "events", "create patch"),
            ("storage.k8s.io", "storageclasses", "get list watch"),
        ),
        _binding(LOCAL_PATH.user, LOCAL_PATH.user),
    ]


def apply(*, again: bool) -> bool:
    """Apply the objects unless these very ones were applied already; say whether that was done."""
    listing = {
        "apiVersion": "v1",
        "kind": "List",
        "items": [
            _binding("system:kubelet-api-admin", APISERVER_TO_KUBELET.user),
            *_dns(),
            *_local_path(),
        ],
    }
    text = json.dumps(listing, indent=2)
    mark = paths.run_dir() / "objects.applied"
    digest = hashlib.sha256(text.encode()).hexdigest()
    if not again and mark.exists() and mark.read_text() == digest:
        return False
    kubectl = [paths.kubectl_path(), "--kubeconfig", paths.kubeconfig_path()]
    run([*kubectl, "apply", "--server-side", "--force-conflicts", "--filename", "-"], stdin=text)
    write(mark, digest)
    return True

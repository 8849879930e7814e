"""Asking the API server, the way a user's kubectl reaches it."""

import base64
import json
import ssl
import tempfile
from http.client import HTTPException, HTTPSConnection
from typing import cast
from urllib.parse import urlsplit

from cluster import paths

NODE = "pgkeep"


def _connect() -> HTTPSConnection:
    """Return a connection with the administrator's certificate."""
    config = json.loads(paths.kubeconfig_path().read_text())
    cluster = cast("dict[str, str]", config["clusters"][0]["cluster"])
    user = cast("dict[str, str]", config["users"][0]["user"])
    authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
    context = ssl.create_default_context(cadata=authority)
    with tempfile.NamedTemporaryFile() as pair:  # ssl reads its own certificate only from a file
        for part in ("client-certificate-data", "client-key-data"):
            pair.write(base64.b64decode(user[part]))
        pair.flush()
        context.load_cert_chain(pair.name)
    server = urlsplit(cluster["server"])
    return HTTPSConnection(server.hostname or "", server.port, timeout=5, context=context)


def get(path: str) -> dict[str, object] | None:
    """Return what the API server answers to a path, nothing if it does not or says no."""
    try:
        connection = _connect()
        try:
            connection.request("GET", path, headers={"Accept": "application/json"})
            answer = connection.getresponse()
            body = answer.read()
            if answer.status != 200:
                return None
            if answer.getheader("Content-Type", "").startswith("application/json"):
                return cast("dict[str, object]", json.loads(body))
            return {}
        finally:
            connection.close()
    except (OSError, HTTPException, ValueError, KeyError):
        return None


def is_ready() -> bool:
    """Say whether the API server is ready."""
    return get("/readyz") is not None


def node_is_ready() -> bool:
    """Say whether the one node takes pods."""
    node = get(f"/api/v1/nodes/{NODE}")
    if node is None:
        return False
    status = cast("dict[str, list[dict[str, str]]]", node.get("status", {}))
    return any(
        condition.get("type") == "Ready" and condition.get("status") == "True"
        for condition in status.get("conditions", [])
    )


def node_knows_its_pods() -> bool:
    """Say whether the kubelet has heard of every pod that is to run on its node.

    The node's condition is the last word of a kubelet that may have died since; one that has just
    started answers 'pod does not exist' for a moment.
    """
    planned = _pods(f"/api/v1/pods?fieldSelector=spec.nodeName={NODE}")
    known = _pods(f"/api/v1/nodes/{NODE}/proxy/pods")
    if planned is None or known is None:
        return False
    return {uid for uid, phase in planned.items() if phase in {"Pending", "Running"}} <= set(known)


def _pods(path: str) -> dict[str, str] | None:
    """Return the phase of every pod in a list, by the pod's number."""
    listing = get(path)
    if listing is None:
        return None
    items = cast("list[dict[str, dict[str, str]]] | None", listing.get("items")) or []
    return {item["metadata"]["uid"]: item.get("status", {}).get("phase", "") for item in items}

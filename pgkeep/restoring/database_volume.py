"""How much room the database's own volume has: PostgreSQL does not tell, the kubelet does.

A restore holds a second copy of the database until the old one is dropped. The figure is the
kubelet's (its `stats/summary`, behind the right `nodes/proxy`), of the claim that the setting
`databaseVolumeName` names. Whatever is not known is said, never guessed.
"""

from dataclasses import dataclass
from urllib.parse import quote

from pgkeep.errors import PgkeepError
from pgkeep.kube.client import PODS, Cluster, Resource
from pgkeep.kube.objects import JsonObject, entries, section


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What is known of the free space of the database's volume."""

    free: int | None = None
    """Bytes that are free, or None where nobody tells."""
    capacity: int | None = None
    """Bytes it holds in all."""
    reason: str = ""
    """Why it is not known; empty where it is."""


def room(cluster: Cluster, claim: str) -> Room:
    """Read the free space of a claim from the kubelet of a node that has it mounted.

    Args:
        cluster: Where; its namespace is the claim's.
        claim: The setting `databaseVolumeName`; empty where none is named.
    """
    if not claim:
        return Room(reason="the setting databaseVolumeName names no claim")
    try:
        node = _node(cluster, claim)
        if not node:
            return Room(reason=f"no running pod has the claim {claim} mounted")
        # Not a kind of object, but read like one: the kubelet answers through the API server.
        summary = Resource(f"/api/v1/nodes/{quote(node, safe='')}/proxy/stats", "summary", "stats")
        stats = cluster.in_namespace("").get(summary, "")
    except PgkeepError as error:
        return Room(reason=f"the kubelet's figures cannot be read: {error.message}")
    for pod in entries(stats, "pods"):
        for volume in entries(pod, "volume"):
            reference = section(volume, "pvcRef")
            if (reference.get("name"), reference.get("namespace")) == (claim, cluster.namespace):
                return _figures(volume, claim)
    # Volumes that are directories of the node, as those of local-path are, have no figures.
    return Room(reason=f"the kubelet of {node} has no figures for the claim {claim}")


def _node(cluster: Cluster, claim: str) -> str:
    for pod in cluster.find(PODS):
        if section(pod, "status").get("phase") == "Running" and claim in _claims(pod):
            return str(section(pod, "spec").get("nodeName") or "")
    return ""


def _claims(pod: JsonObject) -> set[str]:
    volumes = entries(section(pod, "spec"), "volumes")
    return {str(section(volume, "persistentVolumeClaim").get("claimName")) for volume in volumes}


def _figures(volume: JsonObject, claim: str) -> Room:
    free, capacity = volume.get("availableBytes"), volume.get("capacityBytes")
    if not isinstance(free, int) or not isinstance(capacity, int):
        return Room(reason=f"the kubelet's figures for the claim {claim} are incomplete")
    return Room(free=free, capacity=capacity)

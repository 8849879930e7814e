"""What scales the applications by itself, and whether it starts one that is stopped on purpose."""

from collections.abc import Iterable
from dataclasses import dataclass

from pgkeep.errors import PgkeepError
from pgkeep.kube import client as api
from pgkeep.kube.client import Cluster
from pgkeep.kube.objects import JsonObject, entries, section
from pgkeep.restoring.applications import Application


@dataclass(frozen=True, slots=True, kw_only=True)
class Autoscaler:
    """What scales an application by itself."""

    name: str
    wakes: bool = False
    """Whether it may start an application that is at 0. Kubernetes' own leaves 0 alone, unless it
    may itself scale to 0."""
    keda: str = ""
    """The ScaledObject of KEDA behind it, which starts what is at 0 whenever there is work."""


def autoscaled(
    cluster: Cluster, applications: Iterable[Application]
) -> dict[Application, Autoscaler]:
    """The autoscalers of the applications; none where they may not be read."""
    found: dict[Application, Autoscaler] = {}
    wanted = {str(application): application for application in applications}
    try:
        autoscalers = cluster.find(api.AUTOSCALERS)
    except PgkeepError:
        return found
    for autoscaler in autoscalers:
        target: JsonObject = section(autoscaler["spec"], "scaleTargetRef")
        key = f"{str(target.get('kind')).lower()}/{target.get('name')}"
        if key in wanted:
            found[wanted[key]] = Autoscaler(
                name=str(autoscaler["metadata"]["name"]),
                wakes=autoscaler["spec"].get("minReplicas") == 0,
                keda=next(
                    (
                        str(owner.get("name"))
                        for owner in entries(autoscaler["metadata"], "ownerReferences")
                        if owner.get("kind") == "ScaledObject"
                    ),
                    "",
                ),
            )
    return found

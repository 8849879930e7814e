from dataclasses import dataclass, field
from typing import Any, Self

import pytest

from pgkeep.errors import NotPermittedError, PgkeepError
from pgkeep.kube.client import Resource
from pgkeep.kube.objects import JsonObject
from pgkeep.restoring.database_volume import Room, room


def database_pod(claim: str = "postgres-data", phase: str = "Running") -> JsonObject:
    volumes: list[JsonObject] = [{"name": "tmp"}, {"persistentVolumeClaim": {"claimName": claim}}]
    return {
        "metadata": {"name": "postgres-0"},
        "spec": {"nodeName": "node 1", "volumes": volumes},
        "status": {"phase": phase},
    }


def summary(claim: str = "postgres-data", namespace: str = "shop", **figures: Any) -> JsonObject:
    volume = {"name": "data", "pvcRef": {"name": claim, "namespace": namespace}, **figures}
    return {"pods": [{"podRef": {}}, {"volume": [{"name": "tmp"}, volume]}]}


@dataclass
class Kubelet:
    """Stands in for the cluster, and for the kubelet behind it."""

    pods: list[JsonObject]
    answer: JsonObject | PgkeepError
    namespace: str = "shop"
    asked: list[str] = field(default_factory=list[str])

    def find(self, _resource: Resource) -> list[JsonObject]:
        return self.pods

    def in_namespace(self, namespace: str) -> Self:
        assert namespace == "", "a node is in no namespace"
        return self

    def get(self, resource: Resource, name: str) -> JsonObject:
        self.asked.append(f"{resource.path}/{resource.plural}{name}")
        if isinstance(self.answer, PgkeepError):
            raise self.answer
        return self.answer


def asked(kubelet: Kubelet, claim: str = "postgres-data") -> Room:
    return room(kubelet, claim)  # pyright: ignore[reportArgumentType]


def test_the_free_space_is_the_kubelet_s_figure() -> None:
    kubelet = Kubelet([database_pod()], summary(availableBytes=5, capacityBytes=9))
    assert asked(kubelet) == Room(free=5, capacity=9)
    assert kubelet.asked == ["/api/v1/nodes/node%201/proxy/stats/summary"]


@pytest.mark.parametrize(
    ("kubelet", "claim", "reason"),
    [
        (Kubelet([], {}), "", "names no claim"),
        (Kubelet([], {}), "other", "no running pod has the claim other"),
        (Kubelet([database_pod(phase="Pending")], {}), "postgres-data", "no running pod"),
        (Kubelet([database_pod()], {"pods": []}), "postgres-data", "has no figures"),
        (
            Kubelet([database_pod()], summary(namespace="b", availableBytes=5, capacityBytes=9)),
            "postgres-data",
            "has no figures",
        ),
        (Kubelet([database_pod()], summary(capacityBytes=9)), "postgres-data", "incomplete"),
        (Kubelet([database_pod()], NotPermittedError("no")), "postgres-data", "cannot be read: no"),
    ],
)
def test_what_is_not_known_is_said(kubelet: Kubelet, claim: str, reason: str) -> None:
    found = asked(kubelet, claim)
    assert found.free is None
    assert reason in found.reason

"""Waiting for a state of the cluster, by watching it."""

import time
from collections.abc import Callable
from typing import TypeVar

from pgkeep.errors import UnreachableError
from pgkeep.kube.client import Cluster, Resource
from pgkeep.kube.objects import JsonObject

Answer = TypeVar("Answer")

# How long the cluster may be away while something is waited for, or must be done.
PATIENCE_SECONDS = 300.0


def wait_until(
    cluster: Cluster,
    resource: Resource,
    *,
    test: Callable[[list[JsonObject]], bool],
    seconds: float,
    label_selector: str = "",
    field_selector: str = "",
) -> bool:
    """Wait until the matching objects, all of them together, pass a test.

    Args:
        cluster: Where.
        resource: What kind of objects.
        test: Called with the present objects after every change.
        seconds: How long to wait.
        label_selector: As in kubectl's --selector.
        field_selector: As in kubectl's --field-selector.

    Returns:
        False when the time was not enough.

    Raises:
        PgkeepError: Not permitted, or the cluster is away until the time is over.
    """
    deadline = time.monotonic() + seconds
    while True:
        remaining = deadline - time.monotonic()
        try:
            if _watch_once(cluster, resource, test, label_selector, field_selector, remaining):
                return True
        except UnreachableError:
            if time.monotonic() > deadline:
                raise
            time.sleep(1.0)  # nothing to watch while the cluster is away
        if time.monotonic() > deadline:
            return False


def _watch_once(
    cluster: Cluster,
    resource: Resource,
    test: Callable[[list[JsonObject]], bool],
    label_selector: str,
    field_selector: str,
    seconds: float,
) -> bool:
    objects: dict[str, JsonObject] = {}
    listed = False
    for change, value in cluster.watch(
        resource, label_selector=label_selector, field_selector=field_selector, seconds=seconds
    ):
        if change == "LISTED":
            listed = True
        elif change == "DELETED":
            objects.pop(str(value["metadata"]["name"]), None)
        else:
            objects[str(value["metadata"]["name"])] = value
        if listed and test(list(objects.values())):
            return True
    return False


def insist(action: Callable[[], Answer], *, seconds: float = PATIENCE_SECONDS) -> Answer:
    """Do something that must not be left undone; a cluster that is away is asked again.

    Raises:
        PgkeepError: What `action` raises, or UnreachableError after `seconds`.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            return action()
        except UnreachableError:
            if time.monotonic() > deadline:
                raise
            time.sleep(1.0)

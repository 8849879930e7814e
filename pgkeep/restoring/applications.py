"""The workloads that a restore stops and starts again, and the memory of their replicas.

The number of replicas is written on the workload itself, in the same request that stops it, and
taken away in the same request that starts it again. So the annotation is there exactly while pgkeep
keeps an application stopped, whoever was killed in between.
"""

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pgkeep.errors import (
    ApplicationError,
    ConflictError,
    NotFoundError,
    PgkeepError,
    UsageError,
)
from pgkeep.kube import client as api
from pgkeep.kube.client import Cluster, Resource
from pgkeep.kube.objects import JsonObject, entries, section
from pgkeep.kube.waiting import insist, wait_until
from pgkeep.terminal.words import duration, plural, printable

ANNOTATION = "pgkeep.dev/replicas-before-restore"

STOP_SECONDS = 300.0
READY_SECONDS = 300.0

_KINDS: dict[str, Resource] = {"deployment": api.DEPLOYMENTS, "statefulset": api.STATEFULSETS}
_OWNERS = {"deployment": "ReplicaSet", "statefulset": "StatefulSet"}
_CONFLICT_RETRIES = 5


@dataclass(frozen=True, slots=True)
class Application:
    """A workload, as the setting `applications` names it."""

    kind: str
    name: str

    @property
    def resource(self) -> Resource:
        """The API's name for the kind."""
        return _KINDS[self.kind]

    def __str__(self) -> str:
        """As kubectl names it."""
        return f"{self.kind}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a restore does with one application."""

    application: Application
    replicas: int
    """Replicas now."""
    start: int
    """Replicas it has to have afterwards."""
    remembered: bool
    """Whether `start` comes from the annotation of an earlier run."""
    note: str = ""
    """Something the user should know."""
    selector: str = ""
    """The label selector of its pods."""
    version: str = ""
    """The resourceVersion the plan was made from."""

    @property
    def concerned(self) -> bool:
        """Whether there is anything to stop or to start; replicas 0 from the beginning stay 0."""
        return self.replicas > 0 or self.start > 0


def parse_applications(text: str) -> list[Application]:
    """Read `deployment/web,statefulset/queue`; empty means none.

    Raises:
        UsageError: A part is of another form or kind.
    """
    found: list[Application] = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        kind, slash, name = part.partition("/")
        if not slash or kind not in _KINDS or not name or "/" in name:
            raise UsageError(
                f"{printable(part)!r} in the setting applications names no application.",
                cause="Each one is deployment/NAME or statefulset/NAME.",
                cure="pulumi config set --path 'applications[0]' deployment/NAME && pulumi up",
            )
        if Application(kind, name) not in found:
            found.append(Application(kind, name))
    return found


def plan(application: Application, workload: JsonObject) -> Plan:
    """Decide how many replicas an application has to have after the restore.

    The annotation counts only while the application is stopped: with replicas, someone has started
    it since, and what runs now is what is wanted.
    """
    metadata: JsonObject = workload["metadata"]
    now = replicas_of(workload)
    start, remembered, note = now, False, ""
    written = section(metadata, "annotations").get(ANNOTATION)
    if written is not None:
        count = _count(written)
        if now > 0:
            if count != now:
                note = f"an earlier run noted {printable(str(written))}; it runs, so that is void"
        elif count is None:
            note = (
                f"the annotation {ANNOTATION} is not a number ({printable(str(written))!r}); "
                "it stays at 0"
            )
        else:
            start, remembered = count, True
            note = f"stopped by an earlier run, which noted {plural(count, 'replica')}"
    note = "; ".join(filter(None, (note, half_rolled_out(workload))))
    return Plan(
        application=application,
        replicas=now,
        start=start,
        remembered=remembered,
        note=note,
        selector=selector_text(section(workload["spec"], "selector")),
        version=str(metadata.get("resourceVersion") or ""),
    )


def replicas_of(workload: JsonObject) -> int:
    """How many replicas a workload is to have; one that does not say gets one."""
    replicas = workload["spec"].get("replicas")
    return 1 if replicas is None else int(replicas)


def half_rolled_out(workload: JsonObject) -> str:
    """What becomes of an update that somebody holds back; empty where none is.

    A paused Deployment is scaled like any other. But with pods of both versions it is scaled to 0
    and from there only the newest version comes back: how they were mixed is known to nobody then.
    One without any pod of the new version comes back as it was. A StatefulSet does not: without
    pods it takes its update as done, whatever held it back.
    """
    spec: JsonObject = workload["spec"]
    status: JsonObject = section(workload, "status")
    strategy: JsonObject = section(spec, "updateStrategy")
    updated, present = int(status.get("updatedReplicas") or 0), int(status.get("replicas") or 0)
    if spec.get("paused") and 0 < updated < present:
        held = "its rollout is paused half-way"
    elif updated < present and strategy.get("type") == "OnDelete":
        held = "its update waits for pods to be deleted"
    elif updated < present and section(strategy, "rollingUpdate").get("partition"):
        held = "its update is held back by a partition"
    else:
        return ""
    return (
        f"{held} ({updated} of {present} pods are new): afterwards all of them are of the new "
        "version"
    )


def _count(written: Any) -> int | None:
    text = str(written).strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 7 else None


def stop_patch(planned: Plan) -> JsonObject:
    """The one request that remembers the replicas and stops the application."""
    return {
        "metadata": {
            "resourceVersion": planned.version,
            "annotations": {ANNOTATION: str(planned.start)},
        },
        "spec": {"replicas": 0},
    }


def start_patch(replicas: int) -> JsonObject:
    """The one request that starts the application and forgets the replicas."""
    return {"metadata": {"annotations": {ANNOTATION: None}}, "spec": {"replicas": replicas}}


def selector_text(selector: JsonObject) -> str:
    """Write a workload's selector as the API's query wants it."""
    parts = [f"{key}={value}" for key, value in section(selector, "matchLabels").items()]
    for expression in entries(selector, "matchExpressions"):
        key, values = expression["key"], ",".join(map(str, entries(expression, "values")))
        match expression["operator"]:
            case "In":
                parts.append(f"{key} in ({values})")
            case "NotIn":
                parts.append(f"{key} notin ({values})")
            case "Exists":
                parts.append(key)
            case _:
                parts.append(f"!{key}")
    return ",".join(parts)


def living_pods(application: Application, pods: Iterable[JsonObject]) -> list[JsonObject]:
    """Those of the pods that belong to the application and have not ended.

    Selectors of badly labelled workloads overlap; the owner decides. An evicted pod stays as a
    record (phase Failed) and holds no connection.
    """
    found: list[JsonObject] = []
    for pod in pods:
        if section(pod, "status").get("phase") in ("Succeeded", "Failed"):
            continue
        for owner in entries(pod["metadata"], "ownerReferences"):
            name = str(owner.get("name"))
            if application.kind == "deployment":
                name = name.rpartition("-")[0]
            if owner.get("kind") == _OWNERS[application.kind] and name == application.name:
                found.append(pod)
    return found


def is_ready(workload: JsonObject, replicas: int) -> bool:
    """Whether the controller has seen the newest state and that many replicas are ready."""
    status: JsonObject = section(workload, "status")
    seen = int(status.get("observedGeneration") or 0) >= int(workload["metadata"]["generation"])
    return seen and int(status.get("readyReplicas") or 0) >= replicas


def troubles(pods: Iterable[JsonObject]) -> list[str]:
    """What the cluster says about pods that are not ready: one line for each."""
    found: list[str] = []
    for pod in pods:
        name = f"pod/{pod['metadata']['name']}"
        status: JsonObject = section(pod, "status")
        if pod["metadata"].get("deletionTimestamp"):
            found.append(f"{name} is being ended")
            continue
        said = ""
        for container in entries(status, "containerStatuses"):
            waiting = section(container, "state", "waiting")
            if waiting:
                said = f"{waiting.get('reason')}: {waiting.get('message') or ''}"
        for entry in entries(status, "conditions"):
            if not said and entry.get("type") in ("PodScheduled", "Ready"):
                if entry.get("status") == "True":
                    continue
                said = f"{entry.get('reason') or 'not ready'}: {entry.get('message') or ''}"
        if said:
            found.append(f"{name}: {' '.join(printable(said).split()).rstrip(': ')}")
    return found


def look_up(cluster: Cluster, applications: Iterable[Application]) -> list[Plan]:
    """Read all applications and plan; nothing is changed.

    Raises:
        NotFoundError: One does not exist.
        PgkeepError: One may not be read.
    """
    plans: list[Plan] = []
    for application in applications:
        try:
            workload = cluster.get(application.resource, application.name)
        except NotFoundError as error:
            raise NotFoundError(
                f"There is no {application} in namespace {cluster.namespace}; nothing was stopped.",
                cause="The setting applications of the stack names it.",
                cure=f"kubectl --namespace {cluster.namespace} get deployments,statefulsets shows "
                "those that exist; then pulumi config set --path 'applications[0]' … && pulumi up",
            ) from error
        plans.append(plan(application, workload))
    return plans


def stop(cluster: Cluster, planned: Plan) -> Plan:
    """Remember the replicas and scale to 0; return the plan that was carried out.

    Someone else's change in between is read anew, so that the remembered number is right.

    Raises:
        PgkeepError: It may not be changed, or changes all the time.
    """
    for _ in range(_CONFLICT_RETRIES):
        if planned.replicas == 0:
            return planned  # stopped already: by itself, or by an earlier run that left its note
        try:
            cluster.patch(
                planned.application.resource, planned.application.name, stop_patch(planned)
            )
        except ConflictError:
            [planned] = look_up(cluster, [planned.application])
        else:
            return planned
    raise ApplicationError(
        f"{planned.application} was changed again and again while it was to be stopped.",
        cause="Another controller or person scales it.",
        cure="Find out who does, then run the same command again.",
    )


def wait_stopped(cluster: Cluster, planned: Plan, *, seconds: float = STOP_SECONDS) -> None:
    """Wait until the last pod of the application is gone.

    Raises:
        ApplicationError: It took longer than `seconds`.
    """
    application = planned.application
    if wait_until(
        cluster,
        api.PODS,
        label_selector=planned.selector,
        test=lambda pods: not living_pods(application, pods),
        seconds=seconds,
    ):
        return
    pods = living_pods(application, cluster.find(api.PODS, label_selector=planned.selector))
    raise ApplicationError(
        f"{application} still has {plural(len(pods), 'pod')} {duration(seconds)} after it was "
        "stopped.",
        cause="; ".join(troubles(pods)),
        cure="A pod that does not end on SIGTERM, or whose node is away, needs you: kubectl "
        f"--namespace {cluster.namespace} get pods --selector '{planned.selector}'",
    )


def start(cluster: Cluster, planned: Plan) -> int:
    """Scale to the remembered replicas and take the note away. Tries for minutes if need be.

    Returns:
        The replicas it had before: more than 0 when someone else has started it.

    Raises:
        PgkeepError: It may not be changed, does not exist any more, or the cluster stays away.
    """
    application = planned.application
    patch = start_patch(planned.start)
    found = 0
    # Only for what can be said about it; the start does not depend on it.
    with contextlib.suppress(PgkeepError):
        found = replicas_of(cluster.get(application.resource, application.name))
    insist(lambda: cluster.patch(application.resource, application.name, patch))
    return found


def wait_ready(cluster: Cluster, planned: Plan, *, seconds: float = READY_SECONDS) -> int:
    """Wait until all replicas are ready; where an autoscaler goes on already, as many as it wants.

    Returns:
        How many that are.

    Raises:
        ApplicationError: They are not after `seconds`, with what their pods say.
    """
    application = planned.application
    wanted: list[int] = []

    def ready(found: list[JsonObject]) -> bool:
        if not found:
            return False
        wanted[:] = [min(planned.start, replicas_of(found[0]))]
        return wanted[0] == 0 or is_ready(found[0], wanted[0])

    if wait_until(
        cluster,
        application.resource,
        field_selector=f"metadata.name={application.name}",
        test=ready,
        seconds=seconds,
    ):
        if wanted[0] > 0:
            return wanted[0]
        raise ApplicationError(
            f"{application} has been started with {plural(planned.start, 'replica')}, and was "
            "stopped again by somebody else.",
            cause="Another person or controller, or another run of this tool, scaled it to 0.",
            cure=f"kubectl --namespace {cluster.namespace} describe {application}",
        )
    pods = living_pods(application, cluster.find(api.PODS, label_selector=planned.selector))
    raise ApplicationError(
        f"{application} has been started with {plural(planned.start, 'replica')}, but they are "
        f"not all ready after {duration(seconds)}.",
        cause="; ".join(troubles(pods)) or "No pod says why.",
        cure=f"kubectl --namespace {cluster.namespace} describe {application}",
    )

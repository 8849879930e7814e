"""Jobs and their pods, read from plain JSON: made from a CronJob, judged, explained. Pure."""

import copy
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pgkeep.errors import PgkeepError
from pgkeep.kube.logs import CONTAINER
from pgkeep.kube.objects import JsonObject, entries, section
from pgkeep.terminal.words import parse_time, printable

MANUAL = "manual"
"""The word in the generated names of Jobs a person asked for."""

SETTINGS = "settings"
"""Key of a CronJob, in the tool alone, that holds what its `envFrom` brings."""

# These do not mend themselves by waiting: someone has to change something.
_HOPELESS_WAITING = frozenset(
    {
        "CreateContainerConfigError",
        "CreateContainerError",
        "ErrImageNeverPull",
        "ErrImagePull",
        "ImageInspectError",
        "ImagePullBackOff",
        "InvalidImageName",
        "RunContainerError",
    }
)
_POD_EVENTS = frozenset(
    {
        "FailedMount",
        "FailedAttachVolume",
        "FailedMapVolume",
        "FailedCreatePodSandBox",
        "NetworkNotReady",
    }
)

_IMAGE_CURE = (
    "Check the settings image and imagePullSecrets, and that the node has a way to the registry."
)
_CURES = {
    "ErrImagePull": _IMAGE_CURE,
    "ImagePullBackOff": _IMAGE_CURE,
    "ErrImageNeverPull": _IMAGE_CURE,
    "InvalidImageName": _IMAGE_CURE,
    "CreateContainerConfigError": "Bring the stack up to date: pulumi up",
    "FailedScheduling": "Is the volume bound (kubectl get pvc), and has a node room for the pod's "
    "requests (settings resourcesCpuRequest, resourcesMemoryRequest)?",
    "FailedMount": "Check the claim (setting volumeName) and the stack's ConfigMaps: pulumi up",
    "FailedCreate": "A quota, a limit range or the namespace's Pod Security level refuses the pod; "
    "kubectl describe quota,limits shows them.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Obstacle:
    """Why no container of a Job runs yet."""

    reason: str
    message: str
    hopeless: bool

    @property
    def cure(self) -> str:
        """What to do about it; empty where nothing general can be said."""
        return _CURES.get(self.reason, "")


@dataclass(frozen=True, slots=True, kw_only=True)
class JobResult:
    """How a Job ended."""

    name: str
    succeeded: bool
    reason: str
    message: str
    exit_code: int | None
    started: datetime | None
    ended: datetime | None
    lines: tuple[str, ...]

    @property
    def seconds(self) -> float | None:
        """From the Job's start to its end; the API's times are full seconds."""
        if self.started is None or self.ended is None:
            return None
        return (self.ended - self.started).total_seconds()


def job_from_cronjob(
    cronjob: JsonObject,
    *,
    word: str = MANUAL,
    environment: dict[str, str] | None = None,
    annotations: dict[str, str] | None = None,
    secret: str = "",
) -> JsonObject:
    """Build the Job that `kubectl create job --from=cronjob/…` would build.

    Owned by the CronJob, so that its history limits apply; `blockOwnerDeletion` stays unset, as in
    kubectl, because setting it takes a right on the CronJob that an operator need not have.

    Args:
        cronjob: The CronJob as the API returned it.
        word: Goes into the generated name: `<cronjob>-<word>-<random>`.
        environment: Variables of the container `pgkeep` to replace or add, as it shall see them.
        annotations: To add to those of the template.
        secret: The Secret of the credentials, instead of the stack's.

    Raises:
        PgkeepError: The template has no credentials that another Secret could take the place of.
    """
    metadata: JsonObject = cronjob["metadata"]
    template: JsonObject = copy.deepcopy(cronjob["spec"]["jobTemplate"])
    template_metadata: JsonObject = section(template, "metadata")
    if environment:
        for container in template["spec"]["template"]["spec"]["containers"]:
            if container["name"] == CONTAINER:
                container["env"] = _override(entries(container, "env"), environment)
    if secret:
        _mount_secret(template["spec"]["template"]["spec"], secret)
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "generateName": f"{metadata['name']}-{word}-",
            "namespace": metadata["namespace"],
            "labels": dict(section(template_metadata, "labels")),
            "annotations": {
                "cronjob.kubernetes.io/instantiate": "manual",
                **section(template_metadata, "annotations"),
                **(annotations or {}),
            },
            "ownerReferences": [
                {
                    "apiVersion": "batch/v1",
                    "kind": "CronJob",
                    "name": metadata["name"],
                    "uid": metadata["uid"],
                    "controller": True,
                }
            ],
        },
        "spec": template["spec"],
    }


def _override(present: list[JsonObject], environment: dict[str, str]) -> list[JsonObject]:
    kept = [entry for entry in present if entry["name"] not in environment]
    # The kubelet expands $(NAME) and halves $$; a name in a database may hold both.
    return kept + [
        {"name": name, "value": value.replace("$", "$$")} for name, value in environment.items()
    ]


def _mount_secret(pod_spec: JsonObject, name: str) -> None:
    mounted = [section(volume, "secret") for volume in entries(pod_spec, "volumes")]
    found = [secret for secret in mounted if secret]
    if len(found) != 1:
        raise PgkeepError(
            f"Secret {name} cannot take the place of the stack's: the template mounts "
            f"{len(found)} Secrets. Nothing was changed.",
            cure="Bring the stack and this tool to the same version: pulumi up",
        )
    found[0]["secretName"] = name


def variable(workload: JsonObject, name: str) -> str:
    """Return the value of a variable of the container `pgkeep`, of a CronJob or a Job.

    As the container sees it: in its own `env` each `$` is written `$$`. What its `envFrom` brings
    is known of a CronJob that `discovery.with_settings` returned. Empty when it is not set.
    """
    for entry in _environment(workload):
        if entry["name"] == name:
            return str(entry.get("value") or "").replace("$$", "$")
    return str(section(workload, SETTINGS).get(name) or "")


def knows(workload: JsonObject, name: str) -> bool:
    """Whether the container `pgkeep` of a CronJob has a variable, also an empty one."""
    own = any(entry["name"] == name for entry in _environment(workload))
    return own or name in section(workload, SETTINGS)


def _environment(workload: JsonObject) -> list[JsonObject]:
    """The container's own `env`."""
    return [entry for container in own_containers(workload) for entry in entries(container, "env")]


def own_containers(workload: JsonObject) -> list[JsonObject]:
    """The container `pgkeep` of a CronJob or a Job; of one by hand there may be none."""
    spec: JsonObject = workload["spec"]
    spec = section(spec, "jobTemplate", "spec") or spec
    found = entries(spec["template"]["spec"], "containers")
    return [container for container in found if container["name"] == CONTAINER]


def database_names(workload: JsonObject) -> tuple[str, ...]:
    """Return the databases of a backup or restore CronJob."""
    return tuple(name for name in variable(workload, "DATABASE_NAMES").split("\n") if name)


def condition(status_holder: JsonObject, kind: str) -> JsonObject | None:
    """Return a condition of an object when its status is True."""
    for entry in entries(status_holder, "status", "conditions"):
        if entry.get("type") == kind and entry.get("status") == "True":
            return entry
    return None


def has_ended(job: JsonObject) -> bool:
    """Whether the Job is Complete or Failed, with all its pods ended."""
    return condition(job, "Complete") is not None or condition(job, "Failed") is not None


def result(job: JsonObject, pods: Iterable[JsonObject], lines: Iterable[str]) -> JobResult:
    """Judge an ended Job by its condition, and add what its last pod's container says."""
    failed = condition(job, "Failed")
    final = failed or condition(job, "Complete") or {}
    status: JsonObject = section(job, "status")
    exit_code: int | None = None
    collected = list(lines)
    for pod in sorted(pods, key=lambda pod: str(pod["metadata"].get("creationTimestamp"))):
        for container in entries(pod, "status", "containerStatuses"):
            ended: Any = section(container, "state").get("terminated")
            if container.get("name") == CONTAINER and ended:
                exit_code = ended.get("exitCode")
                if not collected and ended.get("message"):
                    # The log could not be read; the kubelet keeps its end with the status.
                    collected = [printable(line) for line in str(ended["message"]).splitlines()]
    return JobResult(
        name=job["metadata"]["name"],
        succeeded=failed is None,
        reason=str(final.get("reason") or ""),
        message=str(final.get("message") or ""),
        exit_code=exit_code,
        started=_time(status.get("startTime")),
        ended=_time(status.get("completionTime") or final.get("lastTransitionTime")),
        lines=tuple(collected),
    )


def _time(text: str | None) -> datetime | None:
    return parse_time(text) if text else None


def started(pods: Iterable[JsonObject]) -> bool:
    """Whether the container of any of the pods runs or has run."""
    for pod in pods:
        for container in entries(pod, "status", "containerStatuses"):
            state: JsonObject = section(container, "state")
            if container.get("name") == CONTAINER and ("running" in state or "terminated" in state):
                return True
    return False


def obstacle(
    job_name: str, pods: Iterable[JsonObject], events: Iterable[JsonObject]
) -> Obstacle | None:
    """Say what keeps a Job's pod from starting; None while nothing is known to be wrong.

    Args:
        job_name: The Job.
        pods: Its pods.
        events: Warnings about the Job and its pods, oldest first.
    """
    pods = list(pods)
    alive = [pod for pod in pods if section(pod, "status").get("phase") == "Pending"]
    last: dict[str, JsonObject] = {}
    for event in events:
        subject: JsonObject = section(event, "involvedObject")
        last[f"{subject.get('kind')}/{subject.get('name')}"] = event
    if not pods:
        event = last.get(f"Job/{job_name}")
        if event is not None and event.get("reason") == "FailedCreate":
            return _obstacle("FailedCreate", event.get("message"), hopeless=True)
        return None
    for pod in alive:
        status: JsonObject = pod["status"]
        event = last.get(f"Pod/{pod['metadata']['name']}")
        for container in entries(status, "containerStatuses"):
            waiting: JsonObject = section(container, "state", "waiting")
            reason = str(waiting.get("reason") or "")
            if reason in _HOPELESS_WAITING:
                return _obstacle(reason, waiting.get("message"), hopeless=True)
        for entry in entries(status, "conditions"):
            if entry.get("type") == "PodScheduled" and entry.get("status") == "False":
                return _obstacle("FailedScheduling", entry.get("message"), hopeless=False)
        if event is not None and event.get("reason") in _POD_EVENTS:
            return _obstacle(str(event["reason"]), event.get("message"), hopeless=False)
    return None


def _obstacle(reason: str, message: Any, *, hopeless: bool) -> Obstacle:
    text = " ".join(printable(str(message or "")).split())
    return Obstacle(reason=reason, message=text, hopeless=hopeless)

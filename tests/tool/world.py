"""A cluster in memory, whose requests can be made to fail one by one.

Controllers are quick here: pods are gone with the request that stops their workload, and all are
ready with the one that starts it. A Job runs until somebody follows it, or time passes.
"""

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import cast

from pgkeep import environment
from pgkeep.errors import ConflictError, JobStartError, NotFoundError
from pgkeep.kube import client as api
from pgkeep.kube.client import Resource
from pgkeep.kube.jobs import JobResult, has_ended, result, variable
from pgkeep.kube.objects import JsonObject, section
from pgkeep.restoring.applications import ANNOTATION

STACK = environment.values(environment.RESTORE)
"""What the template says itself."""
SETTINGS = {
    "RESTORE_DATABASE_VOLUME": "",
    "RESTORE_APPLICATIONS": "deployment/web,statefulset/queue",
    "DATABASE_NAMES": "shop",
    "DATABASE_HOST": "postgres",
    "DATABASE_PORT": "5432",
    "DATABASE_SECRET": "postgres",
}
"""What the ConfigMap of the settings says."""
LABELS = {"app.kubernetes.io/name": "pgkeep", "app.kubernetes.io/component": "restore"}


def aside(
    name: str = "shop_before_20261123_045900",
    *,
    age: int = 60,
    size: str = "9227469",
    owner: str = "shop",
    successor: str = "backup-20261123-020000",
    ours: str = "true",
    droppable: str = "true",
    since: str = "2026-11-23T04:59:00Z",
) -> str:
    """A line of the list of what is put aside."""
    return "\t".join((name, since, str(age), size, owner, successor, ours, droppable))


ASIDE_HEADER = "name since age_seconds bytes owner successor ours droppable".replace(" ", "\t")


def aside_lines(*rows: str) -> tuple[str, ...]:
    """The list as its Job prints it."""
    return ("#pgkeep-aside 1", ASIDE_HEADER, *rows, f"#end {len(rows)}")


FOREIGN = aside("shop_before_20261123_050000", owner="eve", ours="false", droppable="false")


class Killed(BaseException):
    """SIGKILL: nothing in the tool may catch it, and nothing answers it afterwards."""


Fault = Callable[[], BaseException]


@dataclass
class World:
    """The objects, and the requests that were made."""

    namespace: str = "shop"
    context: str = "here"
    objects: dict[str, dict[str, JsonObject]] = field(
        default_factory=dict[str, dict[str, JsonObject]]
    )
    log_lines: tuple[str, ...] = ()
    aside_lines: tuple[str, ...] = aside_lines(aside())
    """What a Job says that looks for what is put aside."""
    succeed: bool = True
    starts: bool = True
    """Whether the pods of Jobs start."""
    requests: list[str] = field(default_factory=list[str])
    fault: Fault | None = None
    fault_at: int = 0
    """Which request fails, counted from 1; 0 for none."""
    carried_out: bool = False
    """Whether the failing request has done its work, and only its answer is lost."""
    dead: bool = False

    def ask(self, request: str, work: Callable[[], JsonObject | None]) -> JsonObject:
        """Carry out one request, or fail."""
        if self.dead:
            raise Killed
        self.requests.append(request)
        hit = self.fault is not None and len(self.requests) == self.fault_at
        if hit and not self.carried_out:
            self._fail()
        answer = copy.deepcopy(work() or {})
        if hit:
            self._fail()
        return answer

    def _fail(self) -> None:
        assert self.fault is not None
        error = self.fault()
        self.dead = isinstance(error, Killed)
        raise error

    # --- what the tool asks for ---

    def get(self, resource: Resource, name: str) -> JsonObject:
        return self.ask(f"get {resource.singular}/{name}", lambda: self.one(resource, name))

    def find(
        self, resource: Resource, *, label_selector: str = "", **_: object
    ) -> list[JsonObject]:
        def work() -> JsonObject:
            return {"items": self.matching(resource, label_selector)}

        items: list[JsonObject] = self.ask(f"list {resource.plural}", work)["items"]
        return items

    def create(self, resource: Resource, body: JsonObject) -> JsonObject:
        def work() -> JsonObject:
            made = copy.deepcopy(body)
            number = len(self.all(resource)) + 1
            made["metadata"]["name"] = f"{made['metadata']['generateName']}{number}"
            made["metadata"]["creationTimestamp"] = f"2026-11-23T05:00:{number:02}Z"
            self.all(resource)[made["metadata"]["name"]] = made
            return made

        return self.ask(f"create {resource.singular}", work)

    def patch(self, resource: Resource, name: str, body: JsonObject) -> JsonObject:
        def work() -> JsonObject:
            found = self.one(resource, name)
            version = section(body, "metadata").get("resourceVersion")
            if version not in (None, found["metadata"]["resourceVersion"]):
                raise ConflictError(f"{name} was changed")
            merge(found, {**body, "metadata": {**body["metadata"], "resourceVersion": None}})
            self.settle(found)
            return found

        return self.ask(f"patch {resource.singular}/{name}", work)

    def delete(self, resource: Resource, name: str, **_: object) -> None:
        self.ask(f"delete {resource.singular}/{name}", lambda: self.all(resource).pop(name, None))

    def watch(
        self, resource: Resource, *, label_selector: str = "", field_selector: str = "", **_: object
    ) -> Iterator[tuple[str, JsonObject]]:
        name = field_selector.partition("metadata.name=")[2]
        found = self.ask(
            f"watch {resource.plural}",
            lambda: {
                "items": [
                    one
                    for one in self.matching(resource, label_selector)
                    if not name or one["metadata"]["name"] == name
                ]
            },
        )
        for one in found["items"]:
            yield "ADDED", one
        yield "LISTED", {}

    # --- what is there ---

    def all(self, resource: Resource) -> dict[str, JsonObject]:
        return self.objects.setdefault(resource.plural, {})

    def one(self, resource: Resource, name: str) -> JsonObject:
        if name not in self.all(resource):
            raise NotFoundError(f"There is no {resource.singular}/{name}.")
        return self.all(resource)[name]

    def matching(self, resource: Resource, label_selector: str) -> list[JsonObject]:
        if resource is api.PODS:
            return self.pods(label_selector)
        wanted = dict(part.split("=") for part in label_selector.split(",") if part)
        return [
            one
            for one in self.all(resource).values()
            if wanted.items() <= section(one, "metadata", "labels").items()
        ]

    def pods(self, label_selector: str) -> list[JsonObject]:
        found: list[JsonObject] = []
        for resource, kind in ((api.DEPLOYMENTS, "ReplicaSet"), (api.STATEFULSETS, "StatefulSet")):
            for name, workload in self.all(resource).items():
                if label_selector == f"app={name}":
                    owner = {"kind": kind, "name": name if kind != "ReplicaSet" else f"{name}-6d5f"}
                    metadata = {"ownerReferences": [owner]}
                    found += [
                        {"metadata": {"name": f"{name}-{number}", **metadata}}
                        for number in range(workload["spec"]["replicas"])
                    ]
        return found

    def settle(self, workload: JsonObject) -> None:
        """What the controllers do."""
        metadata = workload["metadata"]
        metadata["generation"] = metadata.get("generation", 0) + 1
        metadata["resourceVersion"] = str(metadata["generation"])
        replicas = workload["spec"]["replicas"]
        status = {"observedGeneration": metadata["generation"], "readyReplicas": replicas}
        workload["status"] = status | {"replicas": replicas, "updatedReplicas": replicas}

    # --- what the tests do ---

    def run_jobs(self, *, succeed: bool = True) -> None:
        """Let every Job come to its end."""
        for name, job in self.all(api.JOBS).items():
            if not has_ended(job):
                self.run_job(name, succeed=succeed)

    def run_job(self, name: str, *, succeed: bool = True) -> None:
        """Let one Job come to its end."""
        ended = {"type": "Complete" if succeed else "Failed", "status": "True"}
        ended["lastTransitionTime"] = "2026-11-23T05:01:00Z"
        status = {"conditions": [ended], "startTime": "2026-11-23T05:00:00Z"}
        self.one(api.JOBS, name)["status"] = status

    def begin_job(self, **variables: str) -> None:
        """Let somebody else begin a restore."""
        own = [{"name": name, "value": value} for name, value in variables.items()]
        containers = [{"name": "pgkeep", "env": own}]
        job: JsonObject = {
            "metadata": {
                "name": "postgres-restore-by-hand",
                "labels": LABELS,
                "creationTimestamp": "2026-11-23T05:00:59Z",
            },
            "spec": {"template": {"spec": {"containers": containers}}},
        }
        self.all(api.JOBS)[job["metadata"]["name"]] = job

    def recovered(self) -> "World":
        """The same cluster, seen by somebody else: no faults, no requests yet."""
        return World(objects=self.objects)

    @property
    def applications(self) -> dict[str, tuple[int, str | None]]:
        """Replicas and note of each."""
        return {
            name: (
                workload["spec"]["replicas"],
                section(workload, "metadata", "annotations").get(ANNOTATION),
            )
            for resource in (api.DEPLOYMENTS, api.STATEFULSETS)
            for name, workload in self.all(resource).items()
        }

    @property
    def jobs(self) -> list[JsonObject]:
        return list(self.all(api.JOBS).values())

    def told(self, job: JsonObject) -> dict[str, str]:
        """What a Job was told that the template does not say."""
        template = self.one(api.CRONJOBS, "postgres-restore")
        told = {name: variable(job, name) for name in STACK | SETTINGS}
        return {name: value for name, value in told.items() if value != variable(template, name)}


def merge(target: JsonObject, changes: JsonObject) -> None:
    """JSON merge patch; a null resourceVersion is left to the caller."""
    for key, value in changes.items():
        if isinstance(value, dict):
            merge(target.setdefault(key, {}), cast("JsonObject", value))
        elif value is None:
            target.pop(key, None)
        else:
            target[key] = value


def workload(world: World, resource: Resource, name: str, replicas: int) -> JsonObject:
    made: JsonObject = {
        "metadata": {"name": name},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": name}}},
    }
    world.settle(made)
    world.all(resource)[name] = made
    return made


def stack(**variables: str) -> World:
    """A stack of a database with two applications."""
    world = World()
    own = {name: variables.get(name, value) for name, value in STACK.items()}
    container = {
        "name": "pgkeep",
        "env": [{"name": name, "value": value} for name, value in own.items()],
        "envFrom": [{"configMapRef": {"name": "postgres-backup-settings"}}],
    }
    settings = {name: variables.get(name, value) for name, value in SETTINGS.items()}
    world.all(api.CONFIG_MAPS)["postgres-backup-settings"] = {"data": settings}
    credentials = {"name": "credentials", "secret": {"secretName": "postgres"}}
    world.all(api.CRONJOBS)["postgres-restore"] = {
        "metadata": {
            "name": "postgres-restore",
            "namespace": "shop",
            "uid": "uid-1",
            "labels": LABELS,
        },
        "spec": {
            "jobTemplate": {
                "metadata": {"labels": LABELS},
                "spec": {
                    "template": {"spec": {"containers": [container], "volumes": [credentials]}}
                },
            }
        },
    }
    workload(world, api.DEPLOYMENTS, "web", 2)
    workload(world, api.STATEFULSETS, "queue", 1)
    return world


Call = Callable[[World, list[str]], tuple[int, str]]
"""Runs the tool against a world: exit code and output."""


def is_look(job: JsonObject) -> bool:
    """Whether a Job only looks for what is put aside."""
    return variable(job, "RESTORE_ACTION") == "list-aside"


class Follower:
    """Follows a Job of the world: a request while it runs, and one when it has ended."""

    def __init__(self, cluster: World, job_name: str, **_: object) -> None:
        self._world = cluster
        self._name = job_name

    def run(self) -> JobResult:
        world = self._world
        world.ask("follow", lambda: None)
        if not world.starts and not is_look(world.one(api.JOBS, self._name)):
            world.all(api.JOBS).pop(self._name)
            raise JobStartError(f"job/{self._name} did not start.")
        look = is_look(world.one(api.JOBS, self._name))
        world.run_job(self._name, succeed=world.succeed or look)
        world.ask("see the end", lambda: None)
        job = world.one(api.JOBS, self._name)
        lines = world.aside_lines if is_look(job) else world.log_lines
        return result(job, [], lines)

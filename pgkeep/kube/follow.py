"""Follows a Job to its end: its condition, its pods, its events and its log, all as they come.

One thread for each stream, all of them writing to one queue; the caller's thread alone decides.
"""

import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from pgkeep.errors import (
    JobFailedError,
    JobStartError,
    NotFoundError,
    NotPermittedError,
    PgkeepError,
    UnreachableError,
)
from pgkeep.kube import jobs
from pgkeep.kube.client import EVENTS, JOBS, PODS, Cluster, Resource
from pgkeep.kube.logs import container_state, read_log
from pgkeep.kube.objects import JsonObject, section
from pgkeep.kube.waiting import wait_until
from pgkeep.terminal.words import duration

DEFAULT_START_SECONDS = 300.0

# A pull that fails may succeed a moment later; longer than this it never did.
_HOPELESS_SECONDS = 15.0
# How long the cluster may be away while a Job runs.
_PATIENCE_SECONDS = 300.0
# After the Job's end its log is complete on the node; reading the rest takes moments.
_LOG_REST_SECONDS = 20.0
_DELETED_SECONDS = 60.0

_Kind = Literal["job", "pod", "event", "line", "log-ended", "away", "back", "error"]


@dataclass(frozen=True, slots=True)
class _News:
    kind: _Kind
    name: str = ""
    value: JsonObject | None = None
    error: PgkeepError | None = None


class JobFollower:
    """The state of one followed Job."""

    def __init__(
        self,
        cluster: Cluster,
        job_name: str,
        *,
        on_line: Callable[[str], None],
        on_notice: Callable[[str], None],
        start_seconds: float = DEFAULT_START_SECONDS,
    ) -> None:
        """Prepare to follow; `run` does it.

        Args:
            cluster: Where.
            job_name: Which.
            on_line: Called with every line of the log.
            on_notice: Called with what the user should know meanwhile.
            start_seconds: How long a pod may take to start when nothing says it is hopeless.
        """
        self._cluster = cluster
        self._name = job_name
        self._pods_selector = f"batch.kubernetes.io/job-name={job_name}"
        self._on_line = on_line
        self._on_notice = on_notice
        self._start_seconds = start_seconds
        self._news: queue.SimpleQueue[_News] = queue.SimpleQueue()
        self._stop = threading.Event()
        self._job: JsonObject | None = None
        self._pods: dict[str, JsonObject] = {}
        self._warnings: list[JsonObject] = []
        self._open_logs: set[str] = set()
        self._read_logs: set[str] = set()
        self._lines: list[str] = []
        self._away_since: float | None = None
        self._told: set[str] = set()

    def run(self) -> jobs.JobResult:
        """Return when the Job has ended and its log is read.

        Raises:
            JobStartError: No container started; the Job is deleted.
            JobFailedError: The Job was deleted meanwhile.
            PgkeepError: The cluster is away for five minutes, or refuses. The Job goes on.
        """
        self._begin(JOBS, "job", field_selector=f"metadata.name={self._name}")
        self._begin(PODS, "pod", label_selector=self._pods_selector)
        self._begin(EVENTS, "event", field_selector="type=Warning")
        try:
            return self._until_the_end()
        finally:
            self._stop.set()

    def _until_the_end(self) -> jobs.JobResult:
        begun = time.monotonic()
        hopeless_since: float | None = None
        ended_at: float | None = None
        while True:
            try:
                self._take(self._news.get(timeout=1.0))
            except queue.Empty:
                pass
            else:
                while not self._news.empty():
                    self._take(self._news.get())
            now = time.monotonic()
            if self._away_since is not None:
                if now - self._away_since > _PATIENCE_SECONDS:
                    raise UnreachableError(
                        f"The cluster has not answered for {duration(_PATIENCE_SECONDS)}.",
                        cause=f"job/{self._name} goes on by itself, if the cluster does.",
                    )
                continue
            if self._job is not None and jobs.has_ended(self._job):
                if ended_at is None:
                    ended_at = now
                    # The Job's end may be reported before its pod's: a short pod may not have been
                    # seen at all, and its log not begun.
                    for pod in self._cluster.find(PODS, label_selector=self._pods_selector):
                        self._take_pod(pod)
                if not self._open_logs or now - ended_at > _LOG_REST_SECONDS:
                    return jobs.result(self._job, self._pods.values(), self._lines)
                continue
            if jobs.started(self._pods.values()):
                continue
            obstacle = self._tell_obstacle()
            if obstacle is None or not obstacle.hopeless:
                hopeless_since = None
            else:
                hopeless_since = hopeless_since or now
                if now - hopeless_since > _HOPELESS_SECONDS:
                    self._give_up(obstacle, now - begun)
            if now - begun > self._start_seconds:
                self._give_up(obstacle, now - begun)

    def _take(self, news: _News) -> None:
        value = news.value or {}
        match news.kind:
            case "job":
                self._take_job(news.name, value)
            case "pod":
                self._take_pod(value)
            case "event":
                subject = str(section(value, "involvedObject").get("name") or "")
                if subject == self._name or subject.startswith(f"{self._name}-"):
                    self._warnings.append(value)
            case "line":
                self._lines.append(news.name)
                self._on_line(news.name)
            case "log-ended":
                self._open_logs.discard(news.name)
            case "away":
                if self._away_since is None:
                    self._away_since = time.monotonic()
                    self._on_notice("The cluster does not answer; trying again. The job goes on.")
            case "back":
                if self._away_since is not None:
                    self._away_since = None
                    self._on_notice("The cluster answers again.")
            case "error":
                if news.error is not None:
                    raise news.error

    def _take_job(self, change: str, job: JsonObject) -> None:
        if change == "DELETED":
            raise JobFailedError(
                f"job/{self._name} was deleted while it was followed.",
                cause="Someone, or a stack that was destroyed, deleted it.",
            )
        self._job = job

    def _take_pod(self, pod: JsonObject) -> None:
        name = str(pod["metadata"]["name"])
        if name not in self._pods and self._pods:
            self._on_notice(f"A new pod takes over: pod/{name} (the last one was disrupted).")
        self._pods[name] = pod
        if name not in self._read_logs and container_state(pod)[0] != "waiting":
            self._read_logs.add(name)
            self._open_logs.add(name)
            self._thread(lambda: self._read(name))

    def _tell_obstacle(self) -> jobs.Obstacle | None:
        obstacle = jobs.obstacle(self._name, self._pods.values(), self._warnings)
        if obstacle is not None:
            text = f"The pod cannot start yet: {obstacle.reason}: {obstacle.message}"
            # The back-off and the error take turns; once for each reason is enough.
            if obstacle.reason not in self._told:
                self._told.add(obstacle.reason)
                self._on_notice(text)
        return obstacle

    def _give_up(self, obstacle: jobs.Obstacle | None, seconds: float) -> None:
        """Delete the Job, so that it does not start unobserved later, and say why.

        Raises:
            JobStartError: Unless a container has started in the very last moment.
        """
        if jobs.started(self._cluster.find(PODS, label_selector=self._pods_selector)):
            return
        remove_job(self._cluster, self._name, wait=True)
        raise JobStartError(
            f"job/{self._name} did not start within {duration(seconds)}; it has been deleted and "
            "nothing ran.",
            cause=f"{obstacle.reason}: {obstacle.message}" if obstacle else "No pod was reported.",
            cure=obstacle.cure if obstacle else "Is the cluster's Job controller running?",
        )

    def _begin(
        self,
        resource: Resource,
        kind: _Kind,
        *,
        label_selector: str = "",
        field_selector: str = "",
    ) -> None:
        self._thread(lambda: self._watch(resource, kind, label_selector, field_selector))

    @staticmethod
    def _thread(work: Callable[[], None]) -> None:
        # Daemons: a stream that is silent must not keep the program from ending.
        threading.Thread(target=work, daemon=True).start()

    def _watch(
        self, resource: Resource, kind: _Kind, label_selector: str, field_selector: str
    ) -> None:
        wait = 0.5
        while not self._stop.is_set():
            try:
                seen = False
                for change, value in self._cluster.watch(
                    resource, label_selector=label_selector, field_selector=field_selector
                ):
                    if self._stop.is_set():
                        return
                    wait = 0.5
                    if change != "LISTED":
                        seen = True
                        self._news.put(_News(kind, change, value))
                        continue
                    self._news.put(_News("back"))
                    if kind == "job" and not seen:
                        self._news.put(_News("job", "DELETED", {}))
                        return
            except UnreachableError:
                self._news.put(_News("away"))
                self._stop.wait(wait)
                wait = min(wait * 2, 8.0)
            except NotPermittedError as error:
                if kind != "event":  # without events less can be explained, that is all
                    self._news.put(_News("error", error=error))
                return
            except PgkeepError as error:
                self._news.put(_News("error", error=error))
                return

    def _read(self, pod: str) -> None:
        try:
            read_log(
                self._cluster,
                pod,
                on_line=lambda line: self._news.put(_News("line", line)),
                stop=self._stop,
            )
        except PgkeepError as error:
            self._news.put(_News("error", error=error))
        finally:
            self._news.put(_News("log-ended", pod))


def remove_job(cluster: Cluster, name: str, *, wait: bool = False) -> None:
    """Delete a Job and its pods. One that is gone already is fine.

    Args:
        cluster: Where.
        name: The Job.
        wait: Return only when the pods are gone, too (at most a minute).

    Raises:
        PgkeepError: It may not be deleted, or the cluster is away.
    """
    try:
        cluster.delete(JOBS, name, foreground=wait)
    except NotFoundError:
        return
    if wait:
        wait_until(
            cluster,
            JOBS,
            field_selector=f"metadata.name={name}",
            test=lambda found: not found,
            seconds=_DELETED_SECONDS,
        )

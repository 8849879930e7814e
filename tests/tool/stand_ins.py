"""Stand-ins for the cluster and the console, for the commands that need neither to be there."""

from collections.abc import Callable
from dataclasses import dataclass, field

from pgkeep.kube.jobs import JobResult
from pgkeep.kube.objects import JsonObject
from pgkeep.session.session import Session


def job_result(lines: list[str], *, succeeded: bool = True) -> JobResult:
    return JobResult(
        name="postgres-backup-console-x",
        succeeded=succeeded,
        reason="",
        message="",
        exit_code=0 if succeeded else 1,
        started=None,
        ended=None,
        lines=tuple(lines),
    )


@dataclass
class Console:
    """Stands in for the console's Jobs: gives prepared answers, remembers what was asked."""

    answers: dict[str, JobResult] = field(default_factory=dict[str, JobResult])
    asked: list[str] = field(default_factory=list[str])

    def run(
        self,
        _session: Session,
        command: str,
        *,
        backup: str = "latest",
        output: str = "tsv",
        dry_run: bool = True,
        on_line: Callable[[str], None] | None = None,
    ) -> JobResult:
        del output, on_line
        asked = f"{command} {backup}" if command != "prune" else f"prune dry_run={dry_run}"
        self.asked.append(asked)
        return self.answers[asked]

    def give(self, asked: str, *lines: str, succeeded: bool = True) -> None:
        self.answers[asked] = job_result(list(lines), succeeded=succeeded)


@dataclass
class Cluster:
    """Stands in for the cluster, as far as these commands look at it."""

    namespace: str = "shop"
    created: list[JsonObject] = field(default_factory=list[JsonObject])

    def create(self, _resource: object, manifest: JsonObject) -> JsonObject:
        self.created.append(manifest)
        return {"metadata": {"name": "made"}}

    def find(self, *_: object, **__: object) -> list[JsonObject]:
        return []

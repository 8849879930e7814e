"""What a Job of the restore's template does, read from the Job itself.

Whoever resumes a restore on another machine knows no more than this.
"""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pgkeep.kube.client import Cluster
from pgkeep.kube.discovery import component_jobs
from pgkeep.kube.jobs import JobResult, database_names, has_ended, result, variable
from pgkeep.kube.objects import JsonObject
from pgkeep.restoring.request import Server, same_host
from pgkeep.terminal.words import printable, utc

Action = Literal["restore", "undo", "drop-old"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One Job's task. Its sentences are about `job/…`, or about what it has done."""

    job: str
    action: Action
    backup: str
    database: str
    """Which of several databases; empty where the stack has one."""
    into: str
    parts: int
    dry_run: bool
    in_place: bool
    elsewhere: Server | None
    """Another server than the stack's."""

    @property
    def replaces(self) -> bool:
        """Whether it puts another database in the place of the live one."""
        return not (
            self.action == "drop-old"
            or self.into
            or self.parts
            or self.dry_run
            or self.elsewhere is not None
        )

    @property
    def doing(self) -> str:
        """What it does, as "it restores …"."""
        if self.action == "undo":
            return "undoes the last restore"
        if self.action == "drop-old":
            does = "looks for" if self.dry_run else "drops"
            return f"{does} the databases that restores have kept"
        what = self.backup or "a backup"
        return f"tries out the restore of {what}" if self.dry_run else f"restores {what}"

    @property
    def step(self) -> str:
        """A word for it in the list of durations."""
        if self.action == "restore":
            return "dry run" if self.dry_run else "restore"
        return "undo" if self.action == "undo" else "drop"

    @property
    def done(self) -> str:
        """What has been done once it has succeeded."""
        if self.action == "undo":
            return "The restore is undone: the database of before it has its name again."
        if self.action == "drop-old":
            return "Nothing was changed." if self.dry_run else "The kept databases are dropped."
        if self.dry_run:
            what = f"What was asked for of {self.backup}" if self.parts else self.backup
            return f"{what} can be restored. Nothing live was changed."
        if self.parts:
            return (
                f"Restored what was asked for of {self.backup}, into schemas of its own; their "
                "names are in the log."
            )
        where = f" as database {self.into}" if self.into else ""
        return f"Restored {self.backup}{where}{self._other_server}."

    @property
    def _other_server(self) -> str:
        if self.elsewhere is None:
            return ""
        return f" on {self.elsewhere.host}" if self.elsewhere.host else " on the other server"

    @property
    def failed(self) -> str:
        """The beginning of the message once it has failed."""
        if self.action == "undo":
            return "The undo failed"
        if self.action == "drop-old":
            return "Dropping the kept databases failed"
        return "The dry run failed" if self.dry_run else "The restore failed"

    @property
    def after_failure(self) -> str:
        """What a failure leaves behind."""
        if self.action == "drop-old":
            return "Of the kept databases some may be dropped, others not."
        if self.dry_run:
            return "The dry run failed; nothing live was changed."
        if self.action == "undo":
            return (
                "The undo failed. It swaps the two databases in one transaction; the log says "
                "how far it came."
            )
        if not self.replaces:
            return "The restore failed; the live database and the applications were not touched."
        step = "one transaction" if self.in_place else "its very last step, the swap"
        return (
            f"The restore failed. It replaces the live database only in {step}; the log says how "
            "far it came."
        )

    @property
    def undo_words(self) -> list[str] | None:
        """The command that undoes it, without the global options; None where none does."""
        if self.action != "restore" or self.into or self.parts or self.dry_run or self.in_place:
            return None
        words = ["undo-restore"]
        if self.database:
            words += ["--database", self.database]
        if self.elsewhere is not None:
            words += self.elsewhere.options
        return [shlex.quote(word) for word in words]


def read_task(job: JsonObject, cronjob: JsonObject) -> Task:
    """Read what a Job does.

    Args:
        job: The Job, or one that is about to be created.
        cronjob: The template, which says what the stack's own server is.
    """

    def read(name: str) -> str:
        return printable(variable(job, name))

    action = read("RESTORE_ACTION")
    parts = f"{variable(job, 'RESTORE_TABLES')}\n{variable(job, 'RESTORE_SCHEMAS')}"
    return Task(
        job=str(job["metadata"].get("name") or ""),
        action="undo" if action == "undo" else "drop-old" if action == "drop-old" else "restore",
        backup=read("RESTORE_BACKUP"),
        database=read("RESTORE_DATABASE") if len(database_names(cronjob)) > 1 else "",
        into=read("RESTORE_INTO"),
        parts=sum(1 for line in parts.split("\n") if line),
        dry_run=read("RESTORE_DRY_RUN") == "true",
        in_place=read("RESTORE_IN_PLACE") == "true",
        elsewhere=_elsewhere(job, cronjob),
    )


def _elsewhere(job: JsonObject, cronjob: JsonObject) -> Server | None:
    host, port = variable(job, "DATABASE_HOST"), variable(job, "DATABASE_PORT")
    own_host, own_port = variable(cronjob, "DATABASE_HOST"), variable(cronjob, "DATABASE_PORT")
    namespace = str(cronjob["metadata"]["namespace"])
    if same_host(host, own_host, namespace) and port == own_port:
        return None
    secret = variable(job, "DATABASE_SECRET")
    return Server(
        host=host if host != own_host else "",
        port=int(port) if port != own_port and port.isdigit() else None,
        secret=secret if secret != variable(cronjob, "DATABASE_SECRET") else "",
    )


def restore_jobs(cluster: Cluster) -> list[JsonObject]:
    """All Jobs of the restore's template, newest first.

    Raises:
        PgkeepError: They may not be listed, or the cluster is away.
    """
    return component_jobs(cluster, "restore")


def running(found: Sequence[JsonObject]) -> JsonObject | None:
    """The newest of the Jobs that has not ended."""
    return next((job for job in found if not has_ended(job)), None)


def ending(job: JsonObject) -> JobResult:
    """How an ended Job ended, as far as the Job alone says."""
    return result(job, [], [])


def last_one(found: Sequence[JsonObject], cronjob: JsonObject) -> str:
    """Say how the newest Job ended. It need not be the one that was interrupted."""
    if not found:
        return "There is no record of an earlier one."
    ended, task = ending(found[0]), read_task(found[0], cronjob)
    word = "succeeded" if ended.succeeded else "failed"
    when = f" at {utc(ended.ended)}" if ended.ended else ""
    what = f"of {task.backup}" if task.action == "restore" else f"({task.step})"
    dry = ", a dry run," if task.dry_run else ","
    return f"The last one, job/{task.job} {what}{dry} {word}{when}."

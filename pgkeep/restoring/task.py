"""What a Job of the restore's template does, read from the Job itself.

Whoever resumes a restore on another machine knows no more than this.
"""

import shlex
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypedDict

from pgkeep.kube.client import Cluster
from pgkeep.kube.discovery import component_jobs
from pgkeep.kube.jobs import JobResult, database_names, has_ended, result, variable
from pgkeep.kube.objects import JsonObject
from pgkeep.restoring.request import Server, same_host
from pgkeep.terminal.words import plural, printable, utc

_DROPS = ("drop-aside", "drop-old")
"""The action, and what older scripts and tools call it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task(ABC):
    """What one Job does. Its sentences are about `job/…`, or about what it has done."""

    job: str = ""
    database: str = ""
    """Which of several databases; empty where the stack has one."""
    elsewhere: Server | None = None
    """Another server than the stack's."""

    @property
    def replaces(self) -> bool:
        """Whether it puts another database in the place of the live one."""
        return False

    @property
    def changes(self) -> bool:
        """Whether it changes anything that stays."""
        return True

    @property
    @abstractmethod
    def doing(self) -> str:
        """What it does, as "it restores …"."""

    @property
    @abstractmethod
    def step(self) -> str:
        """A word for it in the list of durations."""

    @property
    def words(self) -> str:
        """What tells it from the others, behind the name of its Job."""
        return f"({self.step})"

    @property
    @abstractmethod
    def done(self) -> str:
        """What has been done once it has succeeded."""

    @property
    @abstractmethod
    def failed(self) -> str:
        """The beginning of the message once it has failed."""

    @property
    @abstractmethod
    def after_failure(self) -> str:
        """What a failure leaves behind."""

    @property
    def undo_words(self) -> list[str] | None:
        """The command that undoes it, without the global options; None where none does."""
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreTask(Task):
    """A restore: in the place of the live database, beside it, or of single tables."""

    backup: str = ""
    into: str = ""
    side: str = ""
    """The prepared database that it fills."""
    parts: int = 0
    """How many tables and schemas it is about; 0 for a whole database."""

    @property
    def replaces(self) -> bool:
        """Only a whole database of the stack's own server, under its own name."""
        return not self._beside and self.elsewhere is None

    @property
    def _beside(self) -> bool:
        return bool(self.into or self.parts)

    @property
    def doing(self) -> str:
        """The backup it restores."""
        return f"restores {self.backup or 'a backup'}"

    @property
    def step(self) -> str:
        """A restore."""
        return "restore"

    @property
    def words(self) -> str:
        """Its backup."""
        return f"of {self.backup}"

    @property
    def done(self) -> str:
        """What was restored, and where it is."""
        if self.parts:
            return (
                f"Restored what was asked for of {self.backup}, into schemas of its own; their "
                "names are in the log."
            )
        where = f" as database {self.into}" if self.into else ""
        if self.side:
            where = f" into the prepared database {self.side}"
        if self.elsewhere is not None:
            where += f" on {self.elsewhere.host}" if self.elsewhere.host else " on the other server"
        # Who may not rename gets the statements for it, and that is no failure.
        swap = " The log's end says whether it has taken the name, or how." if self.side else ""
        return f"Restored {self.backup}{where}.{swap}"

    @property
    def failed(self) -> str:
        """The restore."""
        return "The restore failed"

    @property
    def after_failure(self) -> str:
        """That the live database is as it was, or how to find out."""
        if not self.replaces:
            return "The restore failed; the live database and the applications were not touched."
        return (
            "The restore failed. It replaces the live database only in its very last step, the "
            "swap; the log says how far it came."
        )

    @property
    def undo_words(self) -> list[str] | None:
        """An undo, of what has replaced a database."""
        if self._beside:
            return None
        words = ["undo-restore"]
        if self.database:
            words += ["--database", self.database]
        if self.elsewhere is not None:
            words += self.elsewhere.options
        return [shlex.quote(word) for word in words]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialTask(RestoreTask):
    """A dry run: a restore without its swap, whose outcome is dropped again."""

    @property
    def replaces(self) -> bool:
        """Never."""
        return False

    @property
    def changes(self) -> bool:
        """Nothing that stays."""
        return False

    @property
    def doing(self) -> str:
        """The backup it tries out."""
        return f"tries out the restore of {self.backup or 'a backup'}"

    @property
    def step(self) -> str:
        """A dry run."""
        return "dry run"

    @property
    def words(self) -> str:
        """Its backup, and that nothing was changed."""
        return f"of {self.backup}, a dry run"

    @property
    def done(self) -> str:
        """What can be restored."""
        what = f"What was asked for of {self.backup}" if self.parts else self.backup
        return f"{what} can be restored. Nothing live was changed."

    @property
    def failed(self) -> str:
        """The dry run."""
        return "The dry run failed"

    @property
    def after_failure(self) -> str:
        """Nothing."""
        return "The dry run failed; nothing live was changed."

    @property
    def undo_words(self) -> list[str] | None:
        """There is nothing to undo."""
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoTask(Task):
    """An undo: the database that was put aside last gets its name again."""

    @property
    def replaces(self) -> bool:
        """Whatever is the stack's own."""
        return self.elsewhere is None

    @property
    def doing(self) -> str:
        """The undo."""
        return "undoes the last restore"

    @property
    def step(self) -> str:
        """An undo."""
        return "undo"

    @property
    def done(self) -> str:
        """Which database is back."""
        return "The restore is undone: the database of before it has its name again."

    @property
    def failed(self) -> str:
        """The undo."""
        return "The undo failed"

    @property
    def after_failure(self) -> str:
        """One of two whole databases."""
        return (
            "The undo failed. It swaps the two databases in one transaction; the log says how far "
            "it came."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DropTask(Task):
    """The end of an undo: databases that were put aside are dropped."""

    which: str = ""
    """A name, `all`, or a number of days; empty for what the stack's own days say."""

    @property
    def doing(self) -> str:
        """What goes."""
        return f"drops {self._what}"

    @property
    def _what(self) -> str:
        if self.which in ("", "all"):
            return "databases that restores have put aside"
        if self.which.isdigit():
            return f"databases put aside more than {plural(int(self.which), 'day')} ago"
        return f"{self.which}, which a restore has put aside"

    @property
    def step(self) -> str:
        """A drop."""
        return "drop"

    @property
    def done(self) -> str:
        """What is gone."""
        return f"Dropped {self._what}."

    @property
    def failed(self) -> str:
        """The drop."""
        return "Dropping what was put aside failed"

    @property
    def after_failure(self) -> str:
        """Some of it."""
        return "Of the databases put aside some may be dropped, others not."


@dataclass(frozen=True, slots=True, kw_only=True)
class ListTask(Task):
    """A look at what is put aside."""

    @property
    def changes(self) -> bool:
        """It cannot."""
        return False

    @property
    def doing(self) -> str:
        """The look."""
        return "looks for the databases that restores have put aside"

    @property
    def step(self) -> str:
        """A list."""
        return "list"

    @property
    def done(self) -> str:
        """Nothing."""
        return "Nothing was changed."

    @property
    def failed(self) -> str:
        """The look."""
        return "What restores have put aside cannot be read"

    @property
    def after_failure(self) -> str:
        """Nothing."""
        return "Nothing was changed."


def read_task(job: JsonObject, cronjob: JsonObject) -> Task:
    """Read what a Job does.

    Args:
        job: The Job, or one that is about to be created.
        cronjob: The template, which says what the stack's own server is.
    """
    common = _common(job, cronjob)
    action = variable(job, "RESTORE_ACTION")
    if action == "undo":
        return UndoTask(**common)
    # A look in the form of a drop that is a dry run is one of an older tool.
    looks = action in _DROPS and variable(job, "RESTORE_DRY_RUN") == "true"
    if action == "list-aside" or looks:
        return ListTask(**common)
    if action in _DROPS:
        return DropTask(**common, which=printable(variable(job, "RESTORE_DROP")))
    return read_restore(job, cronjob)


def read_restore(job: JsonObject, cronjob: JsonObject) -> RestoreTask:
    """Read what a Job restores, as `read_task` does."""
    parts = f"{variable(job, 'RESTORE_TABLES')}\n{variable(job, 'RESTORE_SCHEMAS')}"
    dry_run = variable(job, "RESTORE_DRY_RUN") == "true"
    return (TrialTask if dry_run else RestoreTask)(
        **_common(job, cronjob),
        backup=printable(variable(job, "RESTORE_BACKUP")),
        into=printable(variable(job, "RESTORE_INTO")),
        side=printable(variable(job, "RESTORE_SIDE")),
        parts=sum(1 for line in parts.split("\n") if line),
    )


class _Common(TypedDict):
    job: str
    database: str
    elsewhere: Server | None


def _common(job: JsonObject, cronjob: JsonObject) -> _Common:
    several = len(database_names(cronjob)) > 1
    return {
        "job": str(job["metadata"].get("name") or ""),
        "database": printable(variable(job, "RESTORE_DATABASE")) if several else "",
        "elsewhere": _elsewhere(job, cronjob),
    }


def _elsewhere(job: JsonObject, cronjob: JsonObject) -> Server | None:
    def own(name: str) -> str:
        return variable(cronjob, name)

    def its(name: str) -> str:
        return variable(job, name) or own(name)

    host, port, secret = its("DATABASE_HOST"), its("DATABASE_PORT"), its("DATABASE_SECRET")
    namespace = str(cronjob["metadata"]["namespace"])
    if same_host(host, own("DATABASE_HOST"), namespace) and port == own("DATABASE_PORT"):
        return None
    return Server(
        host=host if host != own("DATABASE_HOST") else "",
        port=int(port) if port != own("DATABASE_PORT") and port.isdigit() else None,
        secret=secret if secret != own("DATABASE_SECRET") else "",
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
    return f"The last one, job/{task.job} {task.words}, {word}{when}."

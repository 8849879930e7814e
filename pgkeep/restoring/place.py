"""One database on one server, and what restores have put aside of it."""

import contextlib
import shlex
from collections.abc import Sequence

from pgkeep.errors import PgkeepError, UsageError
from pgkeep.kube.client import JOBS
from pgkeep.kube.follow import JobFollower, remove_job
from pgkeep.kube.jobs import variable
from pgkeep.kube.objects import JsonObject
from pgkeep.restoring.aside import Aside, parse_aside
from pgkeep.restoring.request import AsideRequest
from pgkeep.restoring.task import ListTask
from pgkeep.restoring.workflow import Workflow
from pgkeep.session.job_failures import job_failure
from pgkeep.session.session import Session


class Place:
    """What `undo-restore` and `drop-aside` are about."""

    def __init__(self, workflow: Workflow, request: AsideRequest, command: str) -> None:
        """Find out which database is meant; nothing is asked of the server.

        Args:
            workflow: Where.
            request: What is asked for.
            command: The command, for the message.

        Raises:
            UsageError: The stack has no such database, or several and none was named.
        """
        self.database = _database(workflow.session, request, workflow.names, command)
        self._workflow = workflow
        self._request = request

    @property
    def words(self) -> str:
        """The database and its server, for people."""
        server = self._request.server
        host = server.host or variable(self._workflow.cronjob, "DATABASE_HOST")
        if server.port is not None:
            host = f"{host}:{server.port}"
        return f"{self.database} on {host} (namespace {self._workflow.cluster.namespace})"

    @property
    def options(self) -> list[str]:
        """The words of a command line that lead here."""
        named = ["--database", self._request.database] if self._request.database else []
        return [shlex.quote(word) for word in (*named, *self._request.server.options)]

    def job(self, action: str, **others: str) -> JsonObject:
        """Build a Job about it; it is not created yet.

        Args:
            action: undo, list-aside or drop-aside.
            **others: Further variables.

        Raises:
            PgkeepError: The stack is older than the tool.
        """
        database = self.database if len(self._workflow.names) > 1 else ""
        environment = self._request.environment(action, database, **others)
        return self._workflow.job(environment, self._request.server.secret)

    def look(self) -> list[Aside]:
        """Return what is put aside, newest first. The Job that looks is deleted, whatever happens.

        An undo that has nothing to go back to, or no connection, is found out before the
        applications are stopped for it.

        Raises:
            JobFailedError: The server cannot be asked, or another run works on the volume.
            AnswerError: The answer cannot be read.
            PgkeepError: The Job did not start, or the cluster is away.
        """
        session, cluster = self._workflow.session, self._workflow.cluster
        job = self.job("list-aside", RESTORE_OUTPUT="tsv")
        session.note("Looking for what restores have put aside …")
        name = str(cluster.create(JOBS, job)["metadata"]["name"])
        try:
            ended = JobFollower(
                cluster,
                name,
                on_line=lambda _: None,
                on_notice=session.note,
                start_seconds=self._workflow.start_seconds,
            ).run()
        finally:
            with contextlib.suppress(PgkeepError):
                remove_job(cluster, name)
        if ended.succeeded:
            return parse_aside(ended.lines)
        raise job_failure(session, ended, ListTask().failed, log=False)


def _database(session: Session, request: AsideRequest, names: Sequence[str], command: str) -> str:
    if request.database and request.database not in names:
        raise UsageError(
            f"This stack has no database {request.database}. Nothing was changed.",
            cause=f"Its databases: {', '.join(names)}.",
        )
    if not request.database and len(names) > 1:
        raise UsageError(
            f"This stack has {len(names)} databases. Nothing was changed.",
            cause=f"They are: {', '.join(names)}.",
            cure=f"Say which: {session.command(command, '--database', shlex.quote(names[0]))}",
        )
    return request.database or names[0]

"""What can go wrong, and the exit code each kind of it ends the tool with.

Every error says what happened, why, and what to do about it. The command line prints these three
and exits with `exit_code`; nothing a user can bring about ends in a traceback.
"""

from enum import IntEnum


class ExitCode(IntEnum):
    """The exit codes, as `pgkeep --help` lists them."""

    OK = 0
    FAILED = 1
    USAGE = 2
    NOT_CONFIRMED = 3
    CLUSTER = 4
    NOT_FOUND = 5
    INTERRUPTED = 130  # as a shell reports a command that Ctrl-C ended


EXIT_CODES_HELP = """Exit codes: 0 done; 1 the job failed; 2 wrong usage; 3 not confirmed, nothing \
was changed; 4 cluster unreachable or not permitted; 5 nothing found; 130 interrupted."""


class PgkeepError(Exception):
    """Base of all foreseeable errors: a message, its cause and its cure."""

    exit_code: ExitCode = ExitCode.FAILED

    def __init__(self, message: str, *, cause: str = "", cure: str = "") -> None:
        """Keep the three parts.

        Args:
            message: What happened, with names and values.
            cause: Why, where that is known.
            cure: What to do, if possible a command that can be pasted.
        """
        super().__init__(message)
        self.message = message
        self.cause = cause
        self.cure = cure


class JobFailedError(PgkeepError):
    """The Job ran and failed."""


class JobStartError(JobFailedError):
    """No container of the Job ever ran; the Job has been deleted."""


class AnswerError(PgkeepError):
    """A pod printed something that this version of the tool cannot read."""


class ApplicationError(PgkeepError):
    """An application cannot be stopped or did not come up again."""


class UsageError(PgkeepError):
    """The command line or the kubeconfig asks for something that cannot be."""

    exit_code = ExitCode.USAGE


class NotConfirmedError(PgkeepError):
    """The user did not type yes. Nothing was changed."""

    exit_code = ExitCode.NOT_CONFIRMED


class ClusterError(PgkeepError):
    """The cluster answered with an error that has no class of its own."""

    exit_code = ExitCode.CLUSTER


class UnreachableError(ClusterError):
    """No answer from the cluster."""


class NotPermittedError(ClusterError):
    """The cluster knows the user (or not) and refuses."""


class ConflictError(ClusterError):
    """The object was changed by someone else since it was read, or exists already."""


class NotFoundError(PgkeepError):
    """There is no such object, backup or installation."""

    exit_code = ExitCode.NOT_FOUND


class InterruptedByUserError(PgkeepError):
    """Ctrl-C, or a signal that means the same."""

    exit_code = ExitCode.INTERRUPTED

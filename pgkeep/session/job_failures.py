"""Why a Job failed, in words."""

from pgkeep.errors import JobFailedError
from pgkeep.kube.jobs import JobResult
from pgkeep.kube.logs import diagnosis
from pgkeep.session.session import Session
from pgkeep.terminal.words import duration


def job_failure(
    session: Session, result: JobResult, message: str, *, log: bool = True
) -> JobFailedError:
    """Explain a failed Job by its script's last lines, or else by its condition.

    Args:
        session: Where.
        result: How it ended.
        message: What has failed.
        log: Whether the Job is still there for its log to be read.
    """
    said = diagnosis(list(result.lines))
    logs = f"the log: {session.kubectl('logs', f'job/{result.name}')}" if log else ""
    took = f" after {duration(result.seconds)}" if result.seconds is not None else ""
    if result.reason == "DeadlineExceeded":
        return JobFailedError(
            f"{message}{took}: job/{result.name} ran longer than it may.",
            cause=result.message,
            cure="; ".join(
                filter(None, ["raise the setting backupTimeout or restoreTimeout", logs])
            ),
        )
    if said is not None:
        return JobFailedError(
            f"{message}{took}: {said.message}",
            cause=said.cause,
            cure="; ".join(filter(None, [said.cure, logs])),
        )
    code = "" if result.exit_code is None else f" with exit code {result.exit_code}"
    return JobFailedError(
        f"{message}{took}: job/{result.name} ended{code}.",
        cause=f"{result.reason}: {result.message}".strip(": "),
        cure=logs,
    )

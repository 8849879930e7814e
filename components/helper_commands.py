"""The helper commands among the stack's outputs: one line each, for a shell that has only kubectl.

Each is a subshell, so that a pasted command's exit code is that of the run and nobody's shell ends.
They hold to POSIX sh, need a kubectl of 1.29 or newer, and are short enough to be read before they
are run. Nothing here imports pulumi; names come in as plain text.
"""

from shlex import quote


def run_backup(namespace: str, cron_job: str) -> str:
    """Starts a backup now, shows its log, and fails when it failed."""
    return _run(namespace, cron_job, _create(cron_job))


def list_backups(namespace: str, cron_job: str) -> str:
    """Lists the backups; to list is what the console does when nothing else is asked."""
    return _run(namespace, cron_job, _create(cron_job))


def restore(namespace: str, cron_job: str) -> str:
    """Restores the latest backup, shows the log, and fails when it failed."""
    # A Job's variables cannot be set by `create job`: it is written, changed and then created.
    create = (
        f"{_create(cron_job)} --dry-run=client -o yaml"
        " | k set env --local -f - RESTORE_BACKUP=latest -o yaml | k create -f -"
    )
    return _run(namespace, cron_job, create)


def logs(namespace: str, app: str) -> str:
    """Shows the log of the newest backup, to its end when it still runs."""
    nothing = f"No backup is left to look at in namespace {namespace}."
    return (
        f"( {_kubectl(namespace)}; pod=$(k get pods -l {quote(f'app={app}')}"
        " --sort-by=.metadata.creationTimestamp -o name | tail -n 1);"
        f' test -n "$pod" || {{ echo {quote(nothing)} >&2; exit 1; }}; k logs -f "$pod" )'
    )


def _kubectl(namespace: str) -> str:
    return f'k() {{ kubectl -n {quote(namespace)} "$@"; }}'


def _create(cron_job: str) -> str:
    return f"k create job $j --from={quote(f'cronjob/{cron_job}')}"


def _run(namespace: str, cron_job: str, create: str) -> str:
    """Creates the Job, follows its log, and exits as the Job ends."""
    steps = (
        _kubectl(namespace),
        f"j={cron_job}-$(date +%s)",
        f"{create}"
        # The controller says how many pods are ready, be it none, when it has made the pod.
        " && k wait job/$j --for=jsonpath={..ready}"
        # Of a container that runs or has ended, however fast: before it there is no log, and
        # `kubectl logs` fails, or shows an empty one and is content. An image that is not there
        # never fails by itself, so this has an end.
        " && k wait pod -l job-name=$j --for=jsonpath={..startedAt} --timeout=5m"
        " || exit",
        "k logs -f job/$j",
        # The pod is over, so half a minute, which is kubectl's own patience, decides.
        "k wait job/$j --for=condition=complete",
    )
    return f"( {'; '.join(steps)} )"

"""The helper commands among the stack's outputs: one line each, for a shell that has only kubectl.

Each is a subshell, so that a pasted command's exit code is that of the run and nobody's shell ends.
They hold to POSIX sh. Nothing here imports pulumi; names come in as plain text.
"""

from shlex import quote

# How often a second passes without a log before it is clear that the pod does not start. Pulling
# a PostgreSQL image over a slow line takes minutes.
_PATIENCE = 300


def run_backup(namespace: str, cron_job: str) -> str:
    """Starts a backup now, shows its log, and fails when it failed."""
    return _run(namespace, cron_job, _create(namespace, cron_job))


def list_backups(namespace: str, cron_job: str) -> str:
    """Lists the backups; to list is what the console does when nothing else is asked."""
    return _run(namespace, cron_job, _create(namespace, cron_job))


def restore(namespace: str, cron_job: str) -> str:
    """Restores the latest backup, shows the log, and fails when it failed."""
    # A Job's variables cannot be set by `create job`: it is written, changed and then created.
    create = (
        f"{_create(namespace, cron_job)} --dry-run=client -o yaml"
        " | kubectl set env --local -f - RESTORE_BACKUP=latest -o yaml"
        f" | kubectl -n {quote(namespace)} create -f -"
    )
    return _run(namespace, cron_job, create)


def logs(namespace: str, app: str) -> str:
    """Shows the log of the newest backup, to its end when it still runs."""
    kubectl = f"kubectl -n {quote(namespace)}"
    pods = f"get pods -l {quote(f'app={app}')} --sort-by=.metadata.creationTimestamp -o name"
    nothing = f"No backup is left to look at in namespace {namespace}."
    return (
        f'( pod=$({kubectl} {pods} | tail -n 1); test -n "$pod"'
        f' || {{ echo {quote(nothing)} >&2; exit 1; }}; {kubectl} logs -f "$pod" )'
    )


def _create(namespace: str, cron_job: str) -> str:
    return f'kubectl -n {quote(namespace)} create job "$job" --from={quote(f"cronjob/{cron_job}")}'


def _run(namespace: str, cron_job: str, create: str) -> str:
    """Creates the Job, follows its log, and exits as the Job's conditions say.

    The log is asked for when the container has started or the Job has ended, and not before: until
    then `kubectl logs` fails, or worse, shows an empty log and is content. A pod that has not
    started for minutes is given up (an image that is not there never fails by itself).
    """
    kubectl = f"kubectl -n {quote(namespace)}"
    phases = quote("jsonpath={.items[*].status.phase}")
    # Types of the conditions that hold: "SuccessCriteriaMet Complete", "FailureTarget Failed".
    conditions = quote('jsonpath={.status.conditions[?(@.status=="True")].type}')
    messages = quote("jsonpath={.status.conditions[*].message}")
    get_pods = f'{kubectl} get pods -l "job-name=$job" -o {phases}'
    get_state = f'{kubectl} get job "$job" -o {conditions}'
    steps = (
        f"job={cron_job}-$(date -u +%Y%m%d-%H%M%S)",
        f"{create} || exit 1",
        "tries=0",
        f'while :; do case "$({get_pods}) $({get_state})" in'
        " *Running*|*Succe*|*Fail*) break ;; esac",
        "tries=$((tries+1))",
        f'test $tries -lt {_PATIENCE} || {{ echo "The pod has not started; this says why:'
        f' kubectl -n {namespace} describe pod -l job-name=$job" >&2; exit 1; }}',
        "sleep 1; done",
        f'{kubectl} logs -f "job/$job" || {kubectl} get job "$job" -o {messages} >&2',
        f"while :; do state=$({get_state}) || exit 1",
        'case "$state" in *Succe*|*Complete*) exit 0 ;; *Fail*) exit 1 ;; esac',
        "sleep 1; done",
    )
    return f"( {'; '.join(steps)} )"

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
    """Creates the Job, follows its log, and exits as the Job's condition says.

    The log is asked for until there is one: `kubectl logs` fails while the container is being
    created. It is asked for no longer when the Job has failed before it had a log, is gone, or the
    pod has not started for minutes (an image that is not there never fails by itself).
    """
    kubectl = f"kubectl -n {quote(namespace)}"
    # Types of the conditions that hold: "SuccessCriteriaMet Complete", "FailureTarget Failed".
    conditions = quote('jsonpath={.status.conditions[?(@.status=="True")].type}')
    messages = quote("jsonpath={.status.conditions[*].message}")
    steps = (
        f"job={cron_job}-$(date -u +%Y%m%d-%H%M%S)",
        f"{create} || exit 1",
        "log=0",
        "tries=0",
        "while :",
        f'do test $log = 1 || {{ {kubectl} logs -f "job/$job" 2>/dev/null && log=1; }}',
        f'state=$({kubectl} get job "$job" -o {conditions}) || exit 1',
        # A quick Job may have ended between the two looks: its log is there by now.
        f'case " $state " in *" Complete "*) test $log = 1 || {kubectl} logs "job/$job"',
        "exit 0",
        f';; *" Failed "*) test $log = 1 || {kubectl} logs "job/$job" 2>/dev/null'
        f' || {kubectl} get job "$job" -o {messages} >&2',
        "exit 1",
        ";; esac",
        "tries=$((tries+1))",
        f"if test $log = 0 && test $tries -ge {_PATIENCE}",
        'then echo "The pod has not started; this says why:'
        f' kubectl -n {namespace} describe pod -l job-name=$job" >&2',
        "exit 1",
        "fi",
        "sleep 1",
        "done",
    )
    script = "; ".join(steps).replace("; ;;", " ;;")  # `;;` takes no separator before it
    return f"( {script} )"

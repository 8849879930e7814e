"""The fixed names and the labels of every object; runbooks, alerts and the tool rely on them."""

# CronJob names. Kubernetes allows 52 characters, because it appends 11 for each Job.
BACKUP = "postgres-backup"
CONSOLE = "postgres-backup-console"
RESTORE = "postgres-restore"

OPERATOR_ROLE = "pgkeep-operator"
SCRIPTS = "postgres-backup-scripts"
SETTINGS = "postgres-backup-settings"
CONTAINER = "pgkeep"


def labels(instance: str, component: str, *, app: str | None = None) -> dict[str, str]:
    """Returns the labels of one object; `app` is the short one for `kubectl logs -l app=…`."""
    return {
        "app.kubernetes.io/name": "pgkeep",
        "app.kubernetes.io/instance": instance,
        "app.kubernetes.io/component": component,
        "app.kubernetes.io/part-of": "pgkeep",
        "app.kubernetes.io/managed-by": "pulumi",
        **({"app": app} if app else {}),
    }

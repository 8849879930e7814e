"""Finds the stack's CronJobs by their labels."""

from pgkeep.errors import NotFoundError, PgkeepError
from pgkeep.kube.client import CONFIG_MAPS, CRONJOBS, JOBS, Cluster
from pgkeep.kube.jobs import SETTINGS, own_containers
from pgkeep.kube.objects import JsonObject, entries, section

NAME_LABEL = "app.kubernetes.io/name=pgkeep"
COMPONENT_LABEL = "app.kubernetes.io/component"


def find_cronjob(cluster: Cluster, component: str) -> JsonObject:
    """Return the CronJob of a component (backup, console, restore) in the cluster's namespace.

    Raises:
        NotFoundError: There is none, or more than one. Where the user may look into the other
            namespaces, the message says in which ones pgkeep is; none is ever chosen silently.
        PgkeepError: The CronJobs may not be listed, or the cluster is away.
    """
    found = cluster.find(CRONJOBS, label_selector=f"{NAME_LABEL},{COMPONENT_LABEL}={component}")
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(sorted(str(one["metadata"]["name"]) for one in found))
        raise NotFoundError(
            f"Namespace {cluster.namespace} has more than one {component} CronJob: {names}.",
            cause="pgkeep expects one stack in a namespace.",
            cure="Remove the labels of what does not belong to the stack.",
        )
    raise missing(cluster.namespace, cluster.context, component, other_namespaces(cluster))


def with_settings(cluster: Cluster, cronjob: JsonObject) -> JsonObject:
    """Return a CronJob with the variables that its `envFrom` brings, for `jobs.variable`.

    They are beside its spec: a Job that is made of it takes them from the ConfigMap itself.

    Raises:
        NotFoundError: The ConfigMap is gone.
        PgkeepError: It may not be read, or the cluster is away.
    """
    brought: JsonObject = {}
    for container in own_containers(cronjob):
        for source in entries(container, "envFrom"):
            name = str(section(source, "configMapRef").get("name") or "")
            if name:
                brought |= section(cluster.get(CONFIG_MAPS, name), "data")
    return {**cronjob, SETTINGS: brought}


def other_namespaces(cluster: Cluster) -> list[str] | None:
    """The namespaces that have pgkeep; None when the user may not look."""
    try:
        everywhere = cluster.find(CRONJOBS, label_selector=NAME_LABEL, everywhere=True)
    except PgkeepError:
        return None
    return sorted({str(one["metadata"]["namespace"]) for one in everywhere} - {cluster.namespace})


def missing(
    namespace: str, context: str, component: str, others: list[str] | None
) -> NotFoundError:
    """Explain that there is no CronJob here.

    Args:
        namespace: Where it was looked for.
        context: The kubeconfig context.
        component: What was looked for.
        others: Namespaces that have pgkeep; None when they could not be listed.
    """
    message = (
        f"There is no pgkeep {component} CronJob in namespace {namespace} (context {context})."
    )
    if not others:
        return NotFoundError(
            message,
            cause="You may not list other namespaces, so this is all that could be looked at."
            if others is None
            else "No other namespace of this cluster has one either.",
            cure="Name the stack's namespace with --namespace X, or deploy the stack: pulumi up",
        )
    if len(others) == 1:
        return NotFoundError(
            message,
            cause=f"Namespace {others[0]} has pgkeep.",
            cure=f"If that is the one you mean: --namespace {others[0]}",
        )
    return NotFoundError(
        message,
        cause=f"These namespaces have pgkeep: {', '.join(others)}.",
        cure="Choose one with --namespace X",
    )


def component_jobs(cluster: Cluster, component: str) -> list[JsonObject]:
    """The Jobs of a component, newest first.

    Raises:
        PgkeepError: They may not be listed, or the cluster is away.
    """
    found = cluster.find(JOBS, label_selector=f"{NAME_LABEL},{COMPONENT_LABEL}={component}")
    return sorted(found, key=lambda job: str(job["metadata"]["creationTimestamp"]), reverse=True)

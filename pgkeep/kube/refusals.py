"""Turns the API server's refusals into the tool's errors. Pure: no network, no client library."""

import json
import re
from typing import Any, cast

from pgkeep.errors import (
    ClusterError,
    ConflictError,
    NotFoundError,
    NotPermittedError,
    PgkeepError,
    UnreachableError,
)

OPERATOR_ROLE = "pgkeep-operator"

_RBAC = re.compile(
    r'cannot (?P<verb>\S+) resource "(?P<resource>[^"]+)"'
    r'(?: in API group "(?P<group>[^"]*)")?(?: in the namespace "(?P<namespace>[^"]+)")?'
)


def status_message(body: str) -> str:
    """Return the human part of an error body: the `message` of a Status object, or the text."""
    try:
        document: Any = json.loads(body)
    except ValueError:
        return body.strip()[:500]
    if isinstance(document, dict):
        message = cast("dict[str, Any]", document).get("message")
        if isinstance(message, str):
            return message
    return body.strip()[:500]


def error_for(status: int, body: str, *, verb: str, target: str, namespace: str) -> PgkeepError:
    """Explain an answer outside 200-299.

    Args:
        status: The HTTP status.
        body: The answer's body.
        verb: What was asked for, as RBAC names it (get, list, create, …).
        target: The object or kind, as kubectl names it ("jobs", "deployment/app").
        namespace: The namespace of the request; empty for the whole cluster.
    """
    said = status_message(body)
    where = f" in namespace {namespace}" if namespace else ""
    if status == 401:
        return NotPermittedError(
            f"The cluster does not know you: it refused to {verb} {target}{where}.",
            cause=said or "Unauthorized: the credentials of this context are missing or expired.",
            cure="Log in again, or choose another context with --context.",
        )
    if status == 403:
        return _forbidden(said, verb=verb, target=target, namespace=namespace)
    if status == 404:
        return NotFoundError(f"There is no {target}{where}.", cause=said)
    if status == 409:
        return ConflictError(
            f"The cluster could not {verb} {target}{where}: it was changed at the same time.",
            cause=said,
            cure="Run the same command again.",
        )
    if status in (400, 422):
        return ClusterError(
            f"The cluster refused to {verb} {target}{where} as invalid.",
            cause=said,
            cure="Bring the stack up to date (pulumi up) and use the tool of the same version.",
        )
    if status == 429 or status >= 500:
        return UnreachableError(
            f"The cluster could not {verb} {target}{where} (HTTP {status}).",
            cause=said,
            cure="Try again in a moment.",
        )
    return ClusterError(f"Cannot {verb} {target}{where} (HTTP {status}).", cause=said)


def _forbidden(said: str, *, verb: str, target: str, namespace: str) -> PgkeepError:
    """403 is both: RBAC, and an admission check (quota, Pod Security) that refuses the object."""
    where = f" in namespace {namespace}" if namespace else " in the whole cluster"
    found = _RBAC.search(said)
    if found is None:
        return NotPermittedError(
            f"The cluster refused to {verb} {target}{where}.",
            cause=said,
            cure="A quota or an admission policy said no; ask whoever runs the cluster.",
        )
    resource = found["resource"]
    if found["group"]:
        resource = f"{resource}.{found['group']}"
    return NotPermittedError(
        f"You may not {found['verb']} {resource}{where}.",
        cause=said,
        cure=f"Is {namespace or 'this'} the right namespace (--namespace X)? The Role "
        f"{OPERATOR_ROLE} of the stack allows everything this tool does. Someone who may: "
        f"kubectl --namespace {namespace or 'NAMESPACE'} create rolebinding pgkeep-operator-YOU "
        f"--role={OPERATOR_ROLE} --user=YOU",
    )


def unreachable(host: str, context: str, reason: str) -> UnreachableError:
    """Explain that there was no answer at all.

    Args:
        host: The server's address, as in the kubeconfig.
        context: The kubeconfig context in use.
        reason: The network library's text.
    """
    lowered = reason.lower()
    if "certificate" in lowered or "ssl" in lowered:
        cause = "its certificate was not accepted"
    elif "name or service not known" in lowered or "failed to resolve" in lowered:
        cause = "its host name cannot be resolved"
    elif "refused" in lowered:
        cause = "nothing listens there (connection refused)"
    elif "timed out" in lowered or "timeout" in lowered:
        cause = "it did not answer in time"
    else:
        cause = reason.strip()[:300] or "the connection broke"
    return UnreachableError(
        f"The cluster of context {context} does not answer at {host}.",
        cause=cause[:1].upper() + cause[1:] + ".",
        cure="Is it running, and is this the right context? Choose another with --context.",
    )

"""The only module that knows the Kubernetes client library.

The library's job here is what is hard to get right: kubeconfig, credentials plug-ins, TLS, proxies.
Objects stay plain JSON dictionaries; its generated models carry no types worth having.
"""

import contextlib
import json
import logging
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, cast
from urllib.parse import quote, urlencode

from pgkeep.errors import PgkeepError, UsageError
from pgkeep.kube.objects import JsonObject, entries, section
from pgkeep.kube.refusals import error_for, unreachable

_CONNECT_SECONDS = 5.0
_READ_SECONDS = 30.0
# A watch ends by itself after this long and is begun anew; a dead connection is noticed then, too.
_WATCH_SECONDS = 50
# A log may be silent for hours. Reading it again from the last line is cheap, a dead TCP
# connection that nobody notices is not.
_LOG_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Resource:
    """A kind of object, as the API's paths name it."""

    path: str
    plural: str
    singular: str


CRONJOBS = Resource("/apis/batch/v1", "cronjobs", "cronjob")
JOBS = Resource("/apis/batch/v1", "jobs", "job")
PODS = Resource("/api/v1", "pods", "pod")
EVENTS = Resource("/api/v1", "events", "event")
CONFIG_MAPS = Resource("/api/v1", "configmaps", "configmap")
DEPLOYMENTS = Resource("/apis/apps/v1", "deployments", "deployment")
STATEFULSETS = Resource("/apis/apps/v1", "statefulsets", "statefulset")
AUTOSCALERS = Resource("/apis/autoscaling/v2", "horizontalpodautoscalers", "autoscaler")


class Cluster:
    """One cluster, one namespace, one user."""

    def __init__(self, api_client: Any, *, context: str, namespace: str) -> None:
        """Wrap a configured client; users call `connect`."""
        self._client = api_client
        self.context = context
        self.namespace = namespace

    @classmethod
    def connect(cls, *, kubeconfig: str, context: str = "", namespace: str = "") -> Self:
        """Read the kubeconfig. Does not talk to the cluster yet.

        Args:
            kubeconfig: Path, or several joined by the system's path separator as in $KUBECONFIG;
                empty for ~/.kube/config.
            context: Context to use; empty for the current one.
            namespace: Namespace to use; empty for the context's, or `default`.

        Raises:
            UsageError: No kubeconfig, an unreadable one, or no such context.
        """
        # Imported here: it takes half a second, and --help needs none of it.
        import urllib3
        from kubernetes import client, config

        logging.getLogger("urllib3").setLevel(logging.ERROR)  # retries are not the user's business
        library_client: Any = client
        library_config: Any = config
        kubeconfig = kubeconfig or str(Path("~/.kube/config").expanduser())
        try:
            merged = library_config.kube_config.KubeConfigMerger(kubeconfig).config
            content: JsonObject = _plain(merged) or {}
            chosen = choose_context(content, context, kubeconfig) if content else None
        except UsageError:
            raise
        except Exception as error:
            raise _kubeconfig_problem(kubeconfig, context, error) from error
        if chosen is None:
            raise _kubeconfig_problem(kubeconfig, context, ValueError("It is empty."))
        configuration = library_client.Configuration()
        try:
            library_config.load_kube_config(
                config_file=kubeconfig,
                context=chosen["name"],
                client_configuration=configuration,
                persist_config=False,
            )
        except Exception as error:  # the library raises YAML, type and key errors, too
            raise _kubeconfig_problem(kubeconfig, chosen["name"], error) from error
        configuration.retries = urllib3.Retry(total=2, connect=2, read=0, redirect=0, status=0)
        if not configuration.verify_ssl:
            urllib3.disable_warnings()  # the kubeconfig says so in as many words
        return cls(
            library_client.ApiClient(configuration),
            context=chosen["name"],
            namespace=namespace or chosen["context"].get("namespace") or "default",
        )

    def in_namespace(self, namespace: str) -> Self:
        """Return the same connection for another namespace; empty for the cluster itself."""
        return type(self)(self._client, context=self.context, namespace=namespace)

    def get(self, resource: Resource, name: str) -> JsonObject:
        """Return one object.

        Raises:
            PgkeepError: As `api_errors.error_for` says; NotFoundError when it does not exist.
        """
        return self._json("GET", "get", resource, name)

    def find(
        self,
        resource: Resource,
        *,
        label_selector: str = "",
        field_selector: str = "",
        everywhere: bool = False,
    ) -> list[JsonObject]:
        """Return all objects that match, of this namespace or of all of them.

        Raises:
            PgkeepError: As `api_errors.error_for` says.
        """
        return self._list(resource, label_selector, field_selector, everywhere=everywhere)[0]

    def create(self, resource: Resource, body: JsonObject) -> JsonObject:
        """Create an object and return it as the server stored it.

        Raises:
            PgkeepError: As `api_errors.error_for` says.
        """
        query = {"fieldManager": "pgkeep", "fieldValidation": "Strict"}
        return self._json("POST", "create", resource, query=query, body=body)

    def patch(self, resource: Resource, name: str, body: JsonObject) -> JsonObject:
        """Merge `body` into an object (JSON merge patch: null removes) and return the result.

        Raises:
            PgkeepError: As `api_errors.error_for` says; ConflictError when `body` carries a
                resourceVersion that is no longer current.
        """
        query = {"fieldManager": "pgkeep", "fieldValidation": "Strict"}
        return self._json("PATCH", "patch", resource, name, query=query, body=body)

    def delete(self, resource: Resource, name: str, *, foreground: bool = False) -> None:
        """Delete an object and what it owns; in the foreground: the object goes last.

        Raises:
            PgkeepError: As `api_errors.error_for` says.
        """
        query = {"propagationPolicy": "Foreground" if foreground else "Background"}
        self._json("DELETE", "delete", resource, name, query=query)

    def watch(
        self,
        resource: Resource,
        *,
        label_selector: str = "",
        field_selector: str = "",
        seconds: float = _WATCH_SECONDS,
    ) -> Iterator[tuple[str, JsonObject]]:
        """Yield the present objects as ("ADDED", object), ("LISTED", {}), then every change.

        Call it again when it ends. Objects that went away between two calls are not reported: what
        did not come before "LISTED" is gone.

        Args:
            resource: What.
            label_selector: As in kubectl's --selector.
            field_selector: As in kubectl's --field-selector.
            seconds: When to end; at most about a minute.

        Raises:
            PgkeepError: As `api_errors.error_for` says.
        """
        items, version = self._list(resource, label_selector, field_selector, everywhere=False)
        for item in items:
            yield "ADDED", item
        yield "LISTED", {}
        limit = max(1, min(round(seconds), _WATCH_SECONDS))
        query = {"watch": "true", "resourceVersion": version, "timeoutSeconds": str(limit)}
        if label_selector:
            query["labelSelector"] = label_selector
        if field_selector:
            query["fieldSelector"] = field_selector
        path = self._path(resource, self.namespace)
        with self._response(
            "GET", path, query, verb="watch", target=resource.plural, read=limit + 10.0
        ) as response:
            for line in _lines(response):
                try:
                    change: JsonObject = json.loads(line)
                except ValueError:
                    return  # cut in the middle of a line
                if change.get("type") == "ERROR":
                    return  # most often 410 Gone: list anew
                yield str(change["type"]), change["object"]

    def log(
        self, pod: str, *, container: str, follow: bool, since: str | None = None
    ) -> Iterator[str]:
        """Yield a container's log lines, each with its time stamp and ended by a newline.

        A last line without newline is one that was cut.

        Args:
            pod: The pod's name.
            container: The container's name.
            follow: Whether to wait for more until the container ends.
            since: Only lines of this second or later (RFC 3339).

        Raises:
            PgkeepError: As `api_errors.error_for` says; UnreachableError also when nothing came
                for a minute, which is usual for a quiet job: read on from the last line.
        """
        query = {"container": container, "timestamps": "true"}
        if follow:
            query["follow"] = "true"
        if since:
            query["sinceTime"] = since
        path = f"{self._path(PODS, self.namespace)}/{quote(pod, safe='')}/log"
        with self._response(
            "GET", path, query, verb="get", target=f"the log of pod/{pod}", read=_LOG_SECONDS
        ) as response:
            for line in _lines(response):
                yield line.decode("utf-8", errors="replace")

    def _list(
        self, resource: Resource, label_selector: str, field_selector: str, *, everywhere: bool
    ) -> tuple[list[JsonObject], str]:
        query: dict[str, str] = {}
        if label_selector:
            query["labelSelector"] = label_selector
        if field_selector:
            query["fieldSelector"] = field_selector
        answer = self._json("GET", "list", resource, query=query, everywhere=everywhere)
        return entries(answer, "items"), str(answer["metadata"]["resourceVersion"])

    def _json(
        self,
        method: str,
        verb: str,
        resource: Resource,
        name: str = "",
        *,
        query: dict[str, str] | None = None,
        body: JsonObject | None = None,
        everywhere: bool = False,
    ) -> JsonObject:
        path = self._path(resource, "" if everywhere else self.namespace)
        target = resource.plural
        if name:
            path = f"{path}/{quote(name, safe='')}"
            target = f"{resource.singular}/{name}"
        with self._response(
            method, path, query or {}, verb=verb, target=target, body=body, everywhere=everywhere
        ) as response:
            try:
                answer: Any = json.loads(response.data)
            except ValueError as error:
                raise self._unreachable("the answer is not JSON") from error
        return answer

    @contextlib.contextmanager
    def _response(
        self,
        method: str,
        path: str,
        query: dict[str, str],
        *,
        verb: str,
        target: str,
        body: JsonObject | None = None,
        read: float = _READ_SECONDS,
        everywhere: bool = False,
    ) -> Generator[Any]:
        """Send a request; any failure of the network until the end of the block is explained."""
        import urllib3

        headers = {"Accept": "application/json, */*", "User-Agent": "pgkeep"}
        if method == "PATCH":
            headers["Content-Type"] = "application/merge-patch+json"
        elif body is not None:
            headers["Content-Type"] = "application/json"
        response: Any = None
        try:
            headers |= self._credentials()
            response = self._client.rest_client.pool_manager.request(
                method,
                f"{self._client.configuration.host}{path}?{urlencode(query)}",
                body=None if body is None else json.dumps(body),
                headers=headers,
                timeout=urllib3.Timeout(connect=_CONNECT_SECONDS, read=read),
                preload_content=False,
            )
            if not 200 <= response.status <= 299:
                said = response.data.decode("utf-8", errors="replace")
                namespace = "" if everywhere else self.namespace
                raise error_for(
                    response.status, said, verb=verb, target=target, namespace=namespace
                )
            yield response
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise self._unreachable(str(error)) from error
        finally:
            if response is not None:
                # An unread rest (a watch that is no longer wanted) makes a connection useless.
                response.close()
                response.release_conn()

    def _credentials(self) -> dict[str, str]:
        """The header that says who we are; empty for client certificates."""
        headers: dict[str, str] = {}
        for setting in self._client.configuration.auth_settings().values():
            if setting["in"] == "header" and setting["value"]:
                headers[setting["key"]] = setting["value"]
        return headers

    def _unreachable(self, reason: str) -> PgkeepError:
        return unreachable(self._client.configuration.host, self.context, reason)

    @staticmethod
    def _path(resource: Resource, namespace: str) -> str:
        if not namespace:
            return f"{resource.path}/{resource.plural}"
        return f"{resource.path}/namespaces/{quote(namespace, safe='')}/{resource.plural}"


def _lines(response: Any) -> Iterator[bytes]:
    """Cut a stream into lines as they arrive, newlines kept."""
    rest = b""
    for chunk in response.stream(amt=None, decode_content=False):
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield line + b"\n"
    if rest:
        yield rest


def _plain(node: Any) -> Any:
    """Undo the library's wrapping of the kubeconfig's parts (its ConfigNode)."""
    value: Any = getattr(node, "value", node)
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in cast("JsonObject", value).items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in cast("list[Any]", value)]
    return value


def choose_context(content: JsonObject, wanted: str, kubeconfig: str) -> JsonObject:
    """Return the kubeconfig's entry of the wanted (empty: the current) context.

    Raises:
        UsageError: There is none; the message lists those that are.
    """
    contexts: list[JsonObject] = entries(content, "contexts")
    name = wanted or str(content.get("current-context") or "")
    for entry in contexts:
        if entry.get("name") == name:
            return {"name": name, "context": section(entry, "context")}
    known = ", ".join(sorted(str(entry.get("name")) for entry in contexts)) or "none"
    raise UsageError(
        f"There is no context {name} in {kubeconfig}."
        if name
        else f"{kubeconfig} names no current context.",
        cause=f"Its contexts are: {known}.",
        cure="Choose one with --context NAME.",
    )


def _kubeconfig_problem(kubeconfig: str, context: str, error: Exception) -> PgkeepError:
    paths = [Path(part) for part in kubeconfig.split(":") if part]
    if not any(path.exists() for path in paths):
        return UsageError(
            f"There is no kubeconfig at {kubeconfig}.",
            cause="This file tells where the cluster is and who you are.",
            cure="Name yours: export KUBECONFIG=/path/to/kubeconfig, or pgkeep --kubeconfig PATH.",
        )
    of = f" (context {context})" if context else ""
    return UsageError(
        f"The kubeconfig {kubeconfig}{of} cannot be used.",
        cause=str(error)[:500],
        cure="kubectl config view shows it; kubectl version says whether kubectl can use it.",
    )

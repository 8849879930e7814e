"""What the tests on the real cluster share: namespaces, one PostgreSQL server, deployed stacks."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from cluster import paths
from tests.cluster.support import (
    ROOT,
    Namespace,
    Server,
    Stack,
    deploy_stack,
    sample_databases,
    start_server,
)


@pytest.fixture(scope="session")
def kubeconfig() -> Path:
    """The embedded cluster's kubeconfig; `make test-cluster` has started it."""
    path = paths.kubeconfig_path()
    if not path.exists():
        pytest.fail("the embedded cluster is not running; start it with: python3 -m cluster up")
    return path


@pytest.fixture(scope="session")
def environment(kubeconfig: Path) -> dict[str, str]:
    """The environment of a user's shell that has kubectl and pgkeep."""
    tools = [str(ROOT / ".venv" / "bin"), str(paths.kubectl_path().parent), os.environ["PATH"]]
    return {**os.environ, "KUBECONFIG": str(kubeconfig), "PATH": os.pathsep.join(tools)}


@pytest.fixture(scope="session")
def make_namespace(environment: dict[str, str]) -> Iterator[Callable[[str], Namespace]]:
    """Make restricted namespaces; all of them are deleted in the end."""
    made: list[Namespace] = []

    def make(purpose: str) -> Namespace:
        namespace = Namespace(name=f"{purpose}-{uuid.uuid4().hex[:6]}", environment=environment)
        made.append(namespace)
        labels = {"pod-security.kubernetes.io/enforce": "restricted"}
        metadata = {"name": namespace.name, "labels": labels}
        namespace.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
        return namespace

    yield make
    names = [namespace.name for namespace in made]
    if names:
        made[0].kubectl("delete", "namespace", *names, "--ignore-not-found", "--timeout=3m")


@pytest.fixture
def namespace(make_namespace: Callable[[str], Namespace]) -> Iterator[Namespace]:
    """A restricted namespace for one test; its deletion is not waited for."""
    made = make_namespace("test")
    yield made
    made.kubectl("delete", "namespace", made.name, "--wait=false")


@pytest.fixture(scope="session")
def server(make_namespace: Callable[[str], Namespace]) -> Server:
    """The PostgreSQL 17 server of the demo, for all tests of a run."""
    return start_server(make_namespace("server"))


@pytest.fixture
def database(server: Server) -> Iterator[str]:
    """A database with sample data, owned by the role that pgkeep connects as."""
    name = f"sample_{uuid.uuid4().hex[:8]}"
    with sample_databases(server, name):
        yield name


@pytest.fixture
def deploy(namespace: Namespace, server: Server, database: str) -> Callable[..., Stack]:
    """Deploy the `dev` stack with changed settings into the test's namespace."""

    def deploy_here(*, secret: Mapping[str, Any] | None = None, **settings: str) -> Stack:
        ours = {"databaseHost": server.host, "databaseName": database}
        return deploy_stack(namespace, secret=secret, **{**ours, **settings})

    return deploy_here

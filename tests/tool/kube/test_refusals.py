import json

import pytest

from pgkeep.errors import (
    ClusterError,
    ConflictError,
    ExitCode,
    NotFoundError,
    NotPermittedError,
    PgkeepError,
    UnreachableError,
    UsageError,
)
from pgkeep.kube.client import choose_context
from pgkeep.kube.discovery import missing
from pgkeep.kube.refusals import error_for, status_message, unreachable


def explain(status: int, message: str, verb: str = "create", target: str = "jobs") -> PgkeepError:
    body = json.dumps({"kind": "Status", "message": message})
    return error_for(status, body, verb=verb, target=target, namespace="shop")


def test_a_missing_right_names_verb_resource_and_role() -> None:
    error = explain(
        403,
        'jobs.batch is forbidden: User "eve" cannot create resource "jobs" in API group "batch" '
        'in the namespace "shop"',
    )
    assert isinstance(error, NotPermittedError)
    assert error.exit_code == ExitCode.CLUSTER == 4
    assert error.message == "You may not create jobs.batch in namespace shop."
    assert "pgkeep-operator" in error.cure


def test_a_refusal_by_quota_is_not_taken_for_a_missing_right() -> None:
    error = explain(403, 'jobs.batch "x" is forbidden: exceeded quota: small')
    assert isinstance(error, NotPermittedError)
    assert "exceeded quota: small" in error.cause
    assert "pgkeep-operator" not in error.cure


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (401, NotPermittedError, 4),
        (404, NotFoundError, 5),
        (409, ConflictError, 4),
        (400, ClusterError, 4),
        (422, ClusterError, 4),
        (429, UnreachableError, 4),
        (500, UnreachableError, 4),
        (503, UnreachableError, 4),
        (418, ClusterError, 4),
    ],
)
def test_every_status_has_its_error(status: int, kind: type[PgkeepError], code: int) -> None:
    error = explain(status, "said the server")
    assert type(error) is kind
    assert error.exit_code == code
    assert "jobs" in error.message
    assert error.cause == "said the server"


@pytest.mark.parametrize("body", ["<html>Bad gateway</html>", "[1]", '{"message": 3}', ""])
def test_a_body_that_is_no_status_is_shown_as_it_is(body: str) -> None:
    assert status_message(body) == body


@pytest.mark.parametrize(
    ("reason", "part"),
    [
        ("[Errno 111] Connection refused", "connection refused"),
        ("Read timed out. (read timeout=30)", "in time"),
        ("certificate verify failed: self-signed", "certificate"),
        ("Failed to resolve 'nowhere'", "resolved"),
        ("odd", "Odd."),
    ],
)
def test_no_answer_says_why(reason: str, part: str) -> None:
    error = unreachable("https://10.0.0.1:6443", "prod", reason)
    assert "https://10.0.0.1:6443" in error.message
    assert "prod" in error.message
    assert part in error.cause


def test_an_unknown_context_lists_those_there_are() -> None:
    content = {"contexts": [{"name": "b"}, {"name": "a"}], "current-context": "a"}
    with pytest.raises(UsageError) as caught:
        choose_context(content, "c", "/kube")
    assert "a, b" in caught.value.cause
    assert choose_context(content, "", "/kube")["name"] == "a"
    with pytest.raises(UsageError, match="names no current context"):
        choose_context({"contexts": [{"name": "b"}]}, "", "/kube")


@pytest.mark.parametrize(
    ("others", "part"),
    [
        (None, "You may not list other namespaces"),
        ([], "No other namespace"),
        (["shop"], "--namespace shop"),
        (["a", "b"], "a, b"),
    ],
)
def test_a_namespace_without_pgkeep_names_the_others(others: list[str] | None, part: str) -> None:
    error = missing("default", "ctx", "backup", others)
    assert error.exit_code == 5
    assert "default" in error.message
    assert part in f"{error.cause} {error.cure}"

"""The real API server, as the judge of every object the stacks declare."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import yaml

from tests.cluster.support import Namespace, Stack
from tools.render import render, to_yaml


@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_the_api_server_accepts_every_object_with_strict_validation(
    stack: str, namespace: Namespace
) -> None:
    objects = render(stack, {"namespace": namespace.name}).objects
    assert len(objects) >= 8
    manifest = yaml.safe_dump_all(objects)
    # `--dry-run=server` runs admission and strict field validation for all of it.
    printed = namespace.kubectl(
        "apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-", stdin=manifest
    )
    assert len(printed.splitlines()) == len(objects)
    # Pod Security only warns about templates, so a pod of each is put before it.
    for item in objects:
        if item["kind"] == "CronJob":
            template = item["spec"]["jobTemplate"]["spec"]["template"]
            metadata = {"name": "probe", "labels": template["metadata"]["labels"]}
            pod = {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": metadata,
                # The account is not there in a dry run; it plays no part in Pod Security.
                "spec": {**template["spec"], "serviceAccountName": "default"},
            }
            namespace.kubectl("create", "--dry-run=server", "-f", "-", stdin=yaml.safe_dump(pod))


def test_what_is_rendered_is_applied_plainly_and_again(namespace: Namespace) -> None:
    settings = {"namespace": namespace.name, "suspend": "true"}
    rendered = to_yaml(render("prod", settings).objects)
    first = namespace.kubectl("apply", "-f", "-", stdin=rendered).splitlines()
    assert {line.rpartition(" ")[2] for line in first} == {"created"}
    again = namespace.kubectl("apply", "-f", "-", stdin=rendered).splitlines()
    assert len(again) == len(first)
    assert {line.rpartition(" ")[2] for line in again} == {"unchanged"}


SEVERAL = {"databaseName": "", "databases": '["one", "two words"]', "retentionWeekly": "4"}


@pytest.mark.parametrize("settings", [{}, SEVERAL], ids=["one-database", "several-databases"])
def test_applying_the_same_stack_again_would_change_nothing(
    settings: dict[str, str], deploy: Callable[..., Stack]
) -> None:
    stack = deploy(**settings)

    def differs() -> bool:
        # A server-side dry run of the whole manifest against what is there.
        diff = ["kubectl", "--namespace", stack.namespace.name, "diff", "--server-side", "-f", "-"]
        code = stack.namespace.run(diff, stdin=yaml.safe_dump_all(objects), check=False).returncode
        assert code in (0, 1), "kubectl diff itself failed"
        return code == 1

    objects = list(stack.objects)
    assert not differs()
    objects = [*objects[:-1], {**objects[-1], "spec": {**objects[-1]["spec"], "suspend": False}}]
    assert differs(), "the comparison sees a change where there is one"


def test_a_change_of_retention_keeps_the_claim_and_the_cronjobs(
    deploy: Callable[..., Stack],
) -> None:
    def identities() -> dict[str, str]:
        items = deployed.namespace.get("persistentvolumeclaims,cronjobs")["items"]
        return {item["metadata"]["name"]: item["metadata"]["uid"] for item in items}

    deployed = deploy()
    before = identities()
    deploy(retentionDays="14", schedule="30 3 * * *")
    assert identities() == before
    cronjob = deployed.namespace.get("cronjob", "postgres-backup")
    assert cronjob["spec"]["schedule"] == "30 3 * * *"


def test_the_operator_role_is_enough_for_the_tool_and_no_more(
    deploy: Callable[..., Stack],
) -> None:
    stack = deploy(applications='["deployment/flights-app"]')
    where = stack.namespace
    where.kubectl("create", "rolebinding", "operator", "--role=pgkeep-operator", "--user=operator")

    def may(*question: str) -> bool:
        command = ["kubectl", "-n", where.name, "auth", "can-i", "--as=operator", *question]
        return where.run(command, check=False).stdout.strip() == "yes"

    assert may("create", "jobs.batch")
    assert may("get", "pods/log")
    assert may("patch", "deployments.apps/flights-app", "--subresource=scale")
    assert not may("patch", "deployments.apps/another", "--subresource=scale")
    assert not may("get", "secrets")
    assert not may("create", "pods/exec")
    assert not may("delete", "persistentvolumeclaims")
    assert not may("update", "cronjobs.batch")

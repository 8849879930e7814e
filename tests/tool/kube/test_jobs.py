from typing import Any, cast

import pytest

from pgkeep.errors import PgkeepError
from pgkeep.kube import jobs
from pgkeep.kube.client import CRONJOBS, Cluster
from pgkeep.kube.discovery import with_settings
from pgkeep.kube.objects import JsonObject
from pgkeep.terminal.kubectl import kubectl
from tests.tool.objects import cronjob, event, job, pod
from tests.tool.world import stack

NAME = "postgres-backup-manual-x1"


def test_a_job_is_what_kubectl_would_make() -> None:
    made = jobs.job_from_cronjob(cronjob())
    metadata = made["metadata"]
    assert metadata["generateName"] == "postgres-backup-manual-"
    assert metadata["labels"] == {"app": "postgres-backup"}
    assert metadata["annotations"] == {
        "cronjob.kubernetes.io/instantiate": "manual",
        "from": "template",
    }
    assert metadata["ownerReferences"] == [
        {
            "apiVersion": "batch/v1",
            "kind": "CronJob",
            "name": "postgres-backup",
            "uid": "uid-1",
            "controller": True,
        }
    ]
    assert made["spec"] == cronjob()["spec"]["jobTemplate"]["spec"]


def test_overrides_replace_and_add_variables_and_leave_the_template_alone() -> None:
    source = cronjob()
    made = jobs.job_from_cronjob(
        source, word="show", environment={"CONSOLE_COMMAND": "show", "CONSOLE_OUTPUT": "tsv"}
    )
    assert made["metadata"]["generateName"] == "postgres-backup-show-"
    assert jobs.variable(made, "CONSOLE_COMMAND") == "show"
    assert jobs.variable(made, "CONSOLE_OUTPUT") == "tsv"
    assert jobs.variable(made, "NAMESPACE") == "shop"
    names = [entry["name"] for entry in made["spec"]["template"]["spec"]["containers"][0]["env"]]
    assert len(names) == len(set(names))
    assert source == cronjob()


def test_a_variable_that_is_not_there_is_empty() -> None:
    assert jobs.variable(cronjob(), "NOTHING") == ""


def with_databases(value: str) -> JsonObject:
    return jobs.job_from_cronjob(cronjob(), environment={"DATABASE_NAMES": value})


def test_a_variable_is_as_the_container_sees_it() -> None:
    made = with_databases("a$(HOME)$$b")
    assert jobs.variable(made, "DATABASE_NAMES") == "a$(HOME)$$b"
    [container] = made["spec"]["template"]["spec"]["containers"]
    written = {entry["name"]: entry["value"] for entry in container["env"]}
    assert written["DATABASE_NAMES"] == "a$$(HOME)$$$$b", "the kubelet expands $(HOME)"


def test_another_secret_takes_the_place_of_the_stacks() -> None:
    source = cronjob()
    pod_spec = source["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    items = [{"key": "user", "path": "username"}]
    pod_spec["volumes"] = [
        {"name": "backups", "persistentVolumeClaim": {"claimName": "backups"}},
        {"name": "credentials", "secret": {"secretName": "postgres", "items": items}},
    ]
    made = jobs.job_from_cronjob(source, secret="other")
    assert made["spec"]["template"]["spec"]["volumes"] == [
        {"name": "backups", "persistentVolumeClaim": {"claimName": "backups"}},
        {"name": "credentials", "secret": {"secretName": "other", "items": items}},
    ]
    assert pod_spec["volumes"][1]["secret"]["secretName"] == "postgres"


def test_a_template_without_credentials_takes_no_other_secret() -> None:
    with pytest.raises(PgkeepError) as caught:
        jobs.job_from_cronjob(cronjob(), secret="other")
    assert "Nothing was changed" in caught.value.message


def test_a_variable_is_known_also_when_it_is_empty() -> None:
    source = cronjob()
    [container] = source["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    container["env"].append({"name": "RESTORE_AT"})
    assert jobs.knows(source, "RESTORE_AT")
    assert jobs.knows(source, "NAMESPACE")
    assert not jobs.knows(source, "RESTORE_DRY_RUN")


def test_what_the_settings_bring_is_known_and_left_to_the_config_map() -> None:
    world = stack(DATABASE_NAMES="a$$(HOME)")
    template = with_settings(cast("Cluster", world), world.one(CRONJOBS, "postgres-restore"))
    assert jobs.variable(template, "DATABASE_NAMES") == "a$$(HOME)", "nothing expands a ConfigMap"
    assert jobs.knows(template, "DATABASE_NAMES")
    made = jobs.job_from_cronjob(template, environment={"DATABASE_HOST": "other"})
    [container] = made["spec"]["template"]["spec"]["containers"]
    own = [entry["name"] for entry in container["env"] if entry["name"].startswith("DATABASE_")]
    assert own == ["DATABASE_HOST"]
    assert container["envFrom"] == [{"configMapRef": {"name": "postgres-backup-settings"}}]
    assert made.keys() == {"apiVersion", "kind", "metadata", "spec"}


def test_a_variable_of_the_templates_own_wins_over_the_settings() -> None:
    template = {**cronjob(), jobs.SETTINGS: {"NAMESPACE": "other", "DATABASE_HOST": "postgres"}}
    assert jobs.variable(template, "NAMESPACE") == "shop"
    assert jobs.variable(template, "DATABASE_HOST") == "postgres"


@pytest.mark.parametrize(
    ("value", "names"),
    [("shop", ("shop",)), ("shop\nmy db, ü\na:b", ("shop", "my db, ü", "a:b")), ("", ())],
)
def test_the_databases_of_a_stack_are_one_a_line(value: str, names: tuple[str, ...]) -> None:
    assert jobs.database_names(with_databases(value)) == names


def test_only_a_final_condition_ends_a_job() -> None:
    assert not jobs.has_ended(job())
    assert not jobs.has_ended(job({"type": "FailureTarget"}))
    assert not jobs.has_ended(job({"type": "Failed", "status": "False"}))
    assert jobs.has_ended(job({"type": "Failed"}))
    assert jobs.has_ended(job({"type": "SuccessCriteriaMet"}, {"type": "Complete"}))


def test_the_result_of_a_success() -> None:
    result = jobs.result(
        job(
            {"type": "Complete"},
            startTime="2026-11-23T02:00:00Z",
            completionTime="2026-11-23T02:01:05Z",
        ),
        [pod(phase="Succeeded", state={"terminated": {"exitCode": 0}})],
        ["✓ done"],
    )
    assert result.succeeded
    assert (result.exit_code, result.seconds, result.lines) == (0, 65.0, ("✓ done",))


def test_the_result_of_a_failure_has_the_kubelets_copy_when_the_log_is_lost() -> None:
    result = jobs.result(
        job({"type": "Failed", "reason": "BackoffLimitExceeded"}),
        [pod(state={"terminated": {"exitCode": 75, "message": "ERROR: locked\x1b\nCURE: wait\n"}})],
        [],
    )
    assert not result.succeeded
    assert (result.exit_code, result.reason) == (75, "BackoffLimitExceeded")
    assert result.lines == ("ERROR: locked?", "CURE: wait")
    assert result.seconds is None


@pytest.mark.parametrize(
    ("pods", "events", "reason", "hopeless"),
    [
        ([], [], None, None),
        ([], [event("Job", NAME, "FailedCreate", "exceeded quota")], "FailedCreate", True),
        ([], [event("Job", "other", "FailedCreate", "exceeded quota")], None, None),
        ([pod(state={"waiting": {"reason": "ContainerCreating"}})], [], None, None),
        (
            [pod(state={"waiting": {"reason": "ImagePullBackOff", "message": "m"}})],
            [],
            "ImagePullBackOff",
            True,
        ),
        (
            [pod(state={"waiting": {"reason": "CreateContainerConfigError", "message": "m"}})],
            [],
            "CreateContainerConfigError",
            True,
        ),
        (
            [pod(conditions=[{"type": "PodScheduled", "status": "False", "message": "0/1"}])],
            [],
            "FailedScheduling",
            False,
        ),
        (
            [pod(state={"waiting": {"reason": "ContainerCreating"}})],
            [event("Pod", f"{NAME}-abcde", "FailedMount", "no such claim")],
            "FailedMount",
            False,
        ),
        (
            [pod(phase="Running", state={"running": {}})],
            [event("Pod", f"{NAME}-abcde", "FailedMount", "an old story")],
            None,
            None,
        ),
    ],
)
def test_what_keeps_a_pod_from_starting_is_named(
    pods: list[JsonObject], events: list[JsonObject], reason: str | None, hopeless: bool | None
) -> None:
    found = jobs.obstacle(NAME, pods, events)
    if reason is None:
        assert found is None
        return
    assert found is not None
    assert (found.reason, found.hopeless) == (reason, hopeless)
    assert found.message
    assert found.cure


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ({"waiting": {}}, False),
        ({"running": {}}, True),
        ({"terminated": {}}, True),
        (None, False),
    ],
)
def test_a_job_has_started_when_its_container_has(
    state: dict[str, Any] | None, expected: bool
) -> None:
    assert jobs.started([pod(state=state)]) is expected


def test_kubectl_lines_can_be_pasted() -> None:
    line = kubectl("shop", "logs", "job/x", context="my ctx", kubeconfig="/k")
    assert line == "kubectl --kubeconfig /k --context 'my ctx' --namespace shop logs job/x"

"""Stopping and starting applications that something else has a say about, with real controllers.

One restore for all of them; what each sentence is about was looked at while it was held.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from pgkeep.kube import client as api
from pgkeep.kube.client import Resource
from pgkeep.kube.objects import JsonObject, entries, section
from pgkeep.restoring import applications as apps
from pgkeep.restoring.applications import Application
from tests.cluster.stubs import (
    NAME,
    PATIENCE_SECONDS,
    Place,
    autoscaler,
    eventually,
    places,
    read_until,
    state,
    words,
    workload,
)

BUDGETS = Resource("/apis/policy/v1", "poddisruptionbudgets", "poddisruptionbudget")
APPLICATIONS = {
    "web": 2,
    "paused-before": 2,
    "paused-half-way": 3,
    "ordered": 3,
    "on-delete": 2,
    "partitioned": 2,
}
KINDS = dict.fromkeys(APPLICATIONS, "deployment") | dict.fromkeys(
    ("ordered", "on-delete", "partitioned"), "statefulset"
)


@dataclass(frozen=True, kw_only=True)
class Story:
    """A restore of all applications."""

    plan: str
    meanwhile: dict[str, tuple[int, str | None]]
    """Replicas and note of each, while the restore was held."""
    pods: list[str]
    """Which of them had pods when it began."""
    afterwards: dict[str, JsonObject]
    versions: dict[str, list[str]]
    """Of the pods that run afterwards."""
    text: str


@pytest.fixture(scope="module")
def story(kubeconfig: Path) -> Iterator[Story]:
    with places(kubeconfig) as make:
        place = make()
        names = ",".join(f"{KINDS[name]}/{name}" for name in APPLICATIONS)
        place.deploy("console", "restore", STUB_HOLD="yes", RESTORE_APPLICATIONS=names)
        begin(place)
        process = place.begin("run-restore", NAME, "--yes")
        plan = read_until(process, "restoring")
        pods = [name for name in APPLICATIONS if living(place, name)]
        # Stopped for longer than the autoscaler takes to look again.
        eventually(lambda: "ScalingDisabled" in scaling(place), "it has looked at what is stopped")
        meanwhile = {name: state(found(place, name)) for name in APPLICATIONS}
        place.release()
        text, _ = process.communicate(timeout=PATIENCE_SECONDS)
        assert process.returncode == 0, plan + text
        yield Story(
            plan=words(plan),
            meanwhile=meanwhile,
            pods=pods,
            afterwards={name: found(place, name) for name in APPLICATIONS},
            versions={name: versions(place, name) for name in APPLICATIONS},
            text=text,
        )


def begin(place: Place) -> None:
    """Make the applications, and wait until each is in the state that its test is about."""
    create = place.cluster.create
    budget = {"minAvailable": 2, "selector": {"matchLabels": {"app": "web"}}}
    create(BUDGETS, {"metadata": {"name": "web"}, "spec": budget})
    create(api.AUTOSCALERS, autoscaler("web-scaler", "Deployment", "web"))
    # Its pods take longer to end than the restore's pod does to start.
    create(api.DEPLOYMENTS, workload("Deployment", "web", 1, last_seconds=10))

    metric = {"metric": {"name": "queue"}, "target": {"type": "Value", "value": "1"}}
    external = {"minReplicas": 0, "metrics": [{"type": "External", "external": metric}]}
    create(api.AUTOSCALERS, autoscaler("waker", "Deployment", "paused-before", **external))
    create(api.DEPLOYMENTS, versioned("Deployment", "paused-before", "old"))

    # The first pod of the new version is never available, so that it stays the only one.
    made = versioned("Deployment", "paused-half-way", "old")
    made["spec"] |= {"minReadySeconds": 3600, "progressDeadlineSeconds": 7200}
    made["spec"]["strategy"] = {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    create(api.DEPLOYMENTS, made)

    keda = autoscaler("keda-hpa-ordered", "StatefulSet", "ordered")
    owner = {"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "name": "jobs"}
    keda["metadata"]["ownerReferences"] = [{**owner, "uid": "c0ffee00-0000-4000-8000-000000000000"}]
    create(api.AUTOSCALERS, keda)
    create(api.STATEFULSETS, versioned("StatefulSet", "ordered", "old"))

    held = {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}
    for name, strategy in (("on-delete", {"type": "OnDelete"}), ("partitioned", held)):
        made = versioned("StatefulSet", name, "old")
        made["spec"] |= {"updateStrategy": strategy, "podManagementPolicy": "Parallel"}
        create(api.STATEFULSETS, made)

    eventually(lambda: versions(place, "paused-before") == ["old"] * 2, "it runs")
    change(place, "paused-before", paused=True, **template("new"))
    eventually(lambda: versions(place, "paused-half-way") == ["old"] * 3, "it runs")
    change(place, "paused-half-way", **template("new"))
    mixed = ["new", "old", "old", "old"]
    eventually(lambda: versions(place, "paused-half-way") == mixed, "one of the new version runs")
    change(place, "paused-half-way", paused=True)
    eventually(lambda: versions(place, "on-delete") == ["old"] * 2, "it runs")
    change(place, "on-delete", **template("new"))
    eventually(lambda: versions(place, "partitioned") == ["old"] * 2, "it runs")
    change(place, "partitioned", **template("new"))
    eventually(lambda: versions(place, "partitioned") == ["new", "old"], "one of the new runs")
    eventually(lambda: versions(place, "ordered") == ["old"] * 3, "it runs")
    eventually(lambda: state(found(place, "web")) == (2, None), "its autoscaler is at work")
    for name, replicas in APPLICATIONS.items():
        eventually(lambda n=name, r=replicas: apps.is_ready(found(place, n), r), f"{name} is ready")


def versioned(kind: str, name: str, version: str) -> JsonObject:
    made = workload(kind, name, APPLICATIONS[name])
    made["spec"]["template"]["metadata"] |= template(version)["template"]["metadata"]
    return made


def template(version: str) -> JsonObject:
    return {"template": {"metadata": {"annotations": {"version": version}}}}


def change(place: Place, name: str, **spec: object) -> None:
    place.cluster.patch(Application(KINDS[name], name).resource, name, {"spec": spec})


def found(place: Place, name: str) -> JsonObject:
    return place.cluster.get(Application(KINDS[name], name).resource, name)


def living(place: Place, name: str) -> list[JsonObject]:
    pods = place.cluster.find(api.PODS, label_selector=f"app={name}")
    return apps.living_pods(Application(KINDS[name], name), pods)


def versions(place: Place, name: str) -> list[str]:
    """Those of the pods that run."""
    return sorted(
        section(pod, "metadata", "annotations").get("version", "")
        for pod in living(place, name)
        if section(pod, "status").get("phase") == "Running"
        and not pod["metadata"].get("deletionTimestamp")
    )


def scaling(place: Place) -> list[str]:
    """What the autoscaler gives as the reason for what it does."""
    conditions = entries(place.cluster.get(api.AUTOSCALERS, "web-scaler"), "status", "conditions")
    return [str(one["reason"]) for one in conditions if one["type"] == "ScalingActive"]


def test_all_of_them_stop_and_come_back_with_the_replicas_they_had(story: Story) -> None:
    assert story.meanwhile == {name: (0, str(was)) for name, was in APPLICATIONS.items()}
    for name, was in APPLICATIONS.items():
        assert state(story.afterwards[name]) == (was, None)
        assert section(story.afterwards[name], "status")["readyReplicas"] == was
        assert f"Started {KINDS[name]}/{name}; {was} replicas ready." in story.text


def test_the_restore_begins_when_their_last_pod_is_gone(story: Story) -> None:
    assert story.pods == []


def test_a_disruption_budget_does_not_keep_an_application_from_stopping(story: Story) -> None:
    assert "Stopped deployment/web; its pods are gone." in story.plan
    assert "web" not in story.pods


def test_an_autoscaler_leaves_a_stopped_application_alone_and_is_told_of(story: Story) -> None:
    assert "deployment/web (2 replicas now); autoscaler web-scaler pauses while it is at 0" in (
        story.plan
    )
    assert story.meanwhile["web"] == (0, "2"), "though it has looked at it"


def test_an_autoscaler_that_may_start_a_stopped_application_is_warned_of(story: Story) -> None:
    assert (
        "deployment/paused-before (2 replicas now); AUTOSCALER waker MAY START IT AGAIN meanwhile, "
        "as its minReplicas is 0; set that to 1 before"
    ) in story.plan
    assert (
        "statefulset/ordered (3 replicas now); KEDA MAY START IT AGAIN meanwhile; to keep it from "
        "that: kubectl annotate scaledobject/jobs autoscaling.keda.sh/paused=true"
    ) in story.plan


def test_a_rollout_that_was_paused_before_it_began_comes_back_as_it_was(story: Story) -> None:
    assert story.afterwards["paused-before"]["spec"]["paused"] is True
    assert story.versions["paused-before"] == ["old", "old"]


def test_a_rollout_that_was_paused_half_way_comes_back_as_the_new_version(story: Story) -> None:
    assert (
        "deployment/paused-half-way (3 replicas now); its rollout is paused half-way (1 of 4 pods "
        "are new): afterwards all of them are of the new version"
    ) in story.plan
    assert story.afterwards["paused-half-way"]["spec"]["paused"] is True
    assert story.versions["paused-half-way"] == ["new", "new", "new"]


def test_an_update_of_a_stateful_set_that_was_held_back_comes_with_the_restore(
    story: Story,
) -> None:
    for name, held in (
        ("on-delete", "its update waits for pods to be deleted (0 of 2 pods are new)"),
        ("partitioned", "its update is held back by a partition (1 of 2 pods are new)"),
    ):
        said = f"statefulset/{name} (2 replicas now); {held}: afterwards all of them are of the new"
        assert said in story.plan
        assert story.versions[name] == ["new", "new"]
    assert story.versions["ordered"] == ["old", "old", "old"], "nothing was held back there"

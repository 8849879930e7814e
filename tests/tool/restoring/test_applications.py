from typing import cast

import pytest

from pgkeep.errors import ApplicationError, NotPermittedError, UsageError
from pgkeep.kube import client as api
from pgkeep.kube.client import Cluster
from pgkeep.kube.objects import JsonObject
from pgkeep.restoring import applications as apps
from pgkeep.restoring.applications import ANNOTATION, Application
from pgkeep.restoring.autoscalers import Autoscaler, autoscaled
from tests.tool.objects import deployment, pod
from tests.tool.world import World, stack, workload

WEB = Application("deployment", "web")
QUEUE = Application("statefulset", "queue")


def test_applications_are_read_from_the_setting() -> None:
    assert apps.parse_applications("deployment/web, statefulset/queue,,deployment/web") == [
        WEB,
        QUEUE,
    ]
    assert apps.parse_applications("") == []


@pytest.mark.parametrize(
    "text", ["web", "pod/web", "deployment/", "/web", "deployment/a/b", "Deployment/web"]
)
def test_what_is_no_application_is_refused(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        apps.parse_applications(f"deployment/ok,{text}")
    assert text in caught.value.message


@pytest.mark.parametrize(
    ("now", "noted", "start", "remembered", "note"),
    [
        (2, None, 2, False, ""),
        (None, None, 1, False, ""),
        (0, None, 0, False, ""),
        (0, "3", 3, True, "noted 3 replicas"),
        (0, "0", 0, True, "noted 0 replicas"),
        (5, "3", 5, False, "void"),
        (3, "3", 3, False, ""),
        (0, "many", 0, False, "not a number"),
        (0, "-1", 0, False, "not a number"),
        (0, "99999999", 0, False, "not a number"),
    ],
)
def test_the_replicas_to_start_with(
    now: int | None, noted: str | None, start: int, remembered: bool, note: str
) -> None:
    plan = apps.plan(WEB, deployment(now, noted=noted))
    assert (plan.start, plan.remembered) == (start, remembered)
    assert note in plan.note
    assert bool(plan.note) == bool(note)


def paused(now: int, updated: int, present: int, *, is_paused: bool = True) -> JsonObject:
    found = deployment(now)
    found["spec"]["paused"] = is_paused
    found["status"] = {"replicas": present, "updatedReplicas": updated}
    return found


@pytest.mark.parametrize(("updated", "present"), [(0, 4), (4, 4), (0, 0)])
def test_a_paused_rollout_of_one_version_comes_back_as_it_was(updated: int, present: int) -> None:
    assert apps.plan(WEB, paused(4, updated, present)).note == ""


def test_of_a_rollout_paused_half_way_only_the_new_version_comes_back_which_is_said() -> None:
    note = apps.plan(WEB, paused(4, 1, 5)).note
    assert note == (
        "its rollout is paused half-way (1 of 5 pods are new): afterwards all of them are of the "
        "new version"
    )
    assert apps.plan(WEB, paused(4, 1, 5, is_paused=False)).note == "", "it goes on by itself"


@pytest.mark.parametrize(
    ("strategy", "held"),
    [
        ({"type": "OnDelete"}, "its update waits for pods to be deleted"),
        (
            {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}},
            "its update is held back by a partition",
        ),
    ],
)
def test_an_update_of_a_stateful_set_that_is_held_back_comes_with_the_restore_which_is_said(
    strategy: JsonObject, held: str
) -> None:
    def note(updated: int, strategy: JsonObject) -> str:
        found = deployment(2)
        found["spec"]["updateStrategy"] = strategy
        found["status"] = {"replicas": 2, "updatedReplicas": updated}
        return apps.plan(QUEUE, found).note

    for updated in (0, 1):
        assert note(updated, strategy) == (
            f"{held} ({updated} of 2 pods are new): afterwards all of them are of the new version"
        )
    assert note(2, strategy) == ""
    by_itself = {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}
    assert note(1, by_itself) == "", "it goes on by itself"


def test_a_paused_rollout_is_stopped_and_started_like_any_other() -> None:
    plan = apps.plan(WEB, paused(4, 1, 5))
    assert apps.stop_patch(plan)["spec"] == {"replicas": 0}
    assert "paused" not in apps.start_patch(plan.start)["spec"], "it stays paused"
    ready = deployment(4, observedGeneration=3, readyReplicas=4, updatedReplicas=0)
    ready["spec"]["paused"] = True
    assert apps.is_ready(ready, 4), "that none of them is updated is what a pause is for"


def started(replicas: int, ready: int) -> World:
    world = stack()
    workload(world, api.DEPLOYMENTS, "web", replicas)
    world.one(api.DEPLOYMENTS, "web")["status"]["readyReplicas"] = ready
    return world


def as_cluster(world: World) -> Cluster:
    return cast("Cluster", world)


@pytest.mark.parametrize(("wanted_now", "ready", "answer"), [(2, 2, 2), (1, 1, 1), (5, 2, 2)])
def test_an_autoscaler_that_goes_on_at_once_does_not_keep_the_tool_waiting(
    wanted_now: int, ready: int, answer: int
) -> None:
    plan = apps.plan(WEB, deployment(2))
    assert apps.wait_ready(as_cluster(started(wanted_now, ready)), plan, seconds=5) == answer


def test_replicas_that_do_not_become_ready_are_told_of() -> None:
    plan = apps.plan(WEB, deployment(2))
    with pytest.raises(ApplicationError, match="not all ready after 0 s"):
        apps.wait_ready(as_cluster(started(2, 1)), plan, seconds=0)


def test_an_application_that_is_stopped_again_is_not_waited_for() -> None:
    plan = apps.plan(WEB, deployment(2))
    with pytest.raises(ApplicationError, match="stopped again by somebody else"):
        apps.wait_ready(as_cluster(started(0, 0)), plan, seconds=60)


def autoscaler(name: str, target: str, **spec: object) -> JsonObject:
    kind, _, workload_name = target.partition("/")
    reference = {"kind": kind, "name": workload_name}
    return {"metadata": {"name": name}, "spec": {"scaleTargetRef": reference, **spec}}


def test_autoscalers_are_found_with_what_they_do_to_an_application_at_0() -> None:
    world = stack()
    keda = autoscaler("keda-hpa-queue", "StatefulSet/queue", minReplicas=1)
    keda["metadata"]["ownerReferences"] = [{"kind": "ScaledObject", "name": "queue"}]
    other = autoscaler("other", "Deployment/other", minReplicas=0)
    plain = autoscaler("web-scaler", "Deployment/web")
    for one in (keda, other, plain):
        world.all(api.AUTOSCALERS)[one["metadata"]["name"]] = one
    assert autoscaled(as_cluster(world), [WEB, QUEUE]) == {
        WEB: Autoscaler(name="web-scaler"),
        QUEUE: Autoscaler(name="keda-hpa-queue", keda="queue"),
    }
    plain["spec"]["minReplicas"] = 0
    assert autoscaled(as_cluster(world), [WEB])[WEB].wakes
    plain["spec"]["minReplicas"] = 3
    assert not autoscaled(as_cluster(world), [WEB])[WEB].wakes


def test_autoscalers_that_may_not_be_read_are_no_reason_to_stop() -> None:
    world = stack()
    world.fault, world.fault_at = lambda: NotPermittedError("no"), 1
    assert autoscaled(as_cluster(world), [WEB]) == {}


def test_a_workload_without_replicas_is_left_alone() -> None:
    assert not apps.plan(WEB, deployment(0)).concerned
    assert apps.plan(WEB, deployment(0, noted="2")).concerned
    assert apps.plan(WEB, deployment(1)).concerned


def test_one_request_remembers_and_stops() -> None:
    patch = apps.stop_patch(apps.plan(WEB, deployment(2)))
    assert patch == {
        "metadata": {"resourceVersion": "41", "annotations": {ANNOTATION: "2"}},
        "spec": {"replicas": 0},
    }


def test_one_request_starts_and_forgets() -> None:
    assert apps.start_patch(2) == {
        "metadata": {"annotations": {ANNOTATION: None}},
        "spec": {"replicas": 2},
    }


def test_remembering_survives_any_number_of_killed_runs() -> None:
    workload = deployment(4)
    for _ in range(3):  # each run is killed after it has stopped the application
        plan = apps.plan(WEB, workload)
        assert plan.start == 4
        patch = apps.stop_patch(plan)
        workload = deployment(0, noted=patch["metadata"]["annotations"][ANNOTATION])


def test_selectors_are_written_as_the_api_reads_them() -> None:
    selector = {
        "matchLabels": {"app": "web"},
        "matchExpressions": [
            {"key": "tier", "operator": "In", "values": ["a", "b"]},
            {"key": "env", "operator": "NotIn", "values": ["test"]},
            {"key": "x", "operator": "Exists"},
            {"key": "y", "operator": "DoesNotExist"},
        ],
    }
    assert apps.selector_text(selector) == "app=web,tier in (a,b),env notin (test),x,!y"


def test_only_living_pods_of_the_application_count() -> None:
    mine = pod("web-1-a", phase="Running", owner=("ReplicaSet", "web-6d5f"))
    others = [
        pod("web-1-b", phase="Failed", owner=("ReplicaSet", "web-6d5f")),
        pod("web-1-c", phase="Succeeded", owner=("ReplicaSet", "web-6d5f")),
        pod("web-admin-1", phase="Running", owner=("ReplicaSet", "web-admin-77")),
        pod("job", phase="Running", owner=("Job", "web-6d5f")),
        pod("bare", phase="Running"),
    ]
    assert apps.living_pods(WEB, [mine, *others]) == [mine]
    queue = pod("queue-0", phase="Running", owner=("StatefulSet", "queue"))
    assert apps.living_pods(QUEUE, [queue, mine]) == [queue]


def test_ready_needs_the_controllers_newest_view() -> None:
    assert not apps.is_ready(deployment(2, observedGeneration=2, readyReplicas=2), 2)
    assert not apps.is_ready(deployment(2, observedGeneration=3, readyReplicas=1), 2)
    assert not apps.is_ready(deployment(2, observedGeneration=3), 2)
    assert apps.is_ready(deployment(2, observedGeneration=3, readyReplicas=2), 2)


def test_pods_that_are_not_ready_say_why() -> None:
    waiting = pod("a", state={"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}})
    unready = pod(
        "b",
        phase="Running",
        state={"running": {}},
        conditions=[{"type": "Ready", "status": "False", "reason": "ContainersNotReady"}],
    )
    fine = pod("c", conditions=[{"type": "Ready", "status": "True"}])
    ending = pod("d")
    ending["metadata"]["deletionTimestamp"] = "2026-11-23T02:00:00Z"
    assert apps.troubles([waiting, unready, fine, ending]) == [
        "pod/a: CrashLoopBackOff: back-off",
        "pod/b: ContainersNotReady",
        "pod/d is being ended",
    ]

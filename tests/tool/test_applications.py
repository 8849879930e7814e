import pytest

from pgkeep import applications as apps
from pgkeep.applications import ANNOTATION, Application
from pgkeep.errors import UsageError
from tests.tool.objects import deployment, pod

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

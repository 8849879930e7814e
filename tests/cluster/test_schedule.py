"""The real CronJob controller does what the settings say."""

from __future__ import annotations

from collections.abc import Callable

from tests.cluster.support import Stack, wait_until

EVERY_MINUTE = "* * * * *"


def test_a_backup_starts_by_schedule_and_history_limits_and_ttl_hold(
    deploy: Callable[..., Stack],
) -> None:
    stack = deploy(schedule=EVERY_MINUTE, suspend="false", successfulJobsHistory="1", jobTtl="24h")
    where = stack.namespace

    def completed() -> list[str]:
        items = where.get("jobs", selector="app=postgres-backup")["items"]
        return [
            item["metadata"]["name"]
            for item in items
            if item["status"].get("succeeded") and "completionTime" in item["status"]
        ]

    first = wait_until(completed, "the first scheduled backup", seconds=150)
    listed = where.pgkeep("list-backups").stdout
    assert "verified" in listed

    # The next run's end removes the first Job, because one successful Job is to be kept.
    wait_until(lambda: set(completed()) - set(first), "the second scheduled backup", seconds=150)
    where.kubectl("patch", "cronjob", "postgres-backup", "-p", '{"spec":{"suspend":true}}')
    wait_until(lambda: not set(completed()) & set(first), "the history limit", seconds=60)
    assert len(completed()) == 1

    (job,) = where.get("jobs", selector="app=postgres-backup")["items"]
    assert job["spec"]["ttlSecondsAfterFinished"] == 24 * 3600
    assert job["spec"]["backoffLimit"] == 0


def test_a_finished_job_goes_away_after_its_ttl(deploy: Callable[..., Stack]) -> None:
    stack = deploy(jobTtl="10s")
    where = stack.namespace
    where.start("postgres-backup", "short-lived")
    assert where.outcome("short-lived") == "Complete", where.log("short-lived")

    def gone() -> bool:
        return not where.get("jobs", selector="app=postgres-backup")["items"]

    wait_until(gone, "the TTL controller", seconds=90)


def test_a_run_that_is_not_over_forbids_the_next(deploy: Callable[..., Stack]) -> None:
    # No node has this image, so the first run stays active for as long as the test looks.
    where = deploy(schedule=EVERY_MINUTE, suspend="false", image="postgres:17-nowhere").namespace

    def active() -> list[str]:
        items = where.get("jobs", selector="app=postgres-backup")["items"]
        return [item["metadata"]["name"] for item in items if item["status"].get("active")]

    def refused() -> bool:
        events = where.get("events")["items"]
        return any(event["reason"] == "JobAlreadyActive" for event in events)

    first = wait_until(active, "the first run", seconds=120)
    wait_until(refused, "the controller to pass over the next run", seconds=150)
    assert active() == first

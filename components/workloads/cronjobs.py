"""The one form of CronJob that all workloads share; no field of weight is left to a default."""

from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as k8s

from components import names
from components.settings.model import JobSettings, ScheduleSettings
from components.workloads.pods import PodArgs, PodContext, pod_template

# 31 February never comes. A suspended CronJob needs a valid schedule all the same, and this one
# stays harmless should somebody resume it.
NEVER = "0 0 31 2 *"


@dataclass(frozen=True, slots=True, kw_only=True)
class CronJobArgs:
    """What makes a CronJob of a pod."""

    context: PodContext
    pod: PodArgs
    schedule: ScheduleSettings
    jobs: JobSettings
    timeout: int  # seconds that one run may take


def template_only(schedule: ScheduleSettings) -> ScheduleSettings:
    """Turns a schedule into that of a CronJob that is only ever started by hand."""
    return ScheduleSettings(
        cron=NEVER,
        time_zone=schedule.time_zone,
        suspend=True,
        starting_deadline=schedule.starting_deadline,
    )


def cron_job(
    resource_name: str, args: CronJobArgs, opts: pulumi.ResourceOptions
) -> k8s.batch.v1.CronJob:
    """Declares one CronJob."""
    labels = names.labels(args.context.instance, args.pod.component, app=args.pod.app)
    return k8s.batch.v1.CronJob(
        resource_name,
        metadata=k8s.meta.v1.ObjectMetaArgs(
            name=args.pod.app, namespace=args.context.namespace, labels=labels
        ),
        spec=k8s.batch.v1.CronJobSpecArgs(
            schedule=args.schedule.cron,
            time_zone=args.schedule.time_zone,
            # Two runs would compete for the disk and the database; the second one is skipped.
            concurrency_policy="Forbid",
            starting_deadline_seconds=args.schedule.starting_deadline,
            suspend=args.schedule.suspend,
            successful_jobs_history_limit=args.jobs.successful_history,
            failed_jobs_history_limit=args.jobs.failed_history,
            job_template=k8s.batch.v1.JobTemplateSpecArgs(
                metadata=k8s.meta.v1.ObjectMetaArgs(labels=labels),
                spec=_job(args),
            ),
        ),
        opts=opts,
    )


def _job(args: CronJobArgs) -> k8s.batch.v1.JobSpecArgs:
    return k8s.batch.v1.JobSpecArgs(
        # No retry: what failed a minute ago fails again, and its log would be one of many. The
        # next scheduled run is the retry.
        backoff_limit=0,
        active_deadline_seconds=args.timeout,
        ttl_seconds_after_finished=args.jobs.ttl,
        # A pod that a drain or an eviction took away has not failed: it is started again.
        pod_failure_policy=k8s.batch.v1.PodFailurePolicyArgs(
            rules=[
                k8s.batch.v1.PodFailurePolicyRuleArgs(
                    action="Ignore",
                    on_pod_conditions=[
                        k8s.batch.v1.PodFailurePolicyOnPodConditionsPatternArgs(
                            type="DisruptionTarget", status="True"
                        )
                    ],
                )
            ]
        ),
        template=pod_template(args.context, args.pod),
    )

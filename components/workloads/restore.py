"""RestoreTemplate: a suspended CronJob from which an operator makes the Job of a restore.

Never a Job of Pulumi's own: that would run at `pulumi up`, and again whenever its Job was gone.
"""

from dataclasses import dataclass

import pulumi

from components import names
from components.settings.model import DatabaseSettings, JobSettings, ScheduleSettings
from components.workloads.cronjobs import CronJobArgs, cron_job, template_only
from components.workloads.pods import PodArgs, PodContext
from pgkeep import environment


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreTemplateArgs:
    """Inputs of RestoreTemplate."""

    context: PodContext
    service_account: pulumi.Input[str]
    database: DatabaseSettings
    schedule: ScheduleSettings
    jobs: JobSettings


class RestoreTemplate(pulumi.ComponentResource):
    """The template of Jobs that restore a backup."""

    cron_job_name: pulumi.Output[str]
    """Name of the suspended CronJob."""

    def __init__(
        self, name: str, args: RestoreTemplateArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Declares the suspended CronJob."""
        super().__init__("pgkeep:index:RestoreTemplate", name, None, opts)
        job = cron_job(
            f"{name}-cronjob",
            CronJobArgs(
                context=args.context,
                pod=PodArgs(
                    app=names.RESTORE,
                    component="restore",
                    service_account=args.service_account,
                    entry="restore/main.sh",
                    database=args.database,
                    parameters=environment.RESTORE,
                ),
                schedule=template_only(args.schedule),
                jobs=args.jobs,
                timeout=args.jobs.restore_timeout,
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.cron_job_name = job.metadata["name"]
        self.register_outputs({"cron_job_name": self.cron_job_name})

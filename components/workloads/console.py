"""Console: a suspended CronJob from which Jobs that work on the volume alone are made.

Its pods have no credentials of the database: to list, check, pin or prune backups needs none.
"""

from dataclasses import dataclass

import pulumi

from components import names
from components.settings.model import JobSettings, ScheduleSettings
from components.workloads.cronjobs import CronJobArgs, cron_job, template_only
from components.workloads.pods import PodArgs, PodContext
from pgkeep import environment


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsoleArgs:
    """Inputs of Console."""

    context: PodContext
    service_account: pulumi.Input[str]
    schedule: ScheduleSettings
    jobs: JobSettings


class Console(pulumi.ComponentResource):
    """The template of Jobs that list, check, pin and prune backups."""

    cron_job_name: pulumi.Output[str]
    """Name of the suspended CronJob."""

    def __init__(
        self, name: str, args: ConsoleArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Declares the suspended CronJob."""
        super().__init__("pgkeep:index:Console", name, None, opts)
        job = cron_job(
            f"{name}-cronjob",
            CronJobArgs(
                context=args.context,
                pod=PodArgs(
                    app=names.CONSOLE,
                    component="console",
                    service_account=args.service_account,
                    entry="console/main.sh",
                    parameters=environment.CONSOLE,
                ),
                schedule=template_only(args.schedule),
                jobs=args.jobs,
                # To verify all backups reads as much as many of them wrote.
                timeout=args.jobs.backup_timeout,
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.cron_job_name = job.metadata["name"]
        self.register_outputs({"cron_job_name": self.cron_job_name})

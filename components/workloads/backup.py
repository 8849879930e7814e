"""BackupSchedule: the CronJob that makes backups.

It proves nothing at `pulumi up`: a CronJob is created whether or not its pods could ever work.
Run the stack's `runBackupCommand` once after the first deployment.
"""

from dataclasses import dataclass

import pulumi

from components import names
from components.settings.model import DatabaseSettings, JobSettings, ScheduleSettings
from components.workloads.cronjobs import CronJobArgs, cron_job
from components.workloads.pods import PodArgs, PodContext


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupScheduleArgs:
    """Inputs of BackupSchedule."""

    context: PodContext
    service_account: pulumi.Input[str]
    database: DatabaseSettings
    schedule: ScheduleSettings
    jobs: JobSettings


class BackupSchedule(pulumi.ComponentResource):
    """Backs the databases up by schedule, and deletes old backups after a good one."""

    cron_job_name: pulumi.Output[str]
    """Name of the CronJob."""

    def __init__(
        self, name: str, args: BackupScheduleArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Declares the CronJob."""
        super().__init__("pgkeep:index:BackupSchedule", name, None, opts)
        job = cron_job(
            f"{name}-cronjob",
            CronJobArgs(
                context=args.context,
                pod=PodArgs(
                    app=names.BACKUP,
                    component="backup",
                    service_account=args.service_account,
                    entry="backup/all.sh",
                    database=args.database,
                ),
                schedule=args.schedule,
                jobs=args.jobs,
                timeout=_deadline(args),
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.cron_job_name = job.metadata["name"]
        self.register_outputs({"cron_job_name": self.cron_job_name})


def _deadline(args: BackupScheduleArgs) -> int:
    """Returns the seconds after which the Job is stopped, whatever it does."""
    timeout, count = args.jobs.backup_timeout, len(args.database.names)
    # Of several databases the script stops each after its own time, so that one that hangs takes
    # nothing from the next. The minute is for what comes before, between and after them.
    return timeout if count == 1 else count * timeout + 60

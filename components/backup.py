"""BackupSchedule: the CronJob that makes backups.

It proves nothing at `pulumi up`: a CronJob is created whether or not its pods could ever work.
Run the stack's `runBackupCommand` once after the first deployment.
"""

from dataclasses import dataclass

import pulumi

from components import names
from components.cronjobs import CronJobArgs, cron_job
from components.pods import PodArgs, PodContext
from components.settings import (
    DatabaseSettings,
    DumpSettings,
    JobSettings,
    RetentionSettings,
    ScheduleSettings,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupScheduleArgs:
    """Inputs of BackupSchedule."""

    context: PodContext
    service_account: pulumi.Input[str]
    database: DatabaseSettings
    schedule: ScheduleSettings
    dump: DumpSettings
    retention: RetentionSettings
    jobs: JobSettings


class BackupSchedule(pulumi.ComponentResource):
    """Backs the database up by schedule, and deletes old backups after a good one."""

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
                    script="backup.sh",
                    database=args.database,
                    environment={
                        "BACKUP_FORMAT": args.dump.format,
                        "BACKUP_COMPRESSION": args.dump.compression,
                        "BACKUP_JOBS": str(args.dump.jobs),
                        "BACKUP_SCHEDULE": args.schedule.cron,  # shown in the log, nothing more
                        "RETENTION_DAYS": str(args.retention.days),
                        "RETENTION_MINIMUM": str(args.retention.minimum),
                    },
                ),
                schedule=args.schedule,
                jobs=args.jobs,
                timeout=args.jobs.backup_timeout,
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.cron_job_name = job.metadata["name"]
        self.register_outputs({"cron_job_name": self.cron_job_name})

"""RestoreTemplate: a suspended CronJob from which an operator makes the Job of a restore.

Never a Job of Pulumi's own: that would run at `pulumi up`, and again whenever its Job was gone.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi

from components import names
from components.backup import dump_environment
from components.cronjobs import CronJobArgs, cron_job, template_only
from components.pods import PodArgs, PodContext
from components.settings import (
    DatabaseSettings,
    DumpSettings,
    JobSettings,
    RestoreSettings,
    RetentionSettings,
    ScheduleSettings,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreTemplateArgs:
    """Inputs of RestoreTemplate."""

    context: PodContext
    service_account: pulumi.Input[str]
    database: DatabaseSettings
    schedule: ScheduleSettings
    dump: DumpSettings  # of the backup that a restore makes before it
    retention: RetentionSettings
    restore: RestoreSettings
    jobs: JobSettings
    applications: Sequence[str]


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
                    script="restore.sh",
                    database=args.database,
                    retention=args.retention,
                    environment={
                        "RESTORE_ACTION": "restore",
                        # Empty: a Job made without saying which backup refuses and says how.
                        "RESTORE_BACKUP": "",
                        # What a Job may say besides. All stand here, so that whoever writes one by
                        # hand finds them, and so that nothing of the image's takes their place.
                        "RESTORE_AT": "",
                        "RESTORE_DATABASE": "",
                        "RESTORE_INTO": "",
                        "RESTORE_TABLES": "",
                        "RESTORE_SCHEMAS": "",
                        "RESTORE_DROP": "",
                        "RESTORE_DRY_RUN": "false",
                        "RESTORE_ALLOW_SUPERUSER_OBJECTS": "false",
                        "RESTORE_SAFETY_BACKUP": "true",
                        "RESTORE_SMOKE_QUERY": args.restore.smoke_query,
                        "RESTORE_KEEP_DAYS": str(args.restore.keep_days),
                        # For the tool, which asks the kubelet how much is free there, and tells.
                        "RESTORE_DATABASE_VOLUME": args.restore.database_volume,
                        "RESTORE_FREE_BYTES": "",
                        "RESTORE_JOBS": str(args.dump.jobs),
                        # Shown in the log; the tool is what stops them, the pod has no such right.
                        "RESTORE_APPLICATIONS": ",".join(args.applications),
                        **dump_environment(args.dump, args.schedule),
                    },
                ),
                schedule=template_only(args.schedule),
                jobs=args.jobs,
                timeout=args.jobs.restore_timeout,
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.cron_job_name = job.metadata["name"]
        self.register_outputs({"cron_job_name": self.cron_job_name})

"""PostgresBackup: everything a stack declares, composed from its settings.

It makes neither the namespace nor the Secret: with them a `pulumi destroy` could take the backups,
or their credentials, away.
"""

from dataclasses import dataclass

import pulumi

from components import helper_commands
from components.access import Access, AccessArgs
from components.scripts import ScriptRooms, ScriptRoomsArgs, Scripts, read_scripts
from components.settings.model import Settings
from components.stack_settings import StackSettings, StackSettingsArgs
from components.storage import BackupVolume, BackupVolumeArgs
from components.workloads.backup import BackupSchedule, BackupScheduleArgs
from components.workloads.console import Console, ConsoleArgs
from components.workloads.pods import PodContext
from components.workloads.restore import RestoreTemplate, RestoreTemplateArgs


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresBackupArgs:
    """Inputs of PostgresBackup."""

    settings: Settings
    scripts: Scripts | None = None  # none: the folder scripts/ as it is


class PostgresBackup(pulumi.ComponentResource):
    """Backups of a server's databases: the volume, the schedule, the templates and the rights."""

    namespace: pulumi.Output[str]
    """The namespace everything is in."""
    volume_claim: pulumi.Output[str]
    """Name of the claim that holds the backups."""
    backup_cron_job: pulumi.Output[str]
    """Name of the CronJob that makes backups."""
    console_cron_job: pulumi.Output[str]
    """Name of the suspended CronJob that lists, checks, pins and prunes backups."""
    restore_cron_job: pulumi.Output[str]
    """Name of the suspended CronJob that restores."""
    run_backup_command: pulumi.Output[str]
    """Makes a backup now."""
    list_backups_command: pulumi.Output[str]
    """Lists the backups."""
    restore_command: pulumi.Output[str]
    """Restores the latest backup."""
    logs_command: pulumi.Output[str]
    """Shows the log of the newest backup."""

    def __init__(
        self, name: str, args: PostgresBackupArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Declares everything."""
        super().__init__("pgkeep:index:PostgresBackup", name, None, opts)
        settings = args.settings
        volume = BackupVolume(
            f"{name}-volume",
            BackupVolumeArgs(
                instance=settings.instance, namespace=settings.namespace, volume=settings.volume
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )
        access = Access(
            f"{name}-access",
            AccessArgs(
                instance=settings.instance,
                namespace=settings.namespace,
                applications=settings.applications,
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )
        scripts = ScriptRooms(
            f"{name}-scripts",
            ScriptRoomsArgs(
                instance=settings.instance,
                namespace=settings.namespace,
                scripts=args.scripts or read_scripts(),
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )
        variables = StackSettings(
            f"{name}-settings",
            StackSettingsArgs(settings=settings),
            opts=pulumi.ResourceOptions(parent=self),
        )
        context = PodContext(
            instance=settings.instance,
            namespace=settings.namespace,
            # Outputs, not the same text from the settings: through them each CronJob depends on
            # the claim, the settings and the scripts: it comes after them and goes before them.
            volume_claim=volume.claim_name,
            settings=variables.config_map_name,
            rooms_of=scripts.mounted_by,
            image=settings.image,
            resources=settings.resources,
        )
        backup = BackupSchedule(
            f"{name}-backup",
            BackupScheduleArgs(
                context=context,
                service_account=access.backup_account,
                database=settings.database,
                schedule=settings.schedule,
                jobs=settings.jobs,
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )
        console = Console(
            f"{name}-console",
            ConsoleArgs(
                context=context,
                service_account=access.console_account,
                schedule=settings.schedule,
                jobs=settings.jobs,
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )
        restore = RestoreTemplate(
            f"{name}-restore",
            RestoreTemplateArgs(
                context=context,
                service_account=access.restore_account,
                database=settings.database,
                schedule=settings.schedule,
                jobs=settings.jobs,
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )

        namespace = settings.namespace
        self.namespace = pulumi.Output.from_input(namespace)
        self.volume_claim = volume.claim_name
        self.backup_cron_job = backup.cron_job_name
        self.console_cron_job = console.cron_job_name
        self.restore_cron_job = restore.cron_job_name
        self.run_backup_command = self.backup_cron_job.apply(
            lambda cron_job: helper_commands.run_backup(namespace, cron_job)
        )
        self.list_backups_command = self.console_cron_job.apply(
            lambda cron_job: helper_commands.list_backups(namespace, cron_job)
        )
        self.restore_command = self.restore_cron_job.apply(
            lambda cron_job: helper_commands.restore(namespace, cron_job)
        )
        self.logs_command = self.backup_cron_job.apply(
            lambda cron_job: helper_commands.logs(namespace, cron_job)
        )
        self.register_outputs(
            {
                "namespace": self.namespace,
                "volume_claim": self.volume_claim,
                "backup_cron_job": self.backup_cron_job,
                "console_cron_job": self.console_cron_job,
                "restore_cron_job": self.restore_cron_job,
                "run_backup_command": self.run_backup_command,
                "list_backups_command": self.list_backups_command,
                "restore_command": self.restore_command,
                "logs_command": self.logs_command,
            }
        )

"""The Pulumi program: the settings of the stack, one component, the stack's outputs."""

import pulumi

from components.settings.reading import load
from components.settings.refusal import SettingsError
from components.stack import PostgresBackup, PostgresBackupArgs

try:
    settings = load(pulumi.Config(), stack=pulumi.get_stack())
except SettingsError as error:
    # A RunError is printed without a traceback: the fault is in the settings, not in the program.
    raise pulumi.RunError(str(error)) from None

backup = PostgresBackup("pgkeep", PostgresBackupArgs(settings=settings))

pulumi.export("namespace", backup.namespace)
pulumi.export("backupCronJob", backup.backup_cron_job)
pulumi.export("consoleCronJob", backup.console_cron_job)
pulumi.export("restoreCronJob", backup.restore_cron_job)
pulumi.export("volumeClaim", backup.volume_claim)
pulumi.export("runBackupCommand", backup.run_backup_command)
pulumi.export("listBackupsCommand", backup.list_backups_command)
pulumi.export("restoreCommand", backup.restore_command)
pulumi.export("logsCommand", backup.logs_command)

"""StackSettings: what the pods are told of the settings, as one ConfigMap of variables.

A changed setting is one changed object, whose diff names the variable and both values. A pod reads
it when its container starts, so no CronJob changes with it, and a run that goes on keeps what it
began with. No credential is in it.
"""

from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as k8s

from components import names
from components.settings.model import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class StackSettingsArgs:
    """Inputs of StackSettings."""

    settings: Settings


class StackSettings(pulumi.ComponentResource):
    """A ConfigMap of a fixed name, changed in place."""

    config_map_name: pulumi.Output[str]
    """Name of the ConfigMap."""

    def __init__(
        self, name: str, args: StackSettingsArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Declares the ConfigMap."""
        super().__init__("pgkeep:index:StackSettings", name, None, opts)
        config_map = k8s.core.v1.ConfigMap(
            f"{name}-variables",
            metadata=k8s.meta.v1.ObjectMetaArgs(
                name=names.SETTINGS,
                namespace=args.settings.namespace,
                labels=names.labels(args.settings.instance, "settings"),
            ),
            data=variables(args.settings),
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.config_map_name = config_map.metadata["name"]
        self.register_outputs({"config_map_name": self.config_map_name})


def variables(settings: Settings) -> dict[str, str]:
    """Returns the variables that pgkeep/environment.py says a setting sets."""
    database, dump, retention = settings.database, settings.dump, settings.retention
    return {
        "NAMESPACE": settings.namespace,
        "VOLUME_NAME": settings.volume.name,
        "DATABASE_HOST": database.host,
        "DATABASE_PORT": str(database.port),
        "DATABASE_NAMES": "\n".join(database.names),
        "DATABASE_SSLMODE": database.ssl_mode,
        "DATABASE_SECRET": database.secret,
        "DATABASE_USER_KEY": database.user_key,
        "DATABASE_PASSWORD_KEY": database.password_key,
        "BACKUP_FORMAT": dump.format,
        "BACKUP_COMPRESSION": dump.compression,
        "BACKUP_JOBS": str(dump.jobs),
        "BACKUP_SCHEDULE": settings.schedule.cron,
        "BACKUP_OWNERS": _word(dump.owners),
        "BACKUP_TABLE_HASHES": _word(dump.table_hashes),
        "BACKUP_ANOMALY_FACTOR": str(dump.anomaly_factor),
        "BACKUP_TIMEOUT": str(settings.jobs.backup_timeout),
        "RETENTION_DAYS": str(retention.days),
        "RETENTION_MINIMUM": str(retention.minimum),
        "RETENTION_DAILY": str(retention.daily),
        "RETENTION_WEEKLY": str(retention.weekly),
        "RETENTION_MONTHLY": str(retention.monthly),
        "RESTORE_SMOKE_QUERY": settings.restore.smoke_query,
        "RESTORE_KEEP_DAYS": str(settings.restore.keep_days),
        "RESTORE_DATABASE_VOLUME": settings.restore.database_volume,
        "RESTORE_JOBS": str(dump.jobs),
        "RESTORE_APPLICATIONS": ",".join(settings.applications),
    }


def _word(value: bool) -> str:
    return "true" if value else "false"

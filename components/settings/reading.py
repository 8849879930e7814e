"""The settings of a stack: read once, checked all together, then plain values.

`load` is the only reader of the configuration. Defaults stand only in Pulumi.yaml, so a key that
is missing here is an error and not a second, different default.
"""

from components.settings import cron, quantities, validation
from components.settings.model import (
    DatabaseSettings,
    DumpSettings,
    ImageSettings,
    JobSettings,
    ResourceSettings,
    RestoreSettings,
    RetentionSettings,
    ScheduleSettings,
    Settings,
    VolumeSettings,
)
from components.settings.reader import ConfigSource, Reader


def load(config: ConfigSource, *, stack: str) -> Settings:
    """Reads and checks every setting; raises one SettingsError that names all wrong ones."""
    read = Reader(config)
    read.stack(stack)
    settings = Settings(
        instance=stack,
        namespace=read.text("namespace", validation.label_name("my-namespace")),
        database=DatabaseSettings(
            host=read.text("databaseHost", validation.database_host),
            port=read.text("databasePort", validation.whole_number(1, 65535, 5432)),
            names=read.one_or_several("databaseName", "databases", validation.database_name),
            secret=read.text("databaseSecret", validation.subdomain_name("postgres-secret")),
            user_key=read.text("databaseUserKey", validation.secret_key("username")),
            password_key=read.text("databasePasswordKey", validation.secret_key("password")),
            # Without verify-ca and verify-full: they need a file of roots that no setting brings.
            ssl_mode=read.text(
                "databaseSslMode", validation.one_of("prefer", "require", "disable", "allow")
            ),
        ),
        image=ImageSettings(
            reference=read.text("image", validation.image),
            pull_secrets=read.array("imagePullSecrets", validation.subdomain_name("my-registry")),
            run_as_user=read.text("runAsUser", validation.whole_number(0, 2**31 - 1, 0)),
        ),
        schedule=ScheduleSettings(
            cron=read.text("schedule", cron.schedule),
            time_zone=read.text("timeZone", validation.time_zone),
            suspend=read.text("suspend", validation.truth),
            # The controller looks every 10 seconds: below that a run may never start.
            starting_deadline=read.text("startingDeadline", validation.duration("10s", "7d", "1h")),
        ),
        dump=DumpSettings(
            format=read.text("format", validation.one_of("directory", "plain")),
            compression=read.text("compression", validation.compression),
            jobs=read.text("jobs", validation.whole_number(1, 64, 2)),
            owners=read.text("owners", validation.truth),
            table_hashes=read.text("tableHashes", validation.truth),
            # Below 2 an ordinary day would be suspicious, and hold retention.
            anomaly_factor=read.text("anomalyFactor", validation.whole_number(2, 1000, 2)),
        ),
        retention=RetentionSettings(
            # A century: beyond it a date may leave what the shell's arithmetic can hold.
            days=read.text("retentionDays", validation.whole_number(1, 36500, 30)),
            # At least 1: the newest good backup is never deleted.
            minimum=read.text("retentionMinimum", validation.whole_number(1, 10000, 7)),
            daily=read.text("retentionDaily", validation.whole_number(0, 1000, 7)),
            weekly=read.text("retentionWeekly", validation.whole_number(0, 1000, 4)),
            monthly=read.text("retentionMonthly", validation.whole_number(0, 1000, 12)),
        ),
        restore=RestoreSettings(
            smoke_query=read.text("smokeQuery", validation.smoke_query),
            keep_days=read.text("restoreKeepDays", validation.whole_number(0, 36500, 14)),
            database_volume=read.text(
                "databaseVolumeName",
                validation.or_nothing(validation.subdomain_name("postgres-data")),
            ),
        ),
        volume=VolumeSettings(
            name=read.text("volumeName", validation.subdomain_name("backup-pvc")),
            size=read.text("volumeSize", quantities.storage("20Gi")),
            storage_class=read.text("storageClass", validation.subdomain_name("local-path")),
        ),
        applications=read.array("applications", validation.application),
        jobs=JobSettings(
            backup_timeout=read.text("backupTimeout", validation.duration("30s", "7d", "6h")),
            restore_timeout=read.text("restoreTimeout", validation.duration("30s", "7d", "12h")),
            successful_history=read.text(
                "successfulJobsHistory", validation.whole_number(0, 1000, 3)
            ),
            failed_history=read.text("failedJobsHistory", validation.whole_number(0, 1000, 1)),
            # Sooner a Job could be gone before anybody, the tool included, has seen how it ended.
            ttl=read.text("jobTtl", validation.duration("10s", "365d", "24h")),
        ),
        resources=ResourceSettings(
            cpu_request=read.text("resourcesCpuRequest", quantities.cpu("100m")),
            cpu_limit=read.text("resourcesCpuLimit", quantities.cpu("2")),
            memory_request=read.text("resourcesMemoryRequest", quantities.memory("256Mi")),
            memory_limit=read.text("resourcesMemoryLimit", quantities.memory("512Mi")),
        ),
    )
    _check_together(read, settings)
    read.finish()
    return settings


def _check_together(read: Reader, settings: Settings) -> None:
    """Checks the rules about two settings; the first key named is the one to mend."""
    database, dump, resources = settings.database, settings.dump, settings.resources
    read.together(
        ("databasePasswordKey", "databaseUserKey"),
        lambda: validation.different_keys(database.user_key, database.password_key),
    )
    read.together(
        ("compression", "format", "image"),
        lambda: validation.compression_fits(
            dump.compression, dump.format, settings.image.reference
        ),
    )
    read.together(
        ("jobs", "resourcesCpuLimit"),
        lambda: quantities.jobs_within_cpu(dump.jobs, resources.cpu_limit),
    )
    read.together(
        ("resourcesCpuRequest", "resourcesCpuLimit"),
        lambda: quantities.within(resources.cpu_request, resources.cpu_limit),
    )
    read.together(
        ("resourcesMemoryRequest", "resourcesMemoryLimit"),
        lambda: quantities.within(resources.memory_request, resources.memory_limit),
    )

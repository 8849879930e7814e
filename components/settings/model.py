"""What a stack can say, as plain values; `load` in reading.py makes them."""

from dataclasses import dataclass

from components.settings import validation


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseSettings:
    """Where the database is, and in which Secret its credentials are (never what they are)."""

    host: str
    port: int
    names: tuple[str, ...]  # at least one; all on the same server, with the same credentials
    secret: str
    user_key: str
    password_key: str
    ssl_mode: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSettings:
    """The image that every pod runs, and as whom."""

    reference: str
    pull_secrets: tuple[str, ...]
    run_as_user: int  # 0: as the image has it

    @property
    def user(self) -> int:
        """The uid of `postgres` in the official images: 70 on Alpine, 999 on Debian."""
        _, tag = validation.split_tag(self.reference)
        return self.run_as_user or (70 if "alpine" in (tag or "") else 999)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleSettings:
    """When backups run."""

    cron: str
    time_zone: str
    suspend: bool
    starting_deadline: int  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class DumpSettings:
    """How a backup is written."""

    format: str
    compression: str
    jobs: int
    owners: bool
    table_hashes: bool
    anomaly_factor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionSettings:
    """What is kept: everything younger than `days`, never fewer than `minimum`, and old ones."""

    days: int
    minimum: int
    daily: int  # 0: off, as with the two below
    weekly: int
    monthly: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreSettings:
    """What a restored database has to answer, and how long the one it replaced is kept."""

    smoke_query: str  # empty: none
    keep_days: int  # 0: until somebody drops it
    database_volume: str  # the claim of the database itself; empty: not known


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeSettings:
    """The claim that holds the backups."""

    name: str
    size: str
    storage_class: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSettings:
    """How long Jobs may run and how long they are remembered. Durations are in seconds."""

    backup_timeout: int
    restore_timeout: int
    successful_history: int
    failed_history: int
    ttl: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceSettings:
    """What every pod asks for and may use at most."""

    cpu_request: str
    cpu_limit: str
    memory_request: str
    memory_limit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything a stack can say."""

    instance: str  # the stack's name
    namespace: str
    database: DatabaseSettings
    image: ImageSettings
    schedule: ScheduleSettings
    dump: DumpSettings
    retention: RetentionSettings
    restore: RestoreSettings
    volume: VolumeSettings
    applications: tuple[str, ...]
    jobs: JobSettings
    resources: ResourceSettings

"""The settings of a stack: read once, checked all together, then plain values.

`load` is the only reader of the configuration. Defaults stand only in Pulumi.yaml, so a key that
is missing here is an error and not a second, different default. Nothing here imports pulumi.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar, cast

from components import cron, quantities, validation
from components.refusal import RefusedError, SettingsError, paragraph, set_command

T = TypeVar("T")


class ConfigSource(Protocol):
    """What is needed of `pulumi.Config`: the text of a key, or nothing."""

    def get(self, key: str) -> str | None:
        """Returns the value as the CLI hands it over; arrays come as JSON."""
        ...


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


def load(config: ConfigSource, *, stack: str) -> Settings:
    """Reads and checks every setting; raises one SettingsError that names all wrong ones."""
    read = _Reader(config)
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


def _check_together(read: "_Reader", settings: Settings) -> None:
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


class _Reader:
    """Reads keys and collects what is wrong with them, so that all of it is told at once.

    After a problem it returns a stand-in of no use; `finish` raises before anyone could use it.
    """

    def __init__(self, config: ConfigSource) -> None:
        self._config = config
        self._values: dict[str, str | None] = {}
        self._problems: dict[str, str] = {}

    def text(self, key: str, rule: Callable[[str], T]) -> T:
        value = self._values[key] = self._config.get(key)
        try:
            checked = rule(value or "")
            if value is None:  # an empty text would do, but nobody has said so
                raise RefusedError("a value", "''")
        except RefusedError as refused:
            self._refuse(key, value, refused)
            return cast("T", None)
        return checked

    def array(self, key: str, rule: Callable[[str], str]) -> tuple[str, ...]:
        text = self._config.get(key)
        items = _json_list(text)
        if items is None:
            example = _example(rule)
            refused = RefusedError(f"a list of texts like {example}, which may be empty", example)
            self._refuse(key, text, refused, command=set_command(f"{key}[0]", example))
            return ()
        for index, item in enumerate(items):
            self._item(f"{key}[{index}]", item, rule, known=items[:index])
        return tuple(cast("list[str]", items))

    def one_or_several(self, one: str, several: str, rule: Callable[[str], str]) -> tuple[str, ...]:
        """Reads a pair of keys of which exactly one is set."""
        value = self.text(one, lambda text: rule(text) if text else text)
        values = self.array(several, rule)
        if any(key.partition("[")[0] in (one, several) for key in self._problems):
            return values
        example = _example(rule)
        if value and values:
            refused = RefusedError(f"a name here or names in {several}, not both", "")
            self._refuse(one, value, refused, command=f"pulumi config rm {one}")
        if not value and not values:
            first = set_command(f"{several}[0]", example)
            allowed = f"a name, or for more than one the names in {several} ({first})"
            self._refuse(one, value, RefusedError(allowed, example))
        return values or (value,)

    def _item(
        self, place: str, item: object, rule: Callable[[str], str], *, known: list[object]
    ) -> None:
        if item in known:
            refused = RefusedError("each only once", "")
            self._refuse(place, item, refused, command=f"pulumi config rm --path '{place}'")
            return
        try:
            rule(item if isinstance(item, str) else "")
        except RefusedError as refused:
            self._refuse(place, item, refused)

    def stack(self, name: str) -> None:
        try:
            validation.label_value(name)
        except RefusedError as refused:
            command = f"pulumi stack rename {refused.example}"
            self._refuse("name of the stack", name, refused, command=command)

    def together(self, keys: tuple[str, ...], rule: Callable[[], None]) -> None:
        if any(key in self._problems for key in keys):
            return
        try:
            rule()
        except RefusedError as refused:
            self._refuse(keys[0], self._values[keys[0]], refused)

    def _refuse(
        self, key: str, value: object, refused: RefusedError, *, command: str | None = None
    ) -> None:
        command = command or set_command(key, refused.example)
        self._problems[key] = paragraph(key, value, refused, command=command)

    def finish(self) -> None:
        if self._problems:
            raise SettingsError(list(self._problems.values()))


def _json_list(text: str | None) -> list[object] | None:
    try:
        items: object = json.loads(text or "")
    except json.JSONDecodeError:
        return None
    return cast("list[object]", items) if isinstance(items, list) else None


def _example(rule: Callable[[str], str]) -> str:
    try:
        return rule("")
    except RefusedError as refused:
        return refused.example

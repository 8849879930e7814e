"""What a user wants restored, checked for sense before anything is asked of the cluster. Pure."""

from dataclasses import dataclass, field
from datetime import datetime

from pgkeep.catalog.console import LATEST
from pgkeep.errors import UsageError
from pgkeep.restoring import sql_names
from pgkeep.terminal.words import printable, utc

_OF_THE_SERVER = ("postgres", "template0", "template1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """Which server, where it is not the stack's; what is empty is as the stack has it."""

    host: str = ""
    port: int | None = None
    secret: str = ""

    @property
    def environment(self) -> dict[str, str]:
        """The variables of the Job that lead it there."""
        wanted = {
            "DATABASE_HOST": self.host,
            "DATABASE_PORT": "" if self.port is None else str(self.port),
            "DATABASE_SECRET": self.secret,
        }
        return {name: value for name, value in wanted.items() if value}

    @property
    def options(self) -> list[str]:
        """The words of a command line that lead there."""
        wanted = [
            ("--host", self.host),
            ("--port", "" if self.port is None else str(self.port)),
            ("--secret", self.secret),
        ]
        return [word for option, value in wanted if value for word in (option, value)]

    def check(self) -> None:
        """Refuse what no server can be.

        Raises:
            UsageError: A value that cannot be one.
        """
        for option, value in (("--host", self.host), ("--secret", self.secret)):
            if value and not (value.isascii() and value.isprintable() and " " not in value):
                raise UsageError(f"{printable(value)!r} is no value for {option}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreRequest:
    """What `run-restore` is asked for."""

    name: str = ""
    """A backup's name, or latest; empty where `at` says which."""
    at: datetime | None = None
    database: str = ""
    into: str = ""
    side: str = ""
    """An empty database that somebody has prepared, to be filled and to take the name."""
    tables: tuple[str, ...] = ()
    schemas: tuple[str, ...] = ()
    server: Server = field(default_factory=Server)
    dry_run: bool = False
    allow_superuser_objects: bool = False
    safety_backup: bool = True

    @property
    def wanted(self) -> str:
        """Which backup, in words."""
        if self.at is not None:
            return f"the newest backup at or before {utc(self.at)}"
        return "the latest backup" if self.name == LATEST else self.name

    @property
    def parts(self) -> tuple[str, ...]:
        """The tables and schemas, as the server reads their names."""
        return tuple(f"table {sql_names.table(name)}" for name in self.tables) + tuple(
            f"schema {sql_names.schema(name)}" for name in self.schemas
        )

    def environment(self, backup: str, database: str) -> dict[str, str]:
        """The variables of the Job, only those that differ from the template's.

        Args:
            backup: The backup that was chosen and shown.
            database: Which of several databases; empty where the stack has one.
        """
        wanted = {
            "RESTORE_BACKUP": backup,
            "RESTORE_DATABASE": database,
            "RESTORE_INTO": self.into,
            "RESTORE_SIDE": self.side,
            "RESTORE_TABLES": "\n".join(self.tables),
            "RESTORE_SCHEMAS": "\n".join(self.schemas),
            "RESTORE_DRY_RUN": "true" if self.dry_run else "",
            "RESTORE_ALLOW_SUPERUSER_OBJECTS": "true" if self.allow_superuser_objects else "",
            "RESTORE_SAFETY_BACKUP": "" if self.safety_backup else "false",
        }
        return {
            **{name: value for name, value in wanted.items() if value},
            **self.server.environment,
        }

    def check(self, now: datetime) -> None:
        """Refuse what makes no sense together.

        Args:
            now: For times that are still to come.

        Raises:
            UsageError: What is wrong, and what is allowed.
        """
        self._check_backup(now)
        if self.database:
            sql_names.database(self.database, "--database")
        for option, name, cure in (
            ("--into", self.into, "Choose a name that is free: --into NAME"),
            ("--side", self.side, "Have an empty one made for it: --side NAME"),
        ):
            if name:
                sql_names.database(name, option)
            if name in _OF_THE_SERVER:
                raise UsageError(f"Database {name} belongs to the server itself.", cure=cure)
        self.server.check()
        if self.parts and self.into:
            raise UsageError(
                "--into does not go with --table and --schema.",
                cause="Tables and schemas are restored into schemas of their own beside the live "
                "ones; --into is for a whole database.",
                cure="Leave --into out, or --table and --schema.",
            )
        if self.side and (self.into or self.parts or self.dry_run):
            raise UsageError(
                "--side does not go with --into, --table, --schema and --dry-run.",
                cause="The prepared database is filled to take the place of the live one; a dry "
                "run would drop it, and tables go beside the live ones.",
                cure="Leave --side out, or the others.",
            )
        if not self.safety_backup and (self.into or self.parts or self.dry_run):
            raise UsageError(
                "--skip-safety-backup does not go with --into, --table, --schema and --dry-run.",
                cause="They leave the live database as it is, so no safety backup is made anyway.",
                cure="Leave it out.",
            )

    def _check_backup(self, now: datetime) -> None:
        if bool(self.name) == (self.at is not None):
            raise UsageError(
                "Say which backup to restore, in one way.",
                cure="pgkeep run-restore NAME, or latest, or --at TIME",
            )
        if self.at is not None and self.at > now:
            raise UsageError(
                f"--at {utc(self.at)} is still to come.",
                cure="For the newest backup there is: pgkeep run-restore latest",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class AsideRequest:
    """Of which database and server: what is asked about databases that restores have put aside."""

    database: str = ""
    server: Server = field(default_factory=Server)

    def check(self) -> None:
        """Refuse what cannot be.

        Raises:
            UsageError: What is wrong.
        """
        if self.database:
            sql_names.database(self.database, "--database")
        self.server.check()

    def environment(self, action: str, database: str, **others: str) -> dict[str, str]:
        """The variables of a Job.

        Args:
            action: undo, list-aside or drop-aside.
            database: Which of several databases; empty where the stack has one.
            **others: Further variables of this action.
        """
        wanted = {"RESTORE_ACTION": action, "RESTORE_DATABASE": database, **others}
        return {
            **{name: value for name, value in wanted.items() if value},
            **self.server.environment,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class DropRequest(AsideRequest):
    """What `drop-aside` is asked for; nothing but a list where it does not say what is to go."""

    name: str = ""
    everything: bool = False
    older_than_days: int | None = None

    @property
    def which(self) -> str:
        """What is to go, as the Job is told: a name, `all` or a number of days; or empty."""
        if self.older_than_days is not None:
            return str(self.older_than_days)
        return "all" if self.everything else self.name

    def check(self) -> None:
        """Refuse what cannot be.

        Raises:
            UsageError: What is wrong, and what is allowed.
        """
        AsideRequest.check(self)
        if bool(self.name) + self.everything + (self.older_than_days is not None) > 1:
            raise UsageError(
                "Say what is to be dropped in one way.",
                cure="pgkeep drop-aside NAME, or --all, or --older-than-days DAYS",
            )
        if self.name:
            sql_names.database(self.name, "NAME")
        # What the Job would take for something else than a name.
        if self.name == "all" or (self.name.isascii() and self.name.isdigit()):
            raise UsageError(
                f"{self.name} is no name that a restore gives to a database it puts aside.",
                cure="The names: pgkeep drop-aside; all of them: --all; by their age: "
                "--older-than-days DAYS",
            )


def parse_at(text: str) -> datetime:
    """Read the TIME of `--at`.

    Raises:
        UsageError: It is none, or has no time zone: an hour more or less is another backup.
    """
    cure = "In UTC: --at 2026-11-20T14:00Z; with its distance to UTC: --at 2026-11-20T15:00+01:00"
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise UsageError(f"{printable(text)!r} is no time for --at.", cure=cure) from None
    if moment.tzinfo is None:
        raise UsageError(
            f"--at {printable(text)} does not say in which time zone.",
            cause="The backups are named after the time in UTC.",
            cure=cure,
        )
    return moment


def same_host(one: str, other: str, namespace: str) -> bool:
    """Whether two names of hosts are one Service, as far as names can tell.

    Args:
        one: A host.
        other: A host.
        namespace: Where short names of Services are looked up.
    """

    def short(host: str) -> str:
        host = host.lower().rstrip(".")
        for suffix in (".cluster.local", ".svc", f".{namespace}"):
            host = host.removesuffix(suffix)
        return host

    return short(one) == short(other)

"""The environment contract: every variable that a pod of pgkeep is given, and who sets it. Pure.

The program, the tool and the tests import it from here; docs/BACKUP_RESTORE.md lists what an
operator may set. Three parties set variables:

- a setting: through one ConfigMap of variables, the same for every pod;
- the program: fixed in the pod's template, as its mounts are;
- the operator: fixed in the template to what does nothing special, and overridden by a Job's own.

A Job's own `env` wins over all of it.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable."""

    name: str
    meaning: str
    value: str = ""
    """Of the program's: what it is. Of the operator's: what it is while no Job says otherwise."""


SETTINGS = (
    Variable("NAMESPACE", "the namespace, for commands that a message names"),
    Variable("VOLUME_NAME", "the claim that holds the backups, for messages"),
    Variable("DATABASE_HOST", "the server"),
    Variable("DATABASE_PORT", "its port"),
    # One a line: a name may hold any other separator, but no control character.
    Variable("DATABASE_NAMES", "the databases, one a line"),
    Variable("DATABASE_SSLMODE", "libpq's sslmode"),
    # Names only, for messages that say which Secret and key to mend.
    Variable("DATABASE_SECRET", "the Secret of the credentials, by name"),
    Variable("DATABASE_USER_KEY", "its key that holds the user"),
    Variable("DATABASE_PASSWORD_KEY", "its key that holds the password"),
    Variable("BACKUP_FORMAT", "directory or plain"),
    Variable("BACKUP_COMPRESSION", "auto, none, or a method with its level"),
    Variable("BACKUP_JOBS", "tables dumped at a time"),
    Variable("BACKUP_SCHEDULE", "shown in the log, nothing more"),
    Variable("BACKUP_OWNERS", "whether owners and rights are dumped"),
    Variable("BACKUP_TABLE_HASHES", "whether the content of each table is hashed"),
    Variable("BACKUP_ANOMALY_FACTOR", "how much smaller than usual is suspicious"),
    Variable("BACKUP_TIMEOUT", "seconds that one of several databases may take"),
    Variable("RETENTION_DAYS", "days that every backup is kept"),
    Variable("RETENTION_MINIMUM", "backups that are kept whatever their age"),
    Variable("RETENTION_DAILY", "days with one backup kept; 0: off"),
    Variable("RETENTION_WEEKLY", "weeks with one backup kept; 0: off"),
    Variable("RETENTION_MONTHLY", "months with one backup kept; 0: off"),
    Variable("RESTORE_SMOKE_QUERY", "what a restored database has to answer; empty: nothing"),
    Variable("RESTORE_KEEP_DAYS", "days a replaced database stays aside; 0: until it is dropped"),
    # For the tool, which asks the kubelet how much is free there, and tells.
    Variable("RESTORE_DATABASE_VOLUME", "the claim of the database itself; empty: not known"),
    Variable("RESTORE_JOBS", "tables restored at a time"),
    # Shown in the log; the tool is what stops them, the pod has no such right.
    Variable("RESTORE_APPLICATIONS", "what is stopped around a restore, separated by commas"),
)

# A readOnlyRootFilesystem leaves the emptyDir as the only place to write.
_TEMPORARY = "/tmp"  # noqa: S108  (the pod's own, shared with nobody)
PROGRAM = (
    Variable("BACKUP_DIRECTORY", "where the volume is mounted", "/backups"),
    Variable("HOME", "for what the scripts start", _TEMPORARY),
    Variable("TMPDIR", "for what the scripts start", _TEMPORARY),
)
CREDENTIALS = (
    Variable(
        "CREDENTIALS_DIRECTORY", "where the keys of the Secret are files", "/run/pgkeep/credentials"
    ),
)
"""Of the program, for pods that talk to the database."""

CONSOLE = (
    # To list changes nothing: it is what a Job does when nothing is overridden.
    Variable("CONSOLE_COMMAND", "list, show, verify, prune, pin, unpin or acknowledge", "list"),
    Variable("CONSOLE_BACKUP", "a backup's name, or latest; to verify also all", "latest"),
    Variable("CONSOLE_OUTPUT", "text or tsv", "text"),
    # Also when only the command is overridden: nobody prunes by leaving out.
    Variable("CONSOLE_DRY_RUN", "false lets prune delete", "true"),
)
RESTORE = (
    Variable("RESTORE_ACTION", "restore, undo, drop-aside or list-aside", "restore"),
    # Empty: a Job made without saying which backup refuses and says how.
    Variable("RESTORE_BACKUP", "a backup's name, or latest"),
    Variable("RESTORE_AT", "a time instead: the newest backup at or before it"),
    Variable("RESTORE_DATABASE", "which database, where the stack has several"),
    Variable("RESTORE_INTO", "a new database beside the live one, which stays"),
    Variable("RESTORE_TABLES", "only these tables, one a line"),
    Variable("RESTORE_SCHEMAS", "only these schemas, one a line"),
    Variable("RESTORE_SIDE", "an empty database that is prepared for the copy; empty: one is made"),
    Variable("RESTORE_DROP", "what drop-aside drops: a database's name, a number of days, or all"),
    Variable("RESTORE_DRY_RUN", "true changes nothing that is live", "false"),
    Variable(
        "RESTORE_ALLOW_SUPERUSER_OBJECTS", "true restores what only a superuser may make", "false"
    ),
    Variable("RESTORE_SAFETY_BACKUP", "false makes no backup of what is replaced", "true"),
    Variable("RESTORE_FREE_BYTES", "free on the database's volume; the tool fills it in"),
    Variable("RESTORE_OUTPUT", "how list-aside answers: text or tsv", "text"),
)


def names(*groups: tuple[Variable, ...]) -> tuple[str, ...]:
    """The names of groups of variables, in their order."""
    return tuple(variable.name for group in groups for variable in group)


def values(*groups: tuple[Variable, ...]) -> dict[str, str]:
    """The variables of groups as the program's templates have them."""
    return {variable.name: variable.value for group in groups for variable in group}

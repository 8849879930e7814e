"""Which backup `latest` is for a restore, and which live database a backup goes into.

A volume may hold the backups of several databases; the one must never take the place of the other.
"""

from collections.abc import Sequence

from pgkeep.backups import Backup
from pgkeep.console import LATEST, read_list, read_show
from pgkeep.errors import NotFoundError, UsageError
from pgkeep.session import Session


def latest_backup(session: Session, names: Sequence[str]) -> Backup:
    """Return the latest backup of the stack's database, as the restore's script chooses it.

    Args:
        session: Where.
        names: The databases of the stack.

    Raises:
        UsageError: The stack has several databases; none of them is chosen for the user.
        NotFoundError: There is no backup of the database.
        PgkeepError: As `read_show` and `read_list` say.
    """
    if len(names) == 1:
        backup = read_show(session, LATEST)
        if backup.database in (None, names[0]):
            return backup
    listing = read_list(session)
    latest = {name: listing.latest(session.now(), database=name) for name in names}
    if len(names) == 1:
        own = latest[names[0]]
        if own is not None:
            return read_show(session, own.name)
        raise NotFoundError(
            f"There is no verified backup of database {names[0]}. Nothing was changed.",
            cause="Other databases have their backups on this volume, or the setting databaseName "
            "was changed.",
            cure=f"All of them: {session.command('list-backups')}",
        )
    raise UsageError(
        f"latest is not one backup here: this stack backs up {len(names)} databases. "
        "Nothing was changed.",
        cause="The newest verified ones: "
        + ", ".join(f"{one.name if one else 'none'} of {name}" for name, one in latest.items())
        + ".",
        cure=f"Say which: {session.command('run-restore', 'NAME')}",
    )


def target_database(backup: Backup, names: Sequence[str]) -> str:
    """Return the live database that a backup goes into.

    Args:
        backup: The backup.
        names: The databases of the stack. A stack of one takes any backup into that one.

    Raises:
        NotFoundError: The stack has several, and none of them is the backup's.
    """
    if len(names) == 1:
        return names[0]
    if backup.database is None or backup.database not in names:
        of = f"of database {backup.database}" if backup.database else "of an unknown database"
        raise NotFoundError(
            f"{backup.name} is {of}, which this stack does not have. Nothing was changed.",
            cause=f"The stack's databases: {', '.join(names)}.",
            cure="Restore it with a stack whose only database is the one it goes into (setting "
            "databaseName), or add the database to the setting databases.",
        )
    return backup.database

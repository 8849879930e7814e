"""Which backup is restored, and which live database it goes into.

A volume may hold the backups of several databases; the one must never take the place of the other.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from pgkeep.catalog.answers import Backup, Listing, unfit
from pgkeep.catalog.console import LATEST, no_such_backup, read_list
from pgkeep.errors import JobFailedError, NotFoundError, UsageError
from pgkeep.restoring.request import RestoreRequest
from pgkeep.session.session import Session
from pgkeep.terminal.words import utc


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A backup, the live database it is about, and what was not chosen."""

    backup: Backup
    database: str
    """Whose place it takes; under a new name: which one it is a copy of, if it is of any."""
    passed_over: tuple[tuple[str, str], ...] = ()
    """Newer backups and why they are not it; only where a name was not given."""


def choose(session: Session, request: RestoreRequest, names: Sequence[str]) -> Choice:
    """Find the backup that is asked for, as the restore's script does, and its database.

    Args:
        session: Where.
        request: What is asked for.
        names: The databases of the stack.

    Raises:
        UsageError: The stack has several databases and none was named, or not one of them.
        NotFoundError: There is no such backup, or none that may be restored unnamed.
        JobFailedError: It is damaged.
        PgkeepError: As `read_list` says.
    """
    if request.into in names:
        raise UsageError(
            f"{request.into} is a database of this stack, so that nothing can be restored beside "
            "it under that name. Nothing was changed.",
            cure="Leave --into out to restore it in its place, or choose a name that is free.",
        )
    if request.database and request.database not in names:
        raise UsageError(
            f"This stack has no database {request.database}. Nothing was changed.",
            cause=f"Its databases: {', '.join(names)}.",
            cure=f"--database {names[0]}" if len(names) == 1 else "Name one of them.",
        )
    if request.side in names:
        raise UsageError(
            f"{request.side} is a database of this stack, and none that was prepared to be filled. "
            "Nothing was changed.",
            cure="Have an empty one made for it: --side NAME",
        )
    listing = read_list(session)
    passed_over: tuple[tuple[str, str], ...] = ()
    if request.at is not None or request.name == LATEST:
        backup, passed_over = _newest(session, request, listing, names)
    else:
        backup = listing.named(request.name)
        if backup is None:
            raise no_such_backup(session, request.name, listing)
    if backup.status == "damaged":
        raise JobFailedError(
            f"{backup.name} is damaged and will not be restored. Nothing was changed.",
            cause="A later verification found that its files are not what they were"
            + (f": {backup.damage}" if backup.damage else "."),
            cure=f"Choose another: {session.command('list-backups')}",
        )
    return Choice(
        backup=backup,
        database=_beside(backup, names)
        if request.into
        else target_database(backup, names, request.database),
        passed_over=passed_over,
    )


def _newest(
    session: Session, request: RestoreRequest, listing: Listing, names: Sequence[str]
) -> tuple[Backup, tuple[tuple[str, str], ...]]:
    if not request.database and len(names) > 1:
        raise _which_database(session, request, listing, names)
    database = request.database or names[0]
    now = session.now()
    found = listing.latest(now, database=database, at=request.at)
    passed_over = tuple(
        (one.name, unfit(one, now) or "does not say of which database it is")
        for one in listing.passed_over(found, database=database, at=request.at)
    )
    if found is not None:
        return found, passed_over
    if not listing.backups:
        raise no_such_backup(session, LATEST, listing)
    before = f" at or before {utc(request.at)}" if request.at else ""
    others = [one for one in listing.backups if one.database == database and not unfit(one, now)]
    if passed_over:
        cause = f"Not chosen: {_listed(passed_over)}."
    elif others:
        cause = f"The oldest one of it is {others[-1].name}."
    else:
        cause = (
            "Other databases have their backups on this volume, or the setting databaseName was "
            "changed."
        )
    raise NotFoundError(
        f"There is no verified backup of database {database}{before}. Nothing was changed.",
        cause=cause,
        cure=f"All of them: {session.command('list-backups')}",
    )


def _listed(passed_over: Sequence[tuple[str, str]]) -> str:
    more = f"; and {len(passed_over) - 5} more" if len(passed_over) > 5 else ""
    return "; ".join(f"{name} is {why}" for name, why in passed_over[:5]) + more


def _which_database(
    session: Session, request: RestoreRequest, listing: Listing, names: Sequence[str]
) -> UsageError:
    newest = {name: listing.latest(session.now(), database=name, at=request.at) for name in names}
    asked = LATEST if request.at is None else f"--at {utc(request.at)}"
    return UsageError(
        f"{asked} is not one backup here: this stack backs up {len(names)} databases. "
        "Nothing was changed.",
        cause="The newest verified ones: "
        + ", ".join(f"{one.name if one else 'none'} of {name}" for name, one in newest.items())
        + ".",
        cure="Say of which database: add --database NAME; or restore one of these by its name.",
    )


def target_database(backup: Backup, names: Sequence[str], wanted: str = "") -> str:
    """Return the live database whose place a backup takes.

    Args:
        backup: The backup.
        names: The databases of the stack. A stack of one takes any backup into that one.
        wanted: The one that was named, or empty.

    Raises:
        UsageError: The one that was named is not the backup's, but another one of the stack is.
        NotFoundError: The stack has several, and none of them is the backup's.
    """
    if len(names) == 1:
        return names[0]
    # Of a database that has been renamed since, it may be meant; of the neighbour, it is a slip.
    if wanted and (backup.database == wanted or backup.database not in names):
        return wanted
    if wanted:
        raise UsageError(
            f"{backup.name} is of database {backup.database}, not of {wanted}. "
            "Nothing was changed.",
            cause="Of several databases the one never takes the place of the other.",
            cure=f"Leave --database {wanted} out, choose a backup of {wanted}, or restore it "
            "beside both: --into NAME",
        )
    if backup.database is None:
        raise NotFoundError(
            f"{backup.name} does not say of which database it is. Nothing was changed.",
            cause=f"An older script made it. The stack's databases: {', '.join(names)}.",
            cure="Say which one it goes into: add --database NAME",
        )
    if backup.database not in names:
        raise NotFoundError(
            f"{backup.name} is of database {backup.database}, which this stack does not have. "
            "Nothing was changed.",
            cause=f"The stack's databases: {', '.join(names)}.",
            cure="Restore it beside them (--into NAME), say whose place it takes (--database "
            "NAME), or add the database to the setting databases.",
        )
    return backup.database


def _beside(backup: Backup, names: Sequence[str]) -> str:
    """The live database that a copy under a new name is of; empty where there is none."""
    return backup.database if backup.database is not None and backup.database in names else ""

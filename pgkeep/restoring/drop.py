"""What restores have put aside: listed, and dropped when somebody says so."""

from collections.abc import Sequence

from pgkeep.errors import NotFoundError, PgkeepError
from pgkeep.restoring.aside import Aside
from pgkeep.restoring.place import Place
from pgkeep.restoring.request import DropRequest
from pgkeep.restoring.screens import aside_list, drop_plan
from pgkeep.restoring.workflow import Workflow
from pgkeep.session.confirmation import confirm
from pgkeep.session.session import Session
from pgkeep.terminal.words import plural

_DAY_SECONDS = 86400


def run(session: Session, request: DropRequest, *, start_seconds: float, confirmed: bool) -> None:
    """List what is put aside; where the request says what is to go: show it, ask, and drop it.

    Args:
        session: Where.
        request: What is asked for.
        start_seconds: How long the pod may take to start.
        confirmed: Whether not to ask.

    Raises:
        UsageError: The stack has no such database, or several and none was named.
        NotFoundError: The one that is named is not put aside.
        NotConfirmedError: The user did not say yes.
        JobFailedError: Not everything could be dropped.
        InterruptedByUserError: Ctrl-C; the message says what goes on and how to finish.
        PgkeepError: The one that is named is not the user's to drop; or anything else.
    """
    workflow = Workflow(session, start_seconds=start_seconds)
    workflow.refuse_second()
    place = Place(workflow, request, "drop-aside")
    job = place.job("drop-aside", RESTORE_DROP=request.which) if request.which else None
    asides = place.look()
    if job is None:
        _list(session, place, asides)
        return
    if request.name:
        _require(session, place, request.name, asides)
    goes = [one for one in asides if _goes(one, request)]
    if not goes:
        days = request.older_than_days
        old = "" if days is None else f" and is older than {plural(days, 'day')}"
        session.say(f"Nothing of {place.database} is put aside that could be dropped{old}.")
        return
    session.out.print(drop_plan(place.words, asides, goes))
    if not confirmed:
        confirm(session, f"drop {plural(len(goes), 'database')}")
    workflow.perform(job, [])


def _goes(one: Aside, request: DropRequest) -> bool:
    if not one.goes:
        return False
    if request.older_than_days is not None:
        return one.age_seconds > request.older_than_days * _DAY_SECONDS
    return request.everything or one.name == request.name


def _require(session: Session, place: Place, name: str, asides: Sequence[Aside]) -> None:
    found = next((one for one in asides if one.name == name), None)
    if found is None:
        names = ", ".join(one.name for one in asides)
        raise NotFoundError(
            f"{name} is no database that a restore of {place.database} has put aside. Nothing was "
            "changed.",
            cause=f"There are: {names}." if names else "Nothing of it is put aside.",
            cure=f"All of them: {session.command('drop-aside', *place.options)}",
        )
    if not found.goes:
        raise PgkeepError(
            f"{name} is not for the user of the Secret to drop. Nothing was changed.",
            cause=f'It belongs to "{found.owner}".',
            cure="Its owner or a superuser may; a Secret with such a user: --secret SECRET",
        )


def _list(session: Session, place: Place, asides: Sequence[Aside]) -> None:
    if not asides:
        session.say(f"Nothing is put aside of {place.words}.")
        return
    session.out.print(aside_list(place.words, asides))
    session.out.print()
    options = place.options
    if any(one.ours for one in asides):
        session.say(f"Back to the newest: {session.command('undo-restore', *options)}")
    if any(one.goes for one in asides):
        for what, words in (
            ("one", ["NAME"]),
            ("all", ["--all"]),
            ("by age", ["--older-than-days", "DAYS"]),
        ):
            session.say(f"Drop {what}: {session.command('drop-aside', *words, *options)}")

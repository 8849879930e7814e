"""The database changes under the run, or the run's rights to it do."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.scripts.harness import PASSWORD
from tests.scripts.promises.faults import judge
from tests.scripts.promises.faults.ledger import Fault, Ledger
from tests.scripts.promises.faults.mortal import MortalServer
from tests.scripts.promises.faults.proxy import proxy
from tests.scripts.promises.faults.runs import Moment, at_moment, changed_scripts, code, started
from tests.scripts.promises.faults.worlds import FORMATS, MIDDLE, World, Worlds

IMPATIENT = "CONNECT_PATIENCE=1"
ASKING = ("Connected", "Opened", "Dumped", "Saved", "Read the whole", "Wrote")


@dataclass(frozen=True)
class Change:
    """Something an administrator does to the server during a run, and undoes after it."""

    name: str
    sql: str
    cause: str
    undo: str = ""


# `{role}` and `{database}` are those of the world.
CHANGES = [
    Change(
        "password changed",
        "ALTER ROLE {role} PASSWORD 'another'",
        "refused user",
        f"ALTER ROLE {{role}} PASSWORD $p${PASSWORD}$p$",
    ),
    Change(
        "role may no longer log in",
        "ALTER ROLE {role} NOLOGIN",
        "not permitted to log in|lacks a right",
        "ALTER ROLE {role} LOGIN",
    ),
    Change(
        "role's connections used up",
        "ALTER ROLE {role} CONNECTION LIMIT 0",
        "no free connection",
        "ALTER ROLE {role} CONNECTION LIMIT -1",
    ),
    Change(
        "role's rights revoked",
        "REVOKE pg_read_all_data FROM {role}",
        "lacks a right|permission denied",
        "GRANT pg_read_all_data TO {role}",
    ),
    Change(
        "database closed to connections",
        "ALTER DATABASE {database} ALLOW_CONNECTIONS false",
        "connections to it are switched off",
        "ALTER DATABASE {database} ALLOW_CONNECTIONS true",
    ),
    Change(
        "database renamed",
        # Whoever is connected is in the way, and goes first, as a person would do it.
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{database}';"
        "ALTER DATABASE {database} RENAME TO {database}_elsewhere",
        "no such database|was cut",
        "ALTER DATABASE {database}_elsewhere RENAME TO {database}",
    ),
    Change(
        "database dropped",
        "DROP DATABASE {database} WITH (FORCE)",
        "no such database|was cut",
        "CREATE DATABASE {database} TEMPLATE source STRATEGY file_copy",
    ),
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.name)
def test_an_administrator_interferes(
    worlds: Worlds, ledger: Ledger, mortal: MortalServer, moments: list[Moment], change: Change
) -> None:
    def attempt(moment: Moment) -> None:
        with worlds.new() as world:
            words = {"role": world.role, "database": world.database}
            program = code(world, at=at_moment(moment.step, "stand_still"), more=IMPATIENT)
            with started(world, program) as going:
                going.wait_until_held()
                mortal.psql("postgres", change.sql.format(**words))
                try:
                    going.release()
                    result = going.finish()
                finally:
                    mortal.psql("postgres", change.undo.format(**words))
                judge.either(going, result, change.cause, late=False)

    # Before each of the steps that ask the server anything.
    chosen = [each for each in moments if each.step.startswith(ASKING)]
    with ledger.fault(f"{change.name} before each step that asks the server") as fault:
        fault.each(chosen, attempt)


def test_the_secret_is_taken_away(worlds: Worlds, ledger: Ledger, moments: list[Moment]) -> None:
    """The Secret's files and the password file made of them."""
    causes = {
        "credentials": 'Secret "postgres-secret" is missing',
        "passwords": "refused user|no password supplied",
    }

    def attempt(moment: tuple[str, Moment]) -> None:
        what, at = moment
        with (
            worlds.new() as world,
            started(world, code(world, at=at_moment(at.step, "stand_still"))) as going,
        ):
            going.wait_until_held()
            kept = take_away(world, what)
            going.release()
            result = going.finish()

            def mend() -> None:
                for path, content in kept.items():
                    if path.parent.is_dir():
                        path.write_bytes(content)

            judge.either(going, result, causes[what], late=at.published, mend=mend)

    with ledger.fault("Secret or password file removed") as fault:
        # Before the Secret has been read, and after.
        both = [("credentials", each) for each in moments[:2]]
        both += [("passwords", each) for each in moments if each.step.startswith(ASKING[1:])]
        fault.each(both, attempt, name=lambda each: f"{each[0]}, {each[1]}")


def take_away(world: World, what: str) -> dict[Path, bytes]:
    """Removes files and hands back what was in them."""
    if what == "credentials":
        files = list(world.pod.secret.iterdir())
    else:
        files = list(world.pod.root.glob("tmp/pgkeep.*/passwords"))
    kept = {path: path.read_bytes() for path in files}
    assert kept, "there is nothing to take away"
    for path in kept:
        path.unlink()
    return kept


# --- tables ---------------------------------------------------------------------------------------

# The snapshot is exported, the tables are not locked yet: the first words of locks.sql wait.
BETWEEN = b"LOCK TABLE ONLY"

# Without a cause: before the locks such a change is simply what facts and dump both find.
TABLE_CHANGES = [
    ("dropped", "DROP TABLE moments", "does not exist|could not open|was changed|dropped"),
    ("renamed", "ALTER TABLE moments RENAME TO moved", ""),
    ("emptied (TRUNCATE)", "TRUNCATE moments", ""),
    ("losing a column", "ALTER TABLE moments DROP COLUMN line", "column|changed"),
    ("rewritten (ALTER TYPE)", "ALTER TABLE moments ALTER COLUMN id TYPE bigint", "changed"),
]


def changed_before_the_locks(
    fault: Fault, worlds: Worlds, mortal: MortalServer, sql: str, cause: str
) -> None:
    """A change between the snapshot and the locks must be noticed."""
    with (
        fault.trial("between the snapshot and the locks"),
        worlds.new(spoiled=True) as world,
        proxy(mortal.port) as wire,
    ):
        wire.wait_for(BETWEEN, "client")
        with started(world, code(world), DATABASE_PORT=str(wire.port)) as going:
            wire.wait_until_held(going)
            mortal.psql(world.database, sql)
            wire.release()
            result = going.finish()
            judge.absent(going, result, cause, mend=lambda: worlds.renew(world.database))


@pytest.mark.parametrize(
    ("how", "sql", "cause"), TABLE_CHANGES, ids=[each[0] for each in TABLE_CHANGES]
)
def test_a_table_is_changed_under_the_run(
    worlds: Worlds, ledger: Ledger, mortal: MortalServer, how: str, sql: str, cause: str
) -> None:
    """Before it is locked the run must notice; afterwards the change must wait for the run."""
    with ledger.fault(f"table {how} during the run") as fault:
        if cause:
            changed_before_the_locks(fault, worlds, mortal, sql, cause)
        with fault.trial("before pg_dump has its own locks"), worlds.new(spoiled=True) as world:
            # pg_dump queues behind the change, and the change behind us: that is given up.
            step = "Opened a snapshot, ended"
            program = code(world, at=at_moment(step, "stand_still"), scripts=impatient(world))
            with started(world, program) as going:
                going.wait_until_held()
                change = mortal.psql_started(world.database, sql)
                mortal.wait_for_lock(world.database)
                going.release()
                result = going.finish()
                assert change.wait(20) == 0
                judge.absent(
                    going, result, "exclusive lock", mend=lambda: worlds.renew(world.database)
                )
        with (
            fault.trial("in the middle of the dump"),
            worlds.new(spoiled=True) as world,
            proxy(mortal.port) as wire,
        ):
            wire.wait_for(MIDDLE.encode())
            with started(world, code(world), DATABASE_PORT=str(wire.port)) as going:
                wire.wait_until_held(going)
                change = mortal.psql_started(world.database, sql)
                mortal.wait_for_lock(world.database)
                wire.release()
                result = going.finish()
                assert change.wait(20) == 0
                judge.whole(going, result, mend=lambda: worlds.renew(world.database))


def impatient(world: World) -> Path:
    """Scripts that wait a second for a lock instead of a minute."""
    return changed_scripts(world, {"dump/snapshot.sh": {"LOCK_WAIT=60s": "LOCK_WAIT=1s"}})


LOCKERS = [
    (
        "by another session",
        "SET client_connection_check_interval = '200ms';"
        " BEGIN; LOCK TABLE moments; SELECT pg_sleep(1000)",
    ),
    (
        "by a prepared transaction",
        "BEGIN; LOCK TABLE moments; PREPARE TRANSACTION '{database}'",
    ),
]


@pytest.mark.parametrize(("who", "sql"), LOCKERS, ids=[each[0] for each in LOCKERS])
def test_a_table_is_locked(
    worlds: Worlds, ledger: Ledger, mortal: MortalServer, who: str, sql: str
) -> None:
    held = (
        "SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock'"
        " AND relation = 'moments'::regclass"
    )
    with ledger.fault(f"table locked {who}") as fault:
        for format_ in FORMATS:
            with (
                fault.trial(format_),
                worlds.new(format_) as world,
                locked(mortal, world, sql) as unlock,
            ):
                mortal.wait_for(world.database, held, "1")
                with started(world, code(world, scripts=impatient(world))) as going:
                    judge.absent(going, going.finish(), "exclusive lock", mend=unlock)


def test_a_query_of_the_snapshot_session_is_cancelled(
    worlds: Worlds, ledger: Ledger, mortal: MortalServer
) -> None:
    cancel = (
        "SELECT pg_cancel_backend(pid) FROM pg_stat_activity"
        " WHERE datname = '{}' AND application_name = 'pgkeep'"
    )
    with ledger.fault("query of the snapshot's session cancelled") as fault:
        for format_ in FORMATS:
            with (
                fault.trial(format_),
                worlds.new(format_) as world,
                locked(mortal, world, LOCKERS[0][1]) as unlock,
                started(world, code(world)) as going,
            ):
                mortal.wait_for_lock(world.database)
                mortal.psql("postgres", cancel.format(world.database))
                judge.absent(going, going.finish(), "cancel", mend=unlock)


@contextmanager
def locked(mortal: MortalServer, world: World, sql: str) -> Generator[Callable[[], None]]:
    """Runs what locks a table; hands back what unlocks it."""
    locker = mortal.psql_started(world.database, sql.format(database=world.database))

    def unlock() -> None:
        locker.kill()
        locker.wait()
        mortal.forget(world.database)

    try:
        yield unlock
    finally:
        unlock()


def heap(mortal: MortalServer, database: str) -> Path:
    """The file of the table `moments`; what is in memory has been written to it."""
    mortal.psql(database, "CHECKPOINT")
    name = mortal.psql(database, "SELECT pg_relation_filepath('moments')")
    return mortal.server.directory / "data" / name


def spoil(path: Path) -> None:
    """Writes nonsense over the head of the second page."""
    with path.open("r+b") as file:
        file.seek(8192)
        file.write(b"\xa5" * 64)


DECAY: list[tuple[str, Callable[[Path], None], str]] = [
    ("a broken page", spoil, "invalid page"),
    ("no file any more", Path.unlink, "could not open file|No such file"),
]


@pytest.mark.parametrize(("what", "decay", "cause"), DECAY, ids=[each[0] for each in DECAY])
def test_a_table_has_decayed_on_the_servers_disk(
    worlds: Worlds,
    ledger: Ledger,
    mortal: MortalServer,
    what: str,
    decay: Callable[[Path], None],
    cause: str,
) -> None:
    with ledger.fault(f"table on the server's disk has {what}") as fault:
        for format_ in FORMATS:
            with fault.trial(format_), worlds.new(format_, spoiled=True) as world:
                worlds.renew(world.database)  # nothing of it is in memory
                decay(heap(mortal, world.database))
                with started(world, code(world)) as going:
                    result = going.finish()
                    judge.absent(going, result, cause, mend=lambda: worlds.renew(world.database))

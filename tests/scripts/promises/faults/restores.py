"""Restores that are hit at any moment, while a client reads the database all the time.

A stage is a server of its own with a database in state B and, on a volume, a backup of state A. It
may be killed, and its databases lie on a file system of their own, which may be full. A restore of
that backup is hit at random moments of its whole duration, and at points where chance seldom comes.

`Reader` is the client: whatever happens, it must read all of A or all of B. `judged` is the one
place that says whether a trial was caught.
"""

from __future__ import annotations

import hashlib
import os
import queue
import random
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Literal, NamedTuple

from tests.scripts.harness import (
    PASSWORD,
    SERVER_UID,
    Pod,
    Result,
    Server,
    give,
    new_pod,
    running_server,
    wait_until,
)
from tests.scripts.postgres import SCRIPTS
from tests.scripts.promises.faults.ledger import AT_ONCE, FEWEST, SEED, SHARE
from tests.scripts.promises.faults.mortal import MortalServer
from tests.scripts.promises.faults.processes import command_of, members
from tests.scripts.promises.faults.proxy import Proxy, Side, proxy
from tests.scripts.promises.faults.runs import Run, started
from tests.scripts.promises.faults.volumes import Volume
from tests.scripts.promises.faults.worlds import Reference, World

MOMENTS = max(FEWEST, round(int(os.environ.get("PGKEEP_MOMENTS", "20")) * SHARE))
STAGES = 2 * AT_ONCE  # some faults are little more than waiting
PATIENCE = 30  # seconds within which what a run left behind must have ended
GRACE = 30  # seconds from SIGTERM to SIGKILL in a pod
AWAY = 2.0  # seconds at most without an answer, in a restore that nothing hits
PAUSE = 0.15  # seconds between two readings, which cost as much as a good part of a restore
DISK = "160M"  # for the databases of a stage: some 20 of them, nearly empty

LIVE = "shop"
SUPERUSER, OWNER = "keeper", "shop_owner"
State = Literal["A", "B"]

# --- the two states -------------------------------------------------------------------------------

ROLES = f"""
CREATE ROLE {OWNER} LOGIN CREATEDB PASSWORD $p${PASSWORD}$p$;
CREATE ROLE shop_clerk;
GRANT shop_clerk TO {OWNER};
CREATE ROLE shop_reader;
"""
STATE_A = """
CREATE TABLE goods (id serial PRIMARY KEY, name text NOT NULL, price numeric CHECK (price > 0));
INSERT INTO goods (name, price) SELECT md5(i::text), i FROM generate_series(1, 300) AS i;
CREATE TABLE sales (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                    good int NOT NULL REFERENCES goods, at timestamptz NOT NULL, note text);
INSERT INTO sales (good, at, note)
  SELECT 1 + i % 300, timestamptz '2026-01-01' + i * interval '1 minute', repeat(md5(i::text), 8)
    FROM generate_series(1, 1000) AS i;
CREATE INDEX sales_at ON sales (at);
CREATE SCHEMA desk AUTHORIZATION shop_clerk;
CREATE TABLE desk.notes (line text);
INSERT INTO desk.notes VALUES ('written when this was state A');
ALTER TABLE desk.notes OWNER TO shop_clerk;
CREATE VIEW turnover AS SELECT good, count(*) AS sales FROM sales GROUP BY good;
CREATE FUNCTION doubled(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 2 * $1';
CREATE INDEX goods_doubled ON goods (doubled(id));
GRANT SELECT ON goods, turnover TO shop_reader;
SELECT lo_create(4711);
SELECT lo_put(4711, 0, decode(repeat('a1', 9000), 'hex'));
"""
TO_STATE_B = """
DELETE FROM sales WHERE id % 7 = 0;
UPDATE goods SET price = price + 1 WHERE id % 5 = 0;
INSERT INTO desk.notes VALUES ('written when this was state B');
INSERT INTO goods (name, price) VALUES ('of state B alone', 7);
DROP VIEW turnover;
DROP INDEX sales_at;
ALTER TABLE sales ADD COLUMN paid boolean NOT NULL DEFAULT false;
CREATE TABLE returns (sale bigint REFERENCES sales ON DELETE CASCADE, reason text);
INSERT INTO returns SELECT id, 'broken' FROM sales WHERE id < 50;
SELECT lo_put(4711, 100, 'written when this was state B');
"""
# What belongs to a database as such, in both states the same, and has to survive the swap.
SETTINGS = f"""
ALTER DATABASE {LIVE} SET work_mem TO '7MB';
ALTER DATABASE {LIVE} CONNECTION LIMIT 60;
COMMENT ON DATABASE {LIVE} IS 'the shop''s own';
GRANT TEMPORARY ON DATABASE {LIVE} TO shop_reader;
"""

# All rows and the whole structure, as one hash, then what belongs to the database as such: one
# statement, one snapshot, one answer.
LOOK = """
WITH own AS (
  SELECT c.*, c.oid::regclass::text AS name FROM pg_class c
   WHERE c.relnamespace IN ('public'::regnamespace, 'desk'::regnamespace)
), line(line) AS (
  SELECT concat_ws(' ', relkind, name, pg_get_userbyid(relowner), relacl::text) FROM own
  UNION ALL
  SELECT concat_ws(' ', 'column', name, attname, format_type(atttypid, atttypmod), attnotnull,
                   attidentity, pg_get_expr(adbin, adrelid))
    FROM own JOIN pg_attribute a ON a.attrelid = own.oid
         LEFT JOIN pg_attrdef d ON (d.adrelid, d.adnum) = (a.attrelid, a.attnum)
   WHERE attnum > 0 AND NOT attisdropped
  UNION ALL
  SELECT concat_ws(' ', 'constraint', conrelid::regclass, conname, pg_get_constraintdef(oid))
    FROM pg_constraint WHERE conrelid IN (SELECT oid FROM own)
  UNION ALL
  SELECT 'index ' || pg_get_indexdef(oid) FROM own WHERE relkind = 'i'
  UNION ALL
  SELECT 'view ' || pg_get_viewdef(oid) FROM own WHERE relkind = 'v'
  UNION ALL
  SELECT concat_ws(' ', 'function', pg_get_functiondef(oid), pg_get_userbyid(proowner))
    FROM pg_proc WHERE pronamespace = 'public'::regnamespace
  UNION ALL
  SELECT concat_ws(' ', 'rows', name, query_to_xml(format(
           'SELECT count(*), md5(string_agg(t::text, E''\\n'' ORDER BY t::text)) FROM %s AS t',
           name), true, false, ''))
    FROM own WHERE relkind = 'r'
  UNION ALL
  SELECT concat_ws(' ', 'sequence', sequencename, last_value) FROM pg_sequences
  UNION ALL
  SELECT concat_ws(' ', 'object', oid, pg_get_userbyid(lomowner), md5(lo_get(oid)))
    FROM pg_largeobject_metadata
)
SELECT md5(string_agg(line, E'\\n' ORDER BY line COLLATE "C")),
       (SELECT concat_ws(' ', pg_get_userbyid(datdba), datconnlimit,
                         (SELECT string_agg(entry::text, ' ' ORDER BY entry::text)
                            FROM unnest(datacl) AS entry),
                         shobj_description(d.oid, 'pg_database'),
                         (SELECT setconfig::text FROM pg_db_role_setting WHERE setdatabase = d.oid))
          FROM pg_database d WHERE datname = current_database())
  FROM line
"""


class Answer(NamedTuple):
    """What a client reads in one connection."""

    content: str
    settings: str


class Refusal(Exception):  # noqa: N818 - it is often no error
    """The database has not answered; the words say why."""


def look(server: Server, database: str) -> Answer:
    """Connects as the application would, and reads everything, once."""
    words = ["psql", "-X", "-q", "-A", "-t", "-F", "\t", "--no-password", "-c", LOOK]
    environment = server.environment(OWNER, database)
    environment |= {"PGAPPNAME": "reader", "PGCONNECT_TIMEOUT": "10"}
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Refusal(done.stderr.strip().replace("\n", " "))
    content, settings = done.stdout.rstrip("\n").split("\t")
    return Answer(content, settings)


# --- the client -----------------------------------------------------------------------------------


class Reader:
    """Connects in a loop to the database under its name, and reads all of it each time."""

    def __init__(
        self, server: Server, states: dict[str, State], settings: str, pause: float
    ) -> None:
        self.server = server
        self.pause = pause
        self.states = states
        self.settings = settings
        self.answers: list[tuple[float, float, str]] = []  # begun, ended, what it is
        self.refusals: list[tuple[float, str]] = []
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.read, daemon=True)

    def name(self, answer: Answer) -> str:
        """A or B; everything else is a mistake."""
        state = self.states.get(answer.content, f"content {answer.content}")
        return state if answer.settings == self.settings else f"{state} with {answer.settings!r}"

    def read(self) -> None:
        """Until it is told to end."""
        while not self.ended.is_set():
            begun = time.monotonic()
            try:
                answer = self.name(look(self.server, LIVE))
            except Refusal as refusal:
                self.refusals.append((begun, str(refusal)))
            else:
                self.answers.append((begun, time.monotonic(), answer))
            self.ended.wait(self.pause)

    def wait_for_answer(self) -> None:
        """Waits until an attempt that begins from now on is answered."""
        now = time.monotonic()
        wait_until(lambda: bool(self.answers) and self.answers[-1][0] > now, PATIENCE, 0.01)

    def __enter__(self) -> Reader:
        self.thread.start()
        self.wait_for_answer()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        self.thread.join()

    def longest_wait(self) -> float:
        """The longest time from an answer to the end of the next one."""
        ends = [ended for _, ended, _ in self.answers]
        return max((later - sooner for sooner, later in pairwise(ends)), default=0)

    def judge(self) -> None:
        """Every answer was A or B; and B, once replaced, has never come back."""
        names = [name for _, _, name in self.answers]
        wrong = sorted(set(names) - {"A", "B"})
        assert not wrong, f"the client has read neither A nor B: {wrong}"
        assert names == sorted(names, reverse=True), f"A, and then B again: {names}"

    def account(self) -> str:
        """In a line, for the messages."""
        said = {re.sub(r"^.*?(FATAL|failed): *", "", words) for _, words in self.refusals}
        return (
            f"the client: {len(self.answers)} answers, {len(self.refusals)} refusals"
            f" {sorted(said)}, {self.longest_wait():.2f} s at most without an answer"
        )


# --- stages ---------------------------------------------------------------------------------------


class EnduringServer(MortalServer):
    """One that does not end with the thread that has started it again.

    The signal for the death of the parent comes at the death of the thread that made the process.
    """

    def __init__(self, server: Server, starter: ThreadPoolExecutor) -> None:
        super().__init__(server)
        self.starter = starter

    def start(self, *options: str) -> None:
        """Starts it again, in the thread that lives as long as the stages do."""
        self.starter.submit(super().start, *options).result()


@dataclass
class Stage:
    """A server with everything a trial needs, used by one trial at a time."""

    server: EnduringServer
    disk: Volume  # below the databases, and nothing else
    backups: Path = Path()
    states: dict[str, State] = field(default_factory=dict[str, State])
    settings: str = ""

    def fill(self, stack: ExitStack) -> None:
        """Makes both states, and the backup of the first."""
        server = self.server
        server.psql("postgres", ROLES)
        server.psql("postgres", f"CREATE DATABASE state_a OWNER {OWNER}")
        server.psql("state_a", f"SET ROLE {OWNER}; {STATE_A}")
        server.psql("postgres", f"CREATE DATABASE state_b OWNER {OWNER} TEMPLATE state_a")
        server.psql("state_b", f"SET ROLE {OWNER}; {TO_STATE_B}")
        pod = stack.enter_context(new_pod(server.port, LIVE))
        self.set_live("state_a")
        content, self.settings = look(server.server, LIVE)
        pod.good_backup()
        self.backups = pod.volume
        self.set_live("state_b")
        self.states = {content: "A", look(server.server, LIVE).content: "B"}
        assert len(self.states) == 2, "the two states look the same"

    def set_live(self, template: str) -> None:
        """Makes the live database anew, and it alone."""
        server = self.server
        for name in server.server.databases() - {"postgres", "template0", "template1"}:
            if not name.startswith("state_"):
                server.psql("postgres", f'DROP DATABASE "{name}" WITH (FORCE)')
        for role in self.roles():
            server.psql("postgres", f"DROP OWNED BY {role}; DROP ROLE {role}")
        server.psql("postgres", f"CREATE DATABASE {LIVE} OWNER {OWNER} TEMPLATE {template}")
        server.psql("postgres", SETTINGS)

    def roles(self) -> list[str]:
        """The temporary roles of restores."""
        names = "SELECT rolname FROM pg_roles WHERE rolname ~ '^pgkeep' ORDER BY 1"
        return self.server.psql("postgres", names).splitlines()

    def others(self) -> set[str]:
        """Databases beside the live one that are none of the stage's own."""
        own = {LIVE, "state_a", "state_b", "postgres", "template0", "template1"}
        return self.server.server.databases() - own

    def blocked(self) -> list[str]:
        """Databases nobody may connect to, but for the one where that has to be so."""
        names = "SELECT datname FROM pg_database WHERE NOT datallowconn AND datname <> 'template0'"
        return self.server.psql("postgres", names).splitlines()

    def backends(self) -> list[str]:
        """Sessions of the run."""
        return self.server.psql(
            "postgres",
            "SELECT concat_ws(' ', pid, datname, application_name, state, left(query, 80))"
            " FROM pg_stat_activity WHERE backend_type = 'client backend'"
            " AND application_name <> 'reader' AND pid <> pg_backend_pid()",
        ).splitlines()


@contextmanager
def stage_of(starter: ThreadPoolExecutor, stack: ExitStack) -> Generator[Stage]:
    """A server whose databases lie on a small file system of their own."""
    with running_server() as running:
        server = EnduringServer(running, starter)
        server.send(signal.SIGINT)
        place, aside = running.directory / "data" / "base", running.directory / "base"
        place.rename(aside)
        place.mkdir()
        options = f"size={DISK},uid={SERVER_UID},gid={SERVER_UID},mode=0700"
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "pgkeep", place], check=True)
        try:
            subprocess.run(["cp", "-a", f"{aside}/.", place], check=True)
            server.start()
            stage = Stage(server, Volume(place))
            stage.fill(stack)
            yield stage
        finally:
            server.end()
            subprocess.run(["umount", "--lazy", place], check=True)


@dataclass
class Scene:
    """One trial: the restore of A into a stage whose live database is in state B."""

    stage: Stage
    world: World
    reader: Reader
    user: str
    before: dict[str, str]
    started: float = 0.0

    @property
    def pod(self) -> Pod:
        """Where the run runs."""
        return self.world.pod

    def backup(self) -> dict[str, str]:
        """The backup of A, byte by byte."""
        return bytes_of(self.pod.volume / name for name in self.world.names)

    @contextmanager
    def restore(
        self,
        text: str | None = None,
        *,
        prefix: tuple[str, ...] = (),
        **overrides: str,
    ) -> Generator[Run]:
        """Starts the restore."""
        with started(
            self.world, text, script="restore/main.sh", prefix=prefix, **overrides
        ) as going:
            self.started = time.monotonic()
            yield going


def bytes_of(roots: Iterable[Path]) -> dict[str, str]:
    """Hashes of all files below some folders."""
    return {
        f"{root.name}/{path.relative_to(root)}": hashlib.sha256(path.read_bytes()).hexdigest()
        for root in roots
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


class Stages:
    """Lends out the stages."""

    def __init__(self) -> None:
        self.free: queue.SimpleQueue[Stage] = queue.SimpleQueue()
        self.duration = 0.0  # of a restore that nothing hits, as long as others run beside it

    @classmethod
    @contextmanager
    def made(cls) -> Generator[Stages]:
        """Makes all of them."""
        self = cls()
        with ExitStack() as stack:
            starter = stack.enter_context(ThreadPoolExecutor(1))
            for _ in range(STAGES):
                self.free.put(stack.enter_context(stage_of(starter, stack)))
            yield self

    def measure(self) -> None:
        """Sets `duration`, with as many restores at once as there are trials."""

        def one(user: str) -> float:
            with self.new(user) as scene, scene.restore() as going:
                result = going.finish()
                took = time.monotonic() - scene.started
                assert result.code == 0, result.output
                return took

        with ThreadPoolExecutor(AT_ONCE) as pool:
            took = list(pool.map(one, [SUPERUSER, OWNER] * AT_ONCE))
        self.duration = sum(took) / len(took)

    @contextmanager
    def new(self, user: str, *, small_volume: str = "", pause: float = PAUSE) -> Generator[Scene]:
        """A scene with a client that reads already; nothing of it is left afterwards."""
        stage = self.free.get()
        try:
            stage.set_live("state_b")
            with ExitStack() as stack:
                pod = stack.enter_context(new_pod(stage.server.port, LIVE))
                if small_volume:
                    stack.enter_context(small(pod, small_volume))
                (pod.secret / "username").write_text(user, encoding="utf-8")
                subprocess.run(["cp", "-a", f"{stage.backups}/.", pod.volume], check=True)
                hooks = pod.root / "hooks"
                hooks.mkdir()
                give(hooks, pod.volume.stat().st_uid, pod.volume.stat().st_gid)
                world = World(
                    *(pod, stage.server, "directory", LIVE),
                    thorough=True,
                    reference=Reference("", {}),
                    names=pod.names(),
                    before={},
                )
                reader = Reader(stage.server.server, stage.states, stage.settings, pause)
                before = bytes_of(pod.volume / name for name in pod.names())
                with reader:
                    yield Scene(stage, world, reader, user, before)
        finally:
            self.free.put(stage)


@contextmanager
def small(pod: Pod, size: str) -> Generator[None]:
    """Puts a small file system under the volume of a pod."""
    owner = pod.volume.stat()
    options = f"size={size},uid={owner.st_uid},gid={owner.st_gid},mode=0770"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "pgkeep", pod.volume], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", pod.volume], check=True)


# --- moments --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Random:
    """A random moment, as a part of the duration of a run that nothing hits."""

    part: float
    user: str
    chance: int  # decides whatever else is random in the trial

    def __str__(self) -> str:
        return f"after {self.part:.3f} of a run as {self.user} (seed {SEED})"


@dataclass(frozen=True)
class Point:
    """A point between two statements, by what has just come over the wire after a step began."""

    what: str
    step: str
    words: bytes
    side: Side = "client"
    user: str = SUPERUSER
    chance: int = 0

    def __str__(self) -> str:
        return self.what


Moment = Random | Point

# Where chance alone seldom comes. The words of a client have not reached the server yet, those of
# the server not the client.
POINTS: list[Moment] = [
    Point("temporary role made, not marked", "Chose the role", b"COMMENT ON ROLE"),
    Point("side database made, not marked", "Created the side", b"COMMENT ON DATABASE"),
    Point("definitions not read yet", "Checked that nothing", b"SET DATESTYLE"),
    Point("sessions not ended yet", "Swapped", b"pg_terminate_backend"),
    Point("before the renames", "Swapped", b"RENAME TO"),
    Point("before the commit", "Swapped", b"COMMIT", user=OWNER),
    Point("after the commit, before its answer", "Swapped", b"COMMIT\0", "server"),
]


IN_SWAP = POINTS[3:]


def random_moments(kind: str, count: int = MOMENTS) -> list[Moment]:
    """Spread over the whole duration; every fourth as a role that is no superuser."""
    chance = random.Random(f"{SEED} {kind}")  # noqa: S311 - no secret
    return [
        Random(
            (number + chance.random()) / count,
            OWNER if number % 4 == 1 else SUPERUSER,
            chance.randrange(2**32),
        )
        for number in range(count)
    ]


# The shipped script, which stands still when it begins a step; `runs.code` would take the place
# of a function that marks.sh has.
PROGRAM = """
source '{scripts}/{script}'
eval "shipped_$(declare -f begin)"
begin() {{ shipped_begin "$@"; if [[ -n '{stop}' && $1 == '{stop}'* ]]; then stand_still; fi; }}
stand_still() {{ : >'{hooks}/reached'; until [[ -e '{hooks}/go' ]]; do /usr/bin/sleep 0.01; done; }}
{more}
main
"""


def program(scene: Scene, stop: str = "", more: str = "", script: str = "restore/main.sh") -> str:
    """The shipped restore; `stop` is the step at whose beginning it waits for us."""
    hooks = scene.world.hooks
    return PROGRAM.format(scripts=SCRIPTS, script=script, hooks=hooks, stop=stop, more=more)


class Hit(NamedTuple):
    """A run that has come to its moment."""

    scene: Scene
    going: Run
    wire: Proxy
    moment: Moment


@contextmanager
def arrived(
    stages: Stages,
    moment: Moment,
    more: str = "",
    *,
    small_volume: str = "",
    pause: float = PAUSE,
) -> Generator[Hit]:
    """A scene whose restore has come to its moment; at a point it stands still.

    A run that is over before its moment is a trial as well, of one that is hit too late.
    """
    with (
        stages.new(moment.user, small_volume=small_volume, pause=pause) as scene,
        proxy(scene.stage.server.port) as wire,
    ):
        stop = moment.step if isinstance(moment, Point) else ""
        port = str(wire.port)
        with scene.restore(program(scene, stop, more), DATABASE_PORT=port) as going:
            if isinstance(moment, Point):
                going.wait_until_held()
                wire.wait_for(moment.words, moment.side)
                going.release()
                wire.wait_until_held(going)
            else:
                with suppress(subprocess.TimeoutExpired):
                    going.process.wait(moment.part * stages.duration)
            yield Hit(scene, going, wire, moment)


# --- the judgement --------------------------------------------------------------------------------


def kill_everything(going: Run) -> None:
    """The end of a pod without grace: the first process first, so that no handler runs."""
    with suppress(ProcessLookupError):
        os.kill(going.pid, signal.SIGKILL)
    while left := members(going.pid):
        for pid in left:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def gone(scene: Scene, going: Run) -> None:
    """No process and no session of the run is left."""
    assert not going.cleared, "judged too late: we have killed what it left"
    try:
        wait_until(lambda: members(going.pid) == [], PATIENCE, 0.02)
    except AssertionError:
        left = [command_of(pid) for pid in members(going.pid)]
        raise AssertionError(f"processes are left: {left}") from None
    try:
        wait_until(lambda: scene.stage.backends() == [], PATIENCE, 0.02)
    except AssertionError:
        raise AssertionError(f"sessions are left: {scene.stage.backends()}") from None


def judged(
    hit: Hit,
    result: Result,
    *,
    cause: str = "",
    was_killed: bool = False,
    tidy: bool = False,
    mend: Callable[[], None] = lambda: None,
) -> None:
    """A or B is whole under the name, and the same restore run again ends as if nothing had been.

    `cause` is in the last lines of a run that failed and was not killed; `tidy`: that run had all
    it needed to leave nothing behind; `mend` ends the fault.
    """
    scene, going, _, moment = hit
    try:
        gone(scene, going)
        state = found(scene, "after the fault")
        told(result, state, cause, was_killed=was_killed)
        if tidy:
            clean(scene, kept=1 if state == "A" else 0)
        mend()
        kept: list[State] = ["B"] if state == "B" else ["B", "A"]
        # What a safety backup leaves in staging only another one sweeps.
        safety = moment.chance % 4 == 0 or bool(scene.pod.unfinished())
        again(scene, kept, safety=safety)
        scene.reader.wait_for_answer()
        scene.reader.judge()
    except AssertionError as error:
        raise AssertionError(
            f"{error}\n{scene.reader.account()}\nthe run ended with {result.code}:\n{result.output}"
        ) from error


def found(scene: Scene, when: str) -> State:
    """What a client finds under the name, at its first attempt."""
    assert LIVE in scene.stage.server.server.databases(), f"{when} there is none of that name"
    blocked = scene.stage.blocked()
    assert blocked == [], f"{when} nobody may connect to {blocked}"
    try:
        name = scene.reader.name(look(scene.stage.server.server, LIVE))
    except Refusal as refusal:
        raise AssertionError(f"{when} it does not answer: {refusal}") from None
    assert name in ("A", "B"), f"{when} it holds neither A nor B: {name}"
    return "A" if name == "A" else "B"


def told(result: Result, state: State, cause: str, *, was_killed: bool) -> None:
    """What a run says of its end is true."""
    if result.code == 0:
        assert state == "A", "it ended well, and A is not there"
    if "the live database was not touched" in result.output:
        assert state == "B", "it says that nothing was touched, and A is there"
    if "the restored database is in place" in result.output:
        assert state == "A", "it says that the restored database is in place, and B is there"
    if result.code == 0 or (was_killed and result.code == -signal.SIGKILL):
        return
    explained = result.explained()
    assert re.search(cause, explained), f"no word of {cause!r}"


def clean(scene: Scene, kept: int) -> None:
    """Nothing is left of a restore but the databases it has kept."""
    names = scene.stage.others()
    strange = [name for name in names if not re.fullmatch(rf"{LIVE}_before_\d{{8}}_\d{{6}}", name)]
    assert strange == [], f"databases are left: {strange}"
    assert len(names) == kept, f"{kept} kept databases expected: {sorted(names)}"
    assert scene.stage.roles() == [], f"roles are left: {scene.stage.roles()}"


def again(scene: Scene, kept: list[State], *, safety: bool) -> None:
    """The same restore succeeds, cleans up, and the backup is still what it was.

    Its safety backup is half of its time, so not every trial makes it.
    """
    with scene.restore(RESTORE_SAFETY_BACKUP="true" if safety else "false") as going:
        result = going.finish()
        try:
            assert result.code == 0, f"the next run ends with {result.code}"
            gone(scene, going)
            assert found(scene, "after the next run") == "A", "after the next run B is there"
            clean(scene, len(kept))
            held = [
                scene.stage.states.get(look(scene.stage.server.server, name).content, name)
                for name in sorted(scene.stage.others())
            ]
            assert held == kept, f"the kept databases hold {held}, not {kept}"
            assert scene.pod.unfinished() == [], "something is left in staging"
            assert scene.backup() == scene.before, "the backup on the volume was changed"
            assert scene.pod.records("restores")[-1]["result"] == "ok"
        except AssertionError as error:
            raise AssertionError(f"{error}\nthe next run:\n{result.output}") from error

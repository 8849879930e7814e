"""The wire between the run and the server is cut, or swallows everything."""

from __future__ import annotations

import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.scripts.harness import wait_until
from tests.scripts.promises.faults import judge
from tests.scripts.promises.faults.ledger import Ledger
from tests.scripts.promises.faults.mortal import MortalServer
from tests.scripts.promises.faults.proxy import Side, proxy
from tests.scripts.promises.faults.runs import at_moment, changed_scripts, code, started
from tests.scripts.promises.faults.worlds import MIDDLE, Worlds

GRACE = 30  # seconds from SIGTERM to SIGKILL in a pod
LOST = "was cut|nothing answers|starting up"


@dataclass(frozen=True)
class Words:
    """What goes over the wire at a moment, and from which side."""

    moment: str
    words: bytes
    side: Side = "client"


WORDS = [
    Words("during the login", b"keeper_of_"),
    Words("while the rights are checked", b"pg_largeobject_metadata"),
    Words("while the snapshot is exported", b"pg_export_snapshot"),
    Words("while the tables are locked", b"LOCK TABLE ONLY"),
    Words("while rows are counted", b"largeObjects"),
    Words("in the middle of a table", MIDDLE.encode(), "server"),
    Words("while the roles are dumped", b"rolcanlogin"),
    Words("while the manifest is written", b"schemaVersion"),
]


def test_the_connection_is_reset(worlds: Worlds, ledger: Ledger) -> None:
    def attempt(moment: Words) -> None:
        with worlds.new() as world, proxy(world.server.port) as wire:
            wire.wait_for(moment.words, moment.side)
            with started(world, code(world), DATABASE_PORT=str(wire.port)) as going:
                wire.wait_until_held(going)
                wire.cut()
                judge.absent(going, going.finish(), LOST)

    with ledger.fault("connection reset") as fault:
        fault.each(fault.some(WORDS), attempt, name=lambda each: each.moment)


def test_all_connections_are_reset(worlds: Worlds, ledger: Ledger) -> None:
    def attempt(moment: Words) -> None:
        with worlds.new() as world, proxy(world.server.port) as wire:
            wire.wait_for(moment.words, moment.side)
            program = code(world, more="CONNECT_PATIENCE=1")
            with started(world, program, DATABASE_PORT=str(wire.port)) as going:
                wire.wait_until_held(going)
                wire.close()  # nobody gets through any more either
                judge.absent(going, going.finish(), LOST)

    with ledger.fault("all connections reset, and no new ones") as fault:
        fault.each(fault.some(WORDS[::2]), attempt, name=lambda each: each.moment)


def test_nothing_comes_through_until_the_deadline_of_the_job(
    worlds: Worlds, ledger: Ledger
) -> None:
    """A peer that acknowledges and never answers is no broken connection: time must end it."""

    def attempt(moment: Words) -> None:
        with worlds.new() as world, proxy(world.server.port) as wire:
            wire.wait_for(moment.words, moment.side)
            with started(world, code(world), DATABASE_PORT=str(wire.port)) as going:
                wire.wait_until_held(going)
                wire.silent = True
                going.process.terminate()  # what Kubernetes does at activeDeadlineSeconds
                result = going.finish(GRACE)
                wire.close()
                judge.absent(going, result, "SIGTERM[^.]*\n.*activeDeadlineSeconds")

    with ledger.fault("server silent until the deadline") as fault:
        fault.each(fault.some(WORDS), attempt, name=lambda each: each.moment)


# --- packets that are really lost -----------------------------------------------------------------


HOLE = (
    "add table inet hole; add chain inet hole in {type filter hook input priority 0; policy drop;}"
)


@dataclass(frozen=True)
class Lonely:
    """A network namespace with one wire to the server."""

    holder: int
    address: str

    @property
    def prefix(self) -> tuple[str, ...]:
        """Words that put a command into it."""
        return ("nsenter", f"--net=/proc/{self.holder}/ns/net")

    @contextmanager
    def swallowing_everything(self) -> Generator[None]:
        """No packet arrives, and nobody is told."""
        subprocess.run([*self.prefix, "nft", HOLE], check=True)
        try:
            yield
        finally:
            subprocess.run([*self.prefix, "nft", "delete table inet hole"], check=True)


@contextmanager
def lonely_network(mortal: MortalServer) -> Generator[Lonely]:
    """Makes the namespace and lets the server listen there; both end with the block."""
    outer, inner = "10.213.77.1", "10.213.77.2"
    holder = subprocess.Popen(["unshare", "--net", "sleep", "infinity"])
    lonely = Lonely(holder.pid, outer)
    name = f"pgkeep{holder.pid}"
    try:
        wait_until(lambda: entered(holder.pid), 10, 0.01)
        peer = ["peer", "name", "eth0", "netns", str(holder.pid)]
        for words in (
            ["ip", "link", "add", name, "type", "veth", *peer],
            ["ip", "address", "add", f"{outer}/30", "dev", name],
            ["ip", "link", "set", name, "up"],
            [*lonely.prefix, "ip", "address", "add", f"{inner}/30", "dev", "eth0"],
            [*lonely.prefix, "ip", "link", "set", "eth0", "up"],
        ):
            subprocess.run(words, check=True)
        with mortal.listening(outer, f"{inner}/32"):
            yield lonely
    finally:
        holder.kill()
        holder.wait()
        # It goes with its peer, sooner or later; the next test wants it gone now.
        subprocess.run(["ip", "link", "delete", name], check=False, capture_output=True)


def entered(pid: int) -> bool:
    """Has this process its own network?"""
    own = subprocess.run(["readlink", "/proc/self/ns/net"], capture_output=True, check=True).stdout
    other = subprocess.run(["readlink", f"/proc/{pid}/ns/net"], capture_output=True, check=False)
    return other.returncode == 0 and other.stdout != own


# Both sides give up after seconds instead of minutes.
SHORT = """
eval "shipped_$(declare -f conninfo)"
conninfo() {
  shipped_conninfo "$1"
  printf ' connect_timeout=2 tcp_user_timeout=1500'
  printf ' keepalives_idle=1 keepalives_interval=1 keepalives_count=2'
}
CONNECT_PATIENCE=1
"""
SHORT_ON_THE_SERVER = {
    "server/session.sql": {"'30s'": "'1s'", "'10s'": "'1s'", "'6'": "'2'", "'90s'": "'2s'"},
    "server/credentials.sh": {
        "tcp_keepalives_idle=30": "tcp_keepalives_idle=1",
        "tcp_keepalives_interval=10": "tcp_keepalives_interval=1",
        "tcp_keepalives_count=6": "tcp_keepalives_count=2",
        "tcp_user_timeout=90s": "tcp_user_timeout=2s",
    },
}
SLOW_FACTS = {"facts/facts.sql": {"-- The facts": "SELECT pg_sleep(60);\n-- The facts"}}


def test_every_packet_is_lost(worlds: Worlds, ledger: Ledger, mortal: MortalServer) -> None:
    """Both sides must find out by themselves: the run fails, the server's transaction ends."""
    moments = {
        "while the snapshot is held": "Opened a snapshot, ended",
        "in the middle of a query": "",
        "before the roles are dumped": "Saved roles and tablespaces",
    }
    sleeping = "SELECT count(*) FROM pg_stat_activity WHERE query ~ '^SELECT pg_sleep'"
    with ledger.fault("black hole: every packet lost") as fault, lonely_network(mortal) as net:
        for moment, step in moments.items():
            with fault.trial(moment), worlds.new() as world:
                changes = SHORT_ON_THE_SERVER | ({} if step else SLOW_FACTS)
                scripts = changed_scripts(world, changes)
                at = at_moment(step, "stand_still")
                program = code(world, at=at, more=SHORT, scripts=scripts)
                host = {"DATABASE_HOST": net.address}
                with started(world, program, prefix=net.prefix, **host) as going:
                    if step:
                        going.wait_until_held()
                    else:
                        mortal.wait_for("postgres", sleeping, "1")
                    with net.swallowing_everything():
                        going.release()
                        result = going.finish()
                        judge.absent(going, result, "nothing answers|was cut")

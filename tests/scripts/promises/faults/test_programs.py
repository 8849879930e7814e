"""The programs of the image: of the wrong version, missing, broken, or telling lies."""

from __future__ import annotations

import pytest

from tests.scripts.promises.faults import judge
from tests.scripts.promises.faults.ledger import Ledger
from tests.scripts.promises.faults.runs import code, started
from tests.scripts.promises.faults.tools import census, shims
from tests.scripts.promises.faults.worlds import FORMATS, Worlds

DUMP = "pg_dump 2"  # the first call asks for the version
VERSION = "[ \"$1\" != --version ] || {{ echo 'pg_dump (PostgreSQL) {}'; exit 0; }}"


@pytest.mark.parametrize(
    ("what", "version", "cause"),
    [
        ("older than the server", "14.20", "refuse a server of a newer major"),
        ("newer than the server can take back", "17.11", "transaction_timeout"),
        ("of an unknown make", "(devel)", "no PostgreSQL client pgkeep knows"),
    ],
)
def test_the_client_does_not_fit(
    worlds: Worlds, ledger: Ledger, what: str, version: str, cause: str
) -> None:
    def attempt(format_: str) -> None:
        with (
            worlds.new(format_) as world,
            shims(world, {"pg_dump *": VERSION.format(version)}),
            started(world, code(world)) as going,
        ):
            judge.absent(going, going.finish(), cause)

    with ledger.fault(f"client {what}") as fault:
        fault.each(FORMATS, attempt)


def test_a_program_is_missing(worlds: Worlds, ledger: Ledger) -> None:
    """Every program that a good run calls, whatever it is for."""
    needed: set[tuple[str, str]] = set()
    for format_ in FORMATS:
        with worlds.new(format_) as world, shims(world, {}):
            with started(world, code(world)) as going:
                assert going.finish().code == 0
            # Without these two a script cannot even say what is missing.
            tools = {call.tool for call in census(world)} - {"dirname", "mktemp"}
            needed |= {(format_, tool) for tool in tools}

    def attempt(moment: tuple[str, str]) -> None:
        format_, tool = moment
        with (
            worlds.new(format_) as world,
            shims(world, {}, tool),
            started(world, code(world)) as going,
        ):
            # Some are needed after the rename only, some for words in the log.
            judge.either(going, going.finish(), rf"\b{tool}\b", late=True)

    common = {tool for format_, tool in needed if format_ == "directory"}
    chosen = sorted(each for each in needed if each[0] == "directory" or each[1] not in common)
    with ledger.fault("program missing from the image") as fault:
        fault.each(chosen, attempt, name=lambda each: f"{each[1]}, {each[0]}")


# --- a pg_dump that lies --------------------------------------------------------------------------

# The real one runs, then something happens to what it wrote; `$out` is its file or directory.
AFTERWARDS = """\
  PATH={{path}}
  for word; do case $word in --file=*) out=${{word#--file=}} ;; esac; done
  "$real" "$@" || exit
  largest=$(find "$out" -type f -exec ls -S {{}} + | head -n 1)
  {action}"""


def afterwards(action: str) -> str:
    """The program does its work and then this."""
    return AFTERWARDS.replace("{{", "{").replace("}}", "}").replace("{action}", action)


REPACKED = 'gzip -dc "$largest" | {} >"$out.new"; gzip -c "$out.new" >"$largest"; rm "$out.new"'

BOTH = FORMATS
DIRECTORY = ("directory",)
PLAIN = ("plain",)
HALF = '$(($(stat -c %s "$largest") / 2))'
EMPTY = 'if [ -d "$out" ]; then rm -r "$out"/*; else : >"$out"; fi'
SMALL = 'blob=$(ls "$out"/blob_*.dat.gz | head -n 1)'
AGAIN = 'rm -r "$out"; "$real" "$@"'
ELSEWHERE = '"$real" --format=directory --file="$out" --dbname=postgres'
LIES = [
    ("its largest file cut by 7 bytes", 'truncate -s -7 "$largest"', BOTH),
    ("its largest file cut in the middle", f'truncate -s "{HALF}" "$largest"', BOTH),
    ("its largest file empty", ': >"$largest"', BOTH),
    ("no rows in its largest file", ': | gzip -c >"$largest"', DIRECTORY),
    ("one row too few", REPACKED.format("sed 1000d"), DIRECTORY),
    ("one row too few", REPACKED.format("sed '/^1000\tthe middle/d'"), PLAIN),
    ("one row too many", REPACKED.format("sed 1000p"), DIRECTORY),
    ("one row too many", REPACKED.format("sed '/^1000\tthe middle/p'"), PLAIN),
    ("its last lines missing", REPACKED.format("head -n -20"), PLAIN),
    ("half of its lines missing", REPACKED.format("sed '100,2000d'"), PLAIN),
    ("a data file missing", 'rm "$largest"', DIRECTORY),
    ("its table of contents missing", 'rm "$out/toc.dat"', DIRECTORY),
    ("its table of contents cut", 'truncate -s -9 "$out/toc.dat"', DIRECTORY),
    ("nothing written at all", 'rm -r "$out"', BOTH),
    ("an empty file or directory written", EMPTY, BOTH),
    ("a large object missing", f'{SMALL}; rm "$blob"', DIRECTORY),
    ("a large object empty", f'{SMALL}; : >"$blob"', DIRECTORY),
    ("a large object cut", f'{SMALL}; truncate -s -9 "$blob"', DIRECTORY),
    ("its list of large objects empty", ': >"$out/blobs.toc"', DIRECTORY),
    ("its large objects left out", f"{AGAIN} --no-blobs", BOTH),
    ("a table left out", f"{AGAIN} --exclude-table=*.moments", BOTH),
    ("the data of a table left out", f"{AGAIN} --exclude-table-data=*.moments", BOTH),
    ("the schema alone", f"{AGAIN} --schema-only", BOTH),
    ("another database", f'rm -r "$out"; {ELSEWHERE}', DIRECTORY),
]


def test_pg_dump_says_it_succeeded_and_did_not(worlds: Worlds, ledger: Ledger) -> None:
    def attempt(moment: tuple[str, str, str]) -> None:
        _, action, format_ = moment
        with (
            worlds.new(format_) as world,
            shims(world, {DUMP: afterwards(f"{action}\nexit 0")}),
            started(world, code(world)) as going,
        ):
            cause = "cannot be read|does not hold the rows|not whole"
            judge.absent(going, going.finish(), cause)

    chosen = [(what, action, format_) for what, action, formats in LIES for format_ in formats]
    with ledger.fault("pg_dump exits 0 with a dump that is not whole") as fault:
        fault.each(chosen, attempt, name=lambda each: f"{each[0]}, {each[2]}")


# Not at the first call, which tries whether the volume can be written at all.
SYNC_FAILS = """\
  if [ "$call" -gt 1 ]; then echo "sync: error syncing '$1': Input/output error" >&2; exit 1; fi"""


@pytest.mark.parametrize(
    ("what", "case", "cause"),
    [
        (
            "pg_dump fails after all of its work",
            {DUMP: afterwards("exit 3")},
            "pg_dump of database",
        ),
        ("pg_dumpall fails", {"pg_dumpall 1": "exit 1"}, "pg_dumpall of roles"),
        (
            "pg_dumpall writes half and exits 0",
            {"pg_dumpall 1": afterwards('truncate -s 300 "$out"; exit 0')},
            "globals|roles",
        ),
        ("pg_dumpall writes nothing and exits 0", {"pg_dumpall 1": "exit 0"}, "globals|roles"),
        (
            "sha256sum computes a wrong hash",
            {"sha256sum 1": '"$real" "$@" | tr 0-4 5-9; exit 0'},
            "changed|not whole",
        ),
        ("sha256sum prints nothing and exits 0", {"sha256sum 1": "exit 0"}, "SHA256SUMS|not whole"),
        ("sync fails", {"sync *": SYNC_FAILS}, "[Ii]nput/output error"),
    ],
)
def test_a_program_fails_or_lies(
    worlds: Worlds, ledger: Ledger, what: str, case: dict[str, str], cause: str
) -> None:
    def attempt(format_: str) -> None:
        with (
            worlds.new(format_) as world,
            shims(world, case),
            started(world, code(world)) as going,
        ):
            judge.absent(going, going.finish(), cause)

    with ledger.fault(what) as fault:
        fault.each(FORMATS, attempt)


def test_psql_says_it_succeeded_and_did_nothing(worlds: Worlds, ledger: Ledger) -> None:
    with worlds.new() as world, shims(world, {}), started(world, code(world)) as going:
        assert going.finish().code == 0
        calls = [each for each in census(world) if each.tool == "psql"]

    def attempt(number: int) -> None:
        case = {f"psql {number}": "exit 0"}
        with (
            worlds.new() as world,
            shims(world, case),
            started(world, code(world)) as going,
        ):
            # The check of rights prints nothing when all is well: there nothing can be noticed.
            judge.either(going, going.finish(), ".", late=False)

    with ledger.fault("psql exits 0 and has done nothing") as fault:
        fault.each(
            fault.some([call.number for call in calls]),
            attempt,
            name=lambda each: str(calls[each - 1]),
        )


HANGS = ": >'{hooks}/reached'; exec /usr/bin/sleep 1000"


def test_a_program_hangs_until_the_deadline(worlds: Worlds, ledger: Ledger) -> None:
    """What Kubernetes does at activeDeadlineSeconds ends the run, whatever it waits for."""

    def attempt(moment: tuple[str, str]) -> None:
        format_, call = moment
        with (
            worlds.new(format_) as world,
            shims(world, {call: HANGS}),
            started(world, code(world)) as going,
        ):
            going.wait_until_held()
            going.process.terminate()
            judge.absent(going, going.finish(20), "activeDeadlineSeconds")

    chosen = [("directory", call) for call in (DUMP, "pg_dumpall 1", "pg_restore 1", "psql 1")]
    chosen += [("plain", DUMP), ("plain", "gzip 1")]
    with ledger.fault("program hangs until the deadline") as fault:
        fault.each(chosen, attempt, name=lambda each: f"{each[1]}, {each[0]}")


def test_one_database_hangs_and_the_next_is_backed_up(worlds: Worlds, ledger: Ledger) -> None:
    """Each database has its own time; the first one's end is told, the second is whole."""

    def attempt(format_: str) -> None:
        with worlds.new(format_) as world:
            names = f"postgres\n{world.database}"
            with (
                shims(world, {DUMP: HANGS}),
                # Long enough for the backup of the second one, on a machine with other work too.
                started(
                    world, script="backup/all.sh", DATABASE_NAMES=names, BACKUP_TIMEOUT="20"
                ) as going,
            ):
                result = going.finish()
                assert result.code == 1, result.output
                assert "stopped by SIGTERM" in result.output, result.output
                assert "✗ postgres\n" in result.output, result.output
                assert f"✓ {world.database}\n" in result.output, result.output
                assert "1 of 2 databases" in result.explained(), result.output
                judge.published(going)

    with ledger.fault("database that hangs, before another one") as fault:
        fault.each(FORMATS, attempt)


def test_files_may_not_grow(worlds: Worlds, ledger: Ledger) -> None:
    def attempt(moment: tuple[str, int]) -> None:
        format_, limit = moment
        prefix = ("prlimit", f"--fsize={limit * 1024}")
        with worlds.new(format_) as world, started(world, code(world), prefix=prefix) as going:
            cause = "[Ff]ile (too large|size limit)|SIGXFSZ|died"
            judge.absent(going, going.finish(), cause)

    chosen = [(format_, limit) for format_ in FORMATS for limit in (16, 32)]
    with ledger.fault("limit on the size of a file") as fault:
        fault.each(chosen, attempt, name=lambda each: f"{each[1]} KiB, {each[0]}")

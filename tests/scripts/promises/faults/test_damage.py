"""Files of a published backup change: every later reader notices, and nobody counts on it."""

from __future__ import annotations

import gzip
import os
import random
import shutil
import subprocess
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.scripts.harness import POD_GID, POD_UID, Pod, new_pod, rehash
from tests.scripts.postgres import SCRIPTS, drop_privileges
from tests.scripts.promises.faults import judge
from tests.scripts.promises.faults.ledger import AT_ONCE, SEED, Fault, Ledger
from tests.scripts.promises.faults.worlds import EXPIRED, FORMATS, RECENT, Worlds

FLIPS = 200

# --- many small damages, judged by the shipped function in one shell ------------------------------

# One verdict for each line that comes in.
CHECKER = """
source '{scripts}/console/main.sh'
start_script
while IFS= read -r _; do
  if check_backup '{name}' >"$WORK/verdict"; then
    echo passed
  else
    echo "caught: $(<"$WORK/verdict")"
  fi
done
"""


class Checker:
    """A shell that checks one backup again and again, with what `verify` and `restore` use."""

    def __init__(self, pod: Pod, name: str) -> None:
        self.backup = pod.volume / name
        self.process = subprocess.Popen(
            [
                *drop_privileges(POD_UID, POD_GID),
                *("bash", "-c", CHECKER.format(scripts=SCRIPTS, name=name)),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            errors="replace",  # a spoiled list of hashes is quoted as it is
            env=pod.environment("console/main.sh"),
            start_new_session=True,
        )

    def check(self) -> str:
        """The verdict on the backup as it is now."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        verdict = self.process.stdout.readline().strip()
        assert verdict.startswith(("passed", "caught: ")), verdict
        return verdict

    def close(self) -> None:
        """Ends the shell."""
        self.process.communicate()
        assert self.process.returncode == 0


@dataclass(frozen=True)
class Damage:
    """Other bytes in one file of a backup."""

    moment: str
    file: str
    content: bytes


@contextmanager
def checkers(tiny: dict[str, Path], format_: str) -> Generator[list[Checker]]:
    """As many checkers as there are processors, each on a volume of its own."""
    backup = tiny[format_]
    pods = [new_pod(0, "tiny") for _ in range(AT_ONCE)]
    made: list[Checker] = []
    try:
        for each in pods:
            pod = each.__enter__()
            subprocess.run(["cp", "-a", backup, pod.volume], check=True)
            made.append(Checker(pod, backup.name))
        yield made
    finally:
        for checker in made:
            checker.close()
        for each in pods:
            each.__exit__(None, None, None)


def try_all(
    fault: Fault, tiny: dict[str, Path], format_: str, damages: list[Damage], *, hashed: bool
) -> None:
    """Does each damage, has it judged, and takes it back; `hashed` makes SHA256SUMS anew."""

    def work(checker: Checker, own: list[Damage]) -> None:
        sums = checker.backup / "SHA256SUMS"
        assert checker.check() == "passed", "undamaged"
        for damage in own:
            path = checker.backup / damage.file
            before = {path: path.read_bytes(), sums: sums.read_bytes()}
            assert before[path] != damage.content
            path.write_bytes(damage.content)
            if hashed:
                rehash(checker.backup)
            verdict = checker.check()
            for each, content in before.items():
                each.write_bytes(content)
            missed = [f"{damage.moment}, {format_}: {verdict}"] if verdict == "passed" else []
            fault.count(1, missed)
        assert checker.check() == "passed", "undamaged again"

    with checkers(tiny, format_) as made, ThreadPoolExecutor(AT_ONCE) as pool:
        parts = [damages[number :: len(made)] for number in range(len(made))]
        list(pool.map(work, made, parts))


@pytest.fixture(scope="module")
def tiny(worlds: Worlds) -> Generator[dict[str, Path]]:
    """A backup of each format with everything in it and few files."""
    server = worlds.server
    server.psql("postgres", "CREATE DATABASE tiny")
    server.psql(
        "tiny",
        "CREATE TABLE things (id int PRIMARY KEY, line text);"
        "INSERT INTO things SELECT i, md5(i::text) FROM generate_series(1, 300) AS i;"
        "CREATE TABLE others AS SELECT * FROM things WHERE id < 50;"
        "SELECT lo_from_bytea(0, 'a large object');",
    )
    with new_pod(server.port, "tiny") as pod:
        yield {format_: pod.good_backup(BACKUP_FORMAT=format_) for format_ in FORMATS}


def files_of(backup: Path) -> dict[str, bytes]:
    """All files of a backup that hold anything."""
    found = {
        str(path.relative_to(backup)): path.read_bytes()
        for path in sorted(backup.rglob("*"))
        if path.is_file()
    }
    return {file: content for file, content in found.items() if content}


def dump_files(backup: Path) -> dict[str, bytes]:
    """Those of the dump itself."""
    files = files_of(backup)
    return {file: files[file] for file in files if file.startswith("database/") or "sql.gz" in file}


def test_any_flipped_bit_is_noticed(tiny: dict[str, Path], ledger: Ledger) -> None:
    with ledger.fault(f"one of {FLIPS} random bits flipped (seed {SEED})") as fault:
        for format_ in FORMATS:
            chance = random.Random(SEED)  # noqa: S311
            files = files_of(tiny[format_])
            damages: list[Damage] = []
            for _ in range(FLIPS):
                file = chance.choice(list(files))
                bit = chance.randrange(len(files[file]) * 8)
                changed = bytearray(files[file])
                changed[bit // 8] ^= 1 << bit % 8
                damages.append(Damage(f"bit {bit} of {file}", file, bytes(changed)))
            try_all(fault, tiny, format_, fault.some(damages), hashed=False)


def cuts(files: dict[str, bytes]) -> list[Damage]:
    """Each file cut at each hundredth of its length."""
    return [
        Damage(f"{file} cut to {length} of {len(content)} bytes", file, content[:length])
        for file, content in files.items()
        for length in sorted({len(content) * percent // 100 for percent in range(100)})
    ]


def test_any_cut_file_is_noticed(tiny: dict[str, Path], ledger: Ledger) -> None:
    with ledger.fault("file cut at each 1 % of its length") as fault:
        for format_ in FORMATS:
            files = files_of(tiny[format_])
            if format_ == "plain":  # the others are the same ones
                files = dump_files(tiny[format_])
            try_all(fault, tiny, format_, fault.some(cuts(files)), hashed=False)


def test_a_cut_dump_is_noticed_although_its_hash_is_right(
    tiny: dict[str, Path], ledger: Ledger
) -> None:
    with ledger.fault("dump cut at each 1 %, SHA256SUMS made anew") as fault:
        for format_ in FORMATS:
            files = dump_files(tiny[format_])
            # A list of large objects without its last line end is the same list.
            damages = [
                damage
                for damage in cuts(files)
                if not damage.file.endswith("blobs.toc")
                or damage.content + b"\n" != files[damage.file]
            ]
            try_all(fault, tiny, format_, fault.some(damages), hashed=True)


def test_any_appended_bytes_are_noticed(tiny: dict[str, Path], ledger: Ledger) -> None:
    with ledger.fault("bytes appended to a file") as fault:
        for format_ in FORMATS:
            damages = [
                Damage(f"{file} and {more!r}", file, content + more)
                for file, content in files_of(tiny[format_]).items()
                for more in (b"\n", b"\0", b"x" * 4096, content)
            ]
            try_all(fault, tiny, format_, fault.some(damages), hashed=False)


# --- damages of other kinds, each seen through to the end -----------------------------------------


def a_file(backup: Path, pattern: str) -> Path:
    """The largest file of that name."""
    return max(backup.rglob(pattern), key=lambda path: path.stat().st_size)


def dump_file(backup: Path) -> Path:
    """The largest file of the dump, whatever its format."""
    return a_file(backup, "*.gz")


def missing(pattern: str) -> Callable[[Path], None]:
    return lambda backup: a_file(backup, pattern).unlink()


def empty(pattern: str) -> Callable[[Path], None]:
    def change(backup: Path) -> None:
        a_file(backup, pattern).write_bytes(b"")

    return change


def extra(name: str) -> Callable[[Path], None]:
    def change(backup: Path) -> None:
        (backup / name).write_text("more\n")

    return change


def replaced_by_link(pattern: str) -> Callable[[Path], None]:
    def change(backup: Path) -> None:
        path = a_file(backup, pattern)
        kept = backup.parent.parent / "moved"
        shutil.copy(path, kept)
        kept.chmod(0o644)
        path.unlink()
        path.symlink_to(kept)

    return change


def replaced_by_folder(pattern: str) -> Callable[[Path], None]:
    def change(backup: Path) -> None:
        path = a_file(backup, pattern)
        path.unlink()
        path.mkdir()

    return change


def replaced_by_pipe(backup: Path) -> None:
    """Whoever reads it without looking waits for ever."""
    path = dump_file(backup)
    path.unlink()
    os.mkfifo(path, 0o666)


def unreadable(backup: Path) -> None:
    path = dump_file(backup)
    path.chmod(0)
    os.chown(path, 0, 0)


def swapped(pattern: str) -> Callable[[Path], None]:
    """The same file of another backup: good in itself, but not this one's."""

    def change(backup: Path) -> None:
        other = a_file(backup.parent / EXPIRED, pattern)
        mine = a_file(backup, pattern)
        content = other.read_bytes()
        # Files of a table that has not changed are the same; a moment later they would not be.
        if content == mine.read_bytes():
            content = gzip.compress(gzip.decompress(content) + b"-- later\n")
        mine.write_bytes(content)

    return change


def changed_text(file: str, old: str, new: str, *, hashed: bool = False) -> Callable[[Path], None]:
    def change(backup: Path) -> None:
        path = backup / file
        text = path.read_text(encoding="utf-8")
        assert old in text, f"{file} has no {old!r}"
        path.write_text(text.replace(old, new, 1), encoding="utf-8")
        if hashed:
            rehash(backup)

    return change


def line_taken_out(file: str, *, hashed: bool = False) -> Callable[[Path], None]:
    def change(backup: Path) -> None:
        path = backup / file
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        path.write_text("".join(lines[:1] + lines[2:]), encoding="utf-8")
        if hashed:
            rehash(backup)

    return change


def another_under_this_name(backup: Path) -> None:
    """A whole and good backup, copied over this one."""
    shutil.rmtree(backup)
    subprocess.run(["cp", "-a", backup.parent / EXPIRED, backup], check=True)
    for path in backup.glob("*.sql.gz"):
        path.rename(backup / f"{backup.name}.sql.gz")


def a_row_less(backup: Path) -> None:
    """The dump lacks a row, and all hashes are right."""
    path = next(
        path for path in backup.rglob("*.gz") if b"the middle" in gzip.decompress(path.read_bytes())
    )
    lines = gzip.decompress(path.read_bytes()).split(b"\n")
    lines = [line for line in lines if b"the middle" not in line]
    path.write_bytes(gzip.compress(b"\n".join(lines)))
    rehash(backup)


def dump_away(backup: Path) -> None:
    """All of the dump is gone, and all hashes are right."""
    if (backup / "database").is_dir():
        shutil.rmtree(backup / "database")
    else:
        dump_file(backup).unlink()
    rehash(backup)


def cut_globals(backup: Path) -> None:
    path = backup / "globals.sql"
    path.write_bytes(path.read_bytes()[:300])
    rehash(backup)


DAMAGES: dict[str, dict[str, Callable[[Path], None]]] = {
    "missing file": {
        file: missing(file)
        for file in ("*.gz", "manifest.json", "summary", "globals.sql", "SHA256SUMS", "blocks")
    },
    "empty file": {
        file: empty(file)
        for file in ("*.gz", "manifest.json", "summary", "globals.sql", "SHA256SUMS", "blocks")
    },
    "extra file": {"beside the others": extra("notes.txt"), "hidden": extra(".notes")},
    "link in place of a file": {
        file: replaced_by_link(file) for file in ("*.gz", "globals.sql", "SHA256SUMS", "summary")
    },
    "folder in place of a file": {
        file: replaced_by_folder(file) for file in ("*.gz", "SHA256SUMS", "manifest.json")
    },
    "pipe in place of a file": {"the dump": replaced_by_pipe},
    "file that may not be read": {"the dump": unreadable},
    "file swapped with another backup's": {
        file: swapped(file) for file in ("*.gz", "summary", "manifest.json", "SHA256SUMS")
    },
    "another backup under this name": {"all of it": another_under_this_name},
    "changed manifest": {
        "rows": changed_text("manifest.json", '"rows"', '"sows"'),
        "name": changed_text("manifest.json", RECENT, EXPIRED),
    },
    "changed summary": {"rows": changed_text("summary", "\nrows=", "\nrows=1")},
    "changed hash": {
        "a digit less": changed_text("SHA256SUMS", "a", ""),
        "a line less": line_taken_out("SHA256SUMS"),
    },
    # Whoever changes a backup and its hashes with it is noticed where it contradicts itself.
    "changed, with hashes made anew": {
        "name": changed_text("summary", f"name={RECENT}", f"name={EXPIRED}", hashed=True),
        "name in the manifest": changed_text("manifest.json", RECENT, EXPIRED, hashed=True),
        "rows": changed_text("summary", "\nrows=", "\nrows=1", hashed=True),
        "blocks": line_taken_out("blocks", hashed=True),
        "a row of the dump": a_row_less,
        "no dump any more": dump_away,
        "end of the roles": cut_globals,
    },
}


@pytest.mark.parametrize("kind", list(DAMAGES))
def test_a_damaged_backup_is_never_counted_on(worlds: Worlds, ledger: Ledger, kind: str) -> None:
    def attempt(moment: tuple[str, str, Callable[[Path], None]]) -> None:
        format_, _, change = moment
        with worlds.new(format_) as world:
            change(world.pod.volume / RECENT)
            judge.damaged(world)

    chosen = [
        (format_, what, change) for what, change in DAMAGES[kind].items() for format_ in FORMATS
    ]
    with ledger.fault(f"damage: {kind}") as fault:
        fault.each(chosen, attempt, name=lambda each: f"{each[1]}, {each[0]}")


def test_the_undamaged_one_is_counted_on(worlds: Worlds) -> None:
    """What the judge says of damage would not hold here: its questions can be answered no."""
    for format_ in FORMATS:
        with worlds.new(format_) as world:
            assert judge.verified(world, RECENT).code == 0
            assert judge.latest(world) == RECENT
            assert judge.verdict_on_expired(world) == "delete"

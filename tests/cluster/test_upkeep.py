"""What an operator does about backups that are old, in use, damaged or odd, on a real volume.

The tests share one stack with one backup. Its history is made of copies under earlier names, which
are as good as the backup itself; each test begins with a volume of its own making.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.cluster.support import (
    FINGERPRINT,
    ROLE,
    Namespace,
    Server,
    Volume,
    deploy_stack,
    sample_databases,
)

DATABASE = "upkeep"
DAYS = 3
ROWS = 6000

# A verification takes no copy for a backup that keeps its old name inside, or has no hashes.
COPY = """
original=$1
for name in "${@:2}"; do
  cp -a "$original" "$name"
  cd "$name"
  sed -i "s/$original/$name/" manifest.json summary
  find . -type f ! -name SHA256SUMS -printf '%P\\n' | xargs sha256sum >SHA256SUMS
  cd ..
done
"""
# Turns the bits of one byte around; the second time it is as it was.
FLIP = """
file=$(ls -S "$1"/database/*.dat* | head -n 1)
at=$(($(stat -c %s "$file") / 2))
byte=$(od -An -tu1 -j "$at" -N 1 "$file")
printf "\\\\x$(printf %02x $((byte ^ 255)))" |
  dd of="$file" bs=1 seek="$at" conv=notrunc status=none
echo "${file#*/}"
"""
# Holds a backup as every reader of ours does, until its input ends.
READ = 'exec 9<"$1/manifest.json"; flock -s 9; echo reading; cat'


@dataclass(frozen=True, kw_only=True)
class Upkeep:
    """A stack with backups to look after."""

    where: Namespace
    server: Server
    volume: Volume
    newest: str  # the one that a run has made; all others are copies of it
    content: str  # what it was made of

    def age(self, *days: int) -> list[str]:
        """Add a backup that was made so many days ago, for each number."""
        # Half an hour less: the third day stays the third however long the test takes.
        moments = [datetime.now(UTC) - timedelta(days=day, minutes=-30) for day in days]
        names = [moment.strftime("backup-%Y%m%d-%H%M%S") for moment in moments]
        self.volume.sh(COPY, self.newest, *names)
        return names

    def backups(self) -> set[str]:
        return self.volume.names()

    def trash(self) -> set[str]:
        return self.volume.names(".trash")

    def plan(self, *, yes: bool = False) -> dict[str, tuple[str, str]]:
        """Ask `prune` for its verdict and reason on each backup; with `yes` it also acts."""
        word = "--yes" if yes else "--dry-run"
        answer = json.loads(self.where.pgkeep("prune", word, "--json").stdout)
        assert answer["dryRun"] is not yes
        return {one["name"]: (one["verdict"], one["reason"]) for one in answer["backups"]}

    def status(self) -> dict[str, str]:
        return {backup["name"]: backup["status"] for backup in self.where.listed()}

    def metric(self, name: str, **labels: str) -> float:
        """Read a sample of what a collector would find on the volume."""
        text = self.volume.sh("cat .records/metrics.prom")
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if sample.name == name and sample.labels == {"database": DATABASE, **labels}:
                    return sample.value
        raise AssertionError(f"no {name} {labels} in:\n{text}")

    def fingerprint(self) -> str:
        return self.server.psql(FINGERPRINT, database=DATABASE)

    @contextmanager
    def reader(self, name: str) -> Generator[None]:
        """Read a backup in another pod meanwhile."""
        command = ["kubectl", "-n", self.where.name, *self.volume.command(READ, name)]
        with subprocess.Popen(
            command,
            env=self.where.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "reading\n"
            yield


def deleted(plan: dict[str, tuple[str, str]]) -> set[str]:
    return {name for name, (verdict, _) in plan.items() if verdict == "delete"}


@pytest.fixture(scope="module")
def kept(make_namespace: Callable[[str], Namespace], server: Server) -> Iterator[Upkeep]:
    """The stack, its backup, and another copy of that in the pod that looks at the volume."""
    where = make_namespace("upkeep")
    with sample_databases(server, DATABASE):
        stack = deploy_stack(
            where,
            databaseHost=server.host,
            databaseName=DATABASE,
            retentionDays=str(DAYS),
            retentionMinimum="2",
        )
        where.pgkeep("run-backup")
        volume = Volume.open(stack)
        (newest,) = volume.names()
        volume.sh('cp -a "$1" /tmp', newest)
        content = server.psql(FINGERPRINT, database=DATABASE)
        yield Upkeep(where=where, server=server, volume=volume, newest=newest, content=content)


@pytest.fixture
def upkeep(kept: Upkeep) -> Upkeep:
    """The same with nothing on the volume but that backup, as it was made."""
    kept.volume.sh('rm -rf backup-* .trash .records; cp -a "/tmp/$1" .', kept.newest)
    return kept


def test_prune_does_what_its_dry_run_says_and_leaves_what_is_pinned_or_being_read(
    upkeep: Upkeep,
) -> None:
    young = upkeep.age(1, 2, 3)
    gone, pinned, unpinned, used = upkeep.age(4, 5, 6, 7)
    before = upkeep.backups()
    upkeep.where.pgkeep("pin", pinned)
    upkeep.where.pgkeep("pin", unpinned)
    upkeep.where.pgkeep("unpin", unpinned)

    with upkeep.reader(used):
        plan = upkeep.plan()
        assert plan == {
            upkeep.newest: ("keep", "the newest verified"),
            young[0]: ("keep", "one of the newest 2"),
            young[1]: ("keep", f"not older than {DAYS} days"),
            young[2]: ("keep", f"not older than {DAYS} days"),
            gone: ("delete", f"older than {DAYS} days"),
            pinned: ("keep", "pinned"),
            unpinned: ("delete", f"older than {DAYS} days"),
            used: ("keep", "in use by another run"),
        }
        assert upkeep.backups() == before, "a dry run changes nothing"
        assert upkeep.plan(yes=True) == plan
    assert upkeep.backups() == before - {gone, unpinned}
    assert upkeep.trash() == {gone, unpinned}

    # The reader is gone, and the plan for a person says so before it is carried out.
    said = upkeep.where.pgkeep("prune", "--yes").stdout
    assert "To be deleted: 1 of 6 backups." in said
    assert "Deleted 1 backup, kept 5." in said
    assert upkeep.backups() == before - {gone, unpinned, used}
    assert upkeep.trash() == {used}, "what went the last time is really gone now"
    assert upkeep.metric("pgkeep_backups", status="verified") == 5


def test_a_damaged_backup_is_found_shown_passed_over_and_taken_back_when_it_is_mended(
    upkeep: Upkeep,
) -> None:
    (older,) = upkeep.age(1)
    file = upkeep.volume.sh(FLIP, upkeep.newest)

    verified = upkeep.where.pgkeep("verify", "--all", check=False)
    assert verified.returncode == 1
    assert f"✗ {upkeep.newest} (changed: {file})" in verified.stdout
    assert f"✓ {older}" in verified.stdout
    assert upkeep.newest in verified.stderr
    assert older not in verified.stderr
    assert upkeep.metric("pgkeep_backups", status="damaged") == 1
    assert upkeep.metric("pgkeep_backups", status="verified") == 1

    listed = upkeep.where.pgkeep("list-backups").stdout
    assert re.search(rf"{upkeep.newest} .* damaged ", listed)
    assert f"Latest: {older}" in listed
    refused = upkeep.where.pgkeep("run-restore", upkeep.newest, "--yes", check=False)
    assert refused.returncode == 1
    assert "is damaged and will not be restored" in refused.stderr
    assert f"changed: {file}" in refused.stderr

    upkeep.server.psql("DROP TABLE orders CASCADE", database=DATABASE, role=ROLE)
    restored = upkeep.where.pgkeep("run-restore", "latest", "--yes").stdout
    assert f"Restored {older}." in restored
    assert upkeep.fingerprint() == upkeep.content
    proven = upkeep.metric("pgkeep_latest_proven_backup_timestamp_seconds")
    assert datetime.fromtimestamp(proven, UTC).strftime("backup-%Y%m%d-%H%M%S") == older

    assert upkeep.volume.sh(FLIP, upkeep.newest) == file
    upkeep.where.pgkeep("verify", upkeep.newest)
    # The restore has made one of its own before.
    (safety,) = upkeep.status().keys() - {upkeep.newest, older}
    assert upkeep.status() == dict.fromkeys((safety, upkeep.newest, older), "verified")
    assert upkeep.metric("pgkeep_backups", status="damaged") == 0


def test_a_restore_itself_finds_damage_and_touches_nothing(upkeep: Upkeep) -> None:
    (older,) = upkeep.age(1)
    upkeep.server.psql("INSERT INTO customers VALUES (0, 'live')", database=DATABASE, role=ROLE)
    before = upkeep.fingerprint()
    file = upkeep.volume.sh(FLIP, upkeep.newest)

    failed = upkeep.where.pgkeep("run-restore", "latest", "--yes", check=False)
    assert failed.returncode == 1
    assert f"changed: {file}" in failed.stderr
    assert "the live database was not touched" in failed.stdout + failed.stderr
    assert f"the newest verified one is now {older}" in failed.stderr
    assert upkeep.fingerprint() == before
    assert upkeep.metric("pgkeep_backups", status="damaged") == 1
    assert upkeep.status() == {upkeep.newest: "damaged", older: "verified"}


def test_a_suspicious_backup_holds_retention_until_the_command_in_the_list_frees_it(
    upkeep: Upkeep,
) -> None:
    history = upkeep.age(1, 2, 3, 4, 5)
    old = history[3:]
    upkeep.server.psql("DELETE FROM orders", database=DATABASE, role=ROLE)
    made = upkeep.where.pgkeep("run-backup").stdout
    assert re.search(rf"rows fell to \d+, the median of the last 6 backups is {ROWS}", made)
    (odd,) = upkeep.backups() - {upkeep.newest, *history}
    assert upkeep.metric("pgkeep_backups_suspicious") == 1
    assert upkeep.trash() == set(), "the run's own retention was held"

    listed = upkeep.where.pgkeep("list-backups").stdout
    assert re.search(rf"{odd} .* verified +suspicious ", listed)
    held = f"retention is held: {odd} is suspicious until it is acknowledged"
    plan = upkeep.plan(yes=True)
    assert deleted(plan) == set()
    assert {plan[name] for name in old} == {("keep", held)}
    assert upkeep.trash() == set()

    found = re.search(rf"pgkeep acknowledge {odd} .*$", listed, re.MULTILINE)
    assert found is not None
    upkeep.where.run(["sh", "-c", found[0]])
    assert upkeep.metric("pgkeep_backups_suspicious") == 0
    assert deleted(upkeep.plan(yes=True)) == set(old)
    assert upkeep.trash() == set(old)

"""The console lists, shows and verifies, and calls nothing good that it has not read."""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.scripts.harness import (
    POD_GID,
    POD_UID,
    Pod,
    Server,
    clone_backup,
    give,
    make_legacy,
    new_pod,
    rehash,
)

COLUMNS = (
    "name status created duration_seconds backup_bytes database format server_version"
    " tables rows large_objects path flags kept database_bytes compression client_version"
    " suspicion damage"
)


@pytest.fixture(scope="module")
def made(server: Server, source: str) -> Iterator[dict[str, Path]]:
    """One backup of each format, to be copied into each test's volume."""
    with new_pod(server.port, source) as pod:
        yield {
            format_: pod.good_backup(BACKUP_FORMAT=format_) for format_ in ("directory", "plain")
        }


@pytest.fixture(params=["directory", "plain"])
def backup(request: pytest.FixtureRequest, pod: Pod, made: dict[str, Path]) -> Path:
    """A good backup on the pod's volume."""
    return place(pod, made[request.param])


def place(pod: Pod, backup: Path) -> Path:
    """Copies a backup onto the volume of a pod."""
    target = pod.volume / backup.name
    shutil.copytree(backup, target)
    for path in (target, *target.rglob("*")):
        give(path, POD_UID, POD_GID)
    return target


def dump_file(backup: Path) -> Path:
    """The largest file of the dump."""
    return max(backup.rglob("*.gz"), key=lambda path: path.stat().st_size)


def test_the_list_for_the_tool_has_the_form_of_the_contract(
    pod: Pod, server: Server, backup: Path
) -> None:
    clone_backup(backup, "backup-20200101-000000")
    legacy = make_legacy(pod, server)
    lines = pod.console(output="tsv").output.splitlines()
    assert lines[0] == "#pgkeep-list 1"
    assert lines[1] == COLUMNS.replace(" ", "\t")
    disk = lines[-1].split(" ")
    assert disk[0] == "#disk"
    assert len(disk) == 4
    assert all(number.isdigit() for number in disk[1:])
    rows = [dict(zip(COLUMNS.split(), line.split("\t"), strict=True)) for line in lines[2:-1]]
    assert [row["name"] for row in rows] == [
        backup.name,
        "backup-20240229-030405.sql.gz",
        "backup-20200101-000000",
    ]
    summary = dict(
        line.split("=", 1) for line in (backup / "summary").read_text(encoding="utf-8").splitlines()
    )
    for column in (
        "created",
        "duration_seconds",
        "backup_bytes",
        "database",
        "format",
        "server_version",
    ):
        assert rows[0][column] == summary[column]
    assert (rows[0]["tables"], rows[0]["rows"], rows[0]["large_objects"]) == ("5", "4903", "2")
    assert rows[0]["status"] == "verified"
    assert rows[0]["path"] == str(backup)
    assert rows[1] == dict.fromkeys(COLUMNS.split(), "-") | {
        "name": legacy.name,
        "status": "unverified",
        "created": "2024-02-29T03:04:05Z",
        "backup_bytes": str(legacy.stat().st_size),
        "format": "plain",
        "path": str(legacy),
        "kept": "unverified backups are never deleted",
    }


def test_the_list_for_people_names_the_latest(pod: Pod, backup: Path) -> None:
    clone_backup(backup, "backup-20200101-000000")
    result = pod.console()
    assert result.code == 0
    (latest,) = [line for line in result.output.splitlines() if "(latest)" in line]
    assert backup.name in latest
    assert "free of" in result.output


def test_an_empty_volume_is_told_kindly(pod: Pod) -> None:
    result = pod.console()
    assert result.code == 0
    assert "no backups yet" in result.output
    assert pod.listed() == []
    assert "no backups yet" in pod.console("verify", "all").output
    assert "there is no verified backup" in pod.console("verify", "latest").explained()


def test_other_files_on_the_volume_are_no_backups(pod: Pod) -> None:
    (pod.volume / "backup-2024").mkdir()
    (pod.volume / "backup-20240101-000000.txt").write_text("x", encoding="utf-8")
    (pod.volume / "lost+found").mkdir()
    (pod.volume / ".staging").mkdir()
    (pod.volume / ".staging/backup-20240101-000000").mkdir()
    assert pod.listed() == []


def test_show_prints_the_summary(pod: Pod, backup: Path) -> None:
    result = pod.console("show", "latest", "tsv")
    assert result.code == 0
    lines = result.output.splitlines()
    assert lines[0] == "#pgkeep-show 1"
    assert lines[1:-6] == (backup / "summary").read_text(encoding="utf-8").splitlines()
    assert lines[-6:] == [
        "status=verified",
        f"path={backup}",
        "flags=-",
        "kept=the newest verified",
        "suspicion=-",
        "damage=-",
    ]
    assert "4903" in pod.console("show", backup.name).output


def test_show_tells_what_is_known_of_a_legacy_file(pod: Pod, server: Server) -> None:
    legacy = make_legacy(pod, server)
    by_path = pod.console("show", f"/backups/{legacy.name}", "tsv")
    assert "status=unverified" in by_path.output
    assert "created=2024-02-29T03:04:05Z" in by_path.output


def test_an_unknown_name_says_how_to_list(pod: Pod) -> None:
    for command in ("show", "verify"):
        result = pod.console(command, "backup-20010101-000000")
        assert result.code == 1
        assert "list-backups" in result.explained()


def test_a_value_with_line_breaks_stays_on_its_line(pod: Pod, server: Server) -> None:
    pod.database = "line\nbreak\ttab"
    server.psql("postgres", f'CREATE DATABASE "{pod.database}"')
    try:
        pod.good_backup()
        (row,) = pod.listed()
        assert row["database"] == r"line\nbreak\ttab"
    finally:
        server.psql("postgres", f'DROP DATABASE "{pod.database}"')


def flip_a_bit(backup: Path) -> None:
    path = dump_file(backup)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)


def cut(backup: Path) -> None:
    path = dump_file(backup)
    path.write_bytes(path.read_bytes()[:-5])


def append(backup: Path) -> None:
    path = dump_file(backup)
    path.write_bytes(path.read_bytes() + b"\0")


def remove(backup: Path) -> None:
    dump_file(backup).unlink()


def empty(backup: Path) -> None:
    dump_file(backup).write_bytes(b"")


def add(backup: Path) -> None:
    (backup / "extra").write_text("x", encoding="utf-8")


def add_link(backup: Path) -> None:
    (backup / "link").symlink_to("/etc/passwd")


def change_facts(backup: Path) -> None:
    path = backup / "manifest.json"
    path.write_text(path.read_text(encoding="utf-8").replace("4903", "4904"), encoding="utf-8")


def cut_hashes(backup: Path) -> None:
    path = backup / "SHA256SUMS"
    path.write_text(
        "".join(path.read_text(encoding="utf-8").splitlines(keepends=True)[:-1]), encoding="utf-8"
    )


def empty_hashes(backup: Path) -> None:
    (backup / "SHA256SUMS").write_text("", encoding="utf-8")


def swap_two(backup: Path) -> None:
    one, other = backup / "globals.sql", dump_file(backup)
    content = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(content)


def hide_with_new_hashes(backup: Path) -> None:
    """Damage under right hashes: only reading finds it."""
    path = dump_file(backup)
    path.write_bytes(path.read_bytes()[:-20])
    rehash(backup)


def cut_before_compression(backup: Path) -> None:
    """A whole gzip stream of half a dump, with right hashes."""
    path = dump_file(backup)
    text = gzip.decompress(path.read_bytes())
    if path.name.endswith(".sql.gz"):
        path.write_bytes(gzip.compress(text[: len(text) // 2]))
    else:
        path.unlink()
    rehash(backup)


DAMAGES: list[Callable[[Path], None]] = [
    flip_a_bit,
    cut,
    append,
    remove,
    empty,
    add,
    add_link,
    change_facts,
    cut_hashes,
    empty_hashes,
    swap_two,
    hide_with_new_hashes,
    cut_before_compression,
]


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_damage_is_found_marked_and_never_latest(
    pod: Pod, backup: Path, damage: Callable[[Path], None]
) -> None:
    older = clone_backup(backup, "backup-20200101-000000")
    damage(backup)
    result = pod.console("verify", "all")
    assert result.code == 1
    assert backup.name in result.explained()
    assert f"✓ {older.name}" in result.output
    assert f"✗ {backup.name}" in result.output
    assert [(row["name"], row["status"]) for row in pod.listed()] == [
        (backup.name, "damaged"),
        (older.name, "verified"),
    ]
    assert f"name={older.name}" in pod.console("show", "latest", "tsv").output
    assert (
        json.loads((pod.volume / ".records/verifications.jsonl").read_text().splitlines()[0])[
            "result"
        ]
        == "damaged"
    )


def test_a_backup_under_the_name_of_another_is_damage(pod: Pod, backup: Path) -> None:
    backup.rename(pod.volume / "backup-20990101-000000")
    result = pod.console("verify", "all")
    assert result.code == 1
    assert f"it is a copy of {backup.name} under another name" in result.output


def test_dumps_swapped_between_two_backups_are_found(pod: Pod, made: dict[str, Path]) -> None:
    one = place(pod, made["directory"])
    other = clone_backup(one, "backup-20200101-000000")
    for number, name in enumerate(("globals.sql", "manifest.json")):
        a, b = one / name, other / name
        a.write_text(a.read_text(encoding="utf-8") + "\n" * number, encoding="utf-8")
        kept = a.read_bytes()
        a.write_bytes(b.read_bytes())
        b.write_bytes(kept)
    result = pod.console("verify", "all")
    assert "✓" not in result.output
    assert "changed: " in result.output


def test_a_repaired_backup_is_verified_again(pod: Pod, backup: Path) -> None:
    path = dump_file(backup)
    content = path.read_bytes()
    path.write_bytes(content[:-1])
    assert pod.console("verify", backup.name).code == 1
    assert "damaged" in pod.console("show", backup.name).output
    path.write_bytes(content)
    result = pod.console("verify", backup.name)
    assert result.code == 0
    assert f"✓ {backup.name}" in result.output
    assert pod.listed()[0]["status"] == "verified"


def test_a_legacy_file_is_read_but_stays_unverified(pod: Pod, server: Server) -> None:
    legacy = make_legacy(pod, server)
    result = pod.console("verify", legacy.name)
    assert result.code == 0
    assert "there are no hashes" in result.output
    legacy.write_bytes(gzip.compress(gzip.decompress(legacy.read_bytes())[:-400]))
    cut_one = pod.console("verify", legacy.name)
    assert cut_one.code == 1
    assert "its end marker is missing" in cut_one.output
    assert pod.listed()[0]["status"] == "unverified"


@pytest.mark.parametrize(
    ("name", "value"),
    [("CONSOLE_COMMAND", "delete"), ("CONSOLE_OUTPUT", "json"), ("CONSOLE_BACKUP", "")],
)
def test_a_bad_parameter_is_refused(pod: Pod, name: str, value: str) -> None:
    result = pod.run("console/main.sh", **{name: value})
    assert result.code == 2
    assert name in result.explained()


def test_a_volume_that_is_not_mounted_is_named(pod: Pod) -> None:
    pod.volume.rmdir()
    assert "is not mounted" in pod.console().explained()

"""The rooms of scripts/: which ConfigMaps there are, and which of them a pod mounts."""

from collections.abc import Mapping
from pathlib import Path

import pulumi
import pytest

from components import scripts
from components.scripts import LARGEST, ScriptRooms, ScriptRoomsArgs, Scripts, read_scripts
from tests.unit.support import (
    CRON_JOB,
    SCRIPTS,
    changed_script,
    load,
    of_type,
    pod_spec,
    run_component,
    run_stack,
    scripts_of,
)
from tools.render import Captured, Json

ENTRIES = {
    "postgres-backup": "backup/all.sh",
    "postgres-backup-console": "console/main.sh",
    "postgres-restore": "restore/main.sh",
}
House = Mapping[str, Mapping[str, str]]


def house(**rooms: dict[str, str]) -> Scripts:
    return Scripts(rooms=rooms)


def declared(rooms: House) -> Captured:
    args = ScriptRoomsArgs(instance="test", namespace="n", scripts=Scripts(rooms=rooms))
    return run_component(lambda: ScriptRooms("s", args))


def by_room(rooms: House) -> dict[str, Json]:
    return {one.name.removeprefix("s-"): one.inputs for one in scripts_of(declared(rooms))}


def mounts(manifest: Json) -> dict[str, tuple[str, str]]:
    """The ConfigMap and the mount of each room, by the name of its volume."""
    spec = pod_spec(manifest)
    [container] = spec["containers"]
    paths = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    return {
        volume["name"]: (volume["configMap"]["name"], paths[volume["name"]])
        for volume in spec["volumes"]
        if "configMap" in volume
    }


def test_a_room_is_an_immutable_config_map_named_by_its_content() -> None:
    found = by_room(SCRIPTS)
    assert found.keys() == SCRIPTS.keys()
    for room, manifest in found.items():
        assert manifest["data"] == SCRIPTS[room]
        assert manifest["immutable"] is True
        prefix, _, digest = manifest["metadata"]["name"].rpartition("-")
        assert prefix == f"postgres-backup-scripts-{room}"
        assert len(digest) == 10


def test_the_name_tells_contents_and_names_of_files_apart() -> None:
    def name(files: dict[str, str]) -> str:
        return str(by_room({"core": files})["core"]["metadata"]["name"])

    contents = [
        {"a.sh": "1"},
        {"a.sh": "2"},
        {"b.sh": "1"},
        {"a.sh": "1", "b.sh": ""},
        {"a.sh": ""},
    ]
    assert len({name(files) for files in contents}) == len(contents)
    assert name({"a.sh": "1", "b.sh": "2"}) == name({"b.sh": "2", "a.sh": "1"})


def test_a_room_that_is_replaced_stays_in_the_cluster_for_the_jobs_that_name_it() -> None:
    assert all(one.request.retainOnDelete for one in scripts_of(declared(SCRIPTS)))


def test_a_changed_script_replaces_one_config_map_and_touches_only_the_pods_that_mount_it() -> None:
    before = run_stack(load())
    after = run_stack(load(), changed_script("facts", "contents.sql", "SELECT 2;\n"))
    old = {one.urn: one for one in before.resources}
    new = {one.urn: one for one in after.resources}
    assert old.keys() == new.keys(), "another URN is another object"
    changed = {new[urn].name for urn in old if old[urn].inputs != new[urn].inputs}
    assert changed == {"pgkeep-scripts-facts", "pgkeep-backup-cronjob", "pgkeep-restore-cronjob"}


def test_the_new_config_map_is_made_before_the_old_one_goes() -> None:
    before = by_room(SCRIPTS)["core"]
    [after] = [
        one
        for one in scripts_of(declared(changed_script("core", "more.sql", "SELECT 1;\n")))
        if one.name == "s-core"
    ]
    # The provider deletes first only where the name stays the same, or where it is told to.
    assert before["metadata"]["name"] != after.inputs["metadata"]["name"]
    assert not after.request.deleteBeforeReplace


def test_the_pods_mount_the_very_config_maps_that_were_declared_below_one_folder() -> None:
    captured = run_stack(load())
    declared_as = {
        one.name.removeprefix("pgkeep-"): one.inputs["metadata"]["name"]
        for one in scripts_of(captured)
    }
    for one in of_type(captured, CRON_JOB):
        found = mounts(one.inputs)
        assert found
        for volume, (config_map, path) in found.items():
            assert config_map == declared_as[volume]
            assert path == f"/opt/pgkeep/{volume.removeprefix('scripts-')}"
        [container] = pod_spec(one.inputs)["containers"]
        assert all(
            mount["readOnly"] for mount in container["volumeMounts"] if mount["name"] in found
        )
        assert container["command"] == [
            "bash",
            f"/opt/pgkeep/{ENTRIES[one.inputs['metadata']['name']]}",
        ]


def test_a_pod_mounts_the_rooms_that_its_entry_reaches_and_no_others() -> None:
    captured = run_stack(load())
    found = {
        one.inputs["metadata"]["name"]: set(mounts(one.inputs))
        for one in of_type(captured, CRON_JOB)
    }
    assert found == {
        "postgres-backup": {"scripts-backup", "scripts-core", "scripts-facts"},
        "postgres-backup-console": {"scripts-console", "scripts-core"},
        "postgres-restore": {"scripts-backup", "scripts-core", "scripts-facts", "scripts-restore"},
    }


@pytest.mark.parametrize(
    "line",
    [
        'source "$SCRIPTS/other/file.sh"',
        'bash "$SCRIPTS/other/file.sh"',
        'DATABASE_NAME=$1 exec timeout 5 bash "$SCRIPTS/other/file.sh"',
        'awk -v a=b -f "$SCRIPTS/other/file.awk" "$WORK/list"',
        'psql_on x -f "${SCRIPTS}/other/file.sql"',
        'query "$DATABASE_NAME" other/file.sql',
        "query postgres other/file.sql -v a=b",
    ],
)
def test_every_way_to_name_a_file_leads_into_its_room(line: str) -> None:
    files = {f"file.{suffix}": "" for suffix in ("sh", "sql", "awk")}
    assert house(own={"main.sh": line}, other=files).rooms_of("own/main.sh") == ("other", "own")


@pytest.mark.parametrize(
    "line",
    [
        '# source "$SCRIPTS/other/file.sh"',
        "  # shellcheck source=other/file.sh",
        "note 'look into other/file.sh'",
        'sort "$WORK/other/file.sql"',
        "note 'a file of yours, such as my/own.sql'",
    ],
)
def test_a_word_about_a_file_leads_nowhere(line: str) -> None:
    files = {"file.sh": "", "file.sql": ""}
    assert house(own={"main.sh": line}, other=files).rooms_of("own/main.sh") == ("own",)


def test_it_is_the_files_that_are_followed_and_not_their_rooms() -> None:
    found = house(
        own={"main.sh": 'source "$SCRIPTS/middle/small.sh"\n'},
        middle={"small.sh": "", "large.sh": 'source "$SCRIPTS/far/file.sh"\n'},
        far={"file.sh": ""},
    )
    assert found.rooms_of("own/main.sh") == ("middle", "own")
    assert found.rooms_of("middle/large.sh") == ("far", "middle")


def test_files_that_name_each_other_are_followed_once() -> None:
    found = house(
        one={"a.sh": 'source "$SCRIPTS/two/b.sh"\n'}, two={"b.sh": 'bash "$SCRIPTS/one/a.sh"\n'}
    )
    assert found.rooms_of("one/a.sh") == ("one", "two")


def test_what_psql_includes_is_followed_from_where_it_lies() -> None:
    found = house(
        own={
            "main.sh": "query x own/a.sql\n",
            "a.sql": "\\ir b.sql\n",
            "b.sql": "\\ir ../far/c.sql\n",
        },
        far={"c.sql": ""},
    )
    assert found.rooms_of("own/main.sh") == ("far", "own")


@pytest.mark.parametrize(
    ("rooms", "words"),
    [
        ({}, "scripts/own/main.sh is not there, and a pod begins with it"),
        (
            {"own": {"main.sh": 'source "$SCRIPTS/core/log.sh"'}},
            "scripts/own/main.sh names core/log.sh, which is not there",
        ),
        (
            {"own": {"main.sh": "query x own/gone.sql"}},
            "scripts/own/main.sh names own/gone.sql, which is not there",
        ),
        (
            {"own": {"main.sh": "query x own/a.sql", "a.sql": "\\ir ../core/b.sql\n"}},
            "scripts/own/a.sql names core/b.sql, which is not there",
        ),
    ],
)
def test_a_file_that_is_not_there_is_refused(rooms: House, words: str) -> None:
    with pytest.raises(pulumi.RunError, match=words):
        Scripts(rooms=rooms).rooms_of("own/main.sh")


@pytest.mark.parametrize("room", ["Core", "core room", "1core", "core-", "c", "x" * 60])
def test_a_folder_whose_name_no_object_could_have_is_refused(room: str) -> None:
    with pytest.raises(pulumi.RunError, match="a room's name is"):
        Scripts(rooms={room: {"a.sh": ""}})


def test_lines_that_end_in_cr_lf_are_refused() -> None:
    with pytest.raises(pulumi.RunError, match=r"scripts/core/dos\.sh: lines end in CR LF"):
        house(core={"dos.sh": "echo\r\n"})


def test_a_room_that_kubectl_apply_could_not_send_is_refused() -> None:
    def size(length: int) -> int:
        [manifest] = by_room({"core": {"a.sql": "<" * length}}).values()
        return scripts.applied_bytes(manifest)

    # Each "<" is written in six bytes.
    fits = (LARGEST - size(0)) // 6
    assert LARGEST - 6 < size(fits) <= LARGEST
    with pytest.raises(pulumi.RunError, match=r"scripts/core has \d+ bytes .* takes 262144"):
        declared({"core": {"a.sql": "<" * (fits + 1)}})


def test_the_annotation_is_as_kubectl_writes_it() -> None:
    # kubectl create configmap x --from-file=f.sh --save-config --dry-run=client -o json
    key = "kubectl.kubernetes.io/last-applied-configuration"
    written = (
        r'{"apiVersion":"v1","kind":"ConfigMap","metadata":{"annotations":{},"name":"x"},'
        r'"data":{"f.sh":"a \u003cb\u003e \u0026\u0026 \"c\" \\n ü\tx\n"}}'
        "\n"
    )
    manifest = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "x"},
        "data": {"f.sh": 'a <b> && "c" \\n ü\tx\n'},
    }
    assert scripts.applied_bytes(manifest) == len(key) + len(written.encode())


def test_a_folder_is_read_byte_for_byte_and_only_scripts_make_it_a_room(tmp_path: Path) -> None:
    for path, text in {
        "core/log.sh": "ü\n",
        "core/.hidden.sh": "",
        "core/notes.md": "",
        "facts/facts.sql": "",
        "front-door.sh": "",
        ".hidden/a.sh": "",
        "empty/README.md": "",
    }.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-8")
    assert read_scripts(tmp_path).rooms == {"core": {"log.sh": "ü\n"}, "facts": {"facts.sql": ""}}


def test_every_shipped_room_fits_and_is_mounted_by_a_pod() -> None:
    shipped = read_scripts()
    for room, files in shipped.rooms.items():
        for name, text in files.items():
            assert text.encode() == (scripts.DIRECTORY / room / name).read_bytes()
    assert by_room(shipped.rooms).keys() == shipped.rooms.keys(), "a larger one would be refused"
    mounted = set[str]().union(*(shipped.rooms_of(entry) for entry in ENTRIES.values()))
    assert mounted == shipped.rooms.keys()


def test_the_consoles_pod_holds_no_line_that_talks_to_a_database() -> None:
    # It reads dumps to verify them, which needs no server.
    assert not {"server", "load", "facts", "restore", "tables", "backup"} & set(
        read_scripts().rooms_of(ENTRIES["postgres-backup-console"])
    )

"""ScriptRooms: what runs in pods, a folder of scripts/ at a time.

A room is a folder, a ConfigMap and a mount. The ConfigMap is immutable and named by its content: a
changed script is a new one, made before the CronJobs are pointed to it, and a run never mounts two
versions of a room. Which rooms a pod mounts follows from the files that its entry names, and
stands nowhere else.
"""

import hashlib
import json
import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pulumi
import pulumi_kubernetes as k8s

from components import names

DIRECTORY = Path(__file__).resolve().parent.parent / "scripts"
_SUFFIXES = frozenset((".sh", ".sql", ".awk"))
# `kubectl apply` writes the whole object into this annotation; more than the limit for all of an
# object's annotations is refused: TotalAnnotationSizeLimitB in Kubernetes'
# staging/src/k8s.io/apimachinery/pkg/api/validation/objectmeta.go.
_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
LARGEST = 256 * 1024
# The name becomes part of those of a ConfigMap and a volume.
_ROOM = re.compile(r"[a-z][a-z0-9-]{0,40}[a-z0-9]", re.ASCII)

_PATH = r"([a-z][a-z0-9-]*)/([a-z][a-z0-9.-]*\.(?:{}))\b"
# source "$SCRIPTS/core/log.sh", bash "$SCRIPTS/backup/one.sh", awk -f "$SCRIPTS/backup/anomaly.awk"
_BY_ROOT = re.compile(r"\$\{?SCRIPTS\}?/" + _PATH.format("sh|sql|awk"))
# query "$DATABASE_NAME" facts/facts.sql
_BY_NAME = re.compile(r"(?<![\w/.$}-])" + _PATH.format("sql|awk"))
# \ir contents.sql, \ir ../facts/contents.sql
_BY_PSQL = re.compile(r"^\s*\\ir\s+(\S+)", re.MULTILINE)
_COMMENT = re.compile(r"^\s*#.*$", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Scripts:
    """All rooms: by their names, the files by theirs."""

    rooms: Mapping[str, Mapping[str, str]]

    def __post_init__(self) -> None:
        """Refuses what no pod could run."""
        for room in self.rooms:
            if not _ROOM.fullmatch(room):
                raise pulumi.RunError(
                    f"scripts/{room}: a room's name is 2 to 42 lower case letters, digits and -,"
                    " and begins with a letter"
                )
        foreign = [path for path, text in self._files.items() if "\r" in text]
        if foreign:
            raise pulumi.RunError(
                f"scripts/{', scripts/'.join(foreign)}: lines end in CR LF, which bash takes as"
                " part of each word. Mend it: git config core.autocrlf false, and check the files"
                " out again"
            )

    @cached_property
    def _files(self) -> dict[str, str]:
        return {
            f"{room}/{name}": text
            for room, files in self.rooms.items()
            for name, text in files.items()
        }

    def rooms_of(self, entry: str) -> tuple[str, ...]:
        """Returns the rooms of all files that a program reaches, by name.

        Args:
            entry: The file it begins with, as room/file.sh.

        Raises:
            pulumi.RunError: It, or a file that one of them names, is not there.
        """
        if entry not in self._files:
            raise pulumi.RunError(f"scripts/{entry} is not there, and a pod begins with it.")
        reached, left = {entry}, [entry]
        while left:
            path = left.pop()
            for named in self._named_by(path):
                if named not in self._files:
                    raise pulumi.RunError(f"scripts/{path} names {named}, which is not there.")
                if named not in reached:
                    reached.add(named)
                    left.append(named)
        return tuple(sorted({path.partition("/")[0] for path in reached}))

    def _named_by(self, path: str) -> Iterator[str]:
        text = self._files[path]
        if path.endswith(".sql"):
            for relative in _BY_PSQL.findall(text):
                yield posixpath.normpath(posixpath.join(posixpath.dirname(path), relative))
            return
        code = _COMMENT.sub("", text)
        yield from map("/".join, _BY_ROOT.findall(code))
        # What looks like a path in a text for a reader is none of ours without the room.
        yield from (f"{room}/{name}" for room, name in _BY_NAME.findall(code) if room in self.rooms)


def read_scripts(directory: Path = DIRECTORY) -> Scripts:
    """Reads every room, byte for byte; a hidden folder and one without scripts is none."""
    rooms = {
        folder.name: {
            # Not read_text: it would turn CR LF into LF without a word.
            path.name: path.read_bytes().decode()
            for path in sorted(folder.iterdir())
            if path.suffix in _SUFFIXES and not path.name.startswith(".")
        }
        for folder in sorted(directory.iterdir())
        if folder.is_dir() and not folder.name.startswith(".")
    }
    return Scripts(rooms={name: files for name, files in rooms.items() if files})


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptRoomsArgs:
    """Inputs of ScriptRooms."""

    instance: str
    namespace: str
    scripts: Scripts


class ScriptRooms(pulumi.ComponentResource):
    """An immutable ConfigMap for each room."""

    config_maps: Mapping[str, pulumi.Output[str]]
    """Name of the ConfigMap of each room."""

    def __init__(
        self, name: str, args: ScriptRoomsArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Declares the ConfigMaps."""
        super().__init__("pgkeep:index:ScriptRooms", name, None, opts)
        self._args = args
        self.config_maps = {
            room: self._config_map(f"{name}-{room}", room) for room in args.scripts.rooms
        }
        self.register_outputs({"config_maps": self.config_maps})

    def mounted_by(self, entry: str) -> dict[str, pulumi.Output[str]]:
        """Returns the rooms that a pod needs which begins with this file, and their ConfigMaps."""
        return {room: self.config_maps[room] for room in self._args.scripts.rooms_of(entry)}

    def _config_map(self, resource_name: str, room: str) -> pulumi.Output[str]:
        files = self._args.scripts.rooms[room]
        manifest: dict[str, Any] = {
            "metadata": {
                "name": f"{names.SCRIPTS}-{room}-{_digest(files)}",
                "namespace": self._args.namespace,
                "labels": names.labels(self._args.instance, "scripts"),
            },
            "data": dict(files),
            "immutable": True,
        }
        size = applied_bytes({"apiVersion": "v1", "kind": "ConfigMap", **manifest})
        if size > LARGEST:
            raise pulumi.RunError(
                f"scripts/{room} has {size} bytes as kubectl apply writes them into an annotation;"
                f" the API server takes {LARGEST}. Divide the room."
            )
        config_map = k8s.core.v1.ConfigMap(
            resource_name,
            metadata=k8s.meta.v1.ObjectMetaArgs(**manifest["metadata"]),
            data=manifest["data"],
            immutable=True,
            opts=pulumi.ResourceOptions(
                parent=self,
                # A Job that began before an update names the old ConfigMap until it ends, and needs
                # it when its pod is evicted and made again. docs/BACKUP_RESTORE.md says how those
                # go that nothing names any more.
                retain_on_delete=True,
            ),
        )
        return config_map.metadata["name"]


def _digest(files: Mapping[str, str]) -> str:
    """A hash over names and contents; the lengths keep one file from reading like two."""
    sha = hashlib.sha256()
    for name, text in sorted(files.items()):
        content = text.encode()
        sha.update(f"{name} {len(content)}\n".encode() + content)
    return sha.hexdigest()[:10]


def applied_bytes(manifest: Mapping[str, Any]) -> int:
    """Returns the bytes of the annotation that `kubectl apply` adds to an object."""
    metadata: dict[str, Any] = {"annotations": {}, **manifest["metadata"]}
    text = json.dumps({**manifest, "metadata": metadata}, separators=(",", ":"), ensure_ascii=False)
    # Go's encoder writes these three so that HTML may hold them, and ends the text with a newline.
    escaped = re.sub("[<>&]", lambda found: f"\\u{ord(found[0]):04x}", text)
    return len(_APPLIED) + len(escaped.encode()) + 1

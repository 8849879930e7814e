"""The scripts as one immutable ConfigMap, named by its content.

A changed script is a new ConfigMap, made before the CronJobs are pointed to it: a run never mounts
scripts of two versions. What the scripts say is no concern of this file; it reads them as they are.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pulumi
import pulumi_kubernetes as k8s

from components import names

DIRECTORY = Path(__file__).resolve().parent.parent / "scripts"
_SUFFIXES = frozenset((".sh", ".sql", ".awk"))
# What each CronJob starts, and what backups.sh runs for each database. Without one of them a pod
# could only fail.
_ENTRY_POINTS = ("backups.sh", "backup.sh", "console.sh", "restore.sh")
# The API server's limit for the data of one ConfigMap.
_LARGEST = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptBundle:
    """The files that are mounted into the pods, by name."""

    files: Mapping[str, str]

    def __post_init__(self) -> None:
        """Refuses what no pod could run."""
        missing = [name for name in _ENTRY_POINTS if name not in self.files]
        if missing:
            raise pulumi.RunError(f"The folder scripts/ has no {', '.join(missing)}.")
        foreign = [name for name, text in self.files.items() if "\r" in text]
        if foreign:
            raise pulumi.RunError(
                f"{', '.join(foreign)}: lines end in CR LF, which bash takes as part of each word."
                " Mend it: git config core.autocrlf false, and check the files out again"
            )
        size = sum(len(name) + len(text.encode()) for name, text in self.files.items())
        if size >= _LARGEST:
            raise pulumi.RunError(
                f"The scripts have {size} bytes; a ConfigMap holds less than {_LARGEST}."
            )

    @property
    def digest(self) -> str:
        """A hash over names and contents; the lengths keep one file from reading like two."""
        sha = hashlib.sha256()
        for name, text in sorted(self.files.items()):
            content = text.encode()
            sha.update(f"{name} {len(content)}\n".encode() + content)
        return sha.hexdigest()[:10]


def read_scripts(directory: Path = DIRECTORY) -> ScriptBundle:
    """Reads every script of the folder, byte for byte."""
    return ScriptBundle(
        files={
            # Not read_text: it would turn CR LF into LF without a word.
            path.name: path.read_bytes().decode()
            for path in sorted(directory.glob("*"))
            if path.suffix in _SUFFIXES
        }
    )


def script_config_map(
    resource_name: str,
    bundle: ScriptBundle,
    *,
    instance: str,
    namespace: pulumi.Input[str],
    opts: pulumi.ResourceOptions,
) -> k8s.core.v1.ConfigMap:
    """Declares the ConfigMap of a bundle."""
    return k8s.core.v1.ConfigMap(
        resource_name,
        metadata=k8s.meta.v1.ObjectMetaArgs(
            name=f"{names.SCRIPTS}-{bundle.digest}",
            namespace=namespace,
            labels=names.labels(instance, "scripts"),
        ),
        data=bundle.files,
        immutable=True,
        opts=opts,
    )

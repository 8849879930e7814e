"""The stack's outputs, pasted into a shell that has kubectl and nothing else of ours."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

from cluster import paths
from tests.cluster.support import FINGERPRINT, ROLE, Server, Stack


def paste(command: str, stack: Stack, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run an output in a shell that has kubectl and the system's tools, but not pgkeep."""
    tools = folder / "bin"
    tools.mkdir(exist_ok=True)
    if not (tools / "kubectl").exists():
        (tools / "kubectl").symlink_to(paths.kubectl_path())
    environment = {
        "PATH": os.pathsep.join([str(tools), "/usr/bin", "/bin"]),
        "HOME": str(folder),
        "KUBECONFIG": stack.namespace.environment["KUBECONFIG"],
    }
    return subprocess.run(
        ["sh", "-c", command], env=environment, capture_output=True, text=True, check=False
    )


def test_each_helper_command_works_with_nothing_but_kubectl(
    deploy: Callable[..., Stack], server: Server, database: str, tmp_path: Path
) -> None:
    stack = deploy()
    before = server.psql(FINGERPRINT, database=database)

    backup = paste(stack.outputs["runBackupCommand"], stack, tmp_path)
    assert backup.returncode == 0, backup.stdout + backup.stderr
    assert "✓" in backup.stdout

    listed = paste(stack.outputs["listBackupsCommand"], stack, tmp_path)
    assert listed.returncode == 0, listed.stdout + listed.stderr
    assert "backup-2" in listed.stdout

    server.psql("DROP TABLE orders CASCADE", database=database, role=ROLE)
    restored = paste(stack.outputs["restoreCommand"], stack, tmp_path)
    assert restored.returncode == 0, restored.stdout + restored.stderr
    assert server.psql(FINGERPRINT, database=database) == before

    logs = paste(stack.outputs["logsCommand"], stack, tmp_path)
    assert logs.returncode == 0, logs.stdout + logs.stderr
    assert "✓" in logs.stdout


def test_a_helper_command_fails_when_its_job_fails(
    deploy: Callable[..., Stack], tmp_path: Path
) -> None:
    stack = deploy(databaseName="nowhere")
    backup = paste(stack.outputs["runBackupCommand"], stack, tmp_path)
    assert backup.returncode != 0
    assert "CURE: " in backup.stdout

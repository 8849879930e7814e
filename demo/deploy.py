"""Brings the demo's parts into its namespace: the database, the application and the `dev` stack."""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path

import yaml

from cluster import paths
from demo.data import ROLE
from demo.terminal import DemoError, Terminal
from tools.render import render

HERE = Path(__file__).parent
ROOT = HERE.parent
STACK = "dev"


def namespace(terminal: Terminal) -> None:
    """Create the demo's namespace; a stack never does, because it takes the volume along."""
    terminal.run(terminal.kubectl("apply", "--filename", "demo/manifests/namespace.yaml"))


def credentials(terminal: Terminal) -> None:
    """Create the database's Secret with a random password, unless it is there already."""
    name = "postgres-credentials"
    if terminal.read(terminal.kubectl("get", "secret", name, "--ignore-not-found", "-o", "name")):
        return
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name},
        "stringData": {"username": ROLE, "password": secrets.token_urlsafe(24)},
    }
    # Through standard input: an argument would show the password in the list of processes.
    terminal.read(terminal.kubectl("create", "-f", "-"), stdin=json.dumps(secret))
    terminal.say(f"  made Secret {name} with a random password")


def scripts(terminal: Terminal) -> None:
    """Put the demo's own shell scripts into a ConfigMap."""
    data = {path.name: path.read_text(encoding="utf-8") for path in sorted(HERE.glob("*.sh"))}
    config_map = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "demo-scripts"},
        "data": data,
    }
    terminal.read(
        terminal.kubectl("apply", "--server-side", "-f", "-"), stdin=json.dumps(config_map)
    )


def database(terminal: Terminal) -> None:
    """Start the PostgreSQL server and wait until it answers."""
    terminal.run(terminal.kubectl("apply", "--filename", "demo/manifests/database.yaml"))
    terminal.run(terminal.kubectl("rollout", "status", "statefulset/postgres", "--timeout=5m"))


def application(terminal: Terminal) -> None:
    """Start the demo application and wait until both replicas read and write."""
    terminal.run(terminal.kubectl("apply", "--filename", "demo/manifests/application.yaml"))
    terminal.run(terminal.kubectl("rollout", "status", "deployment/flights-app", "--timeout=3m"))


def stack(terminal: Terminal) -> Mapping[str, str]:
    """Deploy the `dev` stack and return its outputs, by `pulumi up` where the CLI is installed.

    Raises:
        DemoError: A command failed.
    """
    storage_class = _storage_class(terminal)
    if shutil.which("pulumi"):
        return _pulumi_up(terminal, storage_class)
    terminal.say("  no Pulumi CLI on PATH: rendering the same program and applying its objects")
    return _render_and_apply(terminal, storage_class)


def _storage_class(terminal: Terminal) -> str:
    """Return the default StorageClass: a cluster of the user's may not have `local-path`."""
    classes = json.loads(terminal.read(terminal.kubectl("get", "storageclasses", "-o", "json")))
    default = "storageclass.kubernetes.io/is-default-class"
    names = [
        item["metadata"]["name"]
        for item in classes["items"]
        if item["metadata"].get("annotations", {}).get(default) == "true"
    ]
    if not names:
        raise DemoError("the cluster has no default StorageClass; mark one and try again")
    return names[0]


def _render_and_apply(terminal: Terminal, storage_class: str) -> Mapping[str, str]:
    paths.cache_dir().mkdir(parents=True, exist_ok=True)
    manifest = str(paths.cache_dir() / "demo-stack.yaml")
    setting = f"storageClass={storage_class}"
    terminal.run(
        ["python", "-m", "tools.render", "--stack", STACK, "--set", setting, "--output", manifest]
    )
    terminal.run(
        terminal.kubectl("apply", "--server-side", "--field-manager=pgkeep", "--filename", manifest)
    )
    return render(STACK, {"storageClass": storage_class}).outputs


def _pulumi_up(terminal: Terminal, storage_class: str) -> Mapping[str, str]:
    """Run `pulumi up` with a backend and a stack file of the demo's own."""
    state = paths.cache_dir() / "demo-pulumi"
    state.mkdir(parents=True, exist_ok=True)
    # A copy: what the demo sets for this cluster must not show up in the user's checkout.
    settings = yaml.safe_load((ROOT / f"Pulumi.{STACK}.yaml").read_text(encoding="utf-8"))
    settings["config"]["pgkeep:storageClass"] = storage_class
    if terminal.context:
        settings["config"]["kubernetes:context"] = terminal.context
        settings["config"]["kubernetes:clusterIdentifier"] = f"demo-{terminal.context}"
    config_file = state / f"Pulumi.{STACK}.yaml"
    config_file.write_text(yaml.safe_dump(settings, sort_keys=False), encoding="utf-8")
    extra = {
        "PULUMI_BACKEND_URL": state.as_uri(),
        # The stack has no secrets; the backend wants a passphrase all the same.
        "PULUMI_CONFIG_PASSPHRASE": "demo",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }
    terminal.run(["pulumi", "stack", "select", "--create", STACK], extra=extra)
    up = ["pulumi", "up", "--stack", STACK, "--config-file", str(config_file)]
    terminal.run([*up, "--yes", "--skip-preview"], extra=extra)
    return render(STACK, {"storageClass": storage_class}).outputs

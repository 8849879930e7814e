"""Kubernetes objects for the tests, as the API returns them, with only what the tool reads."""

from typing import Any


def cronjob(**changes: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "postgres-backup", "namespace": "shop", "uid": "uid-1"},
        "spec": {
            "jobTemplate": {
                "metadata": {
                    "labels": {"app": "postgres-backup"},
                    "annotations": {"from": "template"},
                },
                "spec": {
                    "backoffLimit": 0,
                    "template": {
                        "spec": {
                            "containers": [
                                {
                                    "name": "pgkeep",
                                    "env": [
                                        {"name": "NAMESPACE", "value": "shop"},
                                        {"name": "CONSOLE_COMMAND", "value": "list"},
                                    ],
                                }
                            ]
                        }
                    },
                },
            }
        },
    } | changes


def job(*conditions: dict[str, str], **status: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "postgres-backup-manual-x1"},
        "status": {"conditions": [{"status": "True", **one} for one in conditions], **status},
    }


def pod(
    name: str = "postgres-backup-manual-x1-abcde",
    *,
    phase: str = "Pending",
    state: dict[str, Any] | None = None,
    conditions: list[dict[str, str]] | None = None,
    owner: tuple[str, str] | None = None,
    container: str = "pgkeep",
) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": name, "creationTimestamp": "2026-11-23T02:00:00Z"}
    if owner:
        metadata["ownerReferences"] = [{"kind": owner[0], "name": owner[1]}]
    status: dict[str, Any] = {"phase": phase, "conditions": conditions or []}
    if state is not None:
        status["containerStatuses"] = [{"name": container, "state": state}]
    return {"metadata": metadata, "status": status}


def event(kind: str, name: str, reason: str, message: str) -> dict[str, Any]:
    return {
        "involvedObject": {"kind": kind, "name": name},
        "reason": reason,
        "message": message,
        "type": "Warning",
    }


def deployment(
    replicas: int | None = 2, *, noted: str | None = None, **status: Any
) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": "web", "resourceVersion": "41", "generation": 3}
    if noted is not None:
        metadata["annotations"] = {"pgkeep.dev/replicas-before-restore": noted}
    return {
        "metadata": metadata,
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": "web"}}},
        "status": status,
    }

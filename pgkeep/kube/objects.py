"""Careful reading of the API's JSON: what is absent or null reads as empty."""

from typing import Any

JsonObject = dict[str, Any]


def section(found: JsonObject, *keys: str) -> JsonObject:
    """Return the object at a path; empty when any part of the path is missing."""
    for key in keys:
        found = found.get(key) or {}
    return found


def entries(found: JsonObject, *keys: str) -> list[JsonObject]:
    """Return the list of objects at a path; empty when any part of the path is missing."""
    inner: Any = section(found, *keys[:-1]).get(keys[-1])
    return inner or []

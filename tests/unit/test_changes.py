"""What a change of settings or scripts does to objects that are there already.

The provider replaces an object, which is to delete and make it again, when one of a few fields
changes. The claim and the CronJobs must live through every ordinary change.
"""

from typing import Any

import pytest

from tests.unit.support import PVC, STACKS, changed_script, load, run_stack, the, told
from tools.render import Captured, Json, capture_stack, configuration

# Read from the provider's diff: besides name and namespace, which replace every kind.
REPLACING = {
    "PersistentVolumeClaim": (
        ("spec", "accessModes"),
        ("spec", "selector"),
        ("spec", "storageClassName"),
        ("spec", "volumeName"),
    ),
}
# An immutable ConfigMap is replaced always, another one unless the stack file says otherwise.
IMMUTABLE = (("data",), ("binaryData",), ("immutable",))


def replaced(before: Captured, after: Captured) -> set[str]:
    """The kinds of the objects that the provider would replace between two programs."""
    old = {one.urn: one for one in before.resources}
    new = {one.urn: one for one in after.resources}
    assert old.keys() == new.keys(), "another URN is another object: the old one is deleted"
    return {
        str(old[urn].inputs["kind"])
        for urn in old
        if "kind" in old[urn].inputs and _identity(old[urn].inputs) != _identity(new[urn].inputs)
    }


def _identity(manifest: Json) -> list[Any]:
    fields = (("metadata", "name"), ("metadata", "namespace"))
    more = IMMUTABLE if manifest.get("immutable") else REPLACING.get(manifest["kind"], ())
    return [_at(manifest, path) for path in (*fields, *more)]


def _at(manifest: Json, path: tuple[str, ...]) -> Any:
    found: Any = manifest
    for key in path:
        found = found.get(key, {})
    return found


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("retentionDays", "14"),
        ("retentionMinimum", "3"),
        ("retentionDaily", "7"),
        ("retentionWeekly", "4"),
        ("retentionMonthly", "12"),
        ("databaseName", "other"),
        ("owners", "false"),
        ("tableHashes", "true"),
        ("anomalyFactor", "5"),
        ("smokeQuery", "SELECT 1"),
        ("restoreKeepDays", "14"),
        ("databaseVolumeName", "data-postgres-0"),
        ("schedule", "30 3 * * 1-5"),
        ("timeZone", "Europe/Berlin"),
        ("suspend", "true"),
        ("image", "postgres:17-bookworm"),
        ("format", "plain"),
        ("compression", "gzip:9"),
        ("databaseHost", "other"),
        ("databaseSecret", "other"),
        ("applications", "[]"),
        ("volumeSize", "40Gi"),
        ("jobTtl", "1h"),
    ],
)
def test_an_ordinary_change_replaces_nothing(prod: Captured, key: str, value: str) -> None:
    changed = capture_stack("prod", {key: value})
    assert replaced(prod, changed) == set()
    manifests = [sorted(str(one.inputs) for one in run.resources) for run in (prod, changed)]
    assert manifests[0] != manifests[1], f"{key} changes nothing at all"


# What is nothing but a variable of the pods. The others are fields of CronJobs as well.
@pytest.mark.parametrize(
    ("key", "value", "name"),
    [
        ("retentionDays", "14", "RETENTION_DAYS"),
        ("retentionWeekly", "8", "RETENTION_WEEKLY"),
        ("tableHashes", "true", "BACKUP_TABLE_HASHES"),
        ("smokeQuery", "SELECT 1", "RESTORE_SMOKE_QUERY"),
        ("restoreKeepDays", "14", "RESTORE_KEEP_DAYS"),
        ("databaseHost", "other", "DATABASE_HOST"),
        ("databaseName", "other", "DATABASE_NAMES"),
    ],
)
def test_a_changed_setting_is_one_variable_of_one_object(
    prod: Captured, key: str, value: str, name: str
) -> None:
    changed = capture_stack("prod", {key: value})
    before, after = ({one.urn: one.inputs for one in run.resources} for run in (prod, changed))
    different = [after[urn] for urn in before if before[urn] != after[urn]]
    assert [one["kind"] for one in different if "kind" in one] == ["ConfigMap"]
    old, new = told(prod), told(changed)
    assert {one: new[one] for one in new if new[one] != old[one]} == {name: value}


@pytest.mark.parametrize("stack", STACKS)
def test_each_stack_file_lets_the_settings_be_changed_in_place(stack: str) -> None:
    # Without it the provider deletes the ConfigMap and makes it again: pods that start wait for it.
    assert configuration(stack)["kubernetes:enableConfigMapMutable"] == "true"


def test_from_one_database_to_several_replaces_nothing(prod: Captured) -> None:
    changed = capture_stack("prod", {"databaseName": "", "databases": '["a","b"]'})
    assert replaced(prod, changed) == set()


def test_a_changed_script_replaces_only_a_config_map() -> None:
    before = run_stack(load())
    after = run_stack(load(), changed_script("backup", "one.sh", "echo other\n"))
    assert replaced(before, after) == {"ConfigMap"}


@pytest.mark.parametrize(("key", "value"), [("storageClass", "fast"), ("volumeName", "other")])
def test_a_change_that_would_replace_the_claim_meets_its_protection(
    prod: Captured, key: str, value: str
) -> None:
    changed = capture_stack("prod", {key: value})
    assert replaced(prod, changed) == {"PersistentVolumeClaim"}
    assert the(changed, PVC).request.protect

"""The whole program, for each stack file: what it declares and exports, and what it never may."""

import json
import re
from typing import Any

import kubernetes_validate  # pyright: ignore[reportMissingTypeStubs]
import pulumi
import pytest

from components import names
from components.scripts import read_scripts
from components.settings import validation
from pgkeep import environment as contract
from tests.scripts.harness import REFUSED
from tests.unit.support import (
    CRON_JOB,
    PVC,
    cron_jobs,
    environment,
    objects,
    of_type,
    pod_spec,
    scripts_of,
    the,
    told,
)
from tools.render import Captured, RenderError, capture_stack

EXPECTED = {
    ("ServiceAccount", "postgres-backup"),
    ("ServiceAccount", "postgres-backup-console"),
    ("ServiceAccount", "postgres-restore"),
    ("Role", "pgkeep-operator"),
    ("ConfigMap", "postgres-backup-settings"),
    ("PersistentVolumeClaim", "backup-pvc"),
    ("CronJob", "postgres-backup"),
    ("CronJob", "postgres-backup-console"),
    ("CronJob", "postgres-restore"),
}
# The lists that the script tests run with: pods, contract and scripts cannot drift apart.
ENVIRONMENT = {
    names.BACKUP: contract.names(contract.PROGRAM, contract.CREDENTIALS),
    names.CONSOLE: contract.names(contract.PROGRAM, contract.CONSOLE),
    names.RESTORE: contract.names(contract.PROGRAM, contract.CREDENTIALS, contract.RESTORE),
}
SETTINGS = contract.names(contract.SETTINGS)

# What one script hands to another: backup/all.sh runs one.sh with one name of DATABASE_NAMES.
BETWEEN_SCRIPTS = {"DATABASE_NAME"}


def test_a_stack_declares_these_objects_and_no_others(program: Captured) -> None:
    scripts = [one.inputs for one in scripts_of(program)]
    found = {
        (one["kind"], one["metadata"]["name"]) for one in objects(program) if one not in scripts
    }
    assert found == EXPECTED
    assert len(scripts) == len(read_scripts().rooms)
    assert len(objects(program)) == len(EXPECTED) + len(scripts)


def test_every_urn_is_unique(program: Captured) -> None:
    urns = [one.urn for one in program.resources]
    assert len(urns) == len(set(urns)), "two resources of one name: the engine would refuse them"


def test_the_names_of_the_resources_stay_what_they_are(program: Captured) -> None:
    # A changed name is another URN: the engine makes a new object and deletes the old one.
    assert {one.name for one in program.resources} == {
        "pgkeep",
        "pgkeep-volume",
        "pgkeep-volume-claim",
        "pgkeep-access",
        "pgkeep-access-backup",
        "pgkeep-access-console",
        "pgkeep-access-restore",
        "pgkeep-access-operator",
        "pgkeep-scripts",
        *(f"pgkeep-scripts-{room}" for room in read_scripts().rooms),
        "pgkeep-settings",
        "pgkeep-settings-variables",
        "pgkeep-backup",
        "pgkeep-backup-cronjob",
        "pgkeep-console",
        "pgkeep-console-cronjob",
        "pgkeep-restore",
        "pgkeep-restore-cronjob",
    }


def test_every_resource_has_the_root_component_above_it(program: Captured) -> None:
    [root] = [one for one in program.resources if one.type == "pgkeep:index:PostgresBackup"]
    parents = {one.urn: str(one.request.parent) for one in program.resources}
    assert "pulumi:pulumi:Stack" in parents[root.urn]
    for urn in parents:
        above = urn
        while above != root.urn:
            assert above in parents, f"{urn} hangs outside the component"
            above = parents[above]


def test_children_take_the_name_of_their_component_as_prefix(program: Captured) -> None:
    by_urn = {one.urn: one for one in program.resources}
    for one in program.resources:
        if (parent := by_urn.get(str(one.request.parent))) is not None:
            assert one.name.startswith(f"{parent.name}-"), one.name


def test_component_types_follow_the_house(program: Captured) -> None:
    types = {one.type for one in program.resources if not one.type.startswith("kubernetes:")}
    assert types == {
        f"pgkeep:index:{noun}"
        for noun in (
            "PostgresBackup",
            "BackupVolume",
            "ScriptRooms",
            "StackSettings",
            "BackupSchedule",
            "Console",
            "RestoreTemplate",
            "Access",
        )
    }


def test_every_object_follows_the_schema_of_kubernetes(program: Captured) -> None:
    for one in objects(program):
        kubernetes_validate.validate(one, kubernetes_validate.latest_version(), strict=True)


def test_the_claim_is_protected_and_retained(program: Captured) -> None:
    claim = the(program, PVC).request
    assert claim.protect, "pulumi destroy would take the backups away"
    assert claim.retainOnDelete, "an unprotected claim would still go with the stack"
    assert not claim.deletedWith
    assert not claim.ignoreChanges


def test_each_cron_job_depends_on_the_claim(program: Captured) -> None:
    claim = the(program, PVC).urn
    for one in of_type(program, CRON_JOB):
        assert claim in one.request.dependencies, f"{one.name} could outlive the claim on destroy"


def test_only_the_claim_is_protected(program: Captured) -> None:
    protected = [one.type for one in program.resources if one.request.protect]
    assert protected == [PVC], "an object that is protected for no reason makes destroy a chore"


def test_the_labels_are_on_every_object_and_template(program: Captured) -> None:
    for one in objects(program):
        labels = one["metadata"]["labels"]
        assert labels["app.kubernetes.io/name"] == "pgkeep"
        assert labels["app.kubernetes.io/part-of"] == "pgkeep"
        assert labels["app.kubernetes.io/managed-by"] == "pulumi"
        assert labels["app.kubernetes.io/instance"] in ("dev", "prod")
        assert labels["app.kubernetes.io/component"] in {
            "backup",
            "console",
            "restore",
            "storage",
            "access",
            "scripts",
            "settings",
        }
    for one in cron_jobs(program):
        template = one["spec"]["jobTemplate"]
        assert one["metadata"]["labels"]["app"] == one["metadata"]["name"]
        assert template["metadata"]["labels"] == one["metadata"]["labels"]
        assert template["spec"]["template"]["metadata"]["labels"] == one["metadata"]["labels"]


def test_everything_is_in_the_namespace_of_the_settings(program: Captured) -> None:
    namespaces = {one["metadata"].get("namespace") for one in objects(program)}
    assert namespaces == {program.outputs["namespace"]}


def test_names_leave_room_for_what_kubernetes_appends(program: Captured) -> None:
    for one in objects(program):
        limit = 52 if one["kind"] == "CronJob" else 63
        assert len(one["metadata"]["name"]) <= limit, one["metadata"]["name"]


@pytest.mark.parametrize(
    "field",
    [
        "schedule",
        "timeZone",
        "concurrencyPolicy",
        "startingDeadlineSeconds",
        "suspend",
        "successfulJobsHistoryLimit",
        "failedJobsHistoryLimit",
    ],
)
def test_no_field_of_a_cron_job_is_left_to_a_default(program: Captured, field: str) -> None:
    for one in cron_jobs(program):
        assert field in one["spec"], f"{one['metadata']['name']} leaves {field} to the cluster"


def test_a_job_runs_once_within_its_time_and_goes_after_a_while(program: Captured) -> None:
    for one in cron_jobs(program):
        job = one["spec"]["jobTemplate"]["spec"]
        assert one["spec"]["concurrencyPolicy"] == "Forbid"
        assert job["backoffLimit"] == 0
        assert job["activeDeadlineSeconds"] > 0
        assert job["ttlSecondsAfterFinished"] > 0
        assert job["podFailurePolicy"] == {
            "rules": [
                {
                    "action": "Ignore",
                    "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}],
                }
            ]
        }
        assert pod_spec(one)["restartPolicy"] == "Never"


def test_console_and_restore_never_start_by_themselves(program: Captured) -> None:
    suspended = {one["metadata"]["name"]: one["spec"]["suspend"] for one in cron_jobs(program)}
    assert suspended == {names.BACKUP: False, names.CONSOLE: True, names.RESTORE: True}
    for one in cron_jobs(program):
        if one["spec"]["suspend"]:
            assert one["spec"]["schedule"] == "0 0 31 2 *", "resumed by mistake, it would start"


def test_every_pod_is_admitted_where_pod_security_is_restricted(program: Captured) -> None:
    for one in cron_jobs(program):
        spec = pod_spec(one)
        assert not {"hostNetwork", "hostPID", "hostIPC", "hostUsers"} & spec.keys()
        pod = spec["securityContext"]
        assert pod["runAsNonRoot"] is True
        assert pod["runAsUser"] > 0
        assert pod["seccompProfile"] == {"type": "RuntimeDefault"}
        allowed = {"configMap", "emptyDir", "persistentVolumeClaim", "secret"}
        for volume in spec["volumes"]:
            assert volume.keys() - {"name"} <= allowed, "restricted knows no other volumes"
        for container in [*spec["containers"], *spec.get("initContainers", [])]:
            security = container["securityContext"]
            assert security["allowPrivilegeEscalation"] is False
            assert security["capabilities"] == {"drop": ["ALL"]}
            assert security["readOnlyRootFilesystem"] is True
            assert security["privileged"] is False
            assert not any("hostPort" in port for port in container.get("ports", []))


def test_no_pod_gets_a_token_of_kubernetes(program: Captured) -> None:
    for one in cron_jobs(program):
        spec = pod_spec(one)
        assert spec["automountServiceAccountToken"] is False
        assert spec["enableServiceLinks"] is False
        assert spec["serviceAccountName"] == one["metadata"]["name"]
    for one in objects(program):
        if one["kind"] == "ServiceAccount":
            assert one["automountServiceAccountToken"] is False


def test_every_pod_asks_for_resources_and_has_limits(program: Captured) -> None:
    for one in cron_jobs(program):
        for container in pod_spec(one)["containers"]:
            for part in ("requests", "limits"):
                assert container["resources"][part].keys() == {"cpu", "memory"}


def test_every_image_is_pinned(program: Captured) -> None:
    for one in cron_jobs(program):
        for container in pod_spec(one)["containers"]:
            assert validation.image(container["image"]) == container["image"]


def test_a_failure_ends_with_its_log_as_the_message(program: Captured) -> None:
    for one in cron_jobs(program):
        [container] = pod_spec(one)["containers"]
        assert container["name"] == "pgkeep"
        assert container["terminationMessagePolicy"] == "FallbackToLogsOnError"
        assert pod_spec(one)["terminationGracePeriodSeconds"] == 30


def test_no_secret_is_declared_and_none_is_in_an_environment(program: Captured) -> None:
    for one in objects(program):
        assert one["kind"] != "Secret"
    for one in cron_jobs(program):
        [container] = pod_spec(one)["containers"]
        assert container["envFrom"] == [{"configMapRef": {"name": "postgres-backup-settings"}}]
        for variable in container["env"]:
            assert variable.keys() <= {"name", "value"}, f"{variable['name']} comes from elsewhere"
            _check_harmless(variable["name"], variable.get("value", ""))
    for name, value in told(program).items():
        _check_harmless(name, value)


def _check_harmless(name: str, value: str) -> None:
    credential = re.search("PASSW|TOKEN|CREDENTIAL|PGPASS", name)
    assert not credential or name in ("DATABASE_PASSWORD_KEY", "CREDENTIALS_DIRECTORY")
    assert "://" not in value, "a connection URL carries a password"


def test_no_value_is_marked_secret_because_none_is_known(program: Captured) -> None:
    # The signature by which Pulumi marks a secret on the wire.
    wire = json.dumps([one.inputs for one in program.resources])
    assert "4dabf18193072939515e22adb298388d" not in wire


def test_only_pods_that_talk_to_the_database_get_its_secret(program: Captured) -> None:
    for one in cron_jobs(program):
        mounted = {volume["name"]: volume for volume in pod_spec(one)["volumes"]}
        if one["metadata"]["name"] == names.CONSOLE:
            assert "credentials" not in mounted
            assert "CREDENTIALS_DIRECTORY" not in environment(one)
            continue
        assert mounted["credentials"]["secret"] == {
            "secretName": told(program)["DATABASE_SECRET"],
            "defaultMode": 0o440,
            "optional": True,
            "items": [
                {"key": "username", "path": "username"},
                {"key": "password", "path": "password"},
            ],
        }


@pytest.mark.parametrize("name", ENVIRONMENT)
def test_the_environment_is_what_the_contract_says(program: Captured, name: str) -> None:
    assert tuple(environment(the(program, CRON_JOB, name).inputs)) == ENVIRONMENT[name]
    assert tuple(sorted(told(program))) == tuple(sorted(SETTINGS))


def test_the_scripts_read_what_the_pods_are_given_and_nothing_else(program: Captured) -> None:
    read = set[str]()
    for one in scripts_of(program):
        read = read.union(*(_parameters(text) for text in one.inputs["data"].values()))
    given = set(SETTINGS).union(*ENVIRONMENT.values())
    assert read - BETWEEN_SCRIPTS - REFUSED <= given, "no pod has it"
    # HOME and TMPDIR are read by what the scripts start.
    assert given - read <= {"HOME", "TMPDIR"}, "no script reads it"


def _parameters(script: str) -> set[str]:
    """The variables that look like parameters, which share these beginnings and no others."""
    words = r"\$\{?((?:DATABASE|BACKUP|RETENTION|CONSOLE|RESTORE|CREDENTIALS|VOLUME)_[A-Z_]+)"
    code = re.sub(r"^\s*#.*$", "", script, flags=re.MULTILINE)
    return set(re.findall(words, code)) | set(re.findall(r"\$\{?(NAMESPACE)\b", code))


def test_the_mounts_are_where_the_scripts_look(program: Captured) -> None:
    for one in cron_jobs(program):
        [container] = pod_spec(one)["containers"]
        mounts = {mount["name"]: mount for mount in container["volumeMounts"]}
        paths = {name: mount["mountPath"] for name, mount in mounts.items()}
        assert paths["backups"] == environment(one)["BACKUP_DIRECTORY"] == "/backups"
        assert paths["temporary"] == environment(one)["TMPDIR"] == environment(one)["HOME"]
        if "credentials" in mounts:
            assert paths["credentials"] == environment(one)["CREDENTIALS_DIRECTORY"]
            assert mounts["credentials"]["readOnly"] is True
        assert mounts.keys() == {volume["name"] for volume in pod_spec(one)["volumes"]}


def test_the_outputs_name_what_was_declared(program: Captured) -> None:
    outputs = program.outputs
    assert set(outputs) == {
        "namespace",
        "backupCronJob",
        "consoleCronJob",
        "restoreCronJob",
        "volumeClaim",
        "runBackupCommand",
        "listBackupsCommand",
        "restoreCommand",
        "logsCommand",
    }
    kinds = {(one["kind"], one["metadata"]["name"]) for one in objects(program)}
    for output in ("backupCronJob", "consoleCronJob", "restoreCronJob"):
        assert ("CronJob", outputs[output]) in kinds
    assert ("PersistentVolumeClaim", outputs["volumeClaim"]) in kinds
    for name, value in outputs.items():
        assert isinstance(value, str), f"{name} is not resolved"


def test_prod_is_the_production_of_the_design(prod: Captured) -> None:
    backup = the(prod, CRON_JOB, names.BACKUP).inputs
    variables = told(prod)
    assert prod.outputs["namespace"] == "educard-prod"
    assert variables["DATABASE_HOST"] == "postgres-service"
    assert variables["DATABASE_NAMES"] == "educard_prod"
    assert variables["RETENTION_DAYS"] == "30"
    assert pod_spec(backup)["containers"][0]["image"] == "postgres:15-alpine"
    restore = the(prod, CRON_JOB, names.RESTORE).inputs
    assert variables["RESTORE_APPLICATIONS"] == "deployment/educard-app"
    assert environment(restore)["RESTORE_BACKUP"] == "", "a restore must never start by accident"


def test_wrong_settings_end_the_program_without_a_traceback() -> None:
    with pytest.raises(RenderError) as caught:
        capture_stack("prod", {"retentionDays": "0", "schedule": "99 * * * *", "image": "postgres"})
    cause: Any = caught.value.__cause__
    assert isinstance(cause, pulumi.RunError), "anything else prints a traceback in pulumi up"
    for key in ("retentionDays", "schedule", "image"):
        assert f"\n{key}: " in str(cause), "all wrong settings are told at once"


def test_the_programs_entry_stays_small(request: pytest.FixtureRequest) -> None:
    text = (request.config.rootpath / "__main__.py").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 60
    assert not re.search(r"^\s*(el)?if\b", text, re.MULTILINE)

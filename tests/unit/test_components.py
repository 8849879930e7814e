"""Each component by itself: the objects it declares from its inputs."""

import pulumi
import pytest

from components import names
from components.access import Access, AccessArgs
from components.settings.model import Settings
from components.stack_settings import StackSettings, StackSettingsArgs, variables
from components.storage import BackupVolume, BackupVolumeArgs
from components.workloads.backup import BackupSchedule, BackupScheduleArgs
from components.workloads.console import Console, ConsoleArgs
from components.workloads.pods import PodContext
from components.workloads.restore import RestoreTemplate, RestoreTemplateArgs
from pgkeep import environment as environment_contract
from tests.unit.support import (
    CONFIG_MAP,
    CRON_JOB,
    PVC,
    environment,
    load,
    of_type,
    pod_spec,
    run_component,
    run_stack,
    the,
)
from tools.render import Captured, Json


def context(settings: Settings) -> PodContext:
    return PodContext(
        instance="test",
        namespace="n",
        volume_claim=pulumi.Output.from_input("claim"),
        settings=pulumi.Output.from_input("settings"),
        rooms_of=lambda entry: {entry.partition("/")[0]: pulumi.Output.from_input("room")},
        image=settings.image,
        resources=settings.resources,
    )


def backup(settings: Settings) -> Captured:
    return run_component(
        lambda: BackupSchedule(
            "b",
            BackupScheduleArgs(
                context=context(settings),
                service_account="account",
                database=settings.database,
                schedule=settings.schedule,
                jobs=settings.jobs,
            ),
        )
    )


def console(settings: Settings) -> Captured:
    args = ConsoleArgs(
        context=context(settings),
        service_account="account",
        schedule=settings.schedule,
        jobs=settings.jobs,
    )
    return run_component(lambda: Console("c", args))


def restore(settings: Settings) -> Captured:
    args = RestoreTemplateArgs(
        context=context(settings),
        service_account="account",
        database=settings.database,
        schedule=settings.schedule,
        jobs=settings.jobs,
    )
    return run_component(lambda: RestoreTemplate("r", args))


def access(*applications: str) -> Captured:
    args = AccessArgs(instance="test", namespace="n", applications=applications)
    return run_component(lambda: Access("a", args))


def rules(*applications: str) -> list[Json]:
    return list(
        the(access(*applications), "kubernetes:rbac.authorization.k8s.io/v1:Role").inputs["rules"]
    )


def test_a_volume_is_a_claim_of_the_given_name_size_and_class() -> None:
    settings = load(volumeName="v", volumeSize="3Gi", storageClass="fast")
    args = BackupVolumeArgs(instance="test", namespace="n", volume=settings.volume)
    claim = the(run_component(lambda: BackupVolume("v", args)), PVC).inputs
    assert claim["metadata"]["name"] == "v", "a generated name would begin on an empty volume"
    assert claim["metadata"]["namespace"] == "n"
    assert claim["spec"] == {
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "fast",
        "resources": {"requests": {"storage": "3Gi"}},
    }


def test_the_claim_is_kept_whatever_options_its_component_gets() -> None:
    args = BackupVolumeArgs(instance="test", namespace="n", volume=load().volume)
    opts = pulumi.ResourceOptions(protect=False, retain_on_delete=False)
    claim = the(run_component(lambda: BackupVolume("v", args, opts)), PVC).request
    assert claim.protect
    assert claim.retainOnDelete


def test_a_backup_takes_schedule_and_limits_from_the_settings() -> None:
    settings = load(
        schedule="5 4 * * *",
        timeZone="Europe/Berlin",
        suspend="true",
        startingDeadline="2h",
        backupTimeout="3h",
        successfulJobsHistory="4",
        failedJobsHistory="2",
        jobTtl="1d",
    )
    spec = the(backup(settings), CRON_JOB, names.BACKUP).inputs["spec"]
    assert (spec["schedule"], spec["timeZone"]) == ("5 4 * * *", "Europe/Berlin")
    assert spec["suspend"] is True
    assert spec["startingDeadlineSeconds"] == 7200
    assert (spec["successfulJobsHistoryLimit"], spec["failedJobsHistoryLimit"]) == (4, 2)
    assert spec["jobTemplate"]["spec"]["activeDeadlineSeconds"] == 10800
    assert spec["jobTemplate"]["spec"]["ttlSecondsAfterFinished"] == 86400


# Each setting that a pod is told, with a value that is not the default.
TOLD = {
    "namespace": ("other", "NAMESPACE", "other"),
    "volumeName": ("v", "VOLUME_NAME", "v"),
    "databaseHost": ("db", "DATABASE_HOST", "db"),
    "databasePort": ("5433", "DATABASE_PORT", "5433"),
    "databaseName": ("a$(HOME)$$b", "DATABASE_NAMES", "a$(HOME)$$b"),
    "databaseSslMode": ("require", "DATABASE_SSLMODE", "require"),
    "databaseSecret": ("s", "DATABASE_SECRET", "s"),
    "databaseUserKey": ("u", "DATABASE_USER_KEY", "u"),
    "databasePasswordKey": ("p", "DATABASE_PASSWORD_KEY", "p"),
    "format": ("plain", "BACKUP_FORMAT", "plain"),
    "compression": ("gzip:7", "BACKUP_COMPRESSION", "gzip:7"),
    "schedule": ("5 4 * * *", "BACKUP_SCHEDULE", "5 4 * * *"),
    "owners": ("false", "BACKUP_OWNERS", "false"),
    "tableHashes": ("true", "BACKUP_TABLE_HASHES", "true"),
    "anomalyFactor": ("5", "BACKUP_ANOMALY_FACTOR", "5"),
    "backupTimeout": ("3h", "BACKUP_TIMEOUT", "10800"),
    "retentionDays": ("14", "RETENTION_DAYS", "14"),
    "retentionMinimum": ("5", "RETENTION_MINIMUM", "5"),
    "retentionDaily": ("6", "RETENTION_DAILY", "6"),
    "retentionWeekly": ("3", "RETENTION_WEEKLY", "3"),
    "retentionMonthly": ("11", "RETENTION_MONTHLY", "11"),
    "smokeQuery": ("SELECT 'a$$b'", "RESTORE_SMOKE_QUERY", "SELECT 'a$$b'"),
    "restoreKeepDays": ("9", "RESTORE_KEEP_DAYS", "9"),
    "databaseVolumeName": ("data-0", "RESTORE_DATABASE_VOLUME", "data-0"),
    "applications": (
        '["deployment/a","statefulset/b"]',
        "RESTORE_APPLICATIONS",
        "deployment/a,statefulset/b",
    ),
}


@pytest.mark.parametrize("key", TOLD)
def test_a_setting_reaches_the_pods_by_name_as_it_is(key: str) -> None:
    typed, name, expected = TOLD[key]
    before, after = variables(load()), variables(load(**{key: typed}))
    assert {one: after[one] for one in after if after[one] != before[one]} == {name: expected}


def test_the_jobs_are_those_of_a_dump_and_of_a_load() -> None:
    found = variables(load(jobs="1"))
    assert (found["BACKUP_JOBS"], found["RESTORE_JOBS"]) == ("1", "1")


def test_the_settings_are_the_variables_of_the_contract_and_all_have_a_test() -> None:
    assert tuple(variables(load())) == environment_contract.names(environment_contract.SETTINGS)
    assert {name for _, name, _ in TOLD.values()} | {"BACKUP_JOBS", "RESTORE_JOBS"} == set(
        variables(load())
    )


def test_the_settings_are_one_config_map_that_is_changed_in_place() -> None:
    args = StackSettingsArgs(settings=load())
    manifest = the(run_component(lambda: StackSettings("s", args)), CONFIG_MAP).inputs
    assert manifest["metadata"]["name"] == "postgres-backup-settings"
    assert manifest["metadata"]["namespace"] == "educard-prod"
    assert "immutable" not in manifest
    assert manifest["data"] == variables(load())


def test_every_pod_takes_all_settings_from_the_config_map_and_says_none_itself() -> None:
    for captured in (backup(load()), console(load()), restore(load())):
        manifest = the(captured, CRON_JOB).inputs
        [container] = pod_spec(manifest)["containers"]
        assert container["envFrom"] == [{"configMapRef": {"name": "settings"}}]
        assert not environment(manifest).keys() & variables(load()).keys()


@pytest.mark.parametrize(
    ("databases", "deadline"), [('["a"]', 10800), ('["a","b"]', 21660), ('["a","b","c"]', 32460)]
)
def test_each_of_several_databases_has_the_time_of_one(databases: str, deadline: int) -> None:
    settings = load(databaseName="", databases=databases, backupTimeout="3h")
    manifest = the(backup(settings), CRON_JOB).inputs
    assert manifest["spec"]["jobTemplate"]["spec"]["activeDeadlineSeconds"] == deadline
    assert variables(settings)["BACKUP_TIMEOUT"] == "10800"


def test_a_console_and_a_restore_take_no_longer_for_several_databases() -> None:
    one, several = load(), load(databaseName="", databases='["a","b"]')
    for workload in (console, restore):
        deadlines = {
            the(workload(settings), CRON_JOB).inputs["spec"]["jobTemplate"]["spec"][
                "activeDeadlineSeconds"
            ]
            for settings in (one, several)
        }
        assert len(deadlines) == 1


def test_the_names_of_databases_reach_the_pods_one_a_line() -> None:
    settings = load(databaseName="", databases='["shop","my db, ü","a:b"]')
    assert variables(settings)["DATABASE_NAMES"] == "shop\nmy db, ü\na:b"


def test_a_backup_starts_the_script_that_goes_through_the_databases() -> None:
    [container] = pod_spec(the(backup(load()), CRON_JOB).inputs)["containers"]
    assert container["command"] == ["bash", "/opt/pgkeep/backup/all.sh"]


def test_one_database_set_either_way_gives_the_same_objects() -> None:
    single, listed = (
        run_stack(load(databaseName="shop")),
        run_stack(load(databaseName="", databases='["shop"]')),
    )
    found, expected = (
        {one.urn: one.inputs for one in captured.resources} for captured in (listed, single)
    )
    assert found == expected


def test_a_paused_schedule_does_not_change_the_templates() -> None:
    for captured in (console(load(suspend="false")), restore(load(suspend="false"))):
        assert the(captured, CRON_JOB).inputs["spec"]["suspend"] is True


def test_a_console_lists_unless_told_otherwise_and_has_no_credentials() -> None:
    manifest = the(console(load()), CRON_JOB, names.CONSOLE).inputs
    own = environment(manifest)
    assert own["CONSOLE_COMMAND"] == "list"
    assert own["CONSOLE_OUTPUT"] == "text"
    assert own["CONSOLE_DRY_RUN"] == "true", "a command alone must not delete anything"
    assert not [volume for volume in pod_spec(manifest)["volumes"] if "secret" in volume]


def test_a_restore_has_its_own_deadline() -> None:
    manifest = the(restore(load(restoreTimeout="9h")), CRON_JOB, names.RESTORE).inputs
    assert manifest["spec"]["jobTemplate"]["spec"]["activeDeadlineSeconds"] == 32400


def test_a_restore_does_nothing_special_unless_its_job_says_so() -> None:
    own = environment(the(restore(load()), CRON_JOB).inputs)
    assert {key: value for key, value in own.items() if key.startswith("RESTORE_")} == {
        "RESTORE_ACTION": "restore",
        "RESTORE_BACKUP": "",
        "RESTORE_AT": "",
        "RESTORE_DATABASE": "",
        "RESTORE_INTO": "",
        "RESTORE_TABLES": "",
        "RESTORE_SCHEMAS": "",
        "RESTORE_SIDE": "",
        "RESTORE_DROP": "",
        "RESTORE_DRY_RUN": "false",
        "RESTORE_ALLOW_SUPERUSER_OBJECTS": "false",
        "RESTORE_SAFETY_BACKUP": "true",
        "RESTORE_FREE_BYTES": "",
        "RESTORE_OUTPUT": "text",
    }


def test_what_a_pod_says_itself_is_nothing_that_the_kubelet_would_expand() -> None:
    for captured in (backup(load()), console(load()), restore(load())):
        assert "$" not in "".join(environment(the(captured, CRON_JOB).inputs).values())


def test_pull_secrets_are_named_in_the_pod_and_absent_without_any() -> None:
    with_secret = the(backup(load(imagePullSecrets='["registry"]')), CRON_JOB).inputs
    assert pod_spec(with_secret)["imagePullSecrets"] == [{"name": "registry"}]
    assert "imagePullSecrets" not in pod_spec(the(backup(load()), CRON_JOB).inputs)


@pytest.mark.parametrize(("image", "user"), [("postgres:15-alpine", 70), ("postgres:15", 999)])
def test_both_kinds_of_image_share_one_group(image: str, user: int) -> None:
    security = pod_spec(the(backup(load(image=image)), CRON_JOB).inputs)["securityContext"]
    assert security["runAsUser"] == user
    assert security["runAsGroup"] == security["fsGroup"] == 999
    assert security["supplementalGroups"] == [999]
    assert security["fsGroupChangePolicy"] == "OnRootMismatch"


def test_the_keys_of_the_secret_become_files_of_fixed_names() -> None:
    settings = load(databaseUserKey="POSTGRES_USER", databasePasswordKey="POSTGRES_PASSWORD")
    volumes = pod_spec(the(backup(settings), CRON_JOB).inputs)["volumes"]
    [secret] = [volume["secret"] for volume in volumes if "secret" in volume]
    assert secret["items"] == [
        {"key": "POSTGRES_USER", "path": "username"},
        {"key": "POSTGRES_PASSWORD", "path": "password"},
    ]


def test_each_workload_has_an_account_of_its_own_without_a_token() -> None:
    accounts = of_type(access(), "kubernetes:core/v1:ServiceAccount")
    assert {one.inputs["metadata"]["name"] for one in accounts} == {
        names.BACKUP,
        names.CONSOLE,
        names.RESTORE,
    }
    assert all(one.inputs["automountServiceAccountToken"] is False for one in accounts)


def test_nothing_is_bound_to_anybody() -> None:
    types = {one.type for one in access("deployment/a").resources}
    assert not [one for one in types if "Binding" in one or "ClusterRole" in one]


def test_an_operator_has_exactly_these_rights_without_applications() -> None:
    look = ["get", "list", "watch"]
    assert rules() == [
        {"apiGroups": ["batch"], "resources": ["cronjobs"], "verbs": look},
        {"apiGroups": ["batch"], "resources": ["jobs"], "verbs": [*look, "create", "delete"]},
        {"apiGroups": [""], "resources": ["pods"], "verbs": look},
        {"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]},
        {"apiGroups": [""], "resources": ["events"], "verbs": ["list", "watch"]},
        {
            "apiGroups": [""],
            "resources": ["configmaps"],
            "verbs": ["get"],
            "resourceNames": ["postgres-backup-settings"],
        },
    ]


def test_an_operator_may_scale_the_applications_by_name_and_no_others() -> None:
    own = [
        rule
        for rule in rules("deployment/a", "deployment/b", "statefulset/c")
        if rule["apiGroups"] == ["apps"]
    ]
    assert {rule["resources"][0]: rule["resourceNames"] for rule in own} == {
        "deployments": ["a", "b"],
        "deployments/scale": ["a", "b"],
        "statefulsets": ["c"],
        "statefulsets/scale": ["c"],
    }
    for rule in own:
        assert "create" not in rule["verbs"]
        assert "delete" not in rule["verbs"]


def test_no_right_is_a_wildcard_and_none_is_about_secrets() -> None:
    for rule in rules("deployment/a", "statefulset/b"):
        words = [*rule["apiGroups"], *rule["resources"], *rule["verbs"]]
        assert "*" not in words
        assert not {"secrets", "pods/exec", "roles"} & set(words)

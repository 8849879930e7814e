"""Each component by itself: the objects it declares from its inputs."""

import pulumi
import pytest

from components import names, scripts
from components.access import Access, AccessArgs
from components.backup import BackupSchedule, BackupScheduleArgs
from components.console import Console, ConsoleArgs
from components.pods import PodContext
from components.restore import RestoreTemplate, RestoreTemplateArgs
from components.scripts import ScriptBundle, read_scripts
from components.settings import Settings
from components.storage import BackupVolume, BackupVolumeArgs
from tests.unit.support import (
    CONFIG_MAP,
    CRON_JOB,
    PVC,
    SCRIPTS,
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
        scripts=pulumi.Output.from_input("bundle"),
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
                dump=settings.dump,
                retention=settings.retention,
                keep_days=settings.restore.keep_days,
                jobs=settings.jobs,
            ),
        )
    )


def console(settings: Settings) -> Captured:
    args = ConsoleArgs(
        context=context(settings),
        service_account="account",
        schedule=settings.schedule,
        retention=settings.retention,
        jobs=settings.jobs,
    )
    return run_component(lambda: Console("c", args))


def restore(settings: Settings) -> Captured:
    args = RestoreTemplateArgs(
        context=context(settings),
        service_account="account",
        database=settings.database,
        schedule=settings.schedule,
        dump=settings.dump,
        retention=settings.retention,
        restore=settings.restore,
        jobs=settings.jobs,
        applications=settings.applications,
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


def test_a_backup_takes_schedule_limits_and_retention_from_the_settings() -> None:
    settings = load(
        schedule="5 4 * * *",
        timeZone="Europe/Berlin",
        suspend="true",
        startingDeadline="2h",
        backupTimeout="3h",
        owners="false",
        tableHashes="true",
        anomalyFactor="5",
        retentionDays="14",
        retentionMinimum="5",
        successfulJobsHistory="4",
        failedJobsHistory="2",
        jobTtl="1d",
        format="plain",
        compression="gzip:7",
        jobs="1",
    )
    manifest = the(backup(settings), CRON_JOB, names.BACKUP).inputs
    spec = manifest["spec"]
    assert (spec["schedule"], spec["timeZone"]) == ("5 4 * * *", "Europe/Berlin")
    assert spec["suspend"] is True
    assert spec["startingDeadlineSeconds"] == 7200
    assert (spec["successfulJobsHistoryLimit"], spec["failedJobsHistoryLimit"]) == (4, 2)
    assert spec["jobTemplate"]["spec"]["activeDeadlineSeconds"] == 10800
    assert spec["jobTemplate"]["spec"]["ttlSecondsAfterFinished"] == 86400
    variables = environment(manifest)
    assert variables["RETENTION_DAYS"] == "14"
    assert variables["RETENTION_MINIMUM"] == "5"
    assert variables["BACKUP_SCHEDULE"] == "5 4 * * *"
    assert variables["BACKUP_FORMAT"] == "plain"
    assert variables["BACKUP_COMPRESSION"] == "gzip:7"
    assert variables["BACKUP_JOBS"] == "1"
    assert variables["BACKUP_OWNERS"] == "false"
    assert variables["BACKUP_TABLE_HASHES"] == "true"
    assert variables["BACKUP_ANOMALY_FACTOR"] == "5"
    assert variables["VOLUME_NAME"] == "claim"


def test_retention_is_the_same_in_the_backup_that_does_it_and_the_console_that_plans_it() -> None:
    settings = load(
        retentionDays="14",
        retentionMinimum="5",
        retentionDaily="6",
        retentionWeekly="4",
        retentionMonthly="12",
    )
    for captured in (backup(settings), console(settings), restore(settings)):
        variables = environment(the(captured, CRON_JOB).inputs)
        assert {name: value for name, value in variables.items() if "RETENTION" in name} == {
            "RETENTION_DAYS": "14",
            "RETENTION_MINIMUM": "5",
            "RETENTION_DAILY": "6",
            "RETENTION_WEEKLY": "4",
            "RETENTION_MONTHLY": "12",
        }


@pytest.mark.parametrize(
    ("databases", "deadline"), [('["a"]', 10800), ('["a","b"]', 21660), ('["a","b","c"]', 32460)]
)
def test_each_of_several_databases_has_the_time_of_one(databases: str, deadline: int) -> None:
    settings = load(databaseName="", databases=databases, backupTimeout="3h")
    manifest = the(backup(settings), CRON_JOB).inputs
    assert manifest["spec"]["jobTemplate"]["spec"]["activeDeadlineSeconds"] == deadline
    assert environment(manifest)["BACKUP_TIMEOUT"] == "10800"


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


def test_the_names_of_databases_reach_backup_and_restore_one_a_line() -> None:
    settings = load(databaseName="", databases='["shop","my db, ü","a:b"]')
    for captured in (backup(settings), restore(settings)):
        assert environment(the(captured, CRON_JOB).inputs)["DATABASE_NAMES"] == (
            "shop\nmy db, ü\na:b"
        )


def test_a_backup_starts_the_script_that_goes_through_the_databases() -> None:
    [container] = pod_spec(the(backup(load()), CRON_JOB).inputs)["containers"]
    assert container["command"] == ["bash", "/opt/pgkeep/backups.sh"]


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


def test_a_console_lists_unless_told_otherwise_and_knows_no_database() -> None:
    manifest = the(console(load()), CRON_JOB, names.CONSOLE).inputs
    variables = environment(manifest)
    assert variables["CONSOLE_COMMAND"] == "list"
    assert variables["CONSOLE_OUTPUT"] == "text"
    assert variables["CONSOLE_DRY_RUN"] == "true", "a command alone must not delete anything"
    assert not [volume for volume in pod_spec(manifest)["volumes"] if "secret" in volume]


def test_a_restore_has_its_own_deadline_and_names_the_applications() -> None:
    settings = load(restoreTimeout="9h", applications='["deployment/a","statefulset/b"]')
    manifest = the(restore(settings), CRON_JOB, names.RESTORE).inputs
    assert manifest["spec"]["jobTemplate"]["spec"]["activeDeadlineSeconds"] == 32400
    assert environment(manifest)["RESTORE_APPLICATIONS"] == "deployment/a,statefulset/b"
    assert environment(manifest)["RESTORE_JOBS"] == "2"


def test_a_restore_does_nothing_special_unless_its_job_says_so() -> None:
    variables = environment(the(restore(load()), CRON_JOB).inputs)
    assert {key: value for key, value in variables.items() if key.startswith("RESTORE_")} == {
        "RESTORE_ACTION": "restore",
        "RESTORE_BACKUP": "",
        "RESTORE_AT": "",
        "RESTORE_DATABASE": "",
        "RESTORE_INTO": "",
        "RESTORE_TABLES": "",
        "RESTORE_SCHEMAS": "",
        "RESTORE_DROP": "",
        "RESTORE_DRY_RUN": "false",
        "RESTORE_ALLOW_SUPERUSER_OBJECTS": "false",
        "RESTORE_SAFETY_BACKUP": "true",
        "RESTORE_SMOKE_QUERY": "",
        "RESTORE_KEEP_DAYS": "0",
        "RESTORE_DATABASE_VOLUME": "",
        "RESTORE_FREE_BYTES": "",
        "RESTORE_JOBS": "2",
        "RESTORE_APPLICATIONS": "deployment/educard-app",
    }


def test_a_restore_can_make_the_very_backup_that_the_schedule_makes() -> None:
    settings = load(tableHashes="true", format="plain", compression="gzip:7", jobs="1")
    ours, theirs = (
        {key: value for key, value in variables.items() if key.startswith("BACKUP_")}
        for variables in (
            environment(the(captured, CRON_JOB).inputs)
            for captured in (restore(settings), backup(settings))
        )
    )
    # The time that one of several databases may take is for the script that goes through them.
    assert ours == {key: value for key, value in theirs.items() if key != "BACKUP_TIMEOUT"}


def test_the_smoke_query_reaches_the_restore_as_it_is() -> None:
    query = "SELECT 1\n  FROM \"$x\" WHERE name = 'a$$b'"
    variables = environment(the(restore(load(smokeQuery=query)), CRON_JOB).inputs)
    assert variables["RESTORE_SMOKE_QUERY"] == query.replace("$", "$$"), "the kubelet halves $$"


def test_how_long_an_old_database_is_kept_reaches_who_drops_it() -> None:
    settings = load(restoreKeepDays="14")
    for captured in (backup(settings), restore(settings)):
        assert environment(the(captured, CRON_JOB).inputs)["RESTORE_KEEP_DAYS"] == "14"


def test_a_value_with_a_dollar_reaches_the_container_as_it_is() -> None:
    # The kubelet expands $(NAME) and turns $$ into $.
    variables = environment(the(backup(load(databaseName="a$(HOME)$$b")), CRON_JOB).inputs)
    assert variables["DATABASE_NAMES"] == "a$$(HOME)$$$$b"


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
        assert not {"secrets", "configmaps", "pods/exec", "roles"} & set(words)


def test_the_bundle_is_named_by_names_and_contents() -> None:
    bundle = ScriptBundle(files=SCRIPTS)
    renamed = {("moved.sh" if name == "x.sh" else name): text for name, text in SCRIPTS.items()}
    digests = {
        bundle.digest,
        ScriptBundle(files={**SCRIPTS, "backup.sh": "echo other\n"}).digest,
        ScriptBundle(files={**SCRIPTS, "x.sh": ""}).digest,
        ScriptBundle(files={**SCRIPTS, "y.sh": ""}).digest,
    }
    assert len(digests) == 4
    assert ScriptBundle(files=dict(reversed(renamed.items()))).digest == bundle.digest
    assert len(bundle.digest) == 10


def test_the_config_map_holds_the_scripts_and_cannot_be_changed() -> None:
    manifest = the(run_stack(load()), CONFIG_MAP).inputs
    assert manifest["data"] == SCRIPTS
    assert manifest["immutable"] is True
    digest = ScriptBundle(files=SCRIPTS).digest
    assert manifest["metadata"]["name"] == f"postgres-backup-scripts-{digest}"


def test_the_pods_mount_the_very_config_map_that_was_declared() -> None:
    captured = run_stack(load())
    name = the(captured, CONFIG_MAP).inputs["metadata"]["name"]
    for one in of_type(captured, CRON_JOB):
        [volume] = [v for v in pod_spec(one.inputs)["volumes"] if "configMap" in v]
        assert volume["configMap"] == {"name": name, "defaultMode": 0o555}


def test_the_shipped_scripts_are_read_byte_for_byte_and_fit_in_a_config_map() -> None:
    bundle = read_scripts()
    assert SCRIPTS.keys() <= bundle.files.keys()
    for name, text in bundle.files.items():
        assert text.encode() == (scripts.DIRECTORY / name).read_bytes()
    assert sum(len(text.encode()) for text in bundle.files.values()) < 1024 * 1024


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"backup.sh": ""}, "has no backups.sh, console.sh, restore.sh"),
        ({}, "has no backups.sh, backup.sh"),
        ({**SCRIPTS, "big.sql": "x" * 1024 * 1024}, "a ConfigMap holds less than 1048576"),
        ({**SCRIPTS, "dos.sh": "echo\r\n"}, "dos.sh: lines end in CR LF"),
    ],
)
def test_scripts_that_no_pod_could_run_are_refused(files: dict[str, str], words: str) -> None:
    with pytest.raises(pulumi.RunError, match=words):
        ScriptBundle(files=files)

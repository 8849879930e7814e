"""Bad input, key by key: what the message says, and that the cure it names is one."""

import json
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import pytest
import yaml

from components.settings import reading
from components.settings.refusal import SettingsError
from tests.unit.support import Config, config, load
from tools.render import configuration

PROJECT = cast("dict[str, Any]", yaml.safe_load(Path("Pulumi.yaml").read_text(encoding="utf-8")))
DECLARED = cast("dict[str, dict[str, Any]]", PROJECT["config"])
REQUIRED = {"namespace", "databaseHost", "databaseSecret"}
LONG = "a" * 64
DIGEST = "sha256:" + "0" * 64

# key, bad value, words that the message must have
BAD = [
    ("namespace", "", "1 to 63 characters"),
    ("namespace", "Prod", "lower case"),
    ("namespace", "a.b", "lower case letters, digits and -"),
    ("namespace", "-a", "letter or digit at both ends"),
    ("namespace", LONG, "this one has 64 characters"),
    ("namespace", "prod\n", "lower case"),
    ("databaseHost", "", "a host name or an IP address"),
    ("databaseHost", "db:5432", "the port belongs into databasePort (5432)"),
    ("databaseHost", "postgres://db", "the host alone"),
    ("databaseHost", "app:hunter2@db", "stay in the Secret"),
    ("databaseHost", "app@db", "stay in the Secret"),
    ("databaseHost", "a_b", "a host name or an IP address"),
    ("databaseHost", "/run/postgresql", "a host name or an IP address"),
    ("databaseHost", "one,two", "a host name or an IP address"),
    ("databaseHost", "db..svc", "a host name or an IP address"),
    ("databaseHost", "10.0.0.300", "four numbers up to 255"),
    ("databaseHost", "localhost", "the pod itself"),
    ("databaseHost", "127.0.0.1", "the pod itself"),
    ("databaseHost", "::1", "the pod itself"),
    ("databaseHost", "0.0.0.0", "the pod itself"),  # noqa: S104
    ("databasePort", "0", "at least 1 and at most 65535"),
    ("databasePort", "65536", "at most 65535"),
    ("databasePort", "5432.0", "a whole number"),
    ("databasePort", "٥٤٣٢", "a whole number"),
    ("databaseName", "", "for more than one the names in databases"),
    ("databaseName", "ä" * 32, "1 to 63 bytes"),
    ("databaseName", "a\nb", "control characters"),
    ("databaseName", "a\0b", "control characters"),
    ("databaseName", "template0", "templates hold nothing"),
    ("databaseName", "template1", "templates hold nothing"),
    ("databases", "app", "a list"),
    ("databases", '{"app": true}', "a list"),
    ("databaseSecret", "", "1 to 253 characters"),
    ("databaseSecret", "My_Secret", "lower case"),
    ("databaseSecret", "a..b", "single dots"),
    ("databaseSecret", "a" * 254, "this one has 254"),
    ("databaseUserKey", "", "a key in the Secret"),
    ("databaseUserKey", "user name", "letters, digits, -, _ and dots"),
    ("databaseUserKey", "..", "a key in the Secret"),
    ("databasePasswordKey", "pass/word", "a key in the Secret"),
    ("databasePasswordKey", "username", "another key than databaseUserKey"),
    ("databaseSslMode", "verify-full", "prefer, require, disable, allow"),
    ("image", "postgres", "with a tag or a digest"),
    ("image", "registry:5000/postgres", "with a tag or a digest"),
    ("image", "postgres:latest", 'other than "latest"'),
    ("image", "reg:5000/x/postgres:latest", 'other than "latest"'),
    ("image", "Postgres:17", "in lower case"),
    ("image", "https://registry/postgres:17", "without a scheme"),
    ("image", "postgres:17 ", "without a scheme or spaces"),
    ("image", "postgres@sha256:12", "64 hexadecimal digits"),
    ("image", "postgres:17@" + DIGEST.upper(), "64 hexadecimal digits"),
    ("image", "", "REGISTRY/NAME:TAG"),
    ("runAsUser", "-1", "at least 0"),
    ("runAsUser", "4294967296", "at most 2147483647"),
    ("runAsUser", "postgres", "a whole number"),
    ("imagePullSecrets", "registry", "a list"),
    ("schedule", "", "five fields"),
    ("schedule", "0 2 * *", "not 4"),
    ("schedule", "0 0 2 * * *", "neither seconds"),
    ("schedule", "60 2 * * *", "0-59 in the field minute"),
    ("schedule", "0 24 * * *", "0-23 in the field hour"),
    ("schedule", "0 2 0 * *", "1-31 in the field day of month"),
    ("schedule", "0 2 * 13 *", "1-12 or jan-dec in the field month"),
    ("schedule", "0 2 * * 7", "Sunday is 0"),
    ("schedule", "0 2 * * 5L", "0-6 or sun-sat"),
    ("schedule", "0 2 * * 1#2", "0-6 or sun-sat"),
    ("schedule", "0 2 15W * *", "1-31"),
    ("schedule", "0 2 L * *", "1-31"),
    ("schedule", "*/0 * * * *", "a step of at least 1"),
    ("schedule", "30-10 * * * *", "goes upwards"),
    ("schedule", "0 2 * * fri-mon", "goes upwards"),
    ("schedule", "0,,5 2 * * *", "0-59"),
    ("schedule", "0 2 31 2 *", "a date that comes"),
    ("schedule", "0 2 30,31 feb ?", "a date that comes"),
    ("schedule", "0 2 31 4,6,9,11 *", "a date that comes"),
    ("schedule", "CRON_TZ=Europe/Berlin 0 2 * * *", '"timeZone"'),
    ("schedule", "TZ=UTC 0 2 * * *", '"timeZone"'),
    ("schedule", "@every 1h", "@every is not bound to the clock"),
    ("schedule", "@reboot", "@daily"),
    ("timeZone", "", "IANA"),
    ("timeZone", "Local", "IANA"),
    ("timeZone", "europe/berlin", "did you mean Europe/Berlin"),
    ("timeZone", "UTC+1", "IANA"),
    ("timeZone", "../../etc/passwd", "IANA"),
    ("suspend", "yes", "true or false"),
    ("suspend", "True", "true or false"),
    ("startingDeadline", "9s", "from 10s to 7d"),
    ("startingDeadline", "1.5h", "a whole number and its unit"),
    ("startingDeadline", "60", "a whole number and its unit"),
    ("backupTimeout", "0s", "from 30s to 7d"),
    ("backupTimeout", "8d", "from 30s to 7d"),
    ("restoreTimeout", "12 h", "without a space"),
    ("restoreTimeout", "1w", "s, m, h or d"),
    ("format", "custom", "directory, plain"),
    ("compression", "gzip", "gzip:1 to gzip:9"),
    ("compression", "gzip:0", "gzip:1 to gzip:9"),
    ("compression", "gzip:10", "gzip:1 to gzip:9"),
    ("compression", "lz4:13", "lz4:1 to lz4:12"),
    ("compression", "zstd:20", "zstd:1 to zstd:19"),
    ("compression", "xz:6", "auto, none"),
    ("compression", "zstd:3", "pg_dump 15 does not know zstd"),
    ("jobs", "0", "at least 1"),
    ("jobs", "3", "no more than 2, the processors of resourcesCpuLimit"),
    ("jobs", "two", "a whole number"),
    ("owners", "no", "true or false"),
    ("owners", "", "true or false"),
    ("tableHashes", "1", "true or false"),
    ("tableHashes", "sha256", "true or false"),
    ("anomalyFactor", "1", "at least 2 and at most 1000"),
    ("anomalyFactor", "1001", "at most 1000"),
    ("anomalyFactor", "2.5", "a whole number"),
    ("retentionDays", "0", "a whole number of at least 1"),
    ("retentionDays", "-1", "a whole number of at least 1"),
    ("retentionDays", "1_000", "a whole number"),
    ("retentionDays", "30d", "a whole number"),
    ("retentionDays", "", "a whole number"),
    ("retentionMinimum", "0", "at least 1"),
    ("retentionDaily", "-1", "a whole number of at least 0 and at most 1000"),
    ("retentionDaily", "off", "a whole number"),
    ("retentionWeekly", "1001", "at most 1000"),
    ("retentionWeekly", "4w", "a whole number"),
    ("retentionMonthly", "1001", "at most 1000"),
    ("retentionMonthly", "", "a whole number"),
    ("volumeName", "Backup", "lower case"),
    ("volumeName", "a" * 254, "1 to 253"),
    ("databaseVolumeName", "Data", "lower case"),
    ("volumeSize", "20", "at least 32Mi"),
    ("volumeSize", "20GB", "a suffix Kubernetes knows"),
    ("volumeSize", "20 Gi", "no space"),
    ("volumeSize", "-20Gi", "at least 32Mi"),
    ("volumeSize", "0", "at least 32Mi"),
    ("volumeSize", "16Ei", "64 bits"),
    ("storageClass", "", "1 to 253"),
    ("storageClass", "Local_Path", "lower case"),
    ("applications", "deployment/app", "a list"),
    ("applications", '{"a": 1}', "a list"),
    ("smokeQuery", "DELETE FROM users", "begins with SELECT, WITH, VALUES or TABLE"),
    ("smokeQuery", "\\! id", "begins with SELECT"),
    ("smokeQuery", "selection", "begins with SELECT"),
    ("smokeQuery", "SELECT 1\0", "one SQL query"),
    ("restoreKeepDays", "-1", "at least 0 and at most 36500"),
    ("restoreKeepDays", "14d", "a whole number"),
    ("restoreKeepDays", "", "a whole number"),
    ("successfulJobsHistory", "-1", "at least 0"),
    ("failedJobsHistory", "many", "a whole number"),
    ("jobTtl", "5s", "from 10s to 365d"),
    ("resourcesCpuRequest", "0", "at least 1m"),
    ("resourcesCpuRequest", "3", "no more than the limit, which is 2"),
    ("resourcesCpuLimit", "two", "a suffix Kubernetes knows"),
    ("resourcesMemoryRequest", "1Gi", "no more than the limit, which is 512Mi"),
    ("resourcesMemoryLimit", "512m", "a thousandth"),
    ("resourcesMemoryLimit", "512MB", "a suffix Kubernetes knows"),
]

# key, bad item, words
BAD_ITEMS = [
    ("applications", "educard-app", "deployment/NAME or statefulset/NAME"),
    ("applications", "deploy/educard-app", "deployment/NAME"),
    ("applications", "Deployment/educard-app", "deployment/NAME"),
    ("applications", "daemonset/agent", "deployment/NAME or statefulset/NAME"),
    ("applications", "deployment/", "deployment/NAME"),
    ("applications", "deployment/a/b", "deployment/NAME"),
    ("applications", 7, "deployment/NAME"),
    ("applications", {"kind": "deployment"}, "deployment/NAME"),
    ("applications", None, "deployment/NAME"),
    ("databases", "", "1 to 63 bytes"),
    ("databases", "ä" * 32, "1 to 63 bytes"),
    ("databases", "two\nlines", "control characters"),
    ("databases", "template1", "templates hold nothing"),
    ("databases", 7, "1 to 63 bytes"),
    ("databases", None, "1 to 63 bytes"),
    ("imagePullSecrets", "My_Registry", "lower case"),
    ("imagePullSecrets", "", "1 to 253"),
]


# A good item of each list.
GOOD_ITEMS = {"applications": "deployment/app", "imagePullSecrets": "registry", "databases": "shop"}


def refusal(**changes: str | None) -> SettingsError:
    with pytest.raises(SettingsError) as caught:
        load(**_alone(changes))
    return caught.value


def _alone(changes: dict[str, str | None]) -> dict[str, str | None]:
    """Takes the one database of prod away where several are tried: only one of both may be set."""
    return {"databaseName": "", **changes} if "databases" in changes else changes


def test_the_table_of_bad_input_has_every_key() -> None:
    assert {key for key, _, _ in BAD} == DECLARED.keys()


@pytest.mark.parametrize(("key", "value", "words"), BAD)
def test_bad_input_is_refused_by_key_with_what_is_allowed(key: str, value: str, words: str) -> None:
    error = refusal(**{key: value})
    [problem] = error.problems
    assert problem.startswith(f"{key}: "), problem
    assert words in problem, problem
    assert f"Mend it: pulumi config set {_target(key)} " in problem, problem
    assert "\n" not in problem


@pytest.mark.parametrize(("key", "item", "words"), BAD_ITEMS)
def test_a_bad_item_is_refused_by_its_place(key: str, item: object, words: str) -> None:
    [problem] = refusal(**{key: json.dumps([GOOD_ITEMS[key], item])}).problems
    assert problem.startswith(f"{key}[1]: "), problem
    assert words in problem, problem
    assert f"Mend it: pulumi config set --path '{key}[1]' " in problem


def _target(key: str) -> str:
    return f"--path '{key}[0]'" if DECLARED[key]["type"] == "array" else key


@pytest.mark.parametrize(("key", "value", "words"), BAD)
def test_the_cure_of_a_message_is_a_cure(key: str, value: str, words: str) -> None:
    del words
    [problem] = refusal(**{key: value}).problems
    cure = shlex.split(problem.rpartition("Mend it: ")[2])
    assert cure[:3] == ["pulumi", "config", "set"]
    mended = json.dumps([cure[-1]]) if cure[3] == "--path" else cure[-1]
    load(**_alone({key: mended}))


@pytest.mark.parametrize("key", sorted(DECLARED))
def test_a_key_that_is_missing_has_no_second_default_in_the_code(key: str) -> None:
    [problem] = refusal(**{key: None}).problems
    assert problem.startswith(f"{key}: is not set: "), problem
    assert f"pulumi config set {_target(key)} " in problem


def test_the_message_has_the_agreed_form() -> None:
    error = refusal(retentionDays="0")
    assert str(error) == (
        'One setting is wrong.\n\nretentionDays: "0" is not allowed: a whole number of at least 1'
        " and at most 36500. Mend it: pulumi config set retentionDays 30"
    )


def test_all_wrong_settings_are_told_at_once_one_paragraph_each() -> None:
    error = refusal(retentionDays="0", image="postgres", namespace=None, jobs="9")
    assert str(error).startswith("4 settings are wrong.\n\n")
    keys = [problem.split(":")[0] for problem in str(error).split("\n\n")[1:]]
    assert sorted(keys) == ["image", "jobs", "namespace", "retentionDays"]


def test_a_rule_about_two_settings_is_silent_while_one_of_them_is_wrong() -> None:
    [problem] = refusal(jobs="9", resourcesCpuLimit="much").problems
    assert problem.startswith("resourcesCpuLimit: ")


def test_a_password_in_a_host_is_not_repeated() -> None:
    for value in ("postgres://app:hunter2@db/x", "app:hunter2@db", "app:hun@ter2@db"):
        message = str(refusal(databaseHost=value))
        assert "hunter2" not in message
        assert "hun@" not in message


def test_a_long_value_is_cut_and_a_strange_one_stays_on_its_line() -> None:
    message = str(refusal(namespace="x" * 5000))
    assert len(message) < 500
    assert '"a\\nb\\u0000"' in str(refusal(databaseName="a\nb\0"))


@pytest.mark.parametrize(("key", "item"), GOOD_ITEMS.items())
def test_the_same_item_twice_is_refused_with_the_command_that_removes_it(
    key: str, item: str
) -> None:
    [problem] = refusal(**{key: json.dumps([item, item])}).problems
    assert problem.startswith(f'{key}[1]: "{item}" is not allowed: each only once')
    assert problem.endswith(f"Mend it: pulumi config rm --path '{key}[1]'")


def test_a_database_and_a_list_of_them_at_once_is_refused_with_the_command_that_decides() -> None:
    [problem] = refusal(databaseName="app", databases='["shop"]').problems
    assert problem == (
        'databaseName: "app" is not allowed: a name here or names in databases, not both.'
        " Mend it: pulumi config rm databaseName"
    )
    load(databaseName="", databases='["shop"]')


def test_no_database_at_all_is_refused_with_the_commands_for_one_and_for_several() -> None:
    [problem] = refusal(databaseName="", databases="[]").problems
    assert problem == (
        'databaseName: "" is not allowed: a name, or for more than one the names in databases'
        " (pulumi config set --path 'databases[0]' app). Mend it: pulumi config set databaseName"
        " app"
    )


def test_databases_are_read_in_the_order_of_the_list() -> None:
    loaded = load(databaseName="", databases='["shop","app","my db ü"]')
    assert loaded.database.names == ("shop", "app", "my db ü")


def test_one_database_may_be_set_either_way() -> None:
    assert load(databaseName="shop") == load(databaseName="", databases='["shop"]')


def test_a_wrong_name_is_told_without_the_rule_about_both_keys() -> None:
    [problem] = refusal(databaseName="template0", databases='["shop"]').problems
    assert problem.startswith('databaseName: "template0" is not allowed: a database of your own')


@pytest.mark.parametrize("stack", ["a" * 64, "prod-", ".prod"])
def test_a_stack_whose_name_is_no_label_is_refused(stack: str) -> None:
    with pytest.raises(SettingsError, match="pulumi stack rename"):
        reading.load(config(), stack=stack)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("databaseHost", "db.example.com."),
        ("databaseHost", "postgres.other-namespace.svc.cluster.local"),
        ("databaseHost", "10.0.0.7"),
        ("databaseHost", "2001:db8::7"),
        ("databaseHost", "DB-1"),
        ("databaseName", "my db $(NAME) 'x' ü"),
        ("databaseName", "ä" * 31),
        ("databaseName", "postgres"),
        ("databaseUserKey", ".user"),
        ("databasePasswordKey", "POSTGRES_PASSWORD"),
        ("image", "reg:5000/team/postgres:15-alpine"),
        ("image", "registry.example.com/a/b/c_d:1.2"),
        ("image", f"postgres@{DIGEST}"),
        ("image", f"postgres:latest@{DIGEST}"),
        ("image", "localhost:5001/pgkeep/postgres:15"),
        ("schedule", "*/15 * * * *"),
        ("schedule", "0 2 29 2 *"),
        ("schedule", "0 2 31 * ?"),
        ("schedule", "0 2 31 2 MON"),  # 31 February or a Monday: Mondays come
        ("schedule", "0 2 31 2,3 *"),
        ("schedule", "5/20 1-5,22-23/1 1,15 JAN-mar,12 Sun,2-4"),
        ("schedule", "@daily"),
        ("schedule", "@hourly"),
        ("timeZone", "America/Argentina/Buenos_Aires"),
        ("timeZone", "UTC"),
        ("startingDeadline", "10s"),
        ("backupTimeout", "90m"),
        ("restoreTimeout", "2d"),
        ("runAsUser", "26"),
        ("compression", "none"),
        ("compression", "gzip:9"),
        ("volumeSize", "1.5Ti"),
        ("volumeSize", "100e9"),
        ("resourcesCpuLimit", "1500m"),
        ("resourcesCpuLimit", "2.5"),
        ("resourcesMemoryLimit", "1G"),
        ("successfulJobsHistory", "0"),
        ("owners", "false"),
        ("tableHashes", "true"),
        ("anomalyFactor", "2"),
        ("anomalyFactor", "1000"),
        ("retentionDaily", "0"),
        ("retentionDaily", "1000"),
        ("retentionWeekly", "8"),
        ("retentionMonthly", "1000"),
        ("databaseVolumeName", ""),
        ("databaseVolumeName", "data-postgres-0"),
        ("smokeQuery", ""),
        ("smokeQuery", "select 1"),
        ("smokeQuery", "\n  WITH a AS (SELECT 1)\n\tTABLE a"),
        ("smokeQuery", "SELECT(1)"),
        ("restoreKeepDays", "0"),
        ("restoreKeepDays", "36500"),
        ("applications", "[]"),
        ("applications", '["deployment/a","statefulset/a"]'),
        ("imagePullSecrets", '["registry.example.com"]'),
    ],
)
def test_good_input_is_taken(key: str, value: str) -> None:
    load(**{key: value})


def test_lz4_and_zstd_are_taken_from_postgresql_16_on() -> None:
    for image in ("postgres:16", "postgres:17-alpine", "registry/our-postgres:2024"):
        assert load(image=image, compression="zstd:3").dump.compression == "zstd:3"


def test_a_plain_backup_takes_gzip_and_nothing_else() -> None:
    assert load(format="plain", compression="gzip:6").dump.format == "plain"
    [problem] = refusal(format="plain", compression="none").problems
    assert problem.startswith('compression: "none" is not allowed: auto or gzip:1 to gzip:9')


def test_jobs_may_be_as_many_as_the_processors_rounded_up() -> None:
    assert load(jobs="2", resourcesCpuLimit="1500m").dump.jobs == 2
    [problem] = refusal(jobs="2", resourcesCpuLimit="1").problems
    assert problem.startswith("jobs: ")


@pytest.mark.parametrize(
    ("image", "run_as_user", "user"),
    [
        ("postgres:17-bookworm", "0", 999),
        ("postgres:15-alpine", "0", 70),
        ("postgres:15.4-alpine3.19", "0", 70),
        ("alpine/postgres:15", "0", 999),
        (f"postgres@{DIGEST}", "0", 999),
        ("postgres:15-alpine", "26", 26),
    ],
)
def test_the_user_is_the_images_own_unless_it_is_set(
    image: str, run_as_user: str, user: int
) -> None:
    assert load(image=image, runAsUser=run_as_user).image.user == user


@pytest.mark.parametrize(
    ("text", "seconds"), [("45s", 45), ("90m", 5400), ("6h", 21600), ("2d", 172800)]
)
def test_durations_become_seconds(text: str, seconds: int) -> None:
    assert load(backupTimeout=text).jobs.backup_timeout == seconds


def test_every_declared_key_is_read_and_every_key_read_is_declared() -> None:
    recording = config()
    reading.load(recording, stack="prod")
    assert sorted(recording.read) == sorted(DECLARED), "Pulumi.yaml and reading.py disagree"
    assert len(recording.read) == len(set(recording.read))


def test_every_key_is_declared_with_type_and_description() -> None:
    for key, schema in DECLARED.items():
        assert schema["type"] in ("string", "integer", "boolean", "array"), key
        assert ("items" in schema) == (schema["type"] == "array"), key
        assert str(schema["description"]).endswith("."), key
        assert ("default" not in schema) == (key in REQUIRED), key


def test_the_defaults_are_the_contracts() -> None:
    defaults = {key: one["default"] for key, one in DECLARED.items() if "default" in one}
    assert defaults == {
        "databaseName": "",
        "databases": [],
        "databasePort": 5432,
        "databaseUserKey": "username",
        "databasePasswordKey": "password",
        "databaseSslMode": "prefer",
        "image": "postgres:17-bookworm",
        "imagePullSecrets": [],
        "runAsUser": 0,
        "schedule": "0 2 * * *",
        "timeZone": "Etc/UTC",
        "suspend": False,
        "startingDeadline": "1h",
        "backupTimeout": "6h",
        "restoreTimeout": "12h",
        "format": "directory",
        "compression": "auto",
        "jobs": 2,
        "owners": True,
        "tableHashes": False,
        "anomalyFactor": 2,
        "retentionDays": 30,
        "retentionMinimum": 7,
        "retentionDaily": 0,
        "retentionWeekly": 0,
        "retentionMonthly": 0,
        "volumeName": "backup-pvc",
        "volumeSize": "20Gi",
        "storageClass": "local-path",
        "applications": [],
        "smokeQuery": "",
        "restoreKeepDays": 0,
        "databaseVolumeName": "",
        "successfulJobsHistory": 3,
        "failedJobsHistory": 1,
        "jobTtl": "24h",
        "resourcesCpuRequest": "100m",
        "resourcesCpuLimit": "2",
        "resourcesMemoryRequest": "256Mi",
        "resourcesMemoryLimit": "512Mi",
    }


def test_the_defaults_are_good_input() -> None:
    only_required = {
        "namespace": "n",
        "databaseHost": "h",
        "databaseName": "d",
        "databaseSecret": "s",
    }
    defaults = {
        key.split(":")[1]: value
        for key, value in configuration("prod", only_required).items()
        if "default" in DECLARED.get(key.split(":")[1], {})
    }
    loaded = reading.load(Config({**defaults, **only_required}), stack="prod")
    assert loaded.retention.days == 30


def test_the_validating_part_does_not_import_pulumi() -> None:
    folder = Path(reading.__file__).parent
    modules = [*(f"settings.{path.stem}" for path in folder.glob("*.py")), "helper_commands"]
    statement = "; ".join(f"import components.{module}" for module in [*modules, "names"])
    check = "import sys; sys.exit(any(name.split('.')[0] == 'pulumi' for name in sys.modules))"
    subprocess.run([sys.executable, "-W", "error", "-c", f"{statement}; {check}"], check=True)


def test_settings_cannot_be_changed_afterwards() -> None:
    loaded = load()
    with pytest.raises(AttributeError):
        loaded.namespace = "other"  # type: ignore[misc]
    assert not hasattr(loaded, "__dict__")

"""What several unit tests share: settings to start from, and ways to look into captured objects."""

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any, cast

from components import names
from components.scripts import Scripts
from components.settings import reading
from components.settings.model import Settings
from components.stack import PostgresBackup, PostgresBackupArgs
from tools.render import Captured, Json, Resource, capture, configuration

STACKS = ("dev", "prod")
# A house of a few rooms; what a file stands on it names, as the shipped ones do.
SCRIPTS: Mapping[str, Mapping[str, str]] = {
    "core": {"log.sh": "say() { printf '%s\\n' \"$1\"; }\n"},
    "facts": {"facts.sql": "\\ir contents.sql\n", "contents.sql": "SELECT 1;\n"},
    "backup": {
        "all.sh": 'source "$SCRIPTS/core/log.sh"\nbash "$SCRIPTS/backup/one.sh"\n',
        "one.sh": 'source "$SCRIPTS/core/log.sh"\nquery "$DATABASE_NAME" facts/facts.sql\n',
    },
    "console": {"main.sh": 'source "$SCRIPTS/core/log.sh"\n'},
    "restore": {"main.sh": 'source "$SCRIPTS/core/log.sh"\nbash "$SCRIPTS/backup/one.sh"\n'},
}
PVC = "kubernetes:core/v1:PersistentVolumeClaim"
CRON_JOB = "kubernetes:batch/v1:CronJob"
CONFIG_MAP = "kubernetes:core/v1:ConfigMap"


class Config(dict[str, str]):
    """Stands in for pulumi.Config, and remembers which keys were read."""

    def __init__(self, values: Mapping[str, str]) -> None:
        super().__init__(values)
        self.read: list[str] = []

    def get(self, key: str, default: Any = None) -> Any:
        self.read.append(key)
        return super().get(key, default)


@cache
def _configuration() -> Mapping[str, str]:
    return {key.split(":")[1]: value for key, value in configuration("prod").items()}


def config(**changes: str | None) -> Config:
    """The configuration of prod as the CLI hands it over; None takes a key away."""
    values = {**_configuration(), **changes}
    return Config({key: value for key, value in values.items() if value is not None})


def load(**changes: str | None) -> Settings:
    """The settings of prod with changes."""
    return reading.load(config(**changes), stack="prod")


def run_component(declare: Callable[[], object]) -> Captured:
    """Runs a function that declares components; it returns nothing of interest."""

    def program() -> dict[str, Any]:
        declare()
        return {}

    return capture(program)


def run_stack(changed: Settings, scripts: Mapping[str, Mapping[str, str]] = SCRIPTS) -> Captured:
    """Runs the root component with given settings and scripts."""
    args = PostgresBackupArgs(settings=changed, scripts=Scripts(rooms=scripts))
    return run_component(lambda: PostgresBackup("pgkeep", args))


def of_type(captured: Captured, resource_type: str) -> list[Resource]:
    return [one for one in captured.resources if one.type == resource_type]


def the(captured: Captured, resource_type: str, name: str = "") -> Resource:
    """The only resource of a type whose Kubernetes name fits."""
    found = [
        one
        for one in of_type(captured, resource_type)
        if not name or one.inputs["metadata"]["name"] == name
    ]
    assert len(found) == 1, f"{len(found)} resources of {resource_type} {name}"
    return found[0]


def scripts_of(captured: Captured) -> list[Resource]:
    """The ConfigMaps of the scripts."""
    return [
        one
        for one in of_type(captured, CONFIG_MAP)
        if one.inputs["metadata"]["labels"]["app.kubernetes.io/component"] == "scripts"
    ]


def changed_script(room: str, name: str, text: str) -> Mapping[str, Mapping[str, str]]:
    """The house with another text in one file."""
    return {**SCRIPTS, room: {**SCRIPTS[room], name: text}}


def objects(captured: Captured) -> list[Json]:
    return [one.inputs for one in captured.resources if "apiVersion" in one.inputs]


def pod_spec(cron_job: Json) -> Json:
    return cast("Json", cron_job["spec"]["jobTemplate"]["spec"]["template"]["spec"])


def environment(cron_job: Json) -> dict[str, str]:
    """What the container has of its own, besides the settings."""
    [container] = pod_spec(cron_job)["containers"]
    return {variable["name"]: variable.get("value", "") for variable in container["env"]}


def told(captured: Captured) -> dict[str, str]:
    """What every pod is told of the settings."""
    return cast("dict[str, str]", the(captured, CONFIG_MAP, names.SETTINGS).inputs["data"])


def cron_jobs(captured: Captured) -> Iterator[Json]:
    for one in of_type(captured, CRON_JOB):
        yield one.inputs

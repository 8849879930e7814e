"""Writes the Kubernetes objects of a stack as YAML, without the Pulumi CLI and without a cluster.

It runs the same `__main__.py` that `pulumi up` runs, in this process, with Pulumi's own mocks in
place of the engine, and applies the rules by which the CLI reads Pulumi.yaml and the stack's file:

    python -m tools.render --stack prod
    python -m tools.render --stack prod --set retentionDays=14 --output prod.yaml
    python -m tools.render --stack prod --outputs
"""

import argparse
import json
import os
import runpy
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pulumi
import yaml
from pulumi.runtime import mocks, rpc

ROOT = Path(__file__).resolve().parent.parent
_ORDER = ("ServiceAccount", "Role", "ConfigMap", "PersistentVolumeClaim", "CronJob")
_FIRST = ("apiVersion", "kind", "metadata", "name", "namespace")

Json = dict[str, Any]


class RenderError(Exception):
    """What stands in the way, worded for whoever called; never a fault of the program."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """One resource as it was registered: its inputs are a whole Kubernetes manifest."""

    type: str
    name: str
    urn: str
    inputs: Json
    request: Any  # the RegisterResourceRequest, which alone holds the options


@dataclass(frozen=True, slots=True, kw_only=True)
class Captured:
    """Everything that one run of a program registered and exported."""

    resources: list[Resource]
    outputs: Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """The Kubernetes objects of a stack, in a stable order, and its resolved outputs."""

    objects: list[Json] = field(default_factory=list[Json])
    outputs: Json = field(default_factory=Json)


class _Mocks(mocks.Mocks):
    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, Json]:
        return (f"{args.name}-id" if args.custom else ""), dict(cast("Any", args).inputs)

    def call(self, args: mocks.MockCallArgs) -> Any:
        raise RenderError(f"the program asks a cluster for {args.token}; it must not need one")


class _Monitor(mocks.MockMonitor):
    def __init__(self) -> None:
        super().__init__(_Mocks())
        self.registered: list[Resource] = []

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802  (the name of the protocol)
        response = cast("Any", super()).RegisterResource(request)
        if request.type != "pulumi:pulumi:Stack":
            self.registered.append(
                Resource(
                    type=request.type,
                    name=request.name,
                    urn=response.urn,
                    inputs=_whole_numbers(rpc.deserialize_properties(request.object)),
                    request=request,
                )
            )
        return response


def _whole_numbers(value: Any) -> Any:
    """Turns 0.0 into 0: protobuf knows only floats, Kubernetes wants integers."""
    if isinstance(value, dict):
        return {key: _whole_numbers(item) for key, item in cast("Json", value).items()}
    if isinstance(value, list):
        return [_whole_numbers(item) for item in cast("list[Any]", value)]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def capture(
    program: Callable[[], Mapping[str, Any]],
    *,
    config: Mapping[str, str] | None = None,
    stack: str = "test",
) -> Captured:
    """Runs a program under mocks and waits for all its resources and outputs."""
    # An Output inside an f-string would become a paragraph of advice in a manifest: raise instead.
    os.environ["PULUMI_ERROR_OUTPUT_STRING"] = "1"
    monitor = _Monitor()
    outputs: Json = {}
    mocks.set_mocks(
        monitor.mocks, project=_project()["name"], stack=stack, preview=False, monitor=monitor
    )
    pulumi.runtime.set_all_config(dict(config or {}))

    def run() -> pulumi.Output[None]:
        return pulumi.Output.all(**program()).apply(outputs.update)

    cast("Any", pulumi.runtime).test(run)()
    return Captured(resources=monitor.registered, outputs=outputs)


def capture_stack(stack: str, overrides: Mapping[str, str] | None = None) -> Captured:
    """Runs the whole program with the settings of a stack."""

    def program() -> Mapping[str, Any]:
        runpy.run_path(str(ROOT / "__main__.py"))
        root = cast("Any", pulumi.runtime.get_root_resource())
        return cast("Json", root.outputs)

    try:
        return capture(program, config=configuration(stack, overrides), stack=stack)
    except pulumi.RunError as error:
        raise RenderError(str(error)) from error


def render(stack: str, overrides: Mapping[str, str] | None = None) -> Rendered:
    """Returns the Kubernetes objects and the outputs of a stack.

    Args:
        stack: Its name, as in Pulumi.NAME.yaml.
        overrides: Settings in place of the stack's, each as it would be typed; arrays as JSON.

    Raises:
        RenderError: The CLI or the program would refuse the settings.
    """
    captured = capture_stack(stack, overrides)
    objects = [one.inputs for one in captured.resources if "apiVersion" in one.inputs]
    objects.sort(key=lambda one: (_ORDER.index(one["kind"]), one["metadata"]["name"]))
    return Rendered(
        objects=[cast("Json", _ordered(one)) for one in objects],
        outputs={name: captured.outputs[name] for name in sorted(captured.outputs)},
    )


def _ordered(value: Any) -> Any:
    """Sorts keys, the telling ones first: the wire has no order, a diff needs one."""
    if isinstance(value, dict):
        mapping = cast("Json", value)
        rank = {key: place for place, key in enumerate(_FIRST)}
        keys = sorted(mapping, key=lambda key: (rank.get(key, len(rank)), key))
        return {key: _ordered(mapping[key]) for key in keys}
    if isinstance(value, list):
        return [_ordered(item) for item in cast("list[Any]", value)]
    return value


# The configuration, as the CLI puts it together.


def _project() -> Json:
    return cast("Json", yaml.safe_load((ROOT / "Pulumi.yaml").read_text(encoding="utf-8")))


def configuration(stack: str, overrides: Mapping[str, str] | None = None) -> dict[str, str]:
    """Merges Pulumi.yaml's defaults, the stack's file and the overrides; checks types like the CLI.

    The CLI passes over keys that Pulumi.yaml does not declare. Here they are an error, because
    each of them is a slip that would quietly leave a default in force.
    """
    project = _project()
    name = str(project["name"])
    declared = cast("dict[str, Json]", project["config"])
    values = {**_stack_values(name, stack), **_override_values(declared, overrides or {})}
    problems = [
        f"{key}: Pulumi.yaml declares no such setting; it declares {', '.join(declared)}"
        for key in values
        if ":" not in key and key not in declared
    ]
    missing: list[str] = []
    for key, schema in declared.items():
        if key not in values and "default" not in schema:
            missing.append(key)
        elif not _fits(value := values.setdefault(key, schema.get("default")), schema):
            kind = "array of strings" if schema["type"] == "array" else schema["type"]
            shown = json.dumps(value, ensure_ascii=False, default=str)
            problems.append(f"{key}: {shown} must be of type {kind}")
    if missing:
        problems.append(f"Stack {stack} is missing a value for {', '.join(missing)}")
    if problems:
        raise RenderError("\n".join(problems))
    return {key if ":" in key else f"{name}:{key}": _text(value) for key, value in values.items()}


def _stack_values(project: str, stack: str) -> Json:
    """Reads the stack's file; the project's own keys lose their prefix."""
    path = ROOT / f"Pulumi.{stack}.yaml"
    if not path.is_file():
        known = ", ".join(sorted(one.name.split(".")[1] for one in ROOT.glob("Pulumi.*.yaml")))
        raise RenderError(f"There is no {path.name}; the stacks with a file are: {known}")
    content = cast("Json", yaml.safe_load(path.read_text(encoding="utf-8")) or {})
    config = cast("Json", content.get("config") or {})
    return {key.removeprefix(f"{project}:"): value for key, value in config.items()}


def _override_values(declared: Mapping[str, Json], overrides: Mapping[str, str]) -> Json:
    values: Json = {}
    for key, text in overrides.items():
        values[key] = text
        if declared.get(key, {}).get("type") == "array":
            try:
                values[key] = json.loads(text)
            except json.JSONDecodeError as error:
                raise RenderError(
                    f'{key}: "{text}" must be a list in JSON, like ["one","two"]'
                ) from error
    return values


def _fits(value: Any, schema: Json) -> bool:
    """Applies the CLI's type check: whole numbers and booleans may also be written as text."""
    match schema["type"]:
        case "integer":
            return not isinstance(value, bool) and (isinstance(value, int) or _is_whole(value))
        case "boolean":
            return isinstance(value, bool) or value in ("true", "false")
        case "array":
            return isinstance(value, list) and all(
                _fits(item, schema["items"]) for item in cast("list[Any]", value)
            )
        case _:
            return isinstance(value, str)


def _is_whole(value: Any) -> bool:
    digits = value.removeprefix("-").removeprefix("+") if isinstance(value, str) else ""
    return digits.isascii() and digits.isdigit()


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


# Writing.


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as block literals, so that a script can be read."""

    def ignore_aliases(self, data: Any) -> bool:
        """Writes equal parts out each time instead of as anchors and aliases."""
        del data
        return True


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    scalar = cast("Any", dumper).represent_scalar("tag:yaml.org,2002:str", text, style=style)
    return cast("yaml.ScalarNode", scalar)


_Dumper.add_representer(str, _represent_text)


def to_yaml(objects: list[Json]) -> str:
    """Writes objects as one YAML stream."""
    return yaml.dump_all(
        objects,
        Dumper=_Dumper,
        sort_keys=False,
        allow_unicode=True,
        explicit_start=True,
        width=100,
    )


def main(arguments: list[str] | None = None) -> int:
    """Renders as the command line says; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.render", description="Write a stack's Kubernetes objects as YAML."
    )
    parser.add_argument("--stack", required=True, help="name of the stack, as in Pulumi.NAME.yaml")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        dest="overrides",
        help="a setting in place of the stack's; arrays as JSON; may be repeated",
    )
    parser.add_argument("--output", type=Path, metavar="FILE", help="write there, not to stdout")
    parser.add_argument(
        "--outputs", action="store_true", help="print the stack's outputs as JSON instead"
    )
    options = parser.parse_args(arguments)
    overrides: dict[str, str] = {}
    for text in cast("list[str]", options.overrides):
        key, equals, value = text.partition("=")
        if not equals:
            parser.error(f"--set takes KEY=VALUE, not {text!r}")
        overrides[key] = value
    try:
        rendered = render(options.stack, overrides)
    except RenderError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    text = (
        json.dumps(rendered.outputs, indent=2, ensure_ascii=False) + "\n"
        if options.outputs
        else to_yaml(rendered.objects)
    )
    if options.output:
        cast("Path", options.output).write_text(text, encoding="utf-8")
    else:
        sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())

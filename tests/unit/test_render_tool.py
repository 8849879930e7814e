"""tools/render.py: clean YAML, and the rules by which the Pulumi CLI reads configuration."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.scripts import read_scripts
from tools import render as tool
from tools.render import Rendered, RenderError, configuration, main, render, to_yaml


def numbers(value: Any) -> list[float]:
    if isinstance(value, dict):
        return [n for item in value.values() for n in numbers(item)]  # pyright: ignore
    if isinstance(value, list):
        return [n for item in value for n in numbers(item)]  # pyright: ignore
    return [value] if isinstance(value, float) else []


def test_the_yaml_says_what_the_objects_say(prod_rendered: Rendered) -> None:
    assert list(yaml.safe_load_all(to_yaml(prod_rendered.objects))) == prod_rendered.objects


def test_whole_numbers_are_written_without_a_point(prod_rendered: Rendered) -> None:
    assert not numbers(prod_rendered.objects), "Kubernetes refuses 0.0 for an integer"


def test_the_objects_come_in_a_stable_order(prod_rendered: Rendered) -> None:
    kinds = [one["kind"] for one in prod_rendered.objects]
    assert kinds == [
        *["ServiceAccount"] * 3,
        "Role",
        *["ConfigMap"] * (len(read_scripts().rooms) + 1),
        "PersistentVolumeClaim",
        *["CronJob"] * 3,
    ]
    assert to_yaml(render("prod").objects) == to_yaml(prod_rendered.objects)
    assert list(prod_rendered.objects[0])[:3] == ["apiVersion", "kind", "metadata"]
    assert not [one for one in prod_rendered.objects if "status" in one]


def test_scripts_are_block_literals(prod_rendered: Rendered) -> None:
    text = to_yaml(prod_rendered.objects)
    assert "\n  all.sh: |" in text
    assert "\n  main.sh: |" in text
    assert "#!/usr/bin/env bash" in text or "#!/bin/bash" in text


def test_overrides_take_the_place_of_the_stacks_settings() -> None:
    rendered = render("prod", {"volumeSize": "1Gi", "applications": '["statefulset/db"]'})
    [claim] = [one for one in rendered.objects if one["kind"] == "PersistentVolumeClaim"]
    assert claim["spec"]["resources"]["requests"]["storage"] == "1Gi"
    assert (
        '"statefulset/db"'
        in configuration("prod", {"applications": '["statefulset/db"]'})["pgkeep:applications"]
    )


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ({"retentionDay": "14"}, "retentionDay: Pulumi.yaml declares no such setting"),
        ({"retentionDays": "soon"}, 'retentionDays: "soon" must be of type integer'),
        ({"retentionDays": "1.5"}, "must be of type integer"),
        ({"suspend": "yes"}, 'suspend: "yes" must be of type boolean'),
        ({"applications": "deployment/a"}, "must be a list in JSON"),
        ({"applications": "[1]"}, "applications: [1] must be of type array of strings"),
        ({"applications": '"x"'}, "must be of type array of strings"),
        ({"retentionDays": "0"}, "Mend it: pulumi config set retentionDays 30"),
    ],
)
def test_what_the_cli_or_the_program_refuses_is_refused(
    overrides: dict[str, str], words: str
) -> None:
    with pytest.raises(RenderError) as caught:
        render("prod", overrides)
    assert words in str(caught.value)


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project folder of its own, to try other stack files in."""
    (tmp_path / "Pulumi.yaml").write_text((tool.ROOT / "Pulumi.yaml").read_text())
    monkeypatch.setattr(tool, "ROOT", tmp_path)
    return tmp_path


def test_missing_required_settings_are_told_together(house: Path) -> None:
    (house / "Pulumi.x.yaml").write_text("config:\n  pgkeep:namespace: n\n")
    with pytest.raises(RenderError, match="databaseHost, databaseSecret"):
        configuration("x")


def test_a_number_for_a_text_is_refused_as_by_the_cli(house: Path) -> None:
    (house / "Pulumi.x.yaml").write_text("config:\n  pgkeep:resourcesCpuLimit: {a: 1}\n")
    with pytest.raises(RenderError, match=r"resourcesCpuLimit: .* must be of type string"):
        configuration("x")


def test_numbers_may_be_written_as_text_as_the_cli_stores_them(house: Path) -> None:
    required = "".join(
        f"  pgkeep:{key}: x\n"
        for key in ("namespace", "databaseHost", "databaseName", "databaseSecret")
    )
    for written in ("14", '"14"'):
        (house / "Pulumi.x.yaml").write_text(
            f"config:\n{required}  pgkeep:retentionDays: {written}\n"
        )
        assert configuration("x")["pgkeep:retentionDays"] == "14"


def test_an_unknown_stack_is_told_with_those_there_are() -> None:
    with pytest.raises(RenderError, match=r"no Pulumi\.staging\.yaml.*: dev, prod"):
        render("staging")


def test_each_stack_file_says_which_cluster_it_is_for() -> None:
    for stack in ("dev", "prod"):
        assert configuration(stack)["kubernetes:clusterIdentifier"]


def test_the_command_writes_yaml_or_outputs(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["--stack", "dev", "--output", str(tmp_path / "dev.yaml")]) == 0
    assert capsys.readouterr().out == ""
    assert (tmp_path / "dev.yaml").read_text(encoding="utf-8").startswith("---\napiVersion")
    assert main(["--stack", "dev", "--outputs", "--set", "namespace=other"]) == 0
    assert json.loads(capsys.readouterr().out)["namespace"] == "other"


def test_the_command_fails_with_the_message_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--stack", "prod", "--set", "jobs=0"]) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert "Traceback" not in error

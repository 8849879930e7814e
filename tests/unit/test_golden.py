"""The objects of prod against the reviewed ones: a change shows here as `pulumi preview` shows it.

    UPDATE_GOLDEN=1 pytest tests/unit/test_golden.py     writes them anew; then read the diff

The scripts and the hashes in their ConfigMaps' names are left out: they have their own review.
"""

import difflib
import os
import re
from copy import deepcopy
from pathlib import Path

from tools.render import Rendered, to_yaml

GOLDEN = Path(__file__).parent / "golden" / "prod.yaml"


def without_scripts(rendered: Rendered) -> str:
    objects = deepcopy(rendered.objects)
    for one in objects:
        if one["metadata"]["labels"]["app.kubernetes.io/component"] == "scripts":
            one["data"] = {"SCRIPTS": "the files of scripts/"}
    return re.sub(r"(postgres-backup-scripts-[a-z-]+)-[0-9a-f]{10}\b", r"\1-HASH", to_yaml(objects))


def test_the_manifests_of_prod_are_the_reviewed_ones(prod_rendered: Rendered) -> None:
    found = without_scripts(prod_rendered)
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.write_text(found, encoding="utf-8")
    golden = GOLDEN.read_text(encoding="utf-8") if GOLDEN.exists() else ""
    difference = "".join(
        difflib.unified_diff(
            golden.splitlines(keepends=True), found.splitlines(keepends=True), "golden", "found"
        )
    )
    assert not difference, f"UPDATE_GOLDEN=1 takes this over:\n{difference}"

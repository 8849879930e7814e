"""Records: each line is JSON, whatever names hold."""

from __future__ import annotations

import json
import shlex

from tests.scripts.harness import SCRIPTS, Pod


def test_a_record_holds_text_as_it_is_and_json_as_it_is(pod: Pod) -> None:
    name = 'a "name" \\ with \\"both'
    words = shlex.join(["database", name, "digits", "007", ":bytes", "12.5", ":safety", "true"])
    code = f"SCRIPTS={SCRIPTS}; source $SCRIPTS/volume/records.sh; json_of {words}"
    found = json.loads(pod.run("console/main.sh", code=code).output)
    assert found == {"database": name, "digits": "007", "bytes": 12.5, "safety": True}

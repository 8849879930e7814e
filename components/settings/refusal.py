"""How a setting is refused: one exception per value, one error for all of them.

Nothing under here imports pulumi, so that the rules can be used and tested without it.
"""

import json
import shlex

_SHOWN = 80  # longest part of a wrong value that a message repeats


class RefusedError(ValueError):
    """One value that is not allowed, with what is allowed and a value that would do."""

    def __init__(self, allowed: str, example: str) -> None:
        """Says what is allowed, and gives an example that could be typed instead."""
        super().__init__(allowed)
        self.allowed = allowed
        self.example = example


class SettingsError(ValueError):
    """Every wrong setting of a stack, one paragraph each."""

    def __init__(self, problems: list[str]) -> None:
        """Joins the paragraphs under one heading."""
        count = "One setting is" if len(problems) == 1 else f"{len(problems)} settings are"
        super().__init__("\n\n".join([f"{count} wrong.", *problems]))
        self.problems = problems


def paragraph(key: str, value: object, refused: RefusedError, *, command: str) -> str:
    """Words one refusal the way every message of this program is worded."""
    if value is None:
        return f"{key}: is not set: {refused.allowed}. Mend it: {command}"
    return f"{key}: {_quoted(value)} is not allowed: {refused.allowed}. Mend it: {command}"


def set_command(key: str, example: str) -> str:
    """Returns the Pulumi command that sets a key; a path such as names[0] needs its flag."""
    path = f"--path {shlex.quote(key)}" if "[" in key else key
    return f"pulumi config set {path} {shlex.quote(example)}"


def _quoted(value: object) -> str:
    """Shows a value on one line, without the credentials of a connection URL."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if "@" in text and ("://" in text or ":" in text.split("@", 1)[0]):
        text = "***@" + text.rsplit("@", 1)[1]
    if len(text) > _SHOWN:
        text = text[:_SHOWN] + "…"
    return json.dumps(text, ensure_ascii=False)

"""Reads keys one by one and tells all that is wrong with them at the end."""

import json
from collections.abc import Callable
from typing import Protocol, TypeVar, cast

from components.settings import validation
from components.settings.refusal import RefusedError, SettingsError, paragraph, set_command

T = TypeVar("T")


class ConfigSource(Protocol):
    """What is needed of `pulumi.Config`: the text of a key, or nothing."""

    def get(self, key: str) -> str | None:
        """Returns the value as the CLI hands it over; arrays come as JSON."""
        ...


class Reader:
    """Reads keys and collects what is wrong with them, so that all of it is told at once.

    After a problem it returns a stand-in of no use; `finish` raises before anyone could use it.
    """

    def __init__(self, config: ConfigSource) -> None:
        """Begins without a problem."""
        self._config = config
        self._values: dict[str, str | None] = {}
        self._problems: dict[str, str] = {}

    def text(self, key: str, rule: Callable[[str], T]) -> T:
        """Returns the checked value of a key."""
        value = self._values[key] = self._config.get(key)
        try:
            checked = rule(value or "")
            if value is None:  # an empty text would do, but nobody has said so
                raise RefusedError("a value", "''")
        except RefusedError as refused:
            self._refuse(key, value, refused)
            return cast("T", None)
        return checked

    def array(self, key: str, rule: Callable[[str], str]) -> tuple[str, ...]:
        """Returns the checked texts of a list."""
        text = self._config.get(key)
        items = _json_list(text)
        if items is None:
            example = _example(rule)
            refused = RefusedError(f"a list of texts like {example}, which may be empty", example)
            self._refuse(key, text, refused, command=set_command(f"{key}[0]", example))
            return ()
        for index, item in enumerate(items):
            self._item(f"{key}[{index}]", item, rule, known=items[:index])
        return tuple(cast("list[str]", items))

    def one_or_several(self, one: str, several: str, rule: Callable[[str], str]) -> tuple[str, ...]:
        """Reads a pair of keys of which exactly one is set."""
        value = self.text(one, lambda text: rule(text) if text else text)
        values = self.array(several, rule)
        if any(key.partition("[")[0] in (one, several) for key in self._problems):
            return values
        example = _example(rule)
        if value and values:
            refused = RefusedError(f"a name here or names in {several}, not both", "")
            self._refuse(one, value, refused, command=f"pulumi config rm {one}")
        if not value and not values:
            first = set_command(f"{several}[0]", example)
            allowed = f"a name, or for more than one the names in {several} ({first})"
            self._refuse(one, value, RefusedError(allowed, example))
        return values or (value,)

    def _item(
        self, place: str, item: object, rule: Callable[[str], str], *, known: list[object]
    ) -> None:
        if item in known:
            refused = RefusedError("each only once", "")
            self._refuse(place, item, refused, command=f"pulumi config rm --path '{place}'")
            return
        try:
            rule(item if isinstance(item, str) else "")
        except RefusedError as refused:
            self._refuse(place, item, refused)

    def stack(self, name: str) -> None:
        """Checks the stack's own name, which becomes a label."""
        try:
            validation.label_value(name)
        except RefusedError as refused:
            command = f"pulumi stack rename {refused.example}"
            self._refuse("name of the stack", name, refused, command=command)

    def together(self, keys: tuple[str, ...], rule: Callable[[], None]) -> None:
        """Checks a rule about several keys, unless one of them is wrong by itself."""
        if any(key in self._problems for key in keys):
            return
        try:
            rule()
        except RefusedError as refused:
            self._refuse(keys[0], self._values[keys[0]], refused)

    def _refuse(
        self, key: str, value: object, refused: RefusedError, *, command: str | None = None
    ) -> None:
        command = command or set_command(key, refused.example)
        self._problems[key] = paragraph(key, value, refused, command=command)

    def finish(self) -> None:
        """Raises one SettingsError when anything was wrong."""
        if self._problems:
            raise SettingsError(list(self._problems.values()))


def _json_list(text: str | None) -> list[object] | None:
    try:
        items: object = json.loads(text or "")
    except json.JSONDecodeError:
        return None
    return cast("list[object]", items) if isinstance(items, list) else None


def _example(rule: Callable[[str], str]) -> str:
    try:
        return rule("")
    except RefusedError as refused:
        return refused.example

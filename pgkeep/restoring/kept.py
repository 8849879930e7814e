"""The databases that restores have kept, as the script lists them. Pure."""

import re
from dataclasses import dataclass

_LINE = re.compile(r"  (?P<name>.+): (?P<words>[^:]*, kept since .+)")
_FOREIGN = ", of another owner: "


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One of them."""

    name: str
    words: str
    """Its size, since when it is kept, and what took its place."""

    @property
    def foreign(self) -> bool:
        """Whether it belongs to somebody else than the live one does, so that it is left alone."""
        return _FOREIGN in self.words


def parse(lines: list[str] | tuple[str, ...]) -> list[Kept]:
    """Read the script's list, newest first."""
    found = [_LINE.fullmatch(line) for line in lines]
    return [Kept(name=one["name"], words=one["words"]) for one in found if one]

"""Kubernetes quantities (`500m`, `512Mi`, `2e3`) as exact numbers that can be compared."""

import re
from collections.abc import Callable
from fractions import Fraction
from math import ceil

from components.settings.refusal import RefusedError

_GRAMMAR = re.compile(
    r"([+-]?(?:\d+(?:\.\d*)?|\.\d+))(?:(Ki|Mi|Gi|Ti|Pi|Ei|n|u|m|k|M|G|T|P|E)|[eE]([+-]?\d{1,3}))?",
    re.ASCII,
)
_FACTOR = {
    **{unit: Fraction(1024) ** power for power, unit in enumerate(("", "Ki", "Mi", "Gi", "Ti"))},
    "Pi": Fraction(1024) ** 5,
    "Ei": Fraction(1024) ** 6,
    **{unit: Fraction(1000) ** power for power, unit in enumerate(("n", "u", "m"), start=-3)},
    **{unit: Fraction(1000) ** (n + 1) for n, unit in enumerate(("k", "M", "G", "T", "P", "E"))},
}
# The API server holds a quantity in 64 bits; more is cut off there without a word.
_LARGEST = 2**63 - 1


def parse(text: str) -> Fraction | None:
    """Returns the exact value of a quantity, or nothing when it is not one."""
    match = _GRAMMAR.fullmatch(text)
    if not match:
        return None
    number, unit, exponent = match.groups()
    scale = Fraction(10) ** int(exponent) if exponent else _FACTOR[unit or ""]
    return Fraction(number) * scale


def _at_least(smallest: str, kind: str, example: str) -> Callable[[str], str]:
    least = parse(smallest)
    assert least is not None  # noqa: S101  (a constant of this module)

    def check(text: str) -> str:
        value = parse(text)
        if value is None or not least <= value <= _LARGEST:
            hint = _hint(text, value, example)
            raise RefusedError(f"{kind} of at least {smallest}, {hint}", example)
        return text

    return check


def _hint(text: str, value: Fraction | None, example: str) -> str:
    if value is not None and text.endswith("m") and example.endswith("i"):
        return 'and "m" means a thousandth: write "Mi" for mebibytes'
    if value is not None and value > _LARGEST:
        return "and no more than 64 bits can hold"
    return "with a suffix Kubernetes knows (m k M G T Ki Mi Gi Ti) and no space"


# Below these a pod starts and is killed at once, or the claim is a slip of the unit.


def cpu(example: str) -> Callable[[str], str]:
    """Makes a check for a number of processors."""
    return _at_least("1m", "a number of processors", example)


def memory(example: str) -> Callable[[str], str]:
    """Makes a check for an amount of memory."""
    return _at_least("32Mi", "an amount of memory", example)


def storage(example: str) -> Callable[[str], str]:
    """Makes a check for the size of a volume."""
    return _at_least("32Mi", "a size", example)


def within(request: str, limit: str) -> None:
    """Refuses a request above its limit, which the API server would refuse for each pod."""
    wanted, most = parse(request), parse(limit)
    if wanted is not None and most is not None and wanted > most:
        raise RefusedError(f"no more than the limit, which is {limit}", limit)


def jobs_within_cpu(jobs: int, limit: str) -> None:
    """Refuses more parallel jobs than the processors of the limit, rounded up."""
    processors = parse(limit)
    if processors is not None and jobs > (most := ceil(processors)):
        raise RefusedError(
            f"no more than {most}, the processors of resourcesCpuLimit ({limit}) rounded up:"
            " more would only wait for each other",
            str(most),
        )

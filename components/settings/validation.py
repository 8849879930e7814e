"""The rules of single settings: each takes the text as typed and returns the checked value.

What a pod or the API server would refuse later is refused here, at `pulumi preview`, with the cure.
Nothing here imports pulumi. Schedules are in cron.py, quantities in quantities.py.
"""

import ipaddress
import re
from collections.abc import Callable
from functools import cache
from zoneinfo import available_timezones

from components.settings.refusal import RefusedError

_LABEL = re.compile(r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?", re.ASCII)
_SUBDOMAIN = re.compile(rf"{_LABEL.pattern}(?:\.{_LABEL.pattern})*", re.ASCII)
_HOST_LABEL = re.compile(r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?", re.ASCII | re.IGNORECASE)
_LABEL_VALUE = re.compile(r"[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?", re.ASCII)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}", re.ASCII)
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", re.ASCII)
# Lower case path, before it a registry that is told from a path by its dot, port or "localhost".
_REPOSITORY = re.compile(
    r"(?:(?:[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+(?::\d+)?|[A-Za-z0-9-]+:\d+|localhost)/)?"
    r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*",
    re.ASCII,
)
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
# pg_dump's methods with their levels. zstd has levels above 19, at memory the pod does not have.
_LEVELS = {"gzip": 9, "lz4": 12, "zstd": 19}


def whole_number(low: int, high: int, example: int) -> Callable[[str], int]:
    """Makes a check for whole numbers from low to high."""

    def check(text: str) -> int:
        # Not int(text) alone: it takes "1_000", " 5 " and digits of other scripts.
        if not re.fullmatch(r"\d{1,10}", text, re.ASCII) or not low <= int(text) <= high:
            raise RefusedError(f"a whole number of at least {low} and at most {high}", str(example))
        return int(text)

    return check


def truth(text: str) -> bool:
    """Accepts exactly what Pulumi accepts as a boolean."""
    if text not in ("true", "false"):
        raise RefusedError("true or false", "false")
    return text == "true"


def one_of(*allowed: str) -> Callable[[str], str]:
    """Makes a check for a word out of a few; the first is the example."""

    def check(text: str) -> str:
        if text not in allowed:
            raise RefusedError(f"one of {', '.join(allowed)}", allowed[0])
        return text

    return check


def duration(low: str, high: str, example: str) -> Callable[[str], int]:
    """Makes a check for a duration such as 90s, 30m, 6h or 2d; the value is in seconds."""

    def seconds(text: str) -> int | None:
        match = re.fullmatch(r"(\d{1,9})([smhd])", text, re.ASCII)
        return int(match[1]) * _UNITS[match[2]] if match else None

    least, most = seconds(low) or 0, seconds(high) or 0

    def check(text: str) -> int:
        value = seconds(text)
        if value is None or not least <= value <= most:
            raise RefusedError(
                f"a whole number and its unit (s, m, h or d) without a space, from {low} to {high}",
                example,
            )
        return value

    return check


def label_name(example: str) -> Callable[[str], str]:
    """Makes a check for an RFC 1123 label, as namespaces have."""
    return _name(_LABEL, 63, "lower case letters, digits and -", example)


def subdomain_name(example: str) -> Callable[[str], str]:
    """Makes a check for an RFC 1123 subdomain, as claims, secrets and storage classes have."""
    return _name(_SUBDOMAIN, 253, "lower case letters, digits, - and single dots", example)


def or_nothing(check: Callable[[str], str]) -> Callable[[str], str]:
    """Makes a check that lets an empty text pass as well."""
    return lambda text: check(text) if text else ""


def _name(pattern: re.Pattern[str], longest: int, letters: str, example: str) -> Callable[..., str]:
    def check(text: str) -> str:
        if len(text) > longest or not pattern.fullmatch(text):
            raise RefusedError(
                f"a name of 1 to {longest} characters, {letters}, with a letter or digit at"
                f" both ends (this one has {len(text)} characters)",
                example,
            )
        return text

    return check


def label_value(text: str) -> str:
    """Checks a text that becomes the value of a Kubernetes label."""
    if not _LABEL_VALUE.fullmatch(text):
        raise RefusedError(
            "a name of 1 to 63 characters with a letter or digit at both ends, because it becomes"
            " the label app.kubernetes.io/instance",
            "prod",
        )
    return text


def secret_key(example: str) -> Callable[[str], str]:
    """Makes a check for a key inside a Secret."""

    def check(text: str) -> str:
        # Kubernetes refuses "." and whatever begins with "..": a key becomes a file name.
        if (
            not re.fullmatch(r"[-._a-zA-Z0-9]{1,253}", text, re.ASCII)
            or text == "."
            or text.startswith("..")
        ):
            raise RefusedError(
                "the name of a key in the Secret: 1 to 253 letters, digits, -, _ and dots", example
            )
        return text

    return check


def database_host(text: str) -> str:
    """Checks a host name or IP address that a pod could connect to."""
    example = "postgres-service"
    if "://" in text or "@" in text:
        raise RefusedError(
            "the host alone; user and password stay in the Secret, port and database have their"
            " own settings",
            example,
        )
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        _host_name(text, example)
        local = text.lower().rstrip(".").rsplit(".", 1)[-1] == "localhost"
    else:
        local = address.is_loopback or address.is_unspecified
    if local:
        raise RefusedError(
            "a host other than the pod itself, which is what this one means inside a pod", example
        )
    return text


def _host_name(text: str, example: str) -> None:
    name = text.removesuffix(".")
    labels = name.split(".")
    if len(name) > 253 or not all(_HOST_LABEL.fullmatch(label) for label in labels):
        port = re.fullmatch(r"[^:]+:(\d+)", text, re.ASCII)
        hint = f"; the port belongs into databasePort ({port[1]})" if port else ""
        raise RefusedError(f"a host name or an IP address, nothing else{hint}", example)
    if labels[-1].isdigit():
        raise RefusedError("a host name, or an IP address with four numbers up to 255", example)


def database_name(text: str) -> str:
    """Checks the name of a database that can be dumped and replaced."""
    example = "app"
    if not 1 <= len(text.encode()) <= 63 or any(not letter.isprintable() for letter in text):
        raise RefusedError("a name of 1 to 63 bytes without control characters", example)
    if text in ("template0", "template1"):
        raise RefusedError("a database of your own: templates hold nothing to back up", example)
    return text


def image(text: str) -> str:
    """Checks that an image is well formed and pinned by a tag or a digest."""
    example = "postgres:17-bookworm"
    name, at, digest = text.partition("@")
    if at and not _DIGEST.fullmatch(digest):
        raise RefusedError("a digest of the form sha256: and 64 hexadecimal digits", example)
    repository, tag = split_tag(name)
    if not _REPOSITORY.fullmatch(repository) or (tag is not None and not _TAG.fullmatch(tag)):
        raise RefusedError(
            "an image as REGISTRY/NAME:TAG, its name in lower case, without a scheme or spaces",
            example,
        )
    if not digest and tag is None:
        raise RefusedError(
            "an image with a tag or a digest: without one each node takes what is newest",
            f"{text}:17-bookworm",
        )
    if not digest and tag == "latest":
        raise RefusedError(
            'a tag other than "latest", which changes the major version without being asked',
            f"{repository}:17-bookworm",
        )
    return text


def split_tag(reference: str) -> tuple[str, str | None]:
    """Splits NAME:TAG, knowing that the colon of `registry:5000/name` begins no tag."""
    name = reference.partition("@")[0]
    head, colon, tag = name.rpartition(":")
    if not colon or "/" in tag:
        return name, None
    return head, tag


@cache
def _zones() -> frozenset[str]:
    # What the machine calls "localtime" or "Factory" is not the same place in the cluster.
    return frozenset(available_timezones() - {"localtime", "Factory", "posixrules", "Local"})


def time_zone(text: str) -> str:
    """Checks an IANA time zone, by its exact spelling."""
    if text not in _zones():
        near = [zone for zone in sorted(_zones()) if zone.lower() == text.lower()]
        hint = f"; did you mean {near[0]}" if near else ""
        raise RefusedError(
            f"an IANA time zone in its own spelling, like Etc/UTC or Europe/Berlin{hint}",
            near[0] if near else "Etc/UTC",
        )
    return text


def smoke_query(text: str) -> str:
    """Checks a query that is asked of a restored database; an empty text is none."""
    odd = any(not letter.isprintable() and letter not in "\n\t" for letter in text)
    # Anything else returns no rows, or is a command of psql's own.
    if text and (odd or not re.match(r"\s*(select|with|values|table)\b", text, re.IGNORECASE)):
        raise RefusedError(
            "one SQL query that begins with SELECT, WITH, VALUES or TABLE, or an empty text",
            "SELECT 1 FROM users LIMIT 1",
        )
    return text


def application(text: str) -> str:
    """Checks one workload that a restore stops and starts again."""
    kind, _, name = text.partition("/")
    if (
        kind not in ("deployment", "statefulset")
        or len(name) > 253
        or not _SUBDOMAIN.fullmatch(name)
    ):
        raise RefusedError(
            "deployment/NAME or statefulset/NAME, with the name as Kubernetes has it",
            "deployment/my-app",
        )
    return text


def compression(text: str) -> str:
    """Checks auto, none, or a method with its level."""
    method, _, level = text.partition(":")
    most = _LEVELS.get(method)
    if text in ("auto", "none"):
        return text
    if not most or not re.fullmatch(r"[1-9]\d?", level, re.ASCII) or int(level) > most:
        raise RefusedError(
            "auto, none, gzip:1 to gzip:9, lz4:1 to lz4:12, zstd:1 to zstd:19", "auto"
        )
    return text


def compression_fits(compression: str, dump_format: str, image: str) -> None:
    """Refuses a compression that the format or the image's pg_dump does not know."""
    method = compression.partition(":")[0]
    if dump_format == "plain" and method not in ("auto", "gzip"):
        raise RefusedError(
            "auto or gzip:1 to gzip:9 while format is plain, whose file is named .sql.gz and is"
            " read by zcat",
            "auto",
        )
    major = postgres_major(image)
    if method in ("lz4", "zstd") and major is not None and major < 16:
        raise RefusedError(
            f"auto, none or gzip:1 to gzip:9 with the image {image}: pg_dump {major} does not know"
            f" {method}, which came with 16",
            "auto",
        )


def postgres_major(image: str) -> int | None:
    """Reads the major version from the tag of an image named postgres; else nothing is known."""
    repository, tag = split_tag(image)
    match = re.match(r"(\d{1,2})(?=[.-]|$)", tag or "", re.ASCII)
    return int(match[1]) if match and repository.rsplit("/", 1)[-1] == "postgres" else None


def different_keys(user_key: str, password_key: str) -> None:
    """Refuses one key for both the user and the password."""
    if user_key == password_key:
        raise RefusedError("another key than databaseUserKey", "password")

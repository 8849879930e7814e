"""A container's log as one stream of lines, also when the connection breaks in between."""

import re
import threading
from collections import Counter
from collections.abc import Callable

from pgkeep.errors import NotFoundError, PgkeepError, UnreachableError
from pgkeep.kube.client import PODS, Cluster
from pgkeep.kube.objects import JsonObject, entries, section
from pgkeep.terminal.words import printable

CONTAINER = "pgkeep"

_STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")
_FIRST_WAIT_SECONDS = 0.5
_LONGEST_WAIT_SECONDS = 8.0


class LogPosition:
    """Where in a log we are, and which lines of that second have been seen.

    The API can begin again only at a full second, so the lines of that second come twice; their
    time stamps have nanoseconds, which is what tells them apart. Lines that agree even in that are
    counted.
    """

    def __init__(self) -> None:
        """Begin at the start of the log."""
        self._second = ""
        self._seen: Counter[str] = Counter()
        self._again: Counter[str] = Counter()

    @property
    def since(self) -> str | None:
        """What to ask for when the stream is opened again (RFC 3339); None for everything."""
        return f"{self._second}Z" if self._second else None

    def reopened(self) -> None:
        """Note that the stream begins anew at `since`."""
        self._again = self._seen.copy()

    def accept(self, raw: str) -> str | None:
        """Return the text of a new line, or None for a line seen before, or cut, or no line at all.

        Args:
            raw: Time stamp, blank, text, newline.
        """
        if not raw.endswith("\n"):
            return None
        stamp, _, text = raw.rstrip("\r\n").partition(" ")
        if _STAMP.match(stamp) is None:
            return None  # the kubelet's own words, of a container that is gone from its node
        second = stamp[:19]  # 2026-11-23T02:00:00
        if self._again[raw] > 0:
            self._again[raw] -= 1
            return None
        if second > self._second:
            self._second = second
            self._seen.clear()
            self._again.clear()
        if second == self._second:
            self._seen[raw] += 1
        return printable(text)


def container_state(pod: JsonObject) -> tuple[str, JsonObject]:
    """Return the pgkeep container's state, ("waiting" | "running" | "terminated", its details)."""
    for status in entries(pod, "status", "containerStatuses"):
        if status.get("name") == CONTAINER:
            for state, details in section(status, "state").items():
                return str(state), details or {}
    return "waiting", {}


def read_log(
    cluster: Cluster, pod: str, *, on_line: Callable[[str], None], stop: threading.Event
) -> None:
    """Hand every line of a started container to `on_line`, each once, until the container ends.

    Broken streams are begun again; a cluster that is away is waited for.

    Args:
        cluster: Where.
        pod: The pod's name.
        on_line: Called with the text of a line, without time stamp and newline.
        stop: Ends the reading at the next line or break.

    Raises:
        PgkeepError: The log may not be read. A pod that is gone ends the log, without error.
    """
    position = LogPosition()
    wait = _FIRST_WAIT_SECONDS
    ended = False
    while not stop.is_set():
        try:
            for raw in cluster.log(
                pod, container=CONTAINER, follow=not ended, since=position.since
            ):
                wait = _FIRST_WAIT_SECONDS
                if ended and not raw.endswith("\n"):
                    raw += "\n"  # nothing can follow: the container did not end its last line
                text = position.accept(raw)
                if text is not None:
                    on_line(text)
                if stop.is_set():
                    return
            if ended:
                return
            # A stream that ends says nothing about why. After the container's end the log is read
            # once more from the last line on, for what a broken stream has kept back.
            ended = container_state(cluster.get(PODS, pod))[0] == "terminated"
        except NotFoundError:
            return
        except UnreachableError:
            stop.wait(wait)
            wait = min(wait * 2, _LONGEST_WAIT_SECONDS)
        position.reopened()


def diagnosis(lines: list[str]) -> PgkeepError | None:
    """Return what the script's last lines say (ERROR:, CAUSE:, CURE:), or None."""
    parts: dict[str, str] = {}
    for line in reversed(lines[-20:]):
        word, colon, rest = line.strip().partition(":")
        if colon and word in ("ERROR", "CAUSE", "CURE") and word not in parts:
            parts[word] = rest.strip()
        if word == "ERROR":
            break
    if "ERROR" not in parts:
        return None
    return PgkeepError(parts["ERROR"], cause=parts.get("CAUSE", ""), cure=parts.get("CURE", ""))

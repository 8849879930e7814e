"""A wire between a run and the server that can stop, be cut, or lose everything."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from typing import Literal

from tests.scripts.harness import wait_until
from tests.scripts.promises.faults.runs import Run

Side = Literal["client", "server"]
READY = b"Z\0\0\0\5I"  # the server's last words of a login


class Proxy:
    """Forwards TCP from a port of its own to the server's.

    Told to wait for some words from one side, it stands still when they have passed by: that
    connection gets and gives nothing more until `release` or `cut`. Told to fall silent at a
    connection, it gives nobody an answer from then on.
    """

    def __init__(self, port: int, address: str = "127.0.0.1") -> None:
        self.target = port
        self.listener = socket.create_server((address, 0))
        self.port = int(self.listener.getsockname()[1])
        self.reached = threading.Event()
        self.gate = threading.Event()
        self.words = b""
        self.side: Side = "server"
        self.silent = False  # new connections, too, get no answer
        self.accepted = 0  # connections so far
        self.last = 0  # the number of the connection at which it falls silent
        self.lets_in = False  # that one is still let in
        self.open: list[socket.socket] = []
        self.caught: tuple[socket.socket, socket.socket] | None = None
        threading.Thread(target=self.accept, daemon=True).start()

    def wait_for(self, words: bytes, side: Side = "server") -> None:
        """Stands still when these words have come from that side."""
        self.words, self.side = words, side

    def silence_at(self, number: int, *, lets_in: bool) -> None:
        """Falls silent at the connection of that number, before or after its login."""
        self.lets_in = lets_in
        self.last = number

    def fall_silent(self) -> None:
        """Nobody gets an answer any more, also after an earlier `release` or `cut`."""
        self.gate = threading.Event()
        self.silent = True
        self.reached.set()

    def wait_until_held(self, going: Run) -> None:
        """Waits until the words have come, in a run that is still going."""
        wait_until(lambda: self.reached.is_set() or going.process.poll() is not None, 60, 0.005)
        assert self.reached.is_set(), f"it ended before:\n{going.output}"

    def accept(self) -> None:
        """Takes connections until the listener is closed."""
        with suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                self.open.append(client)
                self.accepted += 1
                last = self.accepted == self.last
                if last and not self.lets_in:
                    self.fall_silent()
                try:
                    server = socket.create_connection(("127.0.0.1", self.target))
                except OSError:  # the server is down
                    with suppress(OSError):
                        client.shutdown(socket.SHUT_RDWR)
                    continue
                self.open.append(server)
                for side, source, sink in (("client", client, server), ("server", server, client)):
                    arguments = (side, source, sink, last)
                    threading.Thread(target=self.pump, args=arguments, daemon=True).start()

    def pump(self, side: Side, source: socket.socket, sink: socket.socket, last: bool) -> None:
        """Forwards one direction of one connection."""
        seen = b""
        with suppress(OSError):
            while chunk := source.recv(65536):
                if self.silent or (self.reached.is_set() and self.is_caught(source)):
                    self.gate.wait()
                seen = seen[-len(self.words) :] + chunk if self.words else b""
                if self.words and side == self.side and self.words in seen:
                    if side == "server":  # up to these words; what comes after them is missing
                        end = seen.index(self.words) + len(self.words) - len(seen) + len(chunk)
                        sink.sendall(chunk[:end])
                        chunk = chunk[end:]
                    self.words = b""
                    self.caught = (source, sink)
                    self.reached.set()
                    self.gate.wait()
                if chunk:
                    sink.sendall(chunk)
                if last and side == "server" and chunk.endswith(READY):
                    self.fall_silent()
        with suppress(OSError):
            sink.shutdown(socket.SHUT_WR)

    def is_caught(self, one: socket.socket) -> bool:
        """Does this socket belong to the connection that stands still?"""
        return self.caught is not None and one in self.caught

    def release(self) -> None:
        """Lets everything go on."""
        self.silent = False
        self.gate.set()

    def cut(self, *, everything: bool = False) -> None:
        """Resets the connection that stands still, or all of them: no farewell, both sides."""
        for one in self.open if everything else self.caught or ():
            with suppress(OSError):
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                # The pump sits in recv(): only shutdown wakes it, only close resets.
                one.shutdown(socket.SHUT_RD)
            one.close()
        self.gate.set()

    def close(self) -> None:
        """Ends everything."""
        with suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.cut(everything=True)


@contextmanager
def proxy(port: int, address: str = "127.0.0.1") -> Generator[Proxy]:
    """A wire to the server on this port, gone at the end."""
    made = Proxy(port, address)
    try:
        yield made
    finally:
        made.close()

"""One connection to the store of caps: opened with patience, then asked without any."""

import select
import socket
import struct
import time
from contextlib import suppress
from dataclasses import dataclass
from importlib.resources import files

from libvalkey import ProtocolError, Reader, ReplyError, pack_command

from engine.endpoint import Endpoint

META = b"posdata:caps"
"""The store's hash of what is known of the counts: `key`, `run`, `id`, `since`, `newest`, and all claims."""

OPENING_S = 2.0
_READ_OCTETS = 65536
# Closed by a reset: what the store has not read yet must not reach it after what is said again.
_RESET = struct.pack("ii", 1, 0)

Part = bytes | str | int


class StoreError(Exception):
    """The store can't be used as it is; the message says why."""


class Connection:
    """Questions and replies, in this order; after `StoreError` or `OSError` of any call it is of no use."""

    def __init__(self, link: socket.socket) -> None:
        link.setblocking(False)
        self._socket = link
        self._reader = Reader()
        self._poll = select.poll()
        self._poll.register(link, select.POLLIN)
        self.scripts: dict[str, bytes] = {}

    def send(self, *parts: Part) -> None:
        """Send a command, whole and at once. Raises `OSError`."""
        octets = pack_command(parts)
        if self._socket.send(octets) != len(octets):
            raise OSError("the store does not read what it is told")

    def run(self, script: str, keys: list[bytes], *arguments: Part) -> None:
        """Send one of the scripts that were loaded. Raises `OSError`."""
        self.send(b"EVALSHA", self.scripts[script], len(keys), *keys, *arguments)

    def reply(self, until: float) -> object | None:
        """Return the next reply; None when it is not there by a monotonic second. Raises both."""
        try:
            found = self._next(until)
        except ProtocolError as error:
            raise StoreError(str(error)) from None
        if isinstance(found, ReplyError):
            raise StoreError(str(found))
        return found

    def _next(self, until: float) -> object | None:
        while True:
            found: object = self._reader.gets()
            if found is not False:
                return found
            left = until - time.monotonic()
            if not self._poll.poll(max(left, 0) * 1000):
                return None
            octets = self._socket.recv(_READ_OCTETS)
            if not octets:
                raise OSError("the store closed the connection")
            self._reader.feed(octets)

    def ask(self, *parts: Part) -> object:
        """Send a command and wait for its reply, patiently. Raises both."""
        self.send(*parts)
        found = self.reply(time.monotonic() + OPENING_S)
        if found is None:
            raise OSError("the store does not answer")
        return found

    def close(self) -> None:
        """End it at once."""
        with suppress(OSError):  # it is gone already
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._socket.close()


@dataclass(frozen=True, slots=True)
class Opening:
    """How to open the store: where it is, which key hashes its people.

    Who may begin counts says under which id, and which id it knew before.
    """

    address: Endpoint
    check: int
    known: str = ""
    new: str = ""


def open_store(opening: Opening) -> tuple[Connection, str]:
    """Connect, and return the connection with the id of the counts. Raises `StoreError`, `OSError`."""
    address = opening.address
    link = socket.create_connection((address.host, address.port), OPENING_S)
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection = Connection(link)
    try:
        run = _run_of(connection.ask("INFO"))
        for name in ("open", "claim", "settle"):
            script = (files("adapters.valkey") / f"{name}.lua").read_bytes()
            connection.scripts[name] = _octets(connection.ask("SCRIPT", "LOAD", script))
        opened = connection.ask(
            "EVALSHA", connection.scripts["open"], 1, META, opening.check, run, opening.known, opening.new
        )
        return connection, _octets(opened).decode()
    except (StoreError, OSError):
        connection.close()
        raise


def _run_of(told: object) -> bytes:
    """Return which run of the server this is. Raises `StoreError` where it may drop counts by itself."""
    lines = (line.partition(b":") for line in _octets(told).splitlines())
    info = {name: value for name, _, value in lines}
    if info.get(b"maxmemory", b"0") != b"0" and info.get(b"maxmemory_policy") != b"noeviction":
        raise StoreError("the store may drop counts: its maxmemory-policy must be noeviction")
    if b"run_id" not in info:
        raise StoreError("the store is no Valkey server")
    return info[b"run_id"]


def _octets(reply: object) -> bytes:
    if isinstance(reply, bytes):
        return reply
    raise StoreError(f"the store gave an unknown answer: {reply!r}")

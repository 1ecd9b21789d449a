"""The crowd in a process of its own: connections that say nothing, next to nothing, or listen to nothing.

Its SMSC answers every submit, and stops reading while its answers are not taken.
"""

import asyncio
import json
import socket
import sys
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from adapters.simulator.pdu import BIND_TRANSCEIVER, HEADER, RESPONSE, FrameBuffer, numbered, pdu
from tests.smpp_cases.pdus import Submit

LISTENS_TO = 4096  # the receive buffer of those that never read
SUBMIT = Submit().octets
BURST = 200  # submits at a time of those that never read
TOLD_EVERY_S = 0.1
OPENING = 100  # connections that are opened at a time


@dataclass
class Mob:
    """What stands in the crowd: by kind how many were opened, are bound, were closed by the node."""

    address: tuple[str, int]
    opened: Counter[str] = field(default_factory=Counter)
    bound: Counter[str] = field(default_factory=Counter)
    closed: Counter[str] = field(default_factory=Counter)
    octets: Counter[str] = field(default_factory=Counter)
    closed_after: dict[str, list[float]] = field(default_factory=dict)
    _door: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(OPENING))
    _number: int = 0

    async def one(self, kind: str) -> None:
        """Stand in the crowd until the node ends it, or this is cancelled."""
        self._number += 1
        loop, name = asyncio.get_running_loop(), f"{kind}-{self._number}"
        sock = socket.socket()
        if kind == "stuck":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, LISTENS_TO)
        sock.setblocking(False)
        began = time.monotonic()
        try:
            async with self._door:
                await loop.sock_connect(sock, self.address)
            self.opened[kind] += 1
            await getattr(self, f"_{kind}")(loop, sock, name)
        except OSError:
            pass  # ended by the node
        finally:
            sock.close()
        self.closed[kind] += 1
        self.closed_after.setdefault(kind, []).append(round(time.monotonic() - began, 3))

    async def _idle(self, loop: asyncio.AbstractEventLoop, sock: socket.socket, name: str) -> None:
        await loop.sock_recv(sock, 1)

    async def _bind(self, loop: asyncio.AbstractEventLoop, sock: socket.socket, name: str) -> None:
        body = name.encode() + b"\0secret\0\0\x34\0\0\0"
        await loop.sock_sendall(sock, pdu(BIND_TRANSCEIVER, 1, body))
        if await loop.sock_recv(sock, 1) == b"":
            raise ConnectionAbortedError
        self.bound[name.partition("-")[0]] += 1

    async def _resting(self, loop: asyncio.AbstractEventLoop, sock: socket.socket, name: str) -> None:
        await self._bind(loop, sock, name)
        while await loop.sock_recv(sock, 4096):
            pass

    async def _slow(self, loop: asyncio.AbstractEventLoop, sock: socket.socket, name: str) -> None:
        await self._bind(loop, sock, name)
        await self._drip(loop, sock, name)

    async def _drip(self, loop: asyncio.AbstractEventLoop, sock: socket.socket, name: str) -> None:
        """Send an octet a second; with no bind before, these are the octets of one."""
        octets = pdu(BIND_TRANSCEIVER, 1, name.encode() + b"\0secret\0\0\x34\0\0\0") + SUBMIT * 100
        at = 0
        while True:
            await loop.sock_sendall(sock, octets[at : at + 1])
            at += 1
            self.octets["slow"] += 1
            with suppress(TimeoutError):
                async with asyncio.timeout(1):
                    while await loop.sock_recv(sock, 4096):
                        pass
                    return

    async def _stuck(self, loop: asyncio.AbstractEventLoop, sock: socket.socket, name: str) -> None:
        await self._bind(loop, sock, name)
        octets, number = bytearray(SUBMIT * BURST), 1
        while True:
            for at in range(12, len(octets), len(SUBMIT)):
                number += 1
                octets[at : at + 4] = number.to_bytes(4, "big")
            await loop.sock_sendall(sock, octets)
            self.octets["stuck"] += len(octets)

    def line(self) -> bytes:
        """Return the count as one JSON document."""
        counts = {each: dict(getattr(self, each)) for each in ("opened", "bound", "closed", "octets")}
        return json.dumps(counts | {"closed_after": self.closed_after}).encode() + b"\n"


class MobSmsc(asyncio.Protocol):
    """One session of the crowd's SMSC."""

    transport: asyncio.Transport

    def __init__(self) -> None:
        self._frames = FrameBuffer()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer each request."""
        answers = []
        for frame in self._frames.feed(data):
            _, command, _, sequence = HEADER.unpack_from(frame)
            answers.append(numbered(pdu(command | RESPONSE, 0, b"mob\0"), sequence))
        self.transport.write(b"".join(answers))

    def pause_writing(self) -> None:
        """Take no more while nobody takes the answers."""
        self.transport.pause_reading()

    def resume_writing(self) -> None:
        """Go on."""
        if not self.transport.is_closing():
            self.transport.resume_reading()


async def main() -> None:
    """Say where the SMSC listens; then each line of orders adds people, or sends all home."""
    loop = asyncio.get_running_loop()
    orders = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    server = await loop.create_server(MobSmsc, "127.0.0.1", 0, backlog=1024)
    _say(json.dumps({"port": server.sockets[0].getsockname()[1]}).encode() + b"\n")
    mob: Mob | None = None
    people: set[asyncio.Task[None]] = set()
    teller = asyncio.ensure_future(_tell(lambda: mob))
    while line := await orders.readline():
        order: dict[str, Any] = json.loads(line)
        for each in people:
            each.cancel()
        await asyncio.gather(*people, return_exceptions=True)
        mob = Mob(tuple(order["address"]))
        people = {
            asyncio.ensure_future(mob.one(kind))
            for kind, count in order["people"].items()
            for _ in range(count)
        }
    teller.cancel()
    for each in people:
        each.cancel()
    await asyncio.gather(*people, return_exceptions=True)


async def _tell(mob: Any) -> None:
    while True:
        await asyncio.sleep(TOLD_EVERY_S)
        if mob() is not None:
            _say(mob().line())


def _say(line: bytes) -> None:
    sys.stdout.buffer.write(line)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    asyncio.run(main())

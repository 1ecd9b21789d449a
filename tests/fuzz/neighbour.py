"""A session that keeps the rules beside those that do not, and looks at every octet of its own."""

import asyncio
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Self

from adapters.simulator.latency import LatencyHistogram
from adapters.simulator.pdu import (
    BIND_TRANSCEIVER,
    ENQUIRE_LINK,
    ESME_RINVCMDID,
    GENERIC_NACK,
    HEADER,
    RESPONSE,
    SUBMIT_SM,
    FrameBuffer,
    pdu,
)
from tests.fuzz.judge import carries_ad
from tests.node.harness import notification

NAME = "neighbour"
BINDS = (1, 2, 9)


@dataclass
class Watched:
    """What the neighbour and its SMSC saw; `faults` stays empty when nobody touched the session."""

    sent: int = 0
    arrived: int = 0
    answered: int = 0
    ads: int = 0
    links: int = 0
    latency: LatencyHistogram = field(default_factory=LatencyHistogram)
    on_the_way: deque[bytes] = field(default_factory=deque)
    due_home: deque[bytes] = field(default_factory=deque)
    sent_at: deque[float] = field(default_factory=deque)
    faults: list[str] = field(default_factory=list)


class HonestSmsc:
    """An SMSC for the neighbour and whoever shares its route; keeps a watch on the neighbour's session."""

    def __init__(self) -> None:
        self.watched = Watched()
        self.sessions: set[_HonestSession] = set()
        self.port = 0
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _HonestSession(self), "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *exc: object) -> None:
        assert self._server is not None
        self._server.close()
        for each in list(self.sessions):
            each.transport.abort()


class _HonestSession(asyncio.Protocol):
    transport: asyncio.Transport

    def __init__(self, smsc: HonestSmsc) -> None:
        self._smsc = smsc
        self._frames = FrameBuffer()
        self._name = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._smsc.sessions.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._smsc.sessions.discard(self)

    def data_received(self, data: bytes) -> None:
        """Answer each PDU at once."""
        answers = []
        for frame in self._frames.feed(data):
            _, command, _, sequence = HEADER.unpack_from(frame)
            if command in BINDS:
                self._name = frame[16:].partition(b"\0")[0].decode("latin-1")
                answers.append(pdu(command | RESPONSE, sequence, b"smsc\0"))
            elif command == SUBMIT_SM:
                answers.append(self._take(frame, sequence))
            elif command == ENQUIRE_LINK:
                answers.append(pdu(command | RESPONSE, sequence))
            elif not command & RESPONSE:
                answers.append(pdu(GENERIC_NACK, sequence, b"", ESME_RINVCMDID))
        self.transport.write(b"".join(answers))
        if self._frames.broken:
            self.transport.close()

    def _take(self, frame: bytes, sequence: int) -> bytes:
        answer = pdu(SUBMIT_SM | RESPONSE, sequence, b"%x\0" % sequence)
        if self._name != NAME:
            return answer
        watched = self._smsc.watched
        watched.arrived += 1
        watched.due_home.append(answer)
        sent = watched.on_the_way.popleft() if watched.on_the_way else b""
        if carries_ad(sent, frame):
            watched.ads += 1
        elif frame != sent:
            watched.faults.append(f"the SMSC got {frame.hex()} for {sent.hex()}")
        return answer


class Neighbour(asyncio.Protocol):
    """The platform's end: one bind, notifications at a steady rate, one answer each in order."""

    transport: asyncio.Transport

    def __init__(self, watched: Watched) -> None:
        self._watched = watched
        self._frames = FrameBuffer()
        self._bound = asyncio.Event()
        self._leaving = False
        self._sequence = 1

    async def bind(self, host: str, port: int, timeout_s: float = 10) -> None:
        """Connect and bind. Raises OSError, of which TimeoutError is one."""
        await asyncio.get_running_loop().create_connection(lambda: self, host, port)
        self._watched.links += 1
        self.transport.write(pdu(BIND_TRANSCEIVER, 1, NAME.encode() + b"\0secret\0\0\x34\0\0\0"))
        async with asyncio.timeout(timeout_s):
            await self._bound.wait()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """A link that is lost is what must not happen."""
        if not self._leaving:
            self._watched.faults.append(f"the neighbour's link was lost: {exc!r}")

    def data_received(self, data: bytes) -> None:
        """Compare each answer with what the SMSC said."""
        now, watched = time.perf_counter(), self._watched
        for frame in self._frames.feed(data):
            if not self._bound.is_set():
                self._bound.set()
                continue
            due = watched.due_home.popleft() if watched.due_home else b""
            if frame != due:
                watched.faults.append(f"the neighbour got {frame.hex()} for {due.hex()}")
                continue
            watched.answered += 1
            watched.latency.add(now - watched.sent_at.popleft())

    async def send(self, rate: float, stopped: asyncio.Event) -> None:
        """Send so many a second until stopped, then wait for the last answer and go."""
        began, count = time.perf_counter(), 0
        while not stopped.is_set() and not self._watched.faults:
            due = int((time.perf_counter() - began) * rate)
            while count < due:
                self._sequence += 1
                count += 1
                octets = notification(count).octets(self._sequence)
                self._watched.on_the_way.append(octets)
                self._watched.sent_at.append(time.perf_counter())
                self._watched.sent += 1
                self.transport.write(octets)
            await asyncio.sleep(1 / rate)
        ends = time.monotonic() + 10
        while self._watched.answered < self._watched.sent and time.monotonic() < ends:
            await asyncio.sleep(0.01)
        self._leaving = True
        self.transport.abort()
        if self._watched.answered != self._watched.sent:
            self._watched.faults.append(f"{self._watched.answered} answers to {self._watched.sent}")

"""A platform of our own on a bare socket: fast, exact about every sequence number, able to send anything."""

import asyncio
import ssl
import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice
from typing import Final, NamedTuple

from adapters.simulator.conditions import Conditions
from adapters.simulator.latency import LatencyHistogram
from adapters.simulator.notification import Notification
from adapters.simulator.pace import Pace
from adapters.simulator.pdu import (
    BIND_TRANSCEIVER,
    DATA_SM,
    DELIVER_SM,
    ENQUIRE_LINK,
    ESME_ROK,
    GENERIC_NACK,
    RESPONSE,
    SUBMIT_SM,
    UNBIND,
    FrameBuffer,
    numbered,
    pdu,
)

Item = Notification | bytes  # bytes: a whole request PDU; its sequence number is overwritten
OURS: Final = frozenset({SUBMIT_SM | RESPONSE, DATA_SM | RESPONSE, GENERIC_NACK})
RECONNECT_S: Final = 0.02
BURST: Final = 256  # PDUs a write; more only delays the first of them


class LinkLostError(ConnectionError):
    """The link went before the answer came: connect again."""


class BindRefusedError(ConnectionError):
    """The bind was answered with a status: mend the credentials. `status` holds it."""

    def __init__(self, status: int) -> None:
        super().__init__(f"the bind was refused with status 0x{status:08X}")
        self.status = status


class Answer(NamedTuple):
    """The answer to one sequence number; times are of `time.perf_counter`, in seconds."""

    status: int
    sent_at: float
    answered_at: float


class Outstanding(NamedTuple):
    """A submit without an answer."""

    item: Item
    sent_at: float


class RawPlatform(Conditions):
    """An ESME of one connection at a time; sequence numbers and counts go on over reconnects.

    `window` is the most submits without an answer. `keep_frames` is how many received PDUs `frames` holds.
    With `tls` it speaks TLS and checks the certificate for `host`.
    `unanswered` and `answers` are by sequence number; `copies` of an item that was sent again count anew.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        system_id: str = "mcn",
        password: str = "secret",  # noqa: S107 -- the simulated SMSC's, no secret
        bind: int = BIND_TRANSCEIVER,
        window: int = 100,
        keep_frames: int = 0,
        keep_answers: bool = True,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.host, self.port, self.window = host, port, window
        self.system_id, self.password, self.bind_command = system_id, password, bind
        self.answers: dict[int, Answer] = {}
        self.unanswered: dict[int, Outstanding] = {}
        self.statuses: Counter[int] = Counter()
        self.latency = LatencyHistogram()
        self.submitted = 0
        self.receipts = 0
        self.link_losses = 0
        self.unexpected = 0
        self.frames: deque[bytes] = deque(maxlen=keep_frames)
        self._keep_answers = keep_answers
        self._tls = tls
        self._sequence = 0
        self._leaving = False
        self._link: _Link | None = None
        self._requests: dict[int, asyncio.Future[bytes]] = {}
        super().__init__()

    @property
    def connected(self) -> bool:
        """Whether the link is up, as far as this side knows."""
        return self._link is not None

    async def open(self) -> None:
        """Connect without binding. Raises OSError, of which ssl.SSLError is one."""
        loop = asyncio.get_running_loop()
        await loop.create_connection(lambda: _Link(self), self.host, self.port, ssl=self._tls)

    async def connect(self, timeout_s: float = 10.0) -> None:
        """Connect and bind. Raises OSError, `LinkLostError`, `BindRefusedError`, TimeoutError."""
        await self.open()
        body = f"{self.system_id}\0{self.password}\0\0".encode("ascii") + b"\x34\0\0\0"
        answer = await self.request(pdu(self.bind_command, 0, body), timeout_s)
        status = int.from_bytes(answer[8:12], "big")
        if status != ESME_ROK:
            self.abort()
            raise BindRefusedError(status)

    async def request(self, octets: bytes, timeout_s: float = 60.0) -> bytes:
        """Send any request under the next sequence number; return the PDU that answers it.

        Raises `LinkLostError` and TimeoutError.
        """
        self._sequence += 1
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._requests[self._sequence] = answer
        try:
            self.write(numbered(octets, self._sequence))
            return await asyncio.wait_for(answer, timeout_s)
        finally:
            self._requests.pop(self._sequence, None)

    def write(self, octets: bytes) -> None:
        """Send octets as they are. Raises `LinkLostError` when there is no link."""
        if self._link is None:
            raise LinkLostError("there is no link to write to")
        self._link.transport.write(octets)

    def submit(self, item: Item) -> int:
        """Send one submit whatever the window; return its sequence number. Raises `LinkLostError`."""
        if self._link is None:
            raise LinkLostError("there is no link to submit on")
        self._burst([item])
        return self._sequence

    async def submit_all(
        self, items: Iterable[Item], pace: Pace | None = None, timeout_s: float = 60.0
    ) -> None:
        """Send all, at most `window` unanswered and none before it is due; wait for the last answer.

        `timeout_s` bounds each wait for an answer. Raises `LinkLostError` (what was sent and not
        answered stays in `unanswered`; the iterator was consumed up to there) and TimeoutError.
        """
        source, index, started = iter(items), 0, time.perf_counter()
        while True:
            await self._room(timeout_s)
            count = min(self.window - len(self.unanswered), BURST)
            if pace is not None:
                count = await _due(pace, index, count, started)
            burst = list(islice(source, count))
            if not burst:
                break
            if self._link is None:
                self._keep_for_later(burst)
                raise LinkLostError("the link was lost between two submits")
            self._burst(burst)
            index += len(burst)
        await self.settled(timeout_s)

    async def settled(self, timeout_s: float = 60.0) -> None:
        """Wait until nothing is unanswered. Raises `LinkLostError`, TimeoutError."""
        await self.until(lambda: not self.unanswered or self._link is None, timeout_s)
        if self.unanswered:
            raise LinkLostError(f"the link was lost with {len(self.unanswered)} submits unanswered")

    async def keep_submitting(
        self, items: Iterable[Item], pace: Pace | None = None, *, deadline_s: float = 60.0
    ) -> None:
        """Send all, over as many links as it takes; what a lost link left unanswered is sent again.

        Raises TimeoutError when not all is answered by the deadline, and `BindRefusedError`.
        """
        source, backlog = iter(items), deque[Item]()
        async with asyncio.timeout(deadline_s):
            while True:
                try:
                    if self._link is None:
                        await self.connect()
                    backlog.extendleft(reversed(self._take_back()))
                    await self.submit_all(_emptied(backlog), timeout_s=deadline_s)
                    await self.submit_all(source, pace, timeout_s=deadline_s)
                except BindRefusedError:
                    raise
                except OSError:  # lost, or nobody listens yet
                    await asyncio.sleep(RECONNECT_S)
                else:
                    return

    async def close(self, timeout_s: float = 5.0) -> None:
        """Unbind and close; without an answer to unbind the link is dropped."""
        if self._link is None:
            return
        self._leaving = True
        with suppress(LinkLostError, TimeoutError):  # gone already is what closing wants
            await self.request(pdu(UNBIND, 0), timeout_s)
        self.abort()
        await self.until(lambda: self._link is None)

    def abort(self) -> None:
        """Drop the link without a word."""
        if self._link is not None:
            self._link.transport.abort()

    def _take_back(self) -> list[Item]:
        """Take back what was not answered, oldest first."""
        items = [outstanding.item for outstanding in self.unanswered.values()]
        self.unanswered.clear()
        return items

    def _keep_for_later(self, items: list[Item]) -> None:
        """Keep items that were taken from the source and never sent."""
        for item in items:
            self._sequence += 1
            self.unanswered[self._sequence] = Outstanding(item, time.perf_counter())

    async def _room(self, timeout_s: float) -> None:
        if len(self.unanswered) >= self.window:
            await self.until(lambda: len(self.unanswered) < self.window or self._link is None, timeout_s)
        if self._link is None:
            raise LinkLostError(f"the link was lost with {len(self.unanswered)} submits unanswered")
        if self._link.paused:
            await self.until(lambda: self._link is None or not self._link.paused, timeout_s)

    def _burst(self, items: list[Item]) -> None:
        now = time.perf_counter()
        octets: list[bytes] = []
        for item in items:
            self._sequence += 1
            octets.append(
                numbered(item, self._sequence) if isinstance(item, bytes) else item.octets(self._sequence)
            )
            self.unanswered[self._sequence] = Outstanding(item, now)
        self.submitted += len(items)
        self.write(b"".join(octets))

    # What the link calls

    def linked(self, link: "_Link") -> None:
        """Take a connection."""
        self._link = link
        self._leaving = False

    def take(self, frames: list[bytes]) -> None:
        """Take received PDUs."""
        now = time.perf_counter()
        for frame in frames:
            command, sequence = int.from_bytes(frame[4:8], "big"), int.from_bytes(frame[12:16], "big")
            if self.frames.maxlen:
                self.frames.append(frame)
            outstanding = self.unanswered.pop(sequence, None) if command in OURS else None
            if outstanding is not None:
                status = int.from_bytes(frame[8:12], "big")
                self.statuses[status] += 1
                self.latency.add(now - outstanding.sent_at)
                if self._keep_answers:
                    self.answers[sequence] = Answer(status, outstanding.sent_at, now)
            elif command & RESPONSE:
                request = self._requests.get(sequence)
                if request is not None and not request.done():
                    request.set_result(frame)
                elif request is None:
                    self.unexpected += 1
            else:
                self._serve(command, sequence)
        self.moved()

    def lost(self) -> None:
        """Take note that the link is gone."""
        self._link = None
        self.link_losses += not self._leaving
        for request in self._requests.values():
            if not request.done():
                request.set_exception(LinkLostError("the link was lost before the answer"))
        self.moved()

    def resumed(self) -> None:
        """Take note that the socket takes octets again."""
        self.moved()

    def _serve(self, command: int, sequence: int) -> None:
        """Answer the SMSC's requests: receipts, enquire_link, unbind."""
        if command == DELIVER_SM:
            self.receipts += 1
            self.write(pdu(command | RESPONSE, sequence, b"\0"))
        elif command in (ENQUIRE_LINK, UNBIND):
            self.write(pdu(command | RESPONSE, sequence))


def _emptied(backlog: deque[Item]) -> Iterator[Item]:
    """Take items off a backlog one by one: what nobody took stays in it."""
    while backlog:
        yield backlog.popleft()


async def _due(pace: Pace, index: int, most: int, started: float) -> int:
    """Wait until notification `index` is due; return how many from there on are, at most `most`."""
    wait = pace.due(index) - (time.perf_counter() - started)
    if wait > 0:
        await asyncio.sleep(wait)
    now, count = time.perf_counter() - started, 1
    while count < most and pace.due(index + count) <= now:
        count += 1
    return count


class _Link(asyncio.Protocol):
    """The platform's connection."""

    transport: asyncio.Transport

    def __init__(self, platform: RawPlatform) -> None:
        self.paused = False
        self._platform = platform
        self._frames = FrameBuffer()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 -- narrows a stream's transport
        self.transport = transport
        self._platform.linked(self)

    def data_received(self, data: bytes) -> None:
        self._platform.take(self._frames.feed(data))

    def pause_writing(self) -> None:
        self.paused = True

    def resume_writing(self) -> None:
        self.paused = False
        self._platform.resumed()

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._platform.lost()

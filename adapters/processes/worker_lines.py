"""Control's side of the lines to its workers: one Unix socket, one line each."""

import asyncio
import socket
import sys
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator

import structlog

from adapters.processes.messages import (
    AsksMore,
    Confirm,
    FromWorker,
    Harmful,
    Hello,
    Message,
    Recall,
    Registered,
    Returned,
    StopRequesting,
    Want,
    from_worker,
)
from adapters.processes.questions import Question, opening
from adapters.processes.watch_lines import WatchLines
from engine.verdict import Verdict
from inventory.books import Epoch

LINE_LIMIT = 4 * 1024 * 1024
# A worker that does not read for this long is cut off; it connects again.
UNREAD_LIMIT = 8 * 1024 * 1024

log = structlog.get_logger()


class WorkerLine:
    """One connected worker; `returned` holds its running totals, to be told anew when books come back."""

    # Whoever still lacks units asks again within this.
    _ASKS_EVERY_S = 1.0

    def __init__(self, epoch: Epoch, writer: asyncio.StreamWriter) -> None:
        self.epoch = epoch
        self.confirmed = 0
        self.registered = (0, 0)
        self.returned: dict[int, int] = {}
        self._writer = writer
        self._lacks: frozenset[int] = frozenset()
        self._lacked_at = 0.0

    @property
    def lacks(self) -> frozenset[int]:
        """The campaigns that the worker asks for and has no unit of."""
        lately = time.monotonic() - self._lacked_at < self._ASKS_EVERY_S
        return self._lacks if lately else frozenset()

    def asked(self, want: Want) -> None:
        """Remember what the worker lacks."""
        self._lacks = frozenset(request.campaign for request in want.requests if request.held <= 0)
        self._lacked_at = time.monotonic()

    def say(self, message: Message) -> None:
        """Send a message."""
        self._writer.write(message.encoded())
        if self._writer.transport.get_write_buffer_size() > UNREAD_LIMIT:
            self._writer.transport.abort()


Joined = Callable[[WorkerLine, Hello], Awaitable[None]]
Wanted = Callable[[WorkerLine, Want], Awaitable[None]]
Gave = Callable[[WorkerLine, Returned], Awaitable[None]]
Harmed = Callable[[Verdict], Awaitable[None]]
Answer = Callable[[Question], Awaitable[Message]]


class WorkerLines:
    """The lines of all workers; what they say is handled one message after another per worker.

    `asked_more` says that a worker met a submit that asked for more receipts than the profile says:
    its owner tells those that join, and resets it when other settings come.
    """

    def __init__(
        self,
        node: str,
        joined: Joined,
        wanted: Wanted,
        gave: Gave,
        harmed: Harmed,
        watches: WatchLines,
        answer: Answer,
    ) -> None:
        self.asked_more = False
        self._watches = watches
        self._answer = answer
        self._node = node
        self._joined = joined
        self._wanted = wanted
        self._gave = gave
        self._harmed = harmed
        self._lines: set[WorkerLine] = set()
        self._talks: set[asyncio.Future[None]] = set()

    def __iter__(self) -> Iterator[WorkerLine]:
        return iter(list(self._lines))

    def __len__(self) -> int:
        return len(self._lines)

    @property
    def confirmed(self) -> int:
        """The switches' version that every connected worker acts on; 0 when none is connected."""
        return min((line.confirmed for line in self._lines), default=0)

    @property
    def registered(self) -> tuple[int, int]:
        """The register's version and lists that every connected worker acts on; zeros when none is."""
        return min((line.registered for line in self._lines), default=(0, 0))

    async def serve(self, listening: socket.socket) -> asyncio.Server:
        """Accept workers."""
        if sys.version_info >= (3, 13):  # the path is the supervisor's, it outlives this process
            return await asyncio.start_unix_server(
                self._opened, sock=listening, limit=LINE_LIMIT, cleanup_socket=False
            )
        return await asyncio.start_unix_server(self._opened, sock=listening, limit=LINE_LIMIT)

    async def close(self) -> None:
        """End every line."""
        talks = list(self._talks)
        for talk in talks:
            talk.cancel()
        await asyncio.gather(*talks, return_exceptions=True)

    def broadcast(self, message: Message) -> None:
        """Send a message to every worker."""
        for line in self:
            line.say(message)

    def recall(self, campaigns: Iterable[int]) -> None:
        """Ask for the units of campaigns back from workers beside one that lacks them; else they stay."""
        lacking = {line: line.lacks for line in self}
        lacked = frozenset[int]().union(*lacking.values())
        for number in lacked.intersection(campaigns):
            for line, lacks in lacking.items():
                if number not in lacks:
                    line.say(Recall(campaign=number))

    def _opened(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Talk in a task of our own: before 3.12 asyncio's would complain of being cancelled at the end."""
        self._talks.add(talk := asyncio.ensure_future(self._talk(reader, writer)))
        talk.add_done_callback(self._over)

    def _over(self, talk: asyncio.Future[None]) -> None:
        self._talks.discard(talk)
        if not talk.cancelled() and (error := talk.exception()) is not None:
            log.error("alarm_internal_error", exc_info=error)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if octets := await reader.readline():
                first = opening.validate_json(octets)
                if isinstance(first, Hello):
                    await self._talk_to_worker(first, reader, writer)
                elif isinstance(first, Question):
                    writer.write((await self._answer(first)).encoded())
                    await writer.drain()
                else:
                    await self._watches.talk(first, reader, writer)
        except ConnectionError:
            pass  # the same as an end: the worker is gone, its journal says what it did
        finally:
            writer.close()

    async def _talk_to_worker(
        self, hello: Hello, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        line = WorkerLine(Epoch(self._node, hello.worker, hello.epoch), writer)
        self._lines.add(line)
        try:
            await self._handle(line, hello)
            while octets := await reader.readline():
                await self._handle(line, from_worker.validate_json(octets))
        finally:
            self._lines.discard(line)

    async def _handle(self, line: WorkerLine, message: FromWorker) -> None:
        match message:
            case Hello():
                await self._joined(line, message)
            case Want():
                await self._wanted(line, message)
            case Returned():
                await self._gave(line, message)
            case Harmful():
                await self._harmed(message.verdict)
            case Confirm():
                line.confirmed = max(line.confirmed, message.version)
            case Registered():
                line.registered = (message.version, message.lists)
            case AsksMore():
                self.asked_more = True
                self.broadcast(StopRequesting())

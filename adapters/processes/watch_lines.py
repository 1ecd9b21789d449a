"""Control's side of the observation lines: figures once a second, sessions and traces when asked for."""

import asyncio
from collections.abc import Callable, Iterable

from adapters.processes.messages import (
    AskSessions,
    AskTrace,
    Figures,
    LiveSession,
    LiveSessions,
    Message,
    Traced,
    Watch,
    from_watch,
)
from adapters.processes.trace_desk import TraceDesk

# A worker that takes longer is named as silent: it has other things to do, or none at all.
ANSWER_S = 3.0

Heard = Callable[[Watch, Figures], None]


class _WatchLine:
    """One worker's observation line."""

    def __init__(self, worker: int, writer: asyncio.StreamWriter) -> None:
        self.worker = worker
        self.asked: list[asyncio.Future[tuple[LiveSession, ...]]] = []
        self._writer = writer

    def say(self, message: Message) -> None:
        """Send a message."""
        self._writer.write(message.encoded())


class WatchLines:
    """The observation lines of all workers; `heard` gets their figures."""

    def __init__(self, heard: Heard) -> None:
        self._heard = heard
        self._lines: set[_WatchLine] = set()
        self._traces = TraceDesk(self._broadcast)

    def __len__(self) -> int:
        return len(self._lines)

    async def talk(
        self,
        first: Watch | AskSessions | AskTrace,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        """Serve a line that was opened with `first` until it ends."""
        if isinstance(first, AskSessions):
            writer.write((await self.sessions()).encoded())
            await writer.drain()
            return
        if isinstance(first, AskTrace):
            await self._traces.serve(first, reader, writer)
            return
        line = _WatchLine(first.worker, writer)
        self._lines.add(line)
        if (order := self._traces.joined(line.worker)) is not None:
            line.say(order)
        try:
            while octets := await reader.readline():
                message = from_watch.validate_json(octets)
                if isinstance(message, Figures):
                    self._heard(first, message)
                elif isinstance(message, Traced):
                    self._traces.heard(line.worker, message)
                elif line.asked:
                    _answer(line.asked.pop(0), message.sessions)
        finally:
            self._lines.discard(line)
            self._traces.left(line.worker)
            for waiting in line.asked:
                waiting.cancel()

    def _broadcast(self, message: Message) -> Iterable[int]:
        for line in self._lines:
            line.say(message)
        return [line.worker for line in self._lines]

    async def sessions(self) -> LiveSessions:
        """Ask every worker for its live sessions."""
        loop = asyncio.get_running_loop()
        waiting: dict[int, asyncio.Future[tuple[LiveSession, ...]]] = {}
        for line in self._lines:
            waiting[line.worker] = asked = loop.create_future()
            line.asked.append(asked)
            line.say(AskSessions())
        if waiting:
            await asyncio.wait(waiting.values(), timeout=ANSWER_S)
        found: list[LiveSession] = []
        silent = []
        for worker, answer in sorted(waiting.items()):
            if answer.done() and not answer.cancelled():
                found += answer.result()
            else:
                silent.append(worker)
        return LiveSessions(sessions=tuple(found), silent=tuple(silent))


def _answer(waiting: asyncio.Future[tuple[LiveSession, ...]], sessions: tuple[LiveSession, ...]) -> None:
    if not waiting.done():
        waiting.set_result(sessions)

"""Control's side of `posdata trace`: one at a time; logged, masked, ended in time."""

import asyncio
import pwd
import socket
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from struct import Struct

import structlog

from adapters.processes.messages import (
    AskTrace,
    Message,
    StartTrace,
    StopTrace,
    Traced,
    TraceEnded,
    TraceRefused,
)
from adapters.trace.masking import masked, without_secrets

# How long after its time a worker may tell what it still had.
GRACE_S = 2.0
# What may wait for a client that reads too slowly; PDUs beyond it are dropped and counted.
UNREAD_OCTETS = 4 * 1024 * 1024
_CREDENTIALS = Struct("3i")  # struct ucred, unix(7)

log = structlog.get_logger()


@dataclass(slots=True)
class _Running:
    """The trace that runs; `waiting` are the workers that have more to tell."""

    ask: AskTrace
    user: str
    ends_at: float
    writer: asyncio.StreamWriter
    waiting: set[int] = field(default_factory=set)
    dropped_by: dict[int, int] = field(default_factory=dict)
    dropped: int = 0
    pdus: int = 0
    done: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def missing(self) -> int:
        """How many PDUs were dropped on the way."""
        return self.dropped + sum(self.dropped_by.values())


class TraceDesk:
    """Serves whoever asks for a trace; `tell` sends to every worker and returns which there are."""

    def __init__(self, tell: Callable[[Message], Iterable[int]]) -> None:
        self._tell = tell
        self._running: _Running | None = None

    async def serve(self, ask: AskTrace, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Trace until the time is over or the client is gone."""
        now = asyncio.get_running_loop().time()
        if (other := self._running) is not None:
            refusal = TraceRefused(user=other.user, seconds=max(0.0, other.ends_at - now))
            writer.write(refusal.encoded())
            await writer.drain()
            return
        self._running = running = _Running(ask, _user(writer), now + ask.seconds, writer)
        told = {"user": running.user, "system_id": ask.system_id, "clear": ask.clear}
        log.warning("trace_started", seconds=ask.seconds, **told)
        ended = "interrupted"
        try:
            running.waiting.update(self._tell(StartTrace(system_id=ask.system_id, seconds=ask.seconds)))
            ended = await _over(running, reader)
        finally:
            self._running = None
            self._tell(StopTrace())
            log.warning("trace_ended", ended=ended, pdus=running.pdus, dropped=running.missing, **told)
        if ended == "time":
            writer.write(TraceEnded(dropped=running.missing).encoded())
            await writer.drain()

    def joined(self, worker: int) -> StartTrace | None:
        """Return what a worker that has just come is to be told, if a trace runs."""
        running = self._running
        if running is None:
            return None
        left = running.ends_at - asyncio.get_running_loop().time()
        if left <= 0:
            return None
        running.waiting.add(worker)
        return StartTrace(system_id=running.ask.system_id, seconds=left)

    def heard(self, worker: int, traced: Traced) -> None:
        """Hand on what a worker captured, masked."""
        running = self._running
        if running is None:
            return
        running.dropped_by[worker] = traced.dropped
        shown = without_secrets if running.ask.clear else masked
        pdus = tuple(replace(each, octets=shown(each.octets)) for each in traced.pdus)
        if running.writer.transport.get_write_buffer_size() > UNREAD_OCTETS:
            running.dropped += len(pdus)
            pdus = ()
        running.pdus += len(pdus)
        running.writer.write(Traced(legs=traced.legs, pdus=pdus).encoded())
        if traced.last:
            self.left(worker)

    def left(self, worker: int) -> None:
        """Wait for a worker no more."""
        running = self._running
        if running is None:
            return
        running.waiting.discard(worker)
        if not running.waiting and asyncio.get_running_loop().time() >= running.ends_at:
            running.done.set()


async def _over(running: _Running, reader: asyncio.StreamReader) -> str:
    """Wait for the end of a trace; return what ended it."""
    gone = asyncio.ensure_future(_end_of(reader))
    done = asyncio.ensure_future(running.done.wait())
    try:
        await asyncio.wait(
            (gone, done), timeout=running.ask.seconds + GRACE_S, return_when=asyncio.FIRST_COMPLETED
        )
        return "client gone" if gone.done() else "time"
    finally:
        gone.cancel()
        done.cancel()


async def _end_of(reader: asyncio.StreamReader) -> None:
    with suppress(ConnectionError):
        while await reader.read(1024):
            pass  # a client has nothing more to say


def _user(writer: asyncio.StreamWriter) -> str:
    """Return who is at the other end, as the kernel says."""
    end = writer.get_extra_info("socket")
    octets = end.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    _, user, _ = _CREDENTIALS.unpack(octets)
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:  # a user without a name
        return str(user)

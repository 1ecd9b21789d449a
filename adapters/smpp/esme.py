"""Our own session as an ESME over a socket: bound while it can be, paced, dialled again; it also hears."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic
from typing import Any, Final

import structlog

from adapters.smpp.constants import ESME_ROK
from adapters.smpp.esme_core import (
    ESME_RX_T_APPN,
    HOLDING_BACK,
    Answered,
    BindAnswered,
    Came,
    Direction,
    EsmeCore,
    Outgoing,
    ProtocolError,
    Stage,
)
from adapters.smpp.esme_pace import SendingPace
from adapters.smpp.sockets import tune
from engine.endpoint import Endpoint

CONNECT_S: Final = 3.0
BIND_S: Final = 10.0
ENQUIRE_S: Final = 30.0
UNBIND_S: Final = 2.0
FIRST_WAIT_S: Final = 1.0
LONGEST_WAIT_S: Final = 60.0
WINDOW: Final = 10
# Messages that wait to be stored: more than these are left in the SMSC's hands by reading no further.
MOST_WAITING: Final = 500
HEARD_AT_ONCE: Final = 100

log = structlog.get_logger()


class NotBoundError(Exception):
    """There is no bound session now."""


class NoAnswerError(Exception):
    """The link ended or the time was over before the SMSC answered: the message may have gone out."""


class BindRefusedError(ConnectionError):
    """The SMSC refused the bind."""


class NotStoredError(Exception):
    """What came could not be stored: the SMSC is to keep it and send it again."""


Hear = Callable[[Sequence[Came]], Awaitable[None]]
"""Takes over what came; only when it returns is the SMSC told so. Raises `NotStoredError`."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """Where the SMSC is, who we are there, and which way messages go."""

    smsc: Endpoint
    system_id: str
    password: str
    direction: Direction = "transmitter"


class _Link(asyncio.Protocol):
    """One connection; `ended` is done when nothing more will come."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.core = EsmeCore()
        self.bound: asyncio.Future[int] = loop.create_future()
        self.ended: asyncio.Future[str] = loop.create_future()
        self.waiting: dict[int, asyncio.Future[Answered]] = {}
        self.came: asyncio.Queue[Came] = asyncio.Queue()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Tune the socket."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101  # TCP gives no other
        self._transport = transport
        tune(transport.get_extra_info("socket"))

    def data_received(self, data: bytes) -> None:
        """Hand on what came, and send what it calls for."""
        for event in self.core.receive(data):
            if isinstance(event, Answered):
                waiting = self.waiting.pop(event.sequence, None)
                if waiting is not None and not waiting.done():
                    waiting.set_result(event)
            elif isinstance(event, BindAnswered):
                self.bound.set_result(event.status)
            elif isinstance(event, Came):
                self.came.put_nowait(event)
            else:
                self.end(event.reason)
        if self._transport is not None and self.came.qsize() > MOST_WAITING:
            self._transport.pause_reading()
        self.flush()

    async def next_came(self) -> Sequence[Came]:
        """Wait for messages, and return those that are there."""
        batch = [await self.came.get()]
        while len(batch) < HEARD_AT_ONCE and not self.came.empty():
            batch.append(self.came.get_nowait())
        if self._transport is not None and not self.came.qsize():
            self._transport.resume_reading()
        return batch

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever waits."""
        self.end("the connection was lost" if exc is None else f"the connection was lost: {exc}")

    def end(self, reason: str) -> None:
        """Let nobody wait any more."""
        self.core.stage = Stage.OVER
        if not self.ended.done():
            self.ended.set_result(reason)
        for waiting in self.waiting.values():
            if not waiting.done():
                waiting.set_exception(NoAnswerError(reason))
        self.waiting.clear()

    def flush(self) -> None:
        """Send what the core has to say."""
        if self._transport is not None and self.core.out:
            self._transport.write(bytes(self.core.out))
            self.core.out.clear()

    def close(self) -> None:
        """Close the socket."""
        if self._transport is not None:
            self._transport.close()


class EsmeSession:
    """A session that is bound while the SMSC lets it; `run` keeps it so, `submit` sends."""

    def __init__(
        self,
        credentials: Credentials,
        *,
        response_timeout_s: float = 10.0,
        window: int = WINDOW,
        pace: SendingPace | None = None,
        hear: Hear | None = None,
    ) -> None:
        self._credentials = credentials
        self._timeout = response_timeout_s
        self._window = asyncio.Semaphore(window)
        self._pace = pace
        self._hear = hear
        self._link: _Link | None = None

    @property
    def is_bound(self) -> bool:
        """Tell whether a message can be sent now."""
        return self._link is not None and self._link.core.stage is Stage.BOUND

    async def run(self, bound: Callable[[], None] | None = None) -> None:
        """Keep the session bound, until cancelled; waits between attempts double up to LONGEST_WAIT_S.

        `bound` is called each time it is.
        """
        wait = FIRST_WAIT_S
        while True:
            try:
                reason = await self._once(bound)
                wait = FIRST_WAIT_S
            except (OSError, TimeoutError, ProtocolError) as error:
                reason = str(error) or "no answer in time"
            log.warning("esme_not_bound", smsc=str(self._credentials.smsc), reason=reason, again_in_s=wait)
            await asyncio.sleep(wait)
            wait = min(LONGEST_WAIT_S, wait * 2)

    async def submit(
        self, message: Outgoing, before: Callable[[], Awaitable[None]] | None = None
    ) -> Answered:
        """Send a message and return the SMSC's answer.

        Waits for room in the window and for its turn in the pace; `before` is done just before the
        message leaves. Raises `NotBoundError` when it surely did not leave, `NoAnswerError`, and
        `ProtocolError` for what does not fit a PDU.
        """
        async with self._window:
            self._bound_link()
            if self._pace is not None:
                await asyncio.sleep(self._pace.wait(monotonic()))
            if before is not None:
                self._bound_link()
                await before()
            link = self._bound_link()
            sequence = link.core.submit(message)
            answer: asyncio.Future[Answered] = asyncio.get_running_loop().create_future()
            link.waiting[sequence] = answer
            link.flush()
            try:
                async with asyncio.timeout(self._timeout):
                    answered = await answer
            except TimeoutError:
                raise NoAnswerError("no answer in time") from None
            finally:
                link.waiting.pop(sequence, None)
                link.core.forget(sequence)
            if self._pace is not None:
                self._pace.heard(monotonic(), refused=answered.status in HOLDING_BACK)
            return answered

    def _bound_link(self) -> "_Link":
        link = self._link
        if link is None or link.core.stage is not Stage.BOUND:
            raise NotBoundError
        return link

    async def _once(self, bound: Callable[[], None] | None) -> str:
        """Hold one session until it ends, and return why. Raises what dialling and binding raise."""
        who = self._credentials
        async with asyncio.timeout(CONNECT_S):
            _, link = await asyncio.get_running_loop().create_connection(_Link, who.smsc.host, who.smsc.port)
        hearing: asyncio.Future[None] | None = None
        try:
            await self._bind(link)
            hearing = asyncio.ensure_future(self._listen(link))
            self._link = link
            if bound is not None:
                bound()
            while not link.ended.done():
                await asyncio.wait({link.ended}, timeout=ENQUIRE_S)
                if not link.ended.done() and not link.core.enquire():
                    return "the SMSC does not answer"
                link.flush()
            return link.ended.result()
        finally:
            self._link = None
            if hearing is not None:
                hearing.cancel()
                await asyncio.gather(hearing, return_exceptions=True)
            await self._unbind(link)

    async def _listen(self, link: _Link) -> None:
        """Take over what comes, and only then tell the SMSC so; it keeps what could not be stored."""
        while True:
            batch = await link.next_came()
            status = ESME_RX_T_APPN
            try:
                if self._hear is not None:
                    await self._hear(batch)
                    status = ESME_ROK
            except NotStoredError as error:
                log.warning("esme_not_stored", messages=len(batch), reason=str(error))
            except Exception as error:  # a bug in reading one message must not end the session
                log.error("alarm_internal_error", exc_info=error)
            for came in batch:
                link.core.answer(came, status)
            link.flush()

    async def _bind(self, link: _Link) -> None:
        who = self._credentials
        link.core.bind(who.system_id, who.password, who.direction)
        link.flush()
        async with asyncio.timeout(BIND_S):
            either: list[asyncio.Future[Any]] = [link.bound, link.ended]
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if not link.bound.done():
            raise BindRefusedError(link.ended.result())
        if (status := link.bound.result()) != ESME_ROK:
            raise BindRefusedError(f"the bind was refused: 0x{status:02x}")

    async def _unbind(self, link: _Link) -> None:
        if link.core.stage is Stage.BOUND:
            link.core.unbind()
            link.flush()
            with suppress(TimeoutError):
                async with asyncio.timeout(UNBIND_S):
                    await asyncio.wait({link.ended})
        link.close()
        link.end("closed")

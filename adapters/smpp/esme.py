"""Our own session as an ESME over a socket: bound while it can be, a window of submits, dialled again."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import structlog

from adapters.smpp.constants import ESME_ROK
from adapters.smpp.esme_core import Answered, BindAnswered, Ended, EsmeCore, Outgoing, ProtocolError, Stage
from adapters.smpp.sockets import tune
from engine.endpoint import Endpoint

CONNECT_S: Final = 3.0
BIND_S: Final = 10.0
ENQUIRE_S: Final = 30.0
UNBIND_S: Final = 2.0
FIRST_WAIT_S: Final = 1.0
LONGEST_WAIT_S: Final = 60.0
WINDOW: Final = 10

log = structlog.get_logger()


class NotBoundError(Exception):
    """There is no bound session now."""


class NoAnswerError(Exception):
    """The link ended or the time was over before the SMSC answered: the message may have gone out."""


class BindRefusedError(ConnectionError):
    """The SMSC refused the bind."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """Where the SMSC is, and who we are there."""

    smsc: Endpoint
    system_id: str
    password: str


class _Link(asyncio.Protocol):
    """One connection; `ended` is done when nothing more will come."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.core = EsmeCore()
        self.bound: asyncio.Future[int] = loop.create_future()
        self.ended: asyncio.Future[str] = loop.create_future()
        self.waiting: dict[int, asyncio.Future[Answered]] = {}
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
            elif isinstance(event, Ended):
                self.end(event.reason)
        self.flush()

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
        self, credentials: Credentials, *, response_timeout_s: float = 10.0, window: int = WINDOW
    ) -> None:
        self._credentials = credentials
        self._timeout = response_timeout_s
        self._window = asyncio.Semaphore(window)
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

    async def submit(self, message: Outgoing) -> Answered:
        """Send a message and return the SMSC's answer.

        Waits for room in the window. Raises `NotBoundError`, `NoAnswerError`, and `ProtocolError` for
        what does not fit a PDU.
        """
        async with self._window:
            link = self._link
            if link is None or link.core.stage is not Stage.BOUND:
                raise NotBoundError
            sequence = link.core.submit(message)
            answer: asyncio.Future[Answered] = asyncio.get_running_loop().create_future()
            link.waiting[sequence] = answer
            link.flush()
            try:
                async with asyncio.timeout(self._timeout):
                    return await answer
            except TimeoutError:
                raise NoAnswerError("no answer in time") from None
            finally:
                link.waiting.pop(sequence, None)
                link.core.forget(sequence)

    async def _once(self, bound: Callable[[], None] | None) -> str:
        """Hold one session until it ends, and return why. Raises what dialling and binding raise."""
        who = self._credentials
        async with asyncio.timeout(CONNECT_S):
            _, link = await asyncio.get_running_loop().create_connection(_Link, who.smsc.host, who.smsc.port)
        try:
            await self._bind(link)
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
            await self._unbind(link)

    async def _bind(self, link: _Link) -> None:
        link.core.bind(self._credentials.system_id, self._credentials.password)
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

"""Control's duty towards callers: what leads are owed is sent, once each, by one node."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from random import random
from typing import Any

import structlog

from adapters.http.webhook_sender import WebhookSender
from adapters.metrics.answer_figures import AnswerFigures
from adapters.postgres.answers_out import LOCK, Box, PostgresAnswersOut, Settled
from adapters.postgres.pool import Connection, Pool
from adapters.processes.lead_telling import tell_lead
from adapters.processes.one_node import on_one_node
from adapters.processes.stock_watching import StockWatching
from adapters.smpp.constants import ESME_ROK
from adapters.smpp.esme import EsmeSession, NoAnswerError, NotBoundError
from adapters.smpp.esme_core import TEMPORARY, Answered, Outgoing, ProtocolError
from adapters.smpp.one_part import TooLongError, one_part
from engine.settings import Settings
from inventory.answers import filled, retry_at
from inventory.keywords import NOTICES, Wish
from segments.seal import Seal

LOOK_S = 0.2
OTHERS_S = 2.0
AT_ONCE = 32
WEBHOOKS_AT_ONCE = 16
PER_ROUND = 64
LAST_WORDS_S = 2.0
COUNTRY = "52"

log = structlog.get_logger()


class NotOursError(Exception):
    """Somebody else took the message over: it is not sent."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Answering:
    """Sends where the advisory lock is held; `session` None sends webhooks only, `seal` opens numbers."""

    def __init__(
        self,
        settings: Callable[[], Settings],
        session: EsmeSession | None,
        seal: Callable[[], Seal],
        *,
        clock: Callable[[], datetime] = _utc_now,
    ) -> None:
        self._settings = settings
        self._session = session
        self._seal = seal
        self._now = clock
        self.figures = AnswerFigures()
        self._stocks = StockWatching(self.figures)
        self._sending: set[asyncio.Task[None]] = set()
        self._telling: dict[int, asyncio.Task[None]] = {}

    async def run(self, pool: Pool) -> None:
        """Send for as long as this node holds the lock, until cancelled."""
        async with WebhookSender(allow_private=lambda: self._settings().webhooks.allow_private) as sender:
            out = PostgresAnswersOut(pool)
            await on_one_node(pool, LOCK, OTHERS_S, lambda held: self._while_held(held, pool, out, sender))

    async def _while_held(
        self, connection: Connection, pool: Pool, out: PostgresAnswersOut, sender: WebhookSender
    ) -> None:
        try:
            if unknown := await out.take_over():
                log.warning("answers_unknown", answers=unknown)
            while not connection.is_closed():
                self._collect()
                await self._round(out, sender)
                await self._stocks.look(pool, self._now())
                await asyncio.sleep(LOOK_S)
        finally:
            self._stocks.end()
            await self._end()

    async def _end(self) -> None:
        """Let what is under way come home for a moment; what does not is left to the next sender."""
        tasks = self._sending | set(self._telling.values())
        with suppress(asyncio.CancelledError):
            if tasks:
                await asyncio.wait(tasks, timeout=LAST_WORDS_S)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._sending.clear()
        self._telling.clear()

    def _collect(self) -> None:
        """Forget what is over; a fault in it is raised."""
        for task in [task for task in self._sending if task.done()]:
            self._sending.discard(task)
            task.result()
        for engagement, task in list(self._telling.items()):
            if task.done():
                del self._telling[engagement]
                task.result()

    async def _round(self, out: PostgresAnswersOut, sender: WebhookSender) -> None:
        """Begin what is due and has room."""
        now = self._now()
        if self._session is not None and self._session.is_bound and len(self._sending) < AT_ONCE:
            for row in await out.claim_notices(now, AT_ONCE - len(self._sending)):
                self._begin(self._notice(out, self._session, row))
            for row in await out.claim(now, max(1, AT_ONCE - len(self._sending))):
                self._begin(self._answer(out, self._session, row))
        if len(self._telling) < WEBHOOKS_AT_ONCE:
            leads: dict[int, list[Mapping[str, Any]]] = {}
            for row in await out.claim_webhooks(now, PER_ROUND, self._telling):
                leads.setdefault(row["engagement"], []).append(row)
            for engagement, rows in leads.items():
                self._telling[engagement] = asyncio.create_task(self._tell(out, sender, rows))

    def _begin(self, sending: Coroutine[Any, Any, None]) -> None:
        self._sending.add(asyncio.create_task(sending))

    # -- messages ---------------------------------------------------------------------------------

    async def _notice(self, out: PostgresAnswersOut, session: EsmeSession, row: Mapping[str, Any]) -> None:
        await self._send(
            out, session, "notices", row, self._seal().opened(row["subscriber"]), NOTICES[Wish(row["wish"])]
        )

    async def _answer(self, out: PostgresAnswersOut, session: EsmeSession, row: Mapping[str, Any]) -> None:
        if row["caller"] is None or row["confirmation"] is None:
            missing = "the lead is gone" if row["caller"] is None else "there is no confirmation any more"
            await out.settle("answers", row["number"], Settled("failed", missing), self._now(), attempts=0)
            self._count(row, "failed")
            return
        values = {
            "name": row["name"],
            "brand": row["brand"] or "",
            "code": row["code"] or "",
            "option": row["option"],
        }
        text = filled(row["confirmation"], values)
        await self._send(out, session, "answers", row, self._seal().opened(row["caller"]), text)

    async def _send(
        self,
        out: PostgresAnswersOut,
        session: EsmeSession,
        box: Box,
        row: Mapping[str, Any],
        subscriber: int,
        text: str,
    ) -> None:
        """Send one message, if it is still ours, and write what came of it."""
        tried = 1
        try:
            answered = await session.submit(self._message(subscriber, text), lambda: _leaving(out, box, row))
        except NotOursError:
            return
        except NotBoundError:
            tried, settled = 0, Settled("due", "not bound", self._now())
        except NoAnswerError as error:
            settled = Settled("unknown", str(error))
        except (TooLongError, ProtocolError) as error:
            settled = Settled("failed", str(error) or "longer than one SMS")
        else:
            settled = self._came_to(answered, row)
        await out.settle(box, row["number"], settled, self._now(), attempts=tried)
        if box == "answers":
            self._count(row, settled.state)

    def _count(self, row: Mapping[str, Any], state: str) -> None:
        self.figures.settled(state, (self._now() - row["created_at"]).total_seconds())

    def _message(self, subscriber: int, text: str) -> Outgoing:
        settings = self._settings()
        coding, body = one_part(text, settings.relay.notifications.default_alphabet)
        source = settings.esme.source_addr if settings.esme is not None else ""
        return Outgoing(source, f"{COUNTRY}{subscriber:010d}", body, coding, receipt=True)

    def _came_to(self, answered: Answered, row: Mapping[str, Any]) -> Settled:
        if answered.status == ESME_ROK:
            return Settled("sent", message_id=answered.message_id)
        fault = f"refused: 0x{answered.status:02x}"
        if answered.status in TEMPORARY:
            again = retry_at(row["attempts"] + 1, row["created_at"], self._now())
            if again is not None:
                return Settled("due", fault, again)
        log.warning("answer_given_up", number=row["number"], fault=fault)
        return Settled("failed", fault)

    # -- webhooks ---------------------------------------------------------------------------------

    async def _tell(
        self, out: PostgresAnswersOut, sender: WebhookSender, rows: list[Mapping[str, Any]]
    ) -> None:
        """Tell one engagement's webhook of its leads in order; a silence puts the rest off."""
        silent = False
        for row in rows:
            if silent:
                settled = Settled("due", "the webhook did not answer", self._now())
                await out.settle("answers", row["number"], settled, self._now(), attempts=0)
                continue
            caller = self._seal().opened(row["caller"]) if row["share_number"] else None
            settled, silent = await tell_lead(sender, row, caller, self._now, random())  # noqa: S311  # jitter
            await out.settle("answers", row["number"], settled, self._now())
            self._count(row, settled.state)


async def _leaving(out: PostgresAnswersOut, box: Box, row: Mapping[str, Any]) -> None:
    """Write that a message leaves. Raises `NotOursError`."""
    if not await out.sending(box, row["number"]):
        raise NotOursError

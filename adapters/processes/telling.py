"""Control's duty towards webhooks: events become deliveries, deliveries are made, in order, by one node."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from random import random

import structlog

from adapters.http.webhook_sender import WebhookSender
from adapters.postgres.pool import Connection, Pool
from adapters.postgres.webhooks import LOCK, Delivery, PostgresWebhooks
from adapters.processes.one_node import on_one_node
from engine.settings import Settings
from inventory.webhooks import next_attempt

LOOK_S = 0.5
OTHERS_S = 5.0
FORGET_S = 3600.0
# Webhooks that are told at the same time, and deliveries that are looked at in a round.
AT_ONCE = 32
PER_ROUND = 200

log = structlog.get_logger()


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Telling:
    """Tells webhooks where the advisory lock is held; a slow webhook keeps no other waiting."""

    def __init__(
        self,
        settings: Callable[[], Settings],
        *,
        chance: Callable[[], float] = random,
        clock: Callable[[], datetime] = _utc_now,
    ) -> None:
        self._settings = settings
        self._chance = chance
        self._now = clock
        self._busy: dict[str, asyncio.Task[None]] = {}

    async def run(self, pool: Pool) -> None:
        """Tell for as long as this node holds the lock, until cancelled."""
        async with WebhookSender(allow_private=lambda: self._settings().webhooks.allow_private) as sender:
            await on_one_node(pool, LOCK, OTHERS_S, lambda held: self._while_held(held, pool, sender))

    async def _while_held(self, connection: Connection, pool: Pool, sender: WebhookSender) -> None:
        webhooks = PostgresWebhooks(pool)
        forgot = time.monotonic()
        try:
            while not connection.is_closed():
                if time.monotonic() - forgot >= FORGET_S:
                    forgot = time.monotonic()
                    await webhooks.forget(self._now())
                await webhooks.fan_out(self._now())
                await self._round(webhooks, sender)
                await asyncio.sleep(LOOK_S)
        finally:
            for task in self._busy.values():
                task.cancel()
            await asyncio.gather(*self._busy.values(), return_exceptions=True)
            self._busy.clear()

    async def _round(self, webhooks: PostgresWebhooks, sender: WebhookSender) -> None:
        """Begin to tell every webhook that is not being told already."""
        for webhook, task in list(self._busy.items()):
            if task.done():
                del self._busy[webhook]
                task.result()
        free = AT_ONCE - len(self._busy)
        if free <= 0:
            return
        due: dict[str, list[Delivery]] = {}
        for delivery in await webhooks.due(self._now(), self._busy, PER_ROUND):
            if delivery.webhook in due or len(due) < free:
                due.setdefault(delivery.webhook, []).append(delivery)
        for webhook, deliveries in due.items():
            self._busy[webhook] = asyncio.create_task(self._tell(webhooks, sender, deliveries))

    async def _tell(
        self, webhooks: PostgresWebhooks, sender: WebhookSender, deliveries: list[Delivery]
    ) -> None:
        """Tell one webhook of one event of each of its campaigns; the first silence ends the round."""
        for delivery in deliveries:
            delivered, answer = await sender.tell(delivery)
            now = self._now()
            next_at = (
                None
                if delivered
                else next_attempt(delivery.attempts + 1, delivery.created_at, now, self._chance())
            )
            await webhooks.settle(delivery.number, answer, now, delivered=delivered, next_at=next_at)
            if not delivered and next_at is None:
                log.warning(
                    "webhook_given_up", webhook=delivery.webhook, event=delivery.event_id, answer=answer
                )
            if not delivered and not answer.isdigit():
                return

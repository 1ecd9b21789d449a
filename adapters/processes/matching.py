"""Control's duty towards receipts: matched with insertions, counted, forgotten in time, judged."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import UTC, datetime

import asyncpg
import structlog

from adapters.postgres.pool import DATABASE_AWAY, DATABASE_FAULTS, Pool, close_pool, open_pool
from adapters.postgres.receipts import OVERTAKES_S, PostgresReceipts
from adapters.processes.endless import every
from engine.receipt_breaker import ReceiptBreaker
from engine.receipts import route_number, sample
from engine.settings import Settings
from engine.verdict import Verdict
from inventory.receipts import Matching, Unmatched

MATCH_S = 0.2
DROP_S = 600.0
SAY_EVERY_S = 60.0
SETTLE_UP_S = 10.0
OTHER_ROUTE = "other"

Harmed = Callable[[Verdict], Awaitable[None]]

log = structlog.get_logger()


class ReceiptMatching:
    """The matcher of one node; `unmatched` counts by route what it found no insertion for."""

    def __init__(self, settings: Settings, harmed: Harmed) -> None:
        self.unmatched: Counter[str] = Counter({route.name: 0 for route in settings.relay.routes})
        self._settings = settings
        self._harmed = harmed
        self._routes: Mapping[int, str] = {route_number(name): name for name in self.unmatched}
        self._breaker = ReceiptBreaker()
        self._unsaid: dict[str, tuple[int, int]] = {}
        self._said_at = -SAY_EVERY_S
        self._dropped_at = -DROP_S
        self._alarmed = ""

    async def run(self, pool: Pool) -> None:
        """Match until cancelled. Raises what a database raises that is away."""
        receipts = PostgresReceipts(pool)
        await every(MATCH_S, lambda: self._guarded(receipts))

    async def settle_up(self, dsn: str) -> None:
        """Match what is there, for the last time; else the next start does."""
        try:
            async with asyncio.timeout(SETTLE_UP_S):
                pool = await open_pool(dsn)
                await self._match(PostgresReceipts(pool))
                await close_pool(pool)
        except DATABASE_FAULTS as error:
            log.warning("left_unmatched", error=f"{type(error).__name__}: {error}")

    async def _guarded(self, receipts: PostgresReceipts) -> None:
        """Match, and let no fault in it end what else is done with the database."""
        try:
            await self._match(receipts)
        except DATABASE_AWAY:
            raise
        except asyncpg.PostgresError as error:
            if self._alarmed != str(error):
                self._alarmed = str(error)
                log.error("alarm_receipts_refused", error=f"{type(error).__name__}: {error}")

    async def _match(self, receipts: PostgresReceipts) -> None:
        horizon = self._settings.receipts.horizon_hours
        while True:
            found = await receipts.match(datetime.now(UTC), horizon)
            await self._judge(found)
            self._count(found.unmatched)
            if not found.more:
                break
        now = time.monotonic()
        if now - self._dropped_at >= DROP_S:
            self._dropped_at = now
            keep_days = self._settings.retention_days.receipts
            if dropped := await receipts.drop_old(datetime.now(UTC), horizon, keep_days):
                log.info("receipts_dropped", partitions=list(dropped))

    async def _judge(self, found: Matching) -> None:
        for verdict in self._breaker.judge(found):
            log.error("alarm_text_undelivered", **vars_of(verdict))
            await self._harmed(verdict)

    def _count(self, unmatched: Iterable[Unmatched]) -> None:
        """Count what found no insertion, and say so once in a while, with a masked sample of each route."""
        for each in unmatched:
            route = self._routes.get(each.route, OTHER_ROUTE)
            self.unmatched[route] += each.receipts
            before, _ = self._unsaid.get(route, (0, 0))
            self._unsaid[route] = (before + each.receipts, each.mask)
        now = time.monotonic()
        if self._unsaid and now - self._said_at >= SAY_EVERY_S:
            self._said_at = now
            for route, (receipts, mask) in self._unsaid.items():
                log.warning(
                    "receipt_unmatched",
                    route=route,
                    receipts=receipts,
                    sample=sample(mask),
                    after_s=OVERTAKES_S,
                )
            self._unsaid.clear()


def vars_of(verdict: Verdict) -> Mapping[str, int]:
    """Return a verdict as the log has it: failed receipts where the other breaker has refusals."""
    return {
        "campaign": verdict.campaign,
        "creative_version": verdict.creative_version,
        "receipts": verdict.answered,
        "failed": verdict.refused,
        "bare": verdict.bare,
        "bare_failed": verdict.bare_refused,
    }

"""Control's duty towards the journals: settled in the database while it is there, brought to the disk."""

import asyncio
from datetime import UTC, datetime

import structlog

from adapters.postgres.books import PostgresBooks
from adapters.postgres.pool import DATABASE_FAULTS, close_pool, open_pool
from adapters.processes.endless import every
from adapters.processes.epochs import Epochs
from inventory.books import EpochClosedError, LedgerError, SequenceGapError

SETTLE_S = 0.2
SETTLE_UP_S = 10.0

log = structlog.get_logger()


class Settling:
    """What becomes of all epochs of one node; `settled_at` is up to when all they say is in the books."""

    def __init__(self, epochs: Epochs) -> None:
        self._epochs = epochs
        self.settled_at: datetime | None = None

    async def recover(self, books: PostgresBooks) -> None:
        """Settle what former workers left."""
        await self._epochs.look(books)

    async def run(self, books: PostgresBooks) -> None:
        """Settle until cancelled. Raises what a database raises that is away."""
        await every(SETTLE_S, lambda: self._settle(books))

    async def _settle(self, books: PostgresBooks) -> None:
        began = datetime.now(UTC)
        try:
            sound = await self._epochs.look(books)
            if await self._epochs.settle(books) and sound:
                self.settled_at = began
        except (LedgerError, SequenceGapError, EpochClosedError) as error:
            log.error("alarm_settlement_refused", error=f"{type(error).__name__}: {error}")

    async def settle_up(self, dsn: str) -> None:
        """Close the epochs of the workers that have drained; else the next start does."""
        try:
            async with asyncio.timeout(SETTLE_UP_S):
                pool = await open_pool(dsn)
                await self._epochs.look(PostgresBooks(pool))
                await close_pool(pool)
        except DATABASE_FAULTS as error:
            log.warning("left_unsettled", error=f"{type(error).__name__}: {error}")

    async def sync(self, interval_s: float) -> None:
        """Bring the journals to the disk, off the workers' hot path, until cancelled."""
        while True:
            await asyncio.sleep(interval_s)
            try:
                await asyncio.to_thread(self._epochs.sync)
            except OSError as error:
                log.error("alarm_journal_sync_failed", error=str(error))

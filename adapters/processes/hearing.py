"""Control's ear at the SMSC: words that handsets write to the short code, receipts of our own messages."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Literal

import structlog

from adapters.postgres.answers_out import PostgresAnswersOut
from adapters.postgres.pool import DATABASE_FAULTS, Pool
from adapters.postgres.wishes import take_wishes
from adapters.smpp.esme import NotStoredError
from adapters.smpp.esme_core import Came
from adapters.smpp.esme_incoming import Written, read_written
from adapters.smpp.receipts import read_receipt
from engine.receipts import DELIVERED, FAILURES
from engine.settings import Settings
from inventory.keywords import Wished, wish_of
from segments.numbers import national
from segments.seal import Seal

LONGEST_WORDING = 40

log = structlog.get_logger()


class Hearing:
    """Stores what came in one transaction; `seal` is asked for when the first subscriber writes."""

    def __init__(
        self, settings: Callable[[], Settings], find_pool: Callable[[], Pool | None], seal: Callable[[], Seal]
    ) -> None:
        self._settings = settings
        self._find_pool = find_pool
        self._make_seal = seal
        self._seal: Seal | None = None

    async def hear(self, batch: Sequence[Came]) -> None:
        """Take over what came. Raises `NotStoredError` while the database is away."""
        wishes: list[Wished] = []
        receipts: dict[str, Literal["delivered", "failed"]] = {}
        for came in batch:
            receipt = read_receipt(came.octets, 0, len(came.octets), came.command)
            if receipt is not None:
                if receipt.state == DELIVERED or receipt.state in FAILURES:
                    fate: Literal["delivered", "failed"] = (
                        "delivered" if receipt.state == DELIVERED else "failed"
                    )
                    receipts[(receipt.tlv_id or receipt.text_id).decode("latin-1")] = fate
            elif (written := read_written(came.octets, came.command)) is not None:
                wishes += self._wish(written)
        if not wishes and not receipts:
            return
        pool = self._find_pool()
        if pool is None:
            raise NotStoredError("the database is away")
        try:
            await self._store(pool, wishes)
            await PostgresAnswersOut(pool).receipts(receipts, datetime.now(UTC))
        except DATABASE_FAULTS as error:
            raise NotStoredError(type(error).__name__) from error

    def _wish(self, written: Written) -> Sequence[Wished]:
        """Return who wishes what by which words; nothing for another address, a stranger, or other words."""
        esme = self._settings().esme
        short_code = esme.short_code if esme is not None else None
        if short_code is not None and written.destination.lstrip(b"+") != short_code.encode():
            return ()
        wish, subscriber = wish_of(written.text), national(written.source)
        log.info("written_to_short_code", wish=wish, subscriber=bool(subscriber))
        if wish is None or not subscriber:
            return ()
        return (Wished(subscriber, wish, written.text.strip()[:LONGEST_WORDING], datetime.now(UTC)),)

    async def _store(self, pool: Pool, wishes: Sequence[Wished]) -> None:
        if not wishes:
            return
        if self._seal is None:
            self._seal = await asyncio.to_thread(self._make_seal)
        async with pool.acquire() as connection, connection.transaction():
            await take_wishes(connection, self._seal, wishes, datetime.now(UTC))

"""Control's duty towards counts and audit entries that are too old: deleted bit by bit, at quiet moments."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import asyncpg
import structlog

from adapters.postgres.pool import DATABASE_AWAY, Pool
from adapters.postgres.retention import PostgresRetention
from adapters.processes.endless import every
from adapters.processes.settling import Settling
from engine.settings import RetentionDays

LOOK_S = 600.0
PAUSE_S = 0.5
BUSY_AFTER = timedelta(seconds=2)
"""A database that keeps settlement waiting so long has no time for this."""

Expire = Callable[[datetime, int], Awaitable[int]]
"""Deletes a batch of what is older than so many days; returns how many rows, 0 when none is left."""

log = structlog.get_logger()


class Expiring:
    """What one node does for retention; another one that is at it goes first."""

    def __init__(self, retention: Callable[[], RetentionDays], settling: Settling) -> None:
        self._retention = retention
        self._settling = settling
        self._alarmed = ""

    async def run(self, pool: Pool) -> None:
        """Do it until cancelled. Raises what a database raises that is away."""
        await every(LOOK_S, lambda: self._guarded(PostgresRetention(pool)))

    async def _guarded(self, stored: PostgresRetention) -> None:
        """Do what is due, and let no fault in it end what else is done with the database."""
        keep = self._retention()
        try:
            await self._all(stored.expire_counts, keep.aggregates, "counts_expired")
            await self._all(stored.expire_audit, keep.audit, "audit_expired")
        except DATABASE_AWAY:
            raise
        except asyncpg.PostgresError as error:
            if self._alarmed != str(error):
                self._alarmed = str(error)
                log.error("alarm_retention_refused", error=f"{type(error).__name__}: {error}")

    async def _all(self, expire: Expire, keep_days: int, event: str) -> None:
        """Delete batch after batch until all is gone or the database is busy."""
        rows = 0
        while not self._is_busy() and (gone := await expire(datetime.now(UTC), keep_days)):
            rows += gone
            await asyncio.sleep(PAUSE_S)
        if rows:
            log.info(event, rows=rows)

    def _is_busy(self) -> bool:
        settled_at = self._settling.settled_at
        return settled_at is None or settled_at < datetime.now(UTC) - BUSY_AFTER

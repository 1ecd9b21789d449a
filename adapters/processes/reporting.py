"""Control's duty towards reports: tell how far the node has settled, pack whole days, count people."""

import time
from datetime import UTC, datetime

import asyncpg
import structlog

from adapters.postgres.pool import DATABASE_AWAY, Pool
from adapters.postgres.reach import PostgresReach
from adapters.postgres.report_days import pack_days
from adapters.processes.endless import every
from adapters.processes.settling import Settling
from engine.settings import Settings
from inventory.books import hour_of
from segments.clock import pinned_zone

TELL_S = 1.0
FOLD_S = 10.0
PACK_S = 600.0

_TELL = "UPDATE nodes SET settled_at = $2 WHERE name = $1"

log = structlog.get_logger()


class Reporting:
    """What one node does for reports."""

    def __init__(self, settings: Settings, settling: Settling) -> None:
        self._settings = settings
        self._settling = settling
        self._folded_at = -FOLD_S
        self._packed_at = -PACK_S
        self._alarmed = ""

    async def run(self, pool: Pool) -> None:
        """Do it until cancelled. Raises what a database raises that is away."""
        await every(TELL_S, lambda: self._guarded(pool))

    async def _guarded(self, pool: Pool) -> None:
        """Do what is due, and let no fault in it end what else is done with the database."""
        try:
            await self._look(pool)
        except DATABASE_AWAY:
            raise
        except asyncpg.PostgresError as error:
            if self._alarmed != str(error):
                self._alarmed = str(error)
                log.error("alarm_reports_refused", error=f"{type(error).__name__}: {error}")

    async def _look(self, pool: Pool) -> None:
        if self._settling.settled_at is not None:
            await pool.execute(_TELL, self._settings.node.name, self._settling.settled_at)
        now = time.monotonic()
        if now - self._folded_at >= FOLD_S:
            self._folded_at = now
            await self._fold(pool)
        if now - self._packed_at >= PACK_S:
            self._packed_at = now
            if days := await pack_days(pool, hour_of(datetime.now(UTC))):
                log.info("report_days_packed", days=days)
            await PostgresReach(pool).forget_samples(
                datetime.now(UTC), self._settings.retention_days.exposures
            )

    async def _fold(self, pool: Pool) -> None:
        reach = PostgresReach(pool)
        zone = pinned_zone(self._settings.policy.default_timezone)
        while await reach.fold(zone, datetime.now(UTC)):
            pass

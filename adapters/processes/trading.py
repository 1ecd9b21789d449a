"""Duty towards buyers: a market kept ready to be asked, as fresh as forecast and bookings are."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Protocol

import structlog

from adapters.postgres.blackouts import PostgresBlackouts
from adapters.postgres.bookings import read_mark
from adapters.postgres.holds import PostgresHolds
from adapters.postgres.pool import DATABASE_FAULTS, Pool
from engine.composition import septets_of
from engine.settings import Settings
from inventory.country import country_of, under
from inventory.forecast import Forecast
from inventory.market import Country, Market
from inventory.supply import Supply
from segments.geography import Geography
from segments.numbering import Numbering

# How often it is looked whether anything was booked or held, or the forecast is another one.
LOOK_S = 1.0
# What is spent and how late it is change all the time.
OLDEST_S = 60.0
# A market that took long to make is kept so many times as long; holds and approvals know what came since.
KEPT_TIMES = 4

log = structlog.get_logger()


class Expected(Protocol):
    """What the forecast tells: adapters.processes.forecasting.Forecasting."""

    @property
    def forecast(self) -> Forecast | None:
        """Return the newest forecast; None until the first is made."""

    async def supply(self, pool: Pool, now: datetime) -> Supply | None:
        """Return the forecast corrected by what was counted today."""


class Trading:
    """The market of one node: None until there is a forecast; it is never changed, but replaced."""

    def __init__(
        self, settings: Callable[[], Settings], numbering: Numbering, geography: Geography, expected: Expected
    ) -> None:
        self._settings = settings
        self._numbering = numbering
        self._geography = geography
        self._expected = expected
        self._forecast: Forecast | None = None
        self._made_by: Settings | None = None
        self._mark: tuple[str, ...] = ()
        self._made = -OLDEST_S
        self.market: Market | None = None

    async def run(self, pool: Pool) -> None:
        """Keep the market fresh, until cancelled."""
        while True:
            began = time.monotonic()
            try:
                await self.look(pool, datetime.now(UTC))
            except DATABASE_FAULTS:
                raise
            except Exception as error:  # leases and settlement go on, with the former market
                log.error("alarm_internal_error", exc_info=error)
            await asyncio.sleep(max(LOOK_S, KEPT_TIMES * (time.monotonic() - began)))

    async def look(self, pool: Pool, now: datetime) -> None:
        """Make the market anew if it is old, or what it was made of has changed."""
        forecast, settings = self._expected.forecast, self._settings()
        if forecast is None:
            return
        mark, clock = await read_mark(pool, now), time.monotonic()
        is_same = forecast is self._forecast and settings is self._made_by and mark == self._mark
        if is_same and clock - self._made < OLDEST_S:
            return
        self._forecast, self._made_by, self._mark, self._made = forecast, settings, mark, clock
        supply = await self._expected.supply(pool, now)
        bookings = await PostgresHolds(pool, septets_of).bookings(now=now)
        places = places_of(settings, self._numbering, self._geography)
        blackouts = await PostgresBlackouts(pool).standing(now, places.compile_target)
        corrected = forecast if supply is None else replace(forecast, supply=supply)

        def make() -> Market:
            market = Market(
                bookings, under(places, blackouts), corrected, now.timestamp(), settings.planner.sell_on
            )
            market.prepare()
            return market

        # In a thread, so that leases and settlement go on meanwhile.
        self.market = await asyncio.to_thread(make)


def places_of(settings: Settings, numbering: Numbering, geography: Geography) -> Country:
    """Return the places of a numbering plan, under the settings' quiet hours."""
    quiet = settings.policy.quiet_hours
    minutes = None if quiet is None else (quiet.start, quiet.end)
    return country_of(numbering, geography, minutes, settings.policy.default_timezone)

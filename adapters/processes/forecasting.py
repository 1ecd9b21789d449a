"""Control's duty towards supply: days rolled up, the forecast made each hour, corrected through the day."""

import asyncio
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import structlog

from adapters.files.forecast_file import write_forecast
from adapters.files.reference_data import load_geography, load_numbering
from adapters.postgres.pool import DATABASE_FAULTS, Pool
from adapters.postgres.supply import read_history, read_since, roll_up
from adapters.processes.child import Spec
from inventory.books import hour_of
from inventory.forecast import Forecast, Today, corrected
from inventory.forecaster import Forecaster
from inventory.history import History
from inventory.scenarios import Index
from inventory.supply import HOUR_S, Supply
from segments.clock import pinned_zone
from segments.numbering import Numbering

# Bookings further ahead than this are answered from the last week of it.
FORECAST_DAYS = 35
HOURS_PER_DAY = 24
# How often it is looked whether the hour has turned; either way, so that a clock that jumped is followed.
LOOK_S = 10.0
# On a node's first day the forecast is made anew this often: each minute of traffic tells of the level.
FIRST_DAY_S = 60.0
# A first hour tells of the level once it was observed for so long.
SEEN_S = 60.0

log = structlog.get_logger()


class Forecasting:
    """The forecast of one node; `forecast` is None until the first is made, within seconds of the start.

    It also lies beside control's socket as a file, for the HTTP process.
    """

    def __init__(self, spec: Spec) -> None:
        self._numbering = load_numbering(Path(spec.ranges) if spec.ranges else None)
        self._zone = spec.settings.policy.default_timezone
        self._forecaster = forecaster(self._numbering, self._zone)
        self._folder = Path(spec.control_socket).parent
        self._begun = datetime.now(UTC)
        self.forecast: Forecast | None = None

    @property
    def is_warm(self) -> bool:
        """Tell whether there is a forecast that rests on what was counted."""
        return self.forecast is not None and not self.forecast.cold_start

    async def run(self, pool: Pool) -> None:
        """Forecast now and whenever the hour has turned, on the first day each minute, until cancelled."""
        made, hour, known = -FIRST_DAY_S, -1, 0
        while True:
            now = datetime.now(UTC)
            is_new = known < HOURS_PER_DAY and time.monotonic() - made >= FIRST_DAY_S
            if hour_of(now) != hour or is_new:
                made, hour = time.monotonic(), hour_of(now)
                try:
                    known = await self._renew(pool, now)
                except DATABASE_FAULTS:
                    raise
                except Exception as error:  # leases and settlement go on, with the former forecast
                    log.error("alarm_forecast_failed", exc_info=error)
            await asyncio.sleep(LOOK_S)

    async def _renew(self, pool: Pool, now: datetime) -> int:
        """Forecast; return how many hours were counted."""
        begun = time.monotonic()
        hour = hour_of(now)
        await roll_up(pool, hour)
        history = await read_history(pool, self._numbering, hour)
        known = max(0, hour - history.first_hour) if history.hours else 0
        if known == 0:
            history, hour = first_hour_of(history, hour, self._begun, now)
        first = midnight(now, self._zone)
        hours = FORECAST_DAYS * HOURS_PER_DAY
        chance = np.random.default_rng(first)
        # In a thread, so that leases and settlement go on meanwhile.
        self.forecast = await asyncio.to_thread(
            self._forecaster.forecast,
            history,
            first,
            hours,
            chance,
            known_until=hour if known < HOURS_PER_DAY else None,
        )
        await self._tell(self.forecast)
        log.info(
            "forecast_made",
            cold_start=self.forecast.cold_start,
            notifications=round(float(self.forecast.supply.by_hour[:HOURS_PER_DAY].sum())),
            seconds=round(time.monotonic() - begun, 2),
        )
        return known

    async def _tell(self, forecast: Forecast) -> None:
        """Write the forecast for the HTTP process, which goes on with the former one if the disk is full."""
        try:
            await asyncio.to_thread(write_forecast, self._folder, forecast)
        except OSError as error:
            log.error("alarm_forecast_failed", exc_info=error)

    async def supply(self, pool: Pool, now: datetime) -> Supply | None:
        """Return the forecast corrected by what was counted today; None until there is one."""
        forecast = self.forecast
        if forecast is None:
            return None
        ladas = self._forecaster.lada_of_place
        return await correct(forecast, pool, self._numbering, self._zone, ladas, now)


async def correct(
    forecast: Forecast, pool: Pool, numbering: Numbering, zone: str, lada_of_place: Index, now: datetime
) -> Supply:
    """Return a forecast's supply corrected by what was counted on the zone's running day."""
    first = midnight(now, zone)
    counted = await read_since(pool, numbering, first, hour_of(now))
    today = Today(first, now.timestamp(), counted)
    # In a thread: a month of all places is octets enough to hold up whatever else waits.
    return await asyncio.to_thread(corrected, forecast.supply, today, lada_of_place)


def first_hour_of(history: History, hour: int, begun: datetime, now: datetime) -> tuple[History, int]:
    """Return the running first hour blown up to a whole one, and the hour until which it is known then."""
    begins = datetime.fromtimestamp(hour * HOUR_S, UTC)
    seen = (now - max(begun, begins)).total_seconds()
    if seen < SEEN_S or not history.hours:
        return history, hour
    return replace(history, by_hour=history.by_hour * np.float32(HOUR_S / seen)), hour + 1


def forecaster(numbering: Numbering, zone: str) -> Forecaster:
    """Return the forecaster of a numbering plan; the country's days are those of a time zone."""
    return Forecaster(numbering.places, load_geography().weights, pinned_zone, zone)


def midnight(now: datetime, zone: str) -> int:
    """Return the hour (since 1970-01-01T00 UTC) in which a zone's day began."""
    local = now.astimezone(pinned_zone(zone))
    return hour_of(local.replace(hour=0, minute=0, second=0, microsecond=0))

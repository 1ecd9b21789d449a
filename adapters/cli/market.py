"""The market as a command sees it: what was sold and held, over a forecast made for the occasion."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np

from adapters.files.reference_data import load_geography, load_numbering
from adapters.postgres.blackouts import PostgresBlackouts
from adapters.postgres.holds import PostgresHolds
from adapters.postgres.pool import Pool
from adapters.postgres.supply import read_history, read_since
from adapters.processes.forecasting import FORECAST_DAYS, HOURS_PER_DAY, forecaster, midnight
from engine.composition import septets_of
from engine.settings import Settings
from inventory.books import hour_of
from inventory.country import country_of, under
from inventory.forecast import Forecast, Today, corrected
from inventory.market import Country, Market


async def open_market(pool: Pool, settings: Settings, now: datetime) -> Market:
    """Return the market from `now` on."""
    forecast = await _forecast(pool, settings.policy.default_timezone, now)
    bookings = await PostgresHolds(pool, septets_of).bookings(now=now)
    places = country(settings)
    blackouts = await PostgresBlackouts(pool).standing(now, places.compile_target)
    return Market(bookings, under(places, blackouts), forecast, now.timestamp(), settings.planner.sell_on)


def country(settings: Settings) -> Country:
    """Return the places of the numbering plan, under the settings' quiet hours."""
    quiet = settings.policy.quiet_hours
    minutes = None if quiet is None else (quiet.start, quiet.end)
    return country_of(load_numbering(), load_geography(), minutes, settings.policy.default_timezone)


async def _forecast(pool: Pool, zone: str, now: datetime) -> Forecast:
    """Return the forecast from today on, the rest of today corrected by what came."""
    numbering, hour, first = load_numbering(), hour_of(now), midnight(now, zone)
    history = await read_history(pool, numbering, hour)
    expects = forecaster(numbering, zone)
    known = history.before(hour).hours
    forecast = expects.forecast(
        history,
        first,
        FORECAST_DAYS * HOURS_PER_DAY,
        np.random.default_rng(first),
        known_until=hour if known < HOURS_PER_DAY else None,
    )
    today = Today(first, now.timestamp(), await read_since(pool, numbering, first, hour))
    if not today.counted.any():
        return forecast
    return replace(forecast, supply=corrected(forecast.supply, today, expects.lada_of_place))


def utc(seconds: float) -> str:
    """Write UTC seconds as an instant."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="minutes")

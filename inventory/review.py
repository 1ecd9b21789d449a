"""A review of forecasts: what was expected of a day before it began, against what came."""

from dataclasses import dataclass

import numpy as np

from inventory.forecaster import Forecaster
from inventory.history import History
from inventory.placement import Reals
from inventory.scenarios import HOURS_PER_DAY


@dataclass(frozen=True, slots=True)
class Day:
    """One day: `first_hour` (since 1970-01-01T00 UTC), forecast and actual by hour and state."""

    first_hour: int
    forecast: Reals
    actual: Reals

    @property
    def missed(self) -> float:
        """The sum over states of |actual − forecast|."""
        return float(np.abs(self.actual.sum(axis=0) - self.forecast.sum(axis=0)).sum())


def wape(days: list[Day]) -> float | None:
    """Return Σ |actual − forecast| over states and days ÷ Σ actual; None when nothing came."""
    came = sum(float(day.actual.sum()) for day in days)
    return sum(day.missed for day in days) / came if came else None


def day_ahead(forecaster: Forecaster, history: History, first_hour: int, hours: int = HOURS_PER_DAY) -> Day:
    """Return the day that begins at `first_hour`, forecast from what was counted before it.

    Only its first `hours` are compared: those that are over.
    """
    forecast = forecaster.by_state(history, first_hour, HOURS_PER_DAY)
    return compared(forecaster, forecast, history, first_hour, hours)


def compared(
    forecaster: Forecaster, forecast: Reals, history: History, first_hour: int, hours: int = HOURS_PER_DAY
) -> Day:
    """Return the day of a forecast (hours × states) with what came of it; see `day_ahead`."""
    row = first_hour - history.first_hour
    actual = np.zeros_like(forecast)
    came = forecaster.areas.by_state(history.by_hour[max(0, row) : max(0, row + hours)])
    actual[max(0, -row) : max(0, -row) + len(came)] = came
    return Day(first_hour, forecast, actual)


def past_days(forecaster: Forecaster, history: History, until: int, count: int) -> list[Day]:
    """Return up to `count` whole days before the one that begins at hour `until`, oldest first.

    A day is left out when a whole day was not counted before it: there was no forecast to speak of.
    """
    firsts = [until - HOURS_PER_DAY * back for back in range(count, 0, -1)]
    known = [first for first in firsts if first - HOURS_PER_DAY >= history.first_hour and history.hours]
    return [day_ahead(forecaster, history, first) for first in known]

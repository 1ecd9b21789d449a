"""The back-test: forecasts of invented weeks against what came of them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inventory.calendar import Holidays
from inventory.forecast import Forecast
from inventory.forecaster import Forecaster
from inventory.history import Counted, History
from inventory.invention import Inventor
from inventory.review import Day, day_ahead, wape
from inventory.scenarios import HOURS_PER_DAY, P20

DAYS_A_WEEK = 7
OUTLOOK_DAYS = 30
# Which share of queries asks for the country, states, LADAs; for whole days, else for hours of them.
QUERY_KINDS = (0.15, 0.45, 0.40)
WHOLE_DAYS = 0.5
LONGEST_QUERY_DAYS = 15


@dataclass(frozen=True, slots=True)
class Trial:
    """What to run: weeks known before the first forecast, weeks in which one is made, queries of each."""

    known_weeks: int = 26
    tested_weeks: int = 5
    queries: int = 20


@dataclass(frozen=True, slots=True)
class Verdict:
    """WAPE by state and day, a day ahead and over 30 days; how many of the queries reached their P20."""

    day_ahead: float
    month_ahead: float
    reached: int
    queries: int

    @property
    def held(self) -> float:
        """The share of queries whose total came to P20 or more."""
        return self.reached / self.queries


def back_test(forecaster: Forecaster, trial: Trial, first_hour: int, chance: np.random.Generator) -> Verdict:
    """Invent weeks from `first_hour` on and forecast week after week of them."""
    history = _invented(forecaster, trial, first_hour, chance)
    days: list[Day] = []
    month: list[Day] = []
    reached = queries = 0
    for week in range(trial.tested_weeks):
        at = first_hour + (trial.known_weeks + week) * DAYS_A_WEEK * HOURS_PER_DAY
        days += [day_ahead(forecaster, history, at + day * HOURS_PER_DAY) for day in range(DAYS_A_WEEK)]
        forecast = forecaster.forecast(history, at, OUTLOOK_DAYS * HOURS_PER_DAY, chance)
        came = history.by_hour[at - first_hour :][: OUTLOOK_DAYS * HOURS_PER_DAY]
        month += _by_day(forecaster, forecast, came, at)
        for hours, places in _queries(forecaster, trial.queries, chance):
            reached += _holds(forecast, came, hours, places)
            queries += 1
    return Verdict(wape(days) or 0.0, wape(month) or 0.0, reached, queries)


def pooled(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the verdict over several trials: mean errors, all queries."""
    each = list(verdicts)
    return Verdict(
        float(np.mean([one.day_ahead for one in each])),
        float(np.mean([one.month_ahead for one in each])),
        sum(one.reached for one in each),
        sum(one.queries for one in each),
    )


def _invented(forecaster: Forecaster, trial: Trial, first_hour: int, chance: np.random.Generator) -> History:
    days = (trial.known_weeks + trial.tested_weeks) * DAYS_A_WEEK + OUTLOOK_DAYS
    local = forecaster.local_hours(first_hour, days * HOURS_PER_DAY)
    return Inventor(forecaster.areas, local, Holidays(), chance).history(first_hour)


def _by_day(forecaster: Forecaster, forecast: Forecast, came: Counted, at: int) -> Iterator[Day]:
    expected = forecaster.areas.by_state(forecast.supply.by_hour)
    actual = forecaster.areas.by_state(came)
    for row in range(0, len(expected), HOURS_PER_DAY):
        span = slice(row, row + HOURS_PER_DAY)
        yield Day(at + row, expected[span], actual[span])


def _queries(
    forecaster: Forecaster, count: int, chance: np.random.Generator
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Yield hours and places of bookings that somebody might ask for."""
    areas = forecaster.areas
    ladas = int(areas.lada_of_place.max()) + 1
    for _ in range(count):
        kind = chance.choice(3, p=QUERY_KINDS)
        chosen = np.ones(len(areas.state_of_place), dtype=np.bool_)
        if kind == 1:
            chosen = np.isin(
                areas.state_of_place, chance.choice(areas.states, chance.integers(1, 6), replace=False)
            )
        elif kind == 2:
            chosen = np.isin(areas.lada_of_place, chance.choice(ladas, chance.integers(1, 9), replace=False))
        begin = int(chance.integers(OUTLOOK_DAYS - 1))
        end = min(OUTLOOK_DAYS, begin + int(chance.integers(1, LONGEST_QUERY_DAYS)))
        hours = np.arange(begin * HOURS_PER_DAY, end * HOURS_PER_DAY)
        if chance.random() > WHOLE_DAYS:
            opens = int(chance.integers(20))
            clock = hours % HOURS_PER_DAY
            hours = hours[(clock >= opens) & (clock < opens + int(chance.integers(3, 12)))]
        yield hours, np.flatnonzero(chosen)


def _holds(forecast: Forecast, came: Counted, hours: NDArray[np.intp], places: NDArray[np.intp]) -> bool:
    eligible = np.zeros_like(forecast.supply.by_hour)
    cells = np.ix_(hours, places)
    eligible[cells] = forecast.supply.by_hour[cells]
    return float(came[cells].sum(dtype=np.float64)) >= forecast.reached(eligible, P20)

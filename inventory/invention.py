"""Invented traffic, to measure forecasts on: weeks with trend, holidays, noise and shocks.

None of its figures is a carrier's. What the forecast can't know is in it on purpose: days that nobody
lists as holidays, regions that fall silent or boil over, levels that wander.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inventory.calendar import HOURS_PER_DAY, Holidays, Hours, hour_of_week
from inventory.cold_start import NOTIFICATIONS_A_DAY, room_mix, week
from inventory.history import History
from inventory.placement import Areas, Reals

# Each spread is of a logarithm.
GROWTH_A_YEAR = (-0.20, 0.40)
WANDER = {"country": 0.003, "states": 0.003, "ladas": 0.002}
DAY_NOISE = {"country": 0.02, "states": 0.04, "ladas": 0.08}
HOUR_NOISE = 0.04
SHARE_NOISE = 0.4
WEEKDAYS = (1.0, 1.0, 1.01, 1.02, 1.07, 0.96, 0.80)
HOLIDAY_FACTORS = (0.62, 0.95)
# Days like Mother's Day or Good Friday, which no list of statutory holidays has.
UNLISTED_A_WEEK = 0.08
UNLISTED_FACTORS = (0.75, 1.3)
SHOCKS_A_WEEK = 1.0
SHOCK_FACTORS = (0.4, 0.85, 1.15, 1.6)
SHOCK_DAYS = 4
SILENCES_A_WEEK = 0.3
SILENT_HOURS = 3
_DAYS_A_YEAR = 365.0


@dataclass(frozen=True, slots=True)
class Inventor:
    """Invents traffic over some areas; `local` are hours by (hour, state), whole days of the first state."""

    areas: Areas
    local: Hours
    holidays: Holidays
    chance: np.random.Generator
    a_day: float = NOTIFICATIONS_A_DAY

    def history(self, first_hour: int) -> History:
        """Return what came, place by place."""
        expected = self._states()
        place = self.areas.shares * np.exp(self.chance.normal(0, SHARE_NOISE, len(self.areas.shares)))
        share = place / np.bincount(self.areas.state_of_place, weights=place)[self.areas.state_of_place]
        ladas = self._course(len(self.areas.state_of_area), "ladas")
        day = self._day()
        by_hour = np.empty((len(self.local), len(place)), np.float32)
        for hour in range(len(self.local)):
            due = expected[hour, self.areas.state_of_place] * share
            by_hour[hour] = self.chance.poisson(due * ladas[day[hour], self.areas.area_of_place])
        return History(first_hour, by_hour, by_hour.sum(axis=0)[:, None, None] * room_mix())

    def _day(self) -> NDArray[np.int64]:
        days = self.local[:, 0] // HOURS_PER_DAY
        return np.asarray(days - days[0], dtype=np.int64)

    def _course(self, width: int, kind: str) -> Reals:
        """Return the factors of a level that wanders and has better and worse days (days × width)."""
        days = int(self._day()[-1]) + 1
        wander = self.chance.normal(0, WANDER[kind], (days, width)).cumsum(axis=0)
        return np.exp(wander + self.chance.normal(0, DAY_NOISE[kind], (days, width)))

    def _states(self) -> Reals:
        """Return what is due in each state by hour."""
        chance, count = self.chance, self.local.shape[1]
        shares = np.bincount(self.areas.state_of_place, weights=self.areas.shares)
        day = self._day()
        growth = np.exp(np.log1p(chance.uniform(*GROWTH_A_YEAR)) * day / _DAYS_A_YEAR)
        daily = self._course(1, "country") * self._course(count, "states") * self._special_days()
        due = self._weeks(count)[hour_of_week(self._as_sundays()), np.arange(count)] * shares
        due *= growth[:, None] * daily[day] * np.exp(chance.normal(0, HOUR_NOISE, (len(day), 1)))
        for _ in range(chance.poisson(SILENCES_A_WEEK * len(day) / 168)):
            at = chance.integers(len(day))
            due[at : at + SILENT_HOURS, chance.integers(count)] = 0.0
        return np.asarray(due, dtype=np.float64)

    def _weeks(self, count: int) -> Reals:
        """Return each state's week: the country's curve, bent, with weekdays of its own."""
        hours = np.arange(len(week()))
        bend = np.exp(0.15 * np.cos((hours[:, None] - self.chance.uniform(0, 24, count)) * 2 * np.pi / 24))
        weekday = np.array(WEEKDAYS)[:, None] * np.exp(self.chance.normal(0, 0.03, (7, count)))
        shape = week()[:, None] * bend * np.repeat(weekday, HOURS_PER_DAY, axis=0)
        return np.asarray(shape / shape.sum(axis=0) * 7 * self.a_day, dtype=np.float64)

    def _names(self) -> list[str]:
        first = int(self.local[0, 0]) // HOURS_PER_DAY
        return list(self.holidays.on(range(first, first + int(self._day()[-1]) + 1)))

    def _as_sundays(self) -> Hours:
        """Return local hours with holidays moved onto the Sunday before them."""
        off = np.array([bool(name) for name in self._names()])[self._day()]
        weekday = hour_of_week(self.local) // HOURS_PER_DAY
        return np.where(off[:, None], self.local - (weekday + 1) % 7 * HOURS_PER_DAY, self.local)

    def _special_days(self) -> Reals:
        """Return factors (days × states) of holidays, of days that nobody lists, and of shocks."""
        chance, names, count = self.chance, self._names(), self.local.shape[1]
        effects = {name: chance.uniform(*HOLIDAY_FACTORS) for name in sorted(set(names)) if name}
        factors = np.repeat([[effects.get(name, 1.0)] for name in names], count, axis=1)
        for _ in range(chance.poisson(UNLISTED_A_WEEK * len(names) / 7)):
            factors[chance.integers(len(names))] *= chance.uniform(*UNLISTED_FACTORS)
        low, lower, upper, high = SHOCK_FACTORS
        for _ in range(chance.poisson(SHOCKS_A_WEEK * len(names) / 7)):
            at, lasts = chance.integers(len(names)), chance.integers(1, SHOCK_DAYS)
            hit = chance.choice(count, chance.integers(1, 4), replace=False)
            size = chance.uniform(low, lower) if chance.random() < 0.6 else chance.uniform(upper, high)
            factors[at : at + lasts, hit] *= size
        return np.asarray(factors, dtype=np.float64)

"""Scenarios: how a forecast may miss, as drawn days that a whole state, LADA or country has in common.

A booking's total is uncertain because its cells miss together; a sum of each cell's own quantile would
say far too little. So a quantile is taken of the total under each scenario (RESEARCH: availability).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inventory.supply import Counts

# Reached with 80 % probability.
P20 = 0.2
P50 = 0.5
HOURS_PER_DAY = 24

Factors = NDArray[np.float32]
Index = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Scenarios:
    """Draws of actual ÷ forecast, by day and area; an area is the places of one LADA in one state.

    `factors` has shape (scenarios, days, areas). Hour `row` of the forecast (0 = `Supply.first_hour`)
    falls on day `(row + hour_offset) // 24`; `area_of_place` maps a dense place index to its area.
    `noise` are standard normal draws, one a scenario, for what is chance alone; `hour_spread` is the
    relative spread of a single hour beyond its day's.
    """

    factors: Factors
    area_of_place: Index
    hour_offset: int
    noise: Counts
    hour_spread: float

    @property
    def days(self) -> int:
        """How many days it tells of."""
        return int(self.factors.shape[1])

    def total(self, eligible: Counts, share: float = P20) -> float:
        """Return the total that a `share` of scenarios stays under: with 0.2, reached in 80 % of them.

        `eligible` has shape (hours, places) from the forecast's first hour on: how many of the forecast
        notifications a booking may use.
        """
        return self.total_of_days(self.by_day(eligible), share, float((eligible.sum(axis=1) ** 2).sum()))

    def by_day(self, eligible: Counts) -> Counts:
        """Return eligible notifications (hours × places) summed by day and area."""
        hours = eligible.shape[0]
        day = (np.arange(hours) + self.hour_offset) // HOURS_PER_DAY
        starts = np.flatnonzero(np.diff(day, prepend=-1))
        by_day = np.zeros((self.days, eligible.shape[1]))
        if hours:
            by_day[day[starts]] = np.add.reduceat(eligible, starts, axis=0)
        areas = self.factors.shape[2]
        summed = [np.bincount(self.area_of_place, weights=row, minlength=areas) for row in by_day]
        return np.array(summed)

    def total_of_days(self, by_day: Counts, share: float = P20, hours_squared: float = 0.0) -> float:
        """Return the same of eligible notifications by (day, area).

        `hours_squared` is the sum over hours of the square of what is eligible in them.
        """
        expected = float(by_day.sum())
        if expected <= 0:
            return 0.0
        days = np.flatnonzero(by_day.any(axis=1))
        some = slice(int(days[0]), int(days[-1]) + 1)
        totals = np.einsum("sda,da->s", self.factors[:, some], by_day[some].astype(np.float32))
        spread = np.sqrt(expected + self.hour_spread**2 * hours_squared)
        return max(0.0, float(np.quantile(totals + spread * self.noise, share)))


def areas(states: Sequence[str], ladas: Sequence[str]) -> tuple[Index, Sequence[tuple[str, str]]]:
    """Return each place's area and the areas' (state, LADA), from the places' states and LADAs."""
    pairs = list(zip(states, ladas, strict=True))
    order = {pair: index for index, pair in enumerate(dict.fromkeys(pairs))}
    return np.array([order[pair] for pair in pairs], dtype=np.intp), list(order)

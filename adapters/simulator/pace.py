"""When the next notification is due: a steady rate, or a day's curve squeezed into a run."""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import Final, Protocol

# Calls missed by hour of the day, national: peaks at 11-14 h and 18-21 h, the busiest hour 1.7 × the mean.
NATIONAL_DAY: Final = (
    0.25, 0.15, 0.10, 0.08, 0.08, 0.12, 0.30, 0.65, 1.00, 1.25, 1.45, 1.60,
    1.64, 1.62, 1.45, 1.30, 1.30, 1.45, 1.62, 1.64, 1.55, 1.20, 0.80, 0.45,
)  # fmt: skip


class Pace(Protocol):
    """Says when each notification of a run is due."""

    def due(self, index: int) -> float:
        """Return the seconds from the start of the run to notification `index` (from 0)."""


class SteadyPace:
    """`rate` notifications a second, evenly."""

    def __init__(self, rate: float) -> None:
        if rate <= 0:
            raise ValueError("rate must be above 0")
        self._gap = 1 / rate

    def due(self, index: int) -> float:
        """Return the seconds from the start of the run to notification `index`."""
        return index * self._gap


class DailyPace:
    """A day that lasts `day_s` seconds, again and again, with `rate` a second on average over it."""

    def __init__(
        self, rate: float, day_s: float, start_hour: int = 0, weights: Sequence[float] = NATIONAL_DAY
    ) -> None:
        if rate <= 0 or day_s <= 0:
            raise ValueError("rate and day_s must be above 0")
        if len(weights) != 24 or min(weights) <= 0:
            raise ValueError("a day has 24 weights above 0")
        turned = [*weights[start_hour % 24 :], *weights[: start_hour % 24]]
        self._per_day = rate * day_s
        self._hour_s = day_s / 24
        self._day_s = day_s
        scale = self._per_day / sum(turned)
        self._counts = [weight * scale for weight in turned]
        self._before = [0.0, *accumulate(self._counts)]

    def due(self, index: int) -> float:
        """Return the seconds from the start of the run to notification `index`."""
        day, rest = divmod(index, self._per_day)
        hour = min(bisect_right(self._before, rest) - 1, 23)
        within = (rest - self._before[hour]) / self._counts[hour]
        return day * self._day_s + (hour + within) * self._hour_s

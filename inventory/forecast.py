"""A forecast of supply: what is expected, how far it may miss, and how it is put right through the day."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from inventory.scenarios import P20, Index, Scenarios
from inventory.supply import HOUR_S, Counts, Supply

# (actual + 400) ÷ (forecast + 400), so that a few notifications early in the day say little.
CORRECTION_PRIOR = 400.0
CORRECTION_BOUNDS = (0.4, 2.5)


@dataclass(frozen=True, slots=True)
class Forecast:
    """What is expected (`supply`, P50), and scenarios of how it may come out.

    `cold_start` says that too little was counted yet: levels and shapes rest on assumed traffic.
    `alphabets` has shape (places, 2, ROOM_CLASSES) and rows that sum to 1 over the last two axes: the
    share of a place's notifications in narrow (septets) and wide (UCS-2) rooms; `supply.room_mix` is
    its sum over alphabets. `area_of_place` and scenarios: see `Scenarios`.
    """

    supply: Supply
    alphabets: NDArray[np.float64]
    scenarios: Scenarios
    cold_start: bool

    def reached(self, eligible: Counts, share: float = P20) -> float:
        """Return what is reached with probability 1 − `share` of what a booking may use.

        `eligible` (hours × places, rows as in `supply`) is the forecast's part that the booking may use;
        its sum is the expectation.
        """
        return self.scenarios.total(eligible, share)


@dataclass(frozen=True, slots=True)
class Today:
    """What came since the day began (`first_hour`) up to `upto`, UTC seconds: `counted` by place index."""

    first_hour: int
    upto: float
    counted: Counts


def corrected(supply: Supply, today: Today, lada_of_place: Index, *, hours: int = 24) -> Supply:
    """Return the supply with the rest of the day scaled by how the day went so far, LADA by LADA.

    The day is the `hours` from `today.first_hour` on; its hours before `today.upto` stay as they are, as
    do other days. Of the hour that runs, the part gone by counts.
    """
    begin = today.first_hour - supply.first_hour
    end = min(supply.hours, begin + hours)
    gone = np.clip(today.upto / HOUR_S - supply.first_hour - np.arange(supply.hours), 0.0, 1.0)
    gone[: max(0, begin)] = 0.0
    gone[max(0, end) :] = 0.0
    expected = gone @ supply.by_hour
    ladas = int(lada_of_place.max(initial=-1)) + 1
    came = np.bincount(lada_of_place, weights=today.counted, minlength=ladas)
    due = np.bincount(lada_of_place, weights=expected, minlength=ladas)
    factor = np.clip((came + CORRECTION_PRIOR) / (due + CORRECTION_PRIOR), *CORRECTION_BOUNDS)
    by_hour = supply.by_hour.copy()
    left = slice(max(0, begin), max(0, end))
    rest = 1.0 - gone[left, None]
    by_hour[left] *= 1.0 + rest * (factor[lada_of_place] - 1.0)[None, :]
    return replace(supply, by_hour=by_hour)

"""Fits: which share of a target's notifications a text fits, and how long it might be to fit more."""

from dataclasses import dataclass
from itertools import compress

import numpy as np
from numpy.typing import NDArray

from inventory.plan import ROOM_CLASS_FLOORS, ROOM_CLASSES
from inventory.supply import Counts

# The share of notifications that a text should fit.
WANTED_SHARE = 0.95

NARROW, WIDE = 0, 1

# Shares are sums of floats.
_ROUNDING = 1e-9

Rooms = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Fits:
    """Which `share` (0–1) of notifications a text fits, and the longest text that fits the wanted share.

    `length_wanted` is None when not even the shortest room class is that common. `cold_start`: the mix of
    rooms is assumed, too little was counted.
    """

    share: float
    length_wanted: int | None
    cold_start: bool


def rooms_of(alphabets: Rooms, counts: Counts, places: NDArray[np.intp]) -> Rooms:
    """Return the mix (2 × ROOM_CLASSES, sums to 1) over some places, weighted by their counts.

    `alphabets` is `Forecast.alphabets`, `counts` by dense place index. Places without any count weigh
    alike. Raises `ValueError` when there is no place: an empty target has no notifications to fit.
    """
    if not len(places):
        raise ValueError("the target covers no place")
    weights = counts[places]
    if weights.sum() <= 0:
        weights = np.ones(len(places))
    return np.asarray(np.tensordot(weights / weights.sum(), alphabets[places], axes=1), dtype=np.float64)


def fits(rooms: Rooms, septets: int, units: int, *, cold_start: bool, wanted: float = WANTED_SHARE) -> Fits:
    """Return how a text of so many septets (narrow rooms) and UCS-2 units (wide rooms) fits.

    A text fits a room class when it fits the class's lower end, as in the plan. `length_wanted` counts
    characters that cost one septet and one unit each.
    """
    # Plain floats: for so few, arrays cost a request more than the sums.
    narrow, wide = rooms.tolist()
    share = sum(compress(narrow, map(septets.__le__, ROOM_CLASS_FLOORS)))
    share += sum(compress(wide, map(units.__le__, ROOM_CLASS_FLOORS)))
    at_least = 0.0
    for room in range(ROOM_CLASSES - 1, 0, -1):
        at_least += narrow[room] + wide[room]
        if at_least >= wanted - _ROUNDING:
            return Fits(min(1.0, share), ROOM_CLASS_FLOORS[room], cold_start)
    return Fits(min(1.0, share), None, cold_start)

"""Fits: which share of a target's notifications a text fits, and how long it might be to fit more."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inventory.plan import ROOM_CLASS_FLOORS, ROOM_CLASSES
from inventory.supply import Counts

# The share of notifications that a text should fit.
WANTED_SHARE = 0.95

NARROW, WIDE = 0, 1

# Shares are sums of floats.
_ROUNDING = 1e-9

_FLOORS = np.array(ROOM_CLASS_FLOORS)

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
    share = float(rooms[NARROW, septets <= _FLOORS].sum() + rooms[WIDE, units <= _FLOORS].sum())
    at_least = rooms.sum(axis=0)[::-1].cumsum()[::-1]
    reaching = [room for room in range(1, ROOM_CLASSES) if at_least[room] >= wanted - _ROUNDING]
    return Fits(min(1.0, share), int(_FLOORS[reaching[-1]]) if reaching else None, cold_start)

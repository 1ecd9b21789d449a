"""History: what was counted, hour by hour and place by place, as the forecast reads it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inventory.plan import ROOM_CLASSES

ALPHABETS = 2

Counted = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class History:
    """Notifications that could carry an ad, as counted.

    `by_hour` has shape (hours, places), row 0 is hour `first_hour` (whole hours since 1970-01-01T00
    UTC). `rooms` has shape (places, 2, ROOM_CLASSES): how many of recent weeks were narrow (septets) and
    wide (UCS-2) in each room class. An hour in which nothing came anywhere was not observed.
    """

    first_hour: int
    by_hour: Counted
    rooms: NDArray[np.float64]

    def __post_init__(self) -> None:
        shape = (self.by_hour.shape[1], ALPHABETS, ROOM_CLASSES)
        if self.rooms.shape != shape:
            raise ValueError(f"rooms has shape {self.rooms.shape}, not {shape}")

    @property
    def hours(self) -> int:
        """How many hours it tells of."""
        return int(self.by_hour.shape[0])

    def before(self, hour: int) -> "History":
        """Return what was counted before an hour (the rooms stay: their mix is slow to change)."""
        kept = min(max(0, hour - self.first_hour), self.hours)
        return History(self.first_hour, self.by_hour[:kept], self.rooms)

    @classmethod
    def empty(cls, places: int) -> "History":
        """Return the history of a node that has counted nothing yet."""
        return cls(0, np.zeros((0, places), np.float32), np.zeros((places, ALPHABETS, ROOM_CLASSES)))

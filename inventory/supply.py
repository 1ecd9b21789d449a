"""Supply: how many notifications that could carry an ad come, hour by hour and cell by cell."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inventory.plan import ROOM_CLASSES

HOUR_S = 3600

Counts = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Supply:
    """Notifications that could carry an ad: per UTC hour and place, and each place's mix of room classes.

    `by_hour` has shape (hours, places): notifications in hour `first_hour + row` (whole hours since
    1970-01-01T00 UTC) at a dense place index. `room_mix` has shape (places, ROOM_CLASSES) and rows that
    sum to 1: which share of a place's notifications falls in a room class. Used for forecasts and for
    what came.
    """

    first_hour: int
    by_hour: Counts
    room_mix: Counts

    def __post_init__(self) -> None:
        places = self.by_hour.shape[1]
        if self.room_mix.shape != (places, ROOM_CLASSES):
            raise ValueError(f"room_mix has shape {self.room_mix.shape}, not {(places, ROOM_CLASSES)}")

    @property
    def hours(self) -> int:
        """How many hours it tells of."""
        return int(self.by_hour.shape[0])

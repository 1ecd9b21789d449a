"""What the planner has seen of a simulated day, and what it expects of the rest."""

import numpy as np

from adapters.simulator.allocation.country import Country
from adapters.simulator.allocation.traffic import Minute
from inventory.allotment import Outlook
from inventory.forecast import Today, corrected
from inventory.plan import MAX_ROOM, ROOM_CLASS_OF
from inventory.supply import HOUR_S, Supply

# The forecast's mix of rooms counts as this many notifications of a place.
_MIX_PRIOR = 50.0

_CLASS_OF = np.frombuffer(ROOM_CLASS_OF, dtype=np.uint8)


class Seen:
    """Counts minute after minute; the forecast is corrected by what came since the run began."""

    def __init__(self, country: Country, forecast: Supply) -> None:
        self._country = country
        self._forecast = forecast
        self._came = np.zeros_like(forecast.by_hour)
        self._rooms = np.zeros_like(forecast.room_mix)

    def count(self, minute: Minute) -> None:
        """Take note of a minute's notifications."""
        hour = int(minute.at // HOUR_S) - self._forecast.first_hour
        if not 0 <= hour < self._forecast.hours:
            return  # the planner was told of no such hour
        np.add.at(self._came[hour], minute.places, 1.0)
        np.add.at(self._rooms, (minute.places, _CLASS_OF[np.clip(minute.rooms, 0, MAX_ROOM)]), 1.0)

    def outlook(self, now: float) -> Outlook:
        """Return what the planner is told at `now`."""
        forecast = self._forecast
        prior = self._rooms + _MIX_PRIOR * forecast.room_mix
        mix = prior / prior.sum(axis=1, keepdims=True)
        today = Today(forecast.first_hour, now, self._came.sum(axis=0))
        rest = corrected(forecast, today, self._country.lada_of_place, hours=forecast.hours)
        return Outlook(
            now,
            Supply(forecast.first_hour, self._came.copy(), mix),
            Supply(forecast.first_hour, rest.by_hour, mix),
        )

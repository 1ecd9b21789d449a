"""The notifications of a day of seconds, played on two sessions, and the minute in which each really left."""

import asyncio
import time
from collections.abc import Iterator
from random import Random

import numpy as np
from numpy.typing import NDArray

from adapters.simulator.allocation.country import Country
from adapters.simulator.allocation.traffic import MINUTE_S, Arrivals
from adapters.simulator.notification import Address, Notification
from adapters.simulator.raw_platform import RawPlatform

Due = NDArray[np.float64]

_CHARACTERS = 160
_DIGITS = 10
_BODY = "Llamada perdida de 5501234567"


class DayTraffic:
    """Arrivals as notifications: to numbers that are nobody's, in texts that leave each its room."""

    def __init__(self, country: Country, came: Arrivals, speed: float, chance: Random) -> None:
        self._ladas = [place.lada for place in country.numbering.places]
        self._came = came
        self._speed = speed
        self._chance = chance
        self._sessions = 1
        self.left_at = np.full(len(came), np.nan)

    async def play(self, platforms: list[RawPlatform], begins: float) -> None:
        """Send all, each when it is due (`begins` in seconds since 1970), dealt out to the platforms."""
        self._sessions = len(platforms)
        await asyncio.gather(
            *(
                each.submit_all(self._dealt(at, len(platforms)), _Due(self._due(at, len(platforms)), begins))
                for at, each in enumerate(platforms)
            )
        )

    def seen(self, begins: float) -> Arrivals:
        """Return the day as it really left, in minutes of the run's own clock; what left after it is none."""
        passed = (self.left_at - begins) * self._speed
        order = np.argsort(passed, kind="stable")
        order = order[(passed[order] >= 0) & (passed[order] < self._came.minutes * MINUTE_S)]
        return Arrivals(
            self._came.first,
            self._came.minutes,
            (passed[order] // MINUTE_S).astype(np.int32),
            self._came.places[order],
            self._came.rooms[order],
        )

    def due(self) -> Due:
        """Return the seconds from the beginning at which each notification was due."""
        due = np.empty(len(self._came))
        for at in range(self._sessions):
            due[at :: self._sessions] = self._due(at, self._sessions)
        return due

    def _due(self, at: int, sessions: int) -> list[float]:
        """Return the seconds from the beginning to each notification of a session; ascending."""
        minutes = self._came.minute[at::sessions]
        bounds = np.searchsorted(minutes, np.arange(self._came.minutes + 1))
        counts = np.diff(bounds)
        within = (np.arange(len(minutes)) - bounds[minutes]) / counts[minutes]
        due: list[float] = ((minutes + within) * (MINUTE_S / self._speed)).tolist()
        return due

    def _dealt(self, at: int, sessions: int) -> Iterator[Notification]:
        caller = Address("5501234567", 2, 1)
        for index in range(at, len(self._came), sessions):
            lada = self._ladas[self._came.places[index]]
            rest = _DIGITS - len(lada) - 1
            number = f"52{lada}0{self._chance.randrange(10**rest):0{rest}d}"
            body = _BODY.ljust(_CHARACTERS - 1 - int(self._came.rooms[index]), ".")
            self.left_at[index] = time.time()
            yield Notification(caller, Address(number, 1, 1), body)


class _Due:
    """The seconds at which a session's notifications are due, from when its sending began."""

    def __init__(self, due: list[float], begins: float) -> None:
        self._due = due
        self._ahead = begins - time.time()

    def due(self, index: int) -> float:
        """Return the seconds from the start of sending to a notification."""
        return self._due[min(index, len(self._due) - 1)] + self._ahead

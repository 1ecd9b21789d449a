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

_CHARACTERS = 160
_DIGITS = 10
_BODY = "Llamada perdida de 5501234567"
# What leaves later than this lets all that follow leave later, too: such a burst is no traffic of a day.
_GRACE_S = 1.0
# A machine that stands still takes long to answer.
_PATIENCE_S = 300.0


class DayTraffic:
    """Arrivals as notifications: to numbers that are nobody's, in texts that leave each its room.

    `left_at` are the instants at which they left (seconds since 1970), NaN where the day was over before.
    `index_of` tells which one went to a number, `behind_s` how much later than drawn they leave by now.
    """

    def __init__(self, country: Country, came: Arrivals, speed: float, chance: Random) -> None:
        self._ladas = [place.lada for place in country.numbering.places]
        self._came = came
        self._speed = speed
        self._chance = chance
        self._begins = 0.0
        self.left_at: NDArray[np.float64] = np.full(len(came), np.nan)
        self.index_of: dict[str, int] = {}
        self.behind_s = 0.0

    @property
    def sent(self) -> int:
        """How many have left."""
        return len(self.index_of)

    async def play(self, platforms: list[RawPlatform], begins: float) -> None:
        """Send all until the day is over, each when it is due (`begins` in seconds since 1970), dealt out."""
        self._begins = begins
        count = len(platforms)
        await asyncio.gather(
            *(
                each.submit_all(self._dealt(at, count), _Due(self, self._due(at, count)), _PATIENCE_S)
                for at, each in enumerate(platforms)
            )
        )

    def now(self) -> float:
        """Return the seconds since the day began, less what it is behind."""
        return time.time() - self._begins - self.behind_s

    def seen(self, begins: float) -> tuple[Arrivals, NDArray[np.intp]]:
        """Return the day as it really left, in minutes of the run's own clock, and what left by its index."""
        passed = (self.left_at - begins) * self._speed
        order = np.argsort(passed, kind="stable")
        order = order[(passed[order] >= 0) & (passed[order] < self._came.minutes * MINUTE_S)]
        left = Arrivals(
            self._came.first,
            self._came.minutes,
            (passed[order] // MINUTE_S).astype(np.int32),
            self._came.places[order],
            self._came.rooms[order],
        )
        return left, order

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
        due = self._due(at, sessions)
        ends = self._begins + self._came.minutes * MINUTE_S / self._speed
        for turn, index in enumerate(range(at, len(self._came), sessions)):
            late = self.now() - due[turn]
            self.behind_s += max(0.0, late - _GRACE_S)
            now = time.time()
            if now >= ends:
                return
            number = self._unused(self._ladas[self._came.places[index]])
            self.index_of[number] = index
            self.left_at[index] = now
            body = _BODY.ljust(_CHARACTERS - 1 - int(self._came.rooms[index]), ".")
            yield Notification(caller, Address(number, 1, 1), body)

    def _unused(self, lada: str) -> str:
        rest = _DIGITS - len(lada) - 1
        while (number := f"52{lada}0{self._chance.randrange(10**rest):0{rest}d}") in self.index_of:
            pass
        return number


class _Due:
    """When a session's notifications are due, by the clock of a sender that begins now."""

    def __init__(self, traffic: DayTraffic, due: list[float]) -> None:
        self._traffic = traffic
        self._due = due
        self._ahead = -traffic.now() - traffic.behind_s

    def due(self, index: int) -> float:
        """Return the seconds from the start of sending to a notification."""
        return self._due[min(index, len(self._due) - 1)] + self._ahead + self._traffic.behind_s

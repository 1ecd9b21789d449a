"""Allotments come at once when a region falls silent."""

import asyncio
from datetime import datetime
from typing import Any

import numpy as np
import pytest

from adapters.files.reference_data import load_numbering
from adapters.processes import allotting
from adapters.processes.allotting import Allotting
from inventory.allotment import Outlook
from inventory.books import hour_of
from inventory.plan import ROOM_CLASSES
from inventory.supply import Supply

NUMBERING = load_numbering()
PLACES = len(NUMBERING.places)
HERE = np.array([place.state == "MX-CMX" for place in NUMBERING.places])


class Told:
    """A forecast of 36,000 an hour and place, and a planner that keeps what it is told."""

    is_warm = True

    def __init__(self) -> None:
        self.outlooks: list[Outlook] = []
        self.twice = asyncio.Event()

    async def supply(self, pool: Any, now: datetime) -> Supply:
        """Return the forecast."""
        del pool
        return Supply(hour_of(now), np.full((2, PLACES), 36_000.0), np.ones((PLACES, ROOM_CLASSES)))

    def allot(self, serving: Any, outlook: Outlook) -> None:
        """Take note of an outlook."""
        del serving
        self.outlooks.append(outlook)
        if len(self.outlooks) == 2:
            self.twice.set()

    def follow(self, allotment: Any) -> None:
        """Follow nothing."""


async def test_a_region_that_falls_silent_asks_for_an_allotment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second allotment does not wait for its five minutes, and expects nothing there this hour."""
    told = Told()
    clock = {"now": 1_795_500_000.0, "came": np.zeros(PLACES)}

    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            clock["now"] += 30.0
            clock["came"] = clock["came"] + np.where(HERE, 0.0, 300.0)
            return datetime.fromtimestamp(clock["now"], tz)

    async def read(pool: Any, numbering: Any, first: int, last: int) -> Any:
        del pool, numbering
        return np.tile(clock["came"], (last - first + 1, 1))

    monkeypatch.setattr(allotting, "read_by_hour", read)
    monkeypatch.setattr(allotting, "datetime", Clock)
    for name in ("LOOK_S", "LEAST_S", "CALM_S"):
        monkeypatch.setattr(allotting, name, 0.001)
    running = asyncio.ensure_future(Allotting(told, NUMBERING, told, 300.0).run(None))  # type: ignore[arg-type]  # stand-ins
    async with asyncio.timeout(10):
        await told.twice.wait()
    running.cancel()
    before, after = (each.expected.by_hour[0] for each in told.outlooks)
    assert np.all(before == 36_000.0)
    assert np.all(after[HERE] == 0.0)
    assert np.all(after[~HERE] == 36_000.0)

"""`fits`: which share of a campaign's traffic a text fits, by the forecast or by what is assumed at first."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import BaseModel
from pydantic_core import to_json

from engine.composition import septets_of, units_of
from inventory.cold_start import room_mix
from inventory.fits import fits, rooms_of
from segments.targets import Target, TargetDocumentError, compile_target

if TYPE_CHECKING:
    from adapters.http.services import Services
    from inventory.fits import Rooms
    from inventory.forecast import Forecast

MOST_REMEMBERED = 10_000
"""Targets, and texts by target, whose answer is kept until the forecast is another one."""

AT_ONCE = 10
"""Texts whose answer is worked out without a thread, for targets that are known."""

LATELY_S = 60.0
"""What was the newest forecast so short ago answers until its successor has been prepared."""

_Wanted = tuple[str, str]


class Fitting:
    """Answers from the newest forecast; what takes long is done in a thread, once a forecast and target.

    While a new forecast is prepared for the targets that are asked for, a fraction of a second, the
    former one answers: nobody waits for a change that comes by itself. `clock` gives monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._mixes: _Mixes | None = None
        self._newest_at = 0.0
        self._preparing: asyncio.Task[None] | None = None

    async def of(self, text: str, target: str, services: Services) -> dict[str, Any] | None:
        """Return how a text fits the traffic of a target's `key`; None for one that no SMS can carry."""
        [found] = await self._of([(text, target)], services)
        return found

    async def add(self, documents: Iterable[dict[str, Any]], services: Services) -> list[dict[str, Any]]:
        """Return campaigns' documents with `fits` for each text that can be written."""
        given = [(document, key(document["target"])) for document in documents]
        wanted = [(each["text"], target) for document, target in given for each in document["creatives"]]
        found = iter(await self._of(wanted, services))
        return [
            {**document, "creatives": [{**each, "fits": next(found)} for each in document["creatives"]]}
            for document, _ in given
        ]

    async def _of(self, wanted: list[_Wanted], services: Services) -> list[dict[str, Any] | None]:
        mixes = await self._current(services)
        if mixes.is_quick(wanted):
            return mixes.answer(wanted, services)
        return await asyncio.to_thread(mixes.answer, wanted, services)

    async def _current(self, services: Services) -> _Mixes:
        """Return the newest forecast's mixes, or the former's for as long as those are not ready."""
        forecast, mixes, now = services.forecast(), self._mixes, self._clock()
        if mixes is not None and mixes.forecast is forecast:
            self._newest_at = now
            return mixes
        if self._preparing is None or self._preparing.done():
            self._preparing = asyncio.create_task(self._prepare(forecast, services))
        if mixes is not None and mixes.forecast is not None and now - self._newest_at <= LATELY_S:
            return mixes
        preparing = self._preparing
        await asyncio.shield(preparing)  # others wait for it too
        return await self._current(services)

    async def _prepare(self, forecast: Forecast | None, services: Services) -> None:
        former = self._mixes
        self._mixes = await asyncio.to_thread(_prepared, forecast, former, services)
        self._newest_at = self._clock()


class _Mixes:
    """What one forecast says of targets (their mix of rooms) and of texts; any thread may ask."""

    def __init__(self, forecast: Forecast | None) -> None:
        self.forecast = forecast
        self.asked: dict[str, None] = {}
        self._counts = None if forecast is None else forecast.supply.by_hour.sum(axis=0)
        self._rooms: dict[str, Rooms | None] = {}
        self._fits: dict[_Wanted, dict[str, Any] | None] = {}

    def is_quick(self, wanted: list[_Wanted]) -> bool:
        """Tell whether the answer needs no thread."""
        known = all(target in self._rooms for _, target in wanted)
        return known and sum(each not in self._fits for each in wanted) <= AT_ONCE

    def answer(self, wanted: list[_Wanted], services: Services) -> list[dict[str, Any] | None]:
        """Return how texts fit the targets that `key` made, one by one."""
        if len(self._fits) > MOST_REMEMBERED:
            self.asked, self._rooms, self._fits = {}, {}, {}
        known = self._fits  # another thread may begin anew
        for text, target in wanted:
            self.asked[target] = None
            if (text, target) not in known:
                cold = self.forecast is None or self.forecast.cold_start
                known[text, target] = _fits(text, self.rooms(target, services), cold)
        return [known[each] for each in wanted]

    def rooms(self, target: str, services: Services) -> Rooms | None:
        """Return a target's mix; None for one that covers no place."""
        known = self._rooms
        if target not in known:
            known[target] = self._rooms_of(target, services)
        return known[target]

    def _rooms_of(self, target: str, services: Services) -> Rooms | None:
        if self.forecast is None or self._counts is None:
            return room_mix()
        try:
            wanted = Target.from_document(json.loads(target))
            places = compile_target(wanted, services.numbering, services.geography)
        except TargetDocumentError:
            return None
        if not places:
            return None
        return rooms_of(self.forecast.alphabets, self._counts, np.array(sorted(places), dtype=np.intp))


def _prepared(forecast: Forecast | None, former: _Mixes | None, services: Services) -> _Mixes:
    """Return a forecast's mixes with the targets that were asked for since the former."""
    mixes = _Mixes(forecast)
    for target in [] if former is None else list(former.asked):
        mixes.rooms(target, services)
    return mixes


def key(target: Mapping[str, Any] | BaseModel) -> str:
    """Return what tells targets apart."""
    return to_json(target).decode()


def _fits(text: str, rooms: Rooms | None, cold: bool) -> dict[str, Any] | None:
    if rooms is None:
        return None
    try:
        septets, units = septets_of(text), units_of(text)
    except ValueError:
        return None
    found = fits(rooms, septets, units, cold_start=cold)
    return {
        "share": round(found.share, 4),
        "length_wanted": found.length_wanted,
        "cold_start": found.cold_start,
    }

"""`fits`: which share of a campaign's traffic a text fits, by the forecast or by what is assumed at first."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic_core import to_json

from engine.composition import septets_of, units_of
from inventory.cold_start import room_mix
from inventory.fits import fits, rooms_of
from segments.targets import Target, TargetDocumentError, compile_target

if TYPE_CHECKING:
    from adapters.http.services import Services
    from inventory.fits import Rooms
    from inventory.forecast import Forecast
    from inventory.supply import Counts

MOST_REMEMBERED = 10_000
"""Targets, and texts by target, whose answer is kept until the forecast is another one."""

AT_ONCE = 10
"""Texts whose answer is worked out without a thread, for targets that are known."""

_Wanted = tuple[str, str]


class Fitting:
    """Answers from a forecast; what takes long is done in a thread, once a forecast and target."""

    def __init__(self) -> None:
        self._forecast: Forecast | None = None
        self._counts: Counts | None = None
        self._rooms: dict[str, Rooms | None] = {}
        self._fits: dict[_Wanted, dict[str, Any] | None] = {}
        self._busy = Lock()

    async def of(self, text: str, target: Mapping[str, Any], services: Services) -> dict[str, Any] | None:
        """Return how a text fits the traffic of a target; None for one that no SMS can carry."""
        [found] = await self._of([(text, key(target))], services)
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
        if self._forecast is services.forecast() and all(target in self._rooms for _, target in wanted):
            missing = sum(each not in self._fits for each in wanted)
            if missing <= AT_ONCE:
                return self.work_out(wanted, services)
        return await asyncio.to_thread(self.work_out, wanted, services)

    def work_out(self, wanted: list[_Wanted], services: Services) -> list[dict[str, Any] | None]:
        """Return how texts fit the targets that `key` made, one by one."""
        with self._busy:
            self._look(services)
            cold = self._forecast is None or self._forecast.cold_start
            for text, target in wanted:
                if target not in self._rooms:
                    self._rooms[target] = self._rooms_of(target, services)
                if (text, target) not in self._fits:
                    self._fits[text, target] = _fits(text, self._rooms[target], cold)
            return [self._fits[each] for each in wanted]

    def _look(self, services: Services) -> None:
        """Begin anew with another forecast."""
        forecast = services.forecast()
        if forecast is not self._forecast or len(self._fits) > MOST_REMEMBERED:
            self._rooms, self._fits = {}, {}
        if forecast is not None and (forecast is not self._forecast or self._counts is None):
            self._counts = forecast.supply.by_hour.sum(axis=0)
        self._forecast = forecast

    def _rooms_of(self, target: str, services: Services) -> Rooms | None:
        if self._forecast is None or self._counts is None:
            return room_mix()
        try:
            wanted = Target.from_document(json.loads(target))
            places = compile_target(wanted, services.numbering, services.geography)
        except TargetDocumentError:
            return None
        if not places:
            return None
        return rooms_of(self._forecast.alphabets, self._counts, np.array(sorted(places), dtype=np.intp))


def key(target: Mapping[str, Any]) -> str:
    """Return what tells targets apart."""
    return to_json(target).decode()


def with_fits(document: dict[str, Any], services: Services) -> dict[str, Any]:
    """Return a campaign's document with `fits` for each text that can be written, at once."""
    wanted = [(each["text"], key(document["target"])) for each in document["creatives"]]
    found = services.fitting.work_out(wanted, services)
    creatives = [{**each, "fits": one} for each, one in zip(document["creatives"], found, strict=True)]
    return {**document, "creatives": creatives}


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

"""`fits`: which share of a campaign's traffic a text fits, by the forecast or by what is assumed at first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.composition import septets_of, units_of
from inventory.cold_start import room_mix
from inventory.fits import fits, rooms_of
from segments.targets import Target, TargetDocumentError, compile_target

if TYPE_CHECKING:
    from adapters.http.services import Services
    from inventory.fits import Rooms


def with_fits(document: dict[str, Any], services: Services) -> dict[str, Any]:
    """Return a campaign's document with `fits` for each text that can be written."""
    rooms, cold = _rooms(document["target"], services)
    creatives = [{**each, "fits": _fits(each["text"], rooms, cold)} for each in document["creatives"]]
    return {**document, "creatives": creatives}


def fits_of(text: str, target: Mapping[str, Any], services: Services) -> dict[str, Any] | None:
    """Return how a text fits the traffic of a target; None for one that no SMS can carry."""
    return _fits(text, *_rooms(target, services))


def _rooms(target: Any, services: Services) -> tuple[Rooms | None, bool]:
    forecast = services.forecast()
    if forecast is None:
        return room_mix(), True
    try:
        places = compile_target(Target.from_document(target), services.numbering, services.geography)
    except TargetDocumentError:
        return None, True
    if not places:
        return None, True
    dense = np.array(sorted(places), dtype=np.intp)
    counts = forecast.supply.by_hour.sum(axis=0)
    return rooms_of(forecast.alphabets, counts, dense), forecast.cold_start


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

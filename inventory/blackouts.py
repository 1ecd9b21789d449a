"""Blackouts: no ads of some categories in some places between two instants (electoral silence by state)."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from inventory.faults import Fault
from segments.geography import Geography
from segments.targets import Target, check_target

YEARS = range(2000, 2100)
NONE_YET = b"[]"
"""The octets of no blackout at all."""


@dataclass(frozen=True, slots=True)
class Blackout:
    """One blackout, compiled: from `begins` to `ends` (UTC seconds, half open), at places (dense indexes).

    `categories` are in small letters (`folded`); None stands for all of them.
    """

    begins: float
    ends: float
    categories: frozenset[str] | None
    places: frozenset[int]

    def concerns(self, category: str) -> bool:
        """Tell whether ads of a category are ruled out, however it is written."""
        return self.categories is None or folded(category) in self.categories


@dataclass(frozen=True, slots=True)
class BlackoutDraft:
    """A blackout as it is asked for: why, of which categories (None: all), where, between which instants."""

    reason: str
    categories: tuple[str, ...] | None
    target: Target
    begins_at: datetime
    ends_at: datetime

    def faults(self, geography: Geography, now: datetime) -> list[Fault]:
        """Return what is wrong with it: places that nobody knows, an end that is over."""
        faults = [
            Fault(each.pointer, "unknown_place", each.es, each.en)
            for each in check_target(self.target, geography)
        ]
        for pointer, instant in (("/from", self.begins_at), ("/to", self.ends_at)):
            if instant.year not in YEARS:
                faults.append(Fault(pointer, "bad_instant", "no es de este siglo", "is not of this century"))
        if self.ends_at <= self.begins_at:
            faults.append(Fault("/to", "order", "debe ser posterior a from", "must be later than from"))
        elif self.ends_at <= now:
            faults.append(Fault("/to", "past", "ya pasó", "is in the past"))
        return faults


@dataclass(frozen=True, slots=True)
class PlannedBlackout:
    """A blackout as a plan ships it: `places` has a bit for each dense index, an octet's lowest first."""

    begins: float
    ends: float
    categories: tuple[str, ...] | None
    places: bytes

    def concerns(self, category: str) -> bool:
        """Tell whether ads of a category are ruled out, however it is written."""
        return self.categories is None or folded(category) in self.categories


def folded(category: str) -> str:
    """Return a category as blackouts compare it: who writes another case means no other category."""
    return category.strip().casefold()


def together(blackouts: Iterable[Blackout]) -> tuple[Blackout, ...]:
    """Return the same blackouts by their beginning, those of the same time and categories as one.

    Electoral silence in twelve states is one blackout of many places.
    """
    places: dict[tuple[float, float, frozenset[str] | None], frozenset[int]] = {}
    for each in blackouts:
        key = each.begins, each.ends, each.categories
        places[key] = places.get(key, frozenset()) | each.places
    merged = [Blackout(*key, covered) for key, covered in places.items() if covered]
    return tuple(sorted(merged, key=lambda each: (each.begins, each.ends, sorted(each.categories or ()))))


def blackout_octets(blackouts: Sequence[Blackout], places: int) -> bytes:
    """Return a plan's section for blackouts of a country with so many places."""
    return json.dumps([_entry(each, places) for each in blackouts], separators=(",", ":")).encode()


def _entry(blackout: Blackout, places: int) -> list[Any]:
    bits = bytearray(-(-places // 8))
    for place in blackout.places:
        bits[place >> 3] |= 1 << (place & 7)
    categories = None if blackout.categories is None else sorted(blackout.categories)
    return [blackout.begins, blackout.ends, categories, bits.hex()]


def planned_blackouts(octets: bytes) -> tuple[PlannedBlackout, ...]:
    """Return what `blackout_octets` wrote, in its order: by beginning."""
    return tuple(
        PlannedBlackout(
            begins, ends, None if categories is None else tuple(categories), bytes.fromhex(places)
        )
        for begins, ends, categories, places in json.loads(octets)
    )

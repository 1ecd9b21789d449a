"""The numbering plan: which place a subscriber's digits belong to."""

from __future__ import annotations

import sys
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Final, NamedTuple

from librt.strings import read_i64_le

from segments.geography import Geography
from segments.native import COMPILED
from segments.numbers import lada_of, lada_span, national
from segments.places import Located, Place

if TYPE_CHECKING:
    from mypy_extensions import i64

UNKNOWN: Final = -1

# Looking among the few stretches of a bucket of numbers beats halving forty thousand.
_NUMBERS: Final = 10_000_000_000
_BUCKET: Final = 100_000


class NumberRange(NamedTuple):
    """`size` consecutive ten-digit numbers from `start` on that lie in one municipality."""

    start: int
    size: int
    municipality: str


class RangeError(ValueError):
    """A number range that the plan cannot hold; the message says why."""


def check_range(numbers: NumberRange, geography: Geography) -> None:
    """Raise `RangeError` unless the range lies in one known LADA and a known municipality."""
    if numbers.size < 1:
        raise RangeError(f"count is {numbers.size}; a range holds at least one number")
    lada = lada_of(numbers.start)
    first, end = lada_span(lada)
    if str(lada) not in geography.ladas or numbers.start < first:
        raise RangeError(f"{numbers.start} is no ten-digit number of a known LADA")
    if numbers.start + numbers.size > end:
        raise RangeError(f"{numbers.size} numbers from {numbers.start} on leave LADA {lada}")
    geography.find_municipality(numbers.municipality)


class Numbering:
    """Number ranges over LADAs, ready for lookups.

    `places` is every place that can occur: one per LADA that the LADA alone decides, then each
    (municipality, LADA) pair of the ranges. Elsewhere a place is its index in `places`.
    `timezones` are the distinct IANA names, and `zone_of[place]` an index into them.
    `digest` names the version of the data. A later range covers an earlier one.
    """

    __slots__ = (
        "_before",
        "_before_octets",
        "_starts",
        "_starts_octets",
        "_values",
        "_values_octets",
        "by_lada",
        "by_municipality",
        "by_state",
        "digest",
        "index_by_code",
        "lada_decided",
        "places",
        "timezones",
        "zone_of",
    )

    def __init__(self, geography: Geography, ranges: Iterable[NumberRange], digest: str) -> None:
        plan = _Plan(geography)
        for numbers in ranges:
            plan.assign(numbers)
        self._starts, self._values = plan.starts, plan.values
        self._before = _starts_before(plan.starts)
        self._starts_octets = _octets(plan.starts)
        self._values_octets = _octets(plan.values)
        self._before_octets = _octets(self._before)
        self.digest = digest
        self.places: tuple[Place, ...] = tuple(plan.places)
        self.timezones: tuple[str, ...] = tuple(dict.fromkeys(place.timezone for place in self.places))
        self.zone_of: tuple[int, ...] = tuple(self.timezones.index(place.timezone) for place in self.places)
        self.index_by_code: Mapping[int, int] = {each.code: index for index, each in enumerate(self.places)}
        self.lada_decided: Mapping[str, int] = {
            each.lada: index for index, each in enumerate(self.places) if each.municipality is None
        }
        self.by_state = _grouped((place.state, index) for index, place in enumerate(self.places))
        self.by_lada = _grouped((place.lada, index) for index, place in enumerate(self.places))
        self.by_municipality = _grouped(
            (place.municipality, index) for index, place in enumerate(self.places) if place.municipality
        )

    def place_of(self, subscriber: int) -> int:
        """Return the index of the place of a ten-digit number, or -1 when its LADA is unknown."""
        if COMPILED:
            return self._place_of(subscriber)
        bucket = subscriber // _BUCKET
        before = self._before
        return self._values[bisect_right(self._starts, subscriber, before[bucket], before[bucket + 1]) - 1]

    def _place_of(self, subscriber: i64) -> int:
        starts = self._starts_octets
        bucket = subscriber // _BUCKET * 8
        low = read_i64_le(self._before_octets, bucket)
        high = read_i64_le(self._before_octets, bucket + 8)
        while low < high:
            middle = (low + high) >> 1
            if read_i64_le(starts, middle * 8) <= subscriber:
                low = middle + 1
            else:
                high = middle
        return read_i64_le(self._values_octets, (low - 1) * 8)

    def locate(self, address: bytes) -> Located | None:
        """Return who a destination_addr (without its NUL) reaches and where; None when no subscriber."""
        subscriber = national(address)
        index = self.place_of(subscriber)
        if index == UNKNOWN:
            return None
        place = self.places[index]
        return Located(str(subscriber), place, place.decided_by)


def _octets(numbers: Iterable[int]) -> bytes:
    """Pack numbers as machine code reads them fastest: 64 bits each, little endian."""
    packed = array("q", numbers)
    if sys.byteorder == "big":
        packed.byteswap()
    return packed.tobytes()


def _starts_before(starts: Iterable[int]) -> Sequence[int]:
    """Return for each bucket of numbers how many stretches start before it: where to begin looking."""
    counts = [0] * (_NUMBERS // _BUCKET + 2)  # the last bucket begins where ten-digit numbers end
    for start in starts:
        counts[start // _BUCKET + 1] += 1
    return array("I", accumulate(counts))


class _Plan:
    """The number line cut into stretches of one place each: `values[i]` holds from `starts[i]` on."""

    def __init__(self, geography: Geography) -> None:
        self.places: list[Place] = []
        self.starts = [0]
        self.values = [UNKNOWN]
        self._geography = geography
        self._indexes: dict[tuple[str | None, int], int] = {}
        ladas = sorted(map(int, geography.ladas), key=lada_span)
        for lada in ladas:
            self._add_place(None, lada)
        for lada in ladas:
            self._paint(*lada_span(lada), self._indexes[None, lada])

    def assign(self, numbers: NumberRange) -> None:
        start, size, municipality = numbers
        lada = lada_of(start)
        index = self._indexes.get((municipality, lada))
        if index is None:
            index = self._add_place(municipality, lada)
        self._paint(start, start + size, index)

    def _add_place(self, municipality: str | None, lada: int) -> int:
        index = self._indexes[municipality, lada] = len(self.places)
        self.places.append(self._geography.place(municipality, str(lada)))
        return index

    def _paint(self, start: int, end: int, index: int) -> None:
        starts, values = self.starts, self.values
        low = bisect_left(starts, start)
        high = bisect_right(starts, end, low)
        after = values[high - 1]
        starts[low:high] = (start, end)
        values[low:high] = (index, after)


def _grouped(pairs: Iterable[tuple[str, int]]) -> Mapping[str, frozenset[int]]:
    groups: dict[str, set[int]] = {}
    for key, index in pairs:
        groups.setdefault(key, set()).add(index)
    return {key: frozenset(indexes) for key, indexes in groups.items()}

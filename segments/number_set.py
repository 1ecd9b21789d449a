"""A compact set of sealed numbers that is read in place, such as from a mapped file.

Numbers of 34 bits that share all but their low 16 lie in one bucket: `starts` holds, for each of the 2**18
buckets and one more, where its members begin (32 bits each), `members` the low 16 bits, ascending. Seals
spread numbers evenly, so a bucket of 30 million numbers holds some 115. Everything is little endian.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from librt.strings import read_i16_le, read_i32_le

from segments.native import COMPILED
from segments.seal import SEALED_BITS

if TYPE_CHECKING:
    from mypy_extensions import i64

LOW_BITS: Final = 16
LOW_MASK: Final = 0xFFFF
BUCKETS: Final = 1 << SEALED_BITS - LOW_BITS
START_OCTETS: Final = 4
MEMBER_OCTETS: Final = 2


class Octets(Protocol):
    """Octets that give octets for a slice: bytes, or a mapped file."""

    def __getitem__(self, key: slice, /) -> bytes:
        """Return a stretch."""


class NumberSet:
    """Numbers within `octets`: `starts_at` and `members_at` are offsets, `count` how many there are."""

    __slots__ = ("_members_at", "_octets", "_starts_at", "count")

    def __init__(self, octets: Octets, starts_at: int, members_at: int, count: int) -> None:
        self._octets = octets
        self._starts_at = starts_at
        self._members_at = members_at
        self.count = count

    def find(self, sealed: int) -> int:
        """Return a member's position, from 0 on in ascending order, or -1 for what is not in the set."""
        if not self.count:
            return -1
        word: i64 = sealed
        low = word & LOW_MASK
        at: i64 = self._starts_at
        at += (word >> LOW_BITS) * START_OCTETS
        bounds = self._octets[at : at + START_OCTETS * 2]
        first: int = read_i32_le(bounds, 0)
        last: int = read_i32_le(bounds, START_OCTETS)
        start: i64 = first
        size: i64 = last - first
        if not size:
            return -1
        at = self._members_at
        at += start * MEMBER_OCTETS
        members = self._octets[at : at + size * MEMBER_OCTETS]
        if not COMPILED:
            wanted = (sealed & LOW_MASK).to_bytes(MEMBER_OCTETS, "little")
            there = members.find(wanted)
            while there & 1 and there > 0:
                there = members.find(wanted, there + 1)
            return -1 if there < 0 else start + (there >> 1)
        left: i64 = 0
        right = size
        while left < right:
            middle = (left + right) >> 1
            member: int = read_i16_le(members, middle * MEMBER_OCTETS)
            if member & LOW_MASK < low:
                left = middle + 1
            else:
                right = middle
        if left == size:
            return -1
        found: int = read_i16_le(members, left * MEMBER_OCTETS)
        return start + left if found & LOW_MASK == low else -1

    def __contains__(self, sealed: int) -> bool:
        """Tell whether a number is a member."""
        return self.find(sealed) >= 0

"""A compact set of sealed numbers that is read in place, such as from a mapped file.

Numbers of 34 bits that share all but their low 16 lie in one bucket: `starts` holds, for each of the 2**18
buckets and one more, where its members begin (32 bits each), `members` the low 16 bits, ascending. Seals
spread numbers evenly, so a bucket of 30 million numbers holds some 115, and where in it a member is due is
known but for a few places: one short read of memory that is seldom in a cache. Everything is little endian.

Nearly everybody is in no set, which a sieve tells with one read of 8 octets for all sets of a file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from librt.strings import read_i16_le, read_i64_le

from segments.native import COMPILED
from segments.seal import SEALED_BITS

if TYPE_CHECKING:
    from mypy_extensions import i64

LOW_BITS: Final = 16
LOW_MASK: Final = 0xFFFF
BUCKETS: Final = 1 << SEALED_BITS - LOW_BITS
START_OCTETS: Final = 4
MEMBER_OCTETS: Final = 2
_START_BITS: Final = 32
_START_MASK: Final = 0xFFFFFFFF
# A sieve has 2**SIEVE_BITS words of 64 bits at most: half a bit of room for each number that there could be.
SIEVE_BITS: Final = 23
# Multiplied with the low 16 bits of a number this gives four marks of 6 bits each, from MARKS_AT on.
MIX: Final = 0x9E3779B1
MARKS_AT: Final = 8
MARK_BITS: Final = 6
MARKS: Final = 4
_MARK_MASK: Final = (1 << MARK_BITS) - 1
# So many members at either side of where a number is due: three deviations in a bucket of 115.
WINDOW: Final = 16


class Octets(Protocol):
    """Octets that give octets for a slice: bytes, or a mapped file."""

    def __getitem__(self, key: slice, /) -> bytes:
        """Return a stretch."""

    def __buffer__(self, flags: int, /) -> memoryview:
        """Let memoryview read in place."""


class Sieve:
    """Tells of most numbers that they are in none of some sets: a blocked Bloom filter (Putze et al., 2007).

    `words` (signed, 64 bits, a power of two of them) stand for stretches of sealed numbers; a member's low 16
    bits say which of its word are set, four at most. Neighbours united make a sieve of half as many words.
    """

    __slots__ = ("_shift", "_words")

    def __init__(self, words: memoryview) -> None:
        self._words = words
        self._shift: i64 = SEALED_BITS - (len(words).bit_length() - 1)

    def may_hold(self, sealed: i64) -> bool:
        """Tell whether a number may be a member of any of the sets; one that is a member always may."""
        marked: i64 = self._words[sealed >> self._shift]
        mixed = (sealed & LOW_MASK) * MIX >> MARKS_AT
        every: i64 = 1
        every &= marked >> (mixed & _MARK_MASK)
        every &= marked >> (mixed >> MARK_BITS & _MARK_MASK)
        every &= marked >> (mixed >> 2 * MARK_BITS & _MARK_MASK)
        every &= marked >> (mixed >> 3 * MARK_BITS & _MARK_MASK)
        return every != 0


class NumberSet:
    """Numbers within `octets`: `starts_at` and `members_at` are offsets, `count` how many there are.

    `sieve` tells who is neither in this set nor in others. Keeps a copy of `starts`, 1 MiB.
    """

    __slots__ = ("_members_at", "_octets", "_starts", "count", "sieve")

    def __init__(
        self, octets: Octets, starts_at: int, members_at: int, count: int, sieve: Sieve | None = None
    ) -> None:
        self._octets = octets
        self._starts: bytes = octets[starts_at : starts_at + (BUCKETS + 1) * START_OCTETS] if count else b""
        self._members_at = members_at
        self.count = count
        self.sieve = sieve

    def find(self, sealed: int) -> int:
        """Return a member's position, from 0 on in ascending order, or -1 for what is not in the set."""
        if not self.count:
            return -1
        word: i64 = sealed
        low = word & LOW_MASK
        # Where the bucket begins and where the next one does are neighbours.
        both: i64 = read_i64_le(self._starts, (word >> LOW_BITS) * START_OCTETS)
        start = both & _START_MASK
        end = (both >> _START_BITS) & _START_MASK
        if start == end:
            return -1
        if not COMPILED:
            return self._search(start, end, low)
        due = start + (low * (end - start) >> LOW_BITS)
        left = max(due - WINDOW, start)
        right = min(due + WINDOW, end)
        found = self._halve(left, right, low)
        if found >= 0:
            return found
        if (~found == left and left > start) or (~found == right and right < end):
            found = self._halve(start, end, low)
        return found if found >= 0 else -1

    def _halve(self, first: i64, after: i64, low: i64) -> i64:
        """Return a member's position, or the inverse of where it would be among those from first on."""
        at: i64 = self._members_at
        members = self._octets[at + first * MEMBER_OCTETS : at + after * MEMBER_OCTETS]
        left: i64 = 0
        right = size = after - first
        while left < right:
            middle = (left + right) >> 1
            member: int = read_i16_le(members, middle * MEMBER_OCTETS)
            if member & LOW_MASK < low:
                left = middle + 1
            else:
                right = middle
        if left < size:
            found: int = read_i16_le(members, left * MEMBER_OCTETS)
            if found & LOW_MASK == low:
                return first + left
        return ~(first + left)

    def _search(self, start: int, end: int, low: int) -> int:
        """Find as the interpreter does fastest."""
        at = self._members_at
        members = self._octets[at + start * MEMBER_OCTETS : at + end * MEMBER_OCTETS]
        wanted = low.to_bytes(MEMBER_OCTETS, "little")
        there = members.find(wanted)
        while there & 1 and there > 0:
            there = members.find(wanted, there + 1)
        return -1 if there < 0 else start + (there >> 1)

    def __contains__(self, sealed: int) -> bool:
        """Tell whether a number is a member."""
        return self.find(sealed) >= 0

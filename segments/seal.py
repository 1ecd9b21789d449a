"""Numbers sealed under a key: ten digits to 34 other bits and back, the same for the same key.

A balanced Feistel network of six rounds over two halves of 17 bits. Each round's function is written out as a
table that SHAKE-256 draws from the key, so that sealing a number is six look-ups, and an array of numbers six
times a few array operations. With such functions six rounds withstand whoever may have fewer than some 2**17
numbers sealed and opened as they like (Patarin, "Security of random Feistel schemes with 5 or more rounds",
CRYPTO 2004); outside a node nobody may have any. Equal numbers are equal when sealed, so that a database
finds them; without the key they tell nothing else.
"""

from __future__ import annotations

from array import array
from hashlib import shake_256
from sys import byteorder
from typing import TYPE_CHECKING, Final

from librt.strings import read_i32_le

from segments.native import COMPILED

if TYPE_CHECKING:
    from mypy_extensions import i64

ROUNDS: Final = 6
HALF_BITS: Final = 17
SEALED_BITS: Final = 34
HALF_MASK: Final = (1 << HALF_BITS) - 1
TABLE_OCTETS: Final = 4 << HALF_BITS

_PURPOSE: Final = b"posdata numbers"
_CHECK_OCTETS: Final = 8


class Seal:
    """The seal of one key (16 octets or more). Tables take 3 MiB."""

    __slots__ = ("_arrays", "check", "tables")

    def __init__(self, key: bytes) -> None:
        stem = _PURPOSE + len(key).to_bytes(4, "little") + key
        drawn = [shake_256(stem + bytes((number,))).digest(TABLE_OCTETS) for number in range(ROUNDS)]
        self.tables = b"".join([_masked(octets) for octets in drawn])
        self._arrays: list[array[int]] = [] if COMPILED else _arrays(self.tables)
        self.check = shake_256(stem + b"check").hexdigest(_CHECK_OCTETS)

    def of(self, number: int) -> int:
        """Return a number (ten digits, below 2**34) sealed."""
        if not COMPILED:
            high, low = number >> HALF_BITS, number & HALF_MASK
            for table in self._arrays:
                high, low = low, high ^ table[low]
            return high << HALF_BITS | low
        tables = self.tables
        word: i64 = number
        left = word >> HALF_BITS
        right = word & HALF_MASK
        at: i64 = 0
        while at < ROUNDS * TABLE_OCTETS:
            drawn: int = read_i32_le(tables, at + right * 4)
            left, right = right, left ^ drawn
            at += TABLE_OCTETS
        return left << HALF_BITS | right

    def opened(self, sealed: int) -> int:
        """Return the number that `of` sealed."""
        tables = self.tables
        word: i64 = sealed
        left = word >> HALF_BITS
        right = word & HALF_MASK
        at: i64 = (ROUNDS - 1) * TABLE_OCTETS
        while at >= 0:
            drawn: int = read_i32_le(tables, at + left * 4)
            left, right = right ^ drawn, left
            at -= TABLE_OCTETS
        return left << HALF_BITS | right


def _masked(octets: bytes) -> bytes:
    """Return words of 32 bits with their low 17 kept."""
    mask = HALF_MASK.to_bytes(4, "little") * (len(octets) // 4)
    both = int.from_bytes(octets, "little") & int.from_bytes(mask, "little")
    return both.to_bytes(len(octets), "little")


def _arrays(tables: bytes) -> list[array[int]]:
    """Return each round's table as an array: how the interpreter reads it fastest."""
    arrays = [array("I", tables[at : at + TABLE_OCTETS]) for at in range(0, len(tables), TABLE_OCTETS)]
    if byteorder == "big":
        for each in arrays:
            each.byteswap()
    return arrays

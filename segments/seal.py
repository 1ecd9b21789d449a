"""Numbers sealed under a key: ten digits to 34 other bits and back, the same for the same key.

A balanced Feistel network of ten rounds over two halves of 17 bits (Luby and Rackoff, 1988; ten rounds as in
NIST SP 800-38G, FF1). Each round's function is written out as a table that SHAKE-256 draws from the key, so
that sealing a number is ten look-ups, and an array of numbers ten times a few array operations. Equal numbers
are equal when sealed, so that a database finds them; without the key they tell nothing else.
"""

from __future__ import annotations

from hashlib import shake_256
from typing import TYPE_CHECKING, Final

from librt.strings import read_i32_le

if TYPE_CHECKING:
    from mypy_extensions import i64

ROUNDS: Final = 10
HALF_BITS: Final = 17
SEALED_BITS: Final = 34
HALF_MASK: Final = (1 << HALF_BITS) - 1
TABLE_OCTETS: Final = 4 << HALF_BITS

_PURPOSE: Final = b"posdata numbers"
_CHECK_OCTETS: Final = 8


class Seal:
    """The seal of one key (16 octets or more). Tables take 5 MiB."""

    __slots__ = ("check", "tables")

    def __init__(self, key: bytes) -> None:
        stem = _PURPOSE + len(key).to_bytes(4, "little") + key
        self.tables = b"".join(
            shake_256(stem + bytes((number,))).digest(TABLE_OCTETS) for number in range(ROUNDS)
        )
        self.check = shake_256(stem + b"check").hexdigest(_CHECK_OCTETS)

    def of(self, number: int) -> int:
        """Return a number (ten digits, below 2**34) sealed."""
        tables = self.tables
        word: i64 = number
        left = word >> HALF_BITS
        right = word & HALF_MASK
        at: i64 = 0
        while at < ROUNDS * TABLE_OCTETS:
            drawn: int = read_i32_le(tables, at + right * 4)
            left, right = right, left ^ (drawn & HALF_MASK)
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
            left, right = right ^ (drawn & HALF_MASK), left
            at -= TABLE_OCTETS
        return left << HALF_BITS | right

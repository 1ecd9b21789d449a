"""A keyed hash of a subscriber, for counting how many different people ads reach, and for nothing else.

Tabulation hashing (Zobrist 1970; Pătraşcu and Thorup, "The power of simple tabulation hashing", 2012):
three lookups in tables that are drawn from a secret key. It spreads any set of numbers well enough for
sketches, at a fraction of an HMAC's cost. It is no cipher: it has 31 bits, some four subscribers share each
value, and whoever holds the key, or many pairs of number and hash, can compute more. So it stays inside the
node and its database.
"""

from __future__ import annotations

from hashlib import blake2b
from struct import iter_unpack
from typing import TYPE_CHECKING, Final

from librt.strings import read_i32_le, read_i64_le

if TYPE_CHECKING:
    from mypy_extensions import i64

HASH_BITS: Final = 31
"""What an entry of the journal has room for besides its sign bit."""

# Three tables of 12 bits each: a subscriber's ten digits need 34.
_CHUNK: Final = 0xFFF
_MIDDLE: Final = 12
_HIGH: Final = 24
_DIGEST: Final = 64


class PeopleHash:
    """The hash of one key; nodes that share a key count people together."""

    __slots__ = ("_table",)

    def __init__(self, key: bytes) -> None:
        secret = blake2b(key, digest_size=64, person=b"posdata reach").digest()
        self._table = b"".join(_table(secret, number) for number in range(3))

    def of(self, subscriber: int) -> int:
        """Return the hash of ten digits."""
        table = self._table
        digits: i64 = subscriber
        low: int = read_i32_le(table, (digits & _CHUNK) * 4)
        middle: int = read_i32_le(table, ((digits >> _MIDDLE & _CHUNK) + _CHUNK + 1) * 4)
        high: int = read_i32_le(table, ((digits >> _HIGH & _CHUNK) + 2 * (_CHUNK + 1)) * 4)
        return low ^ middle ^ high


def _table(secret: bytes, number: int) -> bytes:
    octets = b"".join(
        blake2b(block.to_bytes(4, "little"), key=secret, digest_size=_DIGEST, salt=bytes((number,))).digest()
        for block in range((_CHUNK + 1) * 4 // _DIGEST)
    )
    return b"".join((word >> 32 - HASH_BITS).to_bytes(4, "little") for (word,) in iter_unpack("<I", octets))


WIDE_BITS: Final = 62


class WideHash:
    """The same with 62 bits and a key of its own: where a subscriber's ads are counted (engine.caps)."""

    __slots__ = ("_table", "check")

    def __init__(self, key: bytes) -> None:
        secret = blake2b(key, digest_size=64, person=b"posdata caps").digest()
        self.check: int = int.from_bytes(blake2b(secret, digest_size=8).digest(), "little") >> 2
        words = b"".join(
            blake2b(block.to_bytes(4, "little"), key=secret, digest_size=_DIGEST).digest()
            for block in range(3 * (_CHUNK + 1) * 8 // _DIGEST)
        )
        mask = (1 << WIDE_BITS) - 1
        self._table = b"".join((word & mask).to_bytes(8, "little") for (word,) in iter_unpack("<Q", words))

    def of(self, subscriber: int) -> i64:
        """Return the hash of ten digits."""
        table = self._table
        digits: i64 = subscriber
        low: i64 = read_i64_le(table, (digits & _CHUNK) * 8)
        middle: i64 = read_i64_le(table, ((digits >> _MIDDLE & _CHUNK) + _CHUNK + 1) * 8)
        high: i64 = read_i64_le(table, ((digits >> _HIGH & _CHUNK) + 2 * (_CHUNK + 1)) * 8)
        return low ^ middle ^ high

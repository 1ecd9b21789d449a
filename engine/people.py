"""A keyed hash of a subscriber, for counting how many different people ads reach, and for nothing else.

Tabulation hashing (Zobrist 1970; Pătraşcu and Thorup, "The power of simple tabulation hashing", 2012):
three lookups in tables that are drawn from a secret key. It spreads any set of numbers well enough for
sketches, at a fraction of an HMAC's cost. It is no cipher: it has 31 bits, some four subscribers share each
value, and whoever holds the key, or many pairs of number and hash, can compute more. So it stays inside the
node and its database.
"""

from hashlib import blake2b
from struct import iter_unpack
from typing import Final

HASH_BITS: Final = 31
"""What an entry of the journal has room for besides its sign bit."""

# Three tables of 12 bits each: a subscriber's ten digits need 34.
_CHUNK: Final = 0xFFF
_MIDDLE: Final = 12
_HIGH: Final = 24
_DIGEST: Final = 64


class PeopleHash:
    """The hash of one key; nodes that share a key count people together."""

    __slots__ = ("_high", "_low", "_middle")

    def __init__(self, key: bytes) -> None:
        secret = blake2b(key, digest_size=64, person=b"posdata reach").digest()
        self._low: list[int] = _table(secret, 0)
        self._middle: list[int] = _table(secret, 1)
        self._high: list[int] = _table(secret, 2)

    def of(self, subscriber: int) -> int:
        """Return the hash of ten digits."""
        return (
            self._low[subscriber & _CHUNK]
            ^ self._middle[subscriber >> _MIDDLE & _CHUNK]
            ^ self._high[subscriber >> _HIGH & _CHUNK]
        )


def _table(secret: bytes, number: int) -> list[int]:
    octets = b"".join(
        blake2b(block.to_bytes(4, "little"), key=secret, digest_size=_DIGEST, salt=bytes((number,))).digest()
        for block in range((_CHUNK + 1) * 4 // _DIGEST)
    )
    return [word >> 32 - HASH_BITS for (word,) in iter_unpack("<I", octets)]

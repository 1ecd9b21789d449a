"""Numbers sealed under a key: ten digits to 34 other bits and back, the same for the same key.

The rounds are those of the block cipher Speck (Beaulieu et al., "The SIMON and SPECK Families of Lightweight
Block Ciphers", 2013), on words of 17 bits as Speck32/64 has them on 16, as many rounds, turned as far. Each
round's key is drawn from the key by SHAKE-256, so there is no key schedule to attack. Equal numbers are equal
when sealed, so that a database finds them; without the key they tell nothing else.
"""

from __future__ import annotations

from hashlib import shake_256
from typing import TYPE_CHECKING, Final

from librt.strings import read_i64_le

from segments.native import COMPILED

if TYPE_CHECKING:
    from mypy_extensions import i64

ROUNDS: Final = 22
HALF_BITS: Final = 17
SEALED_BITS: Final = 34
HALF_MASK: Final = (1 << HALF_BITS) - 1
# How far a round turns its left half to the right, and its right half to the left.
LEFT_TURN: Final = 7
RIGHT_TURN: Final = 2

_LEFT_BACK: Final = HALF_BITS - LEFT_TURN
_RIGHT_BACK: Final = HALF_BITS - RIGHT_TURN
_KEY_OCTETS: Final = 8
_KEYS_OCTETS: Final = ROUNDS * _KEY_OCTETS
# With another cipher than the first one had, or other rounds, this must differ: `check` tells seals apart.
_PURPOSE: Final = b"posdata numbers 2"
_CHECK_OCTETS: Final = 8


class Seal:
    """The seal of one key (16 octets or more). `round_keys` has 17 bits for each round."""

    __slots__ = ("_packed", "check", "round_keys")

    def __init__(self, key: bytes) -> None:
        stem = _PURPOSE + len(key).to_bytes(4, "little") + key
        drawn = shake_256(stem + b"rounds").digest(_KEYS_OCTETS)
        words = [drawn[at : at + _KEY_OCTETS] for at in range(0, _KEYS_OCTETS, _KEY_OCTETS)]
        self.round_keys = [int.from_bytes(word, "little") & HALF_MASK for word in words]
        self._packed = b"".join([each.to_bytes(_KEY_OCTETS, "little") for each in self.round_keys])
        self.check = shake_256(stem + b"check").hexdigest(_CHECK_OCTETS)

    def of(self, number: int) -> int:
        """Return a number (ten digits, below 2**34) sealed."""
        if not COMPILED:
            high, low = number >> HALF_BITS, number & HALF_MASK
            for each in self.round_keys:
                high = (high >> LEFT_TURN | high << _LEFT_BACK) + low & HALF_MASK ^ each
                low = (low << RIGHT_TURN | low >> _RIGHT_BACK) & HALF_MASK ^ high
            return high << HALF_BITS | low
        keys = self._packed
        word: i64 = number
        left = word >> HALF_BITS
        right = word & HALF_MASK
        at: i64 = 0
        while at < _KEYS_OCTETS:
            left = (left >> LEFT_TURN | left << _LEFT_BACK) + right & HALF_MASK ^ read_i64_le(keys, at)
            right = (right << RIGHT_TURN | right >> _RIGHT_BACK) & HALF_MASK ^ left
            at += _KEY_OCTETS
        return left << HALF_BITS | right

    def opened(self, sealed: int) -> int:
        """Return the number that `of` sealed."""
        left, right = sealed >> HALF_BITS, sealed & HALF_MASK
        for each in reversed(self.round_keys):
            right ^= left
            right = (right >> RIGHT_TURN | right << _RIGHT_BACK) & HALF_MASK
            left = (left ^ each) - right & HALF_MASK
            left = (left << LEFT_TURN | left >> _LEFT_BACK) & HALF_MASK
        return left << HALF_BITS | right

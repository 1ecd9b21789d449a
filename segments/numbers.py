"""Phone numbers: a destination address reduced to the ten digits of a Mexican subscriber."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

from segments.native import COMPILED

if TYPE_CHECKING:
    from mypy_extensions import i64

NATIONAL_DIGITS: Final = 10

# What may stand before the ten digits: nothing, the country code (with the 1 that mobiles had before
# August 2019) bare or after an international prefix, and the trunk prefixes dialled until then.
PREFIXES: Final = frozenset(
    {b"", b"52", b"521", b"+52", b"+521", b"0052", b"00521", b"044", b"045", b"01", b"02"},
)

# First three digits of services, not of places (Plan Nacional de Numeración).
NON_GEOGRAPHIC: Final = frozenset({200, 201, 300, 500, 700, 800, 888, 900})

# The only LADAs of two digits; every other LADA has three.
TWO_DIGIT_LADAS: Final = frozenset({33, 55, 56, 81})

_FIRST: Final = 2_000_000_000
_AFTER_THREE: Final = 10_000_000
_AFTER_TWO: Final = 100_000_000

# First three digits → 1 where they are a place's.
_IS_PLACE: Final = bytes(200 <= first < 1000 and first not in NON_GEOGRAPHIC for first in range(1000))


class Refusal(StrEnum):
    """Why an address is no Mexican subscriber."""

    EMPTY = "empty"
    NOT_DIGITS = "not_digits"
    TOO_SHORT = "too_short"
    UNLISTED_FORM = "unlisted_form"
    FIRST_DIGIT = "first_digit"
    NON_GEOGRAPHIC = "non_geographic"


def national(address: bytes) -> int:
    """Return the ten digits of a destination_addr (without its NUL) as an integer, or 0.

    0 means that it is no Mexican subscriber. Digits alone decide: TON and NPI vary by vendor.
    """
    size = len(address)
    if size != NATIONAL_DIGITS:
        if size < NATIONAL_DIGITS or address[: size - NATIONAL_DIGITS] not in PREFIXES:
            return 0
        address = address[size - NATIONAL_DIGITS :]
    if COMPILED:
        subscriber: i64 = 0
        at: i64 = 0
        while at < NATIONAL_DIGITS:
            digit: i64 = address[at] - 48
            if digit < 0 or digit > 9:
                return 0
            subscriber = subscriber * 10 + digit
            at += 1
    elif address.isdigit():
        subscriber = int(address)
    else:
        return 0
    return subscriber if _IS_PLACE[subscriber // _AFTER_THREE] else 0


def lada_of(subscriber: int) -> int:
    """Return the LADA of a ten-digit number: two digits for 33, 55, 56 and 81, else three."""
    two = subscriber // _AFTER_TWO
    return two if two in TWO_DIGIT_LADAS else subscriber // _AFTER_THREE


def lada_span(lada: int) -> tuple[int, int]:
    """Return the first number of a LADA and the first one after it."""
    size = _AFTER_TWO if lada in TWO_DIGIT_LADAS else _AFTER_THREE
    return lada * size, (lada + 1) * size


def refusal(address: bytes) -> Refusal | None:
    """Tell why `national` returns 0 for an address; None when it does not."""
    if national(address):
        return None
    if not address:
        return Refusal.EMPTY
    digits = address.removeprefix(b"+")
    if not digits.isdigit():
        return Refusal.NOT_DIGITS
    if len(digits) < NATIONAL_DIGITS:
        return Refusal.TOO_SHORT
    if address[:-NATIONAL_DIGITS] not in PREFIXES:
        return Refusal.UNLISTED_FORM
    if address[-NATIONAL_DIGITS] in b"01":
        return Refusal.FIRST_DIGIT
    return Refusal.NON_GEOGRAPHIC

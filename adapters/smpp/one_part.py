"""A text as one SMS of our own session: in the SMSC's default alphabet where that holds it, else in UCS-2."""

from typing import Final

from engine.composition import PART_SEPTETS, PART_UNITS, DefaultAlphabet, septets_of, units_of
from validators import gsm7

UCS2: Final = 8


class TooLongError(ValueError):
    """The text does not fit one SMS."""


def one_part(text: str, alphabet: DefaultAlphabet) -> tuple[int, bytes]:
    """Return data_coding and octets of a text. Raises `TooLongError`."""
    try:
        narrow = gsm7.encode(text) if alphabet == "gsm7" else text.encode(alphabet)
        fits, coding, body = septets_of(text) <= PART_SEPTETS, 0, narrow
    except ValueError:
        fits, coding, body = units_of(text) <= PART_UNITS, UCS2, text.encode("utf-16-be")
    if not fits:
        raise TooLongError
    return coding, body

"""The octets a text becomes in each alphabet an SMS can have."""

from collections.abc import Callable
from dataclasses import dataclass

from validators import gsm7


@dataclass(frozen=True, slots=True)
class WireForm:
    """A text in one alphabet: its octets, or why the alphabet cannot hold it (exactly one of the two).

    `data_coding` is SMPP 5.2.19's value, None for the packed form, which only the air interface has.
    """

    alphabet: str
    data_coding: int | None
    octets: bytes | None
    problem: str | None


def ucs2_units(text: str) -> int:
    """Return the 16-bit units of `text`: two for a character beyond U+FFFF."""
    return len(text) + sum(char > "\uffff" for char in text)


def wire_forms(text: str) -> tuple[WireForm, ...]:
    """Return `text` in every alphabet, GSM 7-bit first; never raises."""
    return (
        _form("gsm7", 0, text, gsm7.encode),
        _form("gsm7_packed", None, text, lambda value: gsm7.pack(gsm7.encode(value))),
        _form("ascii", 1, text, lambda value: value.encode("ascii")),
        _form("latin1", 3, text, lambda value: value.encode("latin-1")),
        _form("ucs2", 8, text, lambda value: value.encode("utf-16-be")),
    )


def _form(alphabet: str, data_coding: int | None, text: str, encode: Callable[[str], bytes]) -> WireForm:
    try:
        return WireForm(alphabet, data_coding, encode(text), None)
    except UnicodeEncodeError as error:
        char = error.object[error.start]
        return WireForm(
            alphabet, data_coding, None, f"U+{ord(char):04X} at position {error.start} is not in it"
        )
    except ValueError as error:
        return WireForm(alphabet, data_coding, None, str(error))

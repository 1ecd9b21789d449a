"""How an ad is written beside a body: alphabets, the room left in one SMS part, the octets appended."""

from collections.abc import Callable
from enum import IntEnum
from typing import Literal, NamedTuple

from validators import gsm7

# One SMS part: 3GPP 23.040 §9.2.3.24 (140 octets of user data), 3GPP 23.038 §6.2.
PART_SEPTETS = 160
PART_UNITS = 70

ESCAPE = b"\x1b"

DefaultAlphabet = Literal["gsm7", "ascii", "latin1"]


class Alphabet(IntEnum):
    """How body octets stand for characters."""

    GSM7 = 0
    ASCII = 1
    LATIN1 = 2
    UCS2 = 3


class Room(NamedTuple):
    """What is left of one SMS part beside a body.

    `wide` says how a creative is measured: False in septets, True in UCS-2 units (the whole SMS
    will be UCS-2). `characters` is 0 or less when the body alone fills one part.
    """

    characters: int
    wide: bool


class Suffix:
    """A separator and a creative's text, ready to append.

    `septets` and `units` are the text's size alone; `octets` holds separator and text by alphabet,
    None where the alphabet can't write them. Raises `ValueError` for what GSM 03.38 can't write.
    """

    __slots__ = ("octets", "septets", "units")

    def __init__(self, separator: str, text: str) -> None:
        self.septets: int = septets_of(text)
        self.units: int = units_of(text)
        whole = separator + text
        self.octets: tuple[bytes | None, bytes | None, bytes | None, bytes | None] = (
            gsm7.encode(whole),
            _encoded(whole, "ascii"),
            _encoded(whole, "latin-1"),
            whole.encode("utf-16-be"),
        )


def septets_of(text: str) -> int:
    """Return the GSM 7-bit septets of a text; raises `ValueError` when the alphabet can't write it."""
    septets = gsm7.septets(text)
    if septets is None:
        raise ValueError(f"not writable in the GSM 7-bit alphabet: {text!r}")
    return septets


def units_of(text: str) -> int:
    """Return the UCS-2 units of a text."""
    return len(text.encode("utf-16-be")) // 2


def _encoded(text: str, codec: str) -> bytes | None:
    try:
        return text.encode(codec)
    except UnicodeEncodeError:
        return None


def _octets_of(characters: str) -> bytes:
    return b"".join(filter(None, (_encoded(character, "latin-1") for character in characters)))


# Latin-1 octets that cost one septet and two septets; every other makes the SMS UCS-2 (3GPP 23.038 §6.2.1).
_ONE_SEPTET = _octets_of(gsm7.BASIC.replace("\x1b", ""))
_TWO_SEPTETS = _octets_of("".join(gsm7.EXTENSION))


# Rooms by septets used, made once: the hot path asks for one a notification.
_SEPTETS_LEFT = tuple(Room(PART_SEPTETS - used, wide=False) for used in range(PART_SEPTETS))
_NO_ROOM = Room(0, wide=False)


def _gsm7_room(body: bytes) -> Room | None:
    if not body.isascii() or body.endswith(ESCAPE):
        return None  # an octet over 0x7F, or an escape whose character is missing
    octets = len(body)
    return _SEPTETS_LEFT[octets] if octets < PART_SEPTETS else _NO_ROOM


def _ascii_room(body: bytes) -> Room | None:
    return _latin1_room(body) if body.isascii() else None


def _latin1_room(body: bytes) -> Room | None:
    rest = body.translate(None, _ONE_SEPTET)
    octets = len(body)
    if not rest:
        return _SEPTETS_LEFT[octets] if octets < PART_SEPTETS else _NO_ROOM
    if rest.translate(None, _TWO_SEPTETS):
        return Room(PART_UNITS - octets, wide=True)
    return Room(PART_SEPTETS - octets - len(rest), wide=False)


def _ucs2_room(body: bytes) -> Room | None:
    if len(body) & 1:
        return None
    return Room(PART_UNITS - (len(body) >> 1), wide=True)


Measure = Callable[[bytes], Room | None]

_MEASURES: dict[Alphabet, Measure] = {
    Alphabet.GSM7: _gsm7_room,
    Alphabet.ASCII: _ascii_room,
    Alphabet.LATIN1: _latin1_room,
    Alphabet.UCS2: _ucs2_room,
}

_DEFAULTS: dict[DefaultAlphabet, Alphabet] = {
    "gsm7": Alphabet.GSM7,
    "ascii": Alphabet.ASCII,
    "latin1": Alphabet.LATIN1,
}


def alphabets(default: DefaultAlphabet) -> dict[int, tuple[Alphabet, Measure]]:
    """Return data_coding → (alphabet, measure) where the SMSC reads 0 as `default` (SMPP 3.4 §5.2.19).

    A measure takes a body and returns its `Room`, or None when the body does not fit its alphabet.
    """
    by_coding = {0: _DEFAULTS[default], 1: Alphabet.ASCII, 3: Alphabet.LATIN1, 8: Alphabet.UCS2}
    return {coding: (alphabet, _MEASURES[alphabet]) for coding, alphabet in by_coding.items()}

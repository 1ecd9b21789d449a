"""How an ad is written beside a body: alphabets, the room left in one SMS part, the octets appended."""

from enum import IntEnum
from typing import Final, Literal

from validators import gsm7

# One SMS part: 3GPP 23.040 §9.2.3.24 (140 octets of user data), 3GPP 23.038 §6.2.
PART_SEPTETS: Final = 160
PART_UNITS: Final = 70

ESCAPE: Final = b"\x1b"

DefaultAlphabet = Literal["gsm7", "ascii", "latin1"]


class Alphabet(IntEnum):
    """How body octets stand for characters."""

    GSM7 = 0
    ASCII = 1
    LATIN1 = 2
    UCS2 = 3


class Room:
    """What is left of one SMS part beside a body.

    `wide` says how a creative is measured: False in septets, True in UCS-2 units (the whole SMS
    will be UCS-2). `characters` is 0 or less when the body alone fills one part. Never changed.
    """

    __slots__ = ("characters", "wide")

    def __init__(self, characters: int, wide: bool) -> None:
        self.characters = characters
        self.wide = wide


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
        self.octets: list[bytes | None] = [
            gsm7.encode(whole),
            _encoded(whole, "ascii"),
            _encoded(whole, "latin-1"),
            whole.encode("utf-16-be"),
        ]


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
_ONE_SEPTET: Final = _octets_of(gsm7.BASIC.replace("\x1b", ""))
_TWO_SEPTETS: Final = _octets_of("".join(gsm7.EXTENSION))


# Rooms by what is used, made once: the hot path asks for one a notification.
_SEPTETS_LEFT: Final = tuple(Room(PART_SEPTETS - used, wide=False) for used in range(PART_SEPTETS))
_UNITS_LEFT: Final = tuple(Room(PART_UNITS - used, wide=True) for used in range(PART_UNITS))
_NO_ROOM: Final = Room(0, wide=False)
_NO_WIDE_ROOM: Final = Room(0, wide=True)


class Coding:
    """How bodies of one data_coding are written, and the room they leave: GSM 7-bit, one octet a septet."""

    __slots__ = ("alphabet",)

    def __init__(self, alphabet: int) -> None:
        self.alphabet = alphabet

    def room(self, body: bytes) -> Room | None:
        """Return the room beside a body, or None when the body does not fit its alphabet."""
        if not body.isascii() or body.endswith(ESCAPE):
            return None  # an octet over 0x7F, or an escape whose character is missing
        octets = len(body)
        return _SEPTETS_LEFT[octets] if octets < PART_SEPTETS else _NO_ROOM


class Latin1Coding(Coding):
    """Bodies in Latin-1: what GSM 03.38 lacks makes the whole SMS UCS-2."""

    def room(self, body: bytes) -> Room | None:
        """Return the room beside a body."""
        rest = body.translate(None, _ONE_SEPTET)
        octets = len(body)
        if not rest:
            return _SEPTETS_LEFT[octets] if octets < PART_SEPTETS else _NO_ROOM
        if rest.translate(None, _TWO_SEPTETS):
            return _UNITS_LEFT[octets] if octets < PART_UNITS else _NO_WIDE_ROOM
        septets = octets + len(rest)
        return _SEPTETS_LEFT[septets] if septets < PART_SEPTETS else _NO_ROOM


class AsciiCoding(Latin1Coding):
    """Bodies in ASCII: Latin-1 without its upper half."""

    def room(self, body: bytes) -> Room | None:
        """Return the room beside a body, or None when it is no ASCII."""
        return super().room(body) if body.isascii() else None


class Ucs2Coding(Coding):
    """Bodies in UCS-2, two octets a unit."""

    def room(self, body: bytes) -> Room | None:
        """Return the room beside a body, or None when it ends in half a unit."""
        octets = len(body)
        if octets & 1:
            return None
        units = octets >> 1
        return _UNITS_LEFT[units] if units < PART_UNITS else _NO_WIDE_ROOM


_CODINGS: Final[dict[Alphabet, Coding]] = {
    Alphabet.GSM7: Coding(Alphabet.GSM7),
    Alphabet.ASCII: AsciiCoding(Alphabet.ASCII),
    Alphabet.LATIN1: Latin1Coding(Alphabet.LATIN1),
    Alphabet.UCS2: Ucs2Coding(Alphabet.UCS2),
}

_DEFAULTS: dict[DefaultAlphabet, Alphabet] = {
    "gsm7": Alphabet.GSM7,
    "ascii": Alphabet.ASCII,
    "latin1": Alphabet.LATIN1,
}


def codings(default: DefaultAlphabet) -> list[Coding]:
    """Return the coding by data_coding 0–8 where the SMSC reads 0 as `default` (SMPP 3.4 §5.2.19).

    Those that no notification has (the predicate) hold the default's.
    """
    by_coding = [_CODINGS[_DEFAULTS[default]]] * 9
    by_coding[1] = _CODINGS[Alphabet.ASCII]
    by_coding[3] = _CODINGS[Alphabet.LATIN1]
    by_coding[8] = _CODINGS[Alphabet.UCS2]
    return by_coding

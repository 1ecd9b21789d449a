"""The numbers that people call to answer: as the carrier's pool has them, and one of them in use."""

from dataclasses import dataclass
from typing import Final

from segments.numbers import NATIONAL_DIGITS, national

SHORTEST: Final = 3
LONGEST: Final = 15
_SPACING: Final = str.maketrans("", "", " -().")


@dataclass(frozen=True, slots=True)
class NumberUse:
    """A response number's part in an engagement; `option` is what a call to it says in a vote, else empty."""

    digits: str
    option: str = ""


def digits_of(text: str) -> str | None:
    """Return the digits that a number is known by: ten of a Mexican one in any form, else all; None if none.

    A short number or an 800 number is known by what is dialled.
    """
    written = text.translate(_SPACING)
    if not written.isascii() or not written.removeprefix("+").isdigit():
        return None
    if mexican := national(written.encode()):
        return f"{mexican:0{NATIONAL_DIGITS}d}"
    digits = written.removeprefix("+")
    return digits if SHORTEST <= len(digits) <= LONGEST else None

"""The numbers that people call to answer: as the carrier's pool has them, and one of them in use."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from inventory.faults import Fault
from segments.numbers import NATIONAL_DIGITS, national

SHORTEST: Final = 3
LONGEST: Final = 15
UNSHOWN: Final = "number_not_shown"
_RUNS: Final = re.compile("[0-9]+")
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


def shows_number(text: str, digits: str) -> bool:
    """Tell whether a text shows a number, in any form that is written in one run."""
    return any(digits_of(run) == digits for run in _RUNS.findall(text))


def unshown(texts: Iterable[str], digits: str | None) -> list[Fault]:
    """Return a warning for each of a campaign's texts that does not show its response number."""
    return [
        Fault(
            f"/creatives/{index}/text",
            UNSHOWN,
            f"el texto {index + 1} no muestra el número de respuesta {digits}: nadie sabrá a dónde llamar",
            f"text {index + 1} does not show the response number {digits}: nobody will know where to call",
        )
        for index, text in enumerate(texts)
        if digits is not None and not shows_number(text, digits)
    ]

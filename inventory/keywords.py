"""The words that subscribers send to the short code: the way out, and help."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final
from unicodedata import category, normalize


class Wish(StrEnum):
    """What a subscriber asks for by a word."""

    OUT = "out"
    HELP = "help"


WISHES: Final = {
    "BAJA": Wish.OUT,
    "ALTO": Wish.OUT,
    "STOP": Wish.OUT,
    "CANCELAR": Wish.OUT,
    "AYUDA": Wish.HELP,
}
"""The words, each alone in its message."""

WORDS: Final = ("BAJA", "ALTO", "STOP", "CANCELAR", "AYUDA")
"""The words by which they stand in lead journals, from 1: their places never change."""

NOTICES: Final = {
    Wish.OUT: "Listo: tus avisos de llamadas perdidas ya no llevan publicidad.",
    Wish.HELP: (
        "Tus avisos de llamadas perdidas pueden llevar publicidad. Para no recibirla, "
        "manda BAJA a este mismo contacto. No tiene costo."
    ),
}
"""What each wish is answered with; one SMS in the GSM alphabet."""


@dataclass(frozen=True, slots=True)
class Wished:
    """What a subscriber (ten digits) asked for, by which words, when."""

    subscriber: int
    wish: Wish
    wording: str
    at: datetime


def wish_of(text: str) -> Wish | None:
    """Return what a message asks for."""
    word = word_of(text)
    return None if word is None else WISHES[word]


def word_of(text: str) -> str | None:
    """Return the word that a message is; case, accents, punctuation and spaces around it are forgiven."""
    plain = "".join(each for each in normalize("NFKD", text.upper()) if not category(each).startswith("M"))
    word = plain.strip("".join({each for each in plain if not each.isalnum()}))
    return word if word in WISHES else None

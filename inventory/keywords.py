"""The words that subscribers send to the short code: the way out, and help."""

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

NOTICES: Final = {
    Wish.OUT: "Listo: tus avisos de llamadas perdidas ya no llevan publicidad.",
    Wish.HELP: (
        "Tus avisos de llamadas perdidas pueden llevar publicidad. Para no recibirla, "
        "manda BAJA a este mismo contacto. No tiene costo."
    ),
}
"""What each wish is answered with; one SMS in the GSM alphabet."""


def wish_of(text: str) -> Wish | None:
    """Return what a message asks for; case, accents, punctuation and spaces around the word are forgiven."""
    plain = "".join(each for each in normalize("NFKD", text.upper()) if not category(each).startswith("M"))
    word = plain.strip("".join({each for each in plain if not each.isalnum()}))
    return WISHES.get(word)

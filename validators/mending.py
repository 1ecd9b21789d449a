"""How one refused character is mended without changing what the text says, if it can be."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from validators.characters import BIDI_CONTROLS, BREAKS, HYPHENS, KEYCAP, is_combining, plain, rule_of
from validators.rules import RuleSet

_WORDS = {"%": "por ciento", "&": "y", "+": "mas"}
_SIMPLER = {
    "…": "...", "‥": "..", ";": ",", "×": "x", "ª": "a", "º": "o", "²": "2", "³": "3", "\u2044": "/",
}  # fmt: skip
_SAFE_TO_DROP = frozenset("¡¿*#()[]´`¨™®©")
_PART_OF_DIALLING = frozenset("*#")
_SINGLE_QUOTES = frozenset("'‘’‚‛′")
_DOUBLE_QUOTES = frozenset('"“”„‟″〝〞«»')
_GUILLEMETS = frozenset("«»‹›")
_HOUR_BEFORE = re.compile(r"(?<![0-9.,:])(?:[01]?[0-9]|2[0-3])\Z")
_MINUTES_AFTER = re.compile(r"[0-5][0-9](?![0-9:]|[.,][0-9])")


@dataclass(frozen=True, slots=True)
class Spot:
    """A refused character `char` that stands at `text[at]`."""

    text: str
    at: int
    char: str
    rules: RuleSet

    @property
    def before(self) -> str:
        """The character before, or nothing."""
        return self.text[self.at - 1 : self.at] if self.at else ""

    @property
    def after(self) -> str:
        """The character after, or nothing."""
        return self.text[self.at + 1 : self.at + 2]

    @property
    def in_a_word(self) -> bool:
        """Letters or digits stand on both sides."""
        return self.before.isalnum() and self.after.isalnum()

    @property
    def between_digits(self) -> bool:
        """Digits stand on both sides."""
        return self.before.isdigit() and self.after.isdigit()


def mend(spot: Spot) -> str | None:
    """Return what to write for the character, or None when only the author knows."""
    if spot.char in spot.rules.allowed:
        return spot.char
    mender = _MENDERS.get(rule_of(spot.char))
    return None if mender is None else mender(spot)


def _control(spot: Spot) -> str | None:
    if spot.char in BREAKS:
        return " "
    # Other control characters are the trace of damage or of terminal tricks; NUL alone says nothing.
    return "" if spot.char == "\0" else None


def _invisible(spot: Spot) -> str | None:
    if spot.char in BIDI_CONTROLS:
        return None
    return " " if spot.char.isspace() else ""


def _emoji(spot: Spot) -> str | None:
    return "" if spot.char == KEYCAP else _gap(spot)


def _letter(spot: Spot) -> str | None:
    if is_combining(spot.char):
        return ""
    letters = plain(spot.char)
    if letters is None:
        return _sign(spot)
    if all(letter in spot.rules.allowed for letter in letters):
        return letters
    # A fullwidth colon is mended as the colon it stands for.
    return mend(replace(spot, char=letters)) if len(letters) == 1 and letters != spot.char else _sign(spot)


def _colon(spot: Spot) -> str | None:
    if spot.between_digits:
        # The RAE admits the point in hours: 9:30 is 9.30; 2:1 is no hour.
        is_hour = _HOUR_BEFORE.search(spot.text, max(0, spot.at - 4), spot.at)
        return "." if is_hour and _MINUTES_AFTER.match(spot.text, spot.at + 1) else None
    rest = spot.text[spot.at + 1 :].lstrip(" ")
    if not rest or not (spot.before.isalnum() or spot.before == ")"):
        return ""
    comma = "," if rest[0].isalpha() else ""
    return comma if spot.after == " " else comma + " "


def _backslash(spot: Spot) -> str | None:
    return "/" if spot.between_digits or (spot.before == " " and spot.after == " ") else None


def _quotation_mark(spot: Spot) -> str | None:
    straight = "'" if spot.char in _SINGLE_QUOTES else '"'
    if straight in spot.rules.allowed:
        return straight
    if spot.before.isdigit() and spot.char not in _GUILLEMETS and not _closes_a_quotation(spot):
        return None  # 32" is inches, 5' feet or minutes
    return "" if spot.before.isalpha() and spot.after.isalpha() else _gap(spot)


def _closes_a_quotation(spot: Spot) -> bool:
    """Tell whether an odd number of quotation marks of its kind stands before it."""
    kind = _SINGLE_QUOTES if spot.char in _SINGLE_QUOTES else _DOUBLE_QUOTES
    return sum(char in kind for char in spot.text[: spot.at]) % 2 == 1


def _hyphen(spot: Spot) -> str | None:
    if "-" in spot.rules.allowed:
        return "-"
    # 10-20 is a range and -5 a loss: what a hyphen says beside a number or a price no space can say.
    if any(char.isdigit() or char in "$.,+" or char in HYPHENS for char in spot.before + spot.after):
        return None
    return " "


def _sign(spot: Spot) -> str | None:
    char = spot.char
    if char in _WORDS:
        return _in_words(spot)
    if char == "!":
        return _exclamation(spot)
    if char in _SIMPLER:
        # m² is m2, but 10² is not 102.
        return None if char in "²³" and not spot.before.isalpha() else _SIMPLER[char]
    # Without its question mark a question is a claim: «¿Gratis?» is not «Gratis».
    if char not in _SAFE_TO_DROP or (char == "¿" and "?" not in spot.rules.allowed):
        return None
    if char in _PART_OF_DIALLING and (spot.before.isdigit() or spot.after.isdigit()):
        return None
    return None if spot.in_a_word else ""


def _in_words(spot: Spot) -> str | None:
    if spot.char == "%":
        number = spot.text[: spot.at].rstrip(" ")[-1:].isdigit()
        return f" {_WORDS['%']}{' ' if spot.after.isalnum() else ''}" if number else None
    # AT&T and 2+1 are not ours to spell.
    return _WORDS[spot.char] if spot.before == " " and spot.after == " " else None


def _exclamation(spot: Spot) -> str:
    if spot.after.isalnum():
        return ". " if spot.before.isalnum() else " "
    more = spot.text[spot.at + 1 :].lstrip(" ¡")
    return "." if spot.before.isalnum() and spot.after == " " and more[:1].isalnum() else ""


def _gap(spot: Spot) -> str:
    """Leave a space where something is taken from between two words, and nothing elsewhere."""
    return " " if spot.in_a_word else ""


_MENDERS: Mapping[str, Callable[[Spot], str | None]] = {
    "control": _control,
    "invisible": _invisible,
    "emoji": _emoji,
    "accent": _letter,
    "look_alike": _letter,
    "colon": _colon,
    "backslash": _backslash,
    "quotation_mark": _quotation_mark,
    "hyphen": _hyphen,
    "character": _sign,
}

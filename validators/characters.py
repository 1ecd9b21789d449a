"""Characters: which rule refuses one, and which plain letters stand for it."""

import unicodedata
from functools import lru_cache

# No stubs are locked for regex; only its property classes are used here.
import regex  # type: ignore[import-untyped]

QUOTATION_MARKS = frozenset("\"'“”„‟«»‹›‘’‚‛″′〝〞")
HYPHENS = frozenset("-‐‑‒–—―−⁃﹘﹣")
BREAKS = frozenset("\t\n\v\f\r\x85\u2028\u2029")
"""Control characters that a reader sees as a space or a new line."""

BIDI_CONTROLS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""They change the order in which a reader sees the rest."""

KEYCAP = "\u20e3"

_SPACING_ACCENTS = frozenset("´`¨¸¯˜ˆ˚˙˝˛")
_EMOJI_JOINERS = frozenset("\ufe0e\ufe0f\u200d\u20e3")
_EMOJI = regex.compile(
    r"[[\p{Extended_Pictographic}\p{Emoji_Modifier}\p{Regional_Indicator}\u20E3]--[©®™]]", regex.V1
)
_INVISIBLE = regex.compile(r"[\p{Cf}\p{Zl}\p{Zp}\p{Zs}\p{Default_Ignorable_Code_Point}\u2800]", regex.V1)

# Letters of Cyrillic, Greek, Armenian, Cherokee and phonetic alphabets that a reader takes for a–z
# (after Unicode TR 39 confusables; only those that look the same in common fonts).
_LOOK_ALIKES = dict(
    zip(
        "АВЕЅІЈКМНОРСТУХԌԚԜҮӀаеѕіјорсухһԁԛԝԍѵгᴦӏΑΒΕΖΗΙΚΜΝΟΡΤΥΧϹϺοϲϳνικρυαՏՍՕհոսօցԼᎪᎬᎢᎫᎷᎻᏚᏞᏟᏢᏔᏙᎠᎡɑɡıȷ",
        "ABESIJKMHOPCTYXGQWYIaesijopcyxhdqwgvrrlABEZHIKMNOPTYXCMocjvikpuaSUOhnuogLAETJMHSLCPWVDRagij",
        strict=True,
    )
)
_LATIN_WITHOUT_PARTS = {
    "ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "ð": "d", "Ð": "D", "ß": "ss",
    "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "þ": "th", "Þ": "Th", "ħ": "h", "Ħ": "H",
}  # fmt: skip


@lru_cache(maxsize=4096)
def rule_of(char: str) -> str:
    """Return the rule that refuses a character which a rule set does not allow."""
    if unicodedata.category(char) in ("Cc", "Cs"):
        return "control"
    for rule, members in (
        ("colon", ":"),
        ("backslash", "\\"),
        ("quotation_mark", QUOTATION_MARKS),
        ("hyphen", HYPHENS),
        ("accent", _SPACING_ACCENTS),
        ("look_alike", _LOOK_ALIKES),
    ):
        if char in members:
            return rule
    if _INVISIBLE.match(char):
        return "invisible"
    if _EMOJI.match(char):
        return "emoji"
    return _rule_of_letter(char)


def _rule_of_letter(char: str) -> str:
    if is_combining(char) or _base(char) is not None or char in _LATIN_WITHOUT_PARTS:
        return "accent"
    if _compatible(char) is not None:
        return "look_alike"
    if unicodedata.category(char)[0] in "LM":
        return "accent" if unicodedata.name(char, "").startswith("LATIN ") else "other_alphabet"
    return "character"


def is_combining(char: str) -> bool:
    """Tell whether `char` is an accent that joins the letter before it."""
    return unicodedata.combining(char) != 0


def joins_emoji(char: str) -> bool:
    """Tell whether `char` belongs to the emoji beside it: joiner, variation selector, keycap, tag."""
    return char in _EMOJI_JOINERS or "\U000e0020" <= char <= "\U000e007f"


@lru_cache(maxsize=4096)
def plain(char: str) -> str | None:
    """Return the ASCII characters that a reader takes `char` for; None when there are none."""
    if char.isascii():
        return char
    return _LOOK_ALIKES.get(char) or _LATIN_WITHOUT_PARTS.get(char) or _base(char) or _compatible(char)


@lru_cache(maxsize=4096)
def fold(char: str) -> str:
    """Return one character for one: lower case, without accent, look-alikes made plain."""
    folded = (plain(char) or char).lower()
    return folded if len(folded) == 1 else char


def is_visible(char: str) -> bool:
    """Tell whether a reader sees something of `char`."""
    return not (char.isspace() or rule_of(char) in ("control", "invisible"))


def _base(char: str) -> str | None:
    """Return the ASCII letter under the accents of `char`."""
    parts = unicodedata.normalize("NFD", char)
    base, marks = parts[0], parts[1:]
    return base if marks and base.isascii() and base.isalpha() and all(map(is_combining, marks)) else None


def _compatible(char: str) -> str | None:
    """Return what a fullwidth, mathematical or foreign-digit form stands for (superscripts excluded)."""
    if unicodedata.category(char) == "Nd":
        return str(unicodedata.decimal(char))
    form = unicodedata.normalize("NFKC", char)
    if "\uff01" <= char <= "\uff5e":
        return form
    return form if form.isascii() and form.isalnum() and unicodedata.category(char)[0] == "L" else None

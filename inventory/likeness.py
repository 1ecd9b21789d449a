"""How alike two texts are, and what one changed of the other: data for whoever approves."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

NEAR = 0.6
"""Texts at least this alike (0–1) are near-duplicates."""

MOST_TOLD = 5

# What is written for a letter to slip by a reader of the former text.
_LOOKALIKES = str.maketrans("0134578@$", "oieastbas")
_LETTERS = re.compile(r"[^\W_]+")
_WORDS = re.compile(r"\s+|[^\s]+")


@dataclass(frozen=True, slots=True)
class Refused:
    """A text that was rejected or taken down, with the reason that was given."""

    text: str
    brand: str
    reason: str | None


@dataclass(frozen=True, slots=True)
class Near:
    """A refused text and how alike it is (0–1)."""

    refused: Refused
    likeness: float


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a difference: `kept`, `removed` from the former text, or `added`."""

    kind: str
    text: str


def likeness(one: str, other: str) -> float:
    """Return how alike two texts are (0–1): shared trigrams, whatever the case, accents and look-alikes."""
    mine, others = _trigrams(one), _trigrams(other)
    return len(mine & others) / len(mine | others)


def near_duplicates(text: str, refused: Iterable[Refused]) -> Sequence[Near]:
    """Return the refused texts that are near, the nearest first, each text once."""
    mine = _trigrams(text)
    found: dict[str, Near] = {}
    for each in refused:
        others = _trigrams(each.text)
        share = len(mine & others) / len(mine | others)
        if share >= NEAR and each.text not in found:
            found[each.text] = Near(each, share)
    return sorted(found.values(), key=lambda near: (-near.likeness, near.refused.text))[:MOST_TOLD]


def difference(former: str, text: str) -> Sequence[Piece]:
    """Return a text as pieces against a former one; kept and added ones put together are the text."""
    before, after = _WORDS.findall(former), _WORDS.findall(text)
    pieces = []
    for kind, start, end, begin, stop in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if kind == "equal":
            pieces.append(Piece("kept", "".join(after[begin:stop])))
            continue
        if end > start:
            pieces.append(Piece("removed", "".join(before[start:end])))
        if stop > begin:
            pieces.append(Piece("added", "".join(after[begin:stop])))
    return pieces


def _trigrams(text: str) -> frozenset[str]:
    """Return a text's trigrams, with its ends; never empty."""
    plain = "".join(
        char for char in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(char)
    ).translate(_LOOKALIKES)
    padded = f"  {' '.join(_LETTERS.findall(plain))} "
    return frozenset(padded[at : at + 3] for at in range(len(padded) - 2))

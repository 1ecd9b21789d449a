"""The suggestion: the same message with its faults mended, or nothing when that would change what it says."""

import re
from collections.abc import Iterable, Sequence

from validators.findings import Finding
from validators.inspection import inspect, units_of
from validators.links import SCHEMES_TO_CUT, find_addresses, find_links
from validators.mending import Spot, mend
from validators.phones import find_split_phones
from validators.rules import RuleSet

Edit = tuple[int, int, str]
"""Start, end and what to write there instead."""

# Only whoever wrote the text can mend these: links to shorten, words to replace.
_BEYOND_MENDING = frozenset({"empty", "link_length", "banned_word", "other_alphabet"})
# What the other mendings leave of these is mended on the whole candidate.
_MENDED_AT_THE_END = frozenset({"length", "double_space", "edge_space"})
_LONGEST_MENDABLE = 1000
"""Characters; a text of many times the limit is refused without looking for a mending."""

_SPACES = re.compile(" {2,}")


def suggest(text: str, findings: Sequence[Finding], rules: RuleSet, limit: int) -> str | None:
    """Return `text` mended so that it passes the same rules, or None when no honest mending exists.

    Words are never cut, numbers other than phone numbers never joined or split, links and
    addresses never altered except for their scheme.
    """
    errors = [item for item in findings if item.severity == "error" and item.rule not in _MENDED_AT_THE_END]
    if len(text) > _LONGEST_MENDABLE or any(item.rule in _BEYOND_MENDING for item in errors):
        return None
    edits = _edits(text, errors, rules)
    if edits is None:
        return None
    candidate = _SPACES.sub(" ", _apply(text, edits)).strip(" ")
    return candidate if _is_honest(text, candidate, rules, limit) else None


def _edits(text: str, errors: Iterable[Finding], rules: RuleSet) -> list[Edit] | None:
    """Return an edit for each fault, or None when one of them has none."""
    runs = {phone.start: phone.run for phone in find_split_phones(text, rules)}
    own = _untouchable(text, rules)
    edits: list[Edit] = []
    for item in errors:
        mended: Iterable[Edit | None]
        if item.rule == "link_scheme":
            mended = [(item.start, item.end, "") if item.text.lower() in SCHEMES_TO_CUT else None]
        elif item.rule == "phone_number":
            run = runs.get(item.start)
            mended = [None if run is None else (item.start, item.end, run)]
        else:
            mended = [_edit(text, at, own, rules) for at in range(item.start, item.end)]
        for edit in mended:
            if edit is None:
                return None
            edits.append(edit)
    return sorted(edits)


def _edit(text: str, at: int, own: set[int], rules: RuleSet) -> Edit | None:
    new = None if at in own else mend(Spot(text, at, text[at], rules))
    return None if new is None else (at, at + 1, new)


def _untouchable(text: str, rules: RuleSet) -> set[int]:
    """Return the positions that lie in links (after the scheme), e-mail addresses and @names."""
    own: set[int] = set()
    for link in find_links(text, rules):
        if not link.accidental:
            own.update(range(link.target, link.end))
    for start, end in find_addresses(text):
        own.update(range(start, end))
    return own


def _apply(text: str, edits: list[Edit]) -> str:
    """Return `text` with the edits made; a space left before a stop goes with what stood there."""
    parts: list[str] = []
    done = 0
    for start, end, new in edits:
        kept = text[done:start]
        closes = text[end : end + 1] in (".", ",") and text[end + 1 : end + 2] in ("", " ")
        parts += [kept.rstrip(" ") if new == "" and closes else kept, new]
        done = end
    parts.append(text[done:])
    return "".join(parts)


def _is_honest(text: str, candidate: str, rules: RuleSet, limit: int) -> bool:
    """Tell whether the candidate has no error, and mending made or changed no link."""
    units = units_of(candidate)
    if units > limit or any(item.severity == "error" for item in inspect(candidate, rules, units, limit)):
        return False
    return _link_targets(text, rules) == _link_targets(candidate, rules)


def _link_targets(text: str, rules: RuleSet) -> list[str]:
    return [text[link.target : link.end] for link in find_links(text, rules) if not link.accidental]

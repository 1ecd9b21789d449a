"""The look at one text: every rule applied, every finding returned in order."""

import re
from collections.abc import Iterator
from itertools import accumulate

from validators import gsm7
from validators.alphabets import ucs2_units
from validators.characters import KEYCAP, is_combining, is_visible, joins_emoji, plain, rule_of
from validators.findings import Finding
from validators.links import Link, find_links
from validators.phones import SplitPhone, find_obsolete_prefixes, find_split_phones
from validators.rules import RuleSet, fold_text
from validators.sentences import finding

_DOUBLE_SPACE = re.compile("(?<=[^ ]) {2,}(?=[^ ])")
_EDGE_SPACE = re.compile(r"\A +| +\Z")
_DIGITS_APART = re.compile(r"[0-9][^0-9A-Za-z]{1,4}[0-9]|\+[0-9]")
_CAPITALS = dict.fromkeys(range(ord("A"), ord("Z") + 1))
_LETTERS = {**_CAPITALS, **dict.fromkeys(range(ord("a"), ord("z") + 1))}


def units_of(text: str) -> int:
    """Return what `text` costs: GSM 7-bit septets, or 16-bit units when GSM 7-bit cannot hold it."""
    septets = gsm7.septets(text)
    return ucs2_units(text) if septets is None else septets


def inspect(text: str, rules: RuleSet, units: int, limit: int) -> tuple[Finding, ...]:
    """Return the findings of `text`, which costs `units` of `limit`, by position."""
    if not any(map(_is_plain_or_visible, text)):
        return (finding("empty", text, 0, len(text)),)
    links = find_links(text, rules)
    phones = _phones(text, links, rules) if _DIGITS_APART.search(text) else ()
    found = [*_lengths(text, units, limit), *_spaces(text), *_of_phones(text, phones, rules)]
    found += _of_links(text, links, rules)
    if rules.forbidden.search(text):
        found += _characters(text, rules, _explained(links, phones))
    if rules.banned is not None:
        found += _banned_words(text, rules)
    found += _shouting(text, rules)
    found.sort(key=lambda item: (item.start, item.severity, item.rule, item.length))
    return tuple(found)


def _is_plain_or_visible(char: str) -> bool:
    return char.isalnum() or is_visible(char)


def _lengths(text: str, units: int, limit: int) -> Iterator[Finding]:
    if units > limit:
        start = _first_beyond(text, limit)
        yield finding("length", text, start, len(text), over=units - limit, units=units, limit=limit)


def _first_beyond(text: str, limit: int) -> int:
    """Return the position of the first character that no longer fits in `limit`, which `text` exceeds."""
    in_gsm7 = gsm7.is_gsm7(text)
    costs = (2 if (char in gsm7.EXTENSION if in_gsm7 else char > "\uffff") else 1 for char in text)
    return next(position for position, spent in enumerate(accumulate(costs)) if spent > limit)


def _spaces(text: str) -> Iterator[Finding]:
    if "  " in text:
        for match in _DOUBLE_SPACE.finditer(text):
            yield finding("double_space", text, *match.span())
    if text[0] == " " or text[-1] == " ":
        for match in _EDGE_SPACE.finditer(text):
            yield finding("edge_space", text, *match.span())


def _phones(text: str, links: tuple[Link, ...], rules: RuleSet) -> tuple[SplitPhone, ...]:
    """Return the phone numbers in pieces that are not part of a link."""
    in_links = {at for link in links if not link.accidental for at in range(link.target, link.end)}
    return tuple(phone for phone in find_split_phones(text, rules) if phone.start not in in_links)


def _of_phones(text: str, phones: tuple[SplitPhone, ...], rules: RuleSet) -> Iterator[Finding]:
    for phone in phones:
        yield finding("phone_number", text, phone.start, phone.end, run=phone.run)
    for start, end in find_obsolete_prefixes(text, rules):
        match = rules.obsolete.match(text, start, end)
        prefix = match["prefix"] if match else ""
        yield finding("obsolete_prefix", text, start, end, prefix=prefix)


def _of_links(text: str, links: tuple[Link, ...], rules: RuleSet) -> Iterator[Finding]:
    for link in links:
        if link.target > link.start:
            yield finding("link_scheme", text, link.start, link.target)
        if link.accidental:
            yield finding("accidental_link", text, link.start, link.end)
            continue
        length = link.end - link.target
        if length > rules.max_link:
            yield finding("link_length", text, link.target, link.end, units=length, limit=rules.max_link)
        if not link.known and length:
            yield finding("unknown_tld", text, link.target, link.end)


def _explained(links: tuple[Link, ...], phones: tuple[SplitPhone, ...]) -> set[int]:
    """Return the positions whose characters another finding speaks of: schemes, phone numbers in pieces."""
    covered: set[int] = set()
    for link in links:
        covered.update(range(link.start, link.target))
    for phone in phones:
        covered.update(range(phone.start, phone.end))
    return covered


def _characters(text: str, rules: RuleSet, explained: set[int]) -> Iterator[Finding]:
    """Yield one finding for each run of characters that the same rule refuses."""
    run: tuple[str, int, int] | None = None
    for match in rules.forbidden.finditer(text):
        start, end = match.span()
        if start in explained:
            continue
        rule = _rule_at(text, start, run)
        if run is not None and run[0] == rule and run[2] == start:
            run = (rule, run[1], end)
            continue
        if run is not None:
            yield _character(text, *run)
        run = (rule, _with_its_letter(text, start, run), end)
    if run is not None:
        yield _character(text, *run)


def _rule_at(text: str, at: int, run: tuple[str, int, int] | None) -> str:
    char = text[at]
    follows_emoji = run is not None and run[0] == "emoji" and run[2] == at
    if joins_emoji(char) and (follows_emoji or text[at + 1 : at + 2] == KEYCAP):
        return "emoji"
    return rule_of(char)


def _with_its_letter(text: str, at: int, run: tuple[str, int, int] | None) -> int:
    """Begin a combining accent's finding at the letter it stands on."""
    free = at > 0 and (run is None or run[2] < at)
    return at - 1 if free and is_combining(text[at]) and text[at - 1].isalpha() else at


def _character(text: str, rule: str, start: int, end: int) -> Finding:
    letters = "".join(plain(char) or "" for char in text[start:end] if not is_combining(char))
    return finding(rule, text, start, end, plain=letters)


def _banned_words(text: str, rules: RuleSet) -> Iterator[Finding]:
    for match in rules.banned.finditer(fold_text(text)):
        yield finding("banned_word", text, *match.span(), list=rules.banned_lists[match.group()])


def _shouting(text: str, rules: RuleSet) -> Iterator[Finding]:
    capitals = len(text) - len(text.translate(_CAPITALS))
    if capitals < rules.min_letters * rules.upper_share:
        return
    letters = len(text) - len(text.translate(_LETTERS))
    if letters >= rules.min_letters and capitals >= rules.upper_share * letters:
        places = [index for index, char in enumerate(text) if char.isascii() and char.isalpha()]
        yield finding("shouting", text, places[0], places[-1] + 1)

"""Links in a text: with or without a scheme, meant or made by a missing space."""

import re
from dataclasses import dataclass

from validators.rules import RuleSet

SCHEMES_TO_CUT = frozenset({"http://", "https://", "mailto:"})
"""A phone opens what follows these as it stands, so that cutting them changes nothing."""

_SCHEME = re.compile(r"(?<![A-Za-z0-9])(?:[A-Za-z][A-Za-z0-9+.-]{1,15}+://|mailto:)", re.IGNORECASE)
_SCHEME_TARGET = re.compile(r"\S*+")
_BARE = re.compile(r"(?<![\w.@/:-])[\w-]++(?:\.[\w-]++)++(?![\w@])(?::\d++)?+(?:/\S*+)?+")
_ADDRESS = re.compile(r"(?<![\w.+@-])[\w.+-]*+@[\w.-]*\w")
_ENDS_LINK = frozenset("/=&#%~+-_")
_HOST = re.compile(r"[\w.-]*+")


@dataclass(frozen=True, slots=True)
class Link:
    """A link at `text[start:end]`; what lies before `target` is its scheme.

    `accidental` when it is more likely two sentences without a space between them;
    `known` when its last label is a top-level domain of the rule set.
    """

    start: int
    target: int
    end: int
    accidental: bool
    known: bool


def find_links(text: str, rules: RuleSet) -> tuple[Link, ...]:
    """Return the links of `text` in order."""
    schemes = _with_scheme(text, rules) if ":" in text else []
    if "." not in text:
        return tuple(schemes)
    taken = [(link.start, link.end) for link in schemes]
    bare = [
        link
        for match in _BARE.finditer(text)
        if not any(start <= match.start() < end for start, end in taken)
        and (link := _bare(text, match.start(), match.end(), rules)) is not None
    ]
    return tuple(sorted([*schemes, *bare], key=lambda link: link.start))


def find_addresses(text: str) -> tuple[tuple[int, int], ...]:
    """Return the spans of e-mail addresses and `@names`, which nobody but their owner may change."""
    return tuple(match.span() for match in _ADDRESS.finditer(text)) if "@" in text else ()


def _with_scheme(text: str, rules: RuleSet) -> list[Link]:
    links: list[Link] = []
    for match in _SCHEME.finditer(text):
        if links and match.start() < links[-1].end:
            continue
        end = _trim(text, match.end(), _end_of_target(text, match.end()))
        links.append(
            Link(match.start(), match.end(), end, accidental=False, known=_is_known(text, match.end(), rules))
        )
    return links


def _end_of_target(text: str, start: int) -> int:
    match = _SCHEME_TARGET.match(text, start)
    return match.end() if match else start


def _trim(text: str, start: int, end: int) -> int:
    """Leave out what closes the sentence around a link, not the link: stops, commas, quotes, emoji."""
    while end > start and not (text[end - 1].isalnum() or text[end - 1] in _ENDS_LINK):
        end -= 1
    return end


def _bare(text: str, start: int, end: int, rules: RuleSet) -> Link | None:
    host = _host(text, start)
    domain = host.rpartition(".")[2]
    if len(domain) < 2 or not domain.isalpha():
        return None
    end = _trim(text, start, end)
    known = domain.lower() in rules.known_tlds
    has_path = end > start + len(host)
    new_sentence = domain[0].isupper() and domain[1:].islower() and not (known and has_path)
    meant = has_path or known or host[:4].lower() == "www."
    return Link(start, start, end, accidental=new_sentence or not meant, known=known)


def _is_known(text: str, start: int, rules: RuleSet) -> bool:
    _, dot, domain = _host(text, start).rpartition(".")
    return bool(dot) and domain.lower() in rules.known_tlds


def _host(text: str, start: int) -> str:
    match = _HOST.match(text, start)
    return match.group().rstrip(".") if match else ""

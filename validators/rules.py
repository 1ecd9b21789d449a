"""A rule set: the limits, characters, links, numbers and words a carrier allows, compiled once."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

# No stubs are locked for regex; its named lists match thousands of words in the time of one.
import regex  # type: ignore[import-untyped]

from validators import gsm7
from validators.characters import fold

SEPTETS_IN_ONE_SMS = 160
"""3GPP TS 23.038: 140 octets of user data hold 160 septets."""

_SECTIONS: Mapping[str, frozenset[str] | None] = {
    "profiles": None,
    "allowed_characters": None,
    "extra_characters": None,
    "links": frozenset({"max_length", "known_tlds"}),
    "phones": frozenset({"obsolete_prefixes", "cues"}),
    "banned_words": None,
    "shouting": frozenset({"min_letters", "upper_share"}),
}


class RuleSetError(ValueError):
    """A rule set that cannot be used: `path` is the key (outermost first), `problem` what to mend."""

    def __init__(self, path: tuple[str, ...], problem: str) -> None:
        super().__init__(f"{'.'.join(path) or 'rule set'}: {problem}")
        self.path = path
        self.problem = problem


class UnknownProfileError(ValueError):
    """A profile the rule set does not have; the message lists those it has."""


@dataclass(frozen=True, slots=True)
class RuleSet:
    """What a text may be. Made by `from_mapping`; immutable and safe to share.

    `profiles` maps a profile to its limit in septets; `forbidden` finds a character that is not in
    `allowed`; `banned` matches folded text (see `characters.fold`), `banned_lists` tells a word's list.
    """

    profiles: Mapping[str, int]
    allowed: frozenset[str]
    forbidden: re.Pattern[str]
    max_link: int
    known_tlds: frozenset[str]
    obsolete: re.Pattern[str]
    phone_cue: Any
    banned: Any
    banned_lists: Mapping[str, str]
    min_letters: int
    upper_share: float

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any]) -> "RuleSet":
        """Compile a rule set from plain data in the shape of `rule_sets/default.yaml`.

        Raises `RuleSetError` that names the key and the value at fault.
        """
        _check_keys(mapping)
        allowed = _characters(mapping, "allowed_characters") | _characters(mapping, "extra_characters")
        banned_lists = _banned(mapping["banned_words"])
        shouting = mapping["shouting"]
        links, phones = mapping["links"], mapping["phones"]
        prefixes = _strings(phones["obsolete_prefixes"], ("phones", "obsolete_prefixes"), digits=True)
        return cls(
            profiles=_profiles(mapping["profiles"]),
            allowed=frozenset(allowed),
            forbidden=re.compile(f"[^{re.escape(''.join(sorted(allowed)))}]"),
            max_link=_whole(links["max_length"], ("links", "max_length"), 1, SEPTETS_IN_ONE_SMS),
            known_tlds=frozenset(map(str.lower, _strings(links["known_tlds"], ("links", "known_tlds")))),
            obsolete=_obsolete(prefixes),
            phone_cue=_cue(_strings(phones["cues"], ("phones", "cues"))),
            banned=_banned_pattern(mapping["banned_words"]),
            banned_lists=MappingProxyType(banned_lists),
            min_letters=_whole(shouting["min_letters"], ("shouting", "min_letters"), 1, 1000),
            upper_share=_share(shouting["upper_share"], ("shouting", "upper_share")),
        )

    def limit(self, profile: str) -> int:
        """Return the limit of a profile in septets; raises `UnknownProfileError`."""
        try:
            return self.profiles[profile]
        except KeyError:
            known = ", ".join(self.profiles)
            raise UnknownProfileError(f"unknown profile {profile!r}; choose one of: {known}") from None


def overlay(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return `base` with `changes` laid over it: mappings key by key, anything else replaced."""
    merged = dict(base)
    for key, value in changes.items():
        old = base.get(key)
        merged[key] = {**old, **value} if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return merged


def fold_text(text: str) -> str:
    """Return `text` as banned words are compared: the same length, lower case, plain letters."""
    return text.lower() if text.isascii() else "".join(map(fold, text))


def _check_keys(mapping: Mapping[str, Any]) -> None:
    _check_names(mapping, frozenset(_SECTIONS), ())
    for section, names in _SECTIONS.items():
        if names is not None:
            _check_names(mapping[section], names, (section,))


def _check_names(value: object, names: frozenset[str], path: tuple[str, ...]) -> None:
    if not isinstance(value, Mapping):
        raise RuleSetError(path, f"must hold the keys {', '.join(sorted(names))}, not {value!r}")
    for key in value:
        if key not in names:
            raise RuleSetError((*path, str(key)), f"unknown key; known are {', '.join(sorted(names))}")
    for key in sorted(names - value.keys()):
        raise RuleSetError((*path, key), "is missing")


def _profiles(value: object) -> Mapping[str, int]:
    if not isinstance(value, Mapping) or not value:
        raise RuleSetError(("profiles",), f"must map profile names to limits, not {value!r}")
    for name in value:
        if not isinstance(name, str) or not name:
            raise RuleSetError(("profiles", str(name)), f"a profile's name must be text, not {name!r}")
    return MappingProxyType(
        {name: _whole(limit, ("profiles", name), 1, SEPTETS_IN_ONE_SMS) for name, limit in value.items()}
    )


def _characters(mapping: Mapping[str, Any], key: str) -> set[str]:
    value = mapping[key]
    if not isinstance(value, str) or (key == "allowed_characters" and not value):
        raise RuleSetError((key,), f"must be a string of characters, not {value!r}")
    for char in value:
        if not gsm7.is_gsm7(char):
            raise RuleSetError((key,), f"{char!r} is not in GSM 03.38: the SMS would hold 70 characters only")
        if not char.isprintable():
            raise RuleSetError((key,), f"{char!r} is a control character")
    return set(value)


def _banned(value: object) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise RuleSetError(("banned_words",), f"must map list names to lists of words, not {value!r}")
    lists: dict[str, str] = {}
    for name, words in value.items():
        if not isinstance(name, str) or not (name.isidentifier() and name.isascii()):
            raise RuleSetError(
                ("banned_words", str(name)), f"a list's name must be a plain word, not {name!r}"
            )
        lists |= dict.fromkeys(_folded(_strings(words, ("banned_words", name))), name)
    return lists


def _banned_pattern(value: Mapping[str, Iterable[str]]) -> Any:
    lists = {name: _folded(words) for name, words in value.items() if words}
    if not lists:
        return None
    named = "|".join(rf"\L<{name}>" for name in lists)
    return regex.compile(rf"(?<![^\W\d_])(?:{named})(?![^\W\d_])", **lists)


def _folded(words: Iterable[str]) -> list[str]:
    return [" ".join(fold_text(word).split()) for word in words]


def _obsolete(prefixes: tuple[str, ...]) -> re.Pattern[str]:
    # Nine digits behind it as in the channel sheet's 01800123456, ten in any other number.
    alternatives = "|".join(map(re.escape, prefixes)) or "(?!)"
    return re.compile(rf"(?<![0-9])(?P<prefix>{alternatives})[2-9][0-9]{{8,9}}(?![0-9])")


def _cue(cues: tuple[str, ...]) -> Any:
    if not cues:
        return re.compile("(?!)")
    words = _folded(cues)
    return regex.compile(
        r"(?<!\w)\L<cues>(?:\s+(?:a|al|ya|hoy|gratis))*[\s.:,]*\Z", regex.IGNORECASE, cues=words
    )


def _strings(value: object, path: tuple[str, ...], *, digits: bool = False) -> tuple[str, ...]:
    if not isinstance(value, list | tuple):
        raise RuleSetError(path, f"must be a list, not {value!r}")
    for item in value:
        if not isinstance(item, str) or not item.strip():
            raise RuleSetError(path, f"{item!r} is not text: put it in quotation marks")
        if digits and not (item.isascii() and item.isdigit()):
            raise RuleSetError(path, f"{item!r} is not a run of digits")
    return tuple(value)


def _whole(value: object, path: tuple[str, ...], low: int, high: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise RuleSetError(path, f"must be a whole number from {low} to {high}, not {value!r}")
    return value


def _share(value: object, path: tuple[str, ...]) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 1:
        raise RuleSetError(path, f"must be a share above 0 and at most 1, not {value!r}")
    return float(value)

"""Phone numbers: written in pieces, or with a prefix that is no longer dialled."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from validators.rules import RuleSet

_CANDIDATE = re.compile(
    r"(?<![\w$+])(?<!\$\s)(?<![0-9][.,])[+(]{0,2}[0-9]++\)?(?:[\s()\-.‐-―−\u200b]{1,3}+[0-9]++\)?)*+"
)
_DIGITS = re.compile(r"[0-9]+")
# National numbers have ten digits and begin with 2–9 (Plan Técnico Fundamental de Numeración, 2019);
# toll-free numbers behind 01 are also seen with nine, as in the channel sheet's 01800123456.
_NUMBER = re.compile(
    r"(?P<country>(?:00)?52(?:1(?=[2-9][0-9]{9}$))?)?(?:(?P<trunk>01|02|04[45])(?=[2-9]))?"
    r"(?P<national>[2-9][0-9]{9}|(?<=01)[89]00[0-9]{6})"
)
_TWO_DIGIT_AREAS = frozenset({"33", "55", "56", "81"})
_PREFIXES = frozenset({"52", "521", "0052", "00", "01", "02", "044", "045"})
_SHAPES = frozenset({(3, 3, 4), (3, 7), (3, 3, 2, 2), (3, 2, 2, 3)})
_TWO_DIGIT_SHAPES = frozenset({(2, 4, 4), (2, 8), (2, 2, 2, 2, 2), (2, 4, 2, 2)})
_LOCAL_SHAPES = frozenset({(3, 4), (4, 4), (3, 2, 2), (2, 2, 2, 2)})
_CERTAIN_SHAPES = frozenset({(2, 4, 4), (2, 8), (2, 4, 2, 2)})
_MOST_GROUPS = 7
_FEWEST_DIGITS = 7
_MOST_DIGITS = 15
"""ITU-T E.164 §6: the longest international number."""

_CUE_REACH = 40
_DROP_DIGITS = dict.fromkeys(map(ord, "0123456789"))


@dataclass(frozen=True, slots=True)
class SplitPhone:
    """A phone number in pieces at `text[start:end]`; `run` is how to write it, None when nobody can tell."""

    start: int
    end: int
    run: str | None


@dataclass(frozen=True, slots=True)
class _Group:
    start: int
    end: int
    digits: str


def find_split_phones(text: str, rules: RuleSet) -> tuple[SplitPhone, ...]:
    """Return the phone numbers of `text` that are not written in one run of digits."""
    return tuple(
        phone
        for match in _CANDIDATE.finditer(text)
        if match.end() - match.start() >= 8 and not match.group().isdigit()
        for phone in _in_candidate(text, match, rules)
    )


def find_obsolete_prefixes(text: str, rules: RuleSet) -> tuple[tuple[int, int], ...]:
    """Return the spans of numbers in one run that begin with a prefix nobody dials any more."""
    return tuple(match.span() for match in rules.obsolete.finditer(text))


def _in_candidate(text: str, match: re.Match[str], rules: RuleSet) -> Iterator[SplitPhone]:
    groups = [
        _Group(m.start(), m.end(), m.group()) for m in _DIGITS.finditer(text, match.start(), match.end())
    ]
    first = 0
    while first < len(groups):
        for last in range(min(first + _MOST_GROUPS, len(groups)), first, -1):
            phone = _as_phone(text, match, groups, first, last, rules)
            if phone is not None:
                yield phone
                first = last
                break
        else:
            first += 1


def _as_phone(
    text: str, match: re.Match[str], groups: Sequence[_Group], first: int, last: int, rules: RuleSet
) -> SplitPhone | None:
    digits = tuple(group.digits for group in groups[first:last])
    joined = "".join(digits)
    if not _FEWEST_DIGITS <= len(joined) <= _MOST_DIGITS:
        return None
    floor = groups[first - 1].end if first else match.start()
    start, end = _opening(text, groups[first].start, floor), groups[last - 1].end
    between = text[start:end].translate(_DROP_DIGITS)
    number = _NUMBER.fullmatch(joined)
    abroad = "+" in between and (number is None or not number["country"])
    in_one_run = len(digits) == 1 and "+" not in between
    if in_one_run or not (number or abroad or _is_local(digits, between)):
        return None
    if not _stands_alone(text, start, end, floor, first):
        return None
    if abroad:
        return SplitPhone(start, end, None)
    if not (number and _is_customary(digits, between, number)) and not _has_cue(text, start, rules):
        return None
    run = (number["trunk"] or "") + number["national"] if number and number["country"] else joined
    return SplitPhone(start, end, run)


def _has_cue(text: str, start: int, rules: RuleSet) -> bool:
    """Tell whether a word before `start` announces a phone number."""
    return rules.phone_cue.search(text, max(0, start - _CUE_REACH), start) is not None


def _is_customary(digits: tuple[str, ...], between: str, number: re.Match[str]) -> bool:
    """Tell a phone number from prices and lists by how its digits are grouped."""
    if "+" in between:
        return True
    if digits[0] in _PREFIXES and (number["country"] or number["trunk"]):
        rest = digits[2:] if digits[:2] == ("52", "1") else digits
        return all(len(group) > 1 for group in rest)
    shape = tuple(map(len, digits))
    begins_with_area = digits[0] in _TWO_DIGIT_AREAS or shape[0] in (3, 6)
    if ")" in between:
        return between.startswith("(") and begins_with_area and min(shape) > 1
    if _has_hyphen(between):
        return begins_with_area and min(shape) > 1 and not _looks_like_amounts(digits)
    if digits[0] in _TWO_DIGIT_AREAS and shape in _TWO_DIGIT_SHAPES:
        return shape in _CERTAIN_SHAPES or not _looks_like_amounts(digits)
    return shape in _SHAPES and not _looks_like_amounts(digits)


def _looks_like_amounts(digits: tuple[str, ...]) -> bool:
    """Prices, ages and quantities end in 0, 5 or 9 group after group; phone numbers do not."""
    return all(group[-1] in "059" for group in digits)


def _is_local(digits: tuple[str, ...], between: str) -> bool:
    shape = tuple(map(len, digits))
    return shape in _LOCAL_SHAPES and "+" not in between and not _looks_like_amounts(digits)


def _has_hyphen(between: str) -> bool:
    return any(char == "-" or "‐" <= char <= "―" or char == "−" for char in between)


def _opening(text: str, start: int, floor: int) -> int:
    """Take in the plus sign and the parenthesis before the first digit."""
    while start > floor and text[start - 1] in "+(":
        start -= 1
    return start


def _stands_alone(text: str, start: int, end: int, floor: int, first: int) -> bool:
    """Tell whether a number ends at spaces or stops: what touches a letter or another number is no phone."""
    if first and not text[floor:start].isspace():
        return False
    after = text[end : end + 2]
    if after[:1] == ")":
        after = text[end + 1 : end + 3]
    if not after or after[0].isspace():
        return True
    if after[0].isalnum() or after[0] in "%$_":
        return False
    return not after[1:].isdigit()

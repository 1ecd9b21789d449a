"""Callers that ads keep away from: whole numbers and prefixes, matched against a source address."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from segments.numbers import NATIONAL_DIGITS, PREFIXES

if TYPE_CHECKING:
    from mypy_extensions import i64

PREFIX_MARK: Final = "*"
_LONGEST: Final = 20
_ANY_SIZE: Final = (2 << _LONGEST) - 1
# A bit for each two octets: 32 octets of bits for each first one.
_OCTET_SHIFT: Final = 5
_BEGINNINGS_OCTETS: Final = 256 << _OCTET_SHIFT
# What a person types between the digits of a number.
_TYPED: Final = str.maketrans("", "", " -()")


class CallerList:
    """Numbers and prefixes. A caller's ten digits count, in whatever form they come (RESEARCH §6).

    `sizes` has a bit for each length of a source_addr that may be listed, as `size_bit` gives it.
    """

    __slots__ = ("_beginnings", "_lengths", "_number_sizes", "_numbers", "_prefixes", "sizes")

    def __init__(self, patterns: Iterable[str]) -> None:
        read = [caller_pattern(pattern) for pattern in patterns]
        sizes: i64 = 0
        for octets, is_prefix in read:
            if not is_prefix:
                sizes |= _sizes_of(len(octets))
        self._number_sizes: i64 = sizes
        self._numbers = frozenset(octets for octets, is_prefix in read if not is_prefix)
        self._prefixes = frozenset(octets for octets, is_prefix in read if is_prefix)
        self._lengths = sorted({len(prefix) for prefix in self._prefixes})
        self._beginnings = _beginnings(self._prefixes)
        self.sizes: i64 = _ANY_SIZE if self._prefixes else sizes

    def __contains__(self, caller: bytes) -> bool:
        """Tell whether a source_addr (without its NUL) is listed."""
        size: i64 = len(caller)
        bit = size_bit(size)
        if not self.sizes & bit:
            return False  # emergency numbers are short, callers' are not: most are told apart by that
        begins = self._begins(caller, 0) or (
            size > NATIONAL_DIGITS and self._begins(caller, size - NATIONAL_DIGITS)
        )
        if not begins and not self._number_sizes & bit:
            return False
        name = plain_caller(caller)
        if name in self._numbers:
            return True
        if begins:
            for length in self._lengths:
                if name[:length] in self._prefixes:
                    return True
        return False

    def _begins(self, caller: bytes, at: i64) -> bool:
        """Tell whether a prefix may begin as a caller does at an offset: by two octets."""
        beginnings = self._beginnings
        left = len(caller) - at
        if not beginnings or left <= 0:
            return False
        first: i64 = caller[at]
        second: i64 = caller[at + 1] if left > 1 else 0
        marks: i64 = beginnings[first << _OCTET_SHIFT | second >> 3]
        return marks >> (second & 7) & 1 != 0


def _beginnings(prefixes: Iterable[bytes]) -> bytes:
    """Return a bit for each two octets that a caller with one of these prefixes may begin with."""
    marks = bytearray(_BEGINNINGS_OCTETS)
    for prefix in prefixes:
        seconds = prefix[1:2] + prefix[1:2].lower() or bytes(range(256))
        for first in prefix[:1] + prefix[:1].lower():
            for second in seconds:
                marks[first << _OCTET_SHIFT | second >> 3] |= 1 << (second & 7)
    return bytes(marks) if prefixes else b""


def size_bit(size: i64) -> i64:
    """Return the bit that stands for a source_addr of so many octets; the last one is for all long ones."""
    one: i64 = 1
    return one << min(size, _LONGEST)


def _sizes_of(size: i64) -> i64:
    """Return the bits of all lengths that a listed number may come in: ten digits also with a prefix."""
    return _ANY_SIZE & -size_bit(size) if size == NATIONAL_DIGITS else size_bit(size)


def plain_caller(caller: bytes) -> bytes:
    """Return a caller's ten digits, whatever stands before them; of any other address its capitals."""
    size = len(caller)
    if size == NATIONAL_DIGITS and caller.isdigit():
        return caller
    if size > NATIONAL_DIGITS:
        digits = caller[size - NATIONAL_DIGITS :]
        if caller[: size - NATIONAL_DIGITS] in PREFIXES and digits.isdigit():
            return digits
    return caller.upper()


def caller_pattern(pattern: str) -> tuple[bytes, bool]:
    """Return a number as `plain_caller` gives it, or a prefix (`"800*"`), and which of them it is.

    A prefix is that of the ten digits, of a short code or of a name. Raises `ValueError`.
    """
    text = pattern.translate(_TYPED)
    is_prefix = text.endswith(PREFIX_MARK)
    octets = text.removesuffix(PREFIX_MARK).encode()
    if not 1 <= len(octets) <= _LONGEST or not octets.isascii() or not octets.removeprefix(b"+").isalnum():
        raise ValueError('is no caller: use digits or a name such as "911", "55 0123 4567", "800*"')
    if is_prefix:
        return octets.upper(), True
    return plain_caller(octets), False

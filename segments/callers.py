"""Callers that ads keep away from: whole numbers and prefixes, matched against a source address."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from segments.numbers import NATIONAL_DIGITS, PREFIXES

PREFIX_MARK: Final = "*"
_LONGEST: Final = 20
# What a person types between the digits of a number.
_TYPED: Final = str.maketrans("", "", " -()")


class CallerList:
    """Numbers and prefixes. A caller's ten digits count, in whatever form they come (RESEARCH §6)."""

    __slots__ = ("_lengths", "_numbers", "_prefixes")

    def __init__(self, patterns: Iterable[str]) -> None:
        read = [caller_pattern(pattern) for pattern in patterns]
        self._numbers = frozenset(octets for octets, is_prefix in read if not is_prefix)
        self._prefixes = frozenset(octets for octets, is_prefix in read if is_prefix)
        self._lengths = sorted({len(prefix) for prefix in self._prefixes})

    def __contains__(self, caller: bytes) -> bool:
        """Tell whether a source_addr (without its NUL) is listed."""
        name = plain_caller(caller)
        if name in self._numbers:
            return True
        for length in self._lengths:  # noqa: SIM110  # a generator costs more than this
            if name[:length] in self._prefixes:
                return True
        return False


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

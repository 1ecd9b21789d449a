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
# What a person types between the digits of a number.
_TYPED: Final = str.maketrans("", "", " -()")


class CallerList:
    """Numbers and prefixes. A caller's ten digits count, in whatever form they come (RESEARCH §6).

    `sizes` has a bit for each length of a source_addr that may be listed, as `size_bit` gives it.
    """

    __slots__ = ("_lengths", "_numbers", "_prefixes", "sizes")

    def __init__(self, patterns: Iterable[str]) -> None:
        read = [caller_pattern(pattern) for pattern in patterns]
        sizes: i64 = 0
        for octets, is_prefix in read:
            sizes |= _ANY_SIZE if is_prefix else _sizes_of(len(octets))
        self.sizes: i64 = sizes
        self._numbers = frozenset(octets for octets, is_prefix in read if not is_prefix)
        self._prefixes = frozenset(octets for octets, is_prefix in read if is_prefix)
        self._lengths = sorted({len(prefix) for prefix in self._prefixes})

    def __contains__(self, caller: bytes) -> bool:
        """Tell whether a source_addr (without its NUL) is listed."""
        if not self.sizes & size_bit(len(caller)):
            return False  # emergency numbers are short, callers' are not: most are told apart by that
        name = plain_caller(caller)
        if name in self._numbers:
            return True
        for length in self._lengths:  # noqa: SIM110  # a generator costs more than this
            if name[:length] in self._prefixes:
                return True
        return False


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

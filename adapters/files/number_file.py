"""Files of phone numbers, tens of millions of lines long: one number a line, in any form, read in blocks."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from segments.numbers import NATIONAL_DIGITS, NON_GEOGRAPHIC, PREFIXES, national, refusal
from segments.seal import HALF_BITS, HALF_MASK, LEFT_TURN, RIGHT_TURN, Seal

BLOCK_OCTETS = 1 << 23
LONGEST_LINE = 1 << 16
MOST_FAULTS = 10_000
"""Bad lines that are told one by one; those after them are counted."""

# Sealing goes over the same numbers again and again: so many stay in the cache.
SEALED_TOGETHER = 1 << 15

_TENS = 10 ** np.arange(NATIONAL_DIGITS - 1, -1, -1, dtype=np.int64)
_IS_PLACE = np.array([200 <= first < 1000 and first not in NON_GEOGRAPHIC for first in range(1000)])
# What may stand around and between the digits of a number, and what begins a further column or a comment.
_TYPED = bytes.maketrans(b"", b""), b' -()"\t\r'
_NEXT_COLUMN = (b"#", b",", b";", b"\t")

Numbers = NDArray[np.int64]
Unsigned = TypeVar("Unsigned", bound=np.unsignedinteger[Any])


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that names no Mexican subscriber, and why; the number itself is not repeated."""

    line: int
    reason: str

    def __str__(self) -> str:
        """Return it as a report has it."""
        return f"line {self.line}: is no Mexican subscriber ({self.reason})"


@dataclass(frozen=True, slots=True)
class Block:
    """Some of a file: its numbers as ten digits, its bad lines, how many lines it had."""

    numbers: Numbers
    faults: Sequence[BadLine]
    lines: int


def read_numbers(path: Path) -> Iterator[Block]:
    """Yield a file block by block. Raises `OSError`.

    The first column counts; empty lines and what follows a # say nothing, nor does a first line without
    a digit (a heading).
    """
    line = 1
    with path.open("rb") as stream:
        rest = b""
        while octets := stream.read(BLOCK_OCTETS):
            whole, separator, rest = (rest + octets).rpartition(b"\n")
            if len(rest) > LONGEST_LINE:
                whole, separator, rest = rest, b"\n", b""
            if separator:
                yield (block := _read(whole + b"\n", line))
                line += block.lines
        if rest:
            yield _read(rest + b"\n", line)


def _read(octets: bytes, line: int) -> Block:
    """Return the numbers of whole lines: the plain forms many at a time, the others one by one."""
    text = np.frombuffer(octets, dtype=np.uint8)
    ends = np.flatnonzero(text == ord("\n"))
    starts = np.concatenate(([0], ends[:-1] + 1))
    ends = ends - (text[np.maximum(ends - 1, 0)] == ord("\r")) * (ends > starts)
    sizes = ends - starts
    found = np.zeros(len(ends), dtype=np.int64)
    for prefix in PREFIXES:
        at = np.flatnonzero(sizes == len(prefix) + NATIONAL_DIGITS)
        for offset, octet in enumerate(prefix):
            at = at[text[starts[at] + offset] == octet]
        if len(at):
            places = (starts[at] + len(prefix))[:, None] + np.arange(NATIONAL_DIGITS)
            digits = text[places].astype(np.int64) - ord("0")
            numbers = digits @ _TENS
            plain = np.logical_and(digits >= 0, digits <= 9).all(axis=1)
            good = plain & _IS_PLACE[np.where(plain, numbers, 0) // 10_000_000]
            found[at[good]] = numbers[good]
    faults = []
    for position in np.flatnonzero(found == 0):
        number, reason = _read_line(octets[starts[position] : ends[position]], first=line + position == 1)
        found[position] = number
        if reason:
            faults.append(BadLine(line + int(position), reason))
    return Block(found[found > 0], faults, len(ends))


def _read_line(octets: bytes, *, first: bool) -> tuple[int, str]:
    """Return the number of a line in any form, 0 for a line that says nothing; and why it is none."""
    if first:
        octets = octets.removeprefix(b"\xef\xbb\xbf")
    for mark in _NEXT_COLUMN:
        octets = octets.partition(mark)[0]
    address = octets.translate(*_TYPED)
    if not address or (first and not any(48 <= octet <= 57 for octet in address)):
        return 0, ""
    number = national(address)
    return number, "" if number else str(refusal(address))


def seal_numbers(seal: Seal, numbers: Numbers) -> Numbers:
    """Return many numbers sealed, as `Seal.of` seals each."""
    sealed = np.empty(len(numbers), dtype=np.int64)
    for at in range(0, len(numbers), SEALED_TOGETHER):
        sealed[at : at + SEALED_TOGETHER] = _sealed(seal, numbers[at : at + SEALED_TOGETHER])
    return sealed


def distinct(numbers: NDArray[Unsigned]) -> NDArray[Unsigned]:
    """Return numbers ascending, each once: np.unique hashes, and takes ten times as long."""
    ascending = np.sort(numbers)
    is_first = np.ones(len(ascending), dtype=np.bool_)
    is_first[1:] = ascending[1:] != ascending[:-1]
    return ascending[is_first]


def _sealed(seal: Seal, numbers: Numbers) -> Numbers:
    left = (numbers >> HALF_BITS).astype(np.uint32)
    right = (numbers & HALF_MASK).astype(np.uint32)
    for key in seal.round_keys:
        left = _turned(left, HALF_BITS - LEFT_TURN)
        left += right
        left &= HALF_MASK
        left ^= key
        right = _turned(right, RIGHT_TURN)
        right &= HALF_MASK
        right ^= left
    return left.astype(np.int64) << HALF_BITS | right


def _turned(halves: NDArray[np.uint32], left: int) -> NDArray[np.uint32]:
    """Return halves turned to the left; what is above their 17 bits is to be masked."""
    turned = halves << np.uint32(left)
    turned |= halves >> np.uint32(HALF_BITS - left)
    return turned

"""Writing a node's register file, a stretch of buckets after the other: little memory, whole or not there."""

import os
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from adapters.files.number_file import distinct
from engine.register_file import (
    ALIGNMENT,
    HEAD_OCTETS,
    MOST_PROFILES,
    Contents,
    Scopes,
    encode_contents,
)
from segments.number_set import (
    BUCKETS,
    LOW_BITS,
    LOW_MASK,
    MARK_BITS,
    MARKS,
    MARKS_AT,
    MIX,
    SIEVE_BITS,
)
from segments.seal import SEALED_BITS

REGISTER_FOLDER = "register"
# A worker may still be opening the one before.
KEPT_FILES = 3
# A word of the sieve for so many members, at most twice as many: one number in 200 passes for nothing.
MEMBERS_A_WORD = 4
_FEWEST_SIEVE_BITS = 6

Numbers = NDArray[np.uint64]


def members_of(rows: Iterable[tuple[int, bytes]]) -> Numbers:
    """Return the sealed numbers of stored rows: a bucket, and the low 16 bits of its members."""
    listed = list(rows)
    low = np.frombuffer(b"".join(octets for _, octets in listed), dtype="<u2").astype(np.uint64)
    buckets = np.array([bucket for bucket, _ in listed], dtype=np.uint64)
    counts = [len(octets) // 2 for _, octets in listed]
    return np.repeat(buckets << np.uint64(LOW_BITS), counts) | low


class RegisterWriter:
    """One file: first `suppress`, bucket after bucket, then `choose`, then `finish`. Raises `OSError`."""

    def __init__(self, data_dir: Path) -> None:
        folder = data_dir / REGISTER_FOLDER
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / f"{time.time_ns():020d}.reg"
        self._new = self._path.with_suffix(".new")
        self._file = self._new.open("wb")
        self._crc = 0
        self._octets = 0
        self._sections: dict[str, tuple[int, int]] = {}
        self._counts = np.zeros(BUCKETS, dtype=np.uint32)
        self._sieve = np.zeros(1 << SIEVE_BITS, dtype=np.uint64)
        self._suppressed = 0
        self._chosen = 0
        self._profiles: dict[Scopes, int] = {}
        self._begun = HEAD_OCTETS
        self._write(bytes(HEAD_OCTETS))

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End; what was not finished is removed."""
        self._file.close()
        self._new.unlink(missing_ok=True)

    def suppress(self, numbers: Numbers) -> None:
        """Add some sealed numbers, in any order, all of buckets above those that came before."""
        unique = distinct(numbers)
        buckets = (unique >> np.uint64(LOW_BITS)).astype(np.intp)
        self._counts += np.bincount(buckets, minlength=BUCKETS).astype(np.uint32)
        self._write((unique & np.uint64(LOW_MASK)).astype("<u2").tobytes())
        self._mark(unique)
        self._suppressed += len(unique)

    def choose(self, chosen: Mapping[int, Scopes]) -> None:
        """Add all that chose, by sealed number."""
        self._end("suppressed")
        self._starts("suppressed", self._counts)
        numbers = np.sort(np.fromiter(chosen, np.uint64, len(chosen)))
        self._write((numbers & np.uint64(LOW_MASK)).astype("<u2").tobytes())
        self._end("chosen")
        buckets = (numbers >> np.uint64(LOW_BITS)).astype(np.intp)
        self._starts("chosen", np.bincount(buckets, minlength=BUCKETS).astype(np.uint32))
        self._write(np.array([self._profile(chosen[int(each)]) for each in numbers], dtype="<u2").tobytes())
        self._end("profile")
        self._mark(numbers)
        self._chosen = len(numbers)
        wanted = -(-(self._suppressed + self._chosen) // MEMBERS_A_WORD)
        bits = min(max(wanted.bit_length(), _FEWEST_SIEVE_BITS), SIEVE_BITS)
        folded = np.bitwise_or.reduce(self._sieve.reshape(1 << bits, -1), axis=1)
        self._write(folded.astype("<u8").tobytes())
        self._end("sieve")

    def finish(self, version: int, lists: int, check: str) -> tuple[Path, Contents]:
        """Bring the file to the disk under its name and drop old ones."""
        contents = Contents(
            version=version,
            lists=lists,
            check=check,
            suppressed=self._suppressed,
            chosen=self._chosen,
            octets=self._octets,
            crc=self._crc,
            profiles=tuple(self._profiles),
            sections=self._sections,
        )
        head, text = encode_contents(contents)
        self._file.write(text)
        self._file.seek(0)
        self._file.write(head)
        self._file.flush()
        os.fsync(self._file.fileno())
        self._new.replace(self._path)
        for old in sorted(self._path.parent.glob("*.reg"))[:-KEPT_FILES]:
            old.unlink()
        return self._path, contents

    def _profile(self, scopes: Scopes) -> int:
        known = self._profiles.get(scopes)
        if known is not None:
            return known
        if len(self._profiles) == MOST_PROFILES:
            return MOST_PROFILES
        self._profiles[scopes] = index = len(self._profiles)
        return index

    def _mark(self, numbers: Numbers) -> None:
        """Mark ascending numbers in a sieve of the most words."""
        if not len(numbers):
            return
        words = (numbers >> np.uint64(SEALED_BITS - SIEVE_BITS)).astype(np.intp)
        first = np.flatnonzero(np.diff(words, prepend=-1))
        self._sieve[words[first]] |= np.bitwise_or.reduceat(_marks(numbers), first)

    def _starts(self, name: str, counts: NDArray[np.uint32]) -> None:
        self._write(np.concatenate(([0], np.cumsum(counts))).astype("<u4").tobytes())
        self._end(f"{name}_starts")

    def _end(self, name: str) -> None:
        self._sections[name] = (self._begun, self._octets - self._begun)
        self._write(bytes(-self._octets % ALIGNMENT))
        self._begun = self._octets

    def _write(self, octets: bytes) -> None:
        self._file.write(octets)
        if self._octets:  # what stands first is written last
            self._crc = crc32(octets, self._crc)
        self._octets += len(octets)


def _marks(numbers: Numbers) -> Numbers:
    """Return which bits of its word in the sieve stand for each number."""
    mixed = (numbers & np.uint64(LOW_MASK)) * np.uint64(MIX) >> np.uint64(MARKS_AT)
    marks = np.zeros(len(numbers), dtype=np.uint64)
    for _ in range(MARKS):
        marks |= np.uint64(1) << (mixed & np.uint64((1 << MARK_BITS) - 1))
        mixed >>= np.uint64(MARK_BITS)
    return marks


def register_files(data_dir: Path) -> Sequence[Path]:
    """Return the register files there are, newest first."""
    return sorted((data_dir / REGISTER_FOLDER).glob("*.reg"), reverse=True)

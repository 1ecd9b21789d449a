"""Reference data: the packaged numbering tables, and a range table given on top of them."""

import csv
import gzip
import hashlib
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.resources import files
from itertools import chain, pairwise
from pathlib import Path

from segments.geography import Geography, Lada, Municipality, State, StateShare, UnknownNameError
from segments.numbering import Numbering, NumberRange, RangeError, check_range
from segments.numbers import NATIONAL_DIGITS

RANGE_COLUMNS = ["start", "count", "inegi_mun"]

_TABLES = ("states.csv", "municipalities.csv", "ladas.csv", "lada_states.csv", "lada_municipalities.csv")
_RANGES = "ranges.csv.gz"


class ReferenceDataError(Exception):
    """A range table that cannot be used; the message names the file and the line."""


@cache
def load_geography() -> Geography:
    """Return the packaged names and codes, read once per process."""
    shares: dict[str, list[StateShare]] = {}
    for lada, state, share in _rows("lada_states.csv"):
        shares.setdefault(lada, []).append(StateShare(state, float(share)))
    reached: dict[str, list[str]] = {}
    for lada, municipality in _rows("lada_municipalities.csv"):
        reached.setdefault(lada, []).append(municipality)
    return Geography(
        states=(State(*row) for row in _rows("states.csv")),
        municipalities=(Municipality(*row) for row in _rows("municipalities.csv")),
        ladas=(
            Lada(
                lada,
                city,
                state,
                municipality,
                timezone,
                float(weight),
                tuple(shares.get(lada, ())),
                tuple(reached[lada]),
            )
            for lada, city, state, municipality, timezone, weight in _rows("ladas.csv")
        ),
    )


def load_numbering(ranges_file: Path | None = None) -> Numbering:
    """Return the packaged numbering plan, covered by the ranges of a file where one is given.

    The file is CSV with the columns start, count, inegi_mun. Raises `ReferenceDataError`.
    """
    if ranges_file is None:
        return _packaged_numbering()
    content = _content(ranges_file)
    extra = _checked(content, ranges_file, load_geography())
    return _numbering(extra, content)


@cache
def _packaged_numbering() -> Numbering:
    return _numbering((), b"")


def _numbering(extra: Iterable[NumberRange], extra_content: bytes) -> Numbering:
    packed = _data(_RANGES)
    digest = hashlib.sha256()
    for content in (*map(_data, _TABLES), packed, extra_content):
        digest.update(hashlib.sha256(content).digest())
    rows = csv.reader(gzip.decompress(packed).decode().splitlines())
    next(rows)
    packaged = (NumberRange(int(start), int(count), municipality) for start, count, municipality in rows)
    return Numbering(load_geography(), chain(packaged, extra), digest.hexdigest()[:16])


def _data(name: str) -> bytes:
    return files("segments").joinpath("data", name).read_bytes()


def _rows(name: str) -> Iterator[list[str]]:
    rows = csv.reader(_data(name).decode().splitlines())
    next(rows)
    return rows


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ReferenceDataError(f"{path}: cannot be read: {error.strerror}") from error


def _checked(content: bytes, path: Path, geography: Geography) -> list[NumberRange]:
    """Read a given range table whole; nothing of it is used when one line is wrong."""
    try:
        lines = content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ReferenceDataError(f"{path}:{line}: not UTF-8") from error
    if not lines or lines[0].split(",") != RANGE_COLUMNS:
        raise ReferenceDataError(f"{path}:1: the first line must be {','.join(RANGE_COLUMNS)}")
    found: list[tuple[NumberRange, int]] = []
    for line, text in enumerate(lines[1:], start=2):
        try:
            numbers = _number_range(text)
            check_range(numbers, geography)
        except (RangeError, UnknownNameError) as error:
            raise ReferenceDataError(f"{path}:{line}: {error}") from error
        found.append((numbers, line))
    _refuse_overlaps(found, path)
    return [numbers for numbers, _ in found]


def _number_range(text: str) -> NumberRange:
    fields = text.split(",")
    if len(fields) != len(RANGE_COLUMNS):
        raise RangeError(f"{len(fields)} columns; a range has {len(RANGE_COLUMNS)}")
    start, count, municipality = fields
    for name, value in (("start", start), ("count", count)):
        if not (value.isascii() and value.isdigit() and len(value) <= NATIONAL_DIGITS):
            raise RangeError(f"{name} is {value!r}; it takes at most {NATIONAL_DIGITS} digits")
    return NumberRange(int(start), int(count), municipality)


def _refuse_overlaps(found: list[tuple[NumberRange, int]], path: Path) -> None:
    found = sorted(found)
    for (earlier, first), (later, second) in pairwise(found):
        if earlier.start + earlier.size > later.start:
            raise ReferenceDataError(
                f"{path}:{max(first, second)}: overlaps the range of line {min(first, second)}"
            )

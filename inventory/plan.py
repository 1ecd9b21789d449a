"""The plan table: for each cell, which campaign is drawn with which share, and who comes next.

A cell is (group, room class); a group is the set of places that the same campaigns may use. The
table is a few flat arrays, so that a worker reads the file and uses it as it lies.
"""

import json
import sys
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from enum import IntEnum
from functools import lru_cache, reduce
from hashlib import blake2b
from itertools import chain
from typing import Final
from zlib import crc32

from inventory.blackouts import NONE_YET, PlannedBlackout, planned_blackouts

LITTLE_ENDIAN: Final = sys.byteorder == "little"

# Lower ends of the room classes, in characters a creative may have (PRODUCT: room class).
ROOM_CLASS_FLOORS = (0, 20, 40, 50, 60, 70, 80, 90, 110)
ROOM_CLASSES: Final = 9
MAX_ROOM: Final = 160

# Room in characters (0–160) → room class.
ROOM_CLASS_OF = bytes(sum(room >= floor for floor in ROOM_CLASS_FLOORS) - 1 for room in range(MAX_ROOM + 1))

LAG_LIST_LENGTH = 8

_MAGIC = b"POSDATA\x03"
_HEAD_OCTETS = len(_MAGIC) + 8
_LONGEST_HEADER = 4096
# The catalogue is a JSON list with an entry a line; no entry holds a line's end.
_BETWEEN = b",\n"
# Entries that are written and read without looking at them again.
_REMEMBERED = 16_384
# So many octets of the catalogue are taken at a time: a hundred microseconds of work or so.
_PIECE_OCTETS = 16_384
# Section name → array typecode, in file order.
_SECTIONS = {
    "group_of_place": "i",
    "vacancy": "B",
    "row_start": "i",
    "row_end": "i",
    "row_share": "d",
    "row_slot": "i",
    "lag_start": "i",
    "lag_slot": "i",
}


class PlanError(Exception):
    """The octets are no whole plan file: keep the former plan."""


class Vacancy(IntEnum):
    """Why a cell has nobody to draw."""

    NONE = 0
    NO_CAMPAIGN = 1
    NO_ROOM = 2
    ON_PACE = 3
    HOURS = 4
    BLACKOUT = 5


@dataclass(frozen=True, slots=True)
class PlannedCreative:
    """One text as the plan ships it."""

    version: int
    text: str
    weight: int


@dataclass(frozen=True, slots=True)
class PlannedCampaign:
    """What a worker must know of a campaign to serve it.

    `opens` and `closes` are UTC seconds, half open; `hours` holds (days, start minute, end minute)
    windows of the subscriber's clock, none for every hour. `test_places` are the dense place indexes of a
    test campaign, which no row and no list names; None of any other. `caps` are (count, per, scope).
    """

    number: int
    opens: float
    closes: float
    hours: tuple[tuple[tuple[int, ...], int, int], ...]
    creatives: tuple[PlannedCreative, ...]
    test_places: tuple[int, ...] | None = None
    brand: str = ""
    category: str = ""
    caps: tuple[tuple[int, str, str], ...] = ()
    spacing_minutes: int = 0
    exclude_brands: tuple[str, ...] = ()
    exclude_callers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """One immutable plan.

    `group_of_place` maps a dense place index to its group; cell = group × ROOM_CLASSES + room class.
    Row of a cell: slots `row_slot[row_start[cell]:row_end[cell]]` with *cumulative* shares `row_share` (a
    draw u in [0, 1) takes the first slot whose share exceeds u; none above the last). Cells may share one.
    Lag list of a cell: `lag_slot[lag_start[cell]:lag_start[cell + 1]]`, most lagging first.
    A slot is an index into the catalogue, which ends with the test campaigns. `vacancy` says per cell why
    both are empty. Blackouts that have not ended are shipped too, those to come included: a plan may have
    to be followed for longer than it was meant to.
    """

    version: int
    numbering: str
    catalogue_digest: str
    group_of_place: Sequence[int]
    vacancy: Sequence[int]
    row_start: Sequence[int]
    row_end: Sequence[int]
    row_share: Sequence[float]
    row_slot: Sequence[int]
    lag_start: Sequence[int]
    lag_slot: Sequence[int]
    catalogue_octets: bytes
    blackout_octets: bytes = NONE_YET

    def catalogue(self) -> tuple[PlannedCampaign, ...]:
        """Return the campaigns by slot; parse only when `catalogue_digest` is new.

        Those that were parsed before are the same objects: few of thousands change at a time.
        """
        return tuple(chain.from_iterable(self.catalogue_pieces()))

    def catalogue_pieces(self) -> Iterator[list[PlannedCampaign]]:
        """Yield the campaigns by slot, some at a time."""
        octets = memoryview(self.catalogue_octets)[1:-1]
        begun = b""
        for at in range(0, len(octets), _PIECE_OCTETS):
            *whole, begun = (begun + octets[at : at + _PIECE_OCTETS]).split(_BETWEEN)
            yield list(map(_planned, whole))
        if begun:
            yield [_planned(begun)]

    def blackouts(self) -> tuple[PlannedBlackout, ...]:
        """Return the blackouts by their beginning; parse only when `catalogue_digest` is new."""
        return planned_blackouts(bytes(self.blackout_octets))


@lru_cache(maxsize=_REMEMBERED)
def _planned(entry: bytes) -> PlannedCampaign:
    fields = json.loads(entry)
    hours = fields.pop("hours")
    creatives = fields.pop("creatives")
    test_places = fields.pop("test_places")
    caps = fields.pop("caps")
    excluded = fields.pop("exclude_brands")
    callers = fields.pop("exclude_callers")
    return PlannedCampaign(
        **fields,
        test_places=None if test_places is None else tuple(test_places),
        caps=tuple((count, per, scope) for count, per, scope in caps),
        exclude_brands=tuple(excluded),
        exclude_callers=tuple(callers),
        hours=tuple((tuple(days), start, end) for days, start, end in hours),
        creatives=tuple(PlannedCreative(**creative) for creative in creatives),
    )


def catalogue_octets(campaigns: Sequence[PlannedCampaign]) -> bytes:
    """Return the catalogue section for campaigns in slot order."""
    return b"[" + _BETWEEN.join(map(_entry, campaigns)) + b"]"


@lru_cache(maxsize=_REMEMBERED)
def _entry(campaign: PlannedCampaign) -> bytes:
    return json.dumps(asdict(campaign), separators=(",", ":")).encode()


def catalogue_digest(catalogue: bytes, blackouts: bytes = NONE_YET) -> str:
    """Return the digest by which a worker knows that a catalogue or its blackouts are new."""
    return blake2b(catalogue + blackouts, digest_size=16).hexdigest()


def encode_plan(plan: Plan) -> bytes:
    """Return the plan file: magic, header length, crc of both, JSON header, sections (their crc in it)."""
    sections = {"catalogue": plan.catalogue_octets, "blackouts": plan.blackout_octets}
    sections |= {name: array(code, getattr(plan, name)).tobytes() for name, code in _SECTIONS.items()}
    header = json.dumps(
        {
            "version": plan.version,
            "numbering": plan.numbering,
            "catalogue_digest": plan.catalogue_digest,
            "sections": {name: len(octets) for name, octets in sections.items()},
            "crc": _crc(sections.values()),
        }
    ).encode()
    length = len(header).to_bytes(4, "little")
    check = _crc((length, header)).to_bytes(4, "little")
    return b"".join((_MAGIC, length, check, header, *sections.values()))


def decode_plan(read: Callable[[int], bytes]) -> Plan:
    """Return the plan that `read` brings, so many octets a call; each section is an object of its own.

    Raises `PlanError` for anything that is not a whole plan file.
    """
    head = read(_HEAD_OCTETS)
    if len(head) < _HEAD_OCTETS or not head.startswith(_MAGIC):
        raise PlanError("not a plan file")
    length = head[8:12]
    described = read(min(int.from_bytes(length, "little"), _LONGEST_HEADER))
    if _crc((length, described)) != int.from_bytes(head[12:], "little"):
        raise PlanError("the plan file's header is cut or damaged")
    header = json.loads(described)
    sections = {name: read(size) for name, size in header["sections"].items()}
    sizes = {name: len(octets) for name, octets in sections.items()}
    if sizes != header["sections"] or _crc(sections.values()) != header["crc"] or read(1):
        raise PlanError("the plan file is cut or damaged")
    arrays = {name: memoryview(sections[name]).cast(code) for name, code in _SECTIONS.items()}  # type: ignore[call-overload]
    return Plan(
        version=header["version"],
        numbering=header["numbering"],
        catalogue_digest=header["catalogue_digest"],
        catalogue_octets=sections["catalogue"],
        blackout_octets=sections["blackouts"],
        **arrays,
    )


def _crc(parts: Iterable[bytes]) -> int:
    return reduce(lambda crc, part: crc32(part, crc), parts, 0)

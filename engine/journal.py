"""The journal's format: frames of fixed-size entries, each frame with length, CRC and sequence.

A frame holds what one read of one worker brought about. Layout, little endian:

    frame    length u32 (octets, this field included) · crc u32 (zlib.crc32 of all that follows it)
             · sequence u64 · entries · 0xFF
    entry    kind u8 · cause u8 · reserved u16 · campaign u32 · creative version u32 · place u32
             · hour u32 · person u32 · number u64

For insertions and outcomes `number` is the insertion's number within the epoch; for tallies it is a
count, and a pass-through's reason stands in `cause`; supply has its room class there, and in the
reserved field 1 where rooms are wide (UCS-2). For receipts, last in the list of kinds, it is a
hash (engine.receipts); a receipt's state stands in `cause`, its mask in campaign and creative version
(low half first), its route's number in place. An insertion and its outcomes bear the hash of the
person (engine.people, 31 bits); 0 is not known, as in all other kinds, and in journals of before it
was there: they read the same, so FORMAT did not change. A length of zero ends a segment. The last octet
is none of the preallocated zeroes, so that a frame is whole only when all of it was written.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from struct import Struct
from typing import NamedTuple
from zlib import crc32

# Stands in each epoch's record; raised with any change of the layout, so that no journal is misread.
FORMAT = 1

FRAME_HEADER = Struct("<IIQ")
ENTRY = Struct("<BBHIIII4xQ")
# An entry without its number: entries of one prefix are counted together.
PREFIX = Struct("<BBHIIII")
NUMBERS = Struct(f"<{PREFIX.size + 4}xQ")
PEOPLE = Struct(f"<{PREFIX.size}xI8x")
_LENGTH_AND_CRC = Struct("<II")
LENGTH_AND_CRC = 8
END_MARK = b"\xff"

# A read is at most 256 KiB, but after a full disk a frame also holds every outcome that waited for it.
MAX_FRAME_OCTETS = 16 * 1024 * 1024


class Kind(IntEnum):
    """What an entry says. The numbers are on disk and never change."""

    INSERTED = 1
    ACCEPTED = 2
    REJECTED = 3
    UNKNOWN = 4
    LATE_ACCEPTED = 5
    LATE_REJECTED = 6
    NOTIFICATIONS = 16
    PASS_THROUGH = 17
    CONSUMED = 18
    REFUSED = 19
    SUPPLY = 20
    AWAITED = 21
    RECEIPT = 22
    LEAD = 40
    WORD = 41


class Cause(IntEnum):
    """Why an insertion ended as it did. The numbers are on disk and never change."""

    NONE = 0
    AD_REFUSED_BY_SMSC = 1
    STATUS = 2
    GENERIC_NACK = 3
    LINK_LOST = 4
    NO_ANSWER = 5
    SEQUENCE_REUSED = 6
    PROCESS_DIED = 7
    POWER_LOSS = 8

    @property
    def code(self) -> str:
        """The cause as counts print it; empty for none."""
        return self.name.lower() if self else ""


class Entry(NamedTuple):
    """One journal entry (the module's docstring has the layout)."""

    kind: int
    cause: int
    reserved: int
    campaign: int
    creative_version: int
    place: int
    hour: int
    number: int


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame: its sequence, its entries as they lie, where the next one begins."""

    sequence: int
    body: bytes
    end: int

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The entries, decoded."""
        return tuple(map(Entry._make, ENTRY.iter_unpack(self.body)))

    @property
    def kinds(self) -> bytes:
        """The entries' kinds, one octet each."""
        return self.body[:: ENTRY.size]

    @property
    def numbers(self) -> list[int]:
        """The entries' numbers."""
        return [number for (number,) in NUMBERS.iter_unpack(self.body)]

    @property
    def people(self) -> list[int]:
        """The hashes of the entries' people, 0 where there is none."""
        return [person for (person,) in PEOPLE.iter_unpack(self.body)]

    @property
    def prefixes(self) -> list[bytes]:
        """The entries without their numbers, packed as in PREFIX."""
        body, size = self.body, PREFIX.size
        return [body[at : at + size] for at in range(0, len(body), ENTRY.size)]


def pack_frame(sequence: int, entries: bytes) -> bytes:
    """Return a frame around packed entries."""
    payload = sequence.to_bytes(8, "little") + entries + END_MARK
    return _LENGTH_AND_CRC.pack(LENGTH_AND_CRC + len(payload), crc32(payload)) + payload


def read_frame(segment: bytes, at: int) -> Frame | None:
    """Return the frame that begins at `at`; None at the end: zeroes, a torn frame, one being written."""
    if at + FRAME_HEADER.size > len(segment):
        return None
    length, crc, sequence = FRAME_HEADER.unpack_from(segment, at)
    end = at + length
    if length <= FRAME_HEADER.size or length > MAX_FRAME_OCTETS or end > len(segment):
        return None
    if crc32(segment[at + LENGTH_AND_CRC : end]) != crc:
        return None
    body = segment[at + FRAME_HEADER.size : end - len(END_MARK)]
    if len(body) % ENTRY.size:
        return None
    return Frame(sequence, body, end)


def read_frames(segment: bytes, at: int = 0) -> Iterator[Frame]:
    """Yield the whole frames from `at` on, up to the end of what was written."""
    while (frame := read_frame(segment, at)) is not None:
        yield frame
        at = frame.end

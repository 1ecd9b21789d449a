"""The file of a node's register: who is suppressed, and what else subscribers chose, as workers map it.

Magic, length and CRC of the contents, which stand last, as JSON; between them two sets of sealed numbers
(segments.number_set): those that are suppressed, and those that chose, with a profile of 16 bits each: an
index into `profiles`, the combinations of scopes that were consented to and withdrawn. A sieve tells who is
in neither.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Final
from zlib import crc32

from segments.number_set import NumberSet, Octets, Sieve

MAGIC: Final = b"POSDREG\x02"
HEAD_OCTETS: Final = 16
ALIGNMENT: Final = 8
PROFILE_OCTETS: Final = 2
MOST_PROFILES: Final = 65_535
"""Different combinations; whoever has one more is taken to have withdrawn from everything (`OTHERS`)."""

Scopes = tuple[tuple[str, ...], tuple[str, ...]]
"""What somebody consented to, and withdrew from."""

OTHERS: Final[Scopes] = ((), ("all",))


class RegisterFileError(Exception):
    """The octets are no whole register file: keep the former register."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What a register file says of itself: what it was made of, and where its parts lie.

    `version` and `lists` are those of the database's row; `check` tells the key. Sections are (offset in the
    file, octets).
    """

    version: int
    lists: int
    check: str
    suppressed: int
    chosen: int
    octets: int
    crc: int
    profiles: tuple[Scopes, ...]
    sections: Mapping[str, tuple[int, int]]


def encode_contents(contents: Contents) -> tuple[bytes, bytes]:
    """Return what stands first, and what stands last."""
    text = json.dumps(asdict(contents), separators=(",", ":")).encode()
    return MAGIC + len(text).to_bytes(4, "little") + crc32(text).to_bytes(4, "little"), text


def decode_contents(octets: Octets, size: int) -> Contents:
    """Return the contents of a file of so many octets. Raises `RegisterFileError` unless it is whole.

    What stands before them is checked by its length alone: its CRC is for who has time.
    """
    head = octets[0:HEAD_OCTETS]
    if len(head) < HEAD_OCTETS or head[:8] != MAGIC:
        raise RegisterFileError("not a register file")
    text = octets[size - int.from_bytes(head[8:12], "little") : size]
    if crc32(text) != int.from_bytes(head[12:16], "little"):
        raise RegisterFileError("the register file is cut or damaged")
    fields = json.loads(text)
    fields["profiles"] = tuple((tuple(yes), tuple(no)) for yes, no in fields["profiles"])
    contents = Contents(**fields)
    if contents.octets != size - len(text):
        raise RegisterFileError("the register file is cut")
    return contents


def sets_of(octets: Octets, contents: Contents) -> tuple[NumberSet, NumberSet]:
    """Return the suppressed numbers and those that chose, read in place, with the sieve of both."""
    at, size = contents.sections["sieve"]
    sieve = Sieve(memoryview(octets)[at : at + size].cast("q"))

    def numbers(name: str, count: int) -> NumberSet:
        starts_at, members_at = contents.sections[f"{name}_starts"][0], contents.sections[name][0]
        return NumberSet(octets, starts_at, members_at, count, sieve)

    return numbers("suppressed", contents.suppressed), numbers("chosen", contents.chosen)


def profiles_at(contents: Contents) -> int:
    """Return the offset of the profiles of those that chose."""
    return contents.sections["profile"][0]

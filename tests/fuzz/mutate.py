"""PDUs that are almost right: the corpus of fixtures/pdus, changed by chance."""

from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Final

import yaml

from adapters.simulator.pdu import (
    DATA_SM,
    GENERIC_NACK,
    HEADER,
    HEADER_OCTETS,
    RESPONSE,
    SUBMIT_SM,
    parameter,
)

CORPUS: Final = Path(__file__).parents[2] / "fixtures" / "pdus"
COMMANDS: Final = (
    *(1, 2, 3, SUBMIT_SM, 5, 6, 7, 8, 9, 0x0B, 0x15, 0x21, 0x102, DATA_SM),
    *(each | RESPONSE for each in (1, 2, 3, SUBMIT_SM, 5, 6, 7, 8, 9, 0x15, 0x21, DATA_SM)),
    *(GENERIC_NACK, 0, 0x10203, 0x7FFFFFFF, 0xFFFFFFFF),
)
STATUSES: Final = (0, 1, 2, 4, 8, 0x0A, 0x14, 0x45, 0x58, 0x400, 0x4FF, 0x7FFFFFFF, 0xFFFFFFFF)
OCTETS: Final = (0, 1, 0x1B, 0x20, 0x40, 0x7F, 0x80, 0xFE, 0xFF)
LONGEST: Final = 4096  # what a mutation grows beyond this is left as it was

Mutation = Callable[[Random, bytearray], None]


def corpus(origin: str) -> list[bytes]:
    """Return the PDUs of fixtures/pdus that one side sends: "platform" or "smsc"."""
    found = []
    for path in sorted(CORPUS.glob("*.yaml")):
        document = yaml.safe_load(path.read_text("utf-8"))
        lines = document["pdu"].splitlines()
        octets = bytes.fromhex("".join(line.partition("#")[0] for line in lines))
        if document["from"] == origin and HEADER_OCTETS <= len(octets) <= LONGEST:
            found.append(octets)
    return found


class Mutator:
    """Draws mutated PDUs of one side; the same chance gives the same PDUs.

    `length_lies` is the share whose command_length is another than their own, yet one that a PDU may have.
    """

    def __init__(self, pdus: list[bytes], chance: Random, length_lies: float = 0.004) -> None:
        self._pdus = pdus
        self._chance = chance
        self._length_lies = length_lies

    def pdu(self, sequence: int) -> bytes:
        """Return one PDU: unchanged but for its sequence number once in eight times."""
        chance = self._chance
        draw = chance.random
        octets = bytearray(self._pdus[int(draw() * len(self._pdus))])
        octets[12:16] = sequence.to_bytes(4, "big")
        rounds = int(draw() * 4)
        if rounds == 0 and draw() < 0.5:
            return bytes(octets)
        for _ in range(rounds or 1):
            mutation = MUTATIONS[int(draw() * len(MUTATIONS))]
            if mutation is _splice:
                _splice_with(chance, octets, self._pdus[int(draw() * len(self._pdus))])
            else:
                mutation(chance, octets)
        length = len(octets)
        if length > LONGEST or length < HEADER_OCTETS:
            del octets[LONGEST:]
            octets.extend(bytes(max(0, HEADER_OCTETS - length)))
            length = len(octets)
        if draw() < self._length_lies:
            length = chance.choice((16, 17, length - 1, length + 1, length + 40, 2 * length, 3000))
        octets[0:4] = max(length, HEADER_OCTETS).to_bytes(4, "big")
        return bytes(octets)


def _offset(chance: Random, octets: bytearray) -> int:
    """Return an offset behind the header, at most the end."""
    return HEADER_OCTETS + int(chance.random() * (len(octets) - HEADER_OCTETS + 1))


def _bit(chance: Random, octets: bytearray) -> None:
    at = _offset(chance, octets)
    if at < len(octets):
        octets[at] ^= 1 << int(chance.random() * 8)


def _octet(chance: Random, octets: bytearray) -> None:
    at = _offset(chance, octets)
    if at < len(octets):
        octets[at] = OCTETS[int(chance.random() * len(OCTETS))]


def _insert(chance: Random, octets: bytearray) -> None:
    at = _offset(chance, octets)
    octets[at:at] = chance.randbytes(1 + int(chance.random() * 12))


def _delete(chance: Random, octets: bytearray) -> None:
    at = _offset(chance, octets)
    del octets[at : at + 1 + int(chance.random() * 12)]


def _cut(chance: Random, octets: bytearray) -> None:
    del octets[_offset(chance, octets) :]


def _repeat(chance: Random, octets: bytearray) -> None:
    at = _offset(chance, octets)
    octets[at:at] = octets[at : at + 1 + int(chance.random() * 40)]


def _command(chance: Random, octets: bytearray) -> None:
    command = chance.choice(COMMANDS) if chance.random() < 0.8 else chance.getrandbits(32)
    octets[4:8] = command.to_bytes(4, "big")


def _status(chance: Random, octets: bytearray) -> None:
    status = chance.choice(STATUSES) if chance.random() < 0.9 else chance.getrandbits(32)
    octets[8:12] = status.to_bytes(4, "big")


def _sequence(chance: Random, octets: bytearray) -> None:
    number = chance.getrandbits(32) if chance.random() < 0.5 else int(chance.random() * 50)
    octets[12:16] = number.to_bytes(4, "big")


def _parameter(chance: Random, octets: bytearray) -> None:
    tag = chance.choice((0x0424, 0x020A, 0x020B, 0x020C, 0x0426, 0x1400, chance.getrandbits(16)))
    octets.extend(parameter(tag, chance.randbytes(int(chance.random() * 30))))


def _splice(chance: Random, octets: bytearray) -> None:
    """Stand for `_splice_with`, which needs another PDU."""


def _splice_with(chance: Random, octets: bytearray, other: bytes) -> None:
    at = _offset(chance, octets)
    octets[at:] = other[min(at, len(other)) :]


MUTATIONS: Final[tuple[Mutation, ...]] = (
    *(_bit, _bit, _octet, _octet, _insert, _delete, _cut, _repeat),
    *(_command, _status, _sequence, _parameter, _splice),
)


def frames(stream: bytes, largest: int) -> tuple[list[bytes], bool]:
    """Cut a stream at PDU boundaries as SMPP 3.4 §3.2 has it; whether a length that cannot be ended it."""
    found, at, end = [], 0, len(stream)
    while end - at >= HEADER_OCTETS:
        length = HEADER.unpack_from(stream, at)[0]
        if not HEADER_OCTETS <= length <= largest:
            return found, True
        if end - at < length:
            break
        found.append(stream[at : at + length])
        at += length
    return found, False

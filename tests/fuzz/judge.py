"""What must become of two streams: each PDU as it came, but for ads, and for refusals taken back."""

from dataclasses import dataclass
from typing import Final

from adapters.simulator.pdu import (
    DATA_SM,
    ESME_RINVBNDSTS,
    ESME_RINVCMDLEN,
    GENERIC_NACK,
    HEADER,
    HEADER_OCTETS,
    RESPONSE,
    SUBMIT_SM,
)
from tests.fuzz.mutate import frames

AD: Final = "Compra en tienda sol"
SUFFIXES: Final = tuple((" " + AD).encode(each) for each in ("ascii", "utf-16-be"))
SUBMITS: Final = (SUBMIT_SM, DATA_SM)
LARGEST: Final = 65536  # the default of relay.max_pdu_bytes
RETRIED: Final = (0x01, 0x45)  # the default of relay.retry_bare_on


@dataclass(frozen=True, slots=True)
class Relayed:
    """How one direction of a session went: PDUs that arrived, ads among them, "" or what is wrong."""

    pdus: int
    ads: int
    fault: str


def carries_ad(sent: bytes, got: bytes) -> bool:
    """Tell whether `got` is `sent` with the ad behind its body, and nothing else changed."""
    more = len(got) - len(sent)
    suffix = next((each for each in SUFFIXES if len(each) == more), None)
    if suffix is None or got[4:HEADER_OCTETS] != sent[4:HEADER_OCTETS]:
        return False
    if int.from_bytes(got[4:8], "big") not in SUBMITS or got[:4] != len(got).to_bytes(4, "big"):
        return False
    at = got.find(suffix)
    while at >= 0:
        if _undone(sent, got[:at] + got[at + more :], at, more):
            return True
        at = got.find(suffix, at + 1)
    return False


def _undone(sent: bytes, rest: bytes, body_end: int, more: int) -> bool:
    """Tell whether two PDUs differ only in the length of the body that ends at `body_end`."""
    differ = [at for at in range(HEADER_OCTETS, len(sent)) if sent[at] != rest[at]]
    if not differ or differ[-1] - differ[0] > 1:
        return False
    at = differ[0]
    if differ == [at] and rest[at] - sent[at] == more and at + 1 + sent[at] == body_end:
        return True  # sm_length
    for high in (at - 1, at):
        before, after = (int.from_bytes(each[high : high + 2], "big") for each in (sent, rest))
        if after - before == more and high + 2 + before == body_end:
            return True  # the length of message_payload
    return False


def to_smsc(sent: bytes, got: bytes, *, whole: bool) -> Relayed:
    """Judge the platform's direction; `whole`: nothing ended the session before all was relayed."""
    expected, _ = frames(sent, LARGEST)
    arrived, broken = frames(got, 2 * LARGEST)
    if broken:
        return Relayed(0, 0, "the SMSC got a length that cannot be")
    at = ads = 0
    retries: dict[bytes, int] = {}
    for frame in arrived:
        if at < len(expected) and frame == expected[at]:
            at += 1
        elif at < len(expected) and carries_ad(expected[at], frame):
            retries[expected[at]] = retries.get(expected[at], 0) + 1
            at += 1
            ads += 1
        elif retries.get(frame):
            retries[frame] -= 1  # bare, after a refusal
        elif not _own(frame):
            return Relayed(at, ads, f"PDU {at} left changed: {frame.hex()}")
    if whole and at < len(expected):
        return Relayed(at, ads, f"only {at} of {len(expected)} PDUs were relayed")
    return Relayed(at, ads, "")


def to_platform(sent: bytes, got: bytes) -> Relayed:
    """Judge the SMSC's direction; a refusal that the node made good does not come home."""
    expected, _ = frames(sent, LARGEST)
    arrived, broken = frames(got, LARGEST)
    if broken:
        return Relayed(0, 0, "the platform got a length that cannot be")
    at = own = taken_back = 0
    for frame in arrived:
        here = at
        while here < len(expected) and frame != expected[here] and _retried(expected[here]):
            here += 1
        if here < len(expected) and frame == expected[here]:
            taken_back += here - at
            at = here + 1
        elif _own(frame) and own == 0:
            own = 1
        else:
            return Relayed(at, taken_back, f"answer {at} came home changed: {frame.hex()}")
    return Relayed(at, taken_back, "")


def _retried(frame: bytes) -> bool:
    _, command, status, _ = HEADER.unpack_from(frame)
    return status in RETRIED and command in (SUBMIT_SM | RESPONSE, DATA_SM | RESPONSE)


def _own(frame: bytes) -> bool:
    """Tell whether the node itself may have said this (SMPP 3.4 §4.3, §2.2)."""
    length, command, status, _ = HEADER.unpack_from(frame)
    if length != HEADER_OCTETS:
        return False
    return (command == GENERIC_NACK and status == ESME_RINVCMDLEN) or (
        bool(command & RESPONSE) and status == ESME_RINVBNDSTS
    )

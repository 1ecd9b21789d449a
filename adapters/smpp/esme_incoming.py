"""What a handset wrote to the carrier's short code, as a deliver_sm or data_sm brings it."""

from dataclasses import dataclass
from typing import Final

from adapters.smpp.constants import DATA_SM, HEADER_OCTETS, TAG_MESSAGE_PAYLOAD
from validators.gsm7 import BASIC

# esm_class, SMPP 3.4 §5.2.12: message type in bits 5-2, user data header indicator in bit 6
_NOT_PLAIN: Final = 0x7C
_WIDE: Final = 8
_DEFAULT: Final = 0
_LATIN: Final = frozenset((1, 3))


@dataclass(frozen=True, slots=True)
class Written:
    """A message of a handset: who wrote, to which address, what."""

    source: bytes
    destination: bytes
    text: str


def read_written(octets: bytes, command: int) -> Written | None:
    """Return what a handset wrote (SMPP 3.4 §4.6.1, §4.7.1); None for receipts, parts and binary content."""
    end = len(octets)
    source_at = octets.find(0, HEADER_OCTETS) + 3
    source_end = octets.find(0, source_at)
    destination_end = octets.find(0, source_end + 3)
    if source_at < 3 or source_end < 0 or destination_end < 0 or destination_end + 4 > end:
        return None
    if octets[destination_end + 1] & _NOT_PLAIN:
        return None
    if command == DATA_SM:
        coding, body, at = octets[destination_end + 3], b"", destination_end + 4
    else:
        schedule_end = octets.find(0, destination_end + 4)
        validity_end = octets.find(0, schedule_end + 1)
        body_at = validity_end + 6
        if schedule_end < 0 or validity_end < 0 or body_at > end or body_at + octets[body_at - 1] > end:
            return None
        at = body_at + octets[body_at - 1]
        coding, body = octets[validity_end + 3], octets[body_at:at]
    text = _decoded(body or _payload(octets, at), coding)
    if text is None:
        return None
    return Written(octets[source_at:source_end], octets[source_end + 3 : destination_end], text)


def _payload(octets: bytes, at: int) -> bytes:
    """Return the message_payload among the optional parameters from `at` on; empty without one."""
    while at + 4 <= len(octets):
        tag, size = int.from_bytes(octets[at : at + 2]), int.from_bytes(octets[at + 2 : at + 4])
        if tag == TAG_MESSAGE_PAYLOAD:
            return octets[at + 4 : at + 4 + size]
        at += 4 + size
    return b""


def _decoded(body: bytes, coding: int) -> str | None:
    if coding == _DEFAULT:  # letters are where ASCII has them, whichever default alphabet the SMSC has
        return "".join(BASIC[octet] if octet < len(BASIC) else "?" for octet in body)
    if coding in _LATIN:
        return body.decode("latin-1")
    return body.decode("utf-16-be", "replace") if coding == _WIDE else None

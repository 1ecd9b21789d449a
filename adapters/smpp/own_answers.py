"""What the engine answers itself, in place of the peer: encoded, and counted as its own."""

from struct import Struct
from typing import Final

from adapters.smpp.constants import (
    ESME_RINVBNDSTS,
    ESME_RINVCMDLEN,
    ESME_ROK,
    GENERIC_NACK,
    HEADER_OCTETS,
    RESPONSE,
)
from adapters.smpp.traffic import Traffic

_HEADER: Final = Struct(">IIII")


def taken(command: int, sequence: int, message_id: bytes, traffic: Traffic) -> bytes:
    """Return the answer to a message that goes no further; `message_id` is a C-octet string."""
    return _answer(command | RESPONSE, ESME_ROK, sequence, message_id, traffic)


def unbound(command: int, sequence: int, traffic: Traffic) -> bytes:
    """Return the answer to traffic before a bind (SMPP 3.4 §2.2, §5.1.3)."""
    answer = GENERIC_NACK if command & RESPONSE else command | RESPONSE
    return _answer(answer, ESME_RINVBNDSTS, sequence, b"", traffic)


def uncuttable(sequence: int, traffic: Traffic) -> bytes:
    """Return the answer to a frame that can't be cut (SMPP 3.4 §4.3)."""
    return _answer(GENERIC_NACK, ESME_RINVCMDLEN, sequence, b"", traffic)


def _answer(command: int, status: int, sequence: int, body: bytes, traffic: Traffic) -> bytes:
    traffic.route.own[command, status] += 1
    return _HEADER.pack(HEADER_OCTETS + len(body), command, status, sequence) + body

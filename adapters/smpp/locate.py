"""Where the fields of a submit_sm or data_sm lie: offsets into the read buffer, within its bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from adapters.smpp.constants import (
    DATA_SM,
    HEADER_OCTETS,
    SUBMIT_SM,
    TAG_DESTINATION_PORT,
    TAG_MESSAGE_PAYLOAD,
    TAG_MORE_MESSAGES_TO_SEND,
    TAG_SAR_MSG_REF_NUM,
    TAG_SAR_SEGMENT_SEQNUM,
    TAG_SAR_TOTAL_SEGMENTS,
    TAG_SOURCE_PORT,
)
from engine.predicate import HAS_PAYLOAD, HAS_SHORT_MESSAGE, MULTIPART, PORTS, SCHEDULED
from segments.native import COMPILED

if TYPE_CHECKING:
    from mypy_extensions import i64

# Longest C-octet strings, without their NUL (SMPP 3.4 §4.4.1, §4.7.1).
SERVICE_TYPE_MAX: Final = 5
ADDRESS_MAX: Final = 20
DATA_ADDRESS_MAX: Final = 64
TIME_MAX: Final = 16

_FLAG_OF_TAG: Final = {
    TAG_SOURCE_PORT: PORTS,
    TAG_DESTINATION_PORT: PORTS,
    TAG_SAR_MSG_REF_NUM: MULTIPART,
    TAG_SAR_TOTAL_SEGMENTS: MULTIPART,
    TAG_SAR_SEGMENT_SEQNUM: MULTIPART,
    TAG_MORE_MESSAGES_TO_SEND: MULTIPART,
}


class Cut:
    """The places at which one request can be cut, filled anew for each (one object a session).

    Offsets count from the start of the buffer. `word` is engine.predicate.Header.word.
    `payload_at` is the offset of the message_payload TLV's length, 0 when the body is short_message;
    `length_at` the offset of sm_length (meaningless for data_sm). The source_addr, without its NUL, lies at
    `source_at:source_end`.
    """

    __slots__ = (
        "body_at",
        "body_end",
        "destination",
        "length_at",
        "payload_at",
        "service_type",
        "source_at",
        "source_end",
        "word",
    )

    def __init__(self) -> None:
        self.service_type = b""
        self.destination = b""
        self.word = 0
        self.length_at = 0
        self.payload_at = 0
        self.body_at = 0
        self.body_end = 0
        self.source_at = 0
        self.source_end = 0


def _end_of(buffer: bytes, at: i64, end: i64) -> i64:
    """Return where the C-octet string that begins at `at` has its NUL, or -1 when none lies before `end`.

    `at` may lie anywhere from 0 on.
    """
    if at >= end:
        return -1
    if not buffer[at]:
        return at  # most fields are empty
    if not COMPILED:
        return buffer.find(0, at, end)
    while at < end:
        if not buffer[at]:
            return at
        at += 1
    return -1


def locate(buffer: bytes, start: int, end: int, command: i64, cut: Cut) -> bool:
    """Fill `cut` from the request at `start:end`; False unless it is a whole submit_sm or data_sm."""
    if command == SUBMIT_SM:
        return locate_submit_sm(buffer, start, end, cut)
    return command == DATA_SM and locate_data_sm(buffer, start, end, cut)


def locate_submit_sm(buffer: bytes, start: int, end: int, cut: Cut) -> bool:
    """Fill `cut` from the submit_sm at `start:end` (SMPP 3.4 §4.4.1); False when a field lies outside."""
    service_at: i64 = start + HEADER_OCTETS
    limit: i64 = end
    service_end = _end_of(buffer, service_at, limit)
    if service_end < 0 or service_end - service_at > SERVICE_TYPE_MAX:
        return False
    source_at = service_end + 3
    source_end = _end_of(buffer, source_at, limit)
    if source_end < 0 or source_end - source_at > ADDRESS_MAX:
        return False
    destination_at = source_end + 3
    destination_end = _end_of(buffer, destination_at, limit)
    if destination_end < 0 or destination_end - destination_at > ADDRESS_MAX:
        return False
    schedule_at = destination_end + 4
    schedule_end = _end_of(buffer, schedule_at, limit)
    if schedule_end < 0 or schedule_end - schedule_at > TIME_MAX:
        return False
    validity_end = _end_of(buffer, schedule_end + 1, limit)
    body_at = validity_end + 6
    if validity_end < 0 or validity_end - schedule_end - 1 > TIME_MAX or body_at > limit:
        return False
    sm_length: i64 = buffer[body_at - 1]
    body_end = body_at + sm_length
    if body_end > limit:
        return False
    flags: i64 = SCHEDULED if schedule_end != schedule_at else 0
    if sm_length:
        flags |= HAS_SHORT_MESSAGE
    cut.length_at = body_at - 1
    cut.payload_at = 0
    cut.body_at = body_at
    cut.body_end = body_end
    if body_end != limit:
        more: i64 = _walk_tlvs(buffer, body_end, end, cut)
        if more < 0:
            return False
        flags |= more
    cut.source_at = source_at
    cut.source_end = source_end
    cut.service_type = buffer[service_at:service_end]
    cut.destination = buffer[destination_at:destination_end]
    esm_class: i64 = buffer[destination_end + 1]
    protocol_id: i64 = buffer[destination_end + 2]
    replace_if_present: i64 = buffer[validity_end + 2]
    data_coding: i64 = buffer[validity_end + 3]
    default_message: i64 = buffer[validity_end + 4]
    cut.word = (
        esm_class << 40
        | protocol_id << 32
        | replace_if_present << 24
        | data_coding << 16
        | default_message << 8
        | flags
    )
    return True


def locate_data_sm(buffer: bytes, start: int, end: int, cut: Cut) -> bool:
    """Fill `cut` from the data_sm at `start:end` (SMPP 3.4 §4.7.1); False when a field lies outside."""
    service_at: i64 = start + HEADER_OCTETS
    limit: i64 = end
    service_end = _end_of(buffer, service_at, limit)
    if service_end < 0 or service_end - service_at > SERVICE_TYPE_MAX:
        return False
    source_at = service_end + 3
    source_end = _end_of(buffer, source_at, limit)
    if source_end < 0 or source_end - source_at > DATA_ADDRESS_MAX:
        return False
    destination_at = source_end + 3
    destination_end = _end_of(buffer, destination_at, limit)
    tlvs_at = destination_end + 4
    if destination_end < 0 or destination_end - destination_at > DATA_ADDRESS_MAX or tlvs_at > limit:
        return False
    cut.payload_at = cut.length_at = cut.body_at = cut.body_end = 0
    flags = _walk_tlvs(buffer, tlvs_at, end, cut)
    if flags < 0:
        return False
    cut.source_at = source_at
    cut.source_end = source_end
    cut.service_type = buffer[service_at:service_end]
    cut.destination = buffer[destination_at:destination_end]
    cut.word = buffer[destination_end + 1] << 40 | buffer[destination_end + 3] << 16 | flags
    return True


def _walk_tlvs(buffer: bytes, at: int, end: int, cut: Cut) -> int:
    """Return the flags of the optional parameters in `buffer[at:end]`, or -1 when one crosses the end."""
    flags = 0
    beside_short = cut.body_at != cut.body_end
    payload_seen = False
    while at != end:
        value_at = at + 4
        if value_at > end:
            return -1
        tag = buffer[at] << 8 | buffer[at + 1]
        value_end = value_at + (buffer[at + 2] << 8 | buffer[at + 3])
        if value_end > end:
            return -1
        if tag == TAG_MESSAGE_PAYLOAD:
            if payload_seen:
                return -1  # two payloads: which one the SMSC takes can't be known
            payload_seen = True
            if beside_short or value_end != value_at:
                flags |= HAS_PAYLOAD  # beside a short_message even an empty one is a second body
            if not beside_short:
                cut.payload_at = at + 2
                cut.body_at = value_at
                cut.body_end = value_end
        else:
            flags |= _FLAG_OF_TAG.get(tag, 0)
        at = value_end
    return flags

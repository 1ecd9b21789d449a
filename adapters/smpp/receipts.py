"""What a deliver_sm or data_sm of the SMSC says as a delivery receipt: octets in, value out.

Recognised is only what leaves no doubt: a receipt by its esm_class (SMPP 3.4 §5.2.12), a body without
user data header, one known state, in the text of Appendix B, in the message_state parameter, or in both
without contradiction.
"""

import re
from typing import Final

from adapters.smpp.constants import DATA_SM, HEADER_OCTETS, SUBMIT_MULTI, TAG_MESSAGE_PAYLOAD
from engine.receipts import (
    ACCEPTED,
    DELETED,
    DELIVERED,
    ENROUTE,
    EXPIRED,
    FAILURES,
    REJECTED,
    UNDELIVERABLE,
    UNKNOWN,
)

REPLACE_SM: Final = 0x00000007

REGISTERED_BEFORE_LENGTH: Final = 4
"""How far registered_delivery lies before sm_length in a submit_sm (SMPP 3.4 §4.4.1)."""

# SMPP 3.4 §5.3.2.12, §5.3.2.35
TAG_RECEIPTED_MESSAGE_ID: Final = 0x001E
TAG_MESSAGE_STATE: Final = 0x0427

# esm_class, SMPP 3.4 §5.2.12: message type in bits 5-2, user data header indicator in bit 6
_TYPE: Final = 0x3C
_RECEIPT: Final = 0x04
_INTERMEDIATE: Final = 0x20
_USER_DATA_HEADER: Final = 0x40
_UCS2: Final = 8
_ONE_DESTINATION: Final = 1
_LONGEST_ID: Final = 65

# SMPP 3.4 Appendix B abbreviates to seven letters; some vendors write the words out.
_STATES: Final = {
    b"ENROUTE": ENROUTE,
    b"DELIVRD": DELIVERED,
    b"DELIVERED": DELIVERED,
    b"EXPIRED": EXPIRED,
    b"DELETED": DELETED,
    b"UNDELIV": UNDELIVERABLE,
    b"UNDELIVERABLE": UNDELIVERABLE,
    b"ACCEPTD": ACCEPTED,
    b"ACCEPTED": ACCEPTED,
    b"UNKNOWN": UNKNOWN,
    b"REJECTD": REJECTED,
    b"REJECTED": REJECTED,
}

_FIELD = re.compile(rb"(?:(?<=\s)|^)(id|stat|text)\s*:(?:\s*([^\s:]*)(?=\s|$))?", re.IGNORECASE)
_NO_STATE: Final = 0
_IN_DOUBT: Final = -1


class Receipt:
    """One receipt: its state (engine.receipts), its ids as they stand, who it is from.

    An id that is missing is empty. `source` is the source_addr: the address that the message went
    to. `intermediate` says that it is no delivery receipt but an intermediate notification.
    """

    __slots__ = ("intermediate", "source", "state", "text_id", "tlv_id")

    def __init__(self, state: int, text_id: bytes, tlv_id: bytes, source: bytes, intermediate: bool) -> None:
        self.state = state
        self.text_id = text_id
        self.tlv_id = tlv_id
        self.source = source
        self.intermediate = intermediate


def read_receipt(buffer: bytes, start: int, end: int, command: int) -> Receipt | None:
    """Return what the deliver_sm or data_sm at `start:end` says (SMPP 3.4 §4.6.1, §4.7.1); None in doubt."""
    find = buffer.find
    source_at = find(0, start + HEADER_OCTETS, end) + 3
    source_end = find(0, source_at, end)
    destination_end = find(0, source_end + 3, end)
    if source_at < 3 or source_end < 0 or destination_end < 0 or destination_end + 4 > end:
        return None
    esm_class = buffer[destination_end + 1]
    kind = esm_class & _TYPE
    if kind not in (_RECEIPT, _INTERMEDIATE) or esm_class & _USER_DATA_HEADER:
        return None
    if command == DATA_SM:
        coding = buffer[destination_end + 3]
        body, tlvs_at = b"", destination_end + 4
    else:
        schedule_end = find(0, destination_end + 4, end)
        validity_end = find(0, schedule_end + 1, end)
        body_at = validity_end + 6
        if schedule_end < 0 or validity_end < 0 or body_at > end:
            return None
        coding = buffer[validity_end + 3]
        tlvs_at = body_at + buffer[body_at - 1]
        if tlvs_at > end:
            return None
        body = buffer[body_at:tlvs_at]
    return _judged(buffer, tlvs_at, end, body, coding, buffer[source_at:source_end], kind == _INTERMEDIATE)


def _judged(
    buffer: bytes, at: int, end: int, body: bytes, coding: int, source: bytes, intermediate: bool
) -> Receipt | None:
    """Put the optional parameters in `buffer[at:end]` beside the body."""
    tlv_id = b""
    tlv_state = _NO_STATE
    while at != end:
        value_at = at + 4
        if value_at > end:
            return None
        tag = buffer[at] << 8 | buffer[at + 1]
        at = value_at + (buffer[at + 2] << 8 | buffer[at + 3])
        if at > end:
            return None
        if tag == TAG_RECEIPTED_MESSAGE_ID:
            tlv_id = buffer[value_at:at].partition(b"\0")[0]
        elif tag == TAG_MESSAGE_STATE:
            tlv_state = buffer[value_at] if at - value_at == 1 else _IN_DOUBT
            if not ENROUTE <= tlv_state <= REJECTED:
                return None
        elif tag == TAG_MESSAGE_PAYLOAD and not body:
            body = buffer[value_at:at]
    text_id, text_state = _read_text(body, coding)
    state = _agreed(text_state, tlv_state)
    if state == _NO_STATE or len(tlv_id) > _LONGEST_ID or len(text_id) > _LONGEST_ID:
        return None
    return Receipt(state, text_id, tlv_id, source, intermediate)


def _agreed(text_state: int, tlv_state: int) -> int:
    """Return the state that both say; the parameter's where only the words differ; none in doubt."""
    if text_state == _IN_DOUBT:
        return _NO_STATE
    if _NO_STATE in (text_state, tlv_state) or text_state == tlv_state:
        return tlv_state or text_state
    return tlv_state if text_state in FAILURES and tlv_state in FAILURES else _NO_STATE


def _read_text(body: bytes, coding: int) -> tuple[bytes, int]:
    """Return id and state of Appendix B's text, whatever the order and case of its fields.

    The message's own words stand behind `text:`: what is there counts only when it is nowhere before.
    """
    if coding == _UCS2:
        body = body.decode("utf-16-be", "replace").encode("ascii", "replace")
    ids: list[bytes] = []
    states: list[bytes] = []
    quoted_ids: list[bytes] = []
    quoted_states: list[bytes] = []
    quoted = False
    for match in _FIELD.finditer(body):
        name = match.group(1).lower()
        value = match.group(2) or b""
        if name == b"text":
            quoted = True
        elif name == b"id":
            (quoted_ids if quoted else ids).append(value)
        else:
            (quoted_states if quoted else states).append(value.upper())
    ids = ids or quoted_ids
    states = states or quoted_states
    message_id = ids[0] if ids and ids.count(ids[0]) == len(ids) else b""
    if not states:
        return message_id, _NO_STATE
    if states.count(states[0]) != len(states):
        return message_id, _IN_DOUBT
    return message_id, _STATES.get(states[0], _NO_STATE)


def registered_at(buffer: bytes, start: int, end: int, command: int) -> int:
    """Return where registered_delivery lies in a submit_sm, data_sm, submit_multi or replace_sm; 0: nowhere.

    SMPP 3.4 §4.4.1, §4.5.1, §4.7.1, §4.10.1.
    """
    at = _past(buffer, start + HEADER_OCTETS, end)  # service_type, or replace_sm's message_id
    at = _past(buffer, at + 2, end)  # source_addr
    if command == SUBMIT_MULTI:
        at = _past_destinations(buffer, at, end)
    elif command != REPLACE_SM:
        at = _past(buffer, at + 2, end)  # destination_addr
    if command == DATA_SM:
        return at + 1 if at + 1 < end else 0  # esm_class
    if command != REPLACE_SM:
        at += 3  # esm_class, protocol_id, priority_flag
    at = _past(buffer, _past(buffer, at, end), end)  # schedule_delivery_time, validity_period
    return at if at < end else 0


def _past(buffer: bytes, at: int, end: int) -> int:
    """Return the place behind a C-octet string; `end` when it has none."""
    found = buffer.find(0, at, end) if at < end else -1
    return end if found < 0 else found + 1


def _past_destinations(buffer: bytes, at: int, end: int) -> int:
    """Return the place behind submit_multi's dest_address(es) (SMPP 3.4 §4.5.1.1)."""
    left = buffer[at] if at < end else 0
    at += 1
    while left and at < end:
        at = _past(buffer, at + 3 if buffer[at] == _ONE_DESTINATION else at + 1, end)
        left -= 1
    return at

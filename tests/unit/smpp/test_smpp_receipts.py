"""What is a receipt beyond doubt, what it says, and what is none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.smpp.receipts import Receipt, read_receipt, registered_at
from engine.receipts import DELIVERED, ENROUTE, EXPIRED, REJECTED, UNDELIVERABLE, UNKNOWN

DELIVER_SM, DATA_SM, SUBMIT_SM, SUBMIT_MULTI, REPLACE_SM = 0x05, 0x103, 0x04, 0x21, 0x07
APPENDIX_B = (
    b"id:0123456789 sub:001 dlvrd:001 submit date:2611240900 done date:2611240901 "
    b"stat:DELIVRD err:000 text:Hola"
)


def tlv(tag: int, value: bytes) -> bytes:
    """Return one optional parameter."""
    return tag.to_bytes(2, "big") + len(value).to_bytes(2, "big") + value


def message_id(value: bytes) -> bytes:
    """Return receipted_message_id."""
    return tlv(0x001E, value + b"\0")


def state(number: int) -> bytes:
    """Return message_state."""
    return tlv(0x0427, bytes((number,)))


def deliver(text: bytes = b"", tlvs: bytes = b"", *, esm_class: int = 0x04, coding: int = 0) -> bytes:
    """Return a deliver_sm from 5501234567."""
    body = b"\0\1\x01525501234567\0\1\1012345\0"
    body += bytes((esm_class, 0, 0, 0, 0, 0, 0, coding, 0, len(text))) + text + tlvs
    return (16 + len(body)).to_bytes(4, "big") + b"\0\0\0\5\0\0\0\0\0\0\0\7" + body


def read(octets: bytes, command: int = DELIVER_SM) -> Receipt | None:
    """Read a PDU that lies between others."""
    return read_receipt(b"\xff" * 5 + octets + b"\xff" * 5, 5, 5 + len(octets), command)


def said(octets: bytes, command: int = DELIVER_SM) -> tuple[int, bytes, bytes] | None:
    """Return state, text id and TLV id."""
    receipt = read(octets, command)
    return None if receipt is None else (receipt.state, receipt.text_id, receipt.tlv_id)


@pytest.mark.parametrize(
    ("octets", "expected"),
    [
        (deliver(APPENDIX_B), (DELIVERED, b"0123456789", b"")),
        (deliver(APPENDIX_B.swapcase()), (DELIVERED, b"0123456789", b"")),
        (deliver(b"stat:UNDELIV err:001 id:abc"), (UNDELIVERABLE, b"abc", b"")),
        (deliver(b"id: 77 stat: expired"), (EXPIRED, b"77", b"")),
        (deliver(b"text:Hola stat:REJECTD id:9"), (REJECTED, b"9", b"")),
        (deliver(b"id:1 stat:DELIVRD text:id:2 stat:UNDELIV"), (DELIVERED, b"1", b"")),
        (deliver(b"id: sub:001 stat:DELIVERED"), (DELIVERED, b"", b"")),
        (deliver(b"id:1 id:1 stat:ENROUTE"), (ENROUTE, b"1", b"")),
        (deliver(b"stat:UNKNOWN"), (UNKNOWN, b"", b"")),
        (deliver("id:5 stat:DELIVRD".encode("utf-16-be"), coding=8), (DELIVERED, b"5", b"")),
        (deliver(tlvs=message_id(b"AB") + state(2)), (DELIVERED, b"", b"AB")),
        (deliver(tlvs=state(2) + tlv(0x1234, b"?") + message_id(b"AB")), (DELIVERED, b"", b"AB")),
        (deliver(tlvs=tlv(0x0424, APPENDIX_B)), (DELIVERED, b"0123456789", b"")),
        (deliver(APPENDIX_B, message_id(b"75BCD15") + state(2)), (DELIVERED, b"0123456789", b"75BCD15")),
        (deliver(b"id:1 stat:UNDELIV", state(3)), (EXPIRED, b"1", b"")),
        (deliver(b"id:1 stat:FAILED", state(5)), (UNDELIVERABLE, b"1", b"")),
        (deliver(b"Entregado", message_id(b"1") + state(2)), (DELIVERED, b"", b"1")),
        (deliver(APPENDIX_B, esm_class=0x84), (DELIVERED, b"0123456789", b"")),
        (deliver(APPENDIX_B, esm_class=0x07), (DELIVERED, b"0123456789", b"")),
    ],
)  # fmt: skip
def test_receipts_are_read_in_any_order_case_and_place(octets: bytes, expected: object) -> None:
    """Appendix B's text, parameters, or both; what is missing is empty."""
    assert said(octets) == expected


@pytest.mark.parametrize(
    "octets",
    [
        deliver(APPENDIX_B, esm_class=0x00),
        deliver(APPENDIX_B, esm_class=0x08),
        deliver(APPENDIX_B, esm_class=0x10),
        deliver(APPENDIX_B, esm_class=0x18),
        deliver(APPENDIX_B, esm_class=0x44),
        deliver(b"Su mensaje fue entregado"),
        deliver(b"id:1 stat:FOO"),
        deliver(b"id:1 stat:DELIVRD stat:UNDELIV"),
        deliver(b"id:1 substat:DELIVRD"),
        deliver(b"id:1 stat:DELIVRD", state(5)),
        deliver(b"id:1 stat:ENROUTE", state(2)),
        deliver(b"id:1 stat:DELIVRD", state(9)),
        deliver(b"id:1 stat:DELIVRD", state(0)),
        deliver(b"id:1 stat:DELIVRD", tlv(0x0427, b"\0\2")),
        deliver(APPENDIX_B, message_id(b"1")[:-1]),
        deliver(APPENDIX_B, b"\0"),
        deliver(b"id:" + b"9" * 66 + b" stat:DELIVRD"),
        deliver(),
    ],
)
def test_what_leaves_a_doubt_is_no_receipt(octets: bytes) -> None:
    """Other types, user data headers, contradictions, unknown states, fields that cross the end."""
    assert read(octets) is None


def test_an_intermediate_notification_says_that_it_is_one() -> None:
    """It is read, and known not to be the last word."""
    receipt = read(deliver(b"id:1 stat:ENROUTE", esm_class=0x20))
    assert receipt is not None
    assert receipt.intermediate


def test_the_source_is_whom_the_message_went_to() -> None:
    """The receipt's source_addr, as it stands."""
    receipt = read(deliver(APPENDIX_B))
    assert receipt is not None
    assert receipt.source == b"525501234567"


def test_a_receipt_may_come_as_data_sm() -> None:
    """Its text lies in message_payload, or it has parameters only."""
    head = b"\0\1\x01525501234567\0\1\1012345\0\4\0\0"
    for tlvs in (tlv(0x0424, APPENDIX_B), message_id(b"0123456789") + state(2)):
        body = head + tlvs
        octets = (16 + len(body)).to_bytes(4, "big") + b"\0\0\1\3\0\0\0\0\0\0\0\7" + body
        found = said(octets, DATA_SM)
        assert found is not None
        assert found[0] == DELIVERED
        assert b"0123456789" in found


@given(cut=st.integers(16, 200), junk=st.binary(max_size=40), command=st.sampled_from([DELIVER_SM, DATA_SM]))
def test_no_octets_raise(cut: int, junk: bytes, command: int) -> None:
    """Whatever is cut off or follows, there is an answer."""
    octets = deliver(APPENDIX_B, message_id(b"12") + state(2))[:cut] + junk
    read(octets, command)
    for asking in (SUBMIT_SM, DATA_SM, SUBMIT_MULTI, REPLACE_SM):
        assert 0 <= registered_at(octets, 0, len(octets), asking) < max(len(octets), 1)


HEADER = b"\0" * 16
SOURCE = b"\1\1012345\0"
DATES = b"\0\0"


@pytest.mark.parametrize(
    ("command", "before"),
    [
        (SUBMIT_SM, b"CMT\0" + SOURCE + b"\1\x01525501234567\0\0\0\0" + DATES),
        (SUBMIT_SM, b"\0\0\0\0\0\0\0\0\0\0" + b"261124090000000R\0\0"),
        (DATA_SM, b"\0" + SOURCE + b"\1\x01525501234567\0\0"),
        (SUBMIT_MULTI, b"\0" + SOURCE + b"\2\1\1\x01525501234567\0\2lista\0\0\0\0" + DATES),
        (REPLACE_SM, b"0000000007\0" + SOURCE + DATES),
    ],
)
def test_registered_delivery_is_found(command: int, before: bytes) -> None:
    """Right behind what comes before it in each request."""
    octets = HEADER + before + b"\x01\0\0\0\0"
    assert registered_at(octets, 0, len(octets), command) == len(HEADER + before)

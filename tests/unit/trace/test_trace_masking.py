"""Numbers and passwords leave a traced PDU, octet for octet, and nothing else does."""

from struct import pack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.simulator.pdu import (
    BIND_TRANSCEIVER,
    CANCEL_SM,
    DATA_SM,
    DELIVER_SM,
    MESSAGE_PAYLOAD,
    QUERY_SM,
    RECEIPTED_MESSAGE_ID,
    SUBMIT_MULTI,
    SUBMIT_SM,
    parameter,
    pdu,
    read_submit,
)
from adapters.trace.masking import masked, without_secrets

NUMBER = b"525501234567"
TEXT = "Llamada perdida de 55 0123 4567 (2)"
STARRED = "Llamada perdida de ** **** **** (*)"


def submit(
    text: bytes, *, coding: int = 0, esm: int = 0, more: bytes = b"", command: int = SUBMIT_SM
) -> bytes:
    """Return a submit_sm or deliver_sm between two numbers."""
    addresses = b"\x01\x01" + NUMBER + b"\0" + b"\x01\x01" + NUMBER + b"\0"
    head = b"AVISO\0" + addresses + bytes((esm, 0, 0)) + b"\0\0" + bytes((1, 0, coding, 0, len(text)))
    return pdu(command, 7, head + text + more)


def bind(password: bytes = b"s3creto") -> bytes:
    """Return a bind_transceiver."""
    return pdu(BIND_TRANSCEIVER, 1, b"mcn7\0" + password + b"\0VMS2\0" + b"\x34\x01\x01" + b"55*\0")


@pytest.mark.parametrize("command", [SUBMIT_SM, DELIVER_SM])
def test_addresses_and_digits_of_a_text_are_starred_in_their_places(command: int) -> None:
    """Both addresses whole, each digit of the text; every other octet stays."""
    original = submit(TEXT.encode(), command=command)
    shown = masked(original)
    expected = original.replace(NUMBER, b"*" * 12).replace(TEXT.encode(), STARRED.encode())
    assert shown == expected


def test_ucs2_digits_are_starred_as_units() -> None:
    """A UCS-2 text stays one, also with digits of other scripts and beyond the first plane."""
    text = TEXT + " ٥ 𝟝"
    shown = read_submit(masked(submit(text.encode("utf-16-be"), coding=8)))
    assert shown.short_message.decode("utf-16-be") == STARRED + " * **"


def test_a_user_data_header_stays() -> None:
    """Its octets may look like digits; they are none."""
    header = b"\x05\x00\x03\x31\x32\x33"
    shown = read_submit(masked(submit(header + b"55 0123", esm=0x40)))
    assert shown.short_message == header + b"** ****"


@pytest.mark.parametrize("coding", [2, 4, 0xF5])
def test_nothing_of_a_binary_body_is_shown(coding: int) -> None:
    """A number may hide there as nibbles."""
    assert read_submit(masked(submit(b"\x55\x10\x32\x54", coding=coding))).short_message == b"****"


def test_parameters_are_masked_by_what_they_are() -> None:
    """Payload and texts lose digits, codes stay, whatever is unknown or may hold a number goes whole."""
    more = (
        parameter(RECEIPTED_MESSAGE_ID, b"A1B2"),
        parameter(0x020A, b"\x31\x32"),  # source_port
        parameter(0x0381, b"\x01\x01\x01" + NUMBER),  # callback_num
        parameter(0x1500, b"\x55\x10\x32"),
        parameter(MESSAGE_PAYLOAD, TEXT.encode()),
    )
    shown = masked(submit(b"", more=b"".join(more)))
    wanted = (
        parameter(RECEIPTED_MESSAGE_ID, b"A*B*"),
        more[1],
        parameter(0x0381, b"*" * 15),
        parameter(0x1500, b"***"),
        parameter(MESSAGE_PAYLOAD, STARRED.encode()),
    )
    assert shown.endswith(b"".join(wanted))


def test_a_password_is_never_shown() -> None:
    """With --clear only the password goes; else the digits of the address range too."""
    assert without_secrets(bind()) == bind(b"*******")
    assert masked(bind()) == bind(b"*******").replace(b"55*\0", b"***\0")


def test_a_bind_that_can_not_be_read_shows_no_octet_of_its_body() -> None:
    """Where its password lies can't be told."""
    cut = pdu(BIND_TRANSCEIVER, 1, b"mcn\0s3creto")
    for shown in (masked(cut), without_secrets(cut)):
        assert shown == pdu(BIND_TRANSCEIVER, 1, b"*" * 11)


def test_what_has_another_layout_or_none_keeps_no_digit() -> None:
    """query_sm and cancel_sm lose their addresses, submit_multi and the unknown every digit."""
    address = b"\x01\x01" + NUMBER + b"\0"
    starred = b"\x01\x01" + b"*" * 12 + b"\0"
    assert masked(pdu(QUERY_SM, 1, b"id12\0" + address)) == pdu(QUERY_SM, 1, b"id12\0" + starred)
    cancel = b"\0id12\0"
    assert masked(pdu(CANCEL_SM, 1, cancel + address * 2)) == pdu(CANCEL_SM, 1, cancel + starred * 2)
    for command in (SUBMIT_MULTI, 0x00010201):
        assert NUMBER not in masked(pdu(command, 1, b"\0" + address + b"\x01\x01" + address))


def test_clear_shows_all_but_passwords() -> None:
    """What is no bind comes as it is."""
    assert without_secrets(submit(TEXT.encode())) == submit(TEXT.encode())


@given(
    command=st.sampled_from(
        (SUBMIT_SM, DELIVER_SM, DATA_SM, BIND_TRANSCEIVER, QUERY_SM, 0x07, 0x0B, 0x102, 0x99)
    ),
    body=st.binary(max_size=80),
    length=st.one_of(st.none(), st.integers(0, 200)),
)
def test_whatever_comes_is_masked_in_its_length(command: int, body: bytes, length: int | None) -> None:
    """No body makes masking fail or change a length, and the header stays."""
    octets = pack(">IIII", 16 + len(body) if length is None else length, command, 0, 1) + body
    for shown in (masked(octets), without_secrets(octets)):
        assert len(shown) == len(octets)
        assert shown[:16] == octets[:16]


@given(text=st.text(st.characters(codec="ascii"), max_size=60).map(str.encode), wrapped=st.booleans())
def test_no_digit_of_a_text_is_left(text: bytes, *, wrapped: bool) -> None:
    """In short_message or message_payload."""
    octets = submit(b"", more=parameter(MESSAGE_PAYLOAD, text)) if wrapped else submit(text)
    assert not any(chr(octet).isdigit() for octet in read_submit(masked(octets)).body)

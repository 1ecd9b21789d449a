"""The simulator's own codec."""

from random import Random

import pytest
import smpp34
from hypothesis import given
from hypothesis import strategies as st

from adapters.simulator.notification import Address, Kind, Notification
from adapters.simulator.pdu import (
    DATA_SM,
    ENQUIRE_LINK,
    GENERIC_NACK,
    FrameBuffer,
    MalformedError,
    pdu,
    read_submit,
)
from adapters.simulator.traffic import Traffic

WEIGHTS = {"55": 0.5, "33": 0.3, "871": 0.2}
NOTIFICATIONS = [next(traffic) for traffic in [Traffic(Random(7), WEIGHTS)] for _ in range(600)]
SUBMITS = [one for one in NOTIFICATIONS if one.kind is not Kind.DATA]


def test_an_independent_codec_reads_the_notifications() -> None:
    """smpp34 finds the same addresses, flags, alphabet and octets in every submit_sm."""
    for number, notification in enumerate(SUBMITS, 1):
        read = smpp34.decode(notification.octets(number))
        assert isinstance(read, smpp34.SubmitSm)
        payload = [tlv.value for tlv in read.tlvs if tlv.tag == smpp34.TLV_MESSAGE_PAYLOAD]
        assert read.sequence_number == number
        assert (read.source_addr, read.destination_addr) == (
            notification.source.digits,
            notification.destination.digits,
        )
        assert (read.esm_class, read.protocol_id) == (notification.esm_class, notification.protocol_id)
        assert (read.short_message or payload[0]) == notification.body()
        assert bool(payload) == (notification.kind is Kind.PAYLOAD)


def test_our_reading_agrees_with_our_writing() -> None:
    """read_submit finds what a notification put in, data_sm included."""
    for number, notification in enumerate(NOTIFICATIONS, 1):
        read = read_submit(notification.octets(number))
        assert read.sequence == number
        assert read.body == notification.body()
        assert read.destination.decode() == notification.destination.digits
        assert read.esm_class == notification.esm_class


def test_data_sm_carries_its_text_in_the_payload() -> None:
    """4.7.1: data_sm has no short_message."""
    one = Notification(Address("5501234567", 2, 1), Address("523301234567", 1, 1), "Hola", kind=Kind.DATA)
    read = read_submit(one.octets(3))
    assert (read.command, read.short_message, read.payload) == (DATA_SM, b"", b"Hola")


@given(st.lists(st.integers(1, 60), min_size=1), st.data())
def test_any_cut_of_the_stream_gives_the_same_frames(cuts: list[int], data: st.DataObject) -> None:
    """Frames do not depend on how the stream arrives."""
    frames = [one.octets(number) for number, one in enumerate(data.draw(st.permutations(SUBMITS[:5])), 1)]
    stream, buffer, seen, at = b"".join(frames), FrameBuffer(), [], 0
    for cut in cuts:
        seen += buffer.feed(stream[at : at + cut])
        at += cut
    seen += buffer.feed(stream[at:])
    assert seen == frames


@pytest.mark.parametrize("length", [0, 15, 1 << 31])
def test_an_impossible_length_breaks_the_stream(length: int) -> None:
    """What came before is still given; nothing comes after."""
    buffer = FrameBuffer()
    good = pdu(ENQUIRE_LINK, 1)
    assert buffer.feed(good + length.to_bytes(4, "big") + bytes(12)) == [good]
    assert buffer.broken
    assert buffer.feed(good) == []


@pytest.mark.parametrize("kept", range(17, len(SUBMITS[0].octets(1))))
def test_a_cut_body_is_malformed(kept: int) -> None:
    """Every truncation of a submit raises MalformedError."""
    cut = SUBMITS[0].octets(1)[:kept]
    with pytest.raises(MalformedError):
        read_submit(cut)


def test_nack_is_a_bare_header() -> None:
    """4.3.1: generic_nack has no body."""
    assert pdu(GENERIC_NACK, 7, status=3) == bytes.fromhex("00000010 80000000 00000003 00000007")

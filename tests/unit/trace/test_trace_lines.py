"""Streams are cut into PDUs, and PDUs read well."""

from hypothesis import given
from hypothesis import strategies as st

from adapters.simulator.pdu import ENQUIRE_LINK, RESPONSE, SUBMIT_SM, pdu
from adapters.trace.cutter import PduCutter
from adapters.trace.readable import lines
from adapters.trace.record import Captured, Stream


@given(
    bodies=st.lists(st.binary(max_size=30), min_size=1, max_size=6),
    cuts=st.lists(st.integers(1, 40)),
    begun=st.integers(0, 15),
)
def test_pdus_come_out_whole_however_they_were_read(bodies: list[bytes], cuts: list[int], begun: int) -> None:
    """Also when the trace begins in the middle of one."""
    pdus = [pdu(SUBMIT_SM, n, body) for n, body in enumerate(bodies)]
    stream = b"".join(pdus)
    cutter = PduCutter(1024, stream[:begun])
    at, found = begun, []
    for size in [*cuts, len(stream)]:
        found += cutter.cut(stream[at : at + size])
        at += size
    assert found == pdus


def test_after_a_length_that_can_not_be_octets_come_as_they_are() -> None:
    """What went before is cut, the rest is shown whole."""
    good, bad = pdu(ENQUIRE_LINK, 1), b"\xff" * 20
    cutter = PduCutter(1024)
    assert cutter.cut(good + bad) == [good, bad]
    assert cutter.cut(b"more") == [b"more"]


def test_a_pdu_is_a_head_and_its_octets() -> None:
    """Time, session, direction, command, length, sequence, status; then 16 octets a line."""
    octets = pdu(SUBMIT_SM | RESPONSE, 9, b"id-1\0", status=0x45)
    assert list(lines(Captured(1_700_000_000.5, "0-1", Stream.FROM_SMSC, octets))) == [
        "2023-11-14T22:13:20.500000Z 0-1 smsc>node submit_sm_resp length=21 sequence=9 status=0x00000045",
        "  0000  00 00 00 15 80 00 00 04 00 00 00 45 00 00 00 09  ...........E....",
        "  0010  69 64 2d 31 00                                   id-1.",
    ]


def test_what_is_missing_and_what_is_no_pdu_is_said() -> None:
    """A reader learns of dropped octets, and of octets without a frame."""
    missed, head, _ = lines(Captured(0.0, "0-1", Stream.FROM_PLATFORM, b"\xff" * 16, missed=40))
    assert missed.endswith("platform>node 40 octets before this were dropped")
    assert head.endswith("not a PDU, 16 octets")

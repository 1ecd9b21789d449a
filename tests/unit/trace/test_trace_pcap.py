"""A pcap file of a trace: read back by its own rules, it holds what the legs carried."""

from collections.abc import Iterator
from ipaddress import ip_address
from struct import unpack_from
from typing import NamedTuple

from adapters.trace.pcap import LARGEST_SEGMENT, LINKTYPE_ETHERNET, PcapFrames, file_header
from adapters.trace.record import Captured, Endpoint, Ends, Stream

V4 = Ends(Endpoint("192.0.2.1", 2775), Endpoint("192.0.2.9", 40001))
V6 = Ends(Endpoint("2001:db8::1", 50001), Endpoint("2001:db8::9", 2775))


class Segment(NamedTuple):
    """One TCP segment of a file."""

    at: float
    source: tuple[str, int]
    destination: tuple[str, int]
    sequence: int
    acknowledged: int
    payload: bytes


def folded(octets: bytes) -> int:
    """Return the one's complement sum, 0xFFFF over octets with their right checksum (RFC 1071)."""
    octets += b"\0" * (len(octets) % 2)
    total: int = sum(unpack_from(f">{len(octets) // 2}H", octets))
    while total > 0xFFFF:
        total = (total >> 16) + (total & 0xFFFF)
    return total


def read_back(octets: bytes) -> Iterator[Segment]:
    """Read a pcap file; checksums and lengths must be right."""
    magic, major, minor, _, _, largest, link = unpack_from("<IHHiIII", octets)
    assert (magic, major, minor, link) == (0xA1B2C3D4, 2, 4, LINKTYPE_ETHERNET)
    at = 24
    while at < len(octets):
        seconds, micro, kept, size = unpack_from("<IIII", octets, at)
        assert kept == size <= largest
        frame = octets[at + 16 : at + 16 + kept]
        at += 16 + kept
        (kind,) = unpack_from(">H", frame, 12)
        packet = frame[14:]
        if kind == 0x0800:
            assert folded(packet[:20]) == 0xFFFF
            assert unpack_from(">H", packet, 2)[0] == len(packet)
            source, destination, tcp = packet[12:16], packet[16:20], packet[20:]
        else:
            assert kind == 0x86DD
            assert unpack_from(">H", packet, 4)[0] == len(packet) - 40
            source, destination, tcp = packet[8:24], packet[24:40], packet[40:]
        pseudo = source + destination + len(tcp).to_bytes(4, "big") + (6).to_bytes(4, "big")
        assert folded(pseudo + tcp) == 0xFFFF
        from_port, to_port, sequence, acknowledged = unpack_from(">HHII", tcp)
        yield Segment(
            seconds + micro / 1e6,
            (str(ip_address(source)), from_port),
            (str(ip_address(destination)), to_port),
            sequence,
            acknowledged,
            tcp[20:],
        )


def test_both_legs_are_connections_of_their_own() -> None:
    """Addresses, ports, instants and octets come back; each side acknowledges what the other sent."""
    frames = PcapFrames()
    request, answer = b"r" * 51, b"a" * 20
    file = file_header()
    file += frames.frames(Captured(1000.25, "0-1", Stream.FROM_PLATFORM, request), V4)
    file += frames.frames(Captured(1000.5, "0-1", Stream.TO_SMSC, request + b"ad"), V6)
    file += frames.frames(Captured(1001.0, "0-1", Stream.FROM_SMSC, answer), V6)
    file += frames.frames(Captured(1001.5, "0-1", Stream.TO_PLATFORM, answer), V4)
    platform, node = ("192.0.2.9", 40001), ("192.0.2.1", 2775)
    ours, smsc = ("2001:db8::1", 50001), ("2001:db8::9", 2775)
    assert list(read_back(file)) == [
        Segment(1000.25, platform, node, 1, 1, request),
        Segment(1000.5, ours, smsc, 1, 1, request + b"ad"),
        Segment(1001.0, smsc, ours, 1, 54, answer),
        Segment(1001.5, node, platform, 1, 52, answer),
    ]


def test_a_long_pdu_is_several_segments_in_order() -> None:
    """A PDU longer than an IP packet comes back whole."""
    octets = bytes(range(256)) * 256 + b"end"
    file = file_header() + PcapFrames().frames(Captured(1.0, "0-1", Stream.TO_SMSC, octets), V4)
    segments = list(read_back(file))
    assert b"".join(each.payload for each in segments) == octets
    assert [each.sequence for each in segments] == [1 + n * LARGEST_SEGMENT for n in range(len(segments))]


def test_dropped_octets_are_a_gap_and_numbers_wrap() -> None:
    """What the trace could not keep shows as missing; TCP counts modulo 2**32."""
    frames = PcapFrames()
    file = file_header()
    file += frames.frames(Captured(1.0, "0-1", Stream.TO_SMSC, b"one", missed=(1 << 32) - 2), V4)
    file += frames.frames(Captured(2.0, "0-1", Stream.TO_SMSC, b"two", missed=10), V4)
    assert [each.sequence for each in read_back(file)] == [(1 << 32) - 1, 12]

"""A trace as a pcap file: each leg a TCP connection between its real addresses.

The frames are made up: Ethernet (LINKTYPE_ETHERNET, 1), IP and TCP headers around the octets that the
legs carried, in clear also where they went as TLS. A leg begins without a handshake at sequence
number 1; octets that the trace had to drop are a gap in the numbers.
"""

from collections import defaultdict
from ipaddress import IPv4Address, ip_address
from struct import Struct, pack

from adapters.trace.record import Captured, Endpoint, Ends

LINKTYPE_ETHERNET = 1
LARGEST_SEGMENT = 16_384
_FILE = Struct("<IHHiIII")
_RECORD = Struct("<IIII")
_MAGIC = 0xA1B2C3D4  # microseconds
_LARGEST_FRAME = 65_535
_OUR_MAC = bytes.fromhex("020000000001")  # locally administered
_THEIR_MAC = bytes.fromhex("020000000002")
_ETHERTYPE_IPV4 = 0x0800
_ETHERTYPE_IPV6 = 0x86DD
_TCP = 6
_TTL = 64
_PSH_ACK = 0x18
_TCP_HEADER = 20
_WINDOW = 65_535


def file_header() -> bytes:
    """Return what a pcap file begins with."""
    return _FILE.pack(_MAGIC, 2, 4, 0, 0, _LARGEST_FRAME, LINKTYPE_ETHERNET)


class PcapFrames:
    """Turns PDUs into frames; keeps each leg's sequence numbers."""

    def __init__(self) -> None:
        self._sent: dict[tuple[str, bool, bool], int] = defaultdict(lambda: 1)

    def frames(self, captured: Captured, ends: Ends) -> bytes:
        """Return the records of one PDU on the leg with these ends."""
        leg = (captured.session, captured.stream.on_platform_leg)
        inward = captured.stream.inward
        self._add((*leg, inward), captured.missed)
        found: list[bytes] = []
        for start in range(0, len(captured.octets), LARGEST_SEGMENT):
            piece = captured.octets[start : start + LARGEST_SEGMENT]
            sequence, acknowledged = self._sent[*leg, inward], self._sent[*leg, not inward]
            segment = _segment(ends, piece, sequence, acknowledged, inward=inward)
            found.append(_record(captured.at, segment))
            self._add((*leg, inward), len(piece))
        return b"".join(found)

    def _add(self, direction: tuple[str, bool, bool], octets: int) -> None:
        self._sent[direction] = (self._sent[direction] + octets) % (1 << 32)


def _record(at: float, frame: bytes) -> bytes:
    microseconds = round(at * 1_000_000)
    seconds, rest = divmod(microseconds, 1_000_000)
    return _RECORD.pack(seconds, rest, len(frame), len(frame)) + frame


def _segment(ends: Ends, payload: bytes, sequence: int, acknowledged: int, *, inward: bool) -> bytes:
    """Return one Ethernet frame."""
    sender, receiver = (ends.theirs, ends.ours) if inward else (ends.ours, ends.theirs)
    macs = _OUR_MAC + _THEIR_MAC if inward else _THEIR_MAC + _OUR_MAC  # to, from
    source, destination = _address(sender), _address(receiver)
    size = _TCP_HEADER + len(payload)
    head = (sender.port, receiver.port, sequence, acknowledged, _TCP_HEADER // 4 << 4, _PSH_ACK, _WINDOW)
    pseudo = source + destination + pack(">II", size, _TCP)
    bare = pack(">HHIIBBHHH", *head, 0, 0) + payload
    tcp = pack(">HHIIBBHHH", *head, _checksum(pseudo + bare), 0) + payload
    return macs + _packet(source, destination, size) + tcp


def _address(end: Endpoint) -> bytes:
    return ip_address(end.host.partition("%")[0]).packed  # without an IPv6 zone


def _packet(source: bytes, destination: bytes, size: int) -> bytes:
    """Return ethertype and IP header (RFC 791, RFC 8200)."""
    if len(source) == len(IPv4Address(0).packed):
        fields = (0x45, 0, 20 + size, 0, 0x4000, _TTL, _TCP)
        bare = pack(">BBHHHBBH", *fields, 0) + source + destination
        head = pack(">BBHHHBBH", *fields, _checksum(bare)) + source + destination
        return pack(">H", _ETHERTYPE_IPV4) + head
    return pack(">HIHBB", _ETHERTYPE_IPV6, 6 << 28, size, _TCP, _TTL) + source + destination


def _checksum(octets: bytes) -> int:
    """Return the one's complement sum of RFC 1071."""
    padded = octets + b"\0" * (len(octets) % 2)
    total = sum(int.from_bytes(padded[at : at + 2], "big") for at in range(0, len(padded), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF

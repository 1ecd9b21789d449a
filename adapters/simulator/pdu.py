"""The SMPP 3.4 PDUs the simulator reads and writes: its own reading of the specification."""

import struct
from typing import Final, NamedTuple

HEADER: Final = struct.Struct(">IIII")
HEADER_OCTETS: Final = 16
LARGEST_PDU: Final = 1 << 17  # a 64 KiB message_payload and every other field at its longest

# Command ids, 5.1.2.1
GENERIC_NACK: Final = 0x80000000
BIND_RECEIVER: Final = 0x01
BIND_TRANSMITTER: Final = 0x02
QUERY_SM: Final = 0x03
SUBMIT_SM: Final = 0x04
DELIVER_SM: Final = 0x05
UNBIND: Final = 0x06
REPLACE_SM: Final = 0x07
CANCEL_SM: Final = 0x08
BIND_TRANSCEIVER: Final = 0x09
ENQUIRE_LINK: Final = 0x15
SUBMIT_MULTI: Final = 0x21
DATA_SM: Final = 0x103
RESPONSE: Final = 0x80000000

# Statuses, 5.1.3
ESME_ROK: Final = 0x00
ESME_RINVMSGLEN: Final = 0x01
ESME_RINVCMDLEN: Final = 0x02
ESME_RINVCMDID: Final = 0x03
ESME_RINVBNDSTS: Final = 0x04
ESME_RALYBND: Final = 0x05
ESME_RSYSERR: Final = 0x08
ESME_RBINDFAIL: Final = 0x0D
ESME_RINVPASWD: Final = 0x0E
ESME_RINVSYSID: Final = 0x0F
ESME_RCANCELFAIL: Final = 0x11
ESME_RREPLACEFAIL: Final = 0x13
ESME_RSUBMITFAIL: Final = 0x45
ESME_RTHROTTLED: Final = 0x58
ESME_RQUERYFAIL: Final = 0x67
VENDOR_STATUS: Final = 0x400  # 0x400-0x4FF are for the SMSC's maker

# Optional parameters, 5.3.2
RECEIPTED_MESSAGE_ID: Final = 0x001E
SAR_MSG_REF_NUM: Final = 0x020C
SAR_TOTAL_SEGMENTS: Final = 0x020E
SAR_SEGMENT_SEQNUM: Final = 0x020F
NETWORK_ERROR_CODE: Final = 0x0423
MESSAGE_PAYLOAD: Final = 0x0424
MESSAGE_STATE: Final = 0x0427

UDH_INDICATOR: Final = 0x40  # esm_class bit 6, 5.2.12


class MalformedError(ValueError):
    """A body whose fields do not lie inside its length."""


class Submit(NamedTuple):
    """What a submit_sm (4.4.1) or data_sm (4.7.1) says, as far as the simulator needs it."""

    command: int
    sequence: int
    source: bytes
    destination: bytes
    esm_class: int
    registered_delivery: int
    data_coding: int
    short_message: bytes
    payload: bytes

    @property
    def body(self) -> bytes:
        """The octets of the message, wherever they were put."""
        return self.short_message or self.payload


class Bind(NamedTuple):
    """Who binds, and with which password."""

    system_id: str
    password: str


class FrameBuffer:
    """Cuts a stream into PDUs; after a length that cannot be, `broken` is True and nothing more comes out."""

    def __init__(self) -> None:
        self._rest = b""
        self.broken = False

    def feed(self, data: bytes) -> list[bytes]:
        """Return the PDUs that are complete now."""
        if self.broken:
            return []
        if self._rest:
            data = self._rest + data
        frames: list[bytes] = []
        at, end = 0, len(data)
        while end - at >= HEADER_OCTETS:
            length = int.from_bytes(data[at : at + 4], "big")
            if not HEADER_OCTETS <= length <= LARGEST_PDU:
                self.broken = True
                break
            if end - at < length:
                break
            frames.append(data[at : at + length])
            at += length
        self._rest = data[at:]
        return frames


def pdu(command: int, sequence: int, body: bytes = b"", status: int = ESME_ROK) -> bytes:
    """Return a whole PDU."""
    return HEADER.pack(HEADER_OCTETS + len(body), command, status, sequence) + body


def numbered(octets: bytes, sequence: int) -> bytes:
    """Return the same PDU under another sequence number."""
    return octets[:12] + sequence.to_bytes(4, "big") + octets[HEADER_OCTETS:]


def parameter(tag: int, value: bytes) -> bytes:
    """Return one optional parameter (5.3.1)."""
    return struct.pack(">HH", tag, len(value)) + value


def parameters(octets: bytes) -> dict[int, bytes]:
    """Return the optional parameters by tag. Raises `MalformedError` when one runs past the end."""
    found: dict[int, bytes] = {}
    at, end = 0, len(octets)
    while at < end:
        if end - at < 4:
            raise MalformedError("a parameter's header is cut off")
        tag, length = struct.unpack_from(">HH", octets, at)
        at += 4
        if end - at < length:
            raise MalformedError("a parameter runs past the end of its PDU")
        found[tag] = octets[at : at + length]
        at += length
    return found


def read_bind(frame: bytes) -> Bind:
    """Read the head of a bind_* body (4.1). Raises `MalformedError`."""
    fields = frame[HEADER_OCTETS:].split(b"\0", 2)
    if len(fields) < 3:
        raise MalformedError("system_id or password has no end")
    return Bind(fields[0].decode("latin-1"), fields[1].decode("latin-1"))


def read_message_id(frame: bytes) -> str:
    """Return the first C-Octet string of a body: a message_id in query, cancel, replace and answers."""
    return frame[HEADER_OCTETS:].split(b"\0", 1)[0].decode("latin-1")


def read_submit(frame: bytes) -> Submit:
    """Read a submit_sm or data_sm. Raises `MalformedError`."""
    command = int.from_bytes(frame[4:8], "big")
    sequence = int.from_bytes(frame[12:16], "big")
    try:
        source_at = frame.index(0, HEADER_OCTETS) + 3  # past service_type, ton, npi
        source_end = frame.index(0, source_at)
        destination_at = source_end + 3
        destination_end = frame.index(0, destination_at)
        at = destination_end + 1
        if command == DATA_SM:
            esm_class, registered, coding = frame[at], frame[at + 1], frame[at + 2]
            short, tail = b"", at + 3
        else:
            esm_class = frame[at]
            schedule_end = frame.index(0, at + 3)
            at = frame.index(0, schedule_end + 1) + 1  # past validity_period
            registered, coding, length = frame[at], frame[at + 2], frame[at + 4]
            tail = at + 5 + length
            short = frame[at + 5 : tail]
            if len(short) < length:
                raise MalformedError("sm_length runs past the end of the PDU")
    except (ValueError, IndexError) as fault:
        raise MalformedError("a mandatory field has no end") from fault
    payload = parameters(frame[tail:]).get(MESSAGE_PAYLOAD, b"") if tail < len(frame) else b""
    source, destination = frame[source_at:source_end], frame[destination_at:destination_end]
    return Submit(command, sequence, source, destination, esm_class, registered, coding, short, payload)

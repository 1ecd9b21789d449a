"""One missed-call notification as a platform submits it."""

import struct
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from adapters.simulator.handset import gsm_octets
from adapters.simulator.pdu import (
    DATA_SM,
    MESSAGE_PAYLOAD,
    SAR_MSG_REF_NUM,
    SAR_SEGMENT_SEQNUM,
    SAR_TOTAL_SEGMENTS,
    SUBMIT_SM,
    UDH_INDICATOR,
    parameter,
    pdu,
)

PREDEFINED_REPLACE: Final = 0x41  # protocol_id "replace short message type 1", TS 23.040 9.2.3.9
_CODECS: Final = {1: "ascii", 3: "latin-1", 4: "latin-1", 8: "utf-16-be"}


class Kind(StrEnum):
    """How a notification is put into a PDU."""

    PLAIN = "plain"
    PAYLOAD = "payload"  # text in message_payload
    DATA = "data"  # data_sm
    CONCATENATED = "concatenated"  # a part with a user data header
    SEGMENTED = "segmented"  # a part with sar_* parameters
    FLASH = "flash"
    BINARY = "binary"
    REPLACING = "replacing"  # protocol_id asks to replace an older message
    SCHEDULED = "scheduled"


# aiosmpplib has no data_sm and raises on data_coding 0x10 and 0x04.
RAW_ONLY: Final = frozenset({Kind.DATA, Kind.FLASH, Kind.BINARY})


@dataclass(frozen=True, slots=True)
class Address:
    """A number or name with its type of number and numbering plan (5.2.5, 5.2.6)."""

    digits: str
    ton: int
    npi: int


@dataclass(frozen=True, slots=True)
class Notification:
    """Who was called by whom, and the text that says so.

    `data_coding` is the text's alphabet (0 GSM 7-bit unpacked, 1, 3, 4 or 8); FLASH submits 0x10 for 0.
    """

    source: Address
    destination: Address
    text: str
    data_coding: int = 0
    kind: Kind = Kind.PLAIN
    registered_delivery: int = 0
    service_type: str = ""

    @property
    def esm_class(self) -> int:
        """5.2.12: a user data header in concatenated parts, else nothing."""
        return UDH_INDICATOR if self.kind is Kind.CONCATENATED else 0

    @property
    def protocol_id(self) -> int:
        """TS 23.040 9.2.3.9."""
        return PREDEFINED_REPLACE if self.kind is Kind.REPLACING else 0

    def body(self) -> bytes:
        """Return the message's octets, header of a concatenated part included."""
        text = gsm_octets(self.text) if self.data_coding == 0 else self.text.encode(_CODECS[self.data_coding])
        return b"\x05\x00\x03\x41\x02\x01" + text if self.kind is Kind.CONCATENATED else text

    def octets(self, sequence: int) -> bytes:
        """Return the PDU under a sequence number."""
        body = self.body()
        coding = 0x10 if self.kind is Kind.FLASH else self.data_coding
        head = self.service_type.encode("ascii") + b"\0" + _address(self.source) + _address(self.destination)
        if self.kind is Kind.DATA:
            fields = struct.pack(">BBB", self.esm_class, self.registered_delivery, coding)
            return pdu(DATA_SM, sequence, head + fields + parameter(MESSAGE_PAYLOAD, body))
        in_payload = self.kind is Kind.PAYLOAD
        times = (b"000000010000000R\0" if self.kind is Kind.SCHEDULED else b"\0") + b"\0"
        fields = struct.pack(">BBB", self.esm_class, self.protocol_id, 0) + times
        fields += struct.pack(
            ">BBBBB", self.registered_delivery, 0, coding, 0, 0 if in_payload else len(body)
        )
        fields += parameter(MESSAGE_PAYLOAD, body) if in_payload else body
        return pdu(SUBMIT_SM, sequence, head + fields + self._segment())

    def _segment(self) -> bytes:
        if self.kind is not Kind.SEGMENTED:
            return b""
        first = parameter(SAR_MSG_REF_NUM, b"\x00\x41") + parameter(SAR_TOTAL_SEGMENTS, b"\x02")
        return first + parameter(SAR_SEGMENT_SEQNUM, b"\x01")


def _address(address: Address) -> bytes:
    return bytes((address.ton, address.npi)) + address.digits.encode("ascii") + b"\0"

"""A message that a handset writes to a short code, as the SMSC delivers it (SMPP 3.4 §4.6.1)."""

from dataclasses import dataclass
from typing import Final

from adapters.simulator.handset import gsm_octets
from adapters.simulator.pdu import DELIVER_SM, pdu

_WIDE: Final = 8


@dataclass(frozen=True, slots=True)
class HandsetMessage:
    """Who writes, to which address, what."""

    source: str
    destination: str
    text: str

    def octets(self, sequence: int) -> bytes:
        """Return the deliver_sm, in the GSM alphabet where that holds the text, else in UCS-2."""
        try:
            coding, body = 0, gsm_octets(self.text)
        except UnicodeEncodeError:
            coding, body = _WIDE, self.text.encode("utf-16-be")
        source, destination = self.source.encode("ascii"), self.destination.encode("ascii")
        addresses = b"\0\x01\x01" + source + b"\0\0\x01" + destination + b"\0"
        fields = bytes((0, 0, 0, 0, 0, 0, 0, coding, 0, len(body)))
        return pdu(DELIVER_SM, sequence, addresses + fields + body)

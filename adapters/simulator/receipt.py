"""Delivery receipts as deliver_sm: Appendix B's text, and the optional parameters that say the same."""

import struct
from dataclasses import dataclass
from datetime import datetime

from adapters.simulator.pdu import (
    DELIVER_SM,
    MESSAGE_STATE,
    NETWORK_ERROR_CODE,
    RECEIPTED_MESSAGE_ID,
    Submit,
    parameter,
    pdu,
)


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of one accepted submit."""

    submit: Submit
    message_id: str
    delivered: bool
    ad: str | None
    text: str
    at: datetime

    def octets(self, sequence: int) -> bytes:
        """Return the deliver_sm (4.6.1), from the handset to who submitted; addresses change sides."""
        state, error = ("DELIVRD", 0) if self.delivered else ("UNDELIV", 1)
        day = self.at.strftime("%y%m%d%H%M")
        start = self.text[:20].encode("ascii", "replace").decode("ascii")
        text = (
            f"id:{self.message_id} sub:001 dlvrd:{int(self.delivered):03d} submit date:{day} "
            f"done date:{day} stat:{state} err:{error:03d} text:{start}"
        ).encode("ascii")
        addresses = b"\0\x01\x01" + self.submit.destination + b"\0\x01\x01" + self.submit.source + b"\0"
        # esm_class 0x04 is a receipt (5.2.12)
        fields = struct.pack(">BBBBBBBBBB", 0x04, 0, 0, 0, 0, 0, 0, 0, 0, len(text))
        extra = (
            parameter(RECEIPTED_MESSAGE_ID, self.message_id.encode("ascii") + b"\0")
            + parameter(MESSAGE_STATE, b"\x02" if self.delivered else b"\x05")
            + parameter(NETWORK_ERROR_CODE, struct.pack(">BH", 3, error))
        )
        return pdu(DELIVER_SM, sequence, addresses + fields + text + extra)


def is_wanted(registered_delivery: int, *, delivered: bool) -> bool:
    """Tell whether 5.2.17 bits 1-0 ask for a receipt: 01 always, 10 on failure."""
    asked = registered_delivery & 0x03
    return asked == 1 or (asked == 2 and not delivered)

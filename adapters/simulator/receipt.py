"""Delivery receipts as deliver_sm: Appendix B's text, and the optional parameters that say the same."""

import struct
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

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
class ReceiptForm:
    """How receipts are written: their ids (None: as `receipt_id` of the SMSC), and where they say it.

    `parts` is "both", "text" or "tlv"; `states` are what Appendix B and message_state say of what was
    delivered and of what failed; `repeated` and `missing` are shares of receipts sent twice, or never.
    """

    tlv_id: str | None = None
    parts: Literal["both", "text", "tlv"] = "both"
    states: tuple[tuple[str, int], tuple[str, int]] = (("DELIVRD", 2), ("UNDELIV", 5))
    repeated: float = 0.0
    missing: float = 0.0


AS_USUAL: Final = ReceiptForm()


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of one accepted submit; `tlv_id` is the id that the parameter has."""

    submit: Submit
    message_id: str
    tlv_id: str
    form: ReceiptForm
    delivered: bool
    ad: str | None
    text: str
    at: datetime

    def octets(self, sequence: int) -> bytes:
        """Return the deliver_sm (4.6.1), from the handset to who submitted; addresses change sides."""
        error = 0 if self.delivered else 1
        state, number = self.form.states[error]
        day = self.at.strftime("%y%m%d%H%M")
        start = self.text[:20].encode("ascii", "replace").decode("ascii")
        text = (
            f"id:{self.message_id} sub:001 dlvrd:{int(self.delivered):03d} submit date:{day} "
            f"done date:{day} stat:{state} err:{error:03d} text:{start}"
        ).encode("ascii")
        addresses = b"\0\x01\x01" + self.submit.destination + b"\0\x01\x01" + self.submit.source + b"\0"
        if self.form.parts == "tlv":
            text = b""
        # esm_class 0x04 is a receipt (5.2.12)
        fields = struct.pack(">BBBBBBBBBB", 0x04, 0, 0, 0, 0, 0, 0, 0, 0, len(text))
        extra = (
            parameter(RECEIPTED_MESSAGE_ID, self.tlv_id.encode("ascii") + b"\0")
            + parameter(MESSAGE_STATE, bytes((number,)))
            + parameter(NETWORK_ERROR_CODE, struct.pack(">BH", 3, error))
        )
        if self.form.parts == "text":
            extra = b""
        return pdu(DELIVER_SM, sequence, addresses + fields + text + extra)


def is_wanted(registered_delivery: int, *, delivered: bool) -> bool:
    """Tell whether 5.2.17 bits 1-0 ask for a receipt: 01 always, 10 on failure."""
    asked = registered_delivery & 0x03
    return asked == 1 or (asked == 2 and not delivered)

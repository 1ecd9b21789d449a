"""Answers and receipts picked out of a trace, for learning the form of their message_ids."""

from adapters.smpp.constants import (
    DATA_SM,
    DATA_SM_RESP,
    DELIVER_SM,
    HEADER_OCTETS,
    SUBMIT_SM,
    SUBMIT_SM_RESP,
)
from adapters.smpp.locate import Cut, locate_data_sm, locate_submit_sm
from adapters.smpp.receipts import read_receipt
from adapters.trace.record import Captured, Stream
from engine.receipt_forms import FormsSeen
from segments.numbers import national

MOST_WAITING = 10_000


class ReceiptPicker:
    """Reads the SMSC's legs: whom a request went to, which id its answer has, what receipts say."""

    def __init__(self, seen: FormsSeen) -> None:
        self._seen = seen
        self._cut = Cut()
        self._waiting: dict[tuple[str, bytes], int] = {}

    def take(self, captured: Captured) -> None:
        """Take in a PDU."""
        octets = captured.octets
        command, end = int.from_bytes(octets[4:8], "big"), len(octets)
        key = captured.session, octets[12:HEADER_OCTETS]
        if captured.stream is Stream.TO_SMSC and command in (SUBMIT_SM, DATA_SM):
            locate = locate_submit_sm if command == SUBMIT_SM else locate_data_sm
            if len(self._waiting) < MOST_WAITING and locate(octets, 0, end, self._cut):
                self._waiting[key] = national(self._cut.destination)
        elif captured.stream is Stream.FROM_SMSC and command in (SUBMIT_SM_RESP, DATA_SM_RESP):
            subscriber = self._waiting.pop(key, None)
            if subscriber is not None:
                self._seen.answer(octets[HEADER_OCTETS:].partition(b"\0")[0], subscriber)
        elif captured.stream is Stream.FROM_SMSC and command in (DELIVER_SM, DATA_SM):
            receipt = read_receipt(octets, 0, end, command)
            if receipt is not None:
                self._seen.receipt(receipt.text_id, receipt.tlv_id, national(receipt.source))

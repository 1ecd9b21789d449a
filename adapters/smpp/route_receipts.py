"""Receipts of one route on one worker: asked for, waited for, recognised, swallowed."""

from collections.abc import Callable
from typing import Final

from librt.strings import BytesWriter

from adapters.smpp.constants import HEADER_OCTETS
from adapters.smpp.receipts import Receipt, read_receipt, registered_at
from engine.journal import ENTRY, Kind
from engine.receipts import (
    DELIVERED,
    FINAL,
    Form,
    RouteHash,
    always,
    asks_more,
    is_asked,
    masked,
    normalised,
)
from engine.recorder import Insertion, Recorder
from segments.numbers import national

_pack = ENTRY.pack
_AWAITED: Final = int(Kind.AWAITED)
_RECEIPT: Final = int(Kind.RECEIPT)
_WORD: Final = 0xFFFFFFFF


class ReceiptProfile:
    """What `receipts` in the settings says, for all routes of a worker.

    `requests`: notifications with an ad ask for a receipt, and receipts that the platform does not
    expect are swallowed. `failures`: the platform expects failures. `more` counts submits that asked
    for more than that; the first one ends `requests`.
    """

    __slots__ = ("failures", "more", "requests")

    def __init__(self, requests: bool, failures: bool) -> None:
        self.requests = requests
        self.failures = failures
        self.more = 0


class RouteReceipts:
    """One route's receipts. Whatever goes wrong here is alarmed and changes nothing that is relayed.

    `states` counts recognised receipts by state, `swallowed` those of them that were answered here.
    """

    __slots__ = (
        "_alarm",
        "_hash",
        "_recorder",
        "_text_form",
        "_tlv_form",
        "profile",
        "states",
        "swallowed",
    )

    def __init__(
        self,
        route_hash: RouteHash,
        recorder: Recorder,
        profile: ReceiptProfile,
        alarm: Callable[[Exception], None],
        text_form: Form = "as-is",
        tlv_form: Form = "as-is",
    ) -> None:
        self._hash = route_hash
        self._recorder = recorder
        self._alarm = alarm
        self._text_form: Form = text_form
        self._tlv_form: Form = tlv_form
        self.profile = profile
        self.states = [0] * 9
        self.swallowed = 0

    def submitted(self, buffer: bytes, start: int, end: int, command: int) -> None:
        """Look at what a request of the platform asks for, while the profile is in force."""
        profile = self.profile
        if not profile.requests:
            return
        try:
            where = registered_at(buffer, start, end, command)
            if where and asks_more(buffer[where], failures=profile.failures):
                profile.more += 1
                profile.requests = False
        except Exception as error:  # noqa: BLE001  # no fault of ours may cost a notification
            self._alarm(error)

    def inserted(
        self,
        out: BytesWriter,
        begun: int,
        buffer: bytes,
        start: int,
        end: int,
        command: int,
        insertion: Insertion,
    ) -> None:
        """Let the request at `start:end` ask as the profile wants, and `insertion` know whom it waits for.

        `begun` is where it begins in `out` with its ad, which lies behind registered_delivery.
        """
        try:
            where = registered_at(buffer, start, end, command)
            asked = buffer[where]
            if self.profile.requests:
                asked = always(asked)
                out[begun + where - start] = asked
            if is_asked(asked):
                insertion.awaits = national(_destination(buffer, start, end))
        except Exception as error:  # noqa: BLE001  # it leaves as it is
            self._alarm(error)

    def accepted(self, buffer: bytes, start: int, end: int, insertion: Insertion) -> None:
        """Journal that an accepted insertion waits for its receipt; the answer lies at `start:end`."""
        try:
            message_id = normalised(buffer[start + HEADER_OCTETS : end].partition(b"\0")[0])
            if not message_id:
                return
            number = self._hash.of(message_id, insertion.awaits)
            self._recorder.note(
                _pack(
                    _AWAITED,
                    0,
                    0,
                    insertion.campaign,
                    insertion.creative_version,
                    insertion.place,
                    insertion.hour,
                    number,
                )
            )
        except Exception as error:  # noqa: BLE001  # the answer goes on whatever our books suffer
            self._alarm(error)

    def swallows(self, buffer: bytes, start: int, end: int, command: int) -> bool:
        """Book what the SMSC's deliver_sm or data_sm says; True when the platform does not expect it."""
        try:
            receipt = read_receipt(buffer, start, end, command)
            if receipt is None or receipt.intermediate:
                return False
            self.states[receipt.state] += 1
            self._book(receipt)
        except Exception as error:  # noqa: BLE001  # in doubt it passes
            self._alarm(error)
            return False
        profile = self.profile
        if not profile.requests or (profile.failures and receipt.state != DELIVERED):
            return False
        self.swallowed += 1
        return True

    def _book(self, receipt: Receipt) -> None:
        subscriber = national(receipt.source)
        text_id, tlv_id = receipt.text_id, receipt.tlv_id
        if receipt.state not in FINAL:
            return
        message_id = normalised(tlv_id, self._tlv_form) if tlv_id else normalised(text_id, self._text_form)
        mask = masked(tlv_id or text_id, subscriber, in_text=bool(text_id), in_tlv=bool(tlv_id))
        self._recorder.note(
            _pack(
                _RECEIPT,
                receipt.state,
                0,
                mask & _WORD,
                mask >> 32,
                self._hash.number,
                self._recorder.hour,
                self._hash.of(message_id, subscriber),
            )
        )


def _destination(buffer: bytes, start: int, end: int) -> bytes:
    """Return the destination_addr of a submit_sm or data_sm that was located before."""
    at = buffer.index(0, start + HEADER_OCTETS, end) + 3
    at = buffer.index(0, at, end) + 3
    return buffer[at : buffer.index(0, at, end)]

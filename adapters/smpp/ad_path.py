"""A notification's way to an ad on one session: located, decided, spliced, recorded."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from librt.strings import BytesWriter

from adapters.smpp.constants import DATA_SM
from adapters.smpp.locate import Cut, locate
from adapters.smpp.look_ahead import subscribers_of
from adapters.smpp.open_insertions import OpenInsertions
from adapters.smpp.receipts import REGISTERED_BEFORE_LENGTH
from adapters.smpp.route_receipts import RouteReceipts
from adapters.smpp.splice import splice
from engine.decision import Creative
from engine.inserter import Inserter
from engine.reasons import Reason
from engine.receipts import ASKS_FOR_RECEIPT
from engine.recorder import Recorder
from segments.callers import size_bit

if TYPE_CHECKING:
    from mypy_extensions import i64

_UNPARSED: Final = Reason.UNPARSED
_UNANSWERED: Final = Reason.UNANSWERED
_INTERNAL_ERROR: Final = Reason.INTERNAL_ERROR


class AdPath:
    """Gives ads to the notifications of one session; a fault on the way costs the ad and is alarmed."""

    __slots__ = ("_alarm", "_cut", "_inserter", "_open", "_receipts", "_recorder")

    def __init__(
        self,
        inserter: Inserter,
        recorder: Recorder,
        insertions: OpenInsertions,
        receipts: RouteReceipts | None,
        alarm: Callable[[Exception], None],
    ) -> None:
        self._inserter = inserter
        self._recorder = recorder
        self._open = insertions
        self._receipts = receipts
        self._alarm = alarm
        self._cut = Cut()

    def look_ahead(self, buffer: bytes, max_pdu: i64, standing: Reason | None) -> None:
        """Tell a store of caps that is asked once a read whom this one is about."""
        inserter = self._inserter
        caps = inserter.caps
        if caps is None or not caps.store.batched or standing is not None or inserter.gate is not None:
            return
        try:
            caps.ahead(subscribers_of(buffer, max_pdu, self._cut, inserter))
        except Exception as error:  # noqa: BLE001  # the one rule: no fault of ours may cost a notification
            self._alarm(error)

    def chosen(self) -> None:
        """Let others at the caps: all ads of a read are chosen."""
        caps = self._inserter.caps
        if caps is not None:
            caps.store.close()

    def notification(
        self,
        out: BytesWriter,
        buffer: bytes,
        kept: i64,
        at: i64,
        end: i64,
        command: i64,
        sequence: int,
        standing: Reason | None,
        now: float,
    ) -> bool:
        """Count one notification; with an ad, write it and what waits before it from `kept` on.

        `standing` is why its session gets no ads, if so.
        """
        recorder = self._recorder
        recorder.notification()
        receipts = self._receipts
        if receipts is not None and receipts.profile.requests:
            receipts.submitted(buffer, at, end, command)
        written = len(out)
        try:
            self._open.reuse(sequence)
            outcome = self._decide(buffer, at, end, command, standing)
            if not isinstance(outcome, Creative):
                recorder.passed(outcome)
                return False
            if kept != at:
                out.write(buffer[kept:at])
            splice(out, buffer, at, end, self._cut, self._inserter.suffix)
            insertion = recorder.inserted(outcome, self._inserter.place, self._inserter.person, now)
            insertion.claim = self._inserter.claim
        except Exception as error:  # noqa: BLE001  # the one rule: no fault of ours may cost a notification
            out.truncate(written)
            recorder.passed(_INTERNAL_ERROR)
            self._alarm(error)
            return False
        if self._open.retry_on:
            insertion.original = buffer[at:end]
        if receipts is not None and (
            receipts.profile.requests
            or command == DATA_SM
            or buffer[self._cut.length_at - REGISTERED_BEFORE_LENGTH] & ASKS_FOR_RECEIPT
        ):
            receipts.inserted(out, written + at - kept, buffer, at, end, command, insertion)
        self._open.pending[sequence] = insertion
        return True

    def _decide(
        self, buffer: bytes, at: i64, end: i64, command: i64, standing: Reason | None
    ) -> Creative | Reason:
        inserter = self._inserter
        gate = inserter.gate
        if gate is None and len(self._open.pending) >= self._open.limit:
            gate = _UNANSWERED
        if standing is not None:
            return standing if gate is None else gate
        cut = self._cut
        if not locate(buffer, at, end, command, cut):
            return _UNPARSED if gate is None else gate
        body = buffer[cut.body_at : cut.body_end]
        if gate is None:
            subject = inserter.subject
            sizes = subject.caller_sizes
            if sizes:
                asked = sizes & size_bit(cut.source_end - cut.source_at)
                subject.caller = buffer[cut.source_at : cut.source_end] if asked else b""
            return inserter.consider(cut.service_type, cut.destination, cut.word, body)
        inserter.supplied(cut.service_type, cut.destination, cut.word, body)
        return gate

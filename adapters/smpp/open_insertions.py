"""The insertions of one session whose answer has not come, and those whose answer may still come late."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from adapters.smpp.constants import ESME_ROK, GENERIC_NACK
from adapters.smpp.route_receipts import RouteReceipts
from engine.breaker import Breaker
from engine.journal import Cause, Kind
from engine.recorder import Insertion, Recorder

if TYPE_CHECKING:
    from mypy_extensions import i64

# A late answer can only be told from a stranger's while its insertion is remembered.
LATE_LIMIT = 10_000
# What a platform that does not wait for answers, and an SMSC that gives none, may make us remember.
UNANSWERED_LIMIT: Final = 2000

# Machine code looks a global up in a dict, and a member of an enum in another one.
_UNKNOWN: Final = Kind.UNKNOWN
_REJECTED: Final = Kind.REJECTED
_ACCEPTED: Final = Kind.ACCEPTED
_NO_CAUSE: Final = Cause.NONE


class OpenInsertions:
    """What is known of them until their outcome is booked.

    `pending` and `late` hold them by sequence number; `limit` bounds how many may be pending. `retry_on`
    are the statuses (SMPP 3.4 §5.1.3) upon which an original goes out bare.
    """

    __slots__ = ("_alarm", "_breaker", "_receipts", "_recorder", "late", "limit", "pending", "retry_on")

    def __init__(
        self,
        recorder: Recorder,
        breaker: Breaker,
        receipts: RouteReceipts | None,
        alarm: Callable[[Exception], None],
        retry_on: frozenset[int],
    ) -> None:
        self._recorder = recorder
        self._breaker = breaker
        self._receipts = receipts
        self._alarm = alarm
        self.retry_on = retry_on
        self.pending: dict[int, Insertion] = {}
        self.late: dict[int, Insertion] = {}
        self.limit = UNANSWERED_LIMIT

    def reuse(self, sequence: int) -> None:
        """Give a sequence number to another notification: an answer can no longer be the older one's."""
        if self.pending and sequence in self.pending:
            self._end(self.pending.pop(sequence), _UNKNOWN, Cause.SEQUENCE_REUSED)
        elif self.late:
            self.late.pop(sequence, None)

    def withholds(self, insertion: Insertion, command: int, status: int, sendable: bool) -> bool:
        """Book an answer; True when it is withheld because the original (if `sendable`) goes out instead."""
        if status == ESME_ROK and command != GENERIC_NACK:
            self._end(insertion, _ACCEPTED, _NO_CAUSE, status)
            return False
        if command == GENERIC_NACK:
            self._end(insertion, _REJECTED, Cause.GENERIC_NACK, status)
            return False
        if status in self.retry_on and insertion.original:
            self._end(insertion, _REJECTED, Cause.AD_REFUSED_BY_SMSC, status)
            return sendable
        self._end(insertion, _REJECTED, Cause.STATUS, status)
        return False

    def answered_late(
        self, buffer: bytes, at: i64, end: i64, command: i64, status: i64, sequence: int
    ) -> bool:
        """Correct an insertion that was unknown; False when the sequence number is none of one."""
        insertion = self.late.pop(sequence, None)
        if insertion is None:
            return False
        if command != GENERIC_NACK and status == ESME_ROK:
            self._end(insertion, Kind.LATE_ACCEPTED, _NO_CAUSE)
            if self._receipts is not None and insertion.awaits:
                self._receipts.accepted(buffer, at, end, insertion)
        else:
            self._end(insertion, Kind.LATE_REJECTED, Cause.STATUS)
        return True

    def expire(self, sent_before: float) -> None:
        """Close as unknown what was sent before that monotonic second and has no answer yet."""
        while self.pending:
            sequence, insertion = next(iter(self.pending.items()))
            if insertion.sent_at >= sent_before:
                return
            del self.pending[sequence]
            self._end(insertion, _UNKNOWN, Cause.NO_ANSWER)
            insertion.original = b""  # nothing is sent again so late
            if len(self.late) >= LATE_LIMIT:
                del self.late[next(iter(self.late))]
            self.late[sequence] = insertion

    def close(self) -> None:
        """Close as unknown everything that waits: the link is gone."""
        for insertion in self.pending.values():
            self._end(insertion, _UNKNOWN, Cause.LINK_LOST)
        self.pending.clear()
        self.late.clear()

    def _end(self, insertion: Insertion, kind: Kind, cause: Cause, status: int = 0) -> None:
        """Book an outcome; a fault here leaves the insertion open, and never keeps an answer back."""
        try:
            self._recorder.ended(insertion, kind, cause)
            if kind is _ACCEPTED:
                self._breaker.accepted(insertion.tally)
            elif kind is _REJECTED:
                self._breaker.refused(insertion.tally, status)
        except Exception as error:  # noqa: BLE001  # the answer goes on whatever our books suffer
            self._alarm(error)

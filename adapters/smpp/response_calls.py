"""Calls to response numbers on one session: found among its notifications, held, answered or let go on."""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct
from typing import TYPE_CHECKING, Final

from adapters.smpp.locate import Cut, locate
from adapters.smpp.own_answers import taken
from adapters.smpp.traffic import Traffic
from engine.inserter import Inserter
from engine.reasons import Reason
from engine.recorder import Recorder
from engine.responses import HeldCall, Responses

if TYPE_CHECKING:
    from mypy_extensions import i64

# What a request is to response numbers.
NO_CALL: Final = 0
HELD: Final = 1
PASSES: Final = 2

_AFTER_LENGTH: Final = Struct(">III")
_NO_CALLER: Final = Reason.NO_CALLER
_LEAD_FAILED: Final = Reason.LEAD_FAILED


class ResponseCalls:
    """What a session does for the response numbers; `held` are the calls whose leads are to be written."""

    __slots__ = ("_alarm", "_cut", "_inserter", "_recorder", "_responses", "held")

    def __init__(
        self,
        responses: Responses,
        inserter: Inserter,
        recorder: Recorder,
        alarm: Callable[[Exception], None],
    ) -> None:
        self._responses = responses
        self._inserter = inserter
        self._recorder = recorder
        self._alarm = alarm
        self._cut = Cut()
        self.held: list[HeldCall] = []

    def found(self, buffer: bytes, at: i64, end: i64, command: i64) -> int:
        """Hold a call to a live response number; PASSES says that one has no caller and goes on, counted."""
        cut = self._cut
        responses = self._responses
        try:
            if not locate(buffer, at, end, command, cut):
                return NO_CALL
            assignment = responses.assignment(cut.destination)
            if not assignment or not self._inserter.may_call(cut.service_type, cut.word):
                return NO_CALL
            if not responses.called(assignment, buffer[cut.source_at : cut.source_end]):
                self._recorder.notification()
                self._recorder.passed(_NO_CALLER)
                return PASSES
            self.held.append(HeldCall(buffer[at:end], responses.message_id()))
        except Exception as error:  # noqa: BLE001  # no fault of ours may cost a notification
            self._alarm(error)
            return NO_CALL
        return HELD

    def keep(self) -> bool:
        """Write this read's leads to their journal; False where that fails."""
        try:
            return self._responses.keep()
        except Exception as error:  # noqa: BLE001  # no fault of ours may cost a notification
            self._alarm(error)
            return False


def accept(calls: list[HeldCall], recorder: Recorder, traffic: Traffic) -> bytes:
    """Count calls whose leads are on the disk; return their answers (SMPP 3.4 §4.4.2, §4.7.2)."""
    answers = []
    for call in calls:
        recorder.notification()
        recorder.consumed()
        command, _, sequence = _AFTER_LENGTH.unpack_from(call.original, 4)
        answers.append(taken(command, sequence, call.message_id, traffic))
    traffic.route.consumed += len(calls)
    return b"".join(answers)


def let_go(calls: list[HeldCall], recorder: Recorder) -> bytes:
    """Count calls whose leads are not on the disk; return them as they came."""
    for _ in calls:
        recorder.notification()
        recorder.passed(_LEAD_FAILED)
    return b"".join([call.original for call in calls])


def without(buffer: bytes, upto: i64, pieces: list[int]) -> bytes:
    """Return a buffer up to an offset without the stretches that were cut out (begin, end, begin …)."""
    bounds = [0, *pieces, upto]
    return b"".join([buffer[bounds[each] : bounds[each + 1]] for each in range(0, len(bounds), 2)])

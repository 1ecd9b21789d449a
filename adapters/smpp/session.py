"""One mirrored session, sans I/O: octets of either leg in, octets for the other leg out (SMPP 3.4 §2.2)."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from struct import Struct
from typing import TYPE_CHECKING, Final

from librt.strings import BytesWriter, read_i64_be

from adapters.smpp.constants import (
    BIND_RESPONSES,
    BINDS,
    DATA_SM,
    DATA_SM_RESP,
    DELIVER_SM,
    ESME_RINVBNDSTS,
    ESME_RINVCMDLEN,
    ESME_ROK,
    GENERIC_NACK,
    HEADER_OCTETS,
    RESPONSE,
    SENDING_BINDS,
    SUBMIT_MULTI,
    SUBMIT_SM,
    SUBMIT_SM_RESP,
    UNBIND,
)
from adapters.smpp.locate import Cut, locate_data_sm, locate_submit_sm
from adapters.smpp.receipts import REGISTERED_BEFORE_LENGTH, REPLACE_SM
from adapters.smpp.route_receipts import RouteReceipts
from adapters.smpp.splice import splice
from adapters.smpp.traffic import NO_PROBE, RouteTraffic, Traffic
from engine.breaker import SAYS_NOTHING, Breaker
from engine.decision import Creative
from engine.inserter import Inserter
from engine.journal import Cause, Kind
from engine.reasons import Reason
from engine.receipts import ASKS_FOR_RECEIPT
from engine.recorder import Insertion, Recorder
from engine.responses import HeldCall, Responses

if TYPE_CHECKING:
    from mypy_extensions import i64

_HEADER: Final = Struct(">IIII")
_AFTER_LENGTH: Final = Struct(">III")
_LOW_HALF: Final = 0xFFFFFFFF

# What a request is to response numbers.
_NO_CALL: Final = 0
_HELD: Final = 1
_PASSES: Final = 2

# A system_id has 15 octets (SMPP 3.4 §4.1.1); of a longer one this much is kept, for the log.
NAME_OCTETS: Final = 64
# A late answer can only be told from a stranger's while its insertion is remembered.
LATE_LIMIT = 10_000
# What a platform that does not wait for answers, and an SMSC that gives none, may make us remember.
UNANSWERED_LIMIT: Final = 2000


class Stage(Enum):
    """How far a session has come."""

    OPENED = "opened"  # nothing complete has come from the platform
    BINDING = "binding"  # a bind is on its way, or was refused
    BOUND = "bound"  # the SMSC answered a transmitter's or transceiver's bind with ESME_ROK
    BROKEN = "broken"  # a frame could not be cut, or traffic came before a bind: flush and close


# Python takes 0.2 µs to look up a member of an enum, and machine code looks a global up in a dict.
_OPENED: Final = Stage.OPENED
_BINDING: Final = Stage.BINDING
_BOUND: Final = Stage.BOUND
_BROKEN: Final = Stage.BROKEN
_UNKNOWN: Final = Kind.UNKNOWN
_REJECTED: Final = Kind.REJECTED
_ACCEPTED: Final = Kind.ACCEPTED
_NO_CAUSE: Final = Cause.NONE
_NOT_BOUND: Final = Reason.NOT_BOUND
_SYSTEM_ID: Final = Reason.SYSTEM_ID
_UNPARSED: Final = Reason.UNPARSED
_UNANSWERED: Final = Reason.UNANSWERED
_INTERNAL_ERROR: Final = Reason.INTERNAL_ERROR
_NO_CALLER: Final = Reason.NO_CALLER
_LEAD_FAILED: Final = Reason.LEAD_FAILED


class Session:
    """One platform leg and its SMSC leg.

    `from_platform` and `from_smsc` return the octets to forward to the other leg. What the engine
    itself has to say waits in `to_platform` and `to_smsc` (taken by the owner after each call, and
    written after the forwarded octets of that leg). `alarm` is called with an exception that a
    notification's way to an ad ran into. `raw` relays octets as they come once a bind was seen,
    without looking at them or counting them (`relay.mode: bypass`). `unanswered` counts forwarded
    notifications whose answer has not come, `traffic` all that passes. `ending`, set by the owner, says
    that nothing can be sent to the SMSC any more: a refusal then passes; the platform may send again.
    `receipts` is told what concerns receipts; without it they pass like everything else. `responses` knows
    the response numbers: calls to them wait in `calls`, to be taken by the owner after `from_platform` and
    given to `settle_calls` when it knows whether their leads are on the disk.
    """

    __slots__ = (
        "_alarm",
        "_breaker",
        "_cut",
        "_inserter",
        "_late",
        "_listed",
        "_max_pdu",
        "_pending",
        "_platform_rest",
        "_raw",
        "_receipts",
        "_recorder",
        "_responses",
        "_retry_on",
        "_smsc_broken",
        "_smsc_rest",
        "_system_ids",
        "_unanswered_limit",
        "bind_command",
        "calls",
        "ending",
        "has_inserted",
        "stage",
        "system_id",
        "to_platform",
        "to_smsc",
        "traffic",
        "unanswered",
    )

    def __init__(
        self,
        inserter: Inserter,
        recorder: Recorder,
        alarm: Callable[[Exception], None],
        *,
        max_pdu_octets: int = 65536,
        retry_bare_on: frozenset[int] = frozenset(),
        system_ids: frozenset[bytes] = frozenset((b"*",)),
        raw: bool = False,
        breaker: Breaker | None = None,
        traffic: Traffic | None = None,
        receipts: RouteReceipts | None = None,
        responses: Responses | None = None,
    ) -> None:
        self.traffic = traffic if traffic is not None else Traffic(RouteTraffic())
        self._raw = raw
        self._receipts = receipts
        self._responses = responses
        self._breaker = breaker if breaker is not None else Breaker()
        self._inserter = inserter
        self._recorder = recorder
        self._alarm = alarm
        self._max_pdu = max_pdu_octets
        self._retry_on = retry_bare_on
        self._system_ids = system_ids
        self._cut = Cut()
        self._platform_rest = b""
        self._smsc_rest = b""
        self._smsc_broken = False
        self._pending: dict[int, Insertion] = {}
        self._unanswered_limit = UNANSWERED_LIMIT
        self._late: dict[int, Insertion] = {}
        self._listed = False
        self.bind_command = 0
        self.calls: list[HeldCall] = []
        self.ending = False
        self.has_inserted = False
        self.stage = _OPENED
        self.system_id = b""
        self.to_platform = b""
        self.to_smsc = b""
        self.unanswered = 0

    def take_over(self, retry_bare_on: frozenset[int], system_ids: frozenset[bytes]) -> None:
        """Act on other settings from now on. What was sent without an original kept is not retried."""
        self._retry_on = retry_bare_on
        self._system_ids = system_ids
        self._listed = self._lists(self.system_id) and self.stage is not _OPENED

    def unfinished(self) -> tuple[bytes, bytes]:
        """Return what has come of PDUs that are not whole yet: from the platform, from the SMSC."""
        return self._platform_rest, self._smsc_rest

    # -- from the platform ------------------------------------------------------------------------

    def from_platform(self, data: bytes, now: float) -> bytes:
        """Take octets of the platform's leg; return those for the SMSC. `now` is a monotonic second."""
        traffic = self.traffic
        traffic.platform_octets += len(data)
        if self._raw and self.stage is _BINDING:
            return data
        buffer = self._platform_rest + data if self._platform_rest else data
        size: i64 = len(buffer)
        at: i64 = 0
        kept: i64 = 0
        requests = 0
        relayed = False
        sequence: i64 = 0
        out = BytesWriter()
        placed: list[int] = []
        responses = self._responses
        taken: list[int] | None = None
        while size - at >= HEADER_OCTETS and self.stage is not _BROKEN:
            word = read_i64_be(buffer, at)
            length = (word >> 32) & _LOW_HALF
            command = word & _LOW_HALF
            word = read_i64_be(buffer, at + 8)
            opened = self.stage is _OPENED
            if opened and command not in BINDS:
                self._refuse_unbound(command, word & _LOW_HALF)
                break
            if length < HEADER_OCTETS or length > self._max_pdu:
                self._count_refused(command)
                self._break(word & _LOW_HALF)
                break
            end = at + length
            if opened:
                self.stage = _BINDING  # the header alone is enough to dial
                if self._raw:
                    return buffer
            if end > size:
                break
            if command in (SUBMIT_SM, DATA_SM):
                if command == DATA_SM:
                    traffic.route.platform[command, (word >> 32) & _LOW_HALF] += 1
                requests += 1
                if responses is not None:
                    found = self._called(responses, buffer, at, end, command)
                    if found == _HELD:
                        if kept != at:
                            out.write(buffer[kept:at])
                        kept = end
                        if taken is None:
                            taken = []
                        taken.append(at)
                        taken.append(end)
                    if found:
                        at = end
                        continue
                relayed = True
                sequence = word & _LOW_HALF
                if self._notification(out, buffer, kept, at, end, command, sequence, now):
                    placed.append(sequence)
                    kept = end
            else:
                traffic.route.platform[command, (word >> 32) & _LOW_HALF] += 1
                if command in BINDS:
                    self._bind(buffer, at, end, command)
                elif command == UNBIND:
                    self.stage = _BINDING
                elif command in (SUBMIT_MULTI, REPLACE_SM) and self._receipts is not None:
                    self._receipts.submitted(buffer, at, end, command)
            at = end
        self._platform_rest = buffer[at:] if self.stage is not _BROKEN else b""
        caps = self._inserter.caps
        if caps is not None:
            caps.store.close()
        lost = not self._commit() and bool(placed)
        if lost:
            for number in placed:
                self._pending.pop(number, None)
            placed.clear()
            kept = 0
        if requests:
            traffic.notifications += requests
            traffic.ads += len(placed)
            if traffic.probe == NO_PROBE and now >= traffic.due and relayed:
                traffic.sample(sequence, now)
        self.has_inserted = bool(placed)
        if taken is not None and responses is not None:
            self._keep_calls(responses)
            if lost:
                return _without(buffer, at, taken)
        elif not placed:
            return buffer if at == size else buffer[:at]
        if kept != at:
            out.write(buffer[kept:at])
        return out.getvalue()

    def _called(self, responses: Responses, buffer: bytes, at: i64, end: i64, command: i64) -> int:
        """Hold a call to a live response number; _PASSES says that one has no caller and goes on, counted."""
        if self.stage is not _BOUND or not self._listed:
            return _NO_CALL
        cut = self._cut
        try:
            if command == SUBMIT_SM:
                located = locate_submit_sm(buffer, at, end, cut)
            else:
                located = locate_data_sm(buffer, at, end, cut)
            if not located:
                return _NO_CALL
            assignment = responses.assignment(cut.destination)
            if not assignment or not self._inserter.may_call(cut.service_type, cut.word):
                return _NO_CALL
            if not responses.called(assignment, _source(buffer, at, end)):
                self._recorder.notification()
                self._recorder.passed(_NO_CALLER)
                self.unanswered += 1
                return _PASSES
            self.calls.append(HeldCall(buffer[at:end], responses.message_id()))
        except Exception as error:  # noqa: BLE001  # no fault of ours may cost a notification
            self._alarm(error)
            return _NO_CALL
        self.unanswered += 1
        return _HELD

    def _keep_calls(self, responses: Responses) -> None:
        """Write this read's leads to their journal; where that fails, let the calls go on as they came."""
        try:
            kept = responses.keep()
        except Exception as error:  # noqa: BLE001  # no fault of ours may cost a notification
            self._alarm(error)
            kept = False
        if not kept:
            calls = self.calls
            self.calls = []
            self.settle_calls(calls, kept=False)

    def settle_calls(self, calls: list[HeldCall], *, kept: bool) -> None:
        """Answer calls whose leads are on the disk (SMPP 3.4 §4.4.2, §4.7.2), or forward them unchanged.

        What is to be said waits in `to_platform` or `to_smsc`.
        """
        recorder = self._recorder
        for call in calls:
            recorder.notification()
            if kept:
                recorder.consumed()
                self.unanswered -= 1
                self.to_platform += self._accept(call)
            else:
                recorder.passed(_LEAD_FAILED)
                self.to_smsc += call.original
        self._commit()

    def _accept(self, call: HeldCall) -> bytes:
        command, _, sequence = _AFTER_LENGTH.unpack_from(call.original, 4)
        answer: int = command | RESPONSE
        self.traffic.route.own[answer, ESME_ROK] += 1
        length = HEADER_OCTETS + len(call.message_id)
        return _HEADER.pack(length, answer, ESME_ROK, sequence) + call.message_id

    def _notification(
        self,
        out: BytesWriter,
        buffer: bytes,
        kept: i64,
        at: i64,
        end: i64,
        command: i64,
        sequence: int,
        now: float,
    ) -> bool:
        """Count one notification; with an ad, write it and what waits before it from `kept` on."""
        recorder = self._recorder
        recorder.notification()
        self.unanswered += 1
        receipts = self._receipts
        if receipts is not None and receipts.profile.requests:
            receipts.submitted(buffer, at, end, command)
        written = len(out)
        try:
            if self._pending and sequence in self._pending:
                self._end(self._pending.pop(sequence), _UNKNOWN, Cause.SEQUENCE_REUSED)
            elif self._late:
                self._late.pop(sequence, None)
            outcome = self._decide(buffer, at, end, command)
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
        if self._retry_on:
            insertion.original = buffer[at:end]
        if receipts is not None and (
            receipts.profile.requests
            or command == DATA_SM
            or buffer[self._cut.length_at - REGISTERED_BEFORE_LENGTH] & ASKS_FOR_RECEIPT
        ):
            receipts.inserted(out, written + at - kept, buffer, at, end, command, insertion)
        self._pending[sequence] = insertion
        return True

    def _decide(self, buffer: bytes, at: i64, end: i64, command: i64) -> Creative | Reason:
        inserter = self._inserter
        gate = inserter.gate
        if gate is None and len(self._pending) >= self._unanswered_limit:
            gate = _UNANSWERED
        if self.stage is not _BOUND:
            return _NOT_BOUND if gate is None else gate
        if not self._listed:
            return _SYSTEM_ID if gate is None else gate
        cut = self._cut
        if command == SUBMIT_SM:
            located = locate_submit_sm(buffer, at, end, cut)
        else:
            located = locate_data_sm(buffer, at, end, cut)
        if not located:
            return _UNPARSED if gate is None else gate
        body = buffer[cut.body_at : cut.body_end]
        if gate is None:
            subject = inserter.subject
            if subject.wants_caller:
                subject.caller = buffer[cut.source_at : cut.source_end]
            return inserter.consider(cut.service_type, cut.destination, cut.word, body)
        inserter.supplied(cut.service_type, cut.destination, cut.word, body)
        return gate

    def _bind(self, buffer: bytes, at: i64, end: i64, command: i64) -> None:
        """Remember who binds (SMPP 3.4 §4.1); a bound session stays who it is, whatever it asks for."""
        if self.stage is _BOUND:
            return
        self.bind_command = command
        self.system_id = buffer[at + HEADER_OCTETS : end].partition(b"\0")[0][:NAME_OCTETS]
        self._listed = self._lists(self.system_id)

    def _lists(self, system_id: bytes) -> bool:
        return b"*" in self._system_ids or system_id in self._system_ids

    # -- from the SMSC ----------------------------------------------------------------------------

    def from_smsc(self, data: bytes) -> bytes:
        """Take octets of the SMSC's leg; return those for the platform."""
        traffic = self.traffic
        traffic.smsc_octets += len(data)
        if self._raw:
            return data
        if self._smsc_broken:
            return b""
        buffer = self._smsc_rest + data if self._smsc_rest else data
        size: i64 = len(buffer)
        at: i64 = 0
        kept: i64 = 0
        accepted = bare = bare_refused = 0
        pieces: list[bytes] = []
        pending = self._pending
        probe = traffic.probe
        while size - at >= HEADER_OCTETS:
            word = read_i64_be(buffer, at)
            length = (word >> 32) & _LOW_HALF
            command = word & _LOW_HALF
            word = read_i64_be(buffer, at + 8)
            status = (word >> 32) & _LOW_HALF
            sequence: int = word & _LOW_HALF
            if length < HEADER_OCTETS or length > self._max_pdu:
                self._smsc_broken = True
                self.stage = _BROKEN
                self.to_smsc += self._answer(GENERIC_NACK, ESME_RINVCMDLEN, sequence)
                break
            end = at + length
            if end > size:
                break
            if command == SUBMIT_SM_RESP and not status:
                accepted += 1
            else:
                traffic.route.smsc[command, status] += 1
            if command in (SUBMIT_SM_RESP, DATA_SM_RESP, GENERIC_NACK):
                if sequence == probe:
                    traffic.answered = True
                if self.unanswered:
                    self.unanswered -= 1
                insertion = pending.pop(sequence, None) if pending else None
                if insertion is None:
                    if not self._late or not self._answered_late(buffer, at, end, command, status, sequence):
                        bare += 1
                        if status and status not in SAYS_NOTHING:
                            bare_refused += 1
                elif self._withholds(insertion, command, status):
                    self.unanswered += 1
                    pieces.append(buffer[kept:at])
                    kept = end
                elif insertion.awaits and not status and self._receipts is not None:
                    self._receipts.accepted(buffer, at, end, insertion)
            elif command in BIND_RESPONSES and not status:
                self._bound(command)
            elif command in (DELIVER_SM, DATA_SM) and self._swallows(buffer, at, end, command, sequence):
                pieces.append(buffer[kept:at])
                kept = end
            at = end
        traffic.accepted += accepted
        self._smsc_rest = b"" if self._smsc_broken else buffer[at:]
        self._breaker.bare += bare
        self._breaker.bare_refused += bare_refused
        self._commit()
        if kept == 0:
            return buffer if at == size else buffer[:at]
        pieces.append(buffer[kept:at])
        return b"".join(pieces)

    def _bound(self, command: int) -> None:
        if self.stage is _BINDING and command ^ RESPONSE in SENDING_BINDS:
            self.stage = _BOUND

    def _withholds(self, insertion: Insertion, command: int, status: int) -> bool:
        """Book an answer; True when it is withheld because the original goes out bare instead."""
        if status == ESME_ROK and command != GENERIC_NACK:
            self._end(insertion, _ACCEPTED, _NO_CAUSE, status)
            return False
        if command == GENERIC_NACK:
            self._end(insertion, _REJECTED, Cause.GENERIC_NACK, status)
            return False
        if status in self._retry_on and insertion.original:
            self._end(insertion, _REJECTED, Cause.AD_REFUSED_BY_SMSC, status)
            if self.ending or self.stage is _BROKEN:
                return False
            self.to_smsc += insertion.original
            return True
        self._end(insertion, _REJECTED, Cause.STATUS, status)
        return False

    def _answered_late(
        self, buffer: bytes, at: i64, end: i64, command: i64, status: i64, sequence: int
    ) -> bool:
        """Correct an insertion that was unknown; False when the sequence number is none of one."""
        insertion = self._late.pop(sequence, None)
        if insertion is None:
            return False
        if command != GENERIC_NACK and status == ESME_ROK:
            self._end(insertion, Kind.LATE_ACCEPTED, _NO_CAUSE)
            if self._receipts is not None and insertion.awaits:
                self._receipts.accepted(buffer, at, end, insertion)
        else:
            self._end(insertion, Kind.LATE_REJECTED, Cause.STATUS)
        return True

    def _swallows(self, buffer: bytes, at: i64, end: i64, command: i64, sequence: int) -> bool:
        """Answer a receipt that the platform does not expect (SMPP 3.4 §4.6.2, §4.7.2); else let it pass."""
        if self._receipts is None or not self._receipts.swallows(buffer, at, end, command):
            return False
        answer = command | RESPONSE
        self.traffic.route.own[answer, ESME_ROK] += 1
        self.to_smsc += _HEADER.pack(HEADER_OCTETS + 1, answer, ESME_ROK, sequence) + b"\0"
        return True

    # -- time and endings -------------------------------------------------------------------------

    def expire(self, sent_before: float) -> None:
        """Close as unknown what was sent before that monotonic second and has no answer yet."""
        while self._pending:
            sequence, insertion = next(iter(self._pending.items()))
            if insertion.sent_at >= sent_before:
                return
            del self._pending[sequence]
            self._end(insertion, _UNKNOWN, Cause.NO_ANSWER)
            insertion.original = b""  # nothing is sent again so late
            if len(self._late) >= LATE_LIMIT:
                del self._late[next(iter(self._late))]
            self._late[sequence] = insertion

    def close(self) -> None:
        """Close as unknown everything that waits: the link is gone. The caller commits the recorder."""
        for insertion in self._pending.values():
            self._end(insertion, _UNKNOWN, Cause.LINK_LOST)
        self._pending.clear()
        self._late.clear()

    def _commit(self) -> bool:
        recorder = self._recorder
        if recorder.commit():
            return True
        if recorder.fault is not None:
            self._alarm(recorder.fault)
        return False

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

    # -- what the engine answers itself -----------------------------------------------------------

    def _refuse_unbound(self, command: int, sequence: int) -> None:
        """Answer traffic before a bind with ESME_RINVBNDSTS (SMPP 3.4 §2.2, §5.1.3)."""
        self._count_refused(command)
        self.stage = _BROKEN
        answer = GENERIC_NACK if command & RESPONSE else command | RESPONSE
        self.to_platform += self._answer(answer, ESME_RINVBNDSTS, sequence)

    def _break(self, sequence: int) -> None:
        """Answer a frame that can't be cut with generic_nack (SMPP 3.4 §4.3)."""
        self.stage = _BROKEN
        self.to_platform += self._answer(GENERIC_NACK, ESME_RINVCMDLEN, sequence)

    def _count_refused(self, command: int) -> None:
        if command in (SUBMIT_SM, DATA_SM):
            self.traffic.notifications += 1
            if command == DATA_SM:
                self.traffic.route.platform[command, 0] += 1
            self._recorder.notification()
            self._recorder.refused()

    def _answer(self, command: int, status: int, sequence: int) -> bytes:
        self.traffic.route.own[command, status] += 1
        return _HEADER.pack(HEADER_OCTETS, command, status, sequence)


def _source(buffer: bytes, at: i64, end: i64) -> bytes:
    """Return the source_addr, without its NUL, of a request that was located (SMPP 3.4 §4.4.1, §4.7.1)."""
    source_at = buffer.index(0, at + HEADER_OCTETS, end) + 3
    return buffer[source_at : buffer.index(0, source_at, end)]


def _without(buffer: bytes, upto: i64, taken: list[int]) -> bytes:
    """Return a buffer up to an offset without the stretches that were taken (begin, end, begin …)."""
    bounds = [0, *taken, upto]
    return b"".join([buffer[bounds[each] : bounds[each + 1]] for each in range(0, len(bounds), 2)])

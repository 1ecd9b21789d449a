"""One mirrored session, sans I/O: octets of either leg in, octets for the other leg out (SMPP 3.4 §2.2)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from librt.strings import BytesWriter, read_i64_be

from adapters.smpp.ad_path import AdPath
from adapters.smpp.constants import (
    BIND_RESPONSES,
    BINDS,
    DATA_SM,
    DATA_SM_RESP,
    DELIVER_SM,
    GENERIC_NACK,
    HEADER_OCTETS,
    RESPONSE,
    SENDING_BINDS,
    SUBMIT_MULTI,
    SUBMIT_SM,
    SUBMIT_SM_RESP,
    UNBIND,
)
from adapters.smpp.open_insertions import OpenInsertions
from adapters.smpp.own_answers import taken, unbound, uncuttable
from adapters.smpp.receipts import REPLACE_SM
from adapters.smpp.response_calls import HELD, ResponseCalls, accept, let_go, without
from adapters.smpp.route_receipts import RouteReceipts
from adapters.smpp.route_words import RouteWords
from adapters.smpp.stage import Stage
from adapters.smpp.traffic import NO_PROBE, RouteTraffic, Traffic
from engine.breaker import SAYS_NOTHING, Breaker
from engine.inserter import Inserter
from engine.reasons import Reason
from engine.recorder import Recorder
from engine.responses import HeldCall, Responses

if TYPE_CHECKING:
    from mypy_extensions import i64

_LOW_HALF: Final = 0xFFFFFFFF

# A system_id has 15 octets (SMPP 3.4 §4.1.1); of a longer one this much is kept, for the log.
NAME_OCTETS: Final = 64
# Python takes 0.2 µs to look up a member of an enum, and machine code looks a global up in a dict.
_OPENED: Final = Stage.OPENED
_BINDING: Final = Stage.BINDING
_BOUND: Final = Stage.BOUND
_BROKEN: Final = Stage.BROKEN
_NOT_BOUND: Final = Reason.NOT_BOUND
_SYSTEM_ID: Final = Reason.SYSTEM_ID


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
    given to `settle_calls` when it knows whether their leads are on the disk. `words` hears what passes.
    """

    __slots__ = (
        "_ads",
        "_alarm",
        "_breaker",
        "_inserter",
        "_listed",
        "_max_pdu",
        "_open",
        "_platform_rest",
        "_raw",
        "_receipts",
        "_recorder",
        "_response_calls",
        "_smsc_broken",
        "_smsc_rest",
        "_system_ids",
        "_words",
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
        words: RouteWords | None = None,
    ) -> None:
        self.traffic = traffic if traffic is not None else Traffic(RouteTraffic())
        self._raw = raw
        self._receipts = receipts
        self._words = words
        self._breaker = breaker if breaker is not None else Breaker()
        self._inserter = inserter
        self._recorder = recorder
        self._alarm = alarm
        self._max_pdu = max_pdu_octets
        self._open = OpenInsertions(recorder, self._breaker, receipts, alarm, retry_bare_on)
        self._ads = AdPath(inserter, recorder, self._open, receipts, alarm)
        self._response_calls: ResponseCalls | None = None
        if responses is not None:
            self._response_calls = ResponseCalls(responses, inserter, recorder, alarm)
        self._system_ids = system_ids
        self._platform_rest = b""
        self._smsc_rest = b""
        self._smsc_broken = False
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
        self._open.retry_on = retry_bare_on
        self._system_ids = system_ids
        self._listed = self._lists(self.system_id) and self.stage is not _OPENED

    def unfinished(self) -> tuple[bytes, bytes]:
        """Return what has come of PDUs that are not whole yet: from the platform, from the SMSC."""
        return self._platform_rest, self._smsc_rest

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
        ads = self._ads
        response_calls = self._response_calls
        cut_out: list[int] | None = None
        ads.look_ahead(buffer, self._max_pdu, self._standing())
        while size - at >= HEADER_OCTETS and self.stage is not _BROKEN:
            word = read_i64_be(buffer, at)
            length = (word >> 32) & _LOW_HALF
            command = word & _LOW_HALF
            word = read_i64_be(buffer, at + 8)
            opened = self.stage is _OPENED
            if opened and command not in BINDS:
                self._refuse(command, unbound(command, word & _LOW_HALF, traffic))
                break
            if length < HEADER_OCTETS or length > self._max_pdu:
                self._refuse(command, uncuttable(word & _LOW_HALF, traffic))
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
                if response_calls is not None and self._standing() is None:
                    found = response_calls.found(buffer, at, end, command)
                    if found == HELD:
                        if kept != at:
                            out.write(buffer[kept:at])
                        kept = end
                        if cut_out is None:
                            cut_out = []
                        cut_out.append(at)
                        cut_out.append(end)
                    if found:
                        self.unanswered += 1
                        at = end
                        continue
                relayed = True
                sequence = word & _LOW_HALF
                self.unanswered += 1
                if ads.notification(out, buffer, kept, at, end, command, sequence, self._standing(), now):
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
        ads.chosen()
        lost = not self._commit() and bool(placed)
        if lost:
            for number in placed:
                self._open.pending.pop(number, None)
            placed.clear()
            kept = 0
        if requests:
            traffic.notifications += requests
            traffic.ads += len(placed)
            if traffic.probe == NO_PROBE and now >= traffic.due and relayed:
                traffic.sample(sequence, now)
        self.has_inserted = bool(placed)
        if cut_out is not None and response_calls is not None:
            self._keep_calls(response_calls)
            if lost:
                return without(buffer, at, cut_out)
        elif not placed:
            return buffer if at == size else buffer[:at]
        if kept != at:
            out.write(buffer[kept:at])
        return out.getvalue()

    def _standing(self) -> Reason | None:
        """Return why no notification of this session gets an ad, if so."""
        if self.stage is not _BOUND:
            return _NOT_BOUND
        return None if self._listed else _SYSTEM_ID

    def _keep_calls(self, response_calls: ResponseCalls) -> None:
        """Let calls wait for their leads; where those can't be written, let them go on as they came."""
        calls = response_calls.held
        response_calls.held = []
        if response_calls.keep():
            self.calls += calls
        else:
            self.settle_calls(calls, kept=False)

    def settle_calls(self, calls: list[HeldCall], *, kept: bool) -> None:
        """Answer calls whose leads are on the disk (SMPP 3.4 §4.4.2, §4.7.2), or forward them unchanged.

        What is to be said waits in `to_platform` or `to_smsc`.
        """
        if kept:
            self.unanswered -= len(calls)
            self.to_platform += accept(calls, self._recorder, self.traffic)
        else:
            self.to_smsc += let_go(calls, self._recorder)
        self._commit()

    def _bind(self, buffer: bytes, at: i64, end: i64, command: i64) -> None:
        """Remember who binds (SMPP 3.4 §4.1); a bound session stays who it is, whatever it asks for."""
        if self.stage is _BOUND:
            return
        self.bind_command = command
        self.system_id = buffer[at + HEADER_OCTETS : end].partition(b"\0")[0][:NAME_OCTETS]
        self._listed = self._lists(self.system_id)

    def _lists(self, system_id: bytes) -> bool:
        return b"*" in self._system_ids or system_id in self._system_ids

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
        opened = self._open
        pending, late = opened.pending, opened.late
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
                self.to_smsc += uncuttable(sequence, traffic)
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
                    if not late or not opened.answered_late(buffer, at, end, command, status, sequence):
                        bare += 1
                        if status and status not in SAYS_NOTHING:
                            bare_refused += 1
                elif opened.withholds(
                    insertion, command, status, not self.ending and self.stage is not _BROKEN
                ):
                    self.to_smsc += insertion.original
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

    def _swallows(self, buffer: bytes, at: i64, end: i64, command: i64, sequence: int) -> bool:
        """Answer a receipt that the platform does not expect (SMPP 3.4 §4.6.2, §4.7.2); else let it pass."""
        if self._receipts is not None and self._receipts.swallows(buffer, at, end, command):
            self.to_smsc += taken(command, sequence, b"\0", self.traffic)
            return True
        if self._words is not None:
            self._words.passing(buffer, at, end, command)
        return False

    def expire(self, sent_before: float) -> None:
        """Close as unknown what was sent before that monotonic second and has no answer yet."""
        self._open.expire(sent_before)

    def close(self) -> None:
        """Close as unknown everything that waits: the link is gone. The caller commits the recorder."""
        self._open.close()

    def _commit(self) -> bool:
        recorder = self._recorder
        if recorder.commit():
            return True
        if recorder.fault is not None:
            self._alarm(recorder.fault)
        return False

    def _refuse(self, command: int, answer: bytes) -> None:
        """Answer what ends the session; a notification is counted."""
        self.stage = _BROKEN
        self.to_platform += answer
        if command in (SUBMIT_SM, DATA_SM):
            self.traffic.notifications += 1
            if command == DATA_SM:
                self.traffic.route.platform[command, 0] += 1
            self._recorder.notification()
            self._recorder.refused()

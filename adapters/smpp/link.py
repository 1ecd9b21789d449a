"""One relayed session on its two legs: dialled, relayed, held back and ended together."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from time import monotonic
from typing import Protocol

from adapters.smpp.legs import WRITE_HIGH_OCTETS, PlatformLeg, SmscLeg
from adapters.smpp.session import Session
from adapters.smpp.stage import Stage
from adapters.smpp.turns import in_turn, own_turn
from engine.responses import HeldCall

# A leg is released this long after the other has ended, whatever its peer does (DESIGN §2).
LINGER_S = 1.0
# A connection without a complete bind header is closed after this (SMPP 3.4 §7.2 session_init_timer).
SESSION_INIT_S = 10.0
CONNECT_TIMEOUT_S = 3.0
# How a TLS handshake begins: a record of type handshake, version 3.x (RFC 8446 §5.1); no SMPP length does.
TLS_HELLO = b"\x16\x03"


class SyncGate(Protocol):
    """Lets octets leave only when the journal that speaks of them is on the disk (`journal.sync: always`)."""

    def hold(self, release: Callable[[], None]) -> bool:
        """Call `release` once everything journalled so far is synced; False when it already is."""


@dataclass(frozen=True, slots=True)
class LinkHooks:
    """What a link asks of its worker: the time told to the engine at each read, endings, notable events.

    `hold_calls` tells a callback whether this read's calls to response numbers are on the disk.
    """

    read: Callable[[], float]
    ended: Callable[["Link"], None]
    event: Callable[[str, "Link"], None]
    gate: SyncGate | None = None
    hold_calls: Callable[[Callable[[bool], None]], None] | None = None


Dial = Callable[[SmscLeg, str, int, float], Awaitable[None]]


async def dial_plain(leg: SmscLeg, host: str, port: int, timeout_s: float) -> None:
    """Connect a leg to an SMSC over plain TCP. Raises OSError, TimeoutError."""
    async with asyncio.timeout(timeout_s):
        await asyncio.get_running_loop().create_connection(lambda: leg, host, port)


class Link:
    """One relayed session: its two legs and the session between them.

    Nothing is dialled before the platform's bind header is there; when either leg ends, what was
    read is flushed to the other, then FIN; both are gone within LINGER_S.
    """

    def __init__(
        self,
        session: Session,
        upstream: tuple[tuple[str, int], ...],
        hooks: LinkHooks,
        dial: Dial = dial_plain,
    ) -> None:
        self.session = session
        self.peer = ""
        self.over = asyncio.Event()
        self._upstream = upstream
        self._hooks = hooks
        self._connect = dial
        self._loop = asyncio.get_running_loop()
        self._platform: PlatformLeg | None = None
        self._smsc: SmscLeg | None = None
        self._early = b""
        self._held: deque[tuple[bytes, bool]] = deque()
        self._held_octets = 0
        self._kept_calls: list[HeldCall] = []
        self._smsc_slow = False
        self._dial: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._ending = False
        self._ended = False
        self._draining = False
        self._complaint = "protocol_error"

    @property
    def legs(self) -> tuple[PlatformLeg | None, SmscLeg | None]:
        """The two legs, as far as they are there."""
        return self._platform, self._smsc

    # -- the platform's side ----------------------------------------------------------------------

    def platform_joined(self, leg: PlatformLeg) -> None:
        """Start: the platform's connection is there."""
        self._platform = leg
        if self._ending:  # while it shook hands
            leg.abort()
            return
        self._timer = self._loop.call_later(SESSION_INIT_S, in_turn, self._init_expired)

    def platform_said(self, data: bytes) -> None:
        """Relay octets of the platform."""
        if self._ending or self._draining:
            return  # unanswered, so the platform sends them again elsewhere; read, so that FIN stays FIN
        if self._dial is None and data.startswith(TLS_HELLO):
            self._complaint = "tls_on_plain_route"
        now = self._hooks.read()
        onward = self.session.from_platform(data, now)
        if onward:
            self._to_smsc(onward, journalled=self.session.has_inserted)
        if self.session.traffic.sampled_at == now:
            self.session.traffic.written(monotonic())
        if self.session.calls:
            self._hold_calls()
        self._speak()
        if self._dial is None and self.session.stage is Stage.BINDING:
            self._start_dial()

    def _hold_calls(self) -> None:
        """Let calls wait until their leads are on the disk."""
        calls, self.session.calls = self.session.calls, []
        if self._hooks.hold_calls is None:
            self.session.settle_calls(calls, kept=False)
        else:
            self._hooks.hold_calls(partial(self._settle_calls, calls))

    def _settle_calls(self, calls: list[HeldCall], kept: bool) -> None:
        """Let calls go on at once; answer all that one sync has kept with one write."""
        if kept:
            if not self._kept_calls:
                self._loop.call_soon(self._answer_calls)
            self._kept_calls += calls
        else:
            self._settled(calls, kept=False)

    def _answer_calls(self) -> None:
        calls, self._kept_calls = self._kept_calls, []
        self._settled(calls, kept=True)

    def _settled(self, calls: list[HeldCall], *, kept: bool) -> None:
        self.session.settle_calls(calls, kept=kept)
        self._speak()
        if (self._draining or self._ending) and self.session.unanswered <= 0:
            self._end()

    def platform_finished(self) -> None:
        """Flush towards the SMSC and end: the platform has no more to say."""
        if self._dial is not None and not self._dial.done():
            self._dial.cancel()
        self._end()

    def hold_platform(self, *, hold: bool) -> None:
        """Stop or resume reading the platform: the SMSC is slow."""
        self._smsc_slow = hold
        self._pace_platform()

    def _pace_platform(self) -> None:
        """Read the platform while neither the SMSC nor the disk is behind; to its end once the link ends."""
        behind = self._smsc_slow or self._held_octets > WRITE_HIGH_OCTETS
        if self._platform is not None:
            self._platform.hold(hold=behind and not self._ending)

    # -- the SMSC's side --------------------------------------------------------------------------

    def smsc_said(self, data: bytes) -> None:
        """Relay octets of the SMSC."""
        now = self._hooks.read()
        onward = self.session.from_smsc(data)
        if self.session.traffic.answered:
            self.session.traffic.answer_came(now)
        if onward and self._platform is not None:
            self._platform.send(onward)
        self._speak()
        if (self._draining or self._ending) and self.session.unanswered <= 0:
            self._end()

    def smsc_finished(self) -> None:
        """Flush towards the platform and end: the SMSC has no more to say."""
        self._end()

    def hold_smsc(self, *, hold: bool) -> None:
        """Stop or resume reading the SMSC: the platform is slow."""
        if self._smsc is not None:
            self._smsc.hold(hold=hold)

    # -- dialling ---------------------------------------------------------------------------------

    def _start_dial(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self.hold_platform(hold=True)
        self._dial = self._loop.create_task(self._dial_upstream())

    async def _dial_upstream(self) -> None:
        await own_turn()
        for host, port in self._upstream:
            leg = SmscLeg(self)
            try:
                await self._connect(leg, host, port, CONNECT_TIMEOUT_S)
            except (OSError, TimeoutError):
                continue
            self._joined(leg)
            return
        self._hooks.event("smsc_unreachable", self)
        self._end()

    def _joined(self, leg: SmscLeg) -> None:
        self._smsc = leg
        if self._ending:
            leg.abort()
            return
        if self._early:
            leg.transport.write(self._early)
            self._early = b""
        self.hold_platform(hold=False)

    # -- writing ----------------------------------------------------------------------------------

    def _to_smsc(self, octets: bytes, *, journalled: bool) -> None:
        """Write octets, or hold them until the frame that speaks of them is on the disk (`journalled`)."""
        gate = self._hooks.gate
        waits = journalled and gate is not None and gate.hold(self._release)
        if waits or self._held:
            self._held.append((octets, waits))
            self._held_octets += len(octets)
            if self._held_octets > WRITE_HIGH_OCTETS:
                self._pace_platform()
        else:
            self._write_smsc(octets)

    def _release(self) -> None:
        """Let the oldest held octets go, and those behind them that wait for no frame of their own."""
        if self._held:
            self._write_held()
        while self._held and not self._held[0][1]:
            self._write_held()
        self._pace_platform()
        if self._ending:
            self._finish_legs()

    def _write_held(self) -> None:
        octets, _ = self._held.popleft()
        self._held_octets -= len(octets)
        self._write_smsc(octets)

    def _write_smsc(self, octets: bytes) -> None:
        if self._smsc is None:
            self._early += octets
        else:
            self._smsc.send(octets)

    def _speak(self) -> None:
        """Write what the session itself has to say, and end when it is broken."""
        session = self.session
        if session.to_smsc:
            octets, session.to_smsc = session.to_smsc, b""
            self._to_smsc(octets, journalled=False)
        if session.to_platform:
            octets, session.to_platform = session.to_platform, b""
            if self._platform is not None:
                self._platform.send(octets)
        if session.stage is Stage.BROKEN and not self._ending:
            self._hooks.event(self._complaint, self)
            self._end()

    # -- ending -----------------------------------------------------------------------------------

    def drain(self) -> None:
        """Take no more from the platform; end as soon as every answer has come home."""
        self._draining = True
        if self.session.unanswered <= 0 or self._smsc is None:
            self._end()

    def end(self) -> None:
        """End now, answers or not: flush, FIN, release."""
        self._end()

    def leg_lost(self) -> None:
        """Notice that a leg is gone; when both are, the link is over."""
        platform_gone = self._platform is None or self._platform.lost
        smsc_gone = self._smsc is None or self._smsc.lost
        if platform_gone and smsc_gone:
            self._over()

    def _end(self) -> None:
        if self._ending:
            self._finish_legs()
            return
        self._ending = self.session.ending = True
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(LINGER_S, in_turn, self._release_legs)
        self.hold_platform(hold=False)
        self.hold_smsc(hold=False)
        self._finish_legs()

    def _finish_legs(self) -> None:
        """Send what FINs are due: towards the SMSC at once, towards the platform when no answer can come."""
        if self._held:
            return
        platform, smsc = self._platform, self._smsc
        if smsc is not None and not (smsc.ends_whole and self.session.unanswered > 0):
            smsc.finish()
        if platform is not None and (smsc is None or smsc.at_eof or smsc.lost):
            platform.finish()

    def _init_expired(self) -> None:
        if self._dial is None and not self._ending:  # neither came while this waited for its turn
            self._hooks.event("session_init_timeout", self)
            self._end()

    def _release_legs(self) -> None:
        for leg in (self._smsc, self._platform):
            if leg is not None:
                leg.abort()
        self._over()

    def _over(self) -> None:
        if self._ended:
            return
        self._ended = True
        if self._timer is not None:
            self._timer.cancel()
        self.session.close()
        self._hooks.ended(self)
        self.over.set()

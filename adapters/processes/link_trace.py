"""One relayed session under a trace: its taps, its streams cut into PDUs."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from adapters.processes.messages import TracedLeg
from adapters.processes.taps import Tap
from adapters.smpp.legs import PlatformLeg, SmscLeg
from adapters.smpp.link import Link
from adapters.trace.cutter import PduCutter
from adapters.trace.record import Captured, Endpoint, Ends, Stream

# What is kept of a session until it has bound; then it is known whether it is asked for.
EARLY_PDUS = 64


@dataclass(frozen=True, slots=True)
class Order:
    """Whose sessions are asked for; no PDU is longer than `largest`."""

    system_id: bytes
    largest: int


Keep = Callable[[Captured], bool]
"""Keeps a PDU; False when there was no room."""


class LinkTrace:
    """A session named `name`; `keep` gets its PDUs once it is `wanted` (None: it has not bound yet)."""

    def __init__(
        self,
        link: Link,
        name: str,
        order: Order,
        keep: Keep,
        broke: Callable[[Exception], None],
    ) -> None:
        self.link = link
        self.name = name
        self.wanted: bool | None = None
        self._system_id = order.system_id
        self._keep = keep
        self._broke = broke
        self._early: list[Captured] = []
        self._legs: list[TracedLeg] = []
        self._taps: list[Tap] = []
        self._missed = dict.fromkeys(Stream, 0)
        platform_rest, smsc_rest = link.session.unfinished()
        rests = {Stream.FROM_PLATFORM: platform_rest, Stream.FROM_SMSC: smsc_rest}
        self._cutters = {stream: PduCutter(order.largest, rests.get(stream, b"")) for stream in Stream}
        self.decide()

    def tap(self, leg: PlatformLeg | SmscLeg) -> Tap:
        """Return a tap for one of its legs."""
        platform = isinstance(leg, PlatformLeg)
        came = Stream.FROM_PLATFORM if platform else Stream.FROM_SMSC
        went = Stream.TO_PLATFORM if platform else Stream.TO_SMSC
        tap = Tap(
            leg, partial(self._take, came), partial(self._take, went), partial(self._leg_joined, platform)
        )
        self._taps.append(tap)
        return tap

    def put_in(self) -> None:
        """Tap the legs that are there."""
        for leg in self.link.legs:
            if leg is not None and not leg.lost:
                self.tap(leg).put_in()

    def take_out(self) -> None:
        """Leave the session as it was."""
        for tap in self._taps:
            tap.take_out()
        self._taps.clear()

    def decide(self) -> None:
        """Find out whether it is asked for, once it has bound; what was kept until then goes on, or goes."""
        if self.wanted is not None or not self.link.session.system_id:
            return
        self.wanted = self.link.session.system_id == self._system_id
        early, self._early = self._early, []
        later, self._missed = self._missed, dict.fromkeys(Stream, 0)
        for captured in early:
            self._add(replace(captured, missed=self._missed[captured.stream]))
        for stream, octets in later.items():
            self._missed[stream] += octets

    def told(self) -> Sequence[TracedLeg]:
        """Return where its legs run, each once, when it is wanted."""
        if not self.wanted:
            return ()
        legs, self._legs = self._legs, []
        return legs

    def _leg_joined(self, platform: bool, transport: asyncio.Transport) -> None:
        ours, theirs = transport.get_extra_info("sockname"), transport.get_extra_info("peername")
        if ours is None or theirs is None:  # its peer has gone already
            self.wanted = False
            return
        ends = Ends(Endpoint(*ours[:2]), Endpoint(*theirs[:2]))
        self._legs.append(TracedLeg(session=self.name, platform=platform, ends=ends))

    def _take(self, stream: Stream, data: bytes) -> None:
        try:
            self.decide()
            now = time.time()
            for octets in self._cutters[stream].cut(data):
                self._add(Captured(now, self.name, stream, octets, self._missed[stream]))
        except Exception as error:  # noqa: BLE001  # a trace harms no session
            self._broke(error)

    def _add(self, captured: Captured) -> None:
        if self.wanted is None:
            room = len(self._early) < EARLY_PDUS
            if room:
                self._early.append(captured)
        else:
            room = not self.wanted or self._keep(captured)
        self._missed[captured.stream] = 0 if room else captured.missed + len(captured.octets)

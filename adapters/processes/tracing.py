"""A worker's side of `posdata trace`: taps in, PDUs gathered and sent, taps out. Off, it costs nothing."""

import asyncio
from collections import deque
from collections.abc import Iterable

from adapters.processes.control_client import ControlClient
from adapters.processes.link_trace import LinkTrace, Order
from adapters.processes.messages import StartTrace, Traced, TracedLeg
from adapters.processes.taps import Tap
from adapters.processes.worker_core import Core
from adapters.smpp.legs import PlatformLeg, SmscLeg
from adapters.smpp.link import Link
from adapters.smpp.stage import Stage
from adapters.trace.record import Captured

FLUSH_S = 0.02
# A flush holds up the worker: with these it takes less than a millisecond.
FLUSH_OCTETS = 32 * 1024
# What waits to be sent; a PDU beyond it is dropped and counted.
BUFFER_OCTETS = 1024 * 1024
# What a PDU costs beside its octets.
RECORD_OCTETS = 100
# Control waits no longer for what is left at the end.
LEFT_OVER_S = 1.0


class Tracing:
    """At most one trace at a time, told on the worker's observation line."""

    def __init__(self, core: Core, line: ControlClient) -> None:
        self._core = core
        self._line = line
        self._order: Order | None = None
        self._links: dict[Link, LinkTrace] = {}
        self._names = 0
        self._waiting: deque[Captured] = deque()
        self._octets = 0
        self._dropped = 0
        self._legs: list[TracedLeg] = []
        self._ends_at = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, order: StartTrace, links: Iterable[Link]) -> None:
        """Trace from now on, instead of what was traced before."""
        self.stop()
        core, loop = self._core, asyncio.get_running_loop()
        if core.spec.bypass or core.settings.relay.mode == "bypass":
            self._line.say(Traced(last=True))  # nobody looks who binds
            return
        system_id = order.system_id.encode("latin-1", "replace")
        self._order = Order(system_id, core.settings.relay.max_pdu_bytes)
        self._ends_at = loop.time() + order.seconds
        for link in links:
            if link.session.system_id in {b"", system_id} and link.session.stage is not Stage.BROKEN:
                self._new(link, self._order).put_in()
        self._timer = loop.call_later(FLUSH_S, self._flush)

    def stop(self) -> None:
        """Leave every session as it was, send nothing more."""
        self._take_out()
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None
        self._waiting.clear()
        self._legs.clear()
        self._octets = self._dropped = self._names = 0

    def accepted(self, leg: PlatformLeg) -> PlatformLeg | Tap:
        """Return what is to be connected in the place of a new session's leg."""
        if self._order is None:
            return leg
        return self._new(leg.link, self._order).tap(leg)

    def dialled(self, leg: SmscLeg) -> None:
        """Tap the other leg of a session that is traced."""
        traced = self._links.get(leg.link)
        if traced is not None and traced.wanted is not False and not leg.lost:
            traced.tap(leg).put_in()

    def _new(self, link: Link, order: Order) -> LinkTrace:
        self._names += 1
        name = f"{self._core.epoch.worker}-{self._names}"
        self._links[link] = traced = LinkTrace(link, name, order, self._keep, self._broke)
        return traced

    def _keep(self, captured: Captured) -> bool:
        size = len(captured.octets) + RECORD_OCTETS
        if self._octets + size > BUFFER_OCTETS:
            self._dropped += 1
            return False
        self._octets += size
        self._waiting.append(captured)
        return True

    def _broke(self, error: Exception) -> None:
        """End a trace that met a fault of its own."""
        self._core.faults.alarm(error)
        self._take_out()
        self._ends_at = 0.0

    def _take_out(self) -> None:
        self._order = None
        for traced in self._links.values():
            traced.take_out()
            self._legs += traced.told()
        self._links.clear()

    def _flush(self) -> None:
        """Send what there is, as much as a flush may, until the end."""
        loop = asyncio.get_running_loop()
        try:
            self._look_through()
            if not self._line.behind:
                self._send()
        except Exception as error:  # noqa: BLE001  # a trace harms no session
            self._broke(error)
        now = loop.time()
        if now >= self._ends_at:
            self._take_out()
            if not self._waiting or now >= self._ends_at + LEFT_OVER_S:
                self._line.say(Traced(dropped=self._dropped + len(self._waiting), last=True))
                self.stop()
                return
        self._timer = loop.call_later(FLUSH_S, self._flush)

    def _look_through(self) -> None:
        """Leave alone who bound as another, forget who is gone."""
        for link, traced in list(self._links.items()):
            traced.decide()
            if traced.wanted is False or link.over.is_set():
                traced.take_out()
                self._legs += traced.told()
                del self._links[link]

    def _send(self) -> None:
        for traced in self._links.values():
            self._legs += traced.told()
        pdus: list[Captured] = []
        octets = 0
        while self._waiting and octets < FLUSH_OCTETS:
            pdus.append(captured := self._waiting.popleft())
            octets += len(captured.octets) + RECORD_OCTETS
        self._octets -= octets
        if self._legs or pdus:
            self._line.say(Traced(legs=tuple(self._legs), pdus=tuple(pdus), dropped=self._dropped))
            self._legs.clear()

"""The relayed sessions of a worker: how each is taken over, told the time, and ended."""

import asyncio
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial

import structlog

from adapters.processes.child import close_quietly
from adapters.processes.connector import Connector
from adapters.processes.messages import Connection, Drain
from adapters.processes.sync_gate import ThreadedSyncGate
from adapters.processes.tracing import Tracing
from adapters.processes.worker_core import Core
from adapters.smpp.legs import PlatformLeg, SmscLeg
from adapters.smpp.link import Link, LinkHooks
from adapters.smpp.session import Session
from adapters.smpp.stage import Stage
from adapters.smpp.turns import in_turn
from engine.assembly import system_ids
from engine.reasons import Reason
from engine.relay_settings import Route
from engine.settings import Settings

# A worker whose sockets are never done says between two reads that it lives, as often as it does at rest.
TELL_EVERY_S = 0.5

log = structlog.get_logger()


class Links:
    """All links of one worker; `ended` counts those that are over.

    `told` is called when one has ended, and at times while octets come.
    """

    def __init__(self, core: Core, told: Callable[[], None], tracing: Tracing) -> None:
        self.ended = 0
        self._core = core
        self._told = told
        self._tracing = tracing
        relay = core.settings.relay
        self._routes = {route.name: route for route in relay.routes}
        self._connectors = {name: Connector(route) for name, route in self._routes.items()}
        self._raw = core.spec.bypass or relay.mode == "bypass"
        self._retry_on = frozenset(relay.retry_bare_on)
        self._system_ids = system_ids(core.settings)
        self._links: set[Link] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._untimed = False
        self._tell_by = 0.0
        always = core.settings.journal.sync == "always"
        gate = ThreadedSyncGate(core.journal, _sync_failed) if always else None
        self._hooks = LinkHooks(
            read=self._read,
            ended=self._link_ended,
            event=_link_event,
            gate=gate,
            hold_calls=core.leads.hold,
        )

    def __iter__(self) -> Iterator[Link]:
        return iter(list(self._links))

    # -- the beginning ----------------------------------------------------------------------------

    def adopt(self, message: Connection, descriptors: list[int]) -> None:
        """Take over a platform's connection from the supervisor."""
        if self._core.gate.draining or not descriptors:
            close_quietly(descriptors)
            self._count_ended()
            return
        in_turn(partial(self._adopt, message, descriptors[0]))

    def _adopt(self, message: Connection, descriptor: int) -> None:
        if self._core.gate.draining:  # since it came
            close_quietly([descriptor])
            self._count_ended()
            return
        route = self._routes[message.route]
        connector = self._connectors[message.route]
        addresses = tuple((end.host, end.port) for end in route.upstream)
        link = Link(self._new_session(route), addresses, self._hooks, partial(self._dial, connector))
        link.peer = message.peer
        self._links.add(link)
        self._core.figures.opened(link.session, message.route, message.peer, time.time())
        accepted = socket.socket(fileno=descriptor)
        accepted.setblocking(False)
        self._tasks.add(task := asyncio.ensure_future(self._connect(link, connector, accepted)))
        task.add_done_callback(self._tasks.discard)

    async def _connect(self, link: Link, connector: Connector, accepted: socket.socket) -> None:
        try:
            await connector.accept(self._tracing.accepted(PlatformLeg(link)), accepted, link.peer)
        except OSError:
            self._link_ended(link)

    async def _dial(self, connector: Connector, leg: SmscLeg, host: str, port: int, timeout_s: float) -> None:
        await connector.dial(leg, host, port, timeout_s)
        self._tracing.dialled(leg)

    def _new_session(self, route: Route) -> Session:
        core = self._core
        return Session(
            core.inserters[route.name],
            core.recorder,
            core.faults.alarm,
            max_pdu_octets=core.settings.relay.max_pdu_bytes,
            retry_bare_on=self._retry_on,
            system_ids=self._system_ids,
            raw=self._raw,
            breaker=core.breaker,
            traffic=core.figures.traffic(route.name),
            receipts=core.receipting.routes.get(route.name),
            responses=core.leads.on(route.name),
            words=core.leads.words(route.name, core.faults.alarm),
        )

    def take_settings(self, settings: Settings) -> None:
        """Act on new settings, on the sessions that are up too."""
        self._retry_on = frozenset(settings.relay.retry_bare_on)
        self._system_ids = system_ids(settings)
        for link in self._links:
            link.session.take_over(self._retry_on, self._system_ids)

    # -- the hot path's time ----------------------------------------------------------------------

    def _read(self) -> float:
        """Tell everybody the time at a read; return the monotonic second."""
        core = self._core
        now = time.time()
        former, core.recorder.hour = core.recorder.hour, int(now // 3600)
        try:
            if core.recorder.hour != former:
                core.write_supply(former)
            if core.leads.responses is not None:
                core.leads.responses.now = now
            for inserter in core.inserters.values():
                inserter.at(now)
        except Exception as error:  # noqa: BLE001  # without a clock no ads, but every notification
            self._clock_broke(error)
        else:
            if self._untimed:
                self._untimed = False
                core.gate.tell()
        read_at = time.monotonic()
        if read_at >= self._tell_by:
            self._tell_by = read_at + TELL_EVERY_S
            self._told()
        return read_at

    def _clock_broke(self, error: Exception) -> None:
        self._core.faults.alarm(error)
        self._untimed = True
        self._core.gate.shut(Reason.INTERNAL_ERROR)

    def expire(self, now: float) -> None:
        """Close what has waited too long for its answer; `now` is a monotonic second."""
        sent_before = now - self._core.settings.relay.response_timeout_s
        for link in self._links:
            link.session.expire(sent_before)

    # -- the end ----------------------------------------------------------------------------------

    def _link_ended(self, link: Link) -> None:
        if link in self._links:
            self._links.discard(link)
            self._core.figures.ended(link.session)
            self._core.commit()
            self._count_ended()
            log.info("session_ended", peer=link.peer, system_id=link.session.system_id.decode("latin-1"))

    def _count_ended(self) -> None:
        self.ended += 1
        self._told()

    async def drain(self, turn: Drain) -> None:
        """Bring answers home within `relay.drain_s`, then end what is left at once.

        Sessions are let go one after another over the first half of that, in turn with those of the other
        workers: so that a platform's first one can be up elsewhere before its last one goes.
        """
        links = list(self._links)
        for link in links:
            if link.session.stage is Stage.OPENED:
                link.end()  # nothing bound on it: it owes no answer, and must not keep the others waiting
        drain_s = self._core.settings.relay.drain_s
        step_s = drain_s / 2 / max(turn.total, len(links), 1)
        with suppress(TimeoutError):
            async with asyncio.timeout(drain_s):
                await asyncio.sleep(turn.before * step_s)
                for link in links:
                    link.drain()
                    if link is not links[-1]:
                        await asyncio.sleep(step_s)
                for link in links:
                    await link.over.wait()
        for link in links:
            link.end()
        for link in links:
            await link.over.wait()  # within LINGER_S


def _link_event(event: str, link: Link) -> None:
    log.warning(event, peer=link.peer, system_id=link.session.system_id.decode("latin-1"))


def _sync_failed(error: OSError) -> None:
    log.error("alarm_journal_sync_failed", error=str(error))

"""The worker: sockets, decision, lease book, journal. No SQL; nothing here waits for anybody."""

import asyncio
import gc
import os
import random
import signal
import socket
import time
import traceback
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

import structlog

from adapters.files.journal_reader import boot_id, epoch_folder
from adapters.files.journal_writer import JournalWriter
from adapters.files.node_status import ads_are_off
from adapters.files.reference_data import load_numbering
from adapters.metrics.worker_figures import WorkerFigures
from adapters.processes.child import (
    Spec,
    SupervisorLine,
    close_quietly,
    configure_logging,
    die_with_parent,
    ignore_terminal_signals,
    read_spec,
)
from adapters.processes.connector import Connector
from adapters.processes.control_client import ControlClient
from adapters.processes.endless import again_after_faults
from adapters.processes.messages import (
    Alive,
    AskSessions,
    Confirm,
    Connection,
    Drain,
    FromControl,
    Harmful,
    Hello,
    Leases,
    NewPlan,
    Ping,
    Recall,
    Reload,
    Returned,
    SetSwitches,
    ToChild,
    Want,
    Watch,
)
from adapters.processes.plan_file import map_plan
from adapters.processes.reloading import read
from adapters.processes.sync_gate import ThreadedSyncGate
from adapters.smpp.legs import Link, LinkHooks, PlatformLeg
from adapters.smpp.session import Session, Stage
from engine.assembly import audience_rules, make_decision, make_inserter, make_predicate, system_ids
from engine.breaker import Breaker, without
from engine.journal import FORMAT
from engine.leasebook import LeaseBook
from engine.reasons import Reason
from engine.recorder import Recorder
from engine.settings import Route, Settings
from inventory.books import Epoch
from inventory.plan import Plan, PlanError, PlannedCampaign

LEASE_TICK_S = 0.05
BEAT_S = 0.5
DRAIN_S = 5.0
ALARM_EVERY_S = 1.0
# Insertions live until they are answered, and hold no cycles: looking through them often finds nothing.
GC_THRESHOLDS = (100_000, 20, 50)

log = structlog.get_logger()


class Worker:
    """One worker process, from its first connection to its last."""

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self._settings = settings = spec.settings
        self._numbering = load_numbering(Path(spec.ranges) if spec.ranges else None)
        self._epoch = Epoch(settings.node.name, spec.worker, time.time_ns())
        self._journal = JournalWriter(
            epoch_folder(spec.data_dir, self._epoch),
            {
                "node": self._epoch.node,
                "worker": self._epoch.worker,
                "epoch": self._epoch.number,
                "boot_id": boot_id(),
                "sync": settings.journal.sync,
                "format": FORMAT,
            },
            syncs=settings.journal.sync == "always",
        )
        self._recorder = Recorder(self._journal)
        self._book = LeaseBook(settings.leases.horizon_s)
        self._routes = {route.name: route for route in settings.relay.routes}
        self._connectors = {name: Connector(route) for name, route in self._routes.items()}
        self._inserters = {
            name: make_inserter(settings, route, self._numbering) for name, route in self._routes.items()
        }
        self._figures = WorkerFigures(
            spec.worker, self._routes, self._recorder, self._journal, bypass=spec.bypass
        )
        self._links: set[Link] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._ended = 0
        self._faults = 0
        self._untimed = False
        self._alarmed_at = -ALARM_EVERY_S
        self._catalogue: tuple[PlannedCampaign, ...] = ()
        self._catalogue_digest = ""
        self._serving: frozenset[int] = frozenset()
        self._stopped: frozenset[int] = frozenset()
        self._breaker = Breaker()
        self._plan: Plan | None = None
        self._textless: frozenset[int] = frozenset()
        self._ads_on = True
        self._switched_off = ads_are_off(spec.data_dir)
        self._leased = settings.relay.mode == "observe"
        self._heard_at = time.monotonic()
        self._draining = asyncio.Event()
        gate = (
            ThreadedSyncGate(self._journal, self._sync_failed) if settings.journal.sync == "always" else None
        )
        self._hooks = LinkHooks(read=self._read, ended=self._link_ended, event=self._link_event, gate=gate)
        self._retry_on = frozenset(settings.relay.retry_bare_on)
        self._system_ids = system_ids(settings)
        self._line = SupervisorLine(spec.supervisor_fd, self._from_supervisor, self._start_drain)
        self._control = ControlClient(spec.control_socket, self._hello, self._from_control)
        self._watch = ControlClient(spec.control_socket, self._open_watch, self._from_watch)

    async def run(self) -> None:
        """Work until drained."""
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self._start_drain)
        tasks = [
            asyncio.ensure_future(again_after_faults(each, self._alarm))
            for each in (
                self._control.run,
                self._watch.run,
                self._tick_leases,
                self._beat,
                self._housekeep,
            )
        ]
        gc.collect()
        gc.freeze()
        gc.set_threshold(*GC_THRESHOLDS)
        self._set_gate()
        self._line.say(self._alive())
        await self._draining.wait()
        await self._drain()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._recorder.commit()
        self._journal.sync()
        self._journal.close()

    # -- connections ------------------------------------------------------------------------------

    def _from_supervisor(self, message: ToChild, descriptors: list[int]) -> None:
        if isinstance(message, Connection):
            self._adopt(message, descriptors)
        elif isinstance(message, Drain):
            self._start_drain()
        elif isinstance(message, Reload):
            try:
                self._take_settings(read(descriptors[0]))
            except Exception as error:  # noqa: BLE001  # the former settings stay, the relay goes on
                self._alarm(error)

    def _take_settings(self, settings: Settings) -> None:
        """Act on new settings from the next read on; they differ in engine.reload.LIVE_KEYS only."""
        predicate = make_predicate(settings)
        audience = audience_rules(settings, self._numbering)
        self._settings = settings
        self._retry_on = frozenset(settings.relay.retry_bare_on)
        self._system_ids = system_ids(settings)
        self._book.horizon_s = settings.leases.horizon_s
        for inserter in self._inserters.values():
            inserter.ask(predicate, audience)
        for link in self._links:
            link.session.take_over(self._retry_on, self._system_ids)
        self._set_gate()

    def _adopt(self, message: Connection, descriptors: list[int]) -> None:
        """Take over a platform's connection from the supervisor."""
        if self._draining.is_set() or not descriptors:
            close_quietly(descriptors)
            self._count_ended()
            return
        route = self._routes[message.route]
        connector = self._connectors[message.route]
        addresses = tuple((end.host, end.port) for end in route.upstream)
        link = Link(self._new_session(route), addresses, self._hooks, connector.dial)
        link.peer = message.peer
        self._links.add(link)
        self._figures.opened(link.session, message.route, message.peer, time.time())
        accepted = socket.socket(fileno=descriptors[0])
        accepted.setblocking(False)
        self._tasks.add(task := asyncio.ensure_future(self._connect(link, connector, accepted)))
        task.add_done_callback(self._tasks.discard)

    async def _connect(self, link: Link, connector: Connector, accepted: socket.socket) -> None:
        try:
            await connector.accept(PlatformLeg(link), accepted, link.peer)
        except OSError:
            self._link_ended(link)

    def _count_ended(self) -> None:
        self._ended += 1
        self._line.say(self._alive())

    def _new_session(self, route: Route) -> Session:
        return Session(
            self._inserters[route.name],
            self._recorder,
            self._alarm,
            max_pdu_octets=self._settings.relay.max_pdu_bytes,
            retry_bare_on=self._retry_on,
            system_ids=self._system_ids,
            raw=self._spec.bypass or self._settings.relay.mode == "bypass",
            breaker=self._breaker,
            traffic=self._figures.traffic(route.name),
        )

    def _link_ended(self, link: Link) -> None:
        if link in self._links:
            self._links.discard(link)
            self._figures.ended(link.session)
            self._commit()
            self._count_ended()
            log.info("session_ended", peer=link.peer, system_id=link.session.system_id.decode("latin-1"))

    def _link_event(self, event: str, link: Link) -> None:
        log.warning(event, peer=link.peer, system_id=link.session.system_id.decode("latin-1"))

    def _alarm(self, error: Exception) -> None:
        """Say where it broke, at most once a second, without the message: it may hold a number."""
        now = time.monotonic()
        self._faults += 1
        self._figures.faults += 1
        if now - self._alarmed_at >= ALARM_EVERY_S:
            trace = traceback.format_tb(error.__traceback__)
            log.error("alarm_internal_error", error=type(error).__name__, times=self._faults, trace=trace)
            self._alarmed_at = now
            self._faults = 0

    def _sync_failed(self, error: OSError) -> None:
        log.error("alarm_journal_sync_failed", error=str(error))

    # -- the hot path's time ----------------------------------------------------------------------

    def _read(self) -> float:
        """Tell everybody the time at a read; return the monotonic second."""
        now = time.time()
        self._recorder.hour = int(now // 3600)
        try:
            for inserter in self._inserters.values():
                inserter.at(now)
        except Exception as error:  # noqa: BLE001  # without a clock no ads, but every notification
            self._alarm(error)
            self._untimed = True
            for inserter in self._inserters.values():
                inserter.gate = Reason.INTERNAL_ERROR
        else:
            if self._untimed:
                self._untimed = False
                self._set_gate()
        return time.monotonic()

    def _commit(self) -> None:
        """Write what is owed to the journal; what it raises is heard."""
        self._recorder.commit()
        if self._recorder.fault is not None:
            self._alarm(self._recorder.fault)

    def _alarm_mismatches(self) -> None:
        """Say that bodies came which their alphabet can't hold: default_alphabet may be set wrong."""
        for route, inserter in self._inserters.items():
            if inserter.mismatches:
                log.error("alarm_alphabet_mismatch", route=route, notifications=inserter.mismatches)
                inserter.mismatches = 0

    # -- control ----------------------------------------------------------------------------------

    def _hello(self) -> Hello:
        return Hello(
            worker=self._epoch.worker,
            epoch=self._epoch.number,
            returned={lease.campaign: lease.returned for lease in self._book if lease.returned},
        )

    def _from_control(self, message: FromControl) -> None:
        self._heard_at = time.monotonic()
        try:
            self._obey(message)
        except Exception as error:  # noqa: BLE001  # what one message breaks must not end the line
            self._alarm(error)
        self._set_gate()

    def _obey(self, message: FromControl) -> None:
        match message:
            case Leases():
                for campaign, totals in message.totals.items():
                    self._book.hear(campaign, totals)
                self._return(self._book.untold(message.totals))
                self._leased = True
                self._figures.lease_at = time.monotonic()
            case NewPlan():
                self._take_plan(Path(message.path))
            case SetSwitches():
                self._take_switches(message)
            case Recall():
                self._return(self._book.recall(message.campaign))
            case Ping() | AskSessions():
                pass

    def _take_plan(self, path: Path) -> None:
        """Switch to a new plan between two messages; a bad one leaves the former in force."""
        try:
            plan = map_plan(path)
        except (OSError, PlanError) as error:
            log.error("alarm_plan_unreadable", path=str(path), error=str(error))
            return
        if plan.numbering != self._numbering.digest:
            log.error("alarm_plan_for_other_numbering", path=str(path))
            return
        if plan.catalogue_digest != self._catalogue_digest:
            self._catalogue = plan.catalogue()
            self._catalogue_digest = plan.catalogue_digest
            self._serving = frozenset(planned.number for planned in self._catalogue)
        self._plan = plan
        self._figures.plan_at = time.monotonic()
        self._serve_plan(plan)

    def _serve_plan(self, plan: Plan) -> None:
        """Choose by this plan from now on, without the texts that do harm."""
        catalogue, self._textless = without(self._catalogue, self._breaker.harmful)
        decision = make_decision(plan, catalogue, self._book, self._settings, self._numbering, random.random)
        self._mark_stopped()
        now = time.time()
        for inserter in self._inserters.values():
            inserter.decision = decision
            inserter.at(now)

    def _take_switches(self, message: SetSwitches) -> None:
        self._ads_on = message.ads_on
        self._stopped = message.stopped
        if self._breaker.hear(message.harmful) and self._plan is not None:
            self._serve_plan(self._plan)
        self._mark_stopped()
        self._set_gate()
        self._control.say(Confirm(version=message.version))

    def _mark_stopped(self) -> None:
        stopped = self._stopped | self._textless
        for lease in self._book:
            lease.stopped = lease.campaign in stopped

    def _judge_texts(self) -> None:
        """Stop the texts that the SMSC refuses more often than bare notifications; tell control."""
        found = self._breaker.judge()
        for verdict in found:
            log.error("alarm_text_harmful", **asdict(verdict))
        if found and self._plan is not None:
            self._serve_plan(self._plan)
        for verdict in self._breaker.untold():
            self._control.say(Harmful(verdict=verdict))

    def _open_watch(self) -> Watch:
        return Watch(worker=self._epoch.worker, epoch=self._epoch.number)

    def _from_watch(self, message: FromControl) -> None:
        if isinstance(message, AskSessions):
            self._watch.say(self._figures.sessions())

    def _tell_figures(self, now: float) -> None:
        self._figures.give_up(now, self._settings.relay.response_timeout_s)
        if not self._watch.behind:
            self._watch.say(self._figures.figures(now, self._gate()))

    def _return(self, totals: dict[int, int]) -> None:
        if totals:
            self._control.say(Returned(totals=totals))

    # -- the gate ---------------------------------------------------------------------------------

    def _set_gate(self) -> None:
        gate = self._gate()
        for inserter in self._inserters.values():
            inserter.gate = gate

    def _gate(self) -> Reason | None:
        """Return why no notification gets an ad at the moment, if so."""
        if self._draining.is_set():
            return Reason.DRAINING
        if self._switched_off or not self._ads_on or not self._settings.ads.enabled:
            return Reason.ADS_OFF
        if any(inserter.decision is None for inserter in self._inserters.values()) or not self._leased:
            return Reason.STARTING
        if time.monotonic() - self._heard_at > self._settings.ads.max_deaf_s:
            return Reason.DEAF
        return None

    # -- ticks ------------------------------------------------------------------------------------

    async def _tick_leases(self) -> None:
        """Ask for what runs short, give back what no longer serves."""
        while True:
            await asyncio.sleep(LEASE_TICK_S)
            if not self._control.connected or self._settings.relay.mode != "insert":
                continue
            self._return(self._book.surrender(self._serving))
            if requests := self._book.requests(self._serving):
                self._control.say(Want(requests=tuple(requests), at=time.monotonic()))

    async def _beat(self) -> None:
        while True:
            self._switched_off = ads_are_off(self._spec.data_dir)
            self._set_gate()
            self._line.say(self._alive())
            await asyncio.sleep(BEAT_S)

    def _alive(self) -> Alive:
        gate = self._gate()
        return Alive(ended=self._ended, gate=gate.code if gate is not None else None)

    async def _housekeep(self) -> None:
        """Once a second: rates, unanswered insertions, the next segment, what could not be written."""
        full = False
        while True:
            await asyncio.sleep(1)
            now = time.monotonic()
            self._book.close_second(now)
            for link in self._links:
                link.session.expire(now - self._settings.relay.response_timeout_s)
            self._commit()
            self._alarm_mismatches()
            self._judge_texts()
            try:
                self._journal.prepare()
            except OSError as error:
                if not full:
                    log.error("alarm_journal_full", error=str(error))
                full = True
            else:
                full = False
            self._figures.journal_full = full
            self._tell_figures(now)

    # -- the end ----------------------------------------------------------------------------------

    def _start_drain(self) -> None:
        self._draining.set()
        self._set_gate()

    async def _drain(self) -> None:
        """Bring answers home, one session after another, within DRAIN_S; then end what is left at once."""
        links = list(self._links)
        for link in links:
            if link.session.stage is Stage.OPENED:
                link.end()  # nothing bound on it: it owes no answer, and must not keep the others waiting
        with suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_S):
                for link in links:
                    link.drain()
                    await link.over.wait()
        for link in links:
            link.end()
        for link in links:
            await link.over.wait()  # within LINGER_S


def main() -> None:
    """Run a worker with the spec on standard input."""
    die_with_parent(signal.SIGTERM)
    ignore_terminal_signals()
    spec = read_spec()
    configure_logging(spec.log_level)
    structlog.contextvars.bind_contextvars(process="worker", worker=spec.worker, pid=os.getpid())
    asyncio.run(_main(spec))


async def _main(spec: Spec) -> None:
    await Worker(spec).run()


if __name__ == "__main__":
    main()

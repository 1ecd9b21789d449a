"""The worker: sockets, decision, lease book, journal. No SQL; nothing here waits for anybody."""

import asyncio
import signal
import time

import structlog

from adapters.processes.child import (
    Spec,
    SupervisorLine,
    born,
    keep_loaded,
)
from adapters.processes.control_client import ControlClient
from adapters.processes.endless import again_after_faults
from adapters.processes.links import Links
from adapters.processes.messages import (
    Alive,
    AskSessions,
    Connection,
    Drain,
    FromControl,
    Hello,
    Reload,
    StartTrace,
    StopTrace,
    ToChild,
    Watch,
)
from adapters.processes.orders import Orders
from adapters.processes.reloading import read
from adapters.processes.tracing import Tracing
from adapters.processes.worker_core import make_core
from engine.assembly import audience_rules, make_predicate
from engine.settings import Settings

LEASE_TICK_S = 0.05
BEAT_S = 0.5
ROOM_TICK_S = 0.1
# Insertions live until they are answered, and hold no cycles: looking through them often finds nothing.
GC_THRESHOLDS = (100_000, 20, 50)

log = structlog.get_logger()


class Worker:
    """One worker process, from its first connection to its last."""

    def __init__(self, spec: Spec) -> None:
        self._core = make_core(spec)
        self._draining = asyncio.Event()
        self._turn = Drain()
        self._line = SupervisorLine(spec.supervisor_fd, self._from_supervisor, self._start_drain)
        self._control = ControlClient(spec.control_socket, self._hello, self._from_control)
        self._orders = Orders(self._core, self._control.say)
        self._watch = ControlClient(spec.control_socket, self._open_watch, self._from_watch)
        self._tracing = Tracing(self._core, self._watch)
        self._links = Links(self._core, self._tell_alive, self._tracing)

    async def run(self) -> None:
        """Work until drained."""
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self._start_drain)
        tasks = [
            asyncio.ensure_future(again_after_faults(each, self._core.faults.alarm))
            for each in (
                self._control.run,
                self._watch.run,
                self._tick_leases,
                self._beat,
                self._housekeep,
                self._make_room,
            )
        ]
        keep_loaded(GC_THRESHOLDS)
        self._core.gate.tell()
        self._tell_alive()
        await self._draining.wait()
        await self._links.drain(self._turn)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._core.recorder.commit()
        self._core.capping.close()
        self._core.write_supply(self._core.recorder.hour)
        self._core.journal.sync()
        self._core.journal.close()
        self._core.leads.close()

    # -- the supervisor ---------------------------------------------------------------------------

    def _from_supervisor(self, message: ToChild, descriptors: list[int]) -> None:
        if isinstance(message, Connection):
            self._links.adopt(message, descriptors)
        elif isinstance(message, Drain):
            self._turn = message
            self._start_drain()
        elif isinstance(message, Reload):
            try:
                self._take_settings(read(descriptors[0]))
            except Exception as error:  # noqa: BLE001  # the former settings stay, the relay goes on
                self._core.faults.alarm(error)

    def _take_settings(self, settings: Settings) -> None:
        """Act on new settings from the next read on; they differ in engine.reload.LIVE_KEYS only."""
        core = self._core
        predicate = make_predicate(settings)
        audience = audience_rules(settings, core.numbering, core.subject)
        core.settings = core.gate.settings = settings
        core.book.horizon_s = settings.leases.horizon_s
        for inserter in core.inserters.values():
            inserter.ask(predicate, audience)
        self._links.take_settings(settings)
        core.receipting.take_settings(settings)
        core.gate.tell()

    def _start_drain(self) -> None:
        self._core.gate.draining = True
        self._core.gate.tell()
        self._draining.set()

    def _tell_alive(self) -> None:
        gate = self._core.gate.reason()
        self._line.say(Alive(ended=self._links.ended, gate=gate.code if gate is not None else None))

    # -- control ----------------------------------------------------------------------------------

    def _hello(self) -> Hello:
        return Hello(
            worker=self._core.epoch.worker,
            epoch=self._core.epoch.number,
            returned={lease.campaign: lease.returned for lease in self._core.book if lease.returned},
        )

    def _from_control(self, message: FromControl) -> None:
        self._orders.heard(message)

    def _open_watch(self) -> Watch:
        self._tracing.stop()  # its client went with the control before this one
        return Watch(worker=self._core.epoch.worker, epoch=self._core.epoch.number)

    def _from_watch(self, message: FromControl) -> None:
        match message:
            case AskSessions():
                self._watch.say(self._core.figures.sessions())
            case StartTrace():
                self._tracing.begin(message, self._links)
            case StopTrace():
                self._tracing.stop()
            case _:
                pass  # the rest comes on the other line

    def _tell_figures(self, now: float) -> None:
        self._core.figures.give_up(now, self._core.settings.relay.response_timeout_s)
        if not self._watch.behind:
            self._watch.say(self._core.figures.figures(now, self._core.gate.reason()))

    # -- ticks ------------------------------------------------------------------------------------

    async def _tick_leases(self) -> None:
        while True:
            await asyncio.sleep(LEASE_TICK_S)
            if self._control.connected and self._core.settings.relay.mode == "insert":
                self._orders.ask()

    async def _beat(self) -> None:
        while True:
            self._core.gate.look()
            self._tell_alive()
            await asyncio.sleep(BEAT_S)

    async def _housekeep(self) -> None:
        """Once a second: rates, unanswered insertions, what could not be written."""
        while True:
            await asyncio.sleep(1)
            now = time.monotonic()
            self._core.book.close_second(now)
            self._links.expire(now)
            self._core.commit()
            self._core.write_supply(self._core.recorder.hour)
            self._alarm_mismatches()
            self._core.capping.look()
            self._orders.judge_texts()
            self._core.leads.prepare()
            always = self._core.settings.receipts.request == "always"
            self._core.receipting.look(self._control.say, always=always)
            self._tell_figures(now)

    async def _make_room(self) -> None:
        """Have the journal's next segment ready before the fastest stream has filled the current one."""
        figures = self._core.figures
        while True:
            await asyncio.sleep(ROOM_TICK_S)
            try:
                self._core.journal.prepare()
            except OSError as error:
                if not figures.journal_full:
                    log.error("alarm_journal_full", error=str(error))
                figures.journal_full = True
            else:
                figures.journal_full = False

    def _alarm_mismatches(self) -> None:
        """Say that bodies came which their alphabet can't hold: default_alphabet may be set wrong."""
        for route, inserter in self._core.inserters.items():
            if inserter.mismatches:
                log.error("alarm_alphabet_mismatch", route=route, notifications=inserter.mismatches)
                inserter.mismatches = 0


def main() -> None:
    """Run a worker with the spec on standard input."""
    spec = born("worker")
    structlog.contextvars.bind_contextvars(worker=spec.worker)
    asyncio.run(_main(spec))


async def _main(spec: Spec) -> None:
    await Worker(spec).run()

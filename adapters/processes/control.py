"""The control process: books, plans, leases and settlement. Each of its duties is a class of its own."""

import asyncio
import signal
import socket
import time
from contextlib import AsyncExitStack, suppress
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import structlog

from adapters.files.node_status import ads_are_off
from adapters.files.number_key import load_seal
from adapters.files.reference_data import load_numbering
from adapters.http.health import Readiness
from adapters.metrics.observation import Observation
from adapters.postgres.blackouts import PostgresBlackouts
from adapters.postgres.books import PostgresBooks
from adapters.postgres.campaigns import PostgresCampaigns
from adapters.postgres.migrate import MigrationError, migrate
from adapters.postgres.pool import DATABASE_FAULTS, Pool, close_pool, listen, open_pool
from adapters.postgres.switches import PostgresSwitches
from adapters.processes.answering import Answering
from adapters.processes.cdr_recording import recording
from adapters.processes.child import (
    SELDOM_ALL,
    Spec,
    SupervisorLine,
    born,
    keep_loaded,
    share_interpreter,
    work_until,
)
from adapters.processes.endless import together
from adapters.processes.epochs import Epochs
from adapters.processes.esme_duty import hold, own_sessions
from adapters.processes.expiring import Expiring
from adapters.processes.forecasting import Forecasting
from adapters.processes.granting import ALARM_EVERY_S, Granting
from adapters.processes.hearing import Hearing
from adapters.processes.landing import Landings
from adapters.processes.lead_settling import LeadSettling
from adapters.processes.mailing import Mailing
from adapters.processes.matching import ReceiptMatching
from adapters.processes.messages import (
    Alive,
    Database,
    Drain,
    Draining,
    Hello,
    Message,
    Ping,
    Reload,
    StopRequesting,
    ToChild,
)
from adapters.processes.number_telling import NumberTelling
from adapters.processes.question_desk import QuestionDesk
from adapters.processes.questions import Question
from adapters.processes.registering import Registering
from adapters.processes.reloading import read
from adapters.processes.replanning import Replanning
from adapters.processes.reporting import Reporting
from adapters.processes.settling import Settling
from adapters.processes.switching import Switching
from adapters.processes.telling import Telling
from adapters.processes.worker_lines import WorkerLine, WorkerLines
from engine.verdict import Verdict

PLAN_S = 1.0
PING_S = 0.5
RETRY_S = 0.5

log = structlog.get_logger()


class Control:
    """One control process. Everything it knows is in the books or in the journals: it may die at any time."""

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self._settings = settings = spec.settings
        self._dsn: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._stop = asyncio.Event()
        self._wake = asyncio.Event()
        self._draining = False
        self._pool: Pool | None = None
        self._alarmed = ("", 0.0)
        cdr = recording(settings, spec.data_dir)
        epochs = Epochs(settings.node.name, spec.data_dir, cdr)
        self._observation = Observation(settings, spec.data_dir, self._readiness, epochs.applied, cdr)
        self._granting = Granting(settings, lambda: len(self._lines))
        self._lines = WorkerLines(
            settings.node.name,
            self._joined,
            self._granting.wanted,
            self._granting.gave,
            self._harmed,
            self._observation.watches,
            self._answer,
        )
        self._settling = Settling(epochs)
        self._reporting = Reporting(settings, self._settling)
        self._expiring = Expiring(lambda: self._settings.retention_days, self._settling)
        self._mailing = Mailing(lambda: self._settings, spec.data_dir)
        self._matching = ReceiptMatching(settings, self._harmed)
        self._observation.unmatched = self._matching.unmatched
        self._switching = Switching(settings.node.name, self._lines)
        self._registering = Registering(spec, self._lines)
        self._forecasting = Forecasting(spec)
        self._replanning = Replanning(spec, self._lines, self._forecasting)
        self._telling = Telling(lambda: self._settings)
        answers = any(route.responses for route in settings.relay.routes)
        self._numbers = NumberTelling(self._lines, spec.data_dir, answers=answers)
        numbering = load_numbering(Path(spec.ranges) if spec.ranges else None)
        self._leads = LeadSettling(lambda: self._settings, spec.data_dir, lambda: numbering)
        self._landings = Landings(lambda: self._settings)
        seal = cache(lambda: load_seal(settings, spec.data_dir))
        hearing = Hearing(lambda: self._settings, lambda: self._pool, seal)
        self._own_sessions = own_sessions(settings, hearing.hear)
        self._esme = self._own_sessions[0] if self._own_sessions else None
        self._answering = Answering(lambda: self._settings, self._esme, seal)
        self._observation.answers = self._answering.figures
        self._questions = QuestionDesk(self._readiness, self._observation, self._esme)
        self._line = SupervisorLine(spec.supervisor_fd, self._from_supervisor, self._stop.set)

    async def run(self) -> None:
        """Serve until told to stop; then settle what the workers left."""
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self._stop.set)
        async with AsyncExitStack() as stack:
            listening = socket.socket(fileno=self._spec.listen_fd)
            server = await self._lines.serve(listening)
            stack.push_async_callback(self._lines.close)
            stack.callback(server.close)
            keep_loaded(SELDOM_ALL)
            sessions = [hold(each) for each in self._own_sessions]
            await work_until(self._stop, self._with_database(), self._ping(), self._sync(), *sessions)
            if self._dsn.done():
                await self._settling.settle_up(self._dsn.result())
                await self._matching.settle_up(self._dsn.result())
                await self._leads.settle_up(self._dsn.result())
            self._line.close()

    # -- supervisor ------------------------------------------------------------------------------

    def _from_supervisor(self, message: ToChild, descriptors: list[int]) -> None:
        if isinstance(message, Database) and not self._dsn.done():
            self._dsn.set_result(message.dsn)
        elif isinstance(message, Draining):
            self._draining = True
        elif isinstance(message, Drain):
            self._stop.set()
        elif isinstance(message, Reload):
            self._settings = self._granting.settings = read(descriptors[0])
            self._replanning.take_settings(self._settings)
            self._lines.asked_more = False  # each worker hears of it from the supervisor, too
            self._wake.set()

    def _readiness(self) -> Readiness:
        return Readiness(
            relay=len(self._lines) > 0 and not self._draining,
            database=self._granting.books is not None,
            ads=self._inserts_ads(),
        )

    def _inserts_ads(self) -> bool:
        """Tell whether workers may insert, as far as control knows."""
        return (
            self._settings.relay.mode == "insert"
            and not self._draining
            and self._replanning.planned
            and self._granting.recovered
            and self._registering.ready
            and self._switching.ads_on
            and not ads_are_off(self._spec.data_dir)
        )

    # -- the database and what needs it -----------------------------------------------------------

    async def _with_database(self) -> None:
        """Work with the database while it is there; begin anew when it comes back."""
        dsn = await asyncio.shield(self._dsn)  # who waits may be cancelled, the word itself may not
        while True:
            try:
                async with AsyncExitStack() as stack:
                    pool = await open_pool(dsn, max_size=12)  # duties that hold a lock hold a connection
                    stack.push_async_callback(close_pool, pool)
                    async with pool.acquire() as connection:
                        await migrate(connection)
                    await self._work(pool)
            except DATABASE_FAULTS as error:
                self._database_alarm("alarm_database_away", f"{type(error).__name__}: {error}")
            except MigrationError as error:
                self._database_alarm("alarm_database_schema", str(error))
            except Exception as error:  # a bug in a plan must not end leases and settlement
                log.error("alarm_internal_error", exc_info=error)
            self._granting.books = self._switching.database = self._pool = None
            await asyncio.sleep(RETRY_S)

    def _database_alarm(self, event: str, error: str) -> None:
        """Say what is wrong once, and again every ALARM_EVERY_S while it lasts."""
        now = time.monotonic()
        if error != self._alarmed[0] or now - self._alarmed[1] >= ALARM_EVERY_S:
            log.error(event, error=error)
            self._alarmed = (error, now)

    async def _work(self, pool: Pool) -> None:
        """Do every duty that needs the database, until one of them fails."""
        self._alarmed = ("", 0.0)
        self._pool = pool
        self._granting.books = books = PostgresBooks(pool)
        self._switching.database = switches = PostgresSwitches(pool)
        await self._settling.recover(books)
        self._granting.recovered = True
        for line in self._lines:
            await self._granting.tell(line)
        await together(
            self._settling.run(books),
            self._matching.run(pool),
            self._plan_ahead(PostgresCampaigns(pool), PostgresBlackouts(pool), switches),
            self._forecasting.run(pool),
            self._reporting.run(pool),
            self._mailing.run(pool),
            self._expiring.run(pool),
            self._replanning.allot(pool),
            self._telling.run(pool),
            self._numbers.run(pool),
            self._leads.run(pool),
            self._answering.run(pool),
            self._landings.run(pool),
            self._registering.run(pool),
            listen(pool, self._changed),  # changes are heard at once; they are also polled
        )

    async def _plan_ahead(
        self, campaigns: PostgresCampaigns, blackouts: PostgresBlackouts, switches: PostgresSwitches
    ) -> None:
        """Switches and a plan every PLAN_S, and at once when something was changed."""
        while True:
            self._wake.clear()
            now = datetime.now(UTC)
            await campaigns.advance(now)
            await self._switching.look(switches, now)
            await self._replanning.plan(campaigns, blackouts, now)
            with suppress(TimeoutError):
                async with asyncio.timeout(PLAN_S):
                    await self._wake.wait()

    def _changed(self) -> None:
        """Look at once what was changed in the database."""
        self._wake.set()
        self._registering.heard()

    # -- workers ----------------------------------------------------------------------------------

    async def _joined(self, line: WorkerLine, hello: Hello) -> None:
        """Bring a worker up to date: its leases as the books have them, the plan, the switches."""
        self._switching.tell(line)
        self._replanning.tell(line)
        self._numbers.tell(line)
        self._registering.tell(line)
        if self._lines.asked_more:
            line.say(StopRequesting())
        line.returned.update(hello.returned)
        await self._granting.tell(line)

    async def _answer(self, question: Question) -> Message:
        return await self._questions.answer(question)

    async def _harmed(self, verdict: Verdict) -> None:
        await self._switching.harmed(verdict)
        self._wake.set()

    # -- ticks ------------------------------------------------------------------------------------

    async def _ping(self) -> None:
        while True:
            self._lines.broadcast(Ping())
            self._line.say(Alive())
            await asyncio.sleep(PING_S)

    async def _sync(self) -> None:
        """Sync the journals by the policy `interval`; by the others there is nothing to do."""
        if self._settings.journal.sync == "interval":
            await self._settling.sync(self._settings.journal.interval_ms / 1000)
        await self._stop.wait()


def main() -> None:
    """Run control with the spec on standard input."""
    spec = born("control")
    share_interpreter()
    asyncio.run(_main(spec))


async def _main(spec: Spec) -> None:
    await Control(spec).run()

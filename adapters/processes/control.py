"""The control process: the database's only client in a node. Leases, plans, switches, settlement, HTTP."""

import asyncio
import os
import signal
import socket
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import structlog
from aiohttp import web

from adapters.files.node_status import ads_are_off
from adapters.files.reference_data import load_geography, load_numbering
from adapters.http.app import node_app
from adapters.http.health import Readiness
from adapters.metrics.observation import Observation
from adapters.postgres.books import PostgresBooks
from adapters.postgres.campaigns import PostgresCampaigns
from adapters.postgres.migrate import MigrationError, migrate
from adapters.postgres.pool import CHANNEL, DATABASE_AWAY, Pool, open_pool
from adapters.postgres.switches import PostgresSwitches, Switches
from adapters.processes.cdr_recording import recording
from adapters.processes.child import (
    Spec,
    SupervisorLine,
    configure_logging,
    die_with_parent,
    ignore_terminal_signals,
    read_spec,
)
from adapters.processes.epochs import Epochs
from adapters.processes.messages import (
    Alive,
    Database,
    Drain,
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
)
from adapters.processes.plan_file import newest_plan_version, write_plan
from adapters.processes.reloading import read
from adapters.processes.worker_lines import WorkerLine, WorkerLines
from engine.breaker import Verdict
from engine.composition import septets_of
from inventory.books import EpochClosedError, LedgerError, SequenceGapError
from inventory.planner import Planner
from segments.clock import pinned_zone
from segments.targets import Target, compile_target

SETTLE_S = 0.2
PLAN_S = 1.0
PING_S = 0.5
RETRY_S = 0.5
SETTLE_UP_S = 10.0
ALARM_EVERY_S = 10.0
# Leases asked for longer ago than this were asked for again.
STALE_S = 1.0

_DATABASE_FAULTS: tuple[type[BaseException], ...] = (*DATABASE_AWAY, asyncpg.PostgresError)

log = structlog.get_logger()


class Control:
    """One control process. Everything it knows is in the books or in the journals: it may die at any time."""

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self._settings = settings = spec.settings
        self._dsn: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._stop = asyncio.Event()
        self._wake = asyncio.Event()
        self._recovered = asyncio.Event()
        self._books: PostgresBooks | None = None
        self._stops: PostgresSwitches | None = None
        self._cdr = recording(settings, spec.data_dir)
        self._epochs = Epochs(settings.node.name, spec.data_dir, self._cdr)
        self._observation = Observation(
            settings, spec.data_dir, self._readiness, self._epochs.applied, self._cdr
        )
        self._lines = WorkerLines(
            settings.node.name,
            self._joined,
            self._wanted,
            self._gave,
            self._harmed,
            self._observation.watches,
        )
        self._line = SupervisorLine(spec.supervisor_fd, self._from_supervisor, self._stop.set)
        self._alarmed = ("", 0.0)
        self._untold_at = -ALARM_EVERY_S
        self._plan: NewPlan | None = None
        self._plan_version = newest_plan_version(spec.data_dir)
        self._switches: Switches | None = None
        self._planner = self._make_planner()

    def _make_planner(self) -> Planner:
        geography = load_geography()
        numbering = load_numbering(Path(self._spec.ranges) if self._spec.ranges else None)

        def compiled(target: Target) -> frozenset[int]:
            return compile_target(target, numbering, geography)

        policy = self._settings.policy
        quiet = policy.quiet_hours
        return Planner(
            numbering.digest,
            len(numbering.places),
            compiled,
            septets_of,
            pinned_zone(policy.default_timezone),
            None if quiet is None else (quiet.start, quiet.end),
        )

    async def run(self) -> None:
        """Serve until told to stop; then settle what the workers left."""
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self._stop.set)
        async with AsyncExitStack() as stack:
            if self._spec.http_fd is not None:
                await self._serve_http(stack)
            listening = socket.socket(fileno=self._spec.listen_fd)
            server = await self._lines.serve(listening)
            stack.callback(server.close)
            tasks = [
                asyncio.ensure_future(each) for each in (self._with_database(), self._ping(), self._sync())
            ]
            stop = asyncio.ensure_future(self._stop.wait())
            done, _ = await asyncio.wait({stop, *tasks}, return_when=asyncio.FIRST_COMPLETED)
            for task in {stop, *tasks}:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            if not self._stop.is_set():  # endless work has ended: the next control takes it up
                log.error("alarm_internal_error", exc_info=done.pop().exception())
                sys.exit(1)
            await self._settle_up()
            self._line.close()

    async def _settle_up(self) -> None:
        """Close the epochs of the workers that have drained; else the next start does."""
        if not self._dsn.done():
            return
        try:
            async with asyncio.timeout(SETTLE_UP_S):
                pool = await open_pool(self._dsn.result())
                await self._epochs.look(PostgresBooks(pool))
                await _close_pool(pool)
        except _DATABASE_FAULTS as error:
            log.warning("left_unsettled", error=f"{type(error).__name__}: {error}")

    # -- supervisor and HTTP ----------------------------------------------------------------------

    def _from_supervisor(self, message: ToChild, descriptors: list[int]) -> None:
        if isinstance(message, Database) and not self._dsn.done():
            self._dsn.set_result(message.dsn)
        elif isinstance(message, Drain):
            self._stop.set()
        elif isinstance(message, Reload):
            self._settings = read(descriptors[0])
            quiet = self._settings.policy.quiet_hours
            self._planner.keep_quiet(None if quiet is None else (quiet.start, quiet.end))
            self._wake.set()

    async def _serve_http(self, stack: AsyncExitStack) -> None:
        runner = web.AppRunner(node_app(self._readiness, self._observation.metrics), access_log=None)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.SockSite(runner, socket.socket(fileno=self._spec.http_fd)).start()

    def _readiness(self) -> Readiness:
        return Readiness(
            relay=len(self._lines) > 0, database=self._books is not None, ads=self._inserts_ads()
        )

    def _inserts_ads(self) -> bool:
        """Tell whether workers may insert, as far as control knows."""
        switches = self._switches
        return (
            self._settings.relay.mode == "insert"
            and self._plan is not None
            and self._recovered.is_set()
            and switches is not None
            and switches.ads_on
            and not ads_are_off(self._spec.data_dir)
        )

    # -- the database and what needs it -----------------------------------------------------------

    async def _with_database(self) -> None:
        """Work with the database while it is there; begin anew when it comes back."""
        dsn = await self._dsn
        while True:
            try:
                async with AsyncExitStack() as stack:
                    pool = await open_pool(dsn)
                    stack.push_async_callback(_close_pool, pool)
                    async with pool.acquire() as connection:
                        await migrate(connection)
                    await self._work(pool)
            except _DATABASE_FAULTS as error:
                self._database_alarm("alarm_database_away", f"{type(error).__name__}: {error}")
            except MigrationError as error:
                self._database_alarm("alarm_database_schema", str(error))
            except Exception as error:  # a bug in a plan must not end leases and settlement
                log.error("alarm_internal_error", exc_info=error)
            self._books = self._stops = None
            await asyncio.sleep(RETRY_S)

    def _database_alarm(self, event: str, error: str) -> None:
        """Say what is wrong once, and again every ALARM_EVERY_S while it lasts."""
        now = time.monotonic()
        if error != self._alarmed[0] or now - self._alarmed[1] >= ALARM_EVERY_S:
            log.error(event, error=error)
            self._alarmed = (error, now)

    async def _work(self, pool: Pool) -> None:
        self._alarmed = ("", 0.0)
        self._books = books = PostgresBooks(pool)
        self._stops = switches = PostgresSwitches(pool)
        await self._epochs.look(books)
        self._recovered.set()
        for line in self._lines:
            await self._book_returned(line)  # while the books were away, nobody wrote it down
            await self._tell_leases(line)
        await _together(
            _every(SETTLE_S, lambda: self._settle(books)),
            self._replan(PostgresCampaigns(pool), switches),
            self._listen(pool),
        )

    async def _settle(self, books: PostgresBooks) -> None:
        try:
            await self._epochs.look(books)
            await self._epochs.settle(books)
        except (LedgerError, SequenceGapError, EpochClosedError) as error:
            log.error("alarm_settlement_refused", error=f"{type(error).__name__}: {error}")

    async def _listen(self, pool: Pool) -> None:
        """Hear of changes at once (they are also polled)."""
        gone = asyncio.Event()

        def changed(*_: object) -> None:
            self._wake.set()

        async with pool.acquire() as connection:
            connection.add_termination_listener(lambda _: gone.set())
            await connection.add_listener(CHANNEL, changed)
            try:
                await gone.wait()
            finally:
                if not connection.is_closed():
                    await connection.remove_listener(CHANNEL, changed)
        raise ConnectionError("the listening connection was closed")

    # -- plans and switches -----------------------------------------------------------------------

    async def _replan(self, campaigns: PostgresCampaigns, switches: PostgresSwitches) -> None:
        while True:
            self._wake.clear()
            now = datetime.now(UTC)
            await campaigns.advance(now)
            await self._tell_switches(switches, now)
            serving = await campaigns.serving(now)
            self._plan_version = max(self._plan_version + 1, time.time_ns())  # the clock may jump back
            plan = self._planner.plan(self._plan_version, serving, now.timestamp())
            self._plan = NewPlan(path=str(write_plan(self._spec.data_dir, plan)))
            self._lines.broadcast(self._plan)
            if len(self._lines) > 1:
                for each in serving:
                    if each.free == 0 and each.leased:
                        self._lines.broadcast(Recall(campaign=each.campaign.number))
            with suppress(TimeoutError):
                async with asyncio.timeout(PLAN_S):
                    await self._wake.wait()

    async def _tell_switches(self, switches: PostgresSwitches, now: datetime) -> None:
        current = await switches.read()
        if current != self._switches:
            self._switches = current
            self._lines.broadcast(_switches_message(current))
        status = {"workers": len(self._lines)}
        await switches.beat(self._settings.node.name, self._lines.confirmed, status, now=now)

    # -- workers ----------------------------------------------------------------------------------

    async def _joined(self, line: WorkerLine, hello: Hello) -> None:
        """Bring a worker up to date: its leases as the books have them, the plan, the switches."""
        if self._switches is not None:
            line.say(_switches_message(self._switches))
        if self._plan is not None:
            line.say(self._plan)
        await self._gave(line, Returned(totals=hello.returned))
        await self._tell_leases(line)

    async def _tell_leases(self, line: WorkerLine) -> None:
        async def tell(books: PostgresBooks) -> None:
            line.say(Leases(totals=dict(await books.lease_totals(line.epoch))))

        await self._attempt(tell)

    async def _wanted(self, line: WorkerLine, want: Want) -> None:
        if time.monotonic() - want.at > STALE_S:
            return  # it waited behind a slow database; the worker has asked anew

        async def grant(books: PostgresBooks) -> None:
            horizon = self._settings.leases.horizon_s
            holders = max(1, len(self._lines))
            totals = await books.grant(line.epoch, want.requests, horizon, holders, now=datetime.now(UTC))
            line.say(Leases(totals=dict(totals)))

        await self._attempt(grant)

    async def _gave(self, line: WorkerLine, returned: Returned) -> None:
        line.returned.update(returned.totals)
        await self._book_returned(line)

    async def _book_returned(self, line: WorkerLine) -> None:
        if line.returned:
            await self._attempt(lambda books: books.give_back(line.epoch, line.returned))

    async def _harmed(self, verdict: Verdict) -> None:
        """Stop on every node what one worker found harmful; it tells again until the switches say so."""
        if self._stops is None:
            return
        try:
            await self._stops.stop_text(verdict, node=self._settings.node.name, now=datetime.now(UTC))
        except _DATABASE_FAULTS as error:
            log.warning("harm_not_told", error=f"{type(error).__name__}: {error}")
        self._wake.set()

    async def _attempt(self, act: Callable[[PostgresBooks], Awaitable[None]]) -> None:
        """Do something with the books if they are there; a worker asks again when they were not."""
        books = self._books
        if books is None or not self._recovered.is_set():
            return
        try:
            await act(books)
        except EpochClosedError:
            return  # a worker that has just joined: its epoch is registered with the next look
        except LedgerError as error:
            log.error("alarm_ledger", error=str(error))
        except _DATABASE_FAULTS as error:
            self._lease_not_told(error)

    def _lease_not_told(self, error: BaseException) -> None:
        """Say that workers must ask again, which they do many times a second, every ALARM_EVERY_S."""
        now = time.monotonic()
        if now - self._untold_at >= ALARM_EVERY_S:
            log.warning("lease_not_told", error=f"{type(error).__name__}: {error}")
            self._untold_at = now

    # -- ticks ------------------------------------------------------------------------------------

    async def _ping(self) -> None:
        while True:
            self._lines.broadcast(Ping())
            self._line.say(Alive())
            await asyncio.sleep(PING_S)

    async def _sync(self) -> None:
        """Bring the journals to the disk, off the workers' hot path (policy `interval`)."""
        if self._settings.journal.sync != "interval":
            await self._stop.wait()
            return
        while True:
            await asyncio.sleep(self._settings.journal.interval_ms / 1000)
            try:
                await asyncio.to_thread(self._epochs.sync)
            except OSError as error:
                log.error("alarm_journal_sync_failed", error=str(error))


async def _together(*work: Coroutine[Any, Any, None]) -> None:
    """Run endless work side by side; the first fault ends all of it and is raised."""
    tasks = [asyncio.ensure_future(each) for each in work]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _every(seconds: float, act: Callable[[], Awaitable[None]]) -> None:
    while True:
        await act()
        await asyncio.sleep(seconds)


async def _close_pool(pool: Pool) -> None:
    with suppress(*DATABASE_AWAY):
        async with asyncio.timeout(2):
            await pool.close()
            return
    pool.terminate()


def _switches_message(switches: Switches) -> SetSwitches:
    return SetSwitches(
        version=switches.version,
        ads_on=switches.ads_on,
        stopped=switches.stopped,
        harmful=switches.harmful,
    )


def main() -> None:
    """Run control with the spec on standard input."""
    die_with_parent(signal.SIGTERM)
    ignore_terminal_signals()
    spec = read_spec()
    configure_logging(spec.log_level)
    structlog.contextvars.bind_contextvars(process="control", pid=os.getpid())
    asyncio.run(_main(spec))


async def _main(spec: Spec) -> None:
    await Control(spec).run()


if __name__ == "__main__":
    main()

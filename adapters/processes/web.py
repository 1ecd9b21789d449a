"""The HTTP process: API and console. What control knows it asks, as the command does."""

import asyncio
import gc
import os
import signal
import socket
import sys
from contextlib import AsyncExitStack, suppress
from functools import cache
from pathlib import Path

import structlog
from aiohttp import web

from adapters.files.number_key import load_seal
from adapters.files.reference_data import load_geography, load_numbering
from adapters.files.rule_sets import default_rules
from adapters.http.app import node_app
from adapters.http.clicks import ClickCounter
from adapters.http.services import Services
from adapters.postgres.pool import DATABASE_FAULTS, Pool, close_pool, open_pool
from adapters.processes.child import (
    Spec,
    SupervisorLine,
    configure_logging,
    die_with_parent,
    ignore_terminal_signals,
    read_spec,
)
from adapters.processes.control_questions import ControlQuestions
from adapters.processes.endless import together
from adapters.processes.forecast_taking import ForecastTaking
from adapters.processes.messages import Database, Drain, Reload, ToChild
from adapters.processes.reloading import read
from adapters.processes.trading import Trading

# A thread that works on a market or a file keeps requests waiting no longer than this.
SWITCH_S = 0.0001
# Looking through all that was loaded at the start would stop everything for 0.15 s, and find nothing.
GC_THRESHOLDS = (700, 10, 1000)
RETRY_S = 0.5

log = structlog.get_logger()


class Web:
    """One HTTP process. It holds nothing but the last second's clicks: it may die at any time."""

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self._settings = spec.settings
        self._dsn: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._stop = asyncio.Event()
        self._pool: Pool | None = None
        self._control = ControlQuestions(spec.control_socket)
        self._numbering = load_numbering(Path(spec.ranges) if spec.ranges else None)
        self._geography = load_geography()
        self._forecasts = ForecastTaking(
            Path(spec.control_socket).parent, self._numbering, spec.settings.policy.default_timezone
        )
        self._trading = Trading(lambda: self._settings, self._numbering, self._geography, self._forecasts)
        self._clicks = ClickCounter()
        self._line = SupervisorLine(spec.supervisor_fd, self._from_supervisor, self._stop.set)

    async def run(self, listening: socket.socket) -> None:
        """Serve until told to stop; then write the last clicks."""
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self._stop.set)
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self._count_clicks)  # when HTTP has ended
            app = node_app(self._control.readiness, self._control.metrics, self._services())
            runner = web.AppRunner(app, access_log=None)
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            await web.SockSite(runner, listening).start()
            gc.collect()
            gc.freeze()
            gc.set_threshold(*GC_THRESHOLDS)
            tasks = [
                asyncio.ensure_future(each)
                for each in (self._with_database(), self._control.look(), self._forecasts.look())
            ]
            stop = asyncio.ensure_future(self._stop.wait())
            done, _ = await asyncio.wait({stop, *tasks}, return_when=asyncio.FIRST_COMPLETED)
            for task in {stop, *tasks}:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            if not self._stop.is_set():  # endless work has ended: the next process takes it up
                log.error("alarm_internal_error", exc_info=done.pop().exception())
                sys.exit(1)
            self._line.close()

    async def _count_clicks(self) -> None:
        """Write the last clicks."""
        if self._dsn.done():
            with suppress(*DATABASE_FAULTS):
                await self._clicks.settle_up(self._dsn.result())

    def _from_supervisor(self, message: ToChild, descriptors: list[int]) -> None:
        if isinstance(message, Database) and not self._dsn.done():
            self._dsn.set_result(message.dsn)
        elif isinstance(message, Drain):
            self._stop.set()
        elif isinstance(message, Reload):
            self._settings = read(descriptors[0])

    def _services(self) -> Services:
        return Services(
            find_pool=lambda: self._pool,
            settings=lambda: self._settings,
            geography=self._geography,
            numbering=self._numbering,
            rules=default_rules(),
            forecast=lambda: self._forecasts.forecast,
            market=lambda: self._trading.market,
            node=self._control,
            data_dir=self._spec.data_dir,
            clicks=self._clicks,
            esme=None if self._spec.settings.esme is None else self._control,
            find_seal=cache(lambda: load_seal(self._spec.settings, self._spec.data_dir)),
        )

    async def _with_database(self) -> None:
        """Work with the database while it is there, from when control has made its tables on."""
        dsn = await asyncio.shield(self._dsn)  # who waits may be cancelled, the word itself may not
        await self._control.migrated.wait()
        while True:
            try:
                async with AsyncExitStack() as stack:
                    self._pool = pool = await open_pool(dsn)
                    stack.push_async_callback(close_pool, pool)
                    await together(self._trading.run(pool), self._clicks.run(pool))
            except DATABASE_FAULTS as error:  # control alarms
                log.info("http_without_database", error=f"{type(error).__name__}: {error}")
            except Exception as error:
                log.error("alarm_internal_error", exc_info=error)
            self._pool = None
            await asyncio.sleep(RETRY_S)


def main() -> None:
    """Serve HTTP with the spec on standard input."""
    die_with_parent(signal.SIGTERM)
    ignore_terminal_signals()
    spec = read_spec()
    configure_logging(spec.log_level)
    structlog.contextvars.bind_contextvars(process="web", pid=os.getpid())
    sys.setswitchinterval(SWITCH_S)
    asyncio.run(_main(spec))


async def _main(spec: Spec) -> None:
    await Web(spec).run(socket.socket(fileno=spec.listen_fd))


if __name__ == "__main__":
    main()

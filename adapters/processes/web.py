"""The HTTP process: API and console. What control knows it asks, as the command does."""

import asyncio
import signal
import socket
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
    SELDOM_ALL,
    Spec,
    SupervisorLine,
    born,
    keep_loaded,
    share_interpreter,
    work_until,
)
from adapters.processes.control_questions import ControlQuestions
from adapters.processes.endless import together
from adapters.processes.forecast_taking import ForecastTaking
from adapters.processes.messages import Database, Drain, Reload, ToChild
from adapters.processes.reloading import read
from adapters.processes.trading import Trading

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
            keep_loaded(SELDOM_ALL)
            await work_until(self._stop, self._with_database(), self._control.look(), self._forecasts.look())
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
    spec = born("web")
    share_interpreter()
    asyncio.run(_main(spec))


async def _main(spec: Spec) -> None:
    await Web(spec).run(socket.socket(fileno=spec.listen_fd))

"""Control's duty towards the lease books of its workers: grant, take back, tell."""

import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import structlog

from adapters.postgres.books import PostgresBooks
from adapters.postgres.pool import DATABASE_FAULTS
from adapters.processes.messages import Leases, Returned, Want
from adapters.processes.worker_lines import WorkerLine
from engine.settings import Settings
from inventory.books import EpochClosedError, LedgerError

ALARM_EVERY_S = 10.0
# Leases asked for longer ago than this were asked for again.
STALE_S = 1.0

log = structlog.get_logger()


class Granting:
    """Leases for workers, while control has set `books` and `recovered` (former journals are settled).

    `holders` tells how many workers share; `settings` are those in force.
    """

    def __init__(self, settings: Settings, holders: Callable[[], int]) -> None:
        self.settings = settings
        self.books: PostgresBooks | None = None
        self.recovered = False
        self._holders = holders
        self._untold_at = -ALARM_EVERY_S

    async def tell(self, line: WorkerLine) -> None:
        """Bring a worker up to date: what it has given back, then its leases as the books have them."""

        async def tell(books: PostgresBooks) -> None:
            line.say(Leases(totals=dict(await books.lease_totals(line.epoch))))

        await self._book_returned(line)
        await self._attempt(tell)

    async def wanted(self, line: WorkerLine, want: Want) -> None:
        """Grant what the books allow."""
        line.asked(want)
        if time.monotonic() - want.at > STALE_S:
            return  # it waited behind a slow database; the worker has asked anew

        async def grant(books: PostgresBooks) -> None:
            horizon = self.settings.leases.horizon_s
            holders = max(1, self._holders())
            totals = await books.grant(line.epoch, want.requests, horizon, holders, now=datetime.now(UTC))
            line.say(Leases(totals=dict(totals)))

        await self._attempt(grant)

    async def gave(self, line: WorkerLine, returned: Returned) -> None:
        """Take back units; without books they are remembered until `tell`."""
        line.returned.update(returned.totals)
        await self._book_returned(line)

    async def _book_returned(self, line: WorkerLine) -> None:
        if line.returned:
            await self._attempt(lambda books: books.give_back(line.epoch, line.returned))

    async def _attempt(self, act: Callable[[PostgresBooks], Awaitable[None]]) -> None:
        """Do something with the books if they are there; a worker asks again when they were not."""
        books = self.books
        if books is None or not self.recovered:
            return
        try:
            await act(books)
        except EpochClosedError:
            return  # a worker that has just joined: its epoch is registered with the next look
        except LedgerError as error:
            log.error("alarm_ledger", error=str(error))
        except DATABASE_FAULTS as error:
            self._not_told(error)

    def _not_told(self, error: BaseException) -> None:
        """Say that workers must ask again, which they do many times a second, every ALARM_EVERY_S."""
        now = time.monotonic()
        if now - self._untold_at >= ALARM_EVERY_S:
            log.warning("lease_not_told", error=f"{type(error).__name__}: {error}")
            self._untold_at = now

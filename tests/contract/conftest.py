"""The two books that keep the same promises: in memory and in PostgreSQL."""

import asyncio
from collections.abc import Coroutine, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol, TypeVar

import pytest

from adapters.postgres.books import PostgresBooks
from adapters.postgres.pool import Pool, open_pool
from inventory.books import Books
from tests.contract.cap_cases import Worker, store_workers, table_workers
from tests.contract.fake_books import FAR_FUTURE, FakeBooks
from tests.valkey_server import ValkeyServer

Result = TypeVar("Result")

_ADD = """
WITH campaign AS (
    INSERT INTO campaigns (name, brand, category, class, target, starts_at, ends_at, hours, pacing, test,
        labels, state, created_at, approved_at, earliest_start)
    VALUES ('Buen Fin', 'tienda-sol', 'retail', $1, '{}', '2020-01-01', $2, '[]', 'even', false, '{}', $3,
        '2020-01-01', '2020-01-01', '2020-01-01')
    RETURNING number
)
INSERT INTO ledger (campaign, quantity) SELECT number, $4 FROM campaign RETURNING campaign
"""


class World(Protocol):
    """Books with campaigns, and the loop that they live on."""

    books: Books

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Return what a coroutine returns."""

    def add_campaign(
        self, quantity: int | None, *, ends_at: datetime = FAR_FUTURE, serving: bool = True
    ) -> int:
        """Book a campaign and return its number."""

    def reset(self) -> None:
        """Forget everything."""


class MemoryWorld:
    """Books in memory."""

    def __init__(self, runner: asyncio.Runner) -> None:
        self.run = runner.run
        self.books = FakeBooks()

    def add_campaign(
        self, quantity: int | None, *, ends_at: datetime = FAR_FUTURE, serving: bool = True
    ) -> int:
        """Book a campaign and return its number."""
        return self.books.add_campaign(quantity, ends_at=ends_at, serving=serving)

    def reset(self) -> None:
        """Forget everything."""
        self.books = FakeBooks()


class PostgresWorld:
    """Books in a database of their own."""

    def __init__(self, runner: asyncio.Runner, pool: Pool) -> None:
        self.run = runner.run
        self.books = PostgresBooks(pool)
        self._pool = pool

    def add_campaign(
        self, quantity: int | None, *, ends_at: datetime = FAR_FUTURE, serving: bool = True
    ) -> int:
        """Book a campaign and return its number."""
        campaign_class = "house" if quantity is None else "standard"
        state = "live" if serving else "paused"
        return self.run(self._fetch(_ADD, campaign_class, ends_at, state, quantity))

    async def _fetch(self, query: str, *arguments: object) -> Any:
        await self._pool.execute("INSERT INTO brands VALUES ('tienda-sol', 'retail') ON CONFLICT DO NOTHING")
        return await self._pool.fetchval(query, *arguments)

    def reset(self) -> None:
        """Forget everything."""
        self.run(
            self._pool.execute(
                "TRUNCATE campaigns, creatives, creative_versions, ledger, epochs, leases, insertion_counts, "
                "notification_counts, pass_through_counts, harmful_versions CASCADE"
            )
        )


@pytest.fixture(params=["memory", pytest.param("postgres", marks=pytest.mark.postgres)])
def world(request: pytest.FixtureRequest, runner: asyncio.Runner) -> Iterator[World]:
    """Yield each kind of books in turn."""
    if request.param == "memory":
        yield MemoryWorld(runner)
        return
    pool = runner.run(open_pool(request.getfixturevalue("postgres_dsn")))
    yield PostgresWorld(runner, pool)
    runner.run(pool.close())


@pytest.fixture(params=["table", "store"])
def worker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Worker]:
    """Yield workers over each kind of store of caps in turn."""
    if request.param == "table":
        yield table_workers(tmp_path)
        return
    server: ValkeyServer = request.getfixturevalue("valkey_server")
    yield store_workers(server)
    server.close_links()

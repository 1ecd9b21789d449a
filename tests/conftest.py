"""PostgreSQL for tests: one embedded server a session, and a database of its own for each test."""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Iterator
from itertools import count
from pathlib import Path

import asyncpg
import pytest
import structlog
from hypothesis import settings

from adapters.postgres.migrate import migrate
from adapters.postgres.pool import Pool, open_pool
from adapters.postgres.server import EmbeddedServer
from adapters.smpp import session
from tests.examples import tried
from tests.valkey_server import ValkeyServer

settings.register_profile("suite", parent=tried())
settings.load_profile("suite")

_numbers = count(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what only the interpreted form can show, where the hot modules are compiled."""
    if session.__file__.endswith(".py"):
        return
    for item in items:
        if item.get_closest_marker("interpreted"):
            item.add_marker(pytest.mark.skip("the hot modules are compiled"))


@pytest.fixture(scope="session", autouse=True)
def no_wait_for_the_disk() -> Iterator[None]:
    """Let a sync in this process look at its file and no more: nobody cuts the power of a test."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("fsync", "fdatasync"):
            patch.setattr(os, name, os.fstat)
        yield


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    """Undo what a command run inside a test set up: its log went to that test's standard error."""
    handlers = logging.root.handlers[:]
    level = logging.root.level
    yield
    structlog.reset_defaults()
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)


async def _execute(dsn: str, *statements: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


async def _with_connection(dsn: str, work: Callable[[asyncpg.Connection], Awaitable[object]]) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await work(connection)
    finally:
        await connection.close()


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    """Run one server for the whole session, which waits for no disk: nobody cuts its power."""
    server = EmbeddedServer(tmp_path_factory.mktemp("postgres"))
    asyncio.run(server.start())
    careless = [f"ALTER SYSTEM SET {name} = off" for name in ("fsync", "full_page_writes")]
    asyncio.run(_execute(server.dsn, *careless, "SELECT pg_reload_conf()"))
    yield server
    asyncio.run(server.stop())


@pytest.fixture(scope="session")
def valkey_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyServer]:
    """Run one store of caps for the whole session."""
    server = ValkeyServer(tmp_path_factory.mktemp("valkey"))
    server.start()
    yield server
    server.kill()


def _named(dsn: str, database: str) -> str:
    return dsn.replace("/postgres?", f"/{database}?")


@pytest.fixture(scope="session")
def postgres_template(postgres_server: EmbeddedServer) -> str:
    """Name a migrated database to be copied."""
    asyncio.run(_execute(postgres_server.dsn, "CREATE DATABASE migrated"))
    asyncio.run(_with_connection(_named(postgres_server.dsn, "migrated"), migrate))
    return "migrated"


@pytest.fixture
def empty_dsn(postgres_server: EmbeddedServer) -> Iterator[str]:
    """Yield the address of an empty database that lasts for one test."""
    yield from _database(postgres_server.dsn, "template0")


@pytest.fixture
def postgres_dsn(postgres_server: EmbeddedServer, postgres_template: str) -> Iterator[str]:
    """Yield the address of a migrated database that lasts for one test."""
    yield from _database(postgres_server.dsn, postgres_template)


def _database(dsn: str, template: str) -> Iterator[str]:
    name = f"test_{next(_numbers)}"
    asyncio.run(_execute(dsn, f"CREATE DATABASE {name} TEMPLATE {template}"))
    yield _named(dsn, name)
    asyncio.run(_execute(dsn, f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    """Yield the event loop of one test; `runner.run(coroutine)` returns its result."""
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture
def pool(postgres_dsn: str, runner: asyncio.Runner) -> Iterator[Pool]:
    """Yield a pool on a migrated database, on the loop of `runner`."""
    pool = runner.run(open_pool(postgres_dsn))
    yield pool
    runner.run(pool.close())


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """Name a node's data directory that does not exist yet."""
    return tmp_path / "data"

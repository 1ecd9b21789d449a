"""Connections: how a pool is opened, and which errors mean that the database is away."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeAlias

import asyncpg

# Strings, because asyncpg's classes can't be subscripted when the program runs.
Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"
Connection: TypeAlias = (
    "asyncpg.Connection[asyncpg.Record] | asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"
)

CHANNEL = "posdata"
"""NOTIFY channel; the payload is the name of the table that changed."""

DATABASE_AWAY: tuple[type[BaseException], ...] = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # the pool was closed under a call
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
)
"""What a call raises while the database is away, stopping or full: try again later, nothing is half done."""


async def _prepare(connection: Connection) -> None:
    await connection.set_type_codec("jsonb", schema="pg_catalog", encoder=json.dumps, decoder=json.loads)


async def open_pool(dsn: str, *, min_size: int = 1, max_size: int = 8, command_timeout_s: float = 30) -> Pool:
    """Return a pool whose connections speak UTC and JSON; raises one of `DATABASE_AWAY` when none opens."""
    return await asyncpg.create_pool(
        dsn,
        min_size=min_size,
        max_size=max_size,
        command_timeout=command_timeout_s,
        init=_prepare,
        server_settings={"application_name": "posdata", "timezone": "UTC", "jit": "off"},
    )


@asynccontextmanager
async def snapshot(pool: Pool) -> AsyncIterator[Connection]:
    """Yield a connection whose queries all see the same instant."""
    async with (
        pool.acquire() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        yield connection

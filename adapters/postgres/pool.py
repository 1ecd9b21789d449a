"""Connections: how a pool is opened, and which errors mean that the database is away."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import TypeAlias

import asyncpg
from pydantic_core import from_json, to_json

# Strings, because asyncpg's classes can't be subscripted when the program runs.
Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"
Connection: TypeAlias = (
    "asyncpg.Connection[asyncpg.Record] | asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"
)

CHANNEL = "posdata"
"""NOTIFY channel; the payload is the name of the table that changed."""

CLOSE_S = 2.0

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

DATABASE_FAULTS: tuple[type[BaseException], ...] = (*DATABASE_AWAY, asyncpg.PostgresError)
"""All that a call may raise: the database is away, or refused what it was asked."""


class _Kept(asyncpg.Connection):
    """A connection that goes back to its pool without a word to the server.

    asyncpg would let go of locks, notices and settings each time: whoever takes a lock or listens lets go
    of it himself, and settings last no longer than a transaction.
    """

    __slots__ = ()

    def get_reset_query(self) -> str:
        """Return what is asked of the server when a connection is given back: nothing."""
        return ""


async def _prepare(connection: Connection) -> None:
    await connection.set_type_codec("jsonb", schema="pg_catalog", encoder=_written, decoder=from_json)


def _written(document: object) -> str:
    return to_json(document).decode()


async def open_pool(dsn: str, *, min_size: int = 1, max_size: int = 8, command_timeout_s: float = 30) -> Pool:
    """Return a pool whose connections speak UTC and JSON; raises one of `DATABASE_AWAY` when none opens."""
    return await asyncpg.create_pool(
        dsn,
        min_size=min_size,
        max_size=max_size,
        command_timeout=command_timeout_s,
        init=_prepare,
        connection_class=_Kept,
        server_settings={"application_name": "posdata", "timezone": "UTC", "jit": "off"},
    )


async def close_pool(pool: Pool) -> None:
    """Close a pool, by force when it takes longer than CLOSE_S."""
    with suppress(*DATABASE_AWAY):
        async with asyncio.timeout(CLOSE_S):
            await pool.close()
            return
    pool.terminate()


async def listen(pool: Pool, changed: Callable[[], None]) -> None:
    """Call `changed` at every notice on CHANNEL. Raises `ConnectionError` when the connection ends."""
    gone = asyncio.Event()

    def heard(*_: object) -> None:
        changed()

    async with pool.acquire() as connection:
        connection.add_termination_listener(lambda _: gone.set())
        await connection.add_listener(CHANNEL, heard)
        try:
            await gone.wait()
        finally:
            if not connection.is_closed():
                await connection.remove_listener(CHANNEL, heard)
    raise ConnectionError("the listening connection was closed")


@asynccontextmanager
async def snapshot(pool: Pool) -> AsyncIterator[Connection]:
    """Yield a connection whose queries all see the same instant."""
    async with (
        pool.acquire() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        yield connection

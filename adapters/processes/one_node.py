"""A duty that one node of all does at a time: whoever holds an advisory lock of the database."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from adapters.postgres.pool import DATABASE_FAULTS, Connection, Pool

log = structlog.get_logger()


async def on_one_node(
    pool: Pool, lock: int, others_s: float, duty: Callable[[Connection], Awaitable[None]]
) -> None:
    """Do a duty while this node holds the lock, else ask for it every `others_s`; until cancelled.

    A fault of ours in the duty alarms, and ends nothing else that is done with the database. Raises what a
    database raises that is away.
    """
    while True:
        async with pool.acquire() as connection:
            if await connection.fetchval("SELECT pg_try_advisory_lock($1)", lock):
                try:
                    await duty(connection)
                except DATABASE_FAULTS:
                    raise
                except Exception as error:  # whatever it is, the rest goes on
                    log.error("alarm_internal_error", exc_info=error)
                finally:
                    if not connection.is_closed():
                        await connection.execute("SELECT pg_advisory_unlock($1)", lock)
        await asyncio.sleep(others_s)

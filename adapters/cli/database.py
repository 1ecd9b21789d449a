"""How a command reaches the database: the embedded server (running, starting or its own) or a given one."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from adapters.cli.console import CommandError, ExitCode, one_line
from adapters.files.settings_file import masked_dsn
from adapters.postgres.cluster import ServerError
from adapters.postgres.migrate import MigrationError, migrate
from adapters.postgres.pool import DATABASE_AWAY, Pool, close_pool, open_pool
from adapters.postgres.server import owned_or_joined
from engine.settings import Settings

# Wrong password, user or database name: nothing that trying again would mend, but just as unreachable.
_UNREACHABLE: tuple[type[BaseException], ...] = (
    *DATABASE_AWAY,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
)

# A database that is starting is waited for this long (DESIGN §5), one that gives no answer too.
OPEN_S = 30.0


@dataclass(frozen=True, slots=True)
class Session:
    """A pool on an up-to-date schema; `migrated` names what had to be applied to make it so."""

    pool: Pool
    migrated: Sequence[str]


@asynccontextmanager
async def open_database(
    settings: Settings, *, answers_within_s: float | None = None, ends_within_s: float | None = None
) -> AsyncIterator[Session]:
    """Yield a session; raises `CommandError` with exit code 3 when there is no database to reach.

    It must let us in, and answer each question, within `answers_within_s` (None: OPEN_S); with
    `ends_within_s` every connection is cut then.
    """
    patience_s = OPEN_S if answers_within_s is None else answers_within_s
    end: asyncio.TimerHandle | None = None
    try:
        async with AsyncExitStack() as stack:
            dsn = await stack.enter_async_context(_dsn(settings, patience_s))
            pool = await stack.enter_async_context(_pool(dsn, patience_s))
            if ends_within_s is not None:
                end = asyncio.get_running_loop().call_later(ends_within_s, pool.terminate)
                stack.callback(end.cancel)
            async with pool.acquire() as connection:
                migrated = await migrate(connection)
            yield Session(pool, migrated)
    except (ServerError, MigrationError) as error:
        raise CommandError(ExitCode.UNREACHABLE, f"posdata: {one_line(error)}") from None
    except _UNREACHABLE as error:
        where = "the embedded database" if settings.database == "embedded" else masked_dsn(settings.database)
        silent = isinstance(error, TimeoutError) or (end is not None and end.when() <= _now())
        reason = "it does not answer" if silent else one_line(error)
        line = f"posdata: {where} cannot be reached ({reason}); start it or mend 'database' in the settings"
        raise CommandError(ExitCode.UNREACHABLE, line) from None


def _now() -> float:
    return asyncio.get_running_loop().time()


@asynccontextmanager
async def _dsn(settings: Settings, timeout_s: float) -> AsyncIterator[str]:
    if settings.database != "embedded":
        yield settings.database
        return
    async with owned_or_joined(Path(settings.node.data_dir), timeout_s) as dsn:
        yield dsn


@asynccontextmanager
async def _pool(dsn: str, timeout_s: float) -> AsyncIterator[Pool]:
    async with asyncio.timeout(timeout_s):
        pool = await open_pool(dsn, max_size=2, command_timeout_s=timeout_s)
    try:
        yield pool
    finally:
        await close_pool(pool)

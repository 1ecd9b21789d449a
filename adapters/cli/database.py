"""How a command reaches the database: the embedded server (running, starting or its own) or a given one."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from adapters.cli.console import CommandError, ExitCode
from adapters.files.settings_file import masked_dsn
from adapters.postgres.cluster import ServerError
from adapters.postgres.migrate import MigrationError, migrate
from adapters.postgres.pool import DATABASE_AWAY, Pool, open_pool
from adapters.postgres.server import owned_or_joined
from engine.settings import Settings

# Wrong password, user or database name: nothing that trying again would mend, but just as unreachable.
_UNREACHABLE: tuple[type[BaseException], ...] = (
    *DATABASE_AWAY,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
)


@dataclass(frozen=True, slots=True)
class Session:
    """A pool on an up-to-date schema; `migrated` names what had to be applied to make it so."""

    pool: Pool
    migrated: Sequence[str]


@asynccontextmanager
async def open_database(settings: Settings) -> AsyncIterator[Session]:
    """Yield a session; raises `CommandError` with exit code 3 when there is no database to reach."""
    try:
        async with _dsn(settings) as dsn, _pool(dsn) as pool:
            async with pool.acquire() as connection:
                migrated = await migrate(connection)
            yield Session(pool, migrated)
    except (ServerError, MigrationError) as error:
        raise CommandError(ExitCode.UNREACHABLE, f"posdata: {error}") from None
    except _UNREACHABLE as error:
        where = "the embedded database" if settings.database == "embedded" else masked_dsn(settings.database)
        reason = str(error) or type(error).__name__
        line = f"posdata: {where} cannot be reached ({reason}); start it or mend 'database' in the settings"
        raise CommandError(ExitCode.UNREACHABLE, line) from None


@asynccontextmanager
async def _dsn(settings: Settings) -> AsyncIterator[str]:
    if settings.database != "embedded":
        yield settings.database
        return
    async with owned_or_joined(Path(settings.node.data_dir)) as dsn:
        yield dsn


@asynccontextmanager
async def _pool(dsn: str) -> AsyncIterator[Pool]:
    pool = await open_pool(dsn, max_size=2)
    try:
        yield pool
    finally:
        await pool.close()

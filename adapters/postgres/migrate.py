"""The schema: plain .sql files, applied in order, each once, each in its own transaction."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from adapters.postgres.pool import Connection

MIGRATIONS = Path(__file__).parent / "migrations"

# Any number will do, as long as no other program takes the same one in this database: "posdata" in ASCII.
_LOCK = int.from_bytes(b"posdata")
_LOCK_RETRY_S = 0.05


class MigrationError(Exception):
    """The schema can't be brought up to date; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file: `NNNN_name.sql`."""

    number: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the file's text."""
        return sha256(self.sql.encode()).hexdigest()


def read_migrations(directory: Path = MIGRATIONS) -> tuple[Migration, ...]:
    """Return the directory's migrations in order."""
    return tuple(
        Migration(int(path.name.partition("_")[0]), path.stem, path.read_text(encoding="utf-8"))
        for path in sorted(directory.glob("[0-9]*_*.sql"))
    )


async def migrate(
    connection: Connection,
    migrations: Sequence[Migration] | None = None,
    timeout_s: float = 60,
) -> Sequence[str]:
    """Apply what is missing and return the names of what was applied.

    Raises `MigrationError` when an applied file was changed, when the database is newer than
    this program, or when another process migrates for longer than `timeout_s`.
    """
    known = read_migrations() if migrations is None else migrations
    await _lock(connection, timeout_s)
    try:
        return await _apply_missing(connection, known)
    finally:
        await connection.execute("SELECT pg_advisory_unlock($1)", _LOCK)


async def _lock(connection: Connection, timeout_s: float) -> None:
    # The blocking pg_advisory_lock deadlocks with CREATE INDEX CONCURRENTLY of the session that waits.
    try:
        async with asyncio.timeout(timeout_s):
            while not await connection.fetchval("SELECT pg_try_advisory_lock($1)", _LOCK):  # noqa: ASYNC110  # no event comes from another process
                await asyncio.sleep(_LOCK_RETRY_S)
    except TimeoutError as late:
        raise MigrationError(
            f"another process has been migrating this database for {timeout_s:g} s; try again when it is done"
        ) from late


async def _apply_missing(connection: Connection, known: Sequence[Migration]) -> Sequence[str]:
    await connection.execute(
        "CREATE TABLE IF NOT EXISTS schema_migrations ("
        "number int PRIMARY KEY, name text NOT NULL, checksum text NOT NULL, "
        "applied_at timestamptz NOT NULL DEFAULT now())"
    )
    rows = await connection.fetch("SELECT number, name, checksum FROM schema_migrations")
    applied = {row["number"]: row for row in rows}
    _refuse_newer([row["name"] for number, row in applied.items() if number not in {m.number for m in known}])
    done = []
    for migration in known:
        if row := applied.get(migration.number):
            _refuse_changed(migration, row["checksum"])
            continue
        async with connection.transaction():
            await connection.execute(migration.sql)
            await connection.execute(
                "INSERT INTO schema_migrations (number, name, checksum) VALUES ($1, $2, $3)",
                migration.number,
                migration.name,
                migration.checksum,
            )
        done.append(migration.name)
    return done


def _refuse_newer(unknown: Sequence[str]) -> None:
    if unknown:
        raise MigrationError(
            f"the database is newer than this program (it has {', '.join(sorted(unknown))}); upgrade posdata"
        )


def _refuse_changed(migration: Migration, recorded: str) -> None:
    if recorded != migration.checksum:
        raise MigrationError(
            f"migration {migration.name} was changed after it was applied; restore the file of that release"
        )

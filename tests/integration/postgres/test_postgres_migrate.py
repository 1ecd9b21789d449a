"""Migrations: in order, once, never changed, never newer than the program."""

import asyncio
import dataclasses
from pathlib import Path

import asyncpg
import pytest

from adapters.postgres.migrate import Migration, MigrationError, migrate, read_migrations

pytestmark = pytest.mark.postgres

FIRST = Migration(1, "0001_first", "CREATE TABLE first (n int)")
SECOND = Migration(2, "0002_second", "INSERT INTO first VALUES (1)")


def run(dsn: str, *migrations: Migration, timeout_s: float = 10) -> list[str]:
    """Apply migrations on a connection of their own."""

    async def apply() -> list[str]:
        connection = await asyncpg.connect(dsn)
        try:
            return list(await migrate(connection, migrations, timeout_s))
        finally:
            await connection.close()

    return asyncio.run(apply())


def value(dsn: str, query: str) -> object:
    """Return what a query returns."""

    async def fetch() -> object:
        connection = await asyncpg.connect(dsn)
        try:
            return await connection.fetchval(query)
        finally:
            await connection.close()

    return asyncio.run(fetch())


def test_each_is_applied_once_and_in_order(empty_dsn: str) -> None:
    """Only what is missing is applied."""
    assert run(empty_dsn, FIRST) == ["0001_first"]
    assert run(empty_dsn, FIRST, SECOND) == ["0002_second"]
    assert run(empty_dsn, FIRST, SECOND) == []
    assert value(empty_dsn, "SELECT count(*) FROM first") == 1


def test_two_processes_at_once_apply_each_once(empty_dsn: str) -> None:
    """The second one waits for the first one and finds nothing to do."""

    async def both() -> list[str]:
        connections = [await asyncpg.connect(empty_dsn) for _ in range(2)]
        done = await asyncio.gather(*(migrate(one, (FIRST, SECOND)) for one in connections))
        for one in connections:
            await one.close()
        return [name for names in done for name in names]

    assert asyncio.run(both()) == ["0001_first", "0002_second"]


def test_a_failed_one_leaves_nothing(empty_dsn: str) -> None:
    """A migration that fails half-way is undone as a whole, and those before it stay."""
    broken = Migration(2, "0002_broken", "INSERT INTO first VALUES (1); SELECT 1 / 0")
    with pytest.raises(asyncpg.DivisionByZeroError):
        run(empty_dsn, FIRST, broken)
    assert value(empty_dsn, "SELECT count(*) FROM first") == 0
    assert run(empty_dsn, FIRST, SECOND) == ["0002_second"]


def test_a_changed_one_is_refused(empty_dsn: str) -> None:
    """A file that was changed after it was applied is named."""
    run(empty_dsn, FIRST)
    with pytest.raises(MigrationError, match="0001_first was changed"):
        run(empty_dsn, dataclasses.replace(FIRST, sql="CREATE TABLE other (n int)"))


def test_a_newer_database_is_refused(empty_dsn: str) -> None:
    """An older program does not touch a newer database."""
    run(empty_dsn, FIRST, SECOND)
    with pytest.raises(MigrationError, match="newer than this program"):
        run(empty_dsn, FIRST)


def test_waiting_for_another_process_ends(empty_dsn: str) -> None:
    """A lock that another process never lets go of ends in an error, not in silence."""

    async def blocked() -> None:
        holder = await asyncpg.connect(empty_dsn)
        await holder.execute("SELECT pg_advisory_lock($1)", int.from_bytes(b"posdata"))
        other = await asyncpg.connect(empty_dsn)
        try:
            with pytest.raises(MigrationError, match="another process"):
                await migrate(other, (FIRST,), timeout_s=0.1)
        finally:
            await holder.close()
            await other.close()

    asyncio.run(blocked())


def test_files_are_numbered_without_gaps() -> None:
    """The files' numbers count up from 1, so that two of them never share one."""
    numbers = [migration.number for migration in read_migrations()]
    assert numbers == list(range(1, len(numbers) + 1))
    assert all(Path(f"{migration.name}.sql").stem[:4].isdigit() for migration in read_migrations())

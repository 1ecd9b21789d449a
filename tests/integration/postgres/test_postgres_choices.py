"""What subscribers chose, in PostgreSQL: the newest word holds, each with its proof and an audit row."""

import asyncio
from datetime import UTC, datetime

import pytest

from adapters.postgres.audit import read_audit
from adapters.postgres.choices import Choices, Word, scope_of
from adapters.postgres.pool import Pool
from segments.seal import Seal

pytestmark = pytest.mark.postgres

NUMBER = 5_501_234_567
NOW = datetime(2026, 11, 24, 18, tzinfo=UTC)
SEAL = Seal(b"k" * 32)
STOP = Word("sms", "BAJA", NOW)
START = Word("missed_call", "ALTA", NOW)


def test_a_word_changes_something_once(pool: Pool, runner: asyncio.Runner) -> None:
    """BAJA twice is one suppression and one audit row; ALTA lifts it; nobody's number is in the clear."""

    async def go() -> None:
        choices = Choices(SEAL)
        async with pool.acquire() as connection:
            said = []
            for act, word in (
                (choices.lift, START),
                (choices.suppress, STOP),
                (choices.suppress, STOP),
                (choices.lift, START),
                (choices.suppress, STOP),
            ):
                async with connection.transaction():
                    said.append(await act(connection, NUMBER, word))
        assert said == [False, True, False, True, True]
        rows = await pool.fetch("SELECT number, allowed FROM subscriber_choices ORDER BY id")
        assert [row["allowed"] for row in rows] == [False, True, False]
        assert {SEAL.opened(row["number"]) for row in rows} == {NUMBER}
        assert all(row["number"] != NUMBER for row in rows)
        entries = await read_audit(pool)
        assert [entry.action for entry in entries] == ["suppress", "lift", "suppress"]
        assert {entry.subject_id for entry in entries} == {"55******67"}

    runner.run(go())


def test_consent_goes_by_scope(pool: Pool, runner: asyncio.Runner) -> None:
    """A category withdrawn says nothing of a brand; other wording is recorded though nothing changes."""

    async def go() -> None:
        choices = Choices(SEAL)
        retail, brand = scope_of(category="retail"), scope_of(brand="tienda-sol")
        async with pool.acquire() as connection, connection.transaction():
            assert await choices.withdraw(connection, NUMBER, STOP, retail)
            assert await choices.consent(connection, NUMBER, START, brand)
            assert not await choices.consent(connection, NUMBER, Word("http", "Acepto", NOW), brand)
        rows = await pool.fetch("SELECT scope, allowed, wording FROM subscriber_choices ORDER BY id")
        assert [tuple(row) for row in rows] == [
            ("category:retail", False, "BAJA"),
            ("brand:tienda-sol", True, "ALTA"),
            ("brand:tienda-sol", True, "Acepto"),
        ]

    runner.run(go())


def test_writers_of_one_number_wait_for_each_other(pool: Pool, runner: asyncio.Runner) -> None:
    """Of eight that say the same at once, one changes something: one confirmation goes out."""

    async def one() -> bool:
        async with pool.acquire() as connection, connection.transaction():
            return await Choices(SEAL).suppress(connection, NUMBER, STOP)

    async def go() -> None:
        assert sum(await asyncio.gather(*(one() for _ in range(8)))) == 1

    runner.run(go())

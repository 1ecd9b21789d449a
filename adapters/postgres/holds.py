"""Holds in PostgreSQL: who takes or books goes through one lock, so that no two look at the same supply."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg

from adapters.postgres.bookings import Measure, booking_of_row, read_one, read_sold
from adapters.postgres.documents import hours_document, hours_of, target_document, target_of
from adapters.postgres.pool import Connection, Pool, snapshot
from inventory.booking import Booking
from inventory.campaign import CampaignClass, CampaignState
from inventory.holds import (
    DECISION_S,
    FORM_S,
    Hold,
    Judge,
    NoHoldError,
    UnavailableError,
    UndecidableError,
)

# Any number that no other advisory lock has: "holds" in ASCII.
_LOCK = int.from_bytes(b"holds")

_TAKE = """
INSERT INTO holds (held_by, name, class, target, opens, closes, hours, size, quantity, expires_at, category)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
RETURNING *
"""

_ACTIVE = """
SELECT * FROM holds WHERE expires_at > $1 AND (campaign IS NULL OR campaign IS DISTINCT FROM $2)
ORDER BY expires_at, id
"""

_SUBMIT = """
UPDATE holds SET campaign = $2, expires_at = $3 WHERE id::text = $1 AND expires_at > $4 AND campaign IS NULL
RETURNING *
"""

_SUBMITTED = """
UPDATE campaigns SET state = 'submitted', version = version + 1 WHERE number = $1 AND state = 'draft'
"""

_APPROVED = """
UPDATE campaigns
SET state = 'approved', approved_at = $2, earliest_start = $3, version = version + 1 WHERE number = $1
"""


class PostgresHolds:
    """Implements `inventory.holds.Holds`; `measure` gives the room that a text takes, in characters."""

    def __init__(self, pool: Pool, measure: Measure) -> None:
        self._pool = pool
        self._measure = measure

    async def take(self, wish: Booking, by: str, judge: Judge, *, now: datetime) -> Hold:
        """Hold what is wished for."""
        async with self._alone() as connection:
            others = await others_than(connection, self._measure, now)
            await judged(judge, others, wish)
            return await insert_hold(connection, wish, by, now)

    async def submit(self, hold: str, campaign: int, *, now: datetime) -> Hold:
        """Make a hold a campaign's soft hold."""
        until = now + timedelta(seconds=DECISION_S)
        async with self._pool.acquire() as connection, connection.transaction():
            if await connection.execute(_SUBMITTED, campaign) != "UPDATE 1":
                raise UndecidableError(f"campaign {campaign} is no draft")
            row = await connection.fetchrow(_SUBMIT, hold, campaign, until, now)
            if row is None:
                raise NoHoldError(f"hold {hold} has expired or never was; take a new one")
        return hold_of_row(row)

    async def release(self, hold: str) -> None:
        """Give up a hold."""
        await self._pool.execute("DELETE FROM holds WHERE id::text = $1", hold)

    async def approve(self, campaign: int, judge: Judge, *, lead_time: timedelta, now: datetime) -> None:
        """Book a submitted campaign."""
        async with self._alone() as connection:
            await connection.execute("SELECT FROM campaigns WHERE number = $1 FOR UPDATE", campaign)
            row = await read_one(connection, campaign)
            if row is None or row["state"] != CampaignState.SUBMITTED:
                raise UndecidableError(f"campaign {campaign} is not submitted with a quantity")
            earliest = now + lead_time
            booking = booking_of_row(row, self._measure).not_before(earliest.timestamp())
            await judged(judge, await others_than(connection, self._measure, now, campaign), booking)
            await connection.execute(_APPROVED, campaign, now, earliest)
            await connection.execute("DELETE FROM holds WHERE campaign = $1", campaign)

    async def bookings(self, *, now: datetime) -> Sequence[Booking]:
        """Return what was sold and is still to come, and what is held."""
        async with snapshot(self._pool) as connection:
            return await others_than(connection, self._measure, now)

    @asynccontextmanager
    async def _alone(self) -> AsyncIterator[Connection]:
        """Yield a connection in a transaction that no other one of its kind runs beside."""
        async with self._pool.acquire() as connection, connection.transaction():
            await lock_holds(connection)
            yield connection


async def lock_holds(connection: Connection) -> None:
    """Let nobody else take, hold or book until the transaction ends."""
    await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)


async def others_than(
    connection: Connection, measure: Measure, now: datetime, but: int | None = None
) -> list[Booking]:
    """Return what was sold and is still to come, and what is held, but for the hold of one campaign."""
    held = await connection.fetch(_ACTIVE, now, but)
    return [*await read_sold(connection, measure, now), *(hold_of_row(row).booking for row in held)]


async def insert_hold(connection: Connection, wish: Booking, by: str, now: datetime) -> Hold:
    """Write a hold that lasts FORM_S."""
    row = await connection.fetchrow(
        _TAKE,
        by,
        wish.name,
        wish.campaign_class.value,
        target_document(wish.target),
        datetime.fromtimestamp(wish.opens, UTC),
        datetime.fromtimestamp(wish.closes, UTC),
        hours_document(wish.hours),
        wish.size,
        wish.wanted,
        now + timedelta(seconds=FORM_S),
        wish.category,
    )
    return hold_of_row(row)


async def judged(judge: Judge, others: Sequence[Booking], wish: Booking) -> None:
    """Ask the judge in a thread: a flow takes long enough to hold up whatever else the loop does.

    Raises `UnavailableError`.
    """
    if not await asyncio.to_thread(judge, others, wish):
        raise UnavailableError(f"{wish.wanted} of {wish.name!r} can't be promised beside what was sold")


def hold_of_row(row: asyncpg.Record | Any) -> Hold:
    """Return the hold that a row tells of."""
    booking = Booking(
        str(row["id"]),
        row["name"],
        CampaignClass(row["class"]),
        target_of(row["target"]),
        row["opens"].timestamp(),
        row["closes"].timestamp(),
        hours_of(row["hours"]),
        row["size"],
        row["quantity"],
        category=row["category"],
    )
    return Hold(booking.id, booking, row["held_by"], row["expires_at"], row["campaign"])

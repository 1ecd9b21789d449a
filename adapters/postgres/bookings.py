"""What was sold, read as bookings: the campaigns that serve now or later, and those that pause."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import asyncpg

from adapters.postgres.documents import exposure_of, hours_of, target_of
from adapters.postgres.pool import Connection, Pool
from inventory.booking import Booking
from inventory.campaign import CampaignClass
from inventory.thinning import usable_share

Measure = Callable[[str], int]

# A text that was approved is what serves; one that waits for its review may be longer or shorter.
_CAMPAIGNS = """
SELECT c.number, c.id::text, c.name, c.class, c.category, c.target, c.hours, c.state, c.exposure,
    greatest(c.starts_at, c.earliest_start) AS opens, c.ends_at AS closes, l.quantity, l.settled,
    (SELECT array_agg(v.text ORDER BY v.number)
     FROM creatives cr JOIN creative_versions v ON v.creative = cr.id
     WHERE cr.campaign = c.number AND cr.removed_at IS NULL AND v.review IN ('approved', 'pending')) AS texts
FROM campaigns c JOIN ledger l ON l.campaign = c.number
WHERE l.quantity IS NOT NULL AND NOT c.test
"""

_SOLD = f"""{_CAMPAIGNS}
    AND c.state IN ('approved', 'live', 'paused') AND c.ends_at > $1 AND l.settled < l.quantity
ORDER BY c.number
"""

# Every change of a campaign raises its version; what changes without one is seen by the next look.
_MARK = """
SELECT (SELECT row(count(*), sum(version), sum(number))::text FROM campaigns
        WHERE state IN ('approved', 'live', 'paused') AND NOT test) AS sold,
    (SELECT row(count(*), sum(extract(epoch FROM expires_at)))::text FROM holds
        WHERE expires_at > $1) AS held,
    (SELECT row(count(*), sum(version))::text FROM blackouts) AS dark
"""

_ONE = f"{_CAMPAIGNS} AND c.number = $1"


async def read_sold(connection: Connection, measure: Measure, now: datetime) -> list[Booking]:
    """Return the bookings that have units still to come; `measure` gives the room that a text takes."""
    rows = await connection.fetch(_SOLD, now)
    return await asyncio.to_thread(lambda: [booking_of_row(row, measure) for row in rows])


async def read_mark(pool: Pool, now: datetime) -> tuple[str, ...]:
    """Return what is another one when something was booked, changed, held, given up or blacked out."""
    [row] = await pool.fetch(_MARK, now)
    return tuple(row)


async def read_one(connection: Connection, number: int) -> asyncpg.Record | None:
    """Return one campaign's row for `booking_of_row`, with its state; None where nothing is to be booked.

    That is a campaign without a quantity, and one that tests.
    """
    return await connection.fetchrow(_ONE, number)


def booking_of_row(row: asyncpg.Record, measure: Measure) -> Booking:
    """Return the booking that a row tells of."""
    exposure = exposure_of(row["exposure"])
    flight_s = (row["closes"] - row["opens"]).total_seconds()
    return Booking(
        row["id"],
        row["name"],
        CampaignClass(row["class"]),
        target_of(row["target"]),
        row["opens"].timestamp(),
        row["closes"].timestamp(),
        hours_of(row["hours"]),
        _shortest(row["texts"], measure),
        row["quantity"],
        row["settled"],
        usable_share(exposure["frequency_caps"], exposure["spacing_minutes"], flight_s),
        row["category"],
    )


def _shortest(texts: Sequence[Any] | None, measure: Measure) -> int:
    """Return what the shortest text takes; 0 where every text was rejected or taken down."""
    return min((measure(text) for text in texts or ()), default=0)

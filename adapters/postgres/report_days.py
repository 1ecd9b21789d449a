"""Whole days of insertion counts, packed: a report over a month reads thirty rows in place of a million.

A packed day is there only while it is true. Whoever adds to counts deletes the packed days concerned in
the same transaction (report_counts.forget_days); packing locks them out for the moment that it takes.
"""

import asyncpg
import numpy as np
from numpy.typing import NDArray

from adapters.postgres.pool import Connection, Pool
from inventory.reports import EVENTS

HOURS = 24
PACKED_AFTER_HOURS = 4
"""Receipts and late answers come mostly within so long of the day's end."""

MOST_A_PASS = 500

Counts = NDArray[np.int64]

SUMS = ", ".join(f"coalesce(sum(n) FILTER (WHERE event = '{event}'), 0)::bigint" for event in EVENTS)
"""One column for each of EVENTS."""

_DETAIL = f"""
SELECT hour, creative_version, place, {SUMS}
FROM insertion_counts WHERE campaign = $1 AND hour >= $2 AND hour < $3
GROUP BY GROUPING SETS ((hour), (creative_version, place))
"""  # noqa: S608  # only our own names are put in

_DUE = """
SELECT seen.campaign, over.day
FROM (
    SELECT l.campaign,
        (SELECT min(hour) FROM insertion_counts c WHERE c.campaign = l.campaign) AS first,
        (SELECT max(hour) FROM insertion_counts c WHERE c.campaign = l.campaign) AS last
    FROM ledger l
) AS seen
CROSS JOIN LATERAL generate_series(seen.first / 24, least(seen.last / 24, $1)) AS over (day)
WHERE NOT EXISTS (SELECT FROM insertion_days d WHERE d.campaign = seen.campaign AND d.day = over.day)
    AND EXISTS (
        SELECT FROM insertion_counts c
        WHERE c.campaign = seen.campaign AND c.hour >= over.day * 24 AND c.hour < (over.day + 1) * 24
    )
ORDER BY over.day DESC LIMIT $2
"""

_KEEP = """
INSERT INTO insertion_days (campaign, day, hours, cells) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING
"""


async def pack_days(pool: Pool, hour: int) -> int:
    """Pack days that are over at `hour` (since 1970-01-01T00 UTC), newest first; return how many."""
    over = (hour - PACKED_AFTER_HOURS) // HOURS - 1
    async with pool.acquire() as connection:
        due = await connection.fetch(_DUE, over, MOST_A_PASS)
        for row in due:
            await _pack(connection, row["campaign"], row["day"])
    return len(due)


async def _pack(connection: Connection, campaign: int, day: int) -> None:
    first = day * HOURS
    async with connection.transaction():
        # Waits for those who are adding; what they added is seen by the next statement.
        await connection.execute("LOCK TABLE insertion_days IN SHARE ROW EXCLUSIVE MODE")
        by_hour, cells = await read_detail(connection, campaign, first, first + HOURS)
        hours = np.zeros((HOURS, len(EVENTS)), np.int64)
        hours[by_hour[:, 0] - first] = by_hour[:, 1:]
        await connection.execute(_KEEP, campaign, day, hours.tobytes(), cells.tobytes())


async def read_detail(connection: Connection, campaign: int, first: int, end: int) -> tuple[Counts, Counts]:
    """Return counts of the hours from `first` up to `end`, in two arrays with one column for each of EVENTS.

    Rows of the first begin with the hour, those of the second with creative version and place.
    """
    rows = await connection.fetch(_DETAIL, campaign, first, end)
    return (
        _array([(row[0], *row[3:]) for row in map(tuple, rows) if row[0] is not None], 1),
        _array([row[1:] for row in map(tuple, rows) if row[0] is None], 2),
    )


def unpacked(row: asyncpg.Record) -> tuple[Counts, Counts]:
    """Return what `read_detail` would, of a row of insertion_days."""
    hours = np.frombuffer(row["hours"], np.int64).reshape(HOURS, len(EVENTS))
    used = np.flatnonzero(hours.any(axis=1))
    by_hour = np.column_stack((used + row["day"] * HOURS, hours[used]))
    return by_hour, np.frombuffer(row["cells"], np.int64).reshape(-1, 2 + len(EVENTS))


def _array(rows: list[tuple[int, ...]], keys: int) -> Counts:
    return np.array(rows, np.int64).reshape(-1, keys + len(EVENTS))

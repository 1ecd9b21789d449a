"""People in PostgreSQL: exposures folded into sketches by campaign and day, merged when a report asks."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta, tzinfo

import asyncpg
import numpy as np
from numpy.typing import NDArray

from adapters.postgres.pool import Pool
from adapters.postgres.report_counts import unpacked_exposures
from inventory.reach import Sketch, cut, merged, sketch_of
from inventory.reports import day_in

MOST_A_FOLD = 100
"""Batches that one transaction folds."""

# Any number that no other advisory lock has: "people" in ASCII.
_LOCK = int.from_bytes(b"people")

_TAKE = "SELECT number, exposures FROM exposure_inbox ORDER BY number LIMIT $1"

_KEPT = """
SELECT r.* FROM reach_days r JOIN unnest($1::int[], $2::date[]) AS wanted (campaign, day)
ON r.campaign = wanted.campaign AND r.day = wanted.day
"""

_KEEP = """
INSERT INTO reach_days (campaign, day, registers, ceiling, sample) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (campaign, day) DO UPDATE
SET registers = excluded.registers, ceiling = excluded.ceiling, sample = excluded.sample
"""

_READ = "SELECT * FROM reach_days WHERE campaign = $1 AND day >= $2 AND day <= $3"

_FORGET = "UPDATE reach_days SET ceiling = 0, sample = '' WHERE day < $1 AND ceiling > 0"

Key = tuple[int, date]


class PostgresReach:
    """The sketches; instants and the zone whose days they are made of are passed in."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def fold(self, zone: tzinfo, now: datetime) -> bool:
        """Fold what waits, each exposure once; True when more is left. Another node's turn is left to it."""
        async with self._pool.acquire() as connection, connection.transaction():
            if not await connection.fetchval("SELECT pg_try_advisory_xact_lock($1)", _LOCK):
                return False
            rows = await connection.fetch(_TAKE, MOST_A_FOLD)
            people = await asyncio.to_thread(_by_day, rows, zone)
            kept = await connection.fetch(_KEPT, [key[0] for key in people], [key[1] for key in people])
            sketches = await asyncio.to_thread(_folded, people, kept)
            await connection.executemany(_KEEP, sketches)
            await connection.execute(
                "DELETE FROM exposure_inbox WHERE number = ANY($1)", [row["number"] for row in rows]
            )
            if len(rows) < MOST_A_FOLD:
                await connection.execute("UPDATE reach_progress SET folded_at = $1", now)
            return len(rows) == MOST_A_FOLD

    async def read(self, campaign: int, first: date, last: date) -> Sketch:
        """Return the sketch of a campaign's people from one day to another, both included."""
        async with self._pool.acquire() as connection:
            rows = await connection.fetch(_READ, campaign, first, last)
        return await asyncio.to_thread(lambda: merged(map(_sketch, rows)))

    async def forget_samples(self, now: datetime, keep_days: int) -> None:
        """Empty the samples that are older than exposures are kept; reach stays."""
        async with self._pool.acquire() as connection:
            await connection.execute(_FORGET, (now - timedelta(days=keep_days)).date())


def _by_day(rows: Sequence[asyncpg.Record], zone: tzinfo) -> Mapping[Key, NDArray[np.uint32]]:
    day_of = day_in(zone)
    parts: defaultdict[Key, list[NDArray[np.uint32]]] = defaultdict(list)
    for row in rows:
        for campaign, hour, people in unpacked_exposures(row["exposures"]):
            parts[campaign, day_of(hour)].append(np.asarray(people, np.uint32))
    return {key: np.concatenate(arrays) for key, arrays in sorted(parts.items())}


def _folded(
    people: Mapping[Key, NDArray[np.uint32]], kept: Sequence[asyncpg.Record]
) -> list[tuple[int, date, bytes, int, bytes]]:
    former = {(row["campaign"], row["day"]): _sketch(row) for row in kept}
    rows = []
    for key, hashes in people.items():
        sketch = sketch_of(hashes)
        if key in former:
            sketch = merged((former[key], sketch))
        sketch = cut(sketch)
        sample = sketch.hashes.tobytes() + sketch.ads.tobytes()
        rows.append((*key, sketch.registers.tobytes(), sketch.ceiling, sample))
    return rows


def _sketch(row: asyncpg.Record) -> Sketch:
    hashes, ads = np.frombuffer(row["sample"], np.uint32).reshape(2, -1)
    return Sketch(np.frombuffer(row["registers"], np.uint8), hashes, ads, row["ceiling"])

"""Receipts in PostgreSQL: daily partitions, and the matching of receipts with insertions, set by set.

One matcher works at a time in all nodes (an advisory lock), so that nothing passes another unseen:
whichever of an insertion and its receipt comes later finds the other. Its locks are awaited receipts,
then the ledger; settlement only adds to the inboxes.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import asyncpg

from adapters.postgres.books import count_insertions, lock_ledger
from adapters.postgres.pool import Connection, Pool
from engine.receipts import DELIVERED, NAMES
from inventory.books import CountKey, hour_of
from inventory.receipts import Delivery, Matched, Matching, Unmatched, credits_of

MOST_A_LOOK = 20_000
"""Rows of either inbox that one transaction takes."""

OVERTAKES_S = 60
"""How long a receipt may be ahead of the answer that it belongs to before it counts as unmatched."""

HOURS_A_DAY = 24

# Any number will do that no other lock of this database has: "receipts" in ASCII.
_LOCK = int.from_bytes(b"receipts")

# Plans are made while tables are empty and kept while they grow: an index must be used from the start.
_PLAN = "SET LOCAL enable_seqscan = off; SET LOCAL plan_cache_mode = force_custom_plan"

_IS_IDLE = """
SELECT NOT EXISTS (SELECT FROM awaited_inbox) AND NOT EXISTS (SELECT FROM receipt_inbox)
    AND NOT EXISTS (
        SELECT FROM early_receipts e, receipt_progress p
        WHERE e.seen_at > p.counted_upto AND e.seen_at <= $1
    )
"""

_DAYS = """
SELECT DISTINCT hour / 24 FROM awaited_inbox
"""

# An insertion takes the receipts that were ahead of it: they are matched as it is stored.
_TAKE_AWAITED = """
WITH moved AS (
    DELETE FROM awaited_inbox WHERE ctid = ANY(ARRAY(SELECT ctid FROM awaited_inbox LIMIT $1)) RETURNING *
), woken AS (
    DELETE FROM early_receipts e USING moved m WHERE e.number = m.number AND m.hour >= $3
    RETURNING e.number, e.state
), ahead AS (
    SELECT number, min(state) AS state FROM woken GROUP BY number
), kept AS (
    INSERT INTO awaited_receipts (number, campaign, creative_version, place, hour, state, receipts)
    SELECT m.number, m.campaign, m.creative_version, m.place, m.hour, a.state, (a.number IS NOT NULL)::int
    FROM moved m LEFT JOIN ahead a ON a.number = m.number AND m.hour >= $3 WHERE m.hour >= $2
    RETURNING campaign, creative_version, place, hour, state
)
SELECT campaign, creative_version, place, hour, state, count(*) AS n, (SELECT count(*) FROM moved) AS taken
FROM kept WHERE state IS NOT NULL
GROUP BY GROUPING SETS ((campaign, creative_version, place, hour, state), ())
"""

# Of several receipts of one insertion the first one counts; of those that came together, a delivery.
_MATCH = """
WITH taken AS (
    DELETE FROM receipt_inbox WHERE ctid = ANY(ARRAY(SELECT ctid FROM receipt_inbox LIMIT $1)) RETURNING *
), final AS (
    SELECT DISTINCT ON (number) * FROM taken ORDER BY number, state
), hit AS (
    UPDATE awaited_receipts a
    SET state = coalesce(a.state, f.state), receipts = least(a.receipts + 1, 32767)
    FROM final f WHERE a.number = f.number AND a.hour >= $2
    RETURNING a.number, a.campaign, a.creative_version, a.place, a.hour, a.state, a.receipts
), early AS (
    INSERT INTO early_receipts
    SELECT f.*, $3::int, $4::timestamptz FROM final f WHERE f.number NOT IN (SELECT number FROM hit)
)
SELECT campaign, creative_version, place, hour, state, count(*) FILTER (WHERE receipts = 1) AS n,
    (SELECT count(*) FROM taken) AS taken
FROM hit GROUP BY GROUPING SETS ((campaign, creative_version, place, hour, state), ())
"""

_CREDIT = """
UPDATE ledger l SET delivered = l.delivered + d.delivered, failed = l.failed + d.failed,
    made_good = l.made_good + d.made_good, settled = l.settled - d.made_good
FROM unnest($1::int[], $2::bigint[], $3::bigint[], $4::bigint[]) AS d (campaign, delivered, failed, made_good)
WHERE l.campaign = d.campaign
"""

_MAKING_GOOD = """
SELECT number FROM campaigns WHERE number = ANY($1) AND make_good = 'failed' AND ends_at > $2
"""

_UNMATCHED = """
WITH due AS (
    SELECT e.route, e.state, e.mask FROM early_receipts e, receipt_progress p
    WHERE e.seen_at > p.counted_upto AND e.seen_at <= $1
), counted AS (
    UPDATE receipt_progress SET counted_upto = $1 WHERE counted_upto < $1
)
SELECT route, count(*) AS n, count(*) FILTER (WHERE state <> $2) AS failed, min(mask) AS mask
FROM due GROUP BY route ORDER BY route
"""

_PARTITIONS = """
SELECT parent.relname AS parent, child.relname AS child
FROM pg_inherits i
JOIN pg_class parent ON parent.oid = i.inhparent JOIN pg_class child ON child.oid = i.inhrelid
WHERE parent.relname IN ('awaited_receipts', 'early_receipts') AND parent.relkind = 'p'
"""


class PostgresReceipts:
    """Receipts of all nodes; what it raises besides is listed in `pool.DATABASE_AWAY`."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._days: set[tuple[str, int]] = set()

    async def match(self, now: datetime, horizon_hours: int) -> Matching:
        """Match one set of receipts and insertions; another node's matcher leaves nothing to do.

        Receipts find insertions of the last `horizon_hours`.
        """
        overdue = now - timedelta(seconds=OVERTAKES_S)
        if await self._pool.fetchval(_IS_IDLE, overdue):
            return Matching((), (), more=False)
        async with self._pool.acquire() as connection, connection.transaction():
            if not await connection.fetchval("SELECT pg_try_advisory_xact_lock($1)", _LOCK):
                return Matching((), (), more=False)
            await connection.execute(_PLAN)
            this_hour = hour_of(now)
            since = this_hour - horizon_hours
            await self._make_partitions(connection, since // HOURS_A_DAY, this_hour // HOURS_A_DAY)
            first = since // HOURS_A_DAY * HOURS_A_DAY
            found = [
                await connection.fetch(_TAKE_AWAITED, MOST_A_LOOK, first, since),
                await connection.fetch(_MATCH, MOST_A_LOOK, since, this_hour, now),
            ]
            taken = {row["taken"] for rows in found for row in rows if row["campaign"] is None}
            matched = _summed(row for rows in found for row in rows if row["campaign"] is not None)
            await _book(connection, matched, now)
            unmatched = await connection.fetch(_UNMATCHED, overdue, DELIVERED)
            return Matching(
                matched,
                [Unmatched(row["route"], row["n"], row["failed"], row["mask"]) for row in unmatched],
                more=MOST_A_LOOK in taken,
            )

    async def drop_old(self, now: datetime, horizon_hours: int, keep_days: int) -> Sequence[str]:
        """Drop partitions that nobody needs any more and return their names.

        Insertions are kept for `keep_days` and at least for the horizon, receipts without one for the
        horizon.
        """
        today = hour_of(now) // HOURS_A_DAY
        horizon_days = -(-horizon_hours // HOURS_A_DAY)
        first = {
            "awaited_receipts": today - max(keep_days, horizon_days),
            "early_receipts": today - horizon_days,
        }
        async with self._pool.acquire() as connection, connection.transaction():
            if not await connection.fetchval("SELECT pg_try_advisory_xact_lock($1)", _LOCK):
                return []
            rows = await connection.fetch(_PARTITIONS)
            old = [row["child"] for row in rows if _day_of(row["child"]) < first[row["parent"]]]
            for name in old:
                await connection.execute(f"DROP TABLE {name}")
        self._days = {each for each in self._days if f"{each[0]}_{each[1]}" not in old}
        return old

    async def _make_partitions(self, connection: Connection, oldest: int, today: int) -> None:
        """Make the partitions that this look may write to."""
        days = {today} | {row[0] for row in await connection.fetch(_DAYS)}
        wanted = {("awaited_receipts", day) for day in days if day >= oldest} | {("early_receipts", today)}
        for parent, day in sorted(wanted - self._days):
            start = day * HOURS_A_DAY
            fill = " WITH (fillfactor = 80)" if parent == "awaited_receipts" else ""
            await connection.execute(
                f"CREATE TABLE IF NOT EXISTS {parent}_{day} PARTITION OF {parent} "
                f"FOR VALUES FROM ({start}) TO ({start + HOURS_A_DAY}){fill}"
            )
        self._days |= wanted


def _day_of(partition: str) -> int:
    return int(partition.rpartition("_")[2])


def _summed(rows: Iterable[asyncpg.Record]) -> Sequence[Matched]:
    """Return rows of both ways in which receipts meet insertions, each outcome once."""
    counts: Counter[tuple[CountKey, Delivery, str]] = Counter()
    for row in rows:
        if row["n"]:
            key, outcome, cause, count = _matched(row)
            counts[key, outcome, cause] += count
    return [Matched(*each, count) for each, count in counts.items()]


def _matched(row: asyncpg.Record) -> Matched:
    key = CountKey(row["campaign"], row["creative_version"], row["place"], row["hour"])
    if row["state"] == DELIVERED:
        return Matched(key, Delivery.DELIVERED, "", row["n"])
    return Matched(key, Delivery.FAILED, NAMES[row["state"]], row["n"])


async def _book(connection: Connection, matched: Sequence[Matched], now: datetime) -> None:
    """Add outcomes to the counts and to the ledger, in the order in which everybody locks them."""
    if not matched:
        return
    campaigns = sorted({each.key.campaign for each in matched})
    making_good = frozenset(row["number"] for row in await connection.fetch(_MAKING_GOOD, campaigns, now))
    await lock_ledger(connection, campaigns)
    rows = [(number, *credit) for number, credit in credits_of(matched, making_good).items()]
    await connection.execute(_CREDIT, *(list(column) for column in zip(*rows, strict=True)))
    events: dict[tuple[CountKey, Delivery, str], int] = {}
    for key, outcome, cause, count in matched:
        events[key, outcome, cause] = count
        if outcome is Delivery.FAILED and key.campaign in making_good:
            events[key, Delivery.MADE_GOOD, cause] = count
    await count_insertions(connection, events)

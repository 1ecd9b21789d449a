"""How many coupons live engagements have left, and what is told of it: once, whoever asks how often."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from adapters.postgres.pool import Pool
from inventory.coupons import StockLevel, level_of

# Positions are given out from 0 on; of what is left no more is counted than decides.
_STOCKS = """
SELECT u.number, u.id, u.stock_told, u.uploaded,
    (SELECT count(*) FROM (
        SELECT FROM coupons c WHERE c.engagement = u.number AND c.lead IS NULL LIMIT u.uploaded / 10 + 1
    ) AS few) AS left,
    (SELECT count(*) FROM answers a WHERE a.engagement = u.number AND a.state = 'waiting') AS waiting
FROM (
    SELECT e.number, e.id, e.stock_told,
        coalesce((SELECT max(position) + 1 FROM coupons c WHERE c.engagement = e.number), 0) AS uploaded
    FROM engagements e
    WHERE e.purpose = 'coupon' AND e.state = 'live' AND e.starts_at <= $1
        AND (e.ends_at IS NULL OR e.ends_at > $1)
) u ORDER BY u.number
"""

_TOLD = """
UPDATE engagements SET stock_told = $2 WHERE number = $1 AND stock_told IS DISTINCT FROM $2 RETURNING number
"""

_EVENT = """
INSERT INTO campaign_events (at, campaign, kind, brand, document)
SELECT $4, coalesce(e.campaign, -e.number), 'coupons_' || $2::text, coalesce(e.brand, ''), jsonb_build_object(
    'campaign', (SELECT jsonb_build_object('id', c.id, 'name', c.name, 'brand', c.brand) FROM campaigns c
        WHERE c.number = e.campaign),
    'engagement', jsonb_build_object('id', e.id, 'name', e.name, 'brand', e.brand, 'left', $3::int))
FROM engagements e WHERE e.number = $1
"""

# Each state by an index of its own.
_OPEN = """
SELECT state, count(*) FROM answers WHERE state = 'due' GROUP BY state
UNION ALL SELECT state, count(*) FROM answers WHERE state = 'waiting' GROUP BY state
UNION ALL SELECT 'sending', count(*) FROM answers WHERE state IN ('claimed', 'sending')
"""


@dataclass(frozen=True, slots=True)
class Stock:
    """A live engagement's coupons: `left` is exact below a tenth; `is_news`: nobody was told of it yet."""

    engagement: str
    level: StockLevel | None
    left: int
    waiting: int
    is_news: bool


async def look_at_stocks(pool: Pool, now: datetime) -> Sequence[Stock]:
    """Return what live engagements have left, and write an event where that became low or out."""
    found = []
    async with pool.acquire() as connection:
        for row in await connection.fetch(_STOCKS, now):
            level = level_of(row["uploaded"], row["left"])
            is_news = False
            if level != row["stock_told"]:
                async with connection.transaction():
                    is_news = await connection.fetchval(_TOLD, row["number"], level) is not None
                    if is_news and level is not None:
                        await connection.execute(_EVENT, row["number"], level, row["left"], now)
            found.append(Stock(str(row["id"]), level, row["left"], row["waiting"], is_news))
    return found


async def count_open(pool: Pool) -> dict[str, int]:
    """Return how many answers are owed: due, waiting for a coupon, being sent."""
    rows = await pool.fetch(_OPEN)
    return {"due": 0, "waiting": 0, "sending": 0} | {row["state"]: row["count"] for row in rows}

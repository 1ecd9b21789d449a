"""Opt-outs as the carrier looks at them: how many by day and source, and the lists that were imported."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from adapters.postgres.choices import SUPPRESSION
from adapters.postgres.pool import Pool

_DAYS = """
SELECT (at AT TIME ZONE $3)::date AS day, source, count(*) FILTER (WHERE NOT allowed) AS out,
    count(*) FILTER (WHERE allowed) AS back
FROM subscriber_choices WHERE scope = $1 AND at >= $2 GROUP BY 1, 2 ORDER BY 1 DESC, 3 DESC, 2 LIMIT 1000
"""

_LISTS = "SELECT name, source, numbers, imported_by, imported_at FROM suppression_lists ORDER BY name"


async def opt_out_days(pool: Pool, since: datetime, zone: str) -> Sequence[Mapping[str, Any]]:
    """Return how many subscribers opted out and back in, by day of a zone and source, newest first."""
    rows = await pool.fetch(_DAYS, SUPPRESSION, since, zone)
    return [{**row, "day": row["day"].isoformat()} for row in rows]


async def suppression_lists(pool: Pool) -> Sequence[Mapping[str, Any]]:
    """Return the imported lists by name."""
    rows = await pool.fetch(_LISTS)
    return [{**row, "imported_at": row["imported_at"].isoformat()} for row in rows]

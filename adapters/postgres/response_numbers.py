"""The carrier's pool of response numbers in PostgreSQL, and what each is assigned to."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import asyncpg

from adapters.postgres.audit import write_audit
from adapters.postgres.pool import Pool
from engine.access import Principal
from engine.responses import LiveNumber

_LIST = """
SELECT r.digits, r.label, r.added_at, r.added_by, r.retired_at,
    coalesce((
        SELECT jsonb_agg(jsonb_build_object('engagement', e.id, 'name', e.name, 'brand', e.brand,
            'option', a.option, 'from', lower(a.during), 'to', upper(a.during)) ORDER BY lower(a.during))
        FROM assignments a JOIN engagements e ON e.number = a.engagement
        WHERE a.digits = r.digits
            AND (upper_inf(a.during) OR upper(a.during) > $1)
    ), '[]') AS assignments
FROM response_numbers r
WHERE $2 OR r.retired_at IS NULL
ORDER BY r.digits
"""

# What is assigned now or later, of engagements that were started; a standing one ends in 5138.
# no infinity in JSON.
_LIVE = """
SELECT a.digits, a.number, extract(epoch FROM lower(a.during))::float8 AS starts,
    coalesce(extract(epoch FROM upper(a.during))::float8, 1e11) AS ends
FROM assignments a JOIN engagements e ON e.number = a.engagement
WHERE e.state = 'live' AND (upper_inf(a.during) OR upper(a.during) > $1)
ORDER BY a.number
"""

_RETIRE = """
UPDATE response_numbers r SET retired_at = $2 WHERE r.digits = $1 AND r.retired_at IS NULL
    AND NOT EXISTS (SELECT FROM assignments a WHERE a.digits = $1
        AND (upper_inf(a.during) OR upper(a.during) > $2))
RETURNING label
"""


class NumberExistsError(Exception):
    """The number is in the pool already."""


class NumberUnknownError(Exception):
    """The pool has no such number."""


class NumberBusyError(Exception):
    """The number is assigned, now or later."""


class PostgresResponseNumbers:
    """The pool; instants are passed in."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def add(self, digits: str, label: str, *, principal: Principal, at: datetime) -> None:
        """Add a number, or take back a retired one. Raises `NumberExistsError`."""
        async with self._pool.acquire() as connection, connection.transaction():
            status = await connection.execute(
                """
                INSERT INTO response_numbers (digits, label, added_at, added_by) VALUES ($1, $2, $3, $4)
                ON CONFLICT (digits) DO UPDATE SET label = $2, added_at = $3, added_by = $4, retired_at = NULL
                WHERE response_numbers.retired_at IS NOT NULL
                """,
                *(digits, label, at, principal.name),
            )
            if status != "INSERT 0 1":
                raise NumberExistsError(digits)
            after = {"label": label}
            await write_audit(
                connection, principal.name, "create", "response_number", digits, None, after, at
            )

    async def retire(self, digits: str, *, principal: Principal, at: datetime) -> None:
        """Take a number out of the pool. Raises `NumberUnknownError`, `NumberBusyError`."""
        async with self._pool.acquire() as connection, connection.transaction():
            known = await connection.fetchrow(
                "SELECT retired_at FROM response_numbers WHERE digits = $1 FOR UPDATE", digits
            )
            if known is None or known["retired_at"] is not None:
                raise NumberUnknownError(digits)
            row = await connection.fetchrow(_RETIRE, digits, at)
            if row is None:
                raise NumberBusyError(digits)
            before = {"label": row["label"]}
            await write_audit(
                connection, principal.name, "retire", "response_number", digits, before, None, at
            )

    async def listed(self, now: datetime, *, retired: bool = False) -> Sequence[Mapping[str, Any]]:
        """Return the pool, each number with what it is assigned to from `now` on."""
        return [dict(row) for row in await self._pool.fetch(_LIST, now, retired)]

    async def live(self, now: datetime) -> Sequence[LiveNumber]:
        """Return what workers must know: the assignments of engagements that run now or later."""
        return [_live(row) for row in await self._pool.fetch(_LIVE, now)]


def _live(row: asyncpg.Record) -> LiveNumber:
    return LiveNumber(row["digits"], row["number"], row["starts"], row["ends"])

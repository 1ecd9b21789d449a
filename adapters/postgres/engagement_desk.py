"""Engagements at work in PostgreSQL: changed while they run, their answers and tallies counted."""

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from adapters.postgres.audit import write_audit
from adapters.postgres.coupons import find_engagement
from adapters.postgres.engagements import EngagementStateError
from adapters.postgres.pool import CHANNEL, Pool
from adapters.postgres.webhooks import SECRET_PREFIX
from engine.access import Principal

_SECRET_OCTETS = 32

_CHANGE = """
UPDATE engagements SET name = COALESCE($2, name), confirmation = COALESCE($3, confirmation),
    webhook = COALESCE($4, webhook), webhook_secret = COALESCE(webhook_secret, $5),
    wording = COALESCE($6, wording), version = version + 1,
    wording_version = wording_version + CASE WHEN $6 <> wording THEN 1 ELSE 0 END
WHERE number = $1 RETURNING wording_version
"""

_TALLIES = """
SELECT option, state, sum(calls)::bigint AS calls, sum(leads)::bigint AS leads
FROM lead_tallies WHERE engagement = $1 GROUP BY option, state ORDER BY option, state
"""

_RECENT = """
SELECT count(*) FROM leads WHERE last_call > $1 AND window_start > $1 - interval '8 days'
"""

_HOURS = """
SELECT t.digits, t.hour, sum(t.calls)::bigint AS calls, sum(t.leads)::bigint AS leads
FROM lead_tallies t JOIN engagements e ON e.number = t.engagement
WHERE t.hour >= $1 AND ($2 OR e.brand = ANY($3)) GROUP BY 1, 2 ORDER BY 2 DESC, 1 LIMIT 500
"""

_PROMPT = """
SELECT count(*) AS owed, count(*) FILTER (WHERE a.sent_at IS NOT NULL OR a.state = 'delivered') AS answered,
    percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM a.sent_at - a.created_at)) AS p50,
    percentile_cont(0.99) WITHIN GROUP (ORDER BY extract(epoch FROM a.sent_at - a.created_at)) AS p99
FROM answers a JOIN engagements e ON e.number = a.engagement
WHERE a.created_at > $1 AND ($2 OR e.brand = ANY($3))
"""

_PROMPT_BY_NUMBER = """
SELECT a.digits, floor(extract(epoch FROM a.created_at) / 3600)::int AS hour, count(*) AS owed,
    count(*) FILTER (WHERE a.sent_at IS NOT NULL OR a.state = 'delivered') AS answered,
    percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM a.sent_at - a.created_at)) AS p50,
    percentile_cont(0.99) WITHIN GROUP (ORDER BY extract(epoch FROM a.sent_at - a.created_at)) AS p99
FROM answers a JOIN engagements e ON e.number = a.engagement
WHERE a.created_at > $1 AND ($2 OR e.brand = ANY($3)) GROUP BY 1, 2
"""


class PostgresEngagementDesk:
    """What the API and the console ask beyond the engagement itself; instants are passed in."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def change(
        self, engagement: str, wanted: Mapping[str, Any], *, principal: Principal, at: datetime
    ) -> str | None:
        """Replace fields; return the secret of a webhook that is new.

        Raises `MissingError`, `EngagementStateError`.
        """
        async with self._pool.acquire() as connection, connection.transaction():
            row = await find_engagement(connection, engagement, principal)
            if row["state"] == "closed":
                raise EngagementStateError(row["state"])
            new = row["webhook"] is None and wanted.get("webhook") is not None
            secret = SECRET_PREFIX + secrets.token_urlsafe(_SECRET_OCTETS) if new else None
            fields = ("name", "confirmation", "webhook")
            version = await connection.fetchval(
                _CHANGE,
                *(row["number"], *(wanted.get(name) for name in fields), secret, wanted.get("wording")),
            )
            if version != row["wording_version"]:
                await connection.execute(
                    "INSERT INTO engagement_wordings VALUES ($1, $2, $3, $4)",
                    *(row["number"], version, wanted["wording"], at),
                )
            before = {name: row[name] for name in wanted}
            await write_audit(
                connection, principal.name, "change", "engagement", engagement, before, dict(wanted), at
            )
            await connection.execute("SELECT pg_notify($1, 'engagements')", CHANNEL)
        return secret

    async def answers(self, engagements: Sequence[int]) -> Mapping[int, Mapping[str, int]]:
        """Return by engagement how many answers are in which state."""
        rows = await self._pool.fetch(
            "SELECT engagement, state, count(*) FROM answers WHERE engagement = ANY($1) GROUP BY 1, 2",
            list(engagements),
        )
        counted: dict[int, dict[str, int]] = {}
        for row in rows:
            counted.setdefault(row["engagement"], {})[row["state"]] = row["count"]
        return counted

    async def tallies(self, engagement: int) -> Sequence[Mapping[str, Any]]:
        """Return calls and leads by option and state."""
        return [dict(row) for row in await self._pool.fetch(_TALLIES, engagement)]

    async def recent_callers(self, since: datetime) -> int:
        """Return how many leads were called for since an instant."""
        return int(await self._pool.fetchval(_RECENT, since))

    async def by_number(self, principal: Principal, since_hour: int) -> Sequence[Mapping[str, Any]]:
        """Return calls and leads by number and UTC hour, newest first."""
        view = principal.is_carrier, sorted(principal.brands)
        return [dict(row) for row in await self._pool.fetch(_HOURS, since_hour, *view)]

    async def promptness_by_number(
        self, principal: Principal, since: datetime
    ) -> Mapping[tuple[str, int], Mapping[str, Any]]:
        """Return the same as `promptness` by number that was called and UTC hour of the lead."""
        view = principal.is_carrier, sorted(principal.brands)
        rows = await self._pool.fetch(_PROMPT_BY_NUMBER, since, *view)
        return {(row["digits"], row["hour"]): dict(row) for row in rows}

    async def promptness(self, principal: Principal, since: datetime) -> Mapping[str, Any]:
        """Return how many answers were owed and given since an instant, and seconds until they were."""
        view = principal.is_carrier, sorted(principal.brands)
        row = await self._pool.fetchrow(_PROMPT, since, *view)
        return dict(row or {})

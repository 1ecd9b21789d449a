"""Webhooks in PostgreSQL: who is told what, and the deliveries that are due."""

import json
import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import asyncpg

from adapters.postgres.audit import write_audit
from adapters.postgres.identity import MissingError
from adapters.postgres.pool import Pool
from engine.access import Principal, Role
from inventory.webhooks import message

SECRET_PREFIX = "whsec_"  # noqa: S105  # what every secret begins with
MOST_WEBHOOKS = 20
KEPT = timedelta(days=30)
AT_RISK_AGAIN = timedelta(hours=24)

_SECRET_OCTETS = 32
_BATCH = 500
_ERROR_CHARACTERS = 200

# Any number that no other advisory lock has: "webhook" in ASCII.
LOCK = int.from_bytes(b"webhook")

# Any number that no other advisory lock has: "at risk" in ASCII.
_AT_RISK_LOCK = int.from_bytes(b"at risk")
_AT_RISK = """
SELECT record_event(c.number, 'at_risk', NULL, NULL) FROM campaigns c
WHERE c.number = ANY($1) AND NOT EXISTS (
    SELECT FROM campaign_events e WHERE e.campaign = c.number AND e.kind = 'at_risk' AND e.at > $2
)
"""

# A brand that was taken from an organisation is told to it no more.
_FAN_OUT = """
INSERT INTO webhook_deliveries (webhook, event, campaign, created_at, next_at)
SELECT w.id, e.number, e.campaign, $2, $2
FROM campaign_events e JOIN webhooks w
    ON (w.brands IS NULL OR (e.brand = ANY(w.brands) AND (
        EXISTS (SELECT FROM brands b WHERE b.name = e.brand AND b.organisation = w.organisation)
        OR EXISTS (SELECT FROM brand_grants g WHERE g.brand = e.brand AND g.organisation = w.organisation))))
    AND e.kind = ANY(w.events) AND e.at >= w.created_at
WHERE e.number = ANY($1)
ORDER BY e.number
ON CONFLICT DO NOTHING
"""

_DUE = """
SELECT d.number, d.webhook, d.attempts, d.created_at, w.url, w.secret, e.id, e.kind, e.at, e.document
FROM (
    SELECT DISTINCT ON (webhook, campaign) * FROM webhook_deliveries
    WHERE over_at IS NULL AND webhook <> ALL($2::uuid[])
    ORDER BY webhook, campaign, number
) d
JOIN webhooks w ON w.id = d.webhook JOIN campaign_events e ON e.number = d.event
WHERE d.next_at <= $1
ORDER BY d.next_at, d.number LIMIT $3
"""

_LIST = """
SELECT w.id, w.organisation, w.brands, w.events, w.url, w.created_at, w.created_by,
    (SELECT count(*) FROM webhook_deliveries d WHERE d.webhook = w.id AND d.over_at IS NULL) AS pending,
    (SELECT d.answer FROM webhook_deliveries d WHERE d.webhook = w.id AND d.attempts > 0
        ORDER BY d.number DESC LIMIT 1) AS last_answer
FROM webhooks w
WHERE $1 OR (w.organisation = $2 AND w.brands <@ $3::text[])
ORDER BY w.created_at, w.id
"""


class TooManyWebhooksError(Exception):
    """The organisation has MOST_WEBHOOKS already."""


@dataclass(frozen=True, slots=True)
class NewWebhook:
    """A webhook as it is shown once."""

    id: str
    secret: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event that one webhook is to be told now; `body` is the same at every attempt."""

    number: int
    webhook: str
    url: str
    secret: str
    event_id: str
    kind: str
    body: bytes
    attempts: int
    created_at: datetime


class PostgresWebhooks:
    """Webhooks and their deliveries; instants are passed in."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def add(
        self,
        url: str,
        events: Collection[str],
        brands: Collection[str] | None,
        *,
        principal: Principal,
        at: datetime,
    ) -> NewWebhook:
        """Register a webhook of the principal's organisation; brands None means all of the carrier's view.

        Raises `TooManyWebhooksError`.
        """
        secret = SECRET_PREFIX + secrets.token_urlsafe(_SECRET_OCTETS)
        listed = None if brands is None else sorted(brands)
        after = {"url": url, "events": sorted(events), "brands": listed}
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute(
                "SELECT FROM organisations WHERE id = $1 FOR UPDATE", principal.organisation
            )
            held = await connection.fetchval(
                "SELECT count(*) FROM webhooks WHERE organisation = $1", principal.organisation
            )
            if held >= MOST_WEBHOOKS:
                raise TooManyWebhooksError
            added = str(
                await connection.fetchval(
                    """
                    INSERT INTO webhooks (organisation, brands, events, url, secret, created_at, created_by)
                    VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id
                    """,
                    *(principal.organisation, listed, sorted(events), url, secret, at, principal.name),
                )
            )
            await write_audit(connection, principal.name, "create", "webhook", added, None, after, at)
        return NewWebhook(added, secret)

    async def listed(self, principal: Principal) -> Sequence[Mapping[str, Any]]:
        """Return the webhooks a principal may see, without their secrets, with how they fare."""
        async with self._pool.acquire() as connection:
            rows = await connection.fetch(_LIST, *_view(principal))
        return [dict(row) for row in rows]

    async def remove(self, webhook: str, *, principal: Principal, at: datetime) -> None:
        """Remove a webhook with what it was still to be told. Raises `MissingError`."""
        async with self._pool.acquire() as connection, connection.transaction():
            row = await connection.fetchrow(
                """
                DELETE FROM webhooks
                WHERE id = $4 AND ($1 OR (organisation = $2 AND brands <@ $3::text[])) RETURNING url, events
                """,
                *_view(principal),
                webhook,
            )
            if row is None:
                raise MissingError("webhook")
            await write_audit(connection, principal.name, "delete", "webhook", webhook, dict(row), None, at)

    # -- deliveries -------------------------------------------------------------------------------

    async def fan_out(self, now: datetime) -> int:
        """Make a delivery of each new event for each webhook that wants it; return how many events."""
        async with self._pool.acquire() as connection, connection.transaction():
            numbers = [
                row["number"]
                for row in await connection.fetch(
                    "SELECT number FROM campaign_events WHERE NOT told ORDER BY number LIMIT $1 FOR UPDATE",
                    _BATCH,
                )
            ]
            if numbers:
                await connection.execute(_FAN_OUT, numbers, now)
                await connection.execute(
                    "UPDATE campaign_events SET told = true WHERE number = ANY($1)", numbers
                )
        return len(numbers)

    async def due(self, now: datetime, busy: Collection[str], limit: int) -> Sequence[Delivery]:
        """Return what is to be told now: of each webhook and campaign the first that is not over, if due."""
        async with self._pool.acquire() as connection:
            rows = await connection.fetch(_DUE, now, list(busy), limit)
        return [_delivery(row) for row in rows]

    async def settle(
        self, delivery: int, answer: str, now: datetime, *, delivered: bool, next_at: datetime | None
    ) -> None:
        """Note an attempt; it is over when it was delivered or there is no next."""
        over = now if delivered or next_at is None else None
        async with self._pool.acquire() as connection:
            await connection.execute(
                """
                UPDATE webhook_deliveries SET attempts = attempts + 1, answer = $2, delivered = $3,
                    over_at = $4, next_at = COALESCE($5, next_at)
                WHERE number = $1
                """,
                *(delivery, answer[:_ERROR_CHARACTERS], delivered, over, next_at),
            )

    async def forget(self, now: datetime) -> None:
        """Delete what is over and older than KEPT."""
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute(
                """
                DELETE FROM webhook_deliveries d USING campaign_events e
                WHERE e.number = d.event AND e.at < $1 AND d.over_at IS NOT NULL
                """,
                now - KEPT,
            )
            # The percents stay: each is told once.
            await connection.execute(
                """
                DELETE FROM campaign_events e
                WHERE e.told AND e.at < $1 AND e.kind NOT LIKE 'percent%'
                    AND NOT EXISTS (SELECT FROM webhook_deliveries d WHERE d.event = e.number)
                """,
                now - KEPT,
            )


async def record_at_risk(pool: Pool, campaigns: Sequence[int], now: datetime) -> None:
    """Write that campaigns are expected to end short; each at most once within AT_RISK_AGAIN."""
    if not campaigns:
        return
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", _AT_RISK_LOCK)
        await connection.execute(_AT_RISK, list(campaigns), now - AT_RISK_AGAIN)


def _view(principal: Principal) -> tuple[bool, str, list[str]]:
    return principal.role is Role.ADMIN, principal.organisation, sorted(principal.brands)


def _delivery(row: asyncpg.Record) -> Delivery:
    document = message(str(row["id"]), row["kind"], row["at"], row["document"])
    body = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    return Delivery(
        row["number"],
        str(row["webhook"]),
        row["url"],
        row["secret"],
        str(row["id"]),
        row["kind"],
        body,
        row["attempts"],
        row["created_at"],
    )

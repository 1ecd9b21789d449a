"""Engagements in PostgreSQL: drafted with their numbers assigned, started, closed; what callers were told."""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg

from adapters.postgres.audit import write_audit
from adapters.postgres.identity import MissingError
from adapters.postgres.pool import CHANNEL, Connection, Pool
from engine.access import Principal
from inventory.engagements import EngagementDraft
from inventory.leads import Assigned
from inventory.response_numbers import NumberUse

_SECRET_PREFIX = "whsec_"  # noqa: S105  # what every secret begins with
_SECRET_OCTETS = 32

_READ = """
SELECT e.number, e.id, e.brand, c.id AS campaign, e.name, e.purpose, e.starts_at, e.ends_at, e.lead_window,
    e.timezone, e.share_number, e.wording, e.wording_version, e.confirmation, e.webhook, e.state, e.version,
    e.created_at, e.created_by, e.stock_told AS coupons, coalesce((
        SELECT jsonb_agg(jsonb_build_object('number', a.digits, 'option', a.option) ORDER BY a.number)
        FROM assignments a WHERE a.engagement = e.number), '[]') AS numbers,
    coalesce((SELECT sum(calls) FROM lead_tallies t WHERE t.engagement = e.number), 0)::bigint AS calls,
    coalesce((SELECT sum(leads) FROM lead_tallies t WHERE t.engagement = e.number), 0)::bigint AS leads
FROM engagements e LEFT JOIN campaigns c ON c.number = e.campaign
"""

# Whose an engagement is: the carrier sees all, others those of their brands.
_SEEN = "($1 OR e.brand = ANY($2))"

_LOCK = """
SELECT e.number, e.id, e.state, e.wording FROM engagements e
WHERE ($1 OR e.brand = ANY($2)) AND e.id::text = $3 FOR UPDATE
"""

_INSERT = """
INSERT INTO engagements (organisation, brand, campaign, name, purpose, starts_at, ends_at, lead_window,
    timezone, share_number, wording, confirmation, webhook, webhook_secret, state, created_at, created_by,
    of_flight)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)
RETURNING number, id
"""

_OVERLAPS = """
SELECT e.id, e.name, e.campaign, e.state, lower(a.during) AS starts, upper(a.during) AS ends
FROM assignments a JOIN engagements e ON e.number = a.engagement
WHERE a.digits = $1 AND a.during && tstzrange($2, $3)
ORDER BY lower(a.during) LIMIT 1
"""

_REWORD = """
UPDATE engagements SET wording = $2, wording_version = wording_version + 1, version = version + 1
WHERE number = $1 RETURNING wording_version
"""

# What has begun ends now; what has not is as if it never was assigned.
_END = """
UPDATE assignments SET during = tstzrange(lower(during), least(upper(during), $2))
WHERE engagement = $1 AND lower(during) < $2
"""

_ASSIGNED = """
SELECT a.number, a.digits, a.option, a.engagement, e.purpose, e.brand, e.lead_window, e.timezone, e.starts_at,
    e.wording, e.wording_version, e.confirmation IS NOT NULL AS confirms, e.webhook IS NOT NULL AS hooks
FROM assignments a JOIN engagements e ON e.number = a.engagement WHERE a.number = ANY($1)
"""


@dataclass(frozen=True, slots=True)
class NewEngagement:
    """An engagement that was made; the secret signs its webhook, and is shown this once."""

    id: str
    number: int
    webhook_secret: str | None


@dataclass(frozen=True, slots=True)
class Author:
    """Who makes an engagement, for which organisation (None: the carrier), on which clock."""

    organisation: str | None
    name: str
    timezone: str


class NumberTakenError(Exception):
    """A number can't be assigned: `index` in the draft, what is in the way (None: it is not in the pool)."""

    def __init__(self, index: int, digits: str, holder: Mapping[str, Any] | None) -> None:
        super().__init__(digits)
        self.index = index
        self.digits = digits
        self.holder = holder


class CampaignMismatchError(Exception):
    """The campaign is not there, or of another brand."""


class EngagementStateError(Exception):
    """The engagement's state does not allow it; the message is the state."""


class PostgresEngagements:
    """Engagements; instants are passed in. Changes are audited in the same transaction."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def create(
        self,
        draft: EngagementDraft,
        *,
        timezone: str,
        state: str = "live",
        principal: Principal,
        at: datetime,
    ) -> NewEngagement:
        """Make an engagement, `draft` or `live`, and assign its numbers for all its time.

        Raises `NumberTakenError`, `CampaignMismatchError`.
        """
        organisation = None if draft.brand is None else principal.organisation or None
        author = Author(organisation, principal.name, timezone)
        async with self._pool.acquire() as connection, connection.transaction():
            return await add_engagement(connection, draft, author, state=state, at=at)

    async def start(self, engagement: str, *, principal: Principal, at: datetime) -> None:
        """Let a draft's numbers be answered. Raises `MissingError`, `EngagementStateError`."""
        async with self._pool.acquire() as connection, connection.transaction():
            row = await _locked(connection, engagement, principal)
            if row["state"] != "draft":
                raise EngagementStateError(row["state"])
            await connection.execute(
                "UPDATE engagements SET state = 'live', version = version + 1 WHERE number = $1",
                row["number"],
            )
            await tell_engagement(
                connection,
                *(principal.name, "start", engagement, {"state": "draft"}, {"state": "live"}, at),
            )

    async def close(self, engagement: str, *, principal: Principal, at: datetime) -> None:
        """End an engagement now; its numbers are free. Raises `MissingError`, `EngagementStateError`."""
        async with self._pool.acquire() as connection, connection.transaction():
            row = await _locked(connection, engagement, principal)
            if row["state"] == "closed":
                raise EngagementStateError(row["state"])
            await close_engagement(connection, row, principal.name, at)

    async def reword(self, engagement: str, wording: str, *, principal: Principal, at: datetime) -> int:
        """Change what callers are told; return the wording's version. Raises `MissingError`."""
        async with self._pool.acquire() as connection, connection.transaction():
            row = await _locked(connection, engagement, principal)
            return await reword_engagement(connection, row, wording, principal.name, at)

    async def one(self, engagement: str, principal: Principal) -> Mapping[str, Any]:
        """Return an engagement with its numbers and sums. Raises `MissingError`."""
        row = await self._pool.fetchrow(
            f"{_READ} WHERE {_SEEN} AND e.id::text = $3", *_view(principal), engagement
        )
        if row is None:
            raise MissingError("engagement")
        return dict(row)

    async def listed(
        self, principal: Principal, *, below: int | None = None, limit: int = 50
    ) -> Sequence[Mapping[str, Any]]:
        """Return what a principal sees, newest first, below a number."""
        rows = await self._pool.fetch(
            f"{_READ} WHERE {_SEEN} AND ($3::int IS NULL OR e.number < $3) ORDER BY e.number DESC LIMIT $4",
            *(*_view(principal), below, limit),
        )
        return [dict(row) for row in rows]


async def add_engagement(
    connection: Connection,
    draft: EngagementDraft,
    author: Author,
    *,
    state: str,
    at: datetime,
    of_flight: bool = False,
) -> NewEngagement:
    """Make an engagement and assign its numbers. Raises `NumberTakenError`, `CampaignMismatchError`."""
    secret = None if draft.webhook is None else _SECRET_PREFIX + secrets.token_urlsafe(_SECRET_OCTETS)
    [row] = await connection.fetch(
        _INSERT,
        *(author.organisation, draft.brand, await _campaign(connection, draft), draft.name, draft.purpose),
        *(draft.starts_at, draft.ends_at, draft.lead_window, author.timezone, draft.share_number),
        *(draft.wording, draft.confirmation, draft.webhook, secret, state, at, author.name, of_flight),
    )
    made = NewEngagement(str(row["id"]), row["number"], secret)
    await _assign(connection, made.number, draft.numbers, draft.starts_at, draft.ends_at)
    await connection.execute(
        "INSERT INTO engagement_wordings VALUES ($1, 1, $2, $3)", made.number, draft.wording, at
    )
    await tell_engagement(connection, author.name, "create", made.id, None, _document(draft, state), at)
    return made


async def close_engagement(connection: Connection, row: asyncpg.Record, by: str, at: datetime) -> None:
    """End a locked engagement now; its numbers are free."""
    await connection.execute(_END, row["number"], at)
    await connection.execute(
        "DELETE FROM assignments WHERE engagement = $1 AND lower(during) >= $2", row["number"], at
    )
    await connection.execute(
        "UPDATE engagements SET state = 'closed', version = version + 1 WHERE number = $1", row["number"]
    )
    before, after = {"state": row["state"]}, {"state": "closed"}
    await tell_engagement(connection, by, "close", str(row["id"]), before, after, at)


async def reword_engagement(
    connection: Connection, row: asyncpg.Record, wording: str, by: str, at: datetime
) -> int:
    """Change what the callers of a locked engagement are told; return the wording's version."""
    version: int = await connection.fetchval(_REWORD, row["number"], wording)
    await connection.execute(
        "INSERT INTO engagement_wordings VALUES ($1, $2, $3, $4)", row["number"], version, wording, at
    )
    before, after = {"wording": row["wording"]}, {"wording": wording}
    await tell_engagement(connection, by, "reword", str(row["id"]), before, after, at)
    return version


async def find_holder(
    connection: Connection, digits: str, starts_at: datetime, ends_at: datetime | None
) -> Mapping[str, Any] | None:
    """Return the first engagement that has a number between two instants, None where it is free."""
    row = await connection.fetchrow(_OVERLAPS, digits, starts_at, ends_at)
    return None if row is None else dict(row)


async def is_pooled(connection: Connection, digits: str) -> bool:
    """Tell whether the pool has a number; it stays there until the transaction ends."""
    query = "SELECT true FROM response_numbers WHERE digits = $1 AND retired_at IS NULL FOR SHARE"
    return bool(await connection.fetchval(query, digits))


async def read_assigned(connection: Connection, numbers: Iterable[int]) -> Mapping[int, Assigned]:
    """Return what assignments say, by number; those that are not there are left out."""
    rows = await connection.fetch(_ASSIGNED, list(numbers))
    return {row["number"]: Assigned(**dict(row)) for row in rows}


def _view(principal: Principal) -> tuple[bool, list[str]]:
    return principal.is_carrier, sorted(principal.brands)


async def _campaign(connection: Connection, draft: EngagementDraft) -> int | None:
    if draft.campaign is None:
        return None
    number: int | None = await connection.fetchval(
        "SELECT number FROM campaigns WHERE id = $1 AND brand = $2", draft.campaign, draft.brand
    )
    if number is None:
        raise CampaignMismatchError(str(draft.campaign))
    return number


async def _assign(
    connection: Connection,
    engagement: int,
    numbers: Sequence[NumberUse],
    starts_at: datetime,
    ends_at: datetime | None,
) -> None:
    for index, use in enumerate(numbers):
        if not await is_pooled(connection, use.digits):
            raise NumberTakenError(index, use.digits, None)
        try:
            async with connection.transaction():
                await connection.execute(
                    "INSERT INTO assignments (digits, engagement, option, during)"
                    " VALUES ($1, $2, $3, tstzrange($4, $5))",
                    *(use.digits, engagement, use.option, starts_at, ends_at),
                )
        except asyncpg.ExclusionViolationError:
            holder = await find_holder(connection, use.digits, starts_at, ends_at)
            raise NumberTakenError(index, use.digits, holder or {}) from None


async def _locked(connection: Connection, engagement: str, principal: Principal) -> asyncpg.Record:
    row = await connection.fetchrow(
        _LOCK,
        *_view(principal),
        engagement,
    )
    if row is None:
        raise MissingError("engagement")
    return row


async def tell_engagement(
    connection: Connection,
    actor: str,
    action: str,
    engagement: str,
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any] | None,
    at: datetime,
) -> None:
    """Audit a change, and let every node hear of it at once."""
    await write_audit(connection, actor, action, "engagement", engagement, before, after, at)
    await connection.execute("SELECT pg_notify($1, 'engagements')", CHANNEL)


def _document(draft: EngagementDraft, state: str) -> Mapping[str, Any]:
    numbers = [{"number": use.digits, "option": use.option} for use in draft.numbers]
    ends_at = None if draft.ends_at is None else draft.ends_at.isoformat()
    return {
        "name": draft.name,
        "purpose": draft.purpose,
        "brand": draft.brand,
        "starts_at": draft.starts_at.isoformat(),
        "ends_at": ends_at,
        "share_number": draft.share_number,
        "wording": draft.wording,
        "numbers": numbers,
        "state": state,
    }

"""Campaigns in PostgreSQL: added, listed, served, and moved along by time and quantity."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from adapters.postgres.audit import write_audit
from adapters.postgres.campaign_documents import read_documents
from adapters.postgres.campaign_numbers import COUNTRY_ZONE, take_number
from adapters.postgres.campaign_rows import add_campaign
from adapters.postgres.pool import Connection, Pool, snapshot
from adapters.postgres.serving import ServingRoll
from inventory.books import ServingCampaign
from inventory.campaign import CampaignState
from inventory.draft import CampaignDraft

# Any number will do that no other lock of this database has: "advance" in ASCII.
_ADVANCE_LOCK = int.from_bytes(b"advance")

_ADVANCE = (
    """
    UPDATE campaigns SET state = 'rejected', reject_reason = 'too_late', decided_at = $1, decided_by = NULL,
        version = version + 1
    WHERE state = 'submitted' AND ends_at <= $1
    RETURNING number, id, state, version
    """,
    """
    UPDATE campaigns SET state = 'finished', finish_reason = 'ended', version = version + 1
    WHERE state IN ('approved', 'live', 'paused') AND ends_at <= $1
    RETURNING number, id, state, version
    """,
    """
    UPDATE campaigns c SET state = 'finished', finish_reason = 'quantity', version = version + 1
    FROM ledger l
    WHERE l.campaign = c.number AND c.state IN ('approved', 'live', 'paused') AND l.settled = l.quantity
        AND c.ends_at > $1
    RETURNING c.number, c.id, c.state, c.version
    """,
    # A late refusal freed a unit of a campaign that was spent: there is time to spend it again.
    """
    UPDATE campaigns c SET state = 'live', finish_reason = NULL, version = version + 1
    FROM ledger l
    WHERE l.campaign = c.number AND c.finish_reason = 'quantity' AND l.settled < l.quantity AND c.ends_at > $1
    RETURNING c.number, c.id, c.state, c.version
    """,
    """
    UPDATE campaigns SET state = 'live', version = version + 1
    WHERE state = 'approved' AND greatest(starts_at, earliest_start) <= $1 AND ends_at > $1
    RETURNING number, id, state, version
    """,
)


# The hold of a campaign that came too late.
_GIVE_UP_HOLDS = """
DELETE FROM holds h USING campaigns c WHERE c.number = h.campaign AND c.state = 'rejected'
"""


class UnknownBrandError(Exception):
    """A campaign names a brand that nobody registered."""


class PostgresCampaigns:
    """The campaigns, with their texts and ledgers; all instants are passed in."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._roll = ServingRoll()

    async def add(
        self,
        drafts: Sequence[CampaignDraft],
        *,
        approve: bool,
        now: datetime,
        timezone: str = COUNTRY_ZONE,
        by: str = "posdata",
    ) -> Sequence[str]:
        """Store all drafts or none, as done `by` someone, and return their ids.

        With `approve` they and their texts are approved as of `now`, without lead time, brands that are not
        known are registered, and response numbers are assigned (`timezone` is their leads' clock); else they
        are drafts, and such a brand raises `UnknownBrandError`. Raises `NumberTakenError`.
        """
        async with self._pool.acquire() as connection, connection.transaction():
            await _register_brands(connection, drafts, create=approve)
            added = [await add_campaign(connection, draft, approve=approve, now=now) for draft in drafts]
            for row in added if approve else ():
                await take_number(connection, row["number"], timezone=timezone, by=by, now=now)
            state = CampaignState.APPROVED if approve else CampaignState.DRAFT
            for row, draft in zip(added, drafts, strict=True):
                after = {"name": draft.name, "brand": draft.brand, "state": state.value}
                await write_audit(connection, by, "create", "campaign", str(row["id"]), None, after, now)
        return [str(row["id"]) for row in added]

    async def serving(self, now: datetime) -> Sequence[ServingCampaign]:
        """Return the campaigns that may serve now or later, with their approved texts, by number.

        `starts_at` is the later one of the booked start and the end of the lead time. What has not changed
        since the last call is not read again, and `campaign` is the same object.
        """
        return await self._roll.read(self._pool, now)

    async def all_documents(self, now: datetime) -> Sequence[dict[str, Any]]:
        """Return every campaign as `campaigns list --json` shows it, by number."""
        async with snapshot(self._pool) as connection:
            rows = await connection.fetch("SELECT * FROM campaigns ORDER BY number")
            return await read_documents(connection, rows, now)

    async def advance(self, now: datetime) -> Sequence[tuple[int, CampaignState]]:
        """Finish what has ended or is spent, and set live what starts; return the numbers that changed.

        Only one node does it at a time; another one returns nothing.
        """
        async with self._pool.acquire() as connection, connection.transaction():
            if not await connection.fetchval("SELECT pg_try_advisory_xact_lock($1)", _ADVANCE_LOCK):
                return []
            changed = [row for step in _ADVANCE for row in await connection.fetch(step, now)]
            await connection.execute(_GIVE_UP_HOLDS)
            for row in changed:
                after = {"state": row["state"], "version": row["version"]}
                await write_audit(
                    connection, "posdata", "advance", "campaign", str(row["id"]), None, after, now
                )
        return [(row["number"], CampaignState(row["state"])) for row in changed]


async def _register_brands(connection: Connection, drafts: Sequence[CampaignDraft], *, create: bool) -> None:
    categories = {draft.brand: draft.category for draft in drafts}
    if create:
        await connection.execute(
            "INSERT INTO brands SELECT * FROM unnest($1::text[], $2::text[]) ON CONFLICT DO NOTHING",
            sorted(categories),
            [categories[brand] for brand in sorted(categories)],
        )
        return
    rows = await connection.fetch("SELECT name FROM brands WHERE name = ANY($1)", list(categories))
    if unknown := sorted(categories.keys() - {row["name"] for row in rows}):
        raise UnknownBrandError(f"unknown brand {', '.join(unknown)}: register it, or import with --approve")

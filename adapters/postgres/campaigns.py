"""Campaigns in PostgreSQL: added, listed, served, and moved along by time and quantity."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import asyncpg

from adapters.postgres.counts import read_campaign_counts
from adapters.postgres.documents import hours_document, hours_of, target_document, target_of
from adapters.postgres.pool import Connection, Pool, snapshot
from inventory.books import CampaignCounts, ServingCampaign
from inventory.campaign import Campaign, CampaignClass, CampaignState, CreativeVersion, Pacing, Review
from inventory.draft import CampaignDraft

# Any number will do that no other lock of this database has: "advance" in ASCII.
_ADVANCE_LOCK = int.from_bytes(b"advance")

_ADD = """
INSERT INTO campaigns (name, brand, category, class, target, starts_at, ends_at, hours, pacing, test,
    external_id, labels, state, created_at, approved_at, earliest_start, make_good)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $15, $16)
RETURNING number, id
"""

_ADD_CREATIVE = """
WITH creative AS (INSERT INTO creatives (campaign, position) VALUES ($1, $2) RETURNING id)
INSERT INTO creative_versions (creative, version, text, weight, link, review)
SELECT id, 1, $3, $4, $5, $6 FROM creative
"""

_SERVING = """
SELECT c.*, greatest(c.starts_at, c.earliest_start) AS serves_from, l.quantity, l.settled, l.leased
FROM campaigns c JOIN ledger l ON l.campaign = c.number
WHERE c.state IN ('approved', 'live') AND c.stopped_at IS NULL AND c.ends_at > $1
ORDER BY c.number
"""

# An edited text waits for its review while the version approved before it goes on.
_APPROVED_TEXTS = """
SELECT DISTINCT ON (cr.campaign, cr.position) cr.campaign, v.number, v.text, v.weight, v.link, v.review
FROM creatives cr JOIN creative_versions v ON v.creative = cr.id
WHERE v.review = 'approved' AND cr.campaign = ANY($1) AND NOT EXISTS (
    SELECT FROM harmful_versions h WHERE h.creative_version = v.number AND h.cleared_at IS NULL
)
ORDER BY cr.campaign, cr.position, v.version DESC
"""

_NEWEST_TEXTS = """
SELECT DISTINCT ON (cr.campaign, cr.position)
    cr.campaign, cr.id, v.version, v.text, v.weight, v.link, v.review,
    h.found_at, h.node, h.answered, h.refused, h.bare, h.bare_refused
FROM creatives cr JOIN creative_versions v ON v.creative = cr.id
LEFT JOIN harmful_versions h ON h.creative_version = v.number AND h.cleared_at IS NULL
ORDER BY cr.campaign, cr.position, v.version DESC
"""

_ADVANCE = (
    """
    UPDATE campaigns SET state = 'finished', finish_reason = 'ended', version = version + 1
    WHERE state IN ('approved', 'live', 'paused') AND ends_at <= $1
    RETURNING number, state
    """,
    """
    UPDATE campaigns c SET state = 'finished', finish_reason = 'quantity', version = version + 1
    FROM ledger l
    WHERE l.campaign = c.number AND c.state IN ('approved', 'live', 'paused') AND l.settled = l.quantity
        AND c.ends_at > $1
    RETURNING c.number, c.state
    """,
    # A late refusal freed a unit of a campaign that was spent: there is time to spend it again.
    """
    UPDATE campaigns c SET state = 'live', finish_reason = NULL, version = version + 1
    FROM ledger l
    WHERE l.campaign = c.number AND c.finish_reason = 'quantity' AND l.settled < l.quantity AND c.ends_at > $1
    RETURNING c.number, c.state
    """,
    """
    UPDATE campaigns SET state = 'live', version = version + 1
    WHERE state = 'approved' AND greatest(starts_at, earliest_start) <= $1 AND ends_at > $1
    RETURNING number, state
    """,
)


class UnknownBrandError(Exception):
    """A campaign names a brand that nobody registered."""


class PostgresCampaigns:
    """The campaigns, with their texts and ledgers; all instants are passed in."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def add(self, drafts: Sequence[CampaignDraft], *, approve: bool, now: datetime) -> Sequence[str]:
        """Store all drafts or none and return their ids.

        With `approve` they and their texts are approved as of `now`, without lead time, and brands
        that are not known are registered; else they are drafts, and such a brand raises `UnknownBrandError`.
        """
        async with self._pool.acquire() as connection, connection.transaction():
            await _register_brands(connection, drafts, create=approve)
            return [await _add(connection, draft, approve=approve, now=now) for draft in drafts]

    async def serving(self, now: datetime) -> Sequence[ServingCampaign]:
        """Return the campaigns that may serve now or later, with their approved texts, by number.

        `starts_at` is the later one of the booked start and the end of the lead time.
        """
        async with snapshot(self._pool) as connection:
            rows = await connection.fetch(_SERVING, now)
            texts = await connection.fetch(_APPROVED_TEXTS, [row["number"] for row in rows])
        by_campaign = _grouped(texts)
        return [
            ServingCampaign(_campaign(row, by_campaign[row["number"]]), row["settled"], row["leased"])
            for row in rows
            if row["number"] in by_campaign
        ]

    async def all_documents(self, now: datetime) -> Sequence[dict[str, Any]]:
        """Return every campaign as `campaigns list --json` shows it, by number."""
        async with snapshot(self._pool) as connection:
            rows = await connection.fetch("SELECT * FROM campaigns ORDER BY number")
            texts = await connection.fetch(_NEWEST_TEXTS)
            counts = {one.number: one for one in await read_campaign_counts(connection)}
        by_campaign = _grouped(texts)
        return [
            _document(row, by_campaign.get(row["number"], []), counts[row["number"]], now) for row in rows
        ]

    async def advance(self, now: datetime) -> Sequence[tuple[int, CampaignState]]:
        """Finish what has ended or is spent, and set live what starts; return the numbers that changed.

        Only one node does it at a time; another one returns nothing.
        """
        async with self._pool.acquire() as connection, connection.transaction():
            if not await connection.fetchval("SELECT pg_try_advisory_xact_lock($1)", _ADVANCE_LOCK):
                return []
            changed = [row for step in _ADVANCE for row in await connection.fetch(step, now)]
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


async def _add(connection: Connection, draft: CampaignDraft, *, approve: bool, now: datetime) -> str:
    state = CampaignState.APPROVED if approve else CampaignState.DRAFT
    [row] = await connection.fetch(
        _ADD,
        draft.name,
        draft.brand,
        draft.category,
        draft.campaign_class.value,
        target_document(draft.target),
        draft.starts_at,
        draft.ends_at,
        hours_document(draft.hours),
        draft.pacing.value,
        draft.test,
        draft.external_id,
        dict(draft.labels),
        state.value,
        now,
        now if approve else None,
        draft.make_good,
    )
    review = Review.APPROVED if approve else Review.PENDING
    await connection.execute(
        "INSERT INTO ledger (campaign, quantity) VALUES ($1, $2)", row["number"], draft.quantity
    )
    await connection.executemany(
        _ADD_CREATIVE,
        [
            (row["number"], position, creative.text, creative.weight, creative.link, review.value)
            for position, creative in enumerate(draft.creatives, start=1)
        ],
    )
    return str(row["id"])


def _grouped(rows: Sequence[asyncpg.Record]) -> Mapping[int, list[asyncpg.Record]]:
    grouped: dict[int, list[asyncpg.Record]] = {}
    for row in rows:
        grouped.setdefault(row["campaign"], []).append(row)
    return grouped


def _campaign(row: asyncpg.Record, texts: Sequence[asyncpg.Record]) -> Campaign:
    return Campaign(
        number=row["number"],
        id=str(row["id"]),
        name=row["name"],
        brand=row["brand"],
        category=row["category"],
        campaign_class=CampaignClass(row["class"]),
        creatives=tuple(
            CreativeVersion(
                text["number"], text["text"], text["weight"], Review(text["review"]), text["link"]
            )
            for text in texts
        ),
        target=target_of(row["target"]),
        starts_at=row["serves_from"],
        ends_at=row["ends_at"],
        quantity=row["quantity"],
        hours=hours_of(row["hours"]),
        pacing=Pacing(row["pacing"]),
        state=CampaignState(row["state"]),
        version=row["version"],
    )


def _document(
    row: asyncpg.Record, texts: Sequence[asyncpg.Record], counts: CampaignCounts, now: datetime
) -> dict[str, Any]:
    return {
        "id": str(row["id"]),
        "number": row["number"],
        "version": row["version"],
        "state": row["state"],
        "finish_reason": row["finish_reason"],
        "stopped": row["stopped_at"] is not None,
        "serving": _serves(row, now) and any(_may_serve(text) for text in texts),
        "earliest_start": _instant(row["earliest_start"]),
        "name": row["name"],
        "brand": row["brand"],
        "category": row["category"],
        "class": row["class"],
        "creatives": [_creative_document(text) for text in texts],
        "target": row["target"],
        "starts_at": _instant(row["starts_at"]),
        "ends_at": _instant(row["ends_at"]),
        "hours": row["hours"],
        "quantity": counts.quantity,
        "pacing": row["pacing"],
        "make_good": row["make_good"],
        "test": row["test"],
        "external_id": row["external_id"],
        "labels": row["labels"],
        "counts": counts.tally(),
        "ledger": counts.ledger(),
    }


def _serves(row: asyncpg.Record, now: datetime) -> bool:
    may = row["state"] in {CampaignState.APPROVED, CampaignState.LIVE} and row["stopped_at"] is None
    return may and max(row["starts_at"], row["earliest_start"]) <= now < row["ends_at"]


def _may_serve(text: asyncpg.Record) -> bool:
    return bool(text["review"] == Review.APPROVED and text["found_at"] is None)


def _creative_document(row: asyncpg.Record) -> dict[str, Any]:
    return {
        "id": str(row["id"]),
        "version": row["version"],
        "text": row["text"],
        "weight": row["weight"],
        "link": row["link"],
        "review": row["review"],
        "harmful": _harm_document(row),
    }


def _harm_document(row: asyncpg.Record) -> dict[str, Any] | None:
    """Say when and by which answers the harm breaker stopped a text; None when it did not."""
    if row["found_at"] is None:
        return None
    numbers = {name: row[name] for name in ("answered", "refused", "bare", "bare_refused")}
    return {"since": _instant(row["found_at"]), "node": row["node"], **numbers}


def _instant(instant: datetime | None) -> str | None:
    return instant.isoformat() if instant else None

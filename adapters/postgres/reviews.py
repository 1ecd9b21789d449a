"""Decisions on single texts: approved, rejected, taken down; and what an approver should see beside one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg

from adapters.postgres.audit import write_audit
from adapters.postgres.campaign_documents import read_documents
from adapters.postgres.campaign_numbers import reword_number
from adapters.postgres.identity import MissingError
from adapters.postgres.locked_campaign import Deed
from adapters.postgres.pool import Connection, Pool
from adapters.postgres.switches import RAISE_VERSION
from inventory.campaign import CampaignState, Review
from inventory.conditions import RefusedError
from inventory.likeness import Refused
from inventory.workflow import ReviewRow, decide_text

# Near-duplicates are looked for among so many of the last refused texts.
MOST_REFUSED = 2000

_LOCK = """
SELECT c.*, cr.removed_at FROM creatives cr JOIN campaigns c ON c.number = cr.campaign
WHERE cr.id = $1 FOR UPDATE OF c
"""

# By default the version that the action is about: the newest that waits, or the one that serves.
_VERSION = """
SELECT number, version, review, written_by, first_approver FROM creative_versions
WHERE creative = $1 AND ($2::int IS NULL OR version = $2)
ORDER BY (review = ANY($3::text[])) DESC, version DESC LIMIT 1
"""

_DECIDE = """
UPDATE creative_versions SET review = $2, reviewed_by = $3, reviewed_at = $4, reason = $5 WHERE number = $1
"""

_FIRST_APPROVED = """
UPDATE creative_versions SET first_approver = $2, first_approved_by = $3, first_approved_at = $4
WHERE number = $1
"""

_REFUSED = """
SELECT v.text, c.brand, v.reason FROM creative_versions v
JOIN creatives cr ON cr.id = v.creative JOIN campaigns c ON c.number = cr.campaign
WHERE v.review IN ('rejected', 'taken_down') ORDER BY v.number DESC LIMIT $1
"""

# The version approved last before the newest, of each text of a campaign.
_FORMER = """
SELECT DISTINCT ON (cr.id) cr.id, v.version, v.text FROM creatives cr
JOIN creative_versions v ON v.creative = cr.id
WHERE cr.campaign = $1 AND cr.removed_at IS NULL AND v.reviewed_at IS NOT NULL
    AND v.review IN ('approved', 'taken_down')
    AND v.version < (SELECT max(version) FROM creative_versions n WHERE n.creative = cr.id)
ORDER BY cr.id, v.version DESC
"""


@dataclass(frozen=True, slots=True)
class Former:
    """The text that was approved before the newest version of a creative."""

    creative: str
    version: int
    text: str


class PostgresReviews:
    """What approvers and operations decide on texts."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def decide(
        self, action: str, creative: str, deed: Deed, *, version: int | None, reason: str | None
    ) -> dict[str, Any]:
        """Approve, reject or take down a version of a text, and return its campaign's document.

        Taking down is heard by every worker at once, like `ads stop`; other texts go on. Raises
        `MissingError`, and the workflow's refusals.
        """
        async with self._pool.acquire() as connection, connection.transaction():
            campaign, text = await _locked(connection, creative, action, version, deed)
            authors = frozenset([*campaign["authors"], text["written_by"]])
            row = decide_text(
                action,
                Review(text["review"]),
                authors,
                deed.actor,
                reason=reason,
                approvals=deed.approvals(campaign, text),
            )
            name, now = deed.principal.name, deed.now
            if row.first_of_two:
                await connection.execute(_FIRST_APPROVED, text["number"], deed.principal.id, name, now)
            else:
                await connection.execute(_DECIDE, text["number"], row.target.value, name, now, reason)
            await connection.execute(
                "UPDATE campaigns SET version = version + 1 WHERE number = $1", campaign["number"]
            )
            if row.target is Review.TAKEN_DOWN:
                await connection.execute(RAISE_VERSION, name, now)
            await reword_number(connection, campaign["number"], by=name, now=now)
            await _audit(connection, creative, text, row, deed, reason)
            fresh = await connection.fetchrow("SELECT * FROM campaigns WHERE number = $1", campaign["number"])
            assert fresh is not None  # noqa: S101  # it is locked
            [document] = await read_documents(connection, [fresh], deed.now)
        return document

    async def refused_texts(self) -> Sequence[Refused]:
        """Return the last texts that were rejected or taken down."""
        rows = await self._pool.fetch(_REFUSED, MOST_REFUSED)
        return [Refused(row["text"], row["brand"], row["reason"]) for row in rows]

    async def former_texts(self, number: int) -> dict[str, Former]:
        """Return what was approved before the newest version, by creative, for a campaign's number."""
        rows = await self._pool.fetch(_FORMER, number)
        return {str(row["id"]): Former(str(row["id"]), row["version"], row["text"]) for row in rows}


async def _locked(
    connection: Connection, creative: str, action: str, version: int | None, deed: Deed
) -> tuple[asyncpg.Record, asyncpg.Record]:
    try:
        wanted = UUID(creative)
    except ValueError:
        raise MissingError("creative") from None
    campaign = await connection.fetchrow(_LOCK, wanted)
    if campaign is None or not deed.principal.sees(campaign["brand"]):
        raise MissingError("creative")
    about = Review.APPROVED if action == "takedown" else Review.PENDING
    text = await connection.fetchrow(_VERSION, wanted, version, [about.value])
    if text is None:
        raise MissingError("version")
    if campaign["state"] in {CampaignState.FINISHED, CampaignState.DRAFT} or campaign["removed_at"]:
        raise RefusedError(
            ("state",),
            "la campaña ya terminó, es un borrador, o el texto ya no es suyo",
            "the campaign is finished, a draft, or the text is no longer its own",
        )
    return campaign, text


async def _audit(
    connection: Connection,
    creative: str,
    text: asyncpg.Record,
    row: ReviewRow,
    deed: Deed,
    reason: str | None,
) -> None:
    before = {"version": text["version"], "review": text["review"]}
    after = {"version": text["version"], "review": row.target.value, "reason": reason}
    await write_audit(
        connection, deed.principal.name, row.action, "creative", creative, before, after, deed.now
    )

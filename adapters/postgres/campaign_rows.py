"""Writing campaigns: a checked draft or a faulty one as rows, and its texts as creatives with versions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg

from adapters.postgres.campaign_documents import fault_documents
from adapters.postgres.documents import exposure_document, hours_document, target_document
from adapters.postgres.links import add_link
from adapters.postgres.pool import Connection
from inventory.campaign import CampaignState, Review
from inventory.changes import KnownText, plan_texts
from inventory.draft import CampaignDraft, CreativeDraft
from inventory.faults import Fault

_ADD = """
INSERT INTO campaigns (name, brand, category, class, target, starts_at, ends_at, hours, pacing, make_good,
    test, external_id, labels, document, faults, exposure, response_number, state, created_at, approved_at,
    earliest_start, created_by, authors)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $20, $21,
    $22)
RETURNING number, id
"""

_CHANGE = """
UPDATE campaigns SET name = $2, brand = $3, category = $4, class = $5, target = $6, starts_at = $7,
    ends_at = $8, hours = $9, pacing = $10, make_good = $11, test = $12, external_id = $13, labels = $14,
    document = $15, faults = $16, exposure = $17, response_number = $18, version = version + 1,
    authors = ARRAY(SELECT DISTINCT unnest(authors || $19::text[])), state = $20
WHERE number = $1
"""

_LEDGER = (
    "UPDATE ledger SET quantity = $2 WHERE campaign = $1 AND ($2::bigint IS NULL OR settled + leased <= $2)"
)

_ADD_CREATIVE = "INSERT INTO creatives (campaign, position) VALUES ($1, $2) RETURNING id"

_ADD_VERSION = """
INSERT INTO creative_versions (creative, version, text, weight, link, review, written_by, written_at)
SELECT $1::uuid, coalesce(max(version), 0) + 1, $2, $3, $4, $5, $6, $7
FROM creative_versions WHERE creative = $1::uuid
RETURNING number
"""


@dataclass(frozen=True, slots=True)
class Author:
    """Who writes: an id that tells people apart (four eyes), and the name that the audit log has."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class FaultyDraft:
    """A draft that can't be booked yet: the document as it was sent, with what is wrong with it.

    Its brand is known and its author's; nothing else of it is sure.
    """

    document: Mapping[str, Any]
    brand: str
    faults: tuple[Fault, ...]

    @property
    def name(self) -> str:
        """The name, if it has one that can be shown."""
        name = self.document.get("name")
        return name[:100] if isinstance(name, str) else ""


class QuantityError(Exception):
    """The quantity would fall below what is spent or leased."""


async def add_campaign(
    connection: Connection,
    draft: CampaignDraft | FaultyDraft,
    *,
    approve: bool,
    now: datetime,
    author: Author | None = None,
) -> asyncpg.Record:
    """Store a campaign with its ledger and texts, and return its number and id."""
    state = CampaignState.APPROVED if approve else CampaignState.DRAFT
    names = (author.name, [author.id]) if author else (None, [])
    row = await connection.fetchrow(
        _ADD, *_columns(draft), state.value, now, now if approve else None, *names
    )
    assert row is not None  # noqa: S101  # INSERT … RETURNING gives a row or raises
    quantity = draft.quantity if isinstance(draft, CampaignDraft) else None
    await connection.execute(
        "INSERT INTO ledger (campaign, quantity) VALUES ($1, $2)", row["number"], quantity
    )
    review = Review.APPROVED if approve else Review.PENDING
    for position, creative in enumerate(_creatives(draft), start=1):
        await _add_text(connection, row["number"], position, creative, review, author, now)
    return row


async def change_campaign(
    connection: Connection,
    number: int,
    draft: CampaignDraft | FaultyDraft,
    state: CampaignState,
    texts: Sequence[asyncpg.Record],
    *,
    author: Author,
    now: datetime,
) -> None:
    """Write an edited campaign; `texts` are its newest versions. Raises `QuantityError`."""
    await connection.execute(_CHANGE, number, *_columns(draft), [author.id], state.value)
    quantity = draft.quantity if isinstance(draft, CampaignDraft) else None
    if await connection.execute(_LEDGER, number, quantity) != "UPDATE 1":
        raise QuantityError
    if isinstance(draft, CampaignDraft):
        await _change_texts(connection, number, draft.creatives, texts, author, now)


async def _change_texts(
    connection: Connection,
    number: int,
    wanted: Sequence[CreativeDraft],
    texts: Sequence[asyncpg.Record],
    author: Author,
    now: datetime,
) -> None:
    plan = plan_texts([KnownText(str(each["id"]), each["text"], each["link"]) for each in texts], wanted)
    await connection.execute(
        "UPDATE creatives SET position = -abs(position) WHERE campaign = $1 AND removed_at IS NULL", number
    )
    await connection.execute(
        "UPDATE creatives SET removed_at = $2 WHERE id = ANY($1::uuid[])", list(plan.removed), now
    )
    for position, creative in enumerate(wanted):
        if position in plan.added:
            await _add_text(connection, number, position + 1, creative, Review.PENDING, author, now)
            continue
        known = plan.kept.get(position) or plan.renewed[position]
        await connection.execute("UPDATE creatives SET position = $2 WHERE id = $1", known, position + 1)
        await connection.execute(
            "UPDATE creative_versions SET weight = $2 WHERE creative = $1 AND weight <> $2",
            known,
            creative.weight,
        )
        if position in plan.renewed:
            await _add_version(connection, known, creative, Review.PENDING, author, now)


async def _add_text(
    connection: Connection,
    number: int,
    position: int,
    creative: CreativeDraft,
    review: Review,
    author: Author | None,
    now: datetime,
) -> None:
    added = await connection.fetchval(_ADD_CREATIVE, number, position)
    await _add_version(connection, added, creative, review, author, now)


async def _add_version(
    connection: Connection,
    creative: Any,
    text: CreativeDraft,
    review: Review,
    author: Author | None,
    now: datetime,
) -> None:
    writer = author.id if author else None
    number = await connection.fetchval(
        _ADD_VERSION, creative, text.text, text.weight, text.link, review.value, writer, now
    )
    if text.link is not None and text.code is not None:
        await add_link(connection, text.code, text.link, number, now)


def _creatives(draft: CampaignDraft | FaultyDraft) -> Sequence[CreativeDraft]:
    return draft.creatives if isinstance(draft, CampaignDraft) else ()


def _columns(draft: CampaignDraft | FaultyDraft) -> tuple[Any, ...]:
    """Return the values of name … response_number."""
    if isinstance(draft, FaultyDraft):
        nowhere: dict[str, list[Any]] = {"include": [], "exclude": []}
        asked_for: tuple[Any, ...] = (
            "other",
            "standard",
            nowhere,
            None,
            None,
            [],
            "even",
            None,
            False,
            None,
            {},
        )
        faults = fault_documents(draft.faults)
        return (draft.name, draft.brand, *asked_for, dict(draft.document), faults, {}, None)
    return (
        draft.name,
        draft.brand,
        draft.category,
        draft.campaign_class.value,
        target_document(draft.target),
        draft.starts_at,
        draft.ends_at,
        hours_document(draft.hours),
        draft.pacing.value,
        draft.make_good,
        draft.test,
        draft.external_id,
        dict(draft.labels),
        None,
        None,
        exposure_document(draft),
        draft.response_number,
    )

"""Rows of campaigns as the documents that people and programs read (DESIGN §9)."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import asyncpg

from adapters.postgres.counts import read_campaign_counts
from adapters.postgres.documents import exposure_of, exposure_shown, hours_of, target_of
from adapters.postgres.pool import Connection
from inventory.books import CampaignCounts
from inventory.campaign import CampaignClass, CampaignState, Pacing, Review
from inventory.draft import CampaignDraft, CreativeDraft
from inventory.faults import Fault

# The newest version of each text; `serves` is the version that was decided on last, if it was approved.
_NEWEST_TEXTS = """
SELECT DISTINCT ON (cr.campaign, cr.position)
    cr.campaign, cr.id, cr.position, v.number, v.version, v.text, v.weight, v.link, v.review, v.reason,
    v.reviewed_by, v.reviewed_at, v.first_approved_by, v.first_approved_at,
    h.found_at, h.node, h.answered, h.refused, h.bare, h.bare_refused,
    s.version AS serving_version, s.text AS serving_text, s.link AS serving_link, s.harmful AS serving_harmful
FROM creatives cr JOIN creative_versions v ON v.creative = cr.id
LEFT JOIN harmful_versions h ON h.creative_version = v.number AND h.cleared_at IS NULL
LEFT JOIN LATERAL (
    SELECT d.version, d.text, d.link, d.review,
        EXISTS (SELECT FROM harmful_versions x WHERE x.creative_version = d.number AND x.cleared_at IS NULL)
            AS harmful
    FROM creative_versions d
    WHERE d.creative = cr.id AND d.review IN ('approved', 'taken_down')
    ORDER BY d.version DESC LIMIT 1
) s ON s.review = 'approved'
WHERE cr.removed_at IS NULL AND cr.campaign = ANY($1)
ORDER BY cr.campaign, cr.position, v.version DESC
"""

AT_ONCE = 10
"""Documents that are made without a thread."""

Texts = Mapping[int, Sequence[asyncpg.Record]]

# What a campaign is asked for with, in the contract's order.
FIELDS = (
    "name",
    "brand",
    "category",
    "class",
    "creatives",
    "target",
    "starts_at",
    "ends_at",
    "hours",
    "quantity",
    "pacing",
    "make_good",
    "frequency_caps",
    "spacing_minutes",
    "exclude_brands",
    "exclude_callers",
    "response_number",
    "test",
    "external_id",
    "labels",
)


async def read_documents(
    connection: Connection, rows: Sequence[asyncpg.Record], now: datetime
) -> list[dict[str, Any]]:
    """Return the documents of some campaigns, in order."""
    numbers = [row["number"] for row in rows]
    texts = await read_texts(connection, numbers)
    counts = await read_campaign_counts(connection, numbers)

    def documents() -> list[dict[str, Any]]:
        return [
            campaign_document(row, texts.get(row["number"], ()), counts[row["number"]], now) for row in rows
        ]

    return await asyncio.to_thread(documents) if len(rows) > AT_ONCE else documents()


async def read_texts(connection: Connection, numbers: Sequence[int]) -> Texts:
    """Return the newest version of each text by campaign number."""
    return grouped(await connection.fetch(_NEWEST_TEXTS, numbers))


def grouped(rows: Sequence[asyncpg.Record]) -> Mapping[int, list[asyncpg.Record]]:
    """Return rows by their campaign."""
    by_campaign: dict[int, list[asyncpg.Record]] = {}
    for row in rows:
        by_campaign.setdefault(row["campaign"], []).append(row)
    return by_campaign


def campaign_document(
    row: asyncpg.Record, texts: Sequence[asyncpg.Record], counts: CampaignCounts, now: datetime
) -> dict[str, Any]:
    """Return one campaign: what was asked for, where it stands, what was counted.

    A draft with faults has what was sent, whatever it is, in `draft`.
    """
    return {
        "id": str(row["id"]),
        "number": row["number"],
        "version": row["version"],
        "state": row["state"],
        "finish_reason": row["finish_reason"],
        "stopped": row["stopped_at"] is not None,
        "serving": _serves(row, now) and any(_may_serve(text) for text in texts),
        "earliest_start": _instant(row["earliest_start"]),
        **_columns(row, counts.quantity),
        "creatives": [_creative_document(text) for text in texts],
        "draft": row["document"],
        "faults": row["faults"] or [],
        "created_at": _instant(row["created_at"]),
        "created_by": row["created_by"],
        "submitted_at": _instant(row["submitted_at"]),
        "submitted_by": row["submitted_by"],
        "approved_at": _instant(row["approved_at"]),
        "first_approval": _first_approval(row),
        "rejection": _rejection(row),
        "paused_by_carrier": row["paused_by_carrier"],
        "counts": counts.tally(),
        "ledger": counts.ledger(),
    }


def asked_document(
    row: asyncpg.Record, texts: Sequence[asyncpg.Record], quantity: int | None
) -> dict[str, Any]:
    """Return what was asked for, as a form would send it again."""
    if row["document"] is not None:
        return dict(row["document"])
    creatives = [{name: text[name] for name in ("text", "weight", "link")} for text in texts]
    return {**_columns(row, quantity), "creatives": creatives}


def draft_of(row: asyncpg.Record, texts: Sequence[asyncpg.Record], quantity: int | None) -> CampaignDraft:
    """Return what was asked for as it was checked then; not for a draft with faults."""
    return CampaignDraft(
        name=row["name"],
        brand=row["brand"],
        category=row["category"],
        campaign_class=CampaignClass(row["class"]),
        creatives=tuple(CreativeDraft(text["text"], text["weight"], text["link"]) for text in texts),
        target=target_of(row["target"]),
        starts_at=row["starts_at"],
        ends_at=row["ends_at"],
        quantity=quantity,
        hours=hours_of(row["hours"]),
        pacing=Pacing(row["pacing"]),
        make_good=row["make_good"],
        response_number=row["response_number"],
        test=row["test"],
        external_id=row["external_id"],
        labels=row["labels"],
        **exposure_of(row["exposure"]),
    )


def _columns(row: asyncpg.Record, quantity: int | None) -> dict[str, Any]:
    plain = ("name", "brand", "category", "class", "target", "hours", "pacing", "make_good", "test")
    return {
        **{name: row[name] for name in plain},
        "starts_at": _instant(row["starts_at"]),
        "ends_at": _instant(row["ends_at"]),
        "quantity": quantity,
        "response_number": row["response_number"],
        "external_id": row["external_id"],
        "labels": row["labels"],
        **exposure_shown(row["exposure"]),
    }


def fault_documents(faults: Sequence[Fault]) -> list[dict[str, str]]:
    """Return faults as they are stored with a draft."""
    return [
        {"pointer": fault.pointer, "code": fault.code, "es": fault.es, "en": fault.en} for fault in faults
    ]


def _serves(row: asyncpg.Record, now: datetime) -> bool:
    may = row["state"] in {CampaignState.APPROVED, CampaignState.LIVE} and row["stopped_at"] is None
    return may and max(row["starts_at"], row["earliest_start"]) <= now < row["ends_at"]


def _may_serve(text: asyncpg.Record) -> bool:
    return text["serving_version"] is not None and not text["serving_harmful"]


def _creative_document(row: asyncpg.Record) -> dict[str, Any]:
    other = row["serving_version"] not in {None, row["version"]}
    return {
        "id": str(row["id"]),
        "version": row["version"],
        "text": row["text"],
        "weight": row["weight"],
        "link": row["link"],
        "review": row["review"],
        "reason": row["reason"],
        "first_approval": _first_approval(row),
        # While a changed text waits for its review, the version approved before it goes on.
        "serving": {"version": row["serving_version"], "text": row["serving_text"]} if other else None,
        "fits": None,
        "harmful": _harm_document(row),
    }


def _first_approval(row: asyncpg.Record) -> dict[str, Any] | None:
    """Say who gave the first of two approvals; None where nobody did."""
    if row["first_approved_at"] is None:
        return None
    return {"by": row["first_approved_by"], "at": _instant(row["first_approved_at"])}


def _harm_document(row: asyncpg.Record) -> dict[str, Any] | None:
    """Say when and by which answers the harm breaker stopped a text; None when it did not."""
    if row["found_at"] is None:
        return None
    numbers = {name: row[name] for name in ("answered", "refused", "bare", "bare_refused")}
    return {"since": _instant(row["found_at"]), "node": row["node"], **numbers}


def _rejection(row: asyncpg.Record) -> dict[str, Any] | None:
    if row["reject_reason"] is None:
        return None
    code = "too_late" if row["decided_by"] is None else "decision"
    return {"code": code, "reason": row["reject_reason"], "at": _instant(row["decided_at"])}


def reviews_of(texts: Sequence[asyncpg.Record]) -> tuple[Review, ...]:
    """Return the reviews of the newest versions."""
    return tuple(Review(text["review"]) for text in texts)


def is_served(texts: Sequence[asyncpg.Record]) -> bool:
    """Tell whether any text has an approved version that may serve."""
    return any(_may_serve(text) for text in texts)


def _instant(instant: datetime | None) -> str | None:
    return instant.isoformat() if instant else None

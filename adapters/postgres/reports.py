"""What reports are made of: counts of campaigns, their ledgers and texts, and how far they are settled."""

import asyncio
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg
import numpy as np
from numpy.typing import NDArray

from adapters.postgres.counts import counts_of
from adapters.postgres.leads import called_back
from adapters.postgres.pool import Connection, Pool, snapshot
from adapters.postgres.report_days import HOURS, read_detail, unpacked
from inventory.books import CampaignCounts
from inventory.reports import EVENTS, CalledBack, Clicks, Figures, joined

_CAMPAIGN = """
SELECT c.number, c.id, c.name, c.brand, c.class, c.state, c.starts_at, c.ends_at, c.hours, c.pacing,
    l.quantity, l.inserted, l.accepted, l.rejected, l.unknown, l.delivered, l.failed, l.made_good, l.settled,
    l.leased
FROM campaigns c JOIN ledger l ON l.campaign = c.number
"""

_ONE = f"{_CAMPAIGN} WHERE c.id = $1"
_ALL = f"""{_CAMPAIGN}
WHERE NOT c.test AND ($1 OR c.brand = ANY($2)) AND ($3::text IS NULL OR c.brand = $3) ORDER BY c.number
"""

_TEXTS = """
SELECT v.number, cr.id, v.version, v.text, v.link IS NOT NULL AS linked
FROM creatives cr JOIN creative_versions v ON v.creative = cr.id WHERE cr.campaign = ANY($1)
"""

_BOUNDS = """
SELECT min(hour) AS first, max(hour) + 1 AS end
FROM insertion_counts WHERE campaign = $1 AND hour >= $2 AND hour < $3
"""

_PACKED = """
SELECT day, hours, cells FROM insertion_days
WHERE campaign = $1 AND day * 24 >= $2 AND (day + 1) * 24 <= $3 ORDER BY day
"""

_ASKED = """
SELECT campaign, sum(n)::bigint AS n FROM receipt_requests
WHERE campaign = ANY($1) AND hour >= $2 AND hour < $3 GROUP BY campaign
"""

# A creative version has one link at most; where it was clicked is not known.
_CLICKS = """
SELECT cr.campaign, l.version, k.hour, k.people, k.bots, k.prefetches
FROM creatives cr JOIN creative_versions v ON v.creative = cr.id JOIN links l ON l.version = v.number
JOIN link_clicks k ON k.code = l.code
WHERE cr.campaign = ANY($1) AND k.hour >= $2 AND k.hour < $3
"""

# What a node without open journals wrote is counted, whenever it was last heard of.
_SETTLED = """
SELECT min(n.settled_at) AS at, count(*) AS nodes, count(n.settled_at) AS known
FROM (SELECT DISTINCT node FROM epochs WHERE closed_at IS NULL) AS busy
LEFT JOIN nodes n ON n.name = busy.node
"""

# What a place code needs: municipality × 1000 + LADA.
_PLACE_BITS = 32

NO_PLACE = 0
_SINCE = 0
_FOREVER = (1 << 31) - 1

Span = tuple[int, int]
"""Hours since 1970-01-01T00 UTC, half open."""

ALWAYS: Span = (_SINCE, _FOREVER)

Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class ReportedCampaign:
    """A campaign as a report names it; a draft with faults has no flight."""

    brand: str
    campaign_class: str
    state: str
    starts_at: datetime | None
    ends_at: datetime | None
    hours: Sequence[Mapping[str, Any]]
    pacing: str
    counts: CampaignCounts


@dataclass(frozen=True, slots=True)
class Text:
    """One version of a creative; `linked`: with a short link, whose clicks are counted."""

    creative: str
    version: int
    text: str
    linked: bool


@dataclass(frozen=True, slots=True)
class Counted:
    """What was counted of one campaign in a span, in two ways that add up to the same but for calls.

    `by_hour` goes by hour; `by_cell` by creative version and place, 0 where they are not known, as that of
    clicks. `receipts_asked` counts accepted insertions that asked for a receipt. `called` has the calls,
    which `by_cell` has not; None for a campaign that nobody can call.
    """

    by_hour: Mapping[int, Figures]
    by_cell: Mapping[tuple[int, int], Figures]
    receipts_asked: int
    clicks: Sequence[Clicks] = ()
    called: Sequence[CalledBack] | None = None


@dataclass(frozen=True, slots=True)
class Reported:
    """What a report is made of, as of one instant.

    `settled_at` is the instant up to which all nodes' journals are counted: None when a node has not said.
    """

    campaigns: Mapping[int, ReportedCampaign]
    counted: Mapping[int, Counted]
    texts: Mapping[int, Text]
    settled_at: datetime | None


class PostgresReports:
    """Reports; instants are passed in."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def brand_of(self, campaign_id: str) -> str | None:
        """Return whose a campaign is, None when there is none of that id."""
        async with self._pool.acquire() as connection:
            brand: str | None = await connection.fetchval(
                "SELECT brand FROM campaigns WHERE id = $1", campaign_id
            )
        return brand

    async def one(self, campaign_id: str, span: Span, *, now: datetime) -> Reported:
        """Return what is known of one campaign."""
        async with snapshot(self._pool) as connection:
            rows = await connection.fetch(_ONE, campaign_id)
            return await _reported(connection, rows, span, now)

    async def several(
        self, brands: Collection[str] | None, brand: str | None, span: Span, *, now: datetime
    ) -> Reported:
        """Return what is known of all campaigns of some brands (None: of every one), or of one of them."""
        async with snapshot(self._pool) as connection:
            rows = await connection.fetch(_ALL, brands is None, sorted(brands or ()), brand)
            return await _reported(connection, rows, span, now)


async def _reported(
    connection: Connection, rows: Sequence[asyncpg.Record], span: Span, now: datetime
) -> Reported:
    numbers = [row["number"] for row in rows]
    asked = {row["campaign"]: row["n"] for row in await connection.fetch(_ASKED, numbers, *span)}
    texts = await connection.fetch(_TEXTS, numbers)
    [settled] = await connection.fetch(_SETTLED)
    clicks = _clicks(await connection.fetch(_CLICKS, numbers, *span))
    called = await called_back(connection, numbers, *span)
    counted = {}
    for number in numbers:
        by_hour, by_cell = await _counted(connection, number, span)
        clicked, calls = clicks.get(number, ()), called.get(number)
        timed = joined(by_hour, ((each.hour, each.figures) for each in clicked))
        counted[number] = Counted(
            joined(timed, ((each.hour, each.figures) for each in calls or ())),
            joined(by_cell, (((each.version, NO_PLACE), each.figures) for each in clicked)),
            asked.get(number, 0),
            clicked,
            calls,
        )
    return Reported(
        {row["number"]: _campaign(row) for row in rows},
        counted,
        {row["number"]: Text(str(row["id"]), row["version"], row["text"], row["linked"]) for row in texts},
        _settled_at(settled, now),
    )


def _clicks(rows: Sequence[asyncpg.Record]) -> Mapping[int, Sequence[Clicks]]:
    by_campaign: dict[int, list[Clicks]] = {}
    for campaign, *clicks in rows:
        by_campaign.setdefault(campaign, []).append(Clicks(*clicks))
    return by_campaign


def _settled_at(row: asyncpg.Record, now: datetime) -> datetime | None:
    if row["nodes"] == 0:
        return now
    return row["at"] if row["known"] == row["nodes"] else None


async def _counted(
    connection: Connection, campaign: int, span: Span
) -> tuple[Mapping[int, Figures], Mapping[tuple[int, int], Figures]]:
    """Read packed days where there are some, and the counts themselves elsewhere."""
    [bounds] = await connection.fetch(_BOUNDS, campaign, *span)
    if bounds["first"] is None:
        return {}, {}
    packed = await connection.fetch(_PACKED, campaign, *span)
    parts = [unpacked(row) for row in packed]
    for first, end in _gaps([row["day"] for row in packed], bounds["first"], bounds["end"]):
        parts.append(await read_detail(connection, campaign, first, end))
    return await asyncio.to_thread(_added_up, parts)


def _gaps(days: Sequence[int], first: int, end: int) -> Iterator[Span]:
    """Yield the spans from `first` up to `end` that no packed day covers."""
    for day in days:
        if first < day * HOURS < end:
            yield first, day * HOURS
        first = max(first, (day + 1) * HOURS)
    if first < end:
        yield first, end


def _added_up(
    parts: Sequence[tuple[Counts, Counts]],
) -> tuple[Mapping[int, Figures], Mapping[tuple[int, int], Figures]]:
    hours = np.concatenate([hours for hours, _ in parts])
    cells = np.concatenate([cells for _, cells in parts])
    by_hour = _summed(hours, hours[:, 0])
    by_cell = _summed(cells, cells[:, 0] << _PLACE_BITS | cells[:, 1])
    return (
        {hour: Figures.of_events(events) for hour, *events in by_hour},
        {(version, place): Figures.of_events(events) for version, place, *events in by_cell},
    )


def _summed(rows: Counts, keys: Counts) -> list[list[int]]:
    """Add up the rows of the same key; their key columns stay as they are."""
    if not len(rows):
        return []
    order = np.argsort(keys, kind="stable")
    starts = np.flatnonzero(np.diff(keys[order], prepend=-1))
    width = rows.shape[1] - len(EVENTS)
    sums = np.add.reduceat(rows[order], starts)
    sums[:, :width] = rows[order[starts], :width]
    found: list[list[int]] = sums.tolist()
    return found


def _campaign(row: asyncpg.Record) -> ReportedCampaign:
    return ReportedCampaign(
        row["brand"],
        row["class"],
        row["state"],
        row["starts_at"],
        row["ends_at"],
        row["hours"],
        row["pacing"],
        counts_of(row),
    )

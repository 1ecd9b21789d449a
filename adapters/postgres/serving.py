"""The campaigns that serve: looked at each second, read again only where they have changed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg
import numpy as np
from numpy.typing import NDArray

from adapters.postgres.campaign_documents import grouped
from adapters.postgres.documents import exposure_of, hours_of, target_of
from adapters.postgres.pool import Connection, Pool, snapshot
from inventory.books import ServingCampaign
from inventory.campaign import Campaign, CampaignClass, CampaignState, CreativeVersion, Pacing, Review

Longs = NDArray[np.int64]

# An element of an int8[] in PostgreSQL's binary form, and what comes before the first.
_ELEMENT = np.dtype([("octets", ">i4"), ("value", ">i8")])
_ARRAY_HEADER = 20

_SERVES = "c.state IN ('approved', 'live') AND c.stopped_at IS NULL AND c.ends_at > $1"

# Whatever is written to a campaign gives its row another xmin.
_STANDING = f"""
SELECT array_send(coalesce(array_agg(number), '{{}}')) AS numbers,
    array_send(coalesce(array_agg(written), '{{}}')) AS written,
    array_send(coalesce(array_agg(quantity), '{{}}')) AS quantity,
    array_send(coalesce(array_agg(settled), '{{}}')) AS settled,
    array_send(coalesce(array_agg(leased), '{{}}')) AS leased
FROM (
    SELECT c.number::int8, c.xmin::text::int8 AS written, coalesce(l.quantity, -1)::int8 AS quantity,
        l.settled::int8, l.leased::int8
    FROM campaigns c JOIN ledger l ON l.campaign = c.number WHERE {_SERVES} ORDER BY c.number
) AS standing
"""  # noqa: S608  # made of constants

_CAMPAIGNS = """
SELECT c.*, greatest(c.starts_at, c.earliest_start) AS serves_from, l.quantity
FROM campaigns c JOIN ledger l ON l.campaign = c.number WHERE c.number = ANY($1)
"""

# An edited text waits for its review while the version approved before it goes on; one that was taken down
# is followed by none.
_APPROVED_TEXTS = """
SELECT d.* FROM (
    SELECT DISTINCT ON (cr.campaign, cr.position)
        cr.campaign, cr.position, v.number, v.text, v.weight, v.link, v.review
    FROM creatives cr JOIN creative_versions v ON v.creative = cr.id
    WHERE v.review IN ('approved', 'taken_down') AND cr.campaign = ANY($1) AND cr.removed_at IS NULL
    ORDER BY cr.campaign, cr.position, v.version DESC
) d
WHERE d.review = 'approved' AND NOT EXISTS (
    SELECT FROM harmful_versions h WHERE h.creative_version = d.number AND h.cleared_at IS NULL
)
ORDER BY d.campaign, d.position
"""

_TEXTS = f"""
SELECT array_send(coalesce(array_agg(campaign::int8), '{{}}')) AS campaigns,
    array_send(coalesce(array_agg(number::int8), '{{}}')) AS numbers,
    array_send(coalesce(array_agg(weight::int8), '{{}}')) AS weights
FROM ({_APPROVED_TEXTS}) AS texts
"""  # noqa: S608  # made of constants


@dataclass(frozen=True, slots=True)
class _Standing:
    """What the database says of all campaigns that serve: `marks` differ where one has changed.

    `marks` are numbers, what they were written by and quantities; campaigns, numbers and weights of texts.
    """

    marks: tuple[Longs, ...]
    settled: Longs
    leased: Longs

    @property
    def numbers(self) -> list[int]:
        """The campaigns, by number."""
        numbers: list[int] = self.marks[0].tolist()
        return numbers

    def is_marked_as(self, other: "_Standing") -> bool:
        """Tell whether no campaign has come, gone or changed."""
        return all(map(np.array_equal, self.marks, other.marks))

    def by_campaign(self) -> dict[int, tuple[object, ...]]:
        """Return the marks of each campaign that has a text."""
        numbers, written, quantity, campaigns, *texts = (each.tolist() for each in self.marks)
        of_campaign: dict[int, list[tuple[int, ...]]] = {}
        for campaign, *text in zip(campaigns, *texts, strict=True):
            of_campaign.setdefault(campaign, []).append(tuple(text))
        return {
            number: (*mark, *of_campaign[number])
            for number, *mark in zip(numbers, written, quantity, strict=True)
            if number in of_campaign
        }


class ServingRoll:
    """The campaigns that serve as they were last seen, to be asked by one task at a time."""

    def __init__(self) -> None:
        nobody = np.zeros(0, dtype=np.int64)
        self._seen = _Standing((nobody,) * 6, nobody, nobody)
        self._marks: dict[int, tuple[object, ...]] = {}
        self._serving: list[ServingCampaign | None] = []  # None for one without a text

    async def read(self, pool: Pool, now: datetime) -> list[ServingCampaign]:
        """Return those that may serve now or later and have a text, by number."""
        async with snapshot(pool) as connection:
            standing = await _standing(connection, now)
            if not standing.is_marked_as(self._seen):
                await self._reread(connection, standing)
        moved = (standing.settled != self._seen.settled) | (standing.leased != self._seen.leased)
        for at in np.flatnonzero(moved).tolist():
            if (each := self._serving[at]) is not None:
                self._serving[at] = ServingCampaign(
                    each.campaign, int(standing.settled[at]), int(standing.leased[at])
                )
        self._seen = standing
        return [each for each in self._serving if each is not None]

    async def _reread(self, connection: Connection, standing: _Standing) -> None:
        """Read the campaigns that have come or changed; the others stay as they are."""
        marks = standing.by_campaign()
        changed = [number for number, mark in marks.items() if self._marks.get(number) != mark]
        known = {each.campaign.number: each.campaign for each in self._serving if each is not None}
        if changed:
            rows = await connection.fetch(_CAMPAIGNS, changed)
            texts = grouped(await connection.fetch(_APPROVED_TEXTS, changed))
            known |= {row["number"]: _campaign(row, texts[row["number"]]) for row in rows}
        self._serving = [
            ServingCampaign(known[number], settled, leased) if number in marks else None
            for number, settled, leased in zip(
                standing.numbers, standing.settled.tolist(), standing.leased.tolist(), strict=True
            )
        ]
        self._marks = marks
        self._seen = standing


async def _standing(connection: Connection, now: datetime) -> _Standing:
    [row] = await connection.fetch(_STANDING, now)
    numbers, written, quantity, settled, leased = map(_longs, row.values())
    [texts] = await connection.fetch(_TEXTS, numbers.tolist())
    return _Standing((numbers, written, quantity, *map(_longs, texts.values())), settled, leased)


def _longs(octets: bytes) -> Longs:
    """Return the elements of an int8[] in PostgreSQL's binary form; an empty one has no dimension."""
    return np.frombuffer(octets[_ARRAY_HEADER:], _ELEMENT)["value"].astype(np.int64)


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
        test=row["test"],
        **exposure_of(row["exposure"]),
    )

"""What was counted at a campaign's places by hour: supply, its insertions, those of others, the reasons."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import asyncpg
import numpy as np
from numpy.typing import NDArray

from adapters.postgres.documents import hours_of, target_of
from adapters.postgres.pool import Pool, snapshot
from adapters.postgres.supply import PlaceIndex, ints_of
from inventory.campaign import CampaignClass, HoursWindow
from inventory.why_not import Traffic
from segments.numbering import Numbering
from segments.targets import Target

_CAMPAIGN = """
SELECT c.number, c.name, c.category, c.target, c.hours, c.ends_at,
    greatest(c.starts_at, c.earliest_start) AS opens,
    (SELECT array_agg(v.text ORDER BY v.number)
     FROM creatives cr JOIN creative_versions v ON v.creative = cr.id
     WHERE cr.campaign = c.number AND cr.removed_at IS NULL AND v.review = 'approved') AS texts
FROM campaigns c WHERE c.id::text = $1
"""

_SUPPLY = """
SELECT array_send(coalesce(array_agg(hour), '{}')) AS hours,
    array_send(coalesce(array_agg(place), '{}')) AS places,
    array_send(coalesce(array_agg(n), '{}')) AS counts,
    array_send(coalesce(array_agg(fits), '{}')) AS fitting
FROM (SELECT hour, place, sum(n)::int AS n,
          coalesce(sum(n) FILTER (WHERE room_class >= CASE WHEN wide THEN $4::int ELSE $3::int END), 0)::int
              AS fits
      FROM supply_counts WHERE hour >= $1 AND hour < $2 GROUP BY hour, place) AS detail
"""

# Insertions lie by campaign and hour: only those whose flight meets the hours are looked at.
_SERVING = """
FROM campaigns c JOIN insertion_counts i ON i.campaign = c.number AND i.hour >= $1 AND i.hour < $2
WHERE i.event = 'inserted' AND NOT c.test
    AND c.starts_at < to_timestamp($2::bigint * 3600) AND c.ends_at > to_timestamp($1::bigint * 3600)
"""

_INSERTED = f"""
SELECT array_send(coalesce(array_agg(hour), '{{}}')) AS hours,
    array_send(coalesce(array_agg(place), '{{}}')) AS places,
    array_send(coalesce(array_agg(who), '{{}}')) AS who,
    array_send(coalesce(array_agg(n), '{{}}')) AS counts
FROM (SELECT i.hour, i.place, sum(i.n)::int AS n,
          CASE WHEN c.number = $3 THEN -1 ELSE array_position($4::text[], c.class) - 1 END AS who
      {_SERVING} GROUP BY i.hour, i.place, who) AS detail
"""  # noqa: S608  # made of constants

_OTHERS = f"SELECT c.class, count(DISTINCT c.number) AS n {_SERVING} AND c.number <> $3 GROUP BY c.class"

_REASONS = """
SELECT reason, sum(n)::bigint AS n FROM pass_through_counts
WHERE hour >= $1 AND hour < $2 AND reason = ANY($3)
GROUP BY reason ORDER BY n DESC, reason
"""

REASONS = (
    *("on_pace", "no_lease", "stopped", "campaign_hours", "no_room", "would_insert", "ads_off", "starting"),
    *("deaf", "draining", "outside_share", "not_on_trial", "unanswered", "journal_failed", "blackout"),
)
"""Why a notification that a campaign could have used may have gone bare."""

_MINE = -1


@dataclass(frozen=True, slots=True)
class Asked:
    """The campaign that is asked about; `opens` and `closes` are UTC seconds."""

    number: int
    name: str
    category: str
    target: Target
    hours: tuple[HoursWindow, ...]
    opens: float
    closes: float
    texts: Sequence[str]


@dataclass(frozen=True, slots=True)
class Counted:
    """Traffic at the campaign's places; how many others inserted there or elsewhere, by class; reasons.

    `reasons` count every notification of these hours that went bare, wherever it was.
    """

    traffic: Traffic
    others: Mapping[CampaignClass, int]
    reasons: Mapping[str, int]


class PostgresWhyNot:
    """Reads counts of the hours for which supply is kept in detail."""

    def __init__(self, pool: Pool, numbering: Numbering) -> None:
        self._pool = pool
        self._numbering = numbering

    async def campaign(self, campaign: str) -> Asked | None:
        """Return a campaign by its id; None where there is none."""
        row = await self._pool.fetchrow(_CAMPAIGN, campaign)
        if row is None:
            return None
        return Asked(
            row["number"],
            row["name"],
            row["category"],
            target_of(row["target"]),
            hours_of(row["hours"]),
            row["opens"].timestamp(),
            row["ends_at"].timestamp(),
            row["texts"] or (),
        )

    async def counted(
        self, number: int, places: Sequence[int], rooms: tuple[int, int], hours: range
    ) -> Counted:
        """Return what was counted at places (dense indexes) in hours.

        `rooms` are the lowest room classes that its text fits, narrow and wide.
        """
        span = (hours.start, hours.stop)
        async with snapshot(self._pool) as connection:
            [supply] = await connection.fetch(_SUPPLY, *span, *rooms)
            [inserted] = await connection.fetch(_INSERTED, *span, number, list(CampaignClass))
            others = await connection.fetch(_OTHERS, *span, number)
            reasons = await connection.fetch(_REASONS, *span, list(REASONS))
        grid = _Grid(PlaceIndex(self._numbering), len(self._numbering.places), places, hours)
        at, whose = grid.cells(inserted), ints_of(inserted["who"])
        return Counted(
            Traffic(
                grid.summed(grid.cells(supply), ints_of(supply["counts"])),
                grid.summed(grid.cells(supply), ints_of(supply["fitting"])),
                grid.summed(at, np.where(whose == _MINE, ints_of(inserted["counts"]), 0)),
                np.array(
                    [
                        grid.summed(at, np.where(whose == each.rank, ints_of(inserted["counts"]), 0))
                        for each in CampaignClass
                    ]
                ),
            ),
            {CampaignClass(row["class"]): row["n"] for row in others},
            {row["reason"]: row["n"] for row in reasons},
        )


class _Grid:
    """Hours by the places that are asked about; what lies elsewhere is summed behind them and dropped."""

    def __init__(self, index: PlaceIndex, known: int, places: Sequence[int], hours: range) -> None:
        self._index = index
        self._hours = hours
        self._width = len(places) + 1
        self._column = np.full(known + 1, len(places), dtype=np.intp)  # -1 is the last one: none of them
        self._column[list(places)] = np.arange(len(places))

    def cells(self, row: asyncpg.Record) -> NDArray[np.intp]:
        hour = ints_of(row["hours"]).astype(np.intp) - self._hours.start
        cells: NDArray[np.intp] = hour * self._width + self._column[self._index.of(ints_of(row["places"]))]
        return cells

    def summed(self, cells: NDArray[np.intp], counts: NDArray[np.int32]) -> NDArray[np.float64]:
        size = len(self._hours) * self._width
        by_cell = np.bincount(cells, weights=counts, minlength=size)
        return by_cell.reshape(len(self._hours), self._width)[:, :-1].astype(np.float64)

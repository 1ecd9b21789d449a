"""A campaign's losses explained: what was counted at its places, split by what stood in its way."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from adapters.postgres.blackouts import PostgresBlackouts
from adapters.postgres.pool import Pool
from adapters.postgres.why_not import Asked, Counted, PostgresWhyNot
from engine.composition import septets_of, units_of
from engine.settings import Settings
from inventory.availability import FEWEST_TOLD
from inventory.blackouts import Blackout
from inventory.campaign import CampaignClass
from inventory.plan import ROOM_CLASS_FLOORS, ROOM_CLASSES
from inventory.supply import HOUR_S, Counts
from inventory.why_not import Losses, losses, open_shares
from segments.geography import Geography
from segments.numbering import Numbering
from segments.targets import compile_target

MOST_HOURS = 72

Gaps = tuple[tuple[float, float], ...]

_NOTE_ES = "Exacto: supply, inserted, reasons. Derivado: outside, blackout, no_room, others, bare."
_NOTE_EN = "Exact: supply, inserted, reasons. Derived: outside, blackout, no_room, others, bare."


@dataclass(frozen=True, slots=True)
class Explained:
    """A campaign, its losses by hour, and what else is known of these hours."""

    asked: Asked
    hours: list[Losses]
    counted: Counted

    def document(self, *, carrier: bool) -> dict[str, Any]:
        """Return it by the names that documents give it.

        Without `carrier` other people's ads are told where they are of FEWEST_TOLD campaigns or more.
        """
        hidden = set() if carrier else {each for each, n in self.counted.others.items() if n < FEWEST_TOLD}
        return {
            "name": self.asked.name,
            "total": _figures(_total(self.hours), hidden),
            "hours": [{"hour": _instant(each.hour), **_figures(each, hidden)} for each in self.hours],
            "reasons": dict(self.counted.reasons) if carrier else None,
            "note_es": _NOTE_ES,
            "note_en": _NOTE_EN,
        }


async def explain(
    pool: Pool,
    campaign: str,
    hours: range,
    now: datetime,
    settings: Settings,
    places: tuple[Numbering, Geography],
) -> Explained | None:
    """Return why a campaign did not get what it might have had; None where there is no such campaign.

    `hours` (since 1970-01-01T00 UTC, at most MOST_HOURS) begin before `now`.
    """
    numbering, geography = places
    reader = PostgresWhyNot(pool, numbering)
    asked = await reader.campaign(campaign)
    if asked is None:
        return None
    covered = sorted(compile_target(asked.target, numbering, geography))
    hours = range(hours.start, min(hours.stop, -int(-now.timestamp() // HOUR_S)))
    counted = await reader.counted(asked.number, covered, _rooms(asked), hours)
    until = min(now.timestamp(), hours.stop * float(HOUR_S))
    held = await PostgresBlackouts(pool).held(
        datetime.fromtimestamp(hours.start * HOUR_S, UTC),
        datetime.fromtimestamp(until, UTC),
        lambda target: compile_target(target, numbering, geography),
    )
    dark = [each for each in held if each.concerns(asked.category)]
    quiet = settings.policy.quiet_hours
    minutes = None if quiet is None else (quiet.start, quiet.end)

    def shares(gaps: Gaps) -> Counts:
        flight = (asked.opens, asked.closes)
        return open_shares(numbering.timezones, asked.hours, minutes, flight, hours.start, until, gaps)

    def split() -> list[Losses]:
        zones = np.array(numbering.zone_of, dtype=np.intp)[covered]
        is_open = shares(())[zones].T
        is_lit = is_open.copy()
        for gaps, columns in _by_gaps(covered, dark).items():
            is_lit[:, columns] = shares(gaps)[zones[columns]].T
        return losses(counted.traffic, is_open, hours.start, is_lit)

    return Explained(asked, await asyncio.to_thread(split), counted)


def _by_gaps(places: Sequence[int], dark: Sequence[Blackout]) -> Mapping[Gaps, list[int]]:
    """Return by their blackouts where in `places` those that have any stand."""
    found: dict[Gaps, list[int]] = {}
    for column, place in enumerate(places):
        gaps = tuple((each.begins, each.ends) for each in dark if place in each.places)
        if gaps:
            found.setdefault(gaps, []).append(column)
    return found


def _rooms(asked: Asked) -> tuple[int, int]:
    """Return the lowest room classes that one of its texts fits; ROOM_CLASSES where none serves."""
    return _lowest(map(septets_of, asked.texts)), _lowest(map(units_of, asked.texts))


def _lowest(sizes: Any) -> int:
    shortest = min(sizes, default=None)
    fitting = (
        room for room in range(ROOM_CLASSES) if shortest is not None and ROOM_CLASS_FLOORS[room] >= shortest
    )
    return next(fitting, ROOM_CLASSES)


def _total(hours: list[Losses]) -> Losses:
    return Losses(
        0,
        sum(each.supply for each in hours),
        sum(each.outside for each in hours),
        sum(each.blackout for each in hours),
        sum(each.no_room for each in hours),
        sum(each.inserted for each in hours),
        {one: sum(each.others[one] for each in hours) for one in CampaignClass},
        sum(each.bare for each in hours),
    )


def _figures(each: Losses, hidden: set[CampaignClass]) -> Mapping[str, Any]:
    """Return the figures; while a class is hidden, what is bare would tell of it."""
    return {
        "supply": each.supply,
        "outside": each.outside,
        "blackout": each.blackout,
        "no_room": each.no_room,
        "inserted": each.inserted,
        "others": {one.value: None if one in hidden else units for one, units in each.others.items()},
        "bare": None if hidden else each.bare,
    }


def _instant(hour: int) -> str:
    return datetime.fromtimestamp(hour * HOUR_S, UTC).isoformat()

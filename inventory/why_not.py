"""Why not: what became of the traffic of a campaign's places that carried no ad of it, hour by hour.

Supply, insertions of the campaign and of others are counted by hour and place, so they are exact. Which of
them a campaign could have used is derived: by the share of the hour that its hours leave open, and by the
lower end of room classes, as in the plan.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from inventory.campaign import CampaignClass
from inventory.pacing import Quiet
from inventory.supply import HOUR_S, Counts
from inventory.timeline import Schedule, Timeline

# Sums of floats that stand for whole numbers may lie just below them.
_ROUNDING = 1e-6


@dataclass(frozen=True, slots=True)
class Traffic:
    """What was counted at a campaign's places: arrays of shape (hours, places), `others` by class before.

    `fitting` is the part of `supply` with room for its shortest text.
    """

    supply: Counts
    fitting: Counts
    inserted: Counts
    others: Counts


@dataclass(frozen=True, slots=True)
class Losses:
    """One hour (since 1970-01-01T00 UTC): `supply` is the sum of all that follows.

    `outside` its dates, hours or by quiet hours; under a `blackout`; without room for it; `inserted` by it;
    taken by `others`; `bare`: it could have been there, and nobody was.
    """

    hour: int
    supply: int
    outside: int
    blackout: int
    no_room: int
    inserted: int
    others: Mapping[CampaignClass, int]
    bare: int


def open_shares(
    timezones: Sequence[str],
    schedule: Schedule,
    quiet: Quiet,
    flight: tuple[float, float],
    first_hour: int,
    until: float,
    gaps: Sequence[tuple[float, float]] = (),
) -> Counts:
    """Return which share (0–1) of each hour from `first_hour` to an instant is open: (zones, hours).

    Nothing is in `gaps` (UTC seconds, half open). Of an hour that `until` (UTC seconds) cuts, the part
    before it counts as the whole.
    """
    begin = first_hour * float(HOUR_S)
    cuts = [instant for span in (flight, *gaps) for instant in span]
    timeline = Timeline(begin, until, timezones, [schedule], quiet, cuts)
    seconds = np.diff(timeline.bounds)
    is_open = timeline.allowed(schedule) & timeline.within(*flight)
    for gap in gaps:
        is_open[:, timeline.within(*gap)] = False
    hour = ((timeline.bounds[:-1] - begin) // HOUR_S).astype(np.intp)
    lasted = np.bincount(hour, weights=seconds)
    return (
        np.array([np.bincount(hour, weights=seconds * zone, minlength=len(lasted)) for zone in is_open])
        / lasted
    )


def losses(
    traffic: Traffic, open_share: Counts, first_hour: int, lit_share: Counts | None = None
) -> list[Losses]:
    """Split the supply of each hour; `open_share`, and what blackouts leave of it, have the traffic's shape.

    What a campaign inserted was usable to it, whatever the derived figures say. Others may have inserted
    where it could not: they took no more than what it left.
    """
    lit = open_share if lit_share is None else lit_share
    eligible = np.maximum(np.minimum(traffic.fitting, traffic.supply) * lit, traffic.inserted)
    supply = np.maximum(traffic.supply, eligible)
    no_room = np.maximum(0.0, supply * lit - eligible)
    dark = np.minimum(supply * (open_share - lit), supply - eligible - no_room)
    outside = supply - eligible - no_room - dark
    left = eligible - traffic.inserted
    total = traffic.others.sum(axis=0)
    taken = traffic.others * np.where(total > left, left / np.maximum(total, 1.0), 1.0)
    return [
        _rounded(
            first_hour + at,
            supply[at],
            traffic.inserted[at],
            (outside[at], dark[at], no_room[at], *taken[:, at]),
        )
        for at in range(len(supply))
    ]


def _rounded(hour: int, supply: Counts, inserted: Counts, others: Sequence[Counts]) -> Losses:
    """Return whole numbers that add up: what is lost by rounding down is bare."""
    whole, mine = round(float(supply.sum())), round(float(inserted.sum()))
    parts = [int(float(each.sum()) + _ROUNDING) for each in others]
    return Losses(
        hour, whole, parts[0], parts[1], parts[2], mine, dict(zip(CampaignClass, parts[3:], strict=True)),
        max(0, whole - mine - sum(parts)),
    )  # fmt: skip

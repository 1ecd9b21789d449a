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

    `outside` its dates, hours or by quiet hours; without room for it; `inserted` by it; taken by `others`;
    `bare`: it could have been there, and nobody was.
    """

    hour: int
    supply: int
    outside: int
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
) -> Counts:
    """Return which share (0–1) of each hour from `first_hour` to an instant is open: (zones, hours).

    Of an hour that `until` (UTC seconds) cuts, the part before it counts as the whole.
    """
    begin = first_hour * float(HOUR_S)
    timeline = Timeline(begin, until, timezones, [schedule], quiet, flight)
    seconds = np.diff(timeline.bounds)
    is_open = timeline.allowed(schedule) & timeline.within(*flight)
    hour = ((timeline.bounds[:-1] - begin) // HOUR_S).astype(np.intp)
    lasted = np.bincount(hour, weights=seconds)
    return (
        np.array([np.bincount(hour, weights=seconds * zone, minlength=len(lasted)) for zone in is_open])
        / lasted
    )


def losses(traffic: Traffic, open_share: Counts, first_hour: int) -> list[Losses]:
    """Split the supply of each hour; `open_share` has the traffic's shape.

    What a campaign inserted was usable to it, whatever the derived figures say. Others may have inserted
    where it could not: they took no more than what it left.
    """
    eligible = np.maximum(np.minimum(traffic.fitting, traffic.supply) * open_share, traffic.inserted)
    supply = np.maximum(traffic.supply, eligible)
    no_room = np.maximum(0.0, supply * open_share - eligible)
    outside = supply - eligible - no_room
    left = eligible - traffic.inserted
    total = traffic.others.sum(axis=0)
    taken = traffic.others * np.where(total > left, left / np.maximum(total, 1.0), 1.0)
    return [
        _rounded(first_hour + at, supply[at], outside[at], no_room[at], traffic.inserted[at], taken[:, at])
        for at in range(len(supply))
    ]


def _rounded(
    hour: int, supply: Counts, outside: Counts, no_room: Counts, inserted: Counts, taken: Counts
) -> Losses:
    """Return whole numbers that add up: what is lost by rounding down is bare."""
    whole, mine = round(float(supply.sum())), round(float(inserted.sum()))
    parts = [int(float(each.sum()) + _ROUNDING) for each in (outside, no_room, *taken)]
    return Losses(
        hour, whole, parts[0], parts[1], mine, dict(zip(CampaignClass, parts[2:], strict=True)),
        max(0, whole - mine - sum(parts)),
    )  # fmt: skip

"""A random book: a mix of national, regional and local campaigns that sells a given part of supply."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np

from adapters.simulator.allocation.booked import Booked
from adapters.simulator.allocation.country import Country
from adapters.simulator.allocation.traffic import DAY_HOURS
from inventory.campaign import Campaign, CampaignClass, CreativeVersion, HoursWindow
from inventory.cells import CellMap
from inventory.supply import HOUR_S, Counts, Supply
from segments.targets import Selector, Target

NATIONAL, STATES = 0.15, 0.60
ALL_DAY = 0.4
TEXT_LENGTHS = (38, 57, 84)
# No campaign is sold more of its own supply.
MOST_OF_SUPPLY = 0.85


@dataclass(frozen=True, slots=True)
class Changes:
    """Which share of campaigns of a run of several days is booked on the way, paused, or cancelled."""

    late: float = 0.3
    paused: float = 0.1
    cancelled: float = 0.07


def random_book(
    country: Country, forecast: Supply, campaigns: int, sold: float, chance: random.Random
) -> list[Booked]:
    """Return a book that asks for `sold` of what its campaigns may use of the forecast.

    Over several days it changes on the way: bookings come late, campaigns are paused and cancelled.
    """
    days = forecast.hours // DAY_HOURS
    drafts = [_campaign(number, country, forecast, days, chance) for number in range(1, campaigns + 1)]
    if days > 1:
        drafts = [_changing(each, chance) for each in drafts]
    reaches = country.reaches(drafts, cancelled=False)
    first = float(forecast.first_hour * HOUR_S)
    cells = CellMap(reaches, country.ground, first, first + forecast.hours * HOUR_S)
    quantities = _quantities(cells, forecast, sold, chance)
    return [
        replace(each, campaign=replace(each.campaign, quantity=int(quantity)))
        for each, quantity in zip(drafts, quantities.tolist(), strict=True)
    ]


def _quantities(cells: CellMap, forecast: Supply, sold: float, chance: random.Random) -> Counts:
    """Split every cell among its campaigns by random weights: what all ask for fits while `sold` ≤ 1."""
    supply = cells.supply(forecast)
    weight = np.array([chance.uniform(0.05, 1.0) ** 2 for _ in range(cells.campaigns)])[cells.campaign]
    share = weight / np.bincount(cells.cell, weights=weight, minlength=len(cells))[cells.cell]
    worth = supply[cells.cell]
    asked = np.bincount(cells.campaign, weights=worth * share, minlength=cells.campaigns)
    reach = np.bincount(cells.campaign, weights=worth, minlength=cells.campaigns)
    sized: Counts = np.maximum(1.0, np.floor(np.minimum(sold * asked, MOST_OF_SUPPLY * reach)))
    return sized


def _campaign(number: int, country: Country, forecast: Supply, days: int, chance: random.Random) -> Booked:
    starts, ends = 0, days
    if days > 1:
        starts = chance.randrange(days)
        ends = chance.randint(starts + 1, days)
    first = forecast.first_hour * HOUR_S
    length = chance.choice(TEXT_LENGTHS)
    campaign = Campaign(
        number,
        str(number),
        f"campaign {number}",
        f"brand-{number}",
        "other",
        chance.choice((CampaignClass.GUARANTEED, CampaignClass.STANDARD)),
        (CreativeVersion(number, "x" * length),),
        _target(country, chance),
        datetime.fromtimestamp(first + starts * DAY_HOURS * HOUR_S, UTC),
        datetime.fromtimestamp(first + ends * DAY_HOURS * HOUR_S, UTC),
        1,
        hours=_hours(chance),
    )
    return Booked(campaign, float(first))


def _target(country: Country, chance: random.Random) -> Target:
    draw = chance.random()
    if draw < NATIONAL:
        return Target()
    if draw < STATES:
        return _some("state", sorted(country.numbering.by_state), 5, chance)
    return _some("lada", sorted(country.numbering.lada_decided), 8, chance)


def _some(kind: str, names: Sequence[str], most: int, chance: random.Random) -> Target:
    chosen = chance.sample(names, chance.randint(1, most))
    return Target(tuple(Selector(kind, name) for name in chosen))  # type: ignore[arg-type]  # state or lada


def _hours(chance: random.Random) -> tuple[HoursWindow, ...]:
    if chance.random() < ALL_DAY:
        return ()
    length = chance.randint(3, 14)
    start = chance.randint(6, 24 - length) if length < 18 else 6
    return (HoursWindow(frozenset(range(7)), start * 60, (start + length) * 60),)


def _changing(booked: Booked, chance: random.Random) -> Booked:
    """Let some be booked late, paused for hours, or cancelled on the way."""
    changes = Changes()
    campaign = booked.campaign
    start, end = campaign.starts_at.timestamp(), campaign.ends_at.timestamp()
    draw = chance.random()
    if draw < changes.late:
        # booked between a day before its start and half a day after it
        known = start + chance.uniform(-24, 8) * HOUR_S
        return replace(booked, known_from=max(booked.known_from, known // 60 * 60))
    if draw < changes.late + changes.paused:
        at = (start + chance.uniform(0.1, 0.6) * (end - start)) // 60 * 60
        return replace(booked, pauses=((at, at + chance.randint(1, 8) * HOUR_S),))
    if draw < changes.late + changes.paused + changes.cancelled:
        return replace(booked, cancelled_at=(start + chance.uniform(0.2, 0.9) * (end - start)) // 60 * 60)
    return booked

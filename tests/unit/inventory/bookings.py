"""Campaigns for tests of plan and pace."""

from datetime import UTC, datetime, timedelta

from inventory.books import ServingCampaign
from inventory.campaign import Campaign, CampaignClass, CreativeVersion, HoursWindow, Pacing
from segments.targets import Selector, Target

NOON = datetime(2026, 11, 24, 18, tzinfo=UTC)  # a Tuesday, 12:00 in Mexico City
ALL_WEEK = frozenset(range(7))


def campaign(
    number: int = 1,
    *,
    starts_at: datetime = NOON - timedelta(days=1),
    ends_at: datetime = NOON + timedelta(days=1),
    quantity: int | None = 1000,
    hours: tuple[HoursWindow, ...] = (),
    pacing: Pacing = Pacing.EVEN,
    campaign_class: CampaignClass = CampaignClass.GUARANTEED,
    lengths: tuple[int, ...] = (20,),
    ladas: tuple[str, ...] = (),
    version: int = 1,
) -> Campaign:
    """Return a campaign of two days around noon, whose texts have `lengths` characters."""
    return Campaign(
        number,
        str(number),
        f"campaign {number}",
        "tienda-sol",
        "retail",
        campaign_class,
        tuple(CreativeVersion(10 * number + at, "x" * length, at + 1) for at, length in enumerate(lengths)),
        Target(tuple(Selector("lada", lada) for lada in ladas)),
        starts_at,
        ends_at,
        quantity,
        hours,
        pacing,
        version=version,
    )


def serving(booked: Campaign, settled: int = 0, leased: int = 0) -> ServingCampaign:
    """Return what the books say of a campaign."""
    return ServingCampaign(booked, settled, leased)

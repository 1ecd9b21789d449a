"""Who is to get how much: the targets of an allotment made now, and the policy that sets them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from adapters.cli.table import number, rows
from adapters.postgres.campaigns import PostgresCampaigns
from adapters.postgres.pool import Pool
from adapters.postgres.supply import read_by_hour
from adapters.processes.forecasting import midnight
from adapters.processes.replanning import planner_of
from engine.settings import Settings
from inventory.allotment import Outlook
from inventory.books import ServingCampaign, hour_of
from inventory.forecast import Forecast, Today, corrected
from inventory.planner import LOOK_BACK_S
from inventory.scenarios import Index
from inventory.supply import HOUR_S, Counts, Supply
from segments.numbering import Numbering

POLICY = (
    "Where supply is short a class goes before the next one (guaranteed, standard, house); within a class "
    "the shares of booked quantities are as equal as can be (max-min), without leaving supply unused."
)


@dataclass(frozen=True, slots=True)
class Seen:
    """What serves now or later, and what was counted by hour and place, from `first_hour` on."""

    serving: Sequence[ServingCampaign]
    first_hour: int
    came: Counts


@dataclass(frozen=True, slots=True)
class Goal:
    """One campaign's target: the units at which it is to end. `tight`: it falls short if supply comes low."""

    campaign: ServingCampaign
    target: int
    tight: bool

    def document(self) -> dict[str, Any]:
        """Return it as JSON has it; the share is of the booked quantity."""
        booked = self.campaign.campaign
        quantity = booked.quantity or 0
        return {
            "campaign": booked.id,
            "name": booked.name,
            "class": booked.campaign_class.value,
            "quantity": quantity,
            "spent": self.campaign.settled,
            "target": self.target,
            "share": round(self.target / quantity, 4),
            "tight": self.tight,
        }


async def read_seen(pool: Pool, numbering: Numbering, now: datetime) -> Seen:
    """Read what the targets depend on."""
    hour = hour_of(now)
    first = hour - int(LOOK_BACK_S // HOUR_S)
    serving = await PostgresCampaigns(pool).serving(now)
    return Seen(serving, first, await read_by_hour(pool, numbering, first, hour))


def goals(
    settings: Settings,
    numbering: Numbering,
    lada_of_place: Index,
    forecast: Forecast,
    seen: Seen,
    now: datetime,
) -> list[Goal]:
    """Return the target of every campaign with a quantity, by an allotment as the planner makes it."""
    first = midnight(now, settings.policy.default_timezone)
    today = Today(first, now.timestamp(), seen.came[first - seen.first_hour :].sum(axis=0))
    expected = corrected(forecast.supply, today, lada_of_place)
    outlook = Outlook(now.timestamp(), Supply(seen.first_hour, seen.came, expected.room_mix), expected)
    made = planner_of(settings, numbering).allot(seen.serving, outlook)
    if made is None:
        return []
    known = {each.campaign.number: each for each in seen.serving}
    return [
        Goal(known[campaign], round(float(target)), bool(tight))
        for (campaign, _), target, tight in zip(made.versions, made.target, made.tight, strict=True)
        if known[campaign].quantity is not None
    ]


def goals_report(found: Sequence[Goal], *, cold_start: bool) -> list[str]:
    """Return the policy and the targets as lines for a person; those that end shortest first."""
    lines = ["shortage policy", POLICY, ""]
    if cold_start:
        lines.append(
            "cold start: plans go by class and lag until enough was counted; targets are provisional"
        )
    if not found:
        return [*lines, "no campaign has units left to allot"]
    table = [("campaign", "class", "quantity", "spent", "target", "share %", "tight")]
    for each in sorted(found, key=lambda goal: goal.document()["share"]):
        told = each.document()
        share = f"{100 * told['share']:.1f}"
        counts = (number(told[name]) for name in ("quantity", "spent", "target"))
        table.append((told["name"], told["class"], *counts, share, "yes" if each.tight else "no"))
    return [*lines, *rows(table)]

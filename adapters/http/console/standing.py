"""How campaigns stand: how far their own curve is, how far behind it they are, what they will end with."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from adapters.http.console.prospects import Prospects
from adapters.http.services import Services
from adapters.postgres.documents import hours_of
from inventory.availability import Prospect
from inventory.campaign import Campaign, CampaignClass
from inventory.pacing import Pace, Quiet
from segments.clock import pinned_zone
from segments.targets import Target

# A campaign is late from this share of its quantity on: what is served in bursts is never quite on time.
LATE = 0.05
_UNDER_WAY = frozenset({"live", "paused", "finished"})
# Curves that are kept: one of a month takes 90 kB.
_MOST_CURVES = 200


@dataclass(frozen=True, slots=True)
class Standing:
    """`elapsed` is the share (0–1) of its usable time that is over; None where it is not served.

    `behind` counts the units that an even pace would have spent by now beyond those that are.
    """

    elapsed: float | None = None
    behind: int = 0
    late: bool = False
    prospect: Prospect | None = None

    @property
    def at_risk(self) -> bool:
        """Tell whether it is expected to end short."""
        return self.prospect is not None and self.prospect.at_risk

    @property
    def expected(self) -> float:
        """Return the share of its quantity that it is expected to end with, as its class is sold."""
        if self.prospect is None:
            raise LookupError("nothing is expected yet")
        return self.prospect.p20 if self.prospect.sold_on == "p20" else self.prospect.p50


class Standings:
    """Standings of campaigns by their documents; curves are kept, as they take long to work out."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self.prospects = Prospects(services)
        self._curves: dict[tuple[object, ...], Pace] = {}

    async def of(self, campaigns: Sequence[Mapping[str, Any]]) -> Mapping[str, Standing]:
        """Return the standing of each campaign by its id."""
        expected = await self.prospects.by_campaign()
        curves = await self.curves([each for each in campaigns if each["state"] in _UNDER_WAY])
        now = self._services.now().timestamp()
        return {
            each["id"]: _standing(each, curves.get(each["id"]), expected.get(each["id"]), now)
            for each in campaigns
        }

    async def curves(self, campaigns: Sequence[Mapping[str, Any]]) -> Mapping[str, Pace]:
        """Return the curve of each campaign that has dates, by its id."""
        policy = self._services.settings().policy
        quiet = None if policy.quiet_hours is None else (policy.quiet_hours.start, policy.quiet_hours.end)
        named = {
            each["id"]: (each["id"], each["version"], policy.default_timezone, quiet)
            for each in campaigns
            if each["starts_at"] is not None and each["ends_at"] is not None
        }
        dated = [each for each in campaigns if each["id"] in named]
        wanting = [each for each in dated if named[each["id"]] not in self._curves]
        if wanting:
            made = await asyncio.to_thread(_curves, wanting, policy.default_timezone, quiet)
            self._curves |= {named[key]: pace for key, pace in made.items()}
        found = {key: self._curves[name] for key, name in named.items()}
        while len(self._curves) > _MOST_CURVES:
            del self._curves[next(iter(self._curves))]
        return found


def _curves(campaigns: Sequence[Mapping[str, Any]], zone: str, quiet: Quiet) -> Mapping[str, Pace]:
    return {each["id"]: Pace(_flight(each), pinned_zone(zone), quiet) for each in campaigns}


def _flight(campaign: Mapping[str, Any]) -> Campaign:
    """Return of a campaign what its curve depends on."""
    return Campaign(
        0,
        campaign["id"],
        campaign["name"],
        campaign["brand"],
        "",
        CampaignClass(campaign["class"]),
        (),
        Target(),
        datetime.fromisoformat(campaign["starts_at"]),
        datetime.fromisoformat(campaign["ends_at"]),
        campaign["quantity"],
        hours=hours_of(campaign["hours"]),
    )


def _standing(
    campaign: Mapping[str, Any], curve: Pace | None, prospect: Prospect | None, now: float
) -> Standing:
    if curve is None:
        return Standing(prospect=prospect)
    elapsed, quantity = curve.elapsed(now), campaign["quantity"]
    if quantity is None or campaign["pacing"] != "even" or campaign["state"] != "live":
        return Standing(elapsed, prospect=prospect)
    behind = max(0, round(quantity * elapsed) - campaign["ledger"]["settled"])
    return Standing(elapsed, behind, behind > LATE * quantity, prospect)

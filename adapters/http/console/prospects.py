"""What campaigns are expected to end with, and what would help those at risk, by the market as it stands."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from adapters.http.services import Services
from inventory.advice import Advice, remedies
from inventory.availability import Prospect
from inventory.market import Market

# A remedy is worth telling from this share of what is missing on.
_WORTH = 0.02
_MOST = 4
# How old prospects may be that a first visit is told.
OLDEST_S = 60.0


@dataclass(frozen=True, slots=True)
class Remedies:
    """A campaign at risk: the units that are still wanted, how many of them can be had, what would help."""

    wanted: int
    available: int
    advice: Sequence[Mapping[str, Any]]

    @property
    def missing(self) -> int:
        """Units that are not to be had."""
        return max(0, self.wanted - self.available)


class Prospects:
    """Prospects of every campaign that is sold, worked out once a market, and remedies once a campaign."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._turn = asyncio.Lock()
        self._renewing: asyncio.Task[Market | None] | None = None
        # Remedies take seconds; lists of campaigns don't wait for them.
        self._helping = asyncio.Lock()
        self._market: Market | None = None
        self._renewed_at = 0.0
        self._known: Mapping[str, Prospect] = {}
        self._remedies: dict[str, Remedies] = {}

    async def by_campaign(self) -> Mapping[str, Prospect]:
        """Return the prospects by campaign id; none until there is a market.

        Only a visit right after the first market was made waits for them: others are told those of the
        former market while those of a new one are worked out.
        """
        if self._market is None:
            await self._renewed()
        else:
            self._begin_renewing()
        return self._known

    def stand_ready(self) -> None:
        """Begin to work out what is not known or old, so that no visit waits for it."""
        if self._market is None or time.monotonic() - self._renewed_at >= OLDEST_S:
            self._begin_renewing()

    async def remedies(self, campaign: str) -> Remedies | None:
        """Return what would help a campaign that is at risk; None for one that is not."""
        async with self._helping:
            market = await self._renewed()
            remedies, prospect = self._remedies, self._known.get(campaign)
            if market is None or prospect is None or not prospect.at_risk:
                return None
            if campaign not in remedies:
                remedies[campaign] = await asyncio.to_thread(_remedies, market, campaign)
            return remedies[campaign]

    def _begin_renewing(self) -> None:
        is_renewing = self._renewing is not None and not self._renewing.done()
        if self._services.market() is not self._market and not is_renewing:
            self._renewing = asyncio.create_task(self._renewed())

    async def _renewed(self) -> Market | None:
        """Return the market that there is, once its prospects are known."""
        async with self._turn:
            market = self._services.market()
            if market is not None and market is not self._market:
                # In a thread: with hundreds of bookings it takes half a second.
                prospects = await asyncio.to_thread(market.prospects)
                self._known = {each.id: each for each in prospects}
                self._market, self._remedies, self._renewed_at = market, {}, time.monotonic()
        return market


def _remedies(market: Market, campaign: str) -> Remedies:
    [booking] = [each for each in market.bookings if each.id == campaign]
    others = market.without(campaign)
    answer = others.ask(booking)
    worth = (booking.wanted - answer.available) * _WORTH
    found = [each for each in remedies(others, booking, answer) if each.gain >= worth]
    return Remedies(booking.wanted, answer.available, [_told(each) for each in found[:_MOST]])


def _told(advice: Advice) -> Mapping[str, Any]:
    document = advice.document()
    if advice.change == "dates":
        document["closes"] = datetime.fromtimestamp(advice.booking.closes, UTC)
    if advice.change == "target":
        document["target"] = advice.booking.target.as_document()
    return document

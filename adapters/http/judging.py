"""Who tells whether a quantity can be promised: the market over the node's forecast."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from adapters.postgres.stock import Stock
from adapters.processes.trading import places_of
from engine.composition import septets_of
from inventory.booking import Booking
from inventory.holds import Judge
from inventory.market import Market

if TYPE_CHECKING:
    from adapters.http.services import Services


def stock_of(services: Services, now: datetime) -> Stock:
    """Return the stock as of `now`; without a judge until there is a forecast."""
    return Stock(septets_of, judge_of(services, now))


def judge_of(services: Services, now: datetime) -> Judge | None:
    """Return who judges as of `now`, by the forecast that availability answers from; None without one."""
    market, settings = services.market(), services.settings()
    forecast = services.forecast() if market is None else market.forecast
    if forecast is None:
        return None
    places = places_of(settings, services.numbering, services.geography)

    def judge(others: Sequence[Booking], wish: Booking) -> bool:
        known = None if market is None else market.promises(wish, others)
        if known is not None:  # within a lock that others wait for
            return known
        return Market(others, places, forecast, now.timestamp(), settings.planner.sell_on).fits(wish)

    return judge

"""Who tells whether a quantity can be promised: the market over the node's forecast."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from adapters.cli.market import country
from adapters.postgres.stock import Stock
from engine.composition import septets_of
from inventory.booking import Booking
from inventory.market import Market

if TYPE_CHECKING:
    from adapters.http.services import Services


def stock_of(services: Services, now: datetime) -> Stock:
    """Return the stock as of `now`; without a judge until there is a forecast."""
    forecast = services.forecast()
    if forecast is None:
        return Stock(septets_of)
    settings = services.settings()

    def judge(others: Sequence[Booking], wish: Booking) -> bool:
        market = Market(others, country(settings), forecast, now.timestamp(), settings.planner.sell_on)
        return market.fits(wish)

    return Stock(septets_of, judge)

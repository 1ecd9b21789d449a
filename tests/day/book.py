"""A book for a day of seconds: the simulator's mix of campaigns, each window a flight on the run's clock."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from random import Random

import numpy as np

from adapters.simulator.allocation.booked import Booked
from adapters.simulator.allocation.country import Country
from adapters.simulator.allocation.random_book import MOST_OF_SUPPLY, random_book
from inventory.campaign import CreativeVersion
from inventory.cells import CellMap
from inventory.supply import HOUR_S, Supply

# Mexico City's clock, which the simulator's days begin on: its windows are taken by it in every zone.
_UTC_OFFSET_S = 6 * HOUR_S
_WORDS = "Compra en tienda sol hoy con descuento de temporada en toda la linea blanca y muebles "


def day_book(country: Country, forecast: Supply, campaigns: int, sold: float, chance: Random) -> list[Booked]:
    """Return campaigns of a day that ask for `sold` of what they may use; windows are flights."""
    drafts = [_in_flight(each) for each in random_book(country, forecast, campaigns, sold, chance)]
    first = float(forecast.first_hour * HOUR_S)
    cells = CellMap(
        country.reaches(drafts, cancelled=False), country.ground, first, first + forecast.hours * HOUR_S
    )
    supply = cells.supply(forecast)[cells.cell]
    weight = np.array([chance.uniform(0.05, 1.0) ** 2 for _ in drafts])[cells.campaign]
    share = weight / np.bincount(cells.cell, weights=weight, minlength=len(cells))[cells.cell]
    asked = sold * np.bincount(cells.campaign, weights=supply * share, minlength=len(drafts))
    most = MOST_OF_SUPPLY * np.bincount(cells.campaign, weights=supply, minlength=len(drafts))
    quantities = np.maximum(1, np.minimum(asked, most).astype(int)).tolist()
    return [
        replace(each, campaign=replace(each.campaign, quantity=quantity))
        for each, quantity in zip(drafts, quantities, strict=True)
    ]


def _in_flight(each: Booked) -> Booked:
    """Return a booking whose daily window is its flight, with a text that no other one has."""
    campaign = each.campaign
    length = len(campaign.creatives[0].text)
    ending = f"oferta {campaign.number:04d}"
    text = f"{(_WORDS * 2)[: length - len(ending) - 1].rstrip():.<{length - len(ending) - 1}} {ending}"
    campaign = replace(campaign, creatives=(CreativeVersion(campaign.number, text),))
    if campaign.hours:
        [window] = campaign.hours
        midnight = each.known_from
        opens, closes = (
            datetime.fromtimestamp(midnight + minute * 60, UTC) for minute in (window.start, window.end)
        )
        campaign = replace(campaign, starts_at=opens, ends_at=closes, hours=())
    return replace(each, campaign=campaign)


def documents(
    book: Sequence[Booked], first: float, begins: datetime, speed: float
) -> list[dict[str, object]]:
    """Return campaign documents whose flights pass `speed` times as fast from `begins` on."""

    def instant(at: datetime) -> str:
        passed = (at.timestamp() - first) / speed
        return datetime.fromtimestamp(begins.timestamp() + passed, UTC).isoformat()

    return [
        {
            "name": each.campaign.name,
            "brand": each.campaign.brand,
            "category": "retail",
            "class": each.campaign.campaign_class.value,
            "creatives": [{"text": each.campaign.creatives[0].text}],
            "target": each.campaign.target.as_document(),
            "starts_at": instant(each.campaign.starts_at),
            "ends_at": instant(each.campaign.ends_at),
            "quantity": each.quantity,
        }
        for each in book
    ]

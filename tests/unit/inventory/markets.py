"""A small country with a forecast, and bookings in it, for tests of availability."""

import numpy as np

from inventory.booking import Booking
from inventory.campaign import CampaignClass, HoursWindow
from inventory.cells import Ground
from inventory.forecast import Forecast
from inventory.market import Country, Market
from inventory.plan import ROOM_CLASSES
from inventory.scenarios import Scenarios
from inventory.supply import Supply
from segments.targets import Selector, Target

HOUR = 3600.0
FIRST_HOUR = 493_368  # 2026-04-14T00 UTC
NOW = FIRST_HOUR * HOUR
DAYS = 4
STATES = ("MX-CMX", "MX-JAL", "MX-SON")
WITHOUT_SUPPLY = "MX-SON"
SCENARIO_FACTORS = (0.6, 0.8, 1.0, 1.2, 1.4)


def forecast(per_hour: float = 100.0) -> Forecast:
    """Return so many notifications an hour in each of two states and none in the third.

    Half of them have room for 40 to 49 characters, half for 80 to 89; totals are uncertain all together.
    """
    by_hour = np.full((24 * DAYS, len(STATES)), per_hour)
    by_hour[:, STATES.index(WITHOUT_SUPPLY)] = 0.0
    mix = np.zeros((len(STATES), ROOM_CLASSES))
    mix[:, [2, 6]] = 0.5
    factors = np.repeat(np.float32(SCENARIO_FACTORS), DAYS * len(STATES)).reshape(-1, DAYS, len(STATES))
    scenarios = Scenarios(factors, np.arange(len(STATES)), 0, np.zeros(len(factors)), 0.0)
    alphabets = np.stack([mix, np.zeros_like(mix)], axis=1)
    return Forecast(Supply(FIRST_HOUR, by_hour, mix), alphabets, scenarios, cold_start=True)


def places_of(target: Target) -> frozenset[int]:
    """Return the places (one a state) of a target of states."""
    included = {each.value for each in target.include} or set(STATES)
    excluded = {each.value for each in target.exclude}
    return frozenset(STATES.index(state) for state in included - excluded)


def country(quiet: tuple[int, int] | None = None) -> Country:
    """Return the small country, all on UTC."""
    ground = Ground(("UTC",), (0,) * len(STATES), quiet)
    return Country(ground, STATES, places_of, lambda at: f"day {int((at - NOW) // (24 * HOUR))}")


def booking(
    quantity: int,
    *states: str,
    hours: tuple[HoursWindow, ...] = (),
    campaign_class: CampaignClass = CampaignClass.GUARANTEED,
    days: tuple[float, float] = (0, 1),
    size: int = 30,
    name: str = "b",
    settled: int = 0,
) -> Booking:
    """Return a booking of states (none: the country), on `days` from now."""
    return Booking(
        name,
        f"campaign {name}",
        campaign_class,
        Target(tuple(Selector("state", state) for state in states)),
        NOW + 24 * HOUR * days[0],
        NOW + 24 * HOUR * days[1],
        hours,
        size,
        quantity,
        settled,
    )


def market(*bookings: Booking, quiet: tuple[int, int] | None = None, sell_on: str = "p50") -> Market:
    """Return a market of bookings."""
    return Market(bookings, country(quiet), forecast(), NOW, sell_on)

"""Blackouts in the market: supply that is lost to a category, and stays for the others."""

from dataclasses import replace

import pytest

from inventory.availability import Emptiness
from inventory.blackouts import Blackout
from inventory.booking import Booking
from inventory.country import under
from inventory.market import Market
from tests.unit.inventory.markets import HOUR, NOW, STATES, booking, country, forecast

JALISCO = frozenset({STATES.index("MX-JAL")})
ELECTION = Blackout(NOW + 6.5 * HOUR, NOW + 12 * HOUR, frozenset({"politics"}), JALISCO)
SILENCE = Blackout(NOW - HOUR, NOW + 99 * HOUR, None, JALISCO)


def market(*blackouts: Blackout, booked: tuple[Booking, ...] = ()) -> Market:
    """Return a market of a hundred notifications an hour in each of two states, under blackouts."""
    return Market(booked, under(country(), blackouts), forecast(), NOW, "p50")


def wish(category: str, *states: str, quantity: int = 1) -> Booking:
    """Return a day's booking of a category; its text fits half of the traffic."""
    return replace(booking(quantity, *states, size=75), category=category)


@pytest.mark.parametrize(
    ("asked", "expected", "cost"),
    [
        (wish("Politics", "MX-JAL"), 925, 275),
        (wish("politics", "MX-JAL", "MX-CMX"), 2125, 275),
        (wish("politics", "MX-CMX"), 1200, 0),
        (wish("retail", "MX-JAL"), 1200, 0),
        (wish("", "MX-JAL"), 1200, 0),
    ],
)
def test_what_a_blackout_costs_is_told(asked: Booking, expected: int, cost: int) -> None:
    """What lies in it can't be bought; parts of hours count, other categories and places lose nothing."""
    answer = market(ELECTION).ask(asked)
    assert (answer.expected, answer.available, answer.blackout_cost) == (expected, expected, cost)
    assert answer.document()["cost"]["blackout"] == cost


def test_a_blackout_of_everything_is_the_reason() -> None:
    """Where it leaves nothing the answer says so, whatever category is asked for."""
    answer = market(SILENCE).ask(wish("", "MX-JAL"))
    assert (answer.available, answer.reason) == (0, Emptiness.BLACKOUT)


def test_bookings_that_a_blackout_moves_stand_in_the_way_elsewhere() -> None:
    """What was sold has to have its units outside its blackout; what it leaves there is free for others."""
    sold = replace(booking(1500, "MX-JAL", name="sold"), category="politics")
    alone = market(ELECTION, booked=(sold,)).ask(replace(booking(1, "MX-JAL"), category="retail"))
    assert alone.available == 900
    other = market(ELECTION, booked=(sold,)).ask(replace(booking(1, "MX-JAL"), category="politics"))
    assert other.available == 350

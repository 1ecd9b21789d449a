"""Advice names changes that bring more, and how much more."""

from inventory.advice import advise, remedies
from inventory.booking import Booking
from inventory.market import Market
from segments.targets import Target
from tests.unit.inventory.markets import HOUR, NOW, booking, market


def advised(busy: Market, wish: Booking) -> dict[str, list[tuple[object, int]]]:
    """Return what is advised by kind, as (what to change to, gain)."""
    found: dict[str, list[tuple[object, int]]] = {}
    for each in advise(busy, wish, busy.ask(wish), ("MX-JAL",)):
        changed = {"dates": each.booking.opens, "target": each.booking.target, "text": each.booking.size}
        found.setdefault(each.change, []).append((changed[each.change], each.gain))
        assert each.document()["gain"] == each.gain
    return found


def test_the_next_dates_that_have_all_of_it_are_named() -> None:
    """The first day that fits, not the best one; days that have too little are passed over."""
    busy = market(
        booking(2400, "MX-JAL", name="today"), booking(2000, "MX-JAL", days=(1, 2), name="tomorrow")
    )
    found = advised(busy, booking(2000, "MX-JAL"))
    assert found["dates"] == [(NOW + 48 * HOUR, 2400)]


def test_wider_targets_gain_what_they_add() -> None:
    """The whole country has the other state's traffic too; the same target again is no advice."""
    found = advised(market(), booking(3000, "MX-JAL"))
    assert found["target"] == [(Target(), 2400)]


def test_shorter_texts_gain_where_they_fit_more() -> None:
    """Half of the notifications have room for 40 characters only; lengths that gain nothing are left out."""
    found = advised(market(), booking(2400, "MX-JAL", size=85))
    assert [gain for _, gain in found["text"]] == [1200, 1200, 1200, 1200, 2400, 2400, 2400]
    assert [size for size, _ in found["text"]] == [80, 70, 60, 50, 40, 20, 19]


def test_no_advice_where_nothing_helps() -> None:
    """A booking that has everything already is left alone."""
    assert advised(market(), booking(9999)) == {}


def test_a_booking_at_risk_is_told_how_long_it_has_to_go_on() -> None:
    """The fewest days that bring all of it; where none do, to the end of what is forecast."""
    short, hopeless = booking(4000, "MX-JAL", name="short"), booking(10**6, "MX-JAL", name="hopeless")
    for each, days in ((short, 1), (hopeless, 3)):
        others = market(each).without(each.id)
        assert others.bookings == ()
        until = [
            one.booking.closes - each.closes
            for one in remedies(others, each, others.ask(each))
            if one.change == "dates"
        ]
        assert until == [days * 24 * HOUR]

"""Advice for a booking that finds too little: other dates, wider targets, shorter texts, and their gain."""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Literal

from inventory.availability import Availability
from inventory.booking import Booking
from inventory.cells import FITTED_ROOMS
from inventory.market import Market
from segments.targets import Selector, Target

DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Advice:
    """One thing to change: the booking as it would be, how many could be bought then, and how many more."""

    change: Literal["dates", "target", "text"]
    booking: Booking
    available: int
    gain: int

    def document(self) -> dict[str, Any]:
        """Return it by the names that documents give it; instants are UTC seconds."""
        details: Mapping[str, dict[str, Any]] = {
            "dates": {"opens": self.booking.opens, "closes": self.booking.closes},
            "target": {"target": self.booking.target.as_document()},
            "text": {"characters": self.booking.size},
        }
        return {"change": self.change, **details[self.change], "available": self.available, "gain": self.gain}


def advise(market: Market, wish: Booking, answer: Availability, states: Sequence[str]) -> list[Advice]:
    """Return what would bring more, of each kind the smallest change first.

    `states` are those that the target lies in. The dates are the next, by whole days, that have all
    that is wanted; wider targets are those states whole, and the country; texts are as long as the next
    room classes allow. What gains nothing is left out.
    """
    found = [
        *_changed(market, answer, "dates", _later(market, wish)),
        *_changed(market, answer, "target", _wider(wish, states)),
        *_changed(market, answer, "text", _shorter(wish)),
    ]
    return [each for each in found if each.gain > 0]


def remedies(market: Market, booking: Booking, answer: Availability) -> list[Advice]:
    """Return what would bring a booking that runs already what it lacks, as `advise` does for a wish.

    `market` is without the booking. Its dates can't be moved any more, but it may go on for longer: for the
    fewest days that bring all that is wanted, or else to the end of what is forecast.
    """
    states = market.states_of(booking.target)
    found = [
        *_changed(market, answer, "dates", _longer(market, booking)),
        *_changed(market, answer, "target", _wider(booking, states)),
        *_changed(market, answer, "text", _shorter(booking)),
    ]
    return [each for each in found if each.gain > 0]


def _changed(
    market: Market,
    answer: Availability,
    change: Literal["dates", "target", "text"],
    bookings: Iterator[Booking],
) -> Iterator[Advice]:
    for booking in bookings:
        available = market.ask(booking).available
        yield Advice(change, booking, available, available - answer.available)


def _later(market: Market, wish: Booking) -> Iterator[Booking]:
    days = int((market.ends - wish.closes) // DAY_S)
    moved = (wish.moved(day * DAY_S) for day in range(1, days + 1))
    yield from islice((booking for booking in moved if market.fits(booking)), 1)


def _longer(market: Market, booking: Booking) -> Iterator[Booking]:
    days = int((market.ends - booking.closes) // DAY_S)
    until = [replace(booking, closes=booking.closes + day * DAY_S) for day in range(1, days + 1)]
    enough = bisect_left(until, True, key=market.fits)  # what lasts longer has more
    yield from until[min(enough, len(until) - 1) :][:1] if until else ()


def _wider(wish: Booking, states: Sequence[str]) -> Iterator[Booking]:
    whole = Target(tuple(Selector("state", state) for state in sorted(states)))
    for target in (whole, Target()):
        if target != wish.target:
            yield replace(wish, target=target)


def _shorter(wish: Booking) -> Iterator[Booking]:
    for room in reversed(FITTED_ROOMS):
        if room < wish.size:
            yield replace(wish, size=room)

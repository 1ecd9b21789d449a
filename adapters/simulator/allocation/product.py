"""The product's own planner and decision, run through a simulated day."""

import random
from array import array
from collections.abc import Sequence
from dataclasses import replace

from adapters.simulator.allocation.booked import Booked
from adapters.simulator.allocation.country import Country
from adapters.simulator.allocation.seen import Seen
from adapters.simulator.allocation.traffic import MINUTE_S, Minute
from engine.composition import Alphabet, septets_of
from engine.decision import Creative, Decision, Offer
from engine.leasebook import Lease
from inventory.books import ServingCampaign
from inventory.plan import Plan
from inventory.planner import Planner
from inventory.supply import Supply
from segments.clock import LocalClock, pinned_zone

NOBODY = -1
# The product makes a plan a second; a simulated day of a million has 12 notifications in one.
PLANS_A_MINUTE = 2
EVERY_S = 300.0
# The units of a house campaign that has no quantity.
NO_LIMIT = 1 << 60


class Product:
    """Posdata itself: allotments every `every_s` and on events, plans in between, draws by engine.decision.

    One simulated worker holds all units of a campaign, so it stops exactly at the quantity.
    Without `allots` the deficit rule is alone, without `catches_up` the rows.
    """

    def __init__(
        self,
        country: Country,
        book: Sequence[Booked],
        forecast: Supply,
        seed: int,
        *,
        supply_factor: float = 0.93,
        every_s: float = EVERY_S,
        allots: bool = True,
        catches_up: bool = True,
    ) -> None:
        self._book = book
        self._by_number = {each.campaign.number: at for at, each in enumerate(book)}
        self._seen = Seen(country, forecast)
        self._planner = Planner(
            country.numbering.digest,
            country.ground,
            country.compile,
            septets_of,
            pinned_zone("America/Mexico_City"),
            supply_factor=supply_factor,
            every_s=every_s,
        )
        self._clock = LocalClock(country.numbering.timezones)
        self._zone_of = country.numbering.zone_of
        self._random = random.Random(seed).random  # noqa: S311  # a simulation's draws
        self._leases = [_whole(each) for each in book]
        self._catches_up = catches_up
        self._every_s = every_s if allots else float("inf")
        self._next = 0.0 if allots else float("inf")
        self._heard: tuple[bool, ...] = ()
        self._offers: tuple[str, list[Offer]] = ("", [])
        self._version = 0

    def minute(self, minute: Minute) -> list[int]:
        """Return who serves each notification: a position in the book, or NOBODY."""
        heard = tuple(each.serves(minute.at) for each in self._book)
        if minute.at >= self._next or (heard != self._heard and self._next < float("inf")):
            serving = self._serving(heard)
            self._planner.follow(self._planner.allot(serving, self._seen.outlook(minute.at)))
            self._next = minute.at - minute.at % self._every_s + self._every_s
        self._heard = heard
        chosen: list[int] = []
        places, rooms = minute.places.tolist(), minute.rooms.tolist()
        for part in range(PLANS_A_MINUTE):
            some = slice(len(places) * part // PLANS_A_MINUTE, len(places) * (part + 1) // PLANS_A_MINUTE)
            if places[some]:
                now = minute.at + part * MINUTE_S / PLANS_A_MINUTE
                chosen += self._choose(heard, now, places[some], rooms[some])
        self._seen.count(minute)
        return chosen

    def _choose(self, heard: Sequence[bool], now: float, places: list[int], rooms: list[int]) -> list[int]:
        self._version += 1
        plan = self._planner.plan(self._version, self._serving(heard), now)
        if not self._catches_up:
            plan = replace(plan, lag_start=array("i", bytes(4 * len(plan.lag_start))), lag_slot=array("i"))
        decision = self._decision(plan)
        decision.at(now, self._clock.at(now))
        choose, by_number = decision.choose, self._by_number
        alphabet = Alphabet.GSM7.value
        chosen: list[int] = []
        for place, room in zip(places, rooms, strict=True):
            creative = choose(place, room, False, alphabet)
            if isinstance(creative, Creative):
                creative.offer.lease.take()
                chosen.append(by_number[creative.offer.number])
            else:
                chosen.append(NOBODY)
        return chosen

    def _serving(self, heard: Sequence[bool]) -> list[ServingCampaign]:
        return [
            ServingCampaign(each.campaign, _units(each) - lease.held, 0)
            for each, lease, serves in zip(self._book, self._leases, heard, strict=True)
            if serves
        ]

    def _decision(self, plan: Plan) -> Decision:
        if self._offers[0] != plan.catalogue_digest:
            offers = [
                Offer(planned, self._leases[self._by_number[planned.number]], " ")
                for planned in plan.catalogue()
            ]
            self._offers = plan.catalogue_digest, offers
        return Decision(plan, self._offers[1], self._zone_of, self._random)


def _units(booked: Booked) -> int:
    return NO_LIMIT if booked.campaign.quantity is None else booked.campaign.quantity


def _whole(booked: Booked) -> Lease:
    """Return a lease of all units of a booking."""
    lease = Lease(booked.campaign.number)
    lease.held = _units(booked)
    return lease

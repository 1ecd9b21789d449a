"""Simple rules of allocation, to see what the planner is worth."""

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import numpy as np

from adapters.simulator.allocation.booked import Booked
from adapters.simulator.allocation.country import Country
from adapters.simulator.allocation.product import EVERY_S, NOBODY, Product
from adapters.simulator.allocation.seen import Seen
from adapters.simulator.allocation.traffic import Minute
from inventory.allotment import Outlook
from inventory.cells import CellMap
from inventory.contest import Indexes
from inventory.supply import HOUR_S, Counts, Supply


class Rule(Protocol):
    """Anything that decides minute by minute, without looking ahead."""

    def minute(self, minute: Minute) -> list[int]:
        """Return who serves each notification: a position in the book, or NOBODY."""


class _InOrder:
    """A rule that serves the first eligible campaign with units left, in an order made anew every 5 minutes.

    What is not booked yet, or cancelled, serves nothing.
    """

    def __init__(self, country: Country, book: Sequence[Booked], forecast: Supply, seed: int) -> None:
        first = float(forecast.first_hour * HOUR_S)
        self._sizes = sorted({each.size for each in book})
        self._cells = CellMap(
            country.reaches(book, cancelled=True),
            country.ground,
            first,
            first + forecast.hours * HOUR_S,
            [],
            self._sizes,
        )
        self._book = book
        self._left = [each.quantity for each in book]
        self._seen = Seen(country, forecast)
        self._expected = CellMap(
            country.reaches(book, cancelled=False), country.ground, first, first + forecast.hours * HOUR_S
        )
        self._chance = random.Random(seed)  # noqa: S311  # a simulation's draws
        self._next = 0.0
        self._slot = -1
        self._lists: dict[int, list[int]] = {}
        self._place_of: list[int] = []

    def minute(self, minute: Minute) -> list[int]:
        """Serve the first in order."""
        if minute.at >= self._next:
            self._place_of = self._order(self._seen.outlook(minute.at))
            self._next = minute.at + EVERY_S
            self._slot = -1
        slot = self._cells.timeline.at(minute.at)
        if slot != self._slot:
            self._slot = slot
            self._lists.clear()
        cells = self._cells
        room_class = np.searchsorted(np.array(self._sizes), minute.rooms, side="right") - 1
        found = cells.cell_of[cells.level_of_class[room_class], cells.group_of_place[minute.places], slot]
        chosen = [self._serve(cell) for cell in np.where(room_class < 0, NOBODY, found).tolist()]
        self._seen.count(minute)
        return chosen

    def _serve(self, cell: int) -> int:
        if cell < 0:
            return NOBODY
        eligible = self._lists.get(cell)
        if eligible is None:
            start = self._cells.start
            eligible = self._cells.campaign[start[cell] : start[cell + 1]].tolist()
            eligible.sort(key=self._place_of.__getitem__)
            self._lists[cell] = eligible
        return self._pick(eligible)

    def _pick(self, eligible: list[int]) -> int:
        while eligible:
            first = eligible[0]
            if self._left[first] > 0:
                self._left[first] -= 1
                return first
            eligible.pop(0)
        return NOBODY

    def _order(self, outlook: Outlook) -> list[int]:
        """Return each campaign's place: by priority, class and then as booked."""
        del outlook
        ranks = [each.campaign.campaign_class.rank for each in self._book]
        return _places(np.argsort(ranks, kind="stable"))

    def _traffic_left(self, outlook: Outlook) -> Counts:
        """Return each campaign's eligible traffic to come, as the corrected forecast has it."""
        coming: Counts = self._expected.offered(outlook.expected, outlook.at).sum(axis=1)
        return coming


class Greedy(_InOrder):
    """By priority: class, then as booked."""


class RandomEligible(_InOrder):
    """Any eligible campaign with units left, all alike."""

    def _pick(self, eligible: list[int]) -> int:
        while eligible:
            at = self._chance.randrange(len(eligible))
            campaign = eligible[at]
            if self._left[campaign] > 0:
                self._left[campaign] -= 1
                return campaign
            eligible[at] = eligible[-1]
            eligible.pop()
        return NOBODY


class MostUrgent(_InOrder):
    """Who needs the largest share of its coming traffic first."""

    def _order(self, outlook: Outlook) -> list[int]:
        need = np.array(self._left, dtype=np.float64) / np.maximum(self._traffic_left(outlook), 1e-9)
        return _places(np.argsort(-need, kind="stable"))


class HighWaterMark(_InOrder):
    """HWM (Chen et al. 2012): most contended first, each with one rate that its cells have room for."""

    def __init__(self, country: Country, book: Sequence[Booked], forecast: Supply, seed: int) -> None:
        super().__init__(country, book, forecast, seed)
        self._rate = np.zeros(len(book))

    def _order(self, outlook: Outlook) -> list[int]:
        cells = self._expected
        supply = cells.supply(outlook.expected, outlook.at)
        reach = self._traffic_left(outlook)
        order = np.argsort(reach, kind="stable")
        room = supply.copy()
        by_campaign = np.argsort(cells.campaign, kind="stable")
        upto = np.concatenate(([0], np.cumsum(np.bincount(cells.campaign, minlength=len(reach)))))
        for campaign in order.tolist():
            mine = cells.cell[by_campaign[upto[campaign] : upto[campaign + 1]]]
            self._rate[campaign] = _rate(room[mine], supply[mine], float(self._left[campaign]))
            room[mine] -= np.minimum(room[mine], supply[mine] * self._rate[campaign])
        return _places(order)

    def _pick(self, eligible: list[int]) -> int:
        draw = self._chance.random()
        for campaign in eligible:
            draw -= self._rate[campaign]
            if draw < 0:
                if self._left[campaign] <= 0:
                    return NOBODY
                self._left[campaign] -= 1
                return campaign
        return NOBODY


def _places(order: Indexes) -> list[int]:
    """Return each campaign's place in an order of campaigns."""
    places: list[int] = np.argsort(order, kind="stable").tolist()
    return places


def _rate(room: Counts, supply: Counts, wanted: float) -> float:
    """Return the share of supply that brings `wanted` units where cells have that much room, at most 1."""
    low, high = 0.0, 1.0
    if float(np.minimum(room, supply).sum()) <= wanted:
        return 1.0
    for _ in range(40):
        middle = (low + high) / 2
        if float(np.minimum(room, supply * middle).sum()) < wanted:
            low = middle
        else:
            high = middle
    return high


def _deficit(country: Country, book: Sequence[Booked], forecast: Supply, seed: int) -> Rule:
    return Product(country, book, forecast, seed, allots=False)


def _shale(country: Country, book: Sequence[Booked], forecast: Supply, seed: int) -> Rule:
    return Product(country, book, forecast, seed, supply_factor=1.0, catches_up=False)


RuleMaker = Callable[[Country, Sequence[Booked], Supply, int], Rule]

RULES: Mapping[str, RuleMaker] = {
    "greedy": Greedy,
    "random": RandomEligible,
    "most_urgent": MostUrgent,
    "deficit": _deficit,
    "hwm": HighWaterMark,
    "shale": _shale,
    "posdata": Product,
}

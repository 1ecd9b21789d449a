"""Cells: traffic that the same campaigns may use, told apart no further.

A raw cell is (place, slot of time, room class). Places on one clock, under the same blackouts, that the
same targets cover form a group, room classes that the same texts fit form a level, and raw cells whose
eligible campaigns are the same are merged into one cell. `CellMap` is that structure: it depends on
bookings and policy alone, and is laid over any `Supply` (a forecast, or what came) in a few milliseconds.

    reaches = [Reach(...) for each campaign]
    cells = CellMap(reaches, ground, first, last)
    supply = cells.supply(forecast, since=now)         # notifications per cell that are still to come
    cells.start, cells.campaign                        # CSR: who may be served in a cell
    cells.offered(forecast)                            # per campaign and slot: its eligible traffic

Quiet hours and campaign hours are the subscriber's clock: each place has its own.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from inventory.blackouts import Blackout
from inventory.bundles import Bundles
from inventory.campaign import HoursWindow
from inventory.pacing import Quiet
from inventory.plan import ROOM_CLASS_FLOORS
from inventory.supply import HOUR_S, Counts, Supply
from inventory.timeline import Mask, Timeline

# The room a text must fit by class: what fits a class's lower end fits all of it. The lowest class
# has no lower end to speak of, so what may fit some of it is tried there.
FITTED_ROOMS = (ROOM_CLASS_FLOORS[1] - 1, *ROOM_CLASS_FLOORS[1:])

NOBODY = -1

_ROWS_AT_ONCE = 1 << 22

Indexes = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Ground:
    """The places there are: time zones (IANA names, an index into them by place); when no ads go there."""

    timezones: tuple[str, ...]
    zone_of_place: Sequence[int]
    quiet: Quiet
    blackouts: tuple[Blackout, ...] = ()


@dataclass(frozen=True, slots=True)
class Reach:
    """Where and when one campaign may be served.

    `places` are dense indexes; `opens` and `closes` UTC seconds, half open; no `hours` means every
    hour of the subscriber's clock; `size` is what its shortest text takes of the room, in characters;
    in `gaps` (UTC seconds, half open) it is not served. Without a `category` no blackout concerns it.
    """

    places: frozenset[int]
    opens: float
    closes: float
    hours: tuple[HoursWindow, ...]
    size: int
    gaps: tuple[tuple[float, float], ...] = ()
    category: str | None = None


def lowest_class(size: int, rooms: Sequence[int] = FITTED_ROOMS) -> int:
    """Return the lowest room class that a text of `size` characters fits, len(rooms) when none."""
    return sum(room < size for room in rooms)


class CellMap:
    """Which campaigns may be served in which cell, from `first` to `last` (UTC seconds).

    A campaign is a position in `reaches`. Cells are numbered from 0; `campaign[start[cell]:
    start[cell + 1]]` are a cell's eligible campaigns, ascending, at least one.
    `group_of_place` (places), `level_of_class` (by room class) and `timeline` lead from a raw cell to
    `cell_of[level, group, slot]`, which is `NOBODY` where no campaign is eligible.
    Instants in `cuts` become bounds of slots too. `rooms` holds by room class what a text must fit
    to be served there: other classes than the plan's have their own.
    """

    def __init__(
        self,
        reaches: Sequence[Reach],
        ground: Ground,
        first: float,
        last: float,
        cuts: Iterable[float] = (),
        rooms: Sequence[int] = FITTED_ROOMS,
    ) -> None:
        self.ground = ground
        self.campaigns = len(reaches)
        self._blackouts = [each for each in ground.blackouts if each.begins < last and each.ends > first]
        spans = [(each.begins, each.ends) for each in self._blackouts]
        spans += [pair for each in reaches for pair in _spans(each)]
        self.timeline = Timeline(
            first,
            last,
            ground.timezones,
            {each.hours for each in reaches},
            ground.quiet,
            [*(instant for pair in spans for instant in pair), *cuts],
        )
        self._lowest = np.array([lowest_class(each.size, rooms) for each in reaches], dtype=np.intp)
        levels = np.unique(np.append(self._lowest[self._lowest < len(rooms)], 0))
        self._level_floors = levels
        self.level_of_class: Indexes = np.searchsorted(levels, np.arange(len(rooms)), side="right") - 1
        self._set_clocks(np.asarray(ground.zone_of_place, dtype=np.intp), len(ground.timezones))
        self._in_hours = _open(reaches, self.timeline, len(ground.timezones))
        self._open = self._lit_hours(reaches)
        self._group(reaches)

    def _set_clocks(self, zones: Indexes, count: int) -> None:
        """Give places of one time zone under the same blackouts one clock; without any a zone is one."""
        self.clock_of_place, self.zone_of_clock = zones, np.arange(count)
        self._dark = np.zeros((count, len(self._blackouts)), dtype=np.bool_)
        if self._blackouts:
            told = np.zeros((len(zones), 1 + len(self._blackouts)), dtype=np.intp)
            told[:, 0] = zones
            for column, each in enumerate(self._blackouts, 1):
                told[np.fromiter(each.places, np.intp, len(each.places)), column] = 1
            clocks, clock = np.unique(told, axis=0, return_inverse=True)
            self.clock_of_place, self.zone_of_clock = clock.reshape(-1), clocks[:, 0]
            self._dark = clocks[:, 1:].astype(np.bool_)

    def lit(self, category: str | None) -> Mask:
        """Return by clock and slot where no blackout rules out ads of a category."""
        lit = np.ones((len(self.zone_of_clock), len(self.timeline)), dtype=np.bool_)
        for column, each in enumerate(self._blackouts):
            if category is not None and each.concerns(category):
                lit[np.ix_(self._dark[:, column], self.timeline.within(each.begins, each.ends))] = False
        return lit

    def _lit_hours(self, reaches: Sequence[Reach]) -> Mask:
        """Return when each campaign may be served: shape (clocks, campaigns, slots)."""
        if not self._blackouts:
            return self._in_hours
        is_open = self._in_hours[self.zone_of_clock]
        by_category: dict[str | None, list[int]] = {}
        for position, each in enumerate(reaches):
            by_category.setdefault(each.category, []).append(position)
        for category, positions in by_category.items():
            is_open[:, positions] &= self.lit(category)[:, None]
        return is_open

    def _group(self, reaches: Sequence[Reach]) -> None:
        """Put places on one clock that the same campaigns may use into one group."""
        clocks = self.clock_of_place
        by_target: dict[frozenset[int], list[int]] = {}
        for position, each in enumerate(reaches):
            by_target.setdefault(each.places, []).append(position)
        covers = np.zeros((len(clocks), self.campaigns), dtype=np.bool_)
        for target, positions in by_target.items():
            covers[np.fromiter(target, np.intp, len(target))[:, None], np.array(positions)] = True
        signature = np.column_stack(
            [np.packbits(covers, axis=1), clocks.astype("<u4").view(np.uint8).reshape(-1, 4)]
        )
        keys = np.ascontiguousarray(signature).view(np.dtype((np.void, signature.shape[1])))[:, 0]
        _, first, group = np.unique(keys, return_index=True, return_inverse=True)
        self.group_of_place: Indexes = group.reshape(-1)
        self._covers = covers[first]
        self._clock_of_group = clocks[first]

    @cached_property
    def bundles(self) -> Bundles:
        """Who is eligible in which raw cell, by what campaigns have in common."""
        return Bundles(
            self._covers, self._clock_of_group, self._level_of_campaign, len(self._level_floors), self._open
        )

    @cached_property
    def _level_of_campaign(self) -> Indexes:
        return np.searchsorted(self._level_floors, self._lowest)

    def merged(self, slot: int) -> tuple[Indexes, Indexes, Indexes]:
        """Return one slot's cells (level, group), and who is eligible in each: offsets into campaigns.

        They are numbered from 0; where nobody is eligible is `NOBODY`.
        """
        signature = self.bundles.during(np.array([slot])).signatures()[:, :, 0]
        found, first, inverse = np.unique(signature, return_index=True, return_inverse=True)
        empty = bool(found[0] == 0)
        levels, groups = np.unravel_index(first[empty:], signature.shape)
        start, campaign = self._eligible(levels, groups, np.full(len(levels), slot))
        return inverse.reshape(signature.shape) - empty, start, campaign

    @property
    def cell_of(self) -> Indexes:
        """The cell of each raw cell (level, group, slot), `NOBODY` where no campaign is eligible."""
        return self._merged[0]

    @property
    def start(self) -> Indexes:
        """Where each cell's eligible campaigns begin in `campaign`."""
        return self._merged[1]

    @property
    def campaign(self) -> Indexes:
        """The eligible campaigns of all cells."""
        return self._merged[2]

    @cached_property
    def _merged(self) -> tuple[Indexes, Indexes, Indexes]:
        """Give raw cells with the same eligible campaigns one number; list who is eligible."""
        signature = self.bundles.signatures()
        found, first, inverse = np.unique(signature, return_index=True, return_inverse=True)
        empty = bool(found[0] == 0)
        start, campaign = self._eligible(*np.unravel_index(first[empty:], signature.shape))
        return inverse.reshape(signature.shape) - empty, start, campaign

    def _eligible(self, levels: Indexes, groups: Indexes, slots: Indexes) -> tuple[Indexes, Indexes]:
        """Return who is eligible in some raw cells: where each one's campaigns begin, and these."""
        counts: list[NDArray[np.intp]] = [np.zeros(1, dtype=np.intp)]
        campaigns: list[NDArray[np.intp]] = []
        floors = self._level_floors[levels]
        step = max(1, _ROWS_AT_ONCE // max(1, self.campaigns))
        for at in range(0, len(levels), step):
            some = slice(at, at + step)
            clocks = self._clock_of_group[groups[some]]
            fitting = self._covers[groups[some]] & (self._lowest <= floors[some, None])
            eligible = np.logical_and(fitting, self._open[clocks, :, slots[some]])
            counts.append(np.count_nonzero(eligible, axis=1))
            campaigns.append(np.nonzero(eligible)[1])
        start: Indexes = np.cumsum(np.concatenate(counts))
        return start, np.concatenate([np.zeros(0, dtype=np.intp), *campaigns])

    def __len__(self) -> int:
        """Return how many cells there are."""
        return len(self.start) - 1

    @cached_property
    def cell(self) -> Indexes:
        """The cell of each edge: where `campaign` holds who is eligible."""
        return np.repeat(np.arange(len(self)), np.diff(self.start))

    @property
    def groups(self) -> int:
        """How many groups of places there are."""
        return len(self._covers)

    def reached(self, campaigns: Mask, slot: int) -> Indexes:
        """Return by group how near any of the campaigns (a mask by position) comes to being served in a slot.

        0: none covers it; 1: none within its hours; 2: none that no blackout rules out; 3: else.
        """
        clock = self._clock_of_group
        covered = self._covers & campaigns
        in_hours = covered & self._in_hours[self.zone_of_clock[clock], :, slot]
        ways = covered, in_hours, in_hours & self._open[clock, :, slot]
        return np.asarray(np.stack(ways).any(axis=2).sum(axis=0), dtype=np.intp)

    def supply(self, supply: Supply, since: float | None = None) -> Counts:
        """Return the notifications per cell, those from `since` on; hours that `supply` lacks have none."""
        return self.pour(self.raw(supply, since))

    def pour(self, raw: Counts) -> Counts:
        """Return the notifications per cell from those by (level, group, slot)."""
        counted = np.bincount(self.cell_of.ravel() + 1, weights=raw.ravel(), minlength=len(self) + 1)
        return counted[1:].astype(np.float64, copy=False)

    def raw(self, supply: Supply, since: float | None = None, until: float | None = None) -> Counts:
        """Return the notifications by (level, group, slot), those from `since` on and before `until`."""
        bounds = self.timeline.bounds
        starts = bounds[:-1] if since is None else np.maximum(bounds[:-1], since)
        ends = bounds[1:] if until is None else np.minimum(bounds[1:], until)
        row = (bounds[:-1] // HOUR_S).astype(np.intp) - supply.first_hour
        known = (row >= 0) & (row < supply.hours)
        share = np.where(known, np.maximum(0.0, ends - starts) / HOUR_S, 0.0)
        used = np.flatnonzero(share > 0)
        raw = np.zeros((len(self._level_floors), self.groups, len(self.timeline)))
        if used.size == 0:
            return raw
        low, high = row[used[0]], row[used[-1]] + 1
        order = np.argsort(self.group_of_place, kind="stable")
        first = np.searchsorted(self.group_of_place[order], np.arange(self.groups))
        hours = supply.by_hour[low:high, order]
        mix = np.add.reduceat(supply.room_mix[order], self._level_floors, axis=1)
        for level in range(len(raw)):
            by_group = np.add.reduceat(hours * mix[:, level], first, axis=1)
            raw[level][:, used] = by_group[row[used] - low].T * share[used]
        return raw

    def offered(self, supply: Supply, since: float | None = None) -> Counts:
        """Return each campaign's eligible traffic by slot: shape (campaigns, slots)."""
        return self.offered_raw(self.raw(supply, since))

    def offered_raw(self, raw: Counts) -> Counts:
        """Return each campaign's eligible traffic by slot from what `raw` returned."""
        return self.bundles.by_slot(raw)


def _open(reaches: Sequence[Reach], timeline: Timeline, zones: int) -> Mask:
    """Return when each campaign's hours and quiet hours let it be served: shape (zones, campaigns, slots)."""
    allowed = {hours: timeline.allowed(hours) for hours in {each.hours for each in reaches}}
    is_open = np.zeros((zones, len(reaches), len(timeline)), dtype=np.bool_)
    for position, each in enumerate(reaches):
        is_open[:, position] = allowed[each.hours] & timeline.within(each.opens, each.closes)
        for gap in each.gaps:
            is_open[:, position, timeline.within(*gap)] = False
    return is_open


def _spans(reach: Reach) -> list[tuple[float, float]]:
    return [(reach.opens, reach.closes), *reach.gaps]

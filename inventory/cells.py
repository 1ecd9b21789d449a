"""Cells: traffic that the same campaigns may use, told apart no further.

A raw cell is (place, slot of time, room class). Places on one clock that the same targets cover form
a group, room classes that the same texts fit form a level, and raw cells whose eligible campaigns
are the same are merged into one cell. `CellMap` is that structure: it depends on bookings and policy
alone, and is laid over any `Supply` (a forecast, or what came) in a few milliseconds.

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
    """The places there are: their time zones (IANA names, an index into them by place), and quiet hours."""

    timezones: tuple[str, ...]
    zone_of_place: Sequence[int]
    quiet: Quiet


@dataclass(frozen=True, slots=True)
class Reach:
    """Where and when one campaign may be served.

    `places` are dense indexes; `opens` and `closes` UTC seconds, half open; no `hours` means every
    hour of the subscriber's clock; `size` is what its shortest text takes of the room, in characters;
    in `gaps` (UTC seconds, half open) it is not served.
    """

    places: frozenset[int]
    opens: float
    closes: float
    hours: tuple[HoursWindow, ...]
    size: int
    gaps: tuple[tuple[float, float], ...] = ()


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
        flights = [instant for each in reaches for pair in _spans(each) for instant in pair]
        self.timeline = Timeline(
            first,
            last,
            ground.timezones,
            {each.hours for each in reaches},
            ground.quiet,
            [*flights, *cuts],
        )
        self._lowest = np.array([lowest_class(each.size, rooms) for each in reaches], dtype=np.intp)
        levels = np.unique(np.append(self._lowest[self._lowest < len(rooms)], 0))
        self._level_floors = levels
        self.level_of_class: Indexes = np.searchsorted(levels, np.arange(len(rooms)), side="right") - 1
        self._open = _open(reaches, self.timeline, len(ground.timezones))
        self._group(reaches, np.asarray(ground.zone_of_place, dtype=np.intp))

    def _group(self, reaches: Sequence[Reach], zones: Indexes) -> None:
        """Put places on one clock that the same campaigns may use into one group."""
        by_target: dict[frozenset[int], list[int]] = {}
        for position, each in enumerate(reaches):
            by_target.setdefault(each.places, []).append(position)
        covers = np.zeros((len(zones), self.campaigns), dtype=np.bool_)
        for target, positions in by_target.items():
            covers[np.fromiter(target, np.intp, len(target))[:, None], np.array(positions)] = True
        signature = np.column_stack(
            [np.packbits(covers, axis=1), zones.astype("<u4").view(np.uint8).reshape(-1, 4)]
        )
        keys = np.ascontiguousarray(signature).view(np.dtype((np.void, signature.shape[1])))[:, 0]
        _, first, group = np.unique(keys, return_index=True, return_inverse=True)
        self.group_of_place: Indexes = group.reshape(-1)
        self._covers = covers[first]
        self._zone_of_group = zones[first]

    @cached_property
    def bundles(self) -> Bundles:
        """Who is eligible in which raw cell, by what campaigns have in common."""
        return Bundles(
            self._covers, self._zone_of_group, self._level_of_campaign, len(self._level_floors), self._open
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
            zones = self._zone_of_group[groups[some]]
            fitting = self._covers[groups[some]] & (self._lowest <= floors[some, None])
            eligible = np.logical_and(fitting, self._open[zones, :, slots[some]])
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

    def targeted(self, campaigns: Mask, slot: int | None = None) -> Mask:
        """Return which groups any of the campaigns (a mask by position) covers: at any time, or in a slot."""
        meant = self._covers & campaigns
        if slot is not None:
            meant = meant & self._open[self._zone_of_group, :, slot]
        return np.asarray(meant.any(axis=1), dtype=np.bool_)

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
    """Return when each campaign may be served: shape (zones, campaigns, slots)."""
    allowed = {hours: timeline.allowed(hours) for hours in {each.hours for each in reaches}}
    is_open = np.zeros((zones, len(reaches), len(timeline)), dtype=np.bool_)
    for position, each in enumerate(reaches):
        is_open[:, position] = allowed[each.hours] & timeline.within(each.opens, each.closes)
        for gap in each.gaps:
            is_open[:, position, timeline.within(*gap)] = False
    return is_open


def _spans(reach: Reach) -> list[tuple[float, float]]:
    return [(reach.opens, reach.closes), *reach.gaps]

"""A portion: the part of a forecast that one booking may use, cell by cell."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inventory.campaign import HoursWindow
from inventory.cells import CellMap, Ground, Reach, lowest_class
from inventory.clock import MINUTES_A_DAY
from inventory.forecast import Forecast
from inventory.pacing import Quiet
from inventory.plan import ROOM_CLASSES
from inventory.scenarios import HOURS_PER_DAY
from inventory.supply import HOUR_S, Counts
from inventory.timeline import Timeline

Indexes = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Portion:
    """Notifications that a booking may use.

    `units` has shape (levels, groups, slots): what it may use of these `groups` and `slots` of a
    `CellMap`; `by_place` is its sum for each of `places`. `by_day` and `hours_squared` are what
    `Scenarios.total_of_days` asks for. `before_quiet` is what it might use if there were no quiet
    hours, `before_blackout` if there were no blackouts, `before_room` if its text fitted everywhere.
    """

    groups: Indexes
    slots: Indexes
    units: Counts
    places: Indexes
    by_place: Counts
    by_day: Counts
    hours_squared: float
    before_quiet: float = 0.0
    before_blackout: float = 0.0
    before_room: float = 0.0

    @property
    def expected(self) -> float:
        """All of it, as forecast."""
        return float(self.units.sum())

    def poured(self, cells: CellMap) -> tuple[Counts, float]:
        """Return the notifications per cell, and those where no booking of the cells may be served."""
        numbers = cells.cell_of[:, self.groups[:, None], self.slots]
        counted = np.bincount(numbers.ravel() + 1, weights=self.units.ravel(), minlength=len(cells) + 1)
        return counted[1:].astype(np.float64, copy=False), float(counted[0])


def portion(reach: Reach, cells: CellMap, ground: Ground, forecast: Forecast, now: float) -> Portion:
    """Return what a booking may use from `now` on; nothing outside the cells' and the forecast's time.

    Parts of hours count by their share of the hour, as in `CellMap.raw`.
    """
    bounds = cells.timeline.bounds
    opens, closes = max(reach.opens, now, bounds[0]), min(reach.closes, bounds[-1])
    places = np.fromiter(reach.places, np.intp, len(reach.places))
    places = places[np.argsort(cells.group_of_place[places], kind="stable")]
    if opens >= closes or not places.size:
        return _nothing(cells, forecast)
    every, lit_or_not = (
        each[cells.zone_of_clock] for each in _share_of_slots(reach, cells, ground, opens, closes)
    )
    lit = cells.lit(reach.category)
    share = lit_or_not * lit
    row = (bounds[:-1] // HOUR_S).astype(np.intp) - forecast.supply.first_hour
    slots = np.flatnonzero(every.any(axis=0) & (row >= 0) & (row < forecast.supply.hours))
    if not slots.size:
        return _nothing(cells, forecast)
    low, high = int(row[slots[0]]), int(row[slots[-1]]) + 1
    by_hour = forecast.supply.by_hour[low:high, places]
    mix = forecast.supply.room_mix[places] * (np.arange(ROOM_CLASSES) >= lowest_class(reach.size))
    fitting = mix.sum(axis=1)
    clock = cells.clock_of_place[places]
    of_hour, of_every_hour, of_lit_or_not = (
        _by_hour(each[:, slots], row[slots] - low)[clock] for each in (share, every * lit, lit_or_not)
    )
    came = by_hour * of_hour.T
    eligible = came * fitting
    slots = slots[share[:, slots].any(axis=0)]
    groups, starts = np.unique(cells.group_of_place[places], return_index=True)
    of_level = np.eye(len(cells.cell_of))[cells.level_of_class]
    units = np.empty((len(cells.cell_of), len(groups), len(slots)))
    for level, mixed in enumerate((mix @ of_level).T):
        by_group = np.add.reduceat(by_hour * mixed, starts, axis=1)
        units[level] = by_group[row[slots] - low].T * share[clock[starts]][:, slots]
    return Portion(
        groups,
        slots,
        units,
        places,
        eligible.sum(axis=0),
        _by_day(eligible, low, places, forecast),
        float((eligible.sum(axis=1) ** 2).sum()),
        float(np.einsum("hp,ph,p->", by_hour, of_every_hour, fitting)),
        float(np.einsum("hp,ph,p->", by_hour, of_lit_or_not, fitting)),
        float(came.sum()),
    )


def _share_of_slots(
    reach: Reach, cells: CellMap, ground: Ground, opens: float, closes: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return which part of an hour it has of each slot (zones, slots): if none were quiet, and as it is."""
    bounds = cells.timeline.bounds
    waking = _waking(ground.quiet)
    line = Timeline(opens, closes, ground.timezones, {reach.hours, waking}, None, bounds)
    every = line.allowed(reach.hours) * (np.diff(line.bounds) / HOUR_S)
    slot = np.searchsorted(bounds, line.bounds[:-1], side="right") - 1
    first = np.flatnonzero(np.diff(slot, prepend=-1))
    shares = []
    for hours in (every, every * line.allowed(waking)):
        share = np.zeros((len(ground.timezones), len(bounds) - 1))
        share[:, slot[first]] = np.add.reduceat(hours, first, axis=1)
        shares.append(share)
    return shares[0], shares[1]


def _waking(quiet: Quiet) -> tuple[HoursWindow, ...]:
    """Return the hours that are not quiet, as a schedule."""
    if quiet is None or quiet[0] == quiet[1]:
        return ()
    return (HoursWindow(frozenset(range(7)), quiet[1] % MINUTES_A_DAY, quiet[0]),)


def _by_hour(share: NDArray[np.float64], row: Indexes) -> NDArray[np.float64]:
    """Return parts of slots as parts of hours, by row."""
    first = np.flatnonzero(np.diff(row, prepend=-1))
    of_hour = np.zeros((len(share), int(row[-1]) + 1))
    of_hour[:, row[first]] = np.add.reduceat(share, first, axis=1)
    return of_hour


def _by_day(eligible: Counts, low: int, places: Indexes, forecast: Forecast) -> Counts:
    """Sum eligible notifications (hours from row `low` on × places) by day and area."""
    scenarios = forecast.scenarios
    day = (np.arange(low, low + len(eligible)) + scenarios.hour_offset) // HOURS_PER_DAY
    first = np.flatnonzero(np.diff(day, prepend=-1))
    _, days, count = scenarios.factors.shape
    by_day = np.zeros((days, count))
    areas = scenarios.area_of_place[places]
    for row, summed in zip(day[first], np.add.reduceat(eligible, first, axis=0), strict=True):
        by_day[row] = np.bincount(areas, weights=summed, minlength=count)
    return by_day


def _nothing(cells: CellMap, forecast: Forecast) -> Portion:
    none = np.zeros(0, dtype=np.intp)
    _, days, areas = forecast.scenarios.factors.shape
    units = np.zeros((len(cells.cell_of), 0, 0))
    return Portion(none, none, units, none, np.zeros(0), np.zeros((days, areas)), 0.0)

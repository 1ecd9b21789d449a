"""The allotment: which share of which cell each campaign is to have, and how far along it should be.

Made every few minutes and on events, from what came and what is forecast; between two of them the
plan follows it second by second.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from inventory.books import ServingCampaign
from inventory.bundles import Bundles
from inventory.campaign import Pacing
from inventory.cells import CellMap
from inventory.contest import BundledContest, Indexes
from inventory.fairness import fair_units
from inventory.shale import COLD_ROUNDS, WARM_ROUNDS, Shale
from inventory.supply import HOUR_S, Counts, Supply
from inventory.timeline import Mask

# A campaign is tight when low supply would cost it this part of its quantity.
TIGHT_SHORTAGE = 0.005
# What rows leave of a cell that a tight campaign may use: it goes to whoever is most urgent by then.
YIELDED = 0.35
# Rows are drawn by chance: they ask for the square root of what is left on top, at most so many units, lest
# a campaign miss its last ones.
MOST_FOR_CHANCE = 10.0

# A campaign that is ahead of its curve by a part of its quantity yields so many times that part of its rows.
RESTRAINT = 6.0
LEAST_RESTRAINED = 0.3
# What a flight wants beyond the forecast's end is left for later when it lasts so much longer.
DAY_S = 24.0 * HOUR_S


class ReducedSupply(Protocol):
    """What frequency caps take from a campaign's supply (blackouts take its cells)."""

    def lost(self, serving: Sequence[ServingCampaign]) -> Counts:
        """Return the share (0–1) of each campaign's eligible supply that it can't use."""


class NothingLost:
    """No caps."""

    def lost(self, serving: Sequence[ServingCampaign]) -> Counts:
        """Return zeros."""
        return np.zeros(len(serving))


@dataclass(frozen=True, slots=True)
class Outlook:
    """What the planner is told of traffic: what `came` until `at` (UTC seconds), what is `expected` after.

    Both tell of hours by place; `came` holds of the hour that runs what came of it, `expected` all of it.
    """

    at: float
    came: Supply
    expected: Supply

    def so_far(self) -> Supply:
        """Return what came, the hour that runs at the rate it had until now."""
        row = int(self.at // HOUR_S) - self.came.first_hour
        gone = self.at % HOUR_S
        if not 0 <= row < self.came.hours or gone <= 0:
            return self.came
        by_hour = self.came.by_hour.copy()
        by_hour[row] *= HOUR_S / gone
        return replace(self.came, by_hour=by_hour)


@dataclass(frozen=True, slots=True)
class Cut:
    """Something by raw cell, for classes of slots from slot `first` on: (levels, groups, classes)."""

    first: int
    class_of_slot: Indexes
    values: Counts

    def of_slot(self, slot: int) -> Counts:
        """Return a slot's values by (level, group); of the first one for a slot before."""
        later = min(max(slot - self.first, 0), len(self.class_of_slot) - 1)
        values: Counts = self.values[:, :, self.class_of_slot[later]]
        return values


@dataclass(frozen=True, slots=True)
class Allotment:
    """One allotment, for campaigns (number, version) by position in `cells`.

    A campaign's planned share of a cell is its `rate` times what the cell makes of it: `thinned`.
    `came` is each campaign's eligible traffic before `at`, `coming` what is expected from there to
    each bound of the timeline. `target` is where each should
    end, in units: less than its quantity where supply is short. `tight` ones would end short if
    supply came as low as is planned for: they may run ahead of their curves. `factor` starts the next one.
    """

    at: float
    cells: CellMap
    versions: tuple[tuple[int, int], ...]
    rate: Counts
    cut: "Cut"
    came: Counts
    coming: Counts
    target: Counts
    tight: Mask
    factor: Counts

    def thinned(self, slot: int) -> Counts:
        """Return by (level, group) what cells of a slot make of the shares that are asked of them."""
        return self.cut.of_slot(slot)

    def is_fresh(self, now: float, stale_s: float) -> bool:
        """Tell whether the allotment is young enough to be followed."""
        return now - self.at <= stale_s

    def positions(self, versions: Sequence[tuple[int, int]]) -> Indexes | None:
        """Return the positions of campaigns; None where it was not made for all of them."""
        position = {identity: at for at, identity in enumerate(self.versions)}
        try:
            return np.array([position[identity] for identity in versions], dtype=np.intp)
        except KeyError:
            return None

    def to_come(self, now: float) -> Counts:
        """Return the eligible traffic that each campaign still expects."""
        return (1 - self.elapsed(now)) * (self.came + self.coming[:, -1])

    def elapsed(self, now: float) -> Counts:
        """Return which share of its eligible traffic each campaign has seen by `now`; 1 where it has none."""
        bounds = self.cells.timeline.bounds
        slot = self.cells.timeline.at(now)
        begin = max(bounds[slot], self.at)
        part = float(np.clip((now - begin) / max(bounds[slot + 1] - begin, 1e-9), 0.0, 1.0))
        gone = self.coming[:, slot] + part * (self.coming[:, slot + 1] - self.coming[:, slot])
        total = self.came + self.coming[:, -1]
        seen = self.came + gone
        return np.divide(seen, total, out=np.ones_like(total), where=total > 0)


def allot(
    serving: Sequence[ServingCampaign],
    cells: CellMap,
    outlook: Outlook,
    supply_factor: float,
    reduced: ReducedSupply,
    former: Allotment | None = None,
) -> Allotment:
    """Return the allotment for campaigns in the order of `cells`."""
    raw = cells.raw(outlook.expected, outlook.at)
    offered = cells.offered_raw(raw)
    came = cells.offered_raw(cells.raw(outlook.so_far(), until=outlook.at)).sum(axis=1)
    came += _before(serving, cells, came + offered.sum(axis=1))
    first = cells.timeline.at(outlook.at)
    bundles = cells.bundles.during(np.arange(first, len(cells.timeline)))
    class_of_slot = bundles.alike()
    contest = _contest(
        serving, cells, bundles.together(raw[:, :, first:], class_of_slot), reduced, outlook.at
    )
    goals = _goals(contest, serving, supply_factor)
    shale = Shale(
        replace(contest, supply=contest.supply * supply_factor, wanted=goals.drawn()),
        _factors(serving, former),
    )
    shale.ascend(COLD_ROUNDS if former is None else WARM_ROUNDS)
    contended = contest.bundles.spread(goals.tight.astype(np.float64)) > 0
    thinned = shale.thinned * np.where(contended, 1 - YIELDED, 1.0)
    rate = shale.rate * _restraint(serving, came, offered.sum(axis=1), goals.tight)
    coming = np.concatenate([np.zeros((len(serving), 1)), np.cumsum(offered, axis=1)], axis=1)
    versions = tuple((each.campaign.number, each.campaign.version) for each in serving)
    return Allotment(
        outlook.at,
        cells,
        versions,
        rate,
        Cut(first, class_of_slot, thinned),
        came,
        coming,
        goals.target,
        goals.tight,
        shale.factor,
    )


@dataclass(frozen=True, slots=True)
class _Goals:
    """What campaigns are to get: `units` of low supply, where they should end (`target`), who is `tight`.

    All units fit into that supply together: were more asked for than there is, those whose cells come
    early would yield to those who have others later.
    """

    units: Counts
    target: Counts
    tight: Mask

    def drawn(self) -> Counts:
        """Return what rows are to bring: units and some more for chance, which tight campaigns give."""
        more = np.minimum(np.sqrt(self.units), MOST_FOR_CHANCE)
        held = float(self.units[self.tight].sum())
        given = min(1.0, float(more.sum()) / held) if held > 0 else 0.0
        return np.asarray(np.where(self.tight, 1.0 - given, 1.0) * self.units + more, dtype=np.float64)


def _goals(contest: BundledContest, serving: Sequence[ServingCampaign], supply_factor: float) -> _Goals:
    """Return goals by the shortage policy, for supply as expected, as low as planned for, and as high.

    Targets are those of high supply: whom a pessimistic forecast has given up would not catch up any more.
    """
    done = np.array([float(each.settled) for each in serving])
    low = fair_units(contest, done, part=supply_factor)
    if not np.any(contest.wanted - low > TIGHT_SHORTAGE * contest.quantity):
        return _Goals(low, done + low, np.zeros(len(serving), dtype=np.bool_))
    units = fair_units(contest, done)
    short = np.any(contest.wanted - units > TIGHT_SHORTAGE * contest.quantity)
    high = fair_units(contest, done, part=1 / supply_factor) if short else contest.wanted
    return _Goals(supply_factor * units, done + high, units - low > TIGHT_SHORTAGE * contest.quantity)


def _restraint(serving: Sequence[ServingCampaign], came: Counts, coming: Counts, tight: Mask) -> Counts:
    """Return by how much to scale rows of campaigns that are ahead of their curves and sure to be served."""
    settled = np.array([float(each.settled) for each in serving])
    quantity = np.array([float(each.quantity or 0) for each in serving])
    paced = np.array([each.campaign.pacing is Pacing.EVEN for each in serving], dtype=np.bool_) & ~tight
    ahead = settled / np.maximum(quantity, 1.0) - came / np.maximum(came + coming, 1.0)
    return np.where(paced, np.clip(1 - RESTRAINT * ahead, LEAST_RESTRAINED, 1.0), 1.0)


def _before(serving: Sequence[ServingCampaign], cells: CellMap, told: Counts) -> Counts:
    """Return the eligible traffic of flights before the cells begin: as much a second as `told`."""
    bounds = cells.timeline.bounds
    starts = np.array([each.campaign.starts_at.timestamp() for each in serving])
    ends = np.array([each.campaign.ends_at.timestamp() for each in serving])
    seconds = np.minimum(ends, bounds[-1]) - np.maximum(starts, bounds[0])
    missed = np.maximum(0.0, bounds[0] - starts)
    return np.where(seconds > 0, told * missed / np.maximum(seconds, 1.0), 0.0)


def _contest(
    serving: Sequence[ServingCampaign],
    cells: CellMap,
    classed: tuple[Counts, Bundles],
    reduced: ReducedSupply,
    now: float,
) -> BundledContest:
    """Return the contest over what is still to come."""
    supply, bundles = classed
    # What has no quantity takes what the lag lists leave it.
    left = [0 if each.quantity is None else max(0, each.quantity - each.settled) for each in serving]
    wanted = np.array(left, dtype=np.float64)
    ends = np.array([each.campaign.ends_at.timestamp() for each in serving])
    last = cells.timeline.bounds[-1]
    beyond = np.where(ends - last > DAY_S, ends - last, 0.0)  # a forecast may end with its last busy hour
    wanted *= (last - now) / (last - now + beyond)
    wanted = np.minimum(wanted, (1.0 - reduced.lost(serving)) * bundles.gather(supply))
    quantity = np.array([float(each.quantity or 0) for each in serving])
    rank = np.array([each.campaign.campaign_class.rank for each in serving], dtype=np.intp)
    return BundledContest(supply, bundles, wanted, quantity, rank)


def _factors(serving: Sequence[ServingCampaign], former: Allotment | None) -> Counts | None:
    if former is None:
        return None
    known = dict(zip((number for number, _ in former.versions), former.factor.tolist(), strict=True))
    return np.array([known.get(each.campaign.number, 1.0) for each in serving])

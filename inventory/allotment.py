"""The allotment: which share of which cell each campaign is to have, and how far along it should be.

Made every few minutes and on events, from what came and what is forecast; between two of them the
plan follows it second by second.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from inventory.books import ServingCampaign
from inventory.campaign import Pacing
from inventory.cells import CellMap
from inventory.contest import Contest, Indexes
from inventory.fairness import fair_units
from inventory.shale import COLD_ROUNDS, WARM_ROUNDS, Shale
from inventory.supply import HOUR_S, Counts, Supply
from inventory.timeline import Mask

# A campaign is tight when low supply would cost it this part of its quantity.
TIGHT_SHORTAGE = 0.005
# What rows leave of a cell that a tight campaign may use: it goes to whoever is most urgent by then.
YIELDED = 0.35


# A campaign that is ahead of its curve by a part of its quantity yields so many times that part of its rows.
RESTRAINT = 6.0
LEAST_RESTRAINED = 0.3
# What a flight wants beyond the forecast's end is left for later when it lasts so much longer.
DAY_S = 24.0 * HOUR_S


class ReducedSupply(Protocol):
    """What frequency caps and blackouts take from a campaign's supply."""

    def lost(self, cells: CellMap, serving: Sequence[ServingCampaign]) -> Counts:
        """Return the share (0–1) of each edge's supply that its campaign can't use."""


class NothingLost:
    """No caps, no blackouts."""

    def lost(self, cells: CellMap, serving: Sequence[ServingCampaign]) -> Counts:  # noqa: ARG002  # the port's signature
        """Return zeros."""
        return np.zeros(len(cells.campaign))


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
class Allotment:
    """One allotment, for campaigns (number, version) by position in `cells`.

    `share` is the planned share by edge. `came` is each campaign's eligible traffic before `at`,
    `coming` what is expected from there to each bound of the timeline. `target` is where each should
    end, in units: less than its quantity where supply is short. `tight` ones would end short if
    supply came as low as is planned for: they may run ahead of their curves. `price` starts the next one.
    """

    at: float
    cells: CellMap
    versions: tuple[tuple[int, int], ...]
    share: Counts
    came: Counts
    coming: Counts
    target: Counts
    tight: Mask
    price: Counts

    def serves(self, versions: Iterable[tuple[int, int]], now: float, stale_s: float) -> bool:
        """Tell whether the allotment may be followed: young enough, and made for all of these campaigns."""
        return now - self.at <= stale_s and set(self.versions).issuperset(versions)

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
    contest, edges = _contest(serving, cells, cells.pour(raw), reduced, outlook.at)
    goals = _goals(contest, serving, supply_factor)
    shale = Shale(
        replace(contest, supply=contest.supply * supply_factor, wanted=goals.units), _prices(serving, former)
    )
    shale.ascend(COLD_ROUNDS if former is None else WARM_ROUNDS)
    share = np.zeros(len(cells.campaign))
    share[edges] = shale.fill(shale.shares())
    contended = np.bincount(cells.cell, weights=goals.tight[cells.campaign], minlength=len(cells)) > 0
    share[contended[cells.cell]] *= 1 - YIELDED
    share *= _restraint(serving, came, offered.sum(axis=1), goals.tight)[cells.campaign]
    coming = np.concatenate([np.zeros((len(serving), 1)), np.cumsum(offered, axis=1)], axis=1)
    versions = tuple((each.campaign.number, each.campaign.version) for each in serving)
    return Allotment(outlook.at, cells, versions, share, came, coming, goals.target, goals.tight, shale.price)


@dataclass(frozen=True, slots=True)
class _Goals:
    """What campaigns are to get: `units` of what is expected, `target` at the end, and who is `tight`."""

    units: Counts
    target: Counts
    tight: Mask


def _goals(contest: Contest, serving: Sequence[ServingCampaign], supply_factor: float) -> _Goals:
    """Return goals by the shortage policy, for supply as expected, as low as planned for, and as high.

    Targets are those of high supply: whom a pessimistic forecast has given up would not catch up any more.
    """
    done = np.array([float(each.settled) for each in serving])
    low = fair_units(replace(contest, supply=contest.supply * supply_factor), done)
    if not np.any(contest.wanted - low > TIGHT_SHORTAGE * contest.quantity):
        return _Goals(low, done + low, np.zeros(len(serving), dtype=np.bool_))
    units = fair_units(contest, done)
    high = fair_units(replace(contest, supply=contest.supply / supply_factor), done)
    return _Goals(units, done + high, units - low > TIGHT_SHORTAGE * contest.quantity)


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
    supply: Counts,
    reduced: ReducedSupply,
    now: float,
) -> tuple[Contest, Indexes]:
    """Return the contest over cells that hold anything, and which edges take part in it."""
    full = supply > 0
    edges = full[cells.cell]
    counts = np.diff(cells.start)[full]
    # What has no quantity takes what the lag lists leave it.
    left = [0 if each.quantity is None else max(0, each.quantity - each.settled) for each in serving]
    wanted = np.array(left, dtype=np.float64)
    ends = np.array([each.campaign.ends_at.timestamp() for each in serving])
    last = cells.timeline.bounds[-1]
    beyond = np.where(ends - last > DAY_S, ends - last, 0.0)  # a forecast may end with its last busy hour
    wanted *= (last - now) / (last - now + beyond)
    quantity = np.array([float(each.quantity or 0) for each in serving])
    rank = np.array([each.campaign.campaign_class.rank for each in serving], dtype=np.intp)
    contest = Contest(
        supply[full],
        np.concatenate(([0], np.cumsum(counts))),
        cells.campaign[edges],
        1.0 - reduced.lost(cells, serving)[edges],
        wanted,
        quantity,
        rank,
    )
    return contest, np.flatnonzero(edges)


def _prices(serving: Sequence[ServingCampaign], former: Allotment | None) -> Counts | None:
    if former is None:
        return None
    known = dict(zip((number for number, _ in former.versions), former.price.tolist(), strict=True))
    return np.array([known.get(each.campaign.number, 0.0) for each in serving])

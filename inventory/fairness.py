"""Who goes short when supply does: class by class, the max-min share of quantity, by maximum flows.

The shortage policy (docs/decisions/0014): a class is served before the next one; within a
class the smallest share of a booked quantity is as large as any allocation can make it, then the
second smallest, and so on. Such an allocation is a maximum flow too: nothing is traded away for it.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order, maximum_flow

from inventory.contest import Contest, Indexes
from inventory.supply import Counts

# Flows are whole numbers of 32 bits: fractions of units are kept as far as they fit.
_LARGEST_FLOW = 1 << 30
_FINEST = 64.0
_HALVINGS = 50

Whole = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class _Tight:
    """Campaigns that can't get what they ask for, and the cells that are all theirs.

    `edges` (of the network) lead from them to cells of others; they are full too.
    """

    campaigns: Mask
    cells: Indexes
    edges: Indexes


@dataclass(frozen=True, slots=True)
class _Network:
    """Cells and edges still in play, in scaled whole units; `limit` is the most that an edge takes."""

    supply: Whole
    cell: Indexes
    campaign: Indexes
    limit: Whole

    def without(self, tight: _Tight) -> "_Network":
        """Return what is left when tight campaigns have taken what they can get."""
        supply = self.supply.copy()
        supply[tight.cells] = 0
        np.subtract.at(supply, self.cell[tight.edges], self.limit[tight.edges])
        kept = ~tight.campaigns[self.campaign] & (supply[self.cell] > 0)
        return _Network(supply, self.cell[kept], self.campaign[kept], self.limit[kept])

    def room(self, tight: _Tight) -> int:
        """Return what tight campaigns can get together."""
        return int(self.supply[tight.cells].sum() + self.limit[tight.edges].sum())

    def starved(self, demand: Whole, spare: int) -> _Tight | None:
        """Return who can't get a demand, or None when all of it fits but for `spare`."""
        campaigns, cells = len(demand), len(self.supply)
        graph = self._graph(demand)
        flow = maximum_flow(graph, 0, campaigns + cells + 1)
        if int(demand.sum()) - int(flow.flow_value) <= spare:
            return None
        residual = csr_array(graph - flow.flow)
        residual.data[residual.data < 0] = 0
        residual.eliminate_zeros()
        reached = np.zeros(campaigns + cells + 2, dtype=np.bool_)
        reached[breadth_first_order(residual, 0, return_predecessors=False)] = True
        short, full = reached[1 : campaigns + 1], reached[campaigns + 1 : -1]
        edges = np.flatnonzero(short[self.campaign] & ~full[self.cell])
        return _Tight(short, np.flatnonzero(full), edges)

    def _graph(self, demand: Whole) -> csr_array:
        """Return source → campaigns → cells → sink as a matrix of capacities."""
        campaigns, cells = len(demand), len(self.supply)
        sink = campaigns + cells + 1
        capacity = np.concatenate([demand, self.limit, self.supply])
        tails = np.concatenate(
            [np.zeros(campaigns, np.intp), 1 + self.campaign, 1 + campaigns + np.arange(cells)]
        )
        heads = np.concatenate(
            [1 + np.arange(campaigns), 1 + campaigns + self.cell, np.full(cells, sink, np.intp)]
        )
        return csr_array((capacity.astype(np.int32), (tails, heads)), shape=(sink + 1, sink + 1))


def fair_units(contest: Contest, done: Counts, tolerance: float = 1e-4) -> Counts:
    """Return the units that each campaign should still get, at most `wanted`.

    `done` units count towards a campaign's share. A shortage of the part `tolerance` of all demand
    is not worth another flow.
    """
    return _Filling(contest, done, tolerance).units()


class _Filling:
    """Levels rise until cells are full; what is full leaves."""

    def __init__(self, contest: Contest, done: Counts, tolerance: float) -> None:
        total = max(float(contest.supply.sum()), float(contest.wanted.sum()), 1.0)
        self._scale = min(_FINEST, _LARGEST_FLOW / total)
        self._rank = contest.rank
        self._quantity = contest.quantity * self._scale
        self._done = done * self._scale
        self._wanted = contest.wanted * self._scale
        self._spare = int(tolerance * float(self._wanted.sum()))
        partial = contest.kept < 1.0
        self._network = _Network(
            np.floor(contest.supply * self._scale).astype(np.int64),
            contest.cell,
            contest.campaign,
            np.where(partial, np.floor(contest.worth * self._scale), _LARGEST_FLOW).astype(np.int64),
        )
        self._settled = np.zeros(len(contest.wanted))

    def units(self) -> Counts:
        """Settle class after class, each beside what those above it hold."""
        for rank in np.unique(self._rank):
            self._fill(self._rank == rank)
        return self._settled / self._scale

    def _fill(self, rising: Mask) -> None:
        network, gone = self._network, np.zeros(len(rising), dtype=np.bool_)
        while rising.any():
            level, tight = self._highest_level(network, rising, gone)
            hit = rising if tight is None else rising & tight.campaigns
            if not hit.any():  # those above hold it all, within the tolerance
                hit = rising
            self._settled[hit] = self._asked(level)[hit]
            if tight is None:
                return
            rising = rising & ~hit
            gone |= tight.campaigns
            network = network.without(tight)

    def _highest_level(self, network: _Network, rising: Mask, gone: Mask) -> tuple[float, _Tight | None]:
        """Return the highest common share of quantity that fits, and who is tight there (Newton on cuts)."""
        level: float = 1.0
        tight: _Tight | None = None
        while True:
            held = np.where(gone, 0.0, self._settled)
            demand = np.where(rising, self._asked(level), held)
            starved = network.starved(np.floor(demand).astype(np.int64), self._spare)
            if starved is None:
                return level, tight
            tight = starved
            above = tight.campaigns & ~rising
            lower = self._level_that_fills(
                tight.campaigns & rising, network.room(tight) - float(held[above].sum())
            )
            if lower >= level:
                return level, tight
            level = lower

    def _asked(self, level: float) -> Counts:
        """Return what campaigns ask for so that they end at a share of their quantity."""
        return np.clip(level * self._quantity - self._done, 0.0, self._wanted)

    def _level_that_fills(self, members: Mask, room: float) -> float:
        """Return the share at which the members ask for `room` units together."""
        low, high = 0.0, 1.0
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            if float(self._asked(middle)[members].sum()) > room:
                high = middle
            else:
                low = middle
        return low

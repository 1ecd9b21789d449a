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

from inventory.bundles import Arcs
from inventory.contest import Indexes, Rivalry
from inventory.supply import Counts

# Flows are whole numbers of 32 bits: fractions of units are kept as far as they fit.
_LARGEST_FLOW = 1 << 30
_FINEST = 64.0
_HALVINGS = 50

Whole = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class _Tight:
    """Campaigns that can't get what they ask for, and the nodes that are all theirs.

    `edges` (of the network) lead from them to nodes of others; they are full too.
    """

    campaigns: Mask
    nodes: Mask
    edges: Indexes


@dataclass(frozen=True, slots=True)
class _Network:
    """Nodes and edges (see Arcs) still in play, in scaled whole units; an edge takes `limit` at most."""

    supply: Whole
    node: Indexes
    campaign: Indexes
    limit: Whole
    above: Indexes
    below: Indexes

    def without(self, tight: _Tight) -> "_Network":
        """Return what is left when tight campaigns have taken what they can get."""
        supply = self.supply.copy()
        supply[tight.nodes] = 0
        np.subtract.at(supply, self.node[tight.edges], self.limit[tight.edges])
        kept = ~tight.campaigns[self.campaign] & ~tight.nodes[self.node]
        inner = ~tight.nodes[self.below]
        return _Network(
            supply,
            self.node[kept],
            self.campaign[kept],
            self.limit[kept],
            self.above[inner],
            self.below[inner],
        )

    def room(self, tight: _Tight) -> int:
        """Return what tight campaigns can get together."""
        return int(self.supply[tight.nodes].sum() + self.limit[tight.edges].sum())

    def starved(self, demand: Whole, spare: int) -> _Tight | None:
        """Return who can't get a demand, or None when all of it fits but for `spare`."""
        campaigns, nodes = len(demand), len(self.supply)
        graph = self._graph(demand)
        flow = maximum_flow(graph, 0, campaigns + nodes + 1)
        if int(demand.sum()) - int(flow.flow_value) <= spare:
            return None
        residual = csr_array(graph - flow.flow)
        residual.data[residual.data < 0] = 0
        residual.eliminate_zeros()
        reached = np.zeros(campaigns + nodes + 2, dtype=np.bool_)
        reached[breadth_first_order(residual, 0, return_predecessors=False)] = True
        short, full = reached[1 : campaigns + 1], reached[campaigns + 1 : -1]
        edges = np.flatnonzero(short[self.campaign] & ~full[self.node])
        return _Tight(short, full, edges)

    def most(self, demand: Whole) -> int:
        """Return how many units of a demand can be served together."""
        return int(maximum_flow(self._graph(demand), 0, len(demand) + len(self.supply) + 1).flow_value)

    def _graph(self, demand: Whole) -> csr_array:
        """Return source → campaigns → nodes → sink as a matrix of capacities."""
        first = 1 + len(demand)
        sink = first + len(self.supply)
        asking, holding = np.flatnonzero(demand), np.flatnonzero(self.supply)
        some = demand[self.campaign] > 0
        endless = np.full(len(self.above), _LARGEST_FLOW)
        capacity = np.concatenate([demand[asking], self.limit[some], endless, self.supply[holding]])
        tails = np.concatenate(
            [np.zeros(len(asking), np.intp), 1 + self.campaign[some], first + self.above, first + holding]
        )
        heads = np.concatenate(
            [1 + asking, first + self.node[some], first + self.below, np.full(len(holding), sink, np.intp)]
        )
        return csr_array(
            (capacity.astype(np.int32), (tails.astype(np.int32), heads.astype(np.int32))),
            shape=(sink + 1, sink + 1),
        )


def fair_units(contest: Rivalry, done: Counts, tolerance: float = 1e-4, part: float = 1.0) -> Counts:
    """Return the units that each campaign should still get of this part of supply, at most `wanted`.

    `done` units count towards a campaign's share. A shortage of the part `tolerance` of all demand
    is not worth another flow.
    """
    return _Filling(contest, done, tolerance, part).units()


def most_units(contest: Rivalry) -> int:
    """Return the most units that any allocation can serve: an exact maximum flow of whole numbers.

    A class never takes from the total of all classes: serving one first is a matter of who, not how many.
    """
    return _scaled(contest.arcs, 1.0, 1.0).most(np.floor(contest.wanted).astype(np.int64))


def _scaled(arcs: Arcs, scale: float, part: float) -> _Network:
    return _Network(
        np.floor(arcs.supply * part * scale).astype(np.int64),
        arcs.node,
        arcs.campaign,
        np.minimum(np.floor(arcs.limit * part * scale), _LARGEST_FLOW).astype(np.int64),
        arcs.above,
        arcs.below,
    )


class _Filling:
    """Levels rise until cells are full; what is full leaves."""

    def __init__(self, contest: Rivalry, done: Counts, tolerance: float, part: float) -> None:
        arcs = contest.arcs
        total = max(float(arcs.supply.sum()) * part, float(contest.wanted.sum()), 1.0)
        self._scale = min(_FINEST, _LARGEST_FLOW / total)
        self._rank = contest.rank
        self._quantity = contest.quantity * self._scale
        self._done = done * self._scale
        self._wanted = contest.wanted * self._scale
        self._spare = int(tolerance * float(self._wanted.sum()))
        self._network = _scaled(arcs, self._scale, part)
        self._settled = np.zeros(len(contest.wanted))

    def units(self) -> Counts:
        """Settle class after class, each beside what those above it hold."""
        ranks = np.unique(self._rank)
        every = np.floor(self._wanted).astype(np.int64)
        if len(ranks) > 1 and self._network.starved(every, self._spare) is None:
            return self._wanted / self._scale
        for rank in ranks:
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

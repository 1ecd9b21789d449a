"""A contest: campaigns that want units of supply cells."""

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from inventory.bundles import Arcs, Bundles
from inventory.supply import Counts

Indexes = NDArray[np.intp]


class Rivalry(Protocol):
    """Any contest: `wanted` units still to come, `quantity` booked, `rank` 0 for the first class."""

    @property
    def wanted(self) -> Counts:
        """Units still to come, by campaign."""

    @property
    def quantity(self) -> Counts:
        """Units booked, by campaign."""

    @property
    def rank(self) -> Indexes:
        """Each campaign's class, 0 for the first."""

    @property
    def arcs(self) -> Arcs:
        """The network in which units flow."""


@dataclass(frozen=True)
class Contest:
    """Who wants what of which cells, edge by edge.

    Cells: `supply`; edges in CSR form: campaigns `campaign[start[i]:start[i + 1]]` may use cell i, at
    least one each, and no more than the share `kept` of it. Campaigns as in `Rivalry`.
    """

    supply: Counts
    start: Indexes
    campaign: Indexes
    kept: Counts
    wanted: Counts
    quantity: Counts
    rank: Indexes

    @cached_property
    def cell(self) -> Indexes:
        """The cell of each edge."""
        return np.repeat(np.arange(len(self.supply)), np.diff(self.start))

    @cached_property
    def arcs(self) -> Arcs:
        """Campaigns → cells."""
        nothing = np.zeros(0, dtype=np.intp)
        limit = np.where(self.kept < 1.0, self.supply[self.cell] * self.kept, np.inf)
        return Arcs(self.supply, self.campaign, self.cell, limit, nothing, nothing)


@dataclass(frozen=True)
class BundledContest:
    """Who wants what of which raw cells, by bundles: `supply` has their shape. Campaigns as in `Rivalry`."""

    supply: Counts
    bundles: Bundles
    wanted: Counts
    quantity: Counts
    rank: Indexes

    @cached_property
    def arcs(self) -> Arcs:
        """Campaigns → nodes of the bundles → raw cells."""
        return self.bundles.arcs(self.supply)

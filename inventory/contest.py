"""A contest: campaigns that want units of supply cells."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from inventory.supply import Counts

Indexes = NDArray[np.intp]


@dataclass(frozen=True)
class Contest:
    """Who wants what of which cells.

    Cells: `supply`; edges in CSR form: campaigns `campaign[start[i]:start[i + 1]]` may use cell i, at
    least one each, and no more than the share `kept` of it. Campaigns: `wanted` units still to come,
    `quantity` booked, `rank` 0 for the first class.
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
    def worth(self) -> Counts:
        """What an edge's campaign can use of its cell, in notifications."""
        return self.supply[self.cell] * self.kept

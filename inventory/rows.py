"""The plan's rows and lag lists, laid out for the cells of the slot of time that runs."""

from array import array
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from inventory.cells import NOBODY, CellMap
from inventory.contest import Indexes
from inventory.plan import LAG_LIST_LENGTH, ROOM_CLASSES, Vacancy
from inventory.supply import Counts

# A share of a cell below this is not worth its octets in the plan.
SMALLEST_SHARE = 1e-4

_NONE = -1
NOT_LISTED = np.iinfo(np.int32).max
"""The place in the order of a campaign that no list may name."""

# Who could be served at a place where nobody is, by what `CellMap.reached` tells.
_NOBODY_AT_REACH = np.array([Vacancy.NO_CAMPAIGN, Vacancy.HOURS, Vacancy.BLACKOUT, Vacancy.NO_ROOM])


class Column:
    """The cells of one slot. Places whose cells are the same in every room class share a group.

    `catalogued` tells by position a campaign's slot in the catalogue, -1 for one that is not in it.
    """

    def __init__(self, cells: CellMap, slot: int, catalogued: Indexes) -> None:
        merged, start, campaign = cells.merged(slot)
        self._campaign = campaign
        _, first = np.unique(merged, return_index=True)
        # A raw cell (level, group) of each row, so that what cells make of shares is found there.
        self._raw_of_row = first[-(len(start) - 1) :] if len(start) > 1 else first[:0]
        column = merged[cells.level_of_class]
        reached = cells.reached(catalogued >= 0, slot)
        layouts, group = np.unique(np.vstack([column, reached]), axis=1, return_inverse=True)
        self._group_of_place = _packed("i", group.reshape(-1)[cells.group_of_place])
        cell = layouts[:ROOM_CLASSES].T
        # Rows of the plan: those of cells, and an empty one for where nobody is eligible.
        self._row_of_cell = np.where(cell == NOBODY, len(start) - 1, cell).ravel()
        self._start = np.append(start, start[-1])
        nobody = _NOBODY_AT_REACH[layouts[ROOM_CLASSES]]
        self._vacancy = np.where(cell == NOBODY, nobody[:, None], Vacancy.ON_PACE).ravel()
        self._catalogued = catalogued
        self._rows: Mapping[str, Sequence[float]] = {}
        self._drawn = np.zeros(len(self._row_of_cell), dtype=np.bool_)

    def lay_shares(self, rate: Counts, thinned: Counts) -> None:
        """Take as rows what each campaign asks of its cells × what a raw cell (level, group) makes of it."""
        counts = np.diff(self._start)[:-1]
        mine = rate[self._campaign] * np.repeat(thinned.ravel()[self._raw_of_row], counts)
        kept = (mine >= SMALLEST_SHARE) & (self._catalogued[self._campaign] >= 0)
        row = np.repeat(np.arange(len(self._start) - 1), np.diff(self._start))[kept]
        counts = np.bincount(row, minlength=len(self._start) - 1)
        upto = np.cumsum(mine[kept])
        begins = np.concatenate(([0], np.cumsum(counts)))
        before = np.concatenate(([0.0], upto))[begins[:-1]]
        self._lay(counts, begins[:-1], upto - np.repeat(before, counts), self._campaign[kept])

    def lay_lag(self, lists: Indexes, rank: Indexes, lag: Counts) -> None:
        """Make rows of the lists: their first class, in proportion to lag."""
        rank, lag = np.append(rank, _NONE), np.append(lag, 0.0)  # what -1 stands for lies behind the last
        first = (lists >= 0) & (rank[lists] == rank[lists[:, :1]])
        weight = np.where(first, lag[lists], 0.0)
        upto = np.cumsum(weight, axis=1)
        counts = first.sum(axis=1)
        total = np.where(counts > 0, upto[:, -1], 1.0)
        begins = np.cumsum(counts) - counts
        self._lay(counts, begins, (upto / total[:, None])[first], lists[first])

    def _lay(self, counts: Indexes, begins: Indexes, upto: Counts, campaign: Indexes) -> None:
        """Give each cell its row; cells that have the same share it."""
        self._drawn = counts[self._row_of_cell] > 0
        self._rows = {
            "row_start": _packed("i", begins[self._row_of_cell]),
            "row_end": _packed("i", (begins + counts)[self._row_of_cell]),
            "row_share": _packed("d", upto),
            "row_slot": _packed("i", self._catalogued[campaign]),
        }

    def lists(self, place_in_order: Indexes) -> Indexes:
        """Return the first campaigns of each row by their place in an order, -1 where there are no more.

        A campaign with the largest place there can be is not listed.
        """
        rows = len(self._start) - 1
        counts = np.diff(self._start)
        busy = np.flatnonzero(counts > 0)
        lists = np.full((rows, LAG_LIST_LENGTH), _NONE, dtype=np.intp)
        if not len(busy):
            return lists
        begins = self._start[busy]
        named = np.flatnonzero(place_in_order < NOT_LISTED)
        at = np.full(len(place_in_order), _NONE, dtype=np.intp)
        at[place_in_order[named]] = named
        order = place_in_order[self._campaign]
        for column in range(LAG_LIST_LENGTH):
            first = np.minimum.reduceat(order, begins)
            found = first < NOT_LISTED
            if not found.any():
                break
            lists[busy[found], column] = at[first[found]]
            order[order == np.repeat(first, counts[busy])] = NOT_LISTED
        return lists

    def arrays(self, lists: Indexes) -> Mapping[str, Sequence[float]]:
        """Return the plan's arrays by their names, with these lag lists."""
        spread = lists[self._row_of_cell]
        listed = spread >= 0
        counts = listed.sum(axis=1)
        return {
            "group_of_place": self._group_of_place,
            "vacancy": _packed("B", np.where((counts > 0) | self._drawn, Vacancy.NONE, self._vacancy)),
            "lag_start": _packed("i", np.concatenate(([0], np.cumsum(counts)))),
            "lag_slot": _packed("i", self._catalogued[spread[listed]]),
            **self._rows,
        }


def _packed(code: str, values: NDArray[np.generic]) -> "array[float]":
    packed: array[float] = array(code)
    packed.frombytes(values.astype(code).tobytes())
    return packed

"""Maximum flow between campaigns and cells: who can be served how much, and who could make room.

A campaign holds units of the cells it may use; a cell holds no more than its supply. A campaign that
needs more takes what its cells have left, or takes units over from others, which then need as many
elsewhere: needs are pushed along chains to where something is left (Goldberg and Tarjan 1988, with
campaigns as the only nodes). A wave pushes all needs at once, over all cells, those farthest from
anything left first, to campaigns that are nearer by one; distances are measured before each wave. Needs
that reach nothing left go back to those who asked for more: what others hold in total never falls, so
nobody is displaced. Flows are whole numbers, so that an answer is a number of notifications.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Units = NDArray[np.int64]
Indexes = NDArray[np.intp]
Mask = NDArray[np.bool_]

_ENDLESS = 1 << 62
_FAR = 1 << 30


@dataclass(frozen=True, slots=True)
class Eligible:
    """Who may be served where: `campaign[start[cell]:start[cell + 1]]` may use a cell (as in CellMap)."""

    start: Indexes
    campaign: Indexes
    campaigns: int

    def cells(self) -> tuple[Indexes, Indexes]:
        """Return every campaign's cells, the least wanted first, and where each campaign's begin."""
        rivals = np.diff(self.start)
        cell = np.repeat(np.arange(len(rivals)), rivals)
        order = np.lexsort((rivals[cell], self.campaign))
        begins = np.searchsorted(self.campaign[order], np.arange(self.campaigns + 1))
        return cell[order], begins


@dataclass(slots=True)
class _Late:
    """A campaign that was added: it may use so much (`limits`) of each of its cells."""

    cells: Indexes
    limits: Units
    held: Units


@dataclass(frozen=True, slots=True)
class _Holdings:
    """What campaigns of `Eligible` hold as a wave begins: where in `Flow._held`, its cell and campaign.

    Distances by campaign: 1 where something is left, 0 for who yields, _FAR where nothing is reached.
    """

    at: Indexes
    cell: Indexes
    campaign: Indexes
    distance: Indexes

    def near(self, distance: int, cells: Mask) -> Indexes:
        """Return where campaigns at a distance hold some of these cells, by cell."""
        some = np.flatnonzero((self.distance[self.campaign] == distance) & cells[self.cell])
        return some[np.argsort(self.cell[some], kind="stable")]


class Flow:
    """Units of cells held by campaigns (by position); `left` is what nobody holds, per cell.

    Campaigns of `eligible` come first; `add` appends one that may use parts of cells.
    """

    __slots__ = (
        "_begins", "_campaign", "_cell", "_cells", "_eligible", "_held", "_late", "_some", "_witness",
        "left", "placed",
    )  # fmt: skip

    def __init__(self, supply: Units, eligible: Eligible) -> None:
        self.left = supply.copy()
        self.placed = [0] * eligible.campaigns
        self._eligible = eligible
        self._cell, begins = eligible.cells()
        self._begins = begins
        self._campaign = np.repeat(np.arange(eligible.campaigns), np.diff(begins))
        self._cells = np.split(self._cell, begins[1:-1]) if eligible.campaigns else []
        self._held: Units = np.zeros(len(self._cell), dtype=np.int64)
        self._late: list[_Late] = []
        self._some = np.flatnonzero(np.diff(begins))
        self._witness = np.full(eligible.campaigns, -1, dtype=np.intp)
        self._witness[self._some] = self._cell[begins[self._some]]

    def fork(self) -> "Flow":
        """Return a copy to try things out on."""
        fork = object.__new__(Flow)
        fork.left = self.left.copy()
        fork.placed = self.placed.copy()
        fork._eligible = self._eligible
        fork._cell, fork._begins, fork._campaign = self._cell, self._begins, self._campaign
        fork._cells = self._cells.copy()
        fork._held = self._held.copy()
        fork._late = [_Late(each.cells, each.limits, each.held.copy()) for each in self._late]
        fork._some = self._some
        fork._witness = self._witness.copy()
        return fork

    def __len__(self) -> int:
        return len(self._cells)

    def add(self, cells: Indexes, limits: Units) -> int:
        """Add a campaign that may use so much of each of these cells; return its position."""
        self._cells.append(cells)
        self._late.append(_Late(cells, limits, np.zeros(len(cells), dtype=np.int64)))
        self.placed.append(0)
        return len(self) - 1

    def drop(self, campaign: int) -> None:
        """Let a campaign have nothing any more: what it held is left."""
        self.left[self._cells[campaign]] += self._held[self._slice(campaign)]
        self._held[self._slice(campaign)] = 0
        self.placed[campaign] = 0
        self._witness[self._some] = self._cell[self._begins[self._some]]

    def cells(self, campaign: int) -> Indexes:
        """Return the cells that a campaign may use."""
        return self._cells[campaign]

    def held(self, campaign: int) -> Units:
        """Return what a campaign holds of each of its cells."""
        late = self._added(campaign)
        return self._held[self._slice(campaign)] if late is None else late.held

    def place(self, goals: Mapping[int, int], yielding: Collection[int] = ()) -> None:
        """Place units until each campaign of `goals` holds its goal, or as many as can be.

        What others hold in total stays as it is; those of `yielding` lose units where there is no other way.
        """
        need = self._needs(goals)
        self._push_all(need, yielding)
        self._push_all(need, {*yielding, *goals})

    def most(self, campaign: int, goal: int) -> int:
        """Return how much of a goal a campaign can hold while nobody loses anything.

        Only the number is good: needs of others that were not met are not given back, so use a fork.
        """
        need = self._needs({campaign: goal})
        self._push_all(need, ())
        need[campaign] = 0
        return self.placed[campaign] - int(need.sum())

    def rivals(self, campaign: int) -> tuple[Mask, Mask]:
        """Return whom (by position) and which cells a campaign would get more of if they gave way.

        They are what its chains lead to; when it can get no more, none of these cells has any left.
        """
        cells = np.zeros(len(self.left), dtype=np.bool_)
        found = np.zeros(len(self), dtype=np.bool_)
        new = [campaign]
        held = np.flatnonzero(self._held != 0)
        cell, owner = self._cell[held], self._campaign[held]
        while new:
            found[new] = True
            for each in new:
                late = self._added(each)
                cells[self._cells[each] if late is None else late.cells[late.held < late.limits]] = True
            holders = np.zeros(len(self), dtype=np.bool_)
            holders[owner[cells[cell]]] = True
            for at, late in enumerate(self._late, self._eligible.campaigns):
                holders[at] = bool(np.any(late.held[cells[late.cells]]))
            new = np.flatnonzero(holders & ~found).tolist()
        found[campaign] = False
        return found, cells

    def _slice(self, campaign: int) -> slice:
        return slice(self._begins[campaign], self._begins[campaign + 1])

    def _added(self, campaign: int) -> _Late | None:
        at = campaign - self._eligible.campaigns
        return self._late[at] if at >= 0 else None

    def _needs(self, goals: Mapping[int, int]) -> Units:
        """Return by campaign what it still needs of its goal, as far as it could hold so much alone."""
        need = np.zeros(len(self), dtype=np.int64)
        for campaign, goal in goals.items():
            late = self._added(campaign)
            most = _ENDLESS if late is None else int(late.limits.sum())
            need[campaign] = max(0, min(goal, most) - self.placed[campaign])
        return need

    def _push_all(self, need: Units, yielding: Collection[int]) -> None:
        """Push needs in waves until none reaches anything left, nor one of `yielding`: there needs end."""
        ends = np.zeros(len(self), dtype=np.bool_)
        ends[list(yielding)] = True
        need[ends] = 0
        cut_off = np.zeros(len(self), dtype=np.bool_)
        while np.any((need > 0) & ~cut_off):
            holdings = self._measure(need > 0, ends, cut_off)
            reached = holdings.distance[(need > 0) & ~cut_off]
            for distance in range(int(reached.max(initial=0)), 0, -1):
                asking = np.flatnonzero((need > 0) & (holdings.distance == distance)).tolist()
                if asking and distance == 1:
                    for campaign in asking:
                        self._take(campaign, self.left, need)
                if asking and (distance > 1 or yielding):
                    self._take_over(asking, distance - 1, holdings, need)
                    need[ends] = 0

    def _measure(self, asking: Mask, ends: Mask, cut_off: Mask) -> _Holdings:
        """Return what is held, and distances of those who ask; `cut_off` are those that reach nothing.

        Distances never fall (a push leads to who is nearer), so who is cut off stays so.
        """
        at = np.flatnonzero(self._held != 0)
        cell, campaign = self._cell[at], self._campaign[at]
        distance = np.where(ends, 0, np.where(self._reaching_left(), 1, _FAR))
        marked = np.zeros(len(self.left), dtype=np.bool_)
        unknown = (distance == _FAR) & ~cut_off
        level = 0 if ends.any() else 1
        while np.any(asking & unknown):
            new = distance == level
            if level > 1 and not new.any():
                cut_off |= unknown
                break
            marked[cell[new[campaign]]] = True
            for position, late in enumerate(self._late, self._eligible.campaigns):
                if new[position]:
                    marked[late.cells[late.held > 0]] = True
            level += 1
            found = unknown & self._reaching(marked)
            distance[found] = level
            unknown &= ~found
        return _Holdings(at, cell, campaign, distance)

    def _reaching(self, cells: Mask) -> Mask:
        """Return which campaigns may have more of any of these cells."""
        reaching = np.zeros(len(self), dtype=np.bool_)
        if self._some.size:
            begins = self._begins[self._some]
            reaching[self._some] = np.logical_or.reduceat(cells[self._cell], begins)
        for position, late in enumerate(self._late, self._eligible.campaigns):
            reaching[position] = np.any(cells[late.cells] & (late.held < late.limits))
        return reaching

    def _reaching_left(self) -> Mask:
        """Return which campaigns may have more of anything that is left.

        A cell that showed it before is looked at first; who reaches nothing any more never will again.
        """
        cells = self.left > 0
        reaching = (self._witness >= 0) & cells[self._witness]
        for campaign in np.flatnonzero(~reaching & (self._witness >= 0)).tolist():
            mine = self._cells[campaign]
            at = int(np.argmax(cells[mine]))
            reaching[campaign] = cells[mine[at]]
            self._witness[campaign] = mine[at] if reaching[campaign] else -1
        late = [np.any(cells[late.cells] & (late.held < late.limits)) for late in self._late]
        return np.append(reaching, late).astype(np.bool_)

    def _take_over(self, asking: Collection[int], distance: int, holdings: _Holdings, need: Units) -> None:
        """Let campaigns have what those at a distance hold, who need as much elsewhere then."""
        some = holdings.distance[holdings.campaign] == distance
        at = holdings.at[some]
        free = np.bincount(holdings.cell[some], self._held[at], len(self.left)).astype(np.int64)
        late = [
            each for each in range(self._eligible.campaigns, len(self)) if holdings.distance[each] == distance
        ]
        for each in late:
            free[self._cells[each]] += self.held(each)
        taken = free.copy()
        for each in asking:
            self._take(each, free, need)
        taken -= free
        for each in late:
            self._lose(each, taken, need)
        some = holdings.near(distance, taken > 0)
        at, cell = holdings.at[some], holdings.cell[some]
        held = self._held[at]
        before = np.cumsum(held) - held
        first = np.flatnonzero(np.diff(cell, prepend=-1))
        before -= np.repeat(before[first], np.diff(first, append=len(cell)))
        lost = np.minimum(held, np.maximum(taken[cell] - before, 0))
        self._held[at] = held - lost
        by_campaign = np.bincount(holdings.campaign[some], lost, len(self)).astype(np.int64)
        need += by_campaign
        for each in np.flatnonzero(by_campaign).tolist():
            self.placed[each] -= int(by_campaign[each])

    def _lose(self, campaign: int, taken: Units, need: Units) -> None:
        """Take from an added campaign what was taken of its cells, and count it as done."""
        late = self._late[campaign - self._eligible.campaigns]
        lost = np.minimum(taken[late.cells], late.held)
        taken[late.cells] -= lost
        late.held = late.held - lost
        self.placed[campaign] -= int(lost.sum())
        need[campaign] += lost.sum()

    def _take(self, campaign: int, free: Units, need: Units) -> None:
        """Let a campaign have what it needs and may have of units that are free, by cell."""
        cells, late, want = self._cells[campaign], self._added(campaign), int(need[campaign])
        some = free[cells]
        if late is not None:
            some = np.minimum(some, late.limits - late.held)
        got = int(some.sum())
        if got > want:
            some, got = _first(some, want), want
        if not got:
            return
        free[cells] -= some
        if late is None:
            self._held[self._slice(campaign)] += some
        else:
            late.held = late.held + some
        self.placed[campaign] += got
        need[campaign] -= got


def _first(units: Units, most: int) -> Units:
    """Return the units from the first cells on, `most` in total at most."""
    before = np.cumsum(units) - units
    first: Units = np.minimum(units, np.maximum(most - before, 0))
    return first

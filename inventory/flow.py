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
# So many cells are looked at together for one that has some left.
_GLANCE = 512


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

    def near(self, distance: int) -> "_Holdings":
        """Return what campaigns at a distance hold."""
        some = np.flatnonzero((self.distance == distance)[self.campaign])
        return _Holdings(self.at[some], self.cell[some], self.campaign[some], self.distance)

    def of(self, cells: Mask) -> "_Holdings":
        """Return what is held of these cells, by cell."""
        some = np.flatnonzero(cells[self.cell])
        some = some[np.argsort(self.cell[some], kind="stable")]
        return _Holdings(self.at[some], self.cell[some], self.campaign[some], self.distance)


class Flow:
    """Units of cells held by campaigns (by position); `left` is what nobody holds, per cell.

    Campaigns of `eligible` come first; `add` appends one that may use parts of cells.
    """

    __slots__ = (
        "_begins", "_campaign", "_cell", "_cells", "_eligible", "_held", "_holds", "_late", "_some",
        "_witness", "left", "placed",
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
        self._holds = np.zeros(len(self._cell), dtype=np.bool_)  # where anything is held
        self._late: list[_Late] = []
        self._some = np.flatnonzero(np.diff(begins))
        self._witness: Indexes = begins[:-1].copy()

    def fork(self) -> "Flow":
        """Return a copy to try things out on."""
        fork = object.__new__(Flow)
        fork.left = self.left.copy()
        fork.placed = self.placed.copy()
        fork._eligible = self._eligible
        fork._cell, fork._begins, fork._campaign = self._cell, self._begins, self._campaign
        fork._cells = self._cells.copy()
        fork._held, fork._holds = self._held.copy(), self._holds.copy()
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
        self._holds[self._slice(campaign)] = False
        self.placed[campaign] = 0
        self._witness = self._begins[:-1].copy()

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
        """Return how much of a goal a campaign that was added can hold while nobody loses anything.

        It is given all that it may use; what others hold of it they need elsewhere, and what they can't
        have there it can't keep. Only the number is good, so use a fork.
        """
        late = self._late[campaign - self._eligible.campaigns]
        wanted = late.limits - late.held
        free = np.minimum(self.left[late.cells], wanted)
        self.left[late.cells] -= free
        late.held = late.held + wanted
        self.placed[campaign] += int(free.sum())
        if self.placed[campaign] >= goal or np.array_equal(free, wanted):
            return min(goal, self.placed[campaign])
        taken = np.zeros_like(self.left)
        taken[late.cells] = wanted - free
        need = np.zeros(len(self), dtype=np.int64)
        for each in range(self._eligible.campaigns, len(self)):
            if each != campaign:
                self._lose(each, taken, need)
        self._give_up(taken, self._holdings(np.zeros(len(self), dtype=np.intp)).of(taken > 0), need)
        self.placed[campaign] += int(need.sum())
        self._push_all(need, ())
        return min(goal, self.placed[campaign] - int(need.sum()))

    def rivals(self, campaign: int) -> tuple[Mask, Mask]:
        """Return whom (by position) and which cells a campaign would get more of if they gave way.

        They are what its chains lead to; when it can get no more, none of these cells has any left.
        """
        cells = np.zeros(len(self.left), dtype=np.bool_)
        found = np.zeros(len(self), dtype=np.bool_)
        new = [campaign]
        held = np.flatnonzero(self._holds)
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
        distance = np.where(ends, 0, np.where(self._reaching_left(), 1, _FAR))
        holdings = self._holdings(distance)
        marked = np.zeros(len(self.left), dtype=np.bool_)
        unknown = (distance == _FAR) & ~cut_off
        level = 0 if ends.any() else 1
        while np.any(asking & unknown):
            new = distance == level
            if level > 1 and not new.any():
                cut_off |= unknown
                break
            marked[holdings.cell[new[holdings.campaign]]] = True
            for position, late in enumerate(self._late, self._eligible.campaigns):
                if new[position]:
                    marked[late.cells[late.held > 0]] = True
            level += 1
            found = self._reaching(marked, unknown)
            distance[found] = level
            unknown &= ~found
        return holdings

    def _holdings(self, distance: Indexes) -> _Holdings:
        at = np.flatnonzero(self._holds)
        return _Holdings(at, self._cell[at], self._campaign[at], distance)

    def _reaching(self, cells: Mask, among: Mask) -> Mask:
        """Return which campaigns `among` those asked for may have more of any of these cells."""
        reaching = np.zeros(len(self), dtype=np.bool_)
        some = self._some[among[self._some]]
        if some.size:
            mine = [self._cells[each] for each in some.tolist()]
            begins = np.cumsum([0, *(len(each) for each in mine[:-1])])
            reaching[some] = np.logical_or.reduceat(cells[np.concatenate(mine)], begins)
        for position, late in enumerate(self._late, self._eligible.campaigns):
            if among[position]:
                reaching[position] = np.any(cells[late.cells] & (late.held < late.limits))
        return reaching

    def _reaching_left(self) -> Mask:
        """Return which campaigns may have more of anything that is left.

        What is left only falls: each goes on from the cell that showed it before, its witness.
        """
        cells = self.left > 0
        reaching = self._witness < self._begins[1:]
        reaching[reaching] = cells[self._cell[self._witness[reaching]]]
        for campaign in np.flatnonzero(~reaching & (self._witness < self._begins[1:])).tolist():
            begins, ends = int(self._witness[campaign]), int(self._begins[campaign + 1])
            while begins < ends and not reaching[campaign]:
                mine = cells[self._cell[begins : min(begins + _GLANCE, ends)]]
                reaching[campaign] = mine.any()
                begins += int(mine.argmax()) if reaching[campaign] else len(mine)
            self._witness[campaign] = begins
        late = [np.any(cells[late.cells] & (late.held < late.limits)) for late in self._late]
        return np.append(reaching, late).astype(np.bool_)

    def _take_over(self, asking: Collection[int], distance: int, holdings: _Holdings, need: Units) -> None:
        """Let campaigns have what those at a distance hold, who need as much elsewhere then."""
        near = holdings.near(distance)
        free = np.bincount(near.cell, self._held[near.at], len(self.left)).astype(np.int64)
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
        self._give_up(taken, near.of(taken > 0), need)

    def _give_up(self, taken: Units, holdings: _Holdings, need: Units) -> None:
        """Take from campaigns what was taken of the cells that they hold, and count it as needed."""
        at, cell = holdings.at, holdings.cell
        held = self._held[at]
        before = np.cumsum(held) - held
        first = np.flatnonzero(np.diff(cell, prepend=-1))
        before -= np.repeat(before[first], np.diff(first, append=len(cell)))
        lost = np.minimum(held, np.maximum(taken[cell] - before, 0))
        self._held[at], self._holds[at] = held - lost, lost < held
        by_campaign = np.bincount(holdings.campaign, lost, len(self)).astype(np.int64)
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
        cells, late = self._cells[campaign], self._added(campaign)
        some = free[cells]
        if late is not None:
            some = np.minimum(some, late.limits - late.held)
        at = np.flatnonzero(some != 0)
        if not at.size:
            return
        at, some = _first(at, some[at], int(need[campaign]))
        free[cells[at]] -= some
        if late is None:
            at = at + self._begins[campaign]
            self._held[at] += some
            self._holds[at] = True
        else:
            late.held[at] += some
        got = int(some.sum())
        self.placed[campaign] += got
        need[campaign] -= got


def _first(at: Indexes, units: Units, most: int) -> tuple[Indexes, Units]:
    """Return the first places and their units, `most` in total at most."""
    upto = np.cumsum(units)
    if upto[-1] <= most:
        return at, units
    last = int(np.searchsorted(upto, most))
    some = units[: last + 1]
    some[last] -= upto[last] - most
    return at[: last + 1], some

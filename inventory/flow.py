"""Maximum flow between campaigns and cells: who can be served how much, and who could make room.

A campaign holds units of the cells it may use; a cell holds no more than its supply. More is placed
along shortest chains: a campaign takes what a cell has left, or takes over units of another campaign
that can get as many elsewhere, and so on (Dinic 1970, with campaigns as the only nodes: a chain moves
as many units as it can at once, over all cells). What a campaign holds in total never falls, so
nobody is displaced. Flows are whole numbers, so that an answer is a number of notifications.
"""

from collections.abc import Collection, Generator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Units = NDArray[np.int64]
Indexes = NDArray[np.intp]
Mask = NDArray[np.bool_]

_ENDLESS = 1 << 62

_Link = Generator[tuple[int, int], int, int]


@dataclass(frozen=True, slots=True)
class Eligible:
    """Who may be served where: `campaign[start[cell]:start[cell + 1]]` may use a cell (as in CellMap)."""

    start: Indexes
    campaign: Indexes
    campaigns: int

    def cells(self) -> list[Indexes]:
        """Return each campaign's cells, those first that the fewest others may use."""
        rivals = np.diff(self.start)
        cell = np.repeat(np.arange(len(rivals)), rivals)
        order = np.lexsort((rivals[cell], self.campaign))
        ends = np.cumsum(np.bincount(self.campaign, minlength=self.campaigns))
        return np.split(cell[order], ends)[: self.campaigns]

    def takers(self, cells: Indexes) -> tuple[Indexes, Indexes]:
        """Return every (position in `cells`, campaign that may use that cell)."""
        counts = self.start[cells + 1] - self.start[cells]
        position = np.repeat(np.arange(len(cells)), counts)
        within = np.arange(len(position)) - np.repeat(np.cumsum(counts) - counts, counts)
        return position, self.campaign[self.start[cells][position] + within]


@dataclass(frozen=True, slots=True)
class _Chains:
    """How much a campaign could get at once: what its cells have left, and what others hold of them.

    `held[campaign, other]` counts units in cells of `campaign` that `other` holds; levels are lengths of the
    shortest chains that end at something left (0: there is none), and fall while a phase uses them up.
    """

    held: NDArray[np.float64]
    levels: Indexes
    yielding: Collection[int]

    def next_of(self, campaign: int) -> Indexes:
        """Return the next links of shortest chains, those first that can give the most."""
        held = self.held[campaign]
        others = np.flatnonzero((self.levels == self.levels[campaign] - 1) & (held > 0))
        return others[np.argsort(-held[others], kind="stable")]


class Flow:
    """Units of cells held by campaigns (by position); `left` is what nobody holds, per cell.

    Campaigns of `eligible` come first; `add` appends one that may use parts of cells.
    """

    __slots__ = (
        "_beside",
        "_cells",
        "_changed",
        "_eligible",
        "_held",
        "_limits",
        "_overlap",
        "_spare",
        "_witness",
        "left",
        "placed",
    )

    def __init__(self, supply: Units, eligible: Eligible) -> None:
        self.left = supply.copy()
        self.placed = [0] * eligible.campaigns
        self._eligible = eligible
        self._cells = eligible.cells()
        self._held: list[Units] = [np.zeros(len(cells), dtype=np.int64) for cells in self._cells]
        self._limits: list[Units] = []
        self._beside: list[list[tuple[int, Indexes]]] = []
        self._overlap = np.zeros((0, 0))
        self._changed = set(range(eligible.campaigns))
        self._witness = np.array([each[0] if each.size else -1 for each in self._cells], dtype=np.intp)
        self._spare: list[Units] = []

    def fork(self) -> "Flow":
        """Return a copy to try things out on; what campaigns hold is shared until it changes."""
        fork = object.__new__(Flow)
        fork.left = self.left.copy()
        fork.placed = self.placed.copy()
        fork._eligible = self._eligible
        fork._cells = self._cells.copy()
        fork._held = self._held.copy()
        fork._limits = self._limits.copy()
        fork._beside = self._beside.copy()
        fork._overlap = self._overlaps()
        fork._changed = set()
        fork._witness = self._witness.copy()
        fork._spare = []
        return fork

    def __len__(self) -> int:
        return len(self._cells)

    def add(self, cells: Indexes, limits: Units) -> int:
        """Add a campaign that may use so much of each of these cells; return its position."""
        self._cells.append(cells)
        self._held.append(np.zeros(len(cells), dtype=np.int64))
        self._limits.append(limits)
        self._beside.append(self._neighbours(cells))
        self.placed.append(0)
        self._changed.add(len(self) - 1)
        return len(self) - 1

    def cells(self, campaign: int) -> Indexes:
        """Return the cells that a campaign may use."""
        return self._cells[campaign]

    def held(self, campaign: int) -> Units:
        """Return what a campaign holds of each of its cells."""
        return self._held[campaign]

    def place(self, goals: Mapping[int, int], yielding: Collection[int] = ()) -> None:
        """Place units until each campaign of `goals` holds its goal, or as many as can be.

        What others hold in total stays as it is; those of `yielding` lose units where there is no other way.
        """
        for campaign, goal in goals.items():
            self._take_left(campaign, goal - self.placed[campaign])
        goals = {each: min(goal, self._most(each)) for each, goal in goals.items()}
        while short := [each for each, goal in goals.items() if self.placed[each] < goal]:
            chains = self._chains(yielding)
            reached = [each for each in short if chains.levels[each]]
            if not reached:
                return
            for campaign in reached:
                self._push(campaign, goals[campaign] - self.placed[campaign], chains)

    def rivals(self, campaign: int) -> tuple[Mask, Mask]:
        """Return whom (by position) and which cells a campaign would get more of if they gave way.

        They are what its chains lead to; when it can get no more, none of these cells has any left.
        """
        held = self._overlaps()
        found = np.zeros(len(self), dtype=np.bool_)
        new = held[campaign] > 0
        while np.any(new & ~found):
            found |= new
            new = np.any(held[found] > 0, axis=0)
        found[campaign] = False
        cells = np.zeros(len(self.left), dtype=np.bool_)
        cells[self._cells[campaign][self._room(campaign, 1) > 0]] = True
        for other in np.flatnonzero(found):
            cells[self._cells[other]] = True
        return found, cells

    def _most(self, campaign: int) -> int:
        """Return how much a campaign could hold if it were alone."""
        late = campaign - self._eligible.campaigns
        return int(self._limits[late].sum()) if late >= 0 else _ENDLESS

    def _room(self, campaign: int, most: int) -> Units:
        """Return how much more a campaign may hold of each of its cells, `most` where all of it."""
        late = campaign - self._eligible.campaigns
        if late < 0:
            return np.full(len(self._cells[campaign]), most, dtype=np.int64)
        return self._limits[late] - self._held[campaign]

    def _chains(self, yielding: Collection[int]) -> _Chains:
        held = self._overlaps()
        levels = np.zeros(len(self), dtype=np.intp)
        levels[self._reach_left()] = 1
        levels[[each for each in yielding if self.placed[each]]] = 1
        level = 1
        while (new := levels == level).any():
            level += 1
            levels[(levels == 0) & (held @ new > 0)] = level
        return _Chains(held, levels, yielding)

    def _overlaps(self) -> NDArray[np.float64]:
        """Return how many units in its cells (up to its room there) others hold: (campaign, other).

        It is kept, and made anew where what others hold has changed.
        """
        late = range(self._eligible.campaigns, len(self))
        changed = sorted(self._changed.union(late))
        if not changed:
            return self._overlap
        some = [self._held[each] > 0 for each in changed]
        cell = np.concatenate([self._cells[each][mask] for each, mask in zip(changed, some, strict=True)])
        units = np.concatenate([self._held[each][mask] for each, mask in zip(changed, some, strict=True)])
        column = np.repeat(np.arange(len(changed)), [np.count_nonzero(mask) for mask in some])
        position, taker = self._eligible.takers(cell)
        shape = (len(self), len(changed))
        counted = np.bincount(
            taker * len(changed) + column[position], weights=units[position], minlength=shape[0] * shape[1]
        )
        known = len(self._overlap)
        overlap = np.zeros((len(self), len(self)))
        overlap[:known, :known] = self._overlap
        overlap[:, changed] = counted.reshape(shape)
        for each in late:
            overlap[each] = self._overlaps_of(each)
        np.fill_diagonal(overlap, 0)
        self._overlap = overlap
        self._changed = set()
        return overlap

    def _neighbours(self, cells: Indexes) -> list[tuple[int, Indexes]]:
        """Return the campaigns that may use any of these cells, each with where among its own they are."""
        some = np.zeros(len(self.left), dtype=np.bool_)
        some[cells] = True
        takers = np.bincount(self._eligible.takers(cells)[1], minlength=len(self._cells))
        late = range(self._eligible.campaigns, len(self._cells))
        return [
            (each, np.flatnonzero(some[self._cells[each]]))
            for each in {*np.flatnonzero(takers).tolist(), *late}
        ]

    def _overlaps_of(self, late: int) -> NDArray[np.float64]:
        """Return how many units in its cells, up to its room there, each other campaign holds."""
        room = self._spread_out(late, self._room(late, 0))
        overlaps = np.zeros(len(self))
        for other, at in self._beside[late - self._eligible.campaigns]:
            overlaps[other] = np.minimum(self._held[other][at], room[self._cells[other][at]]).sum()
        self._gather(late, room)
        return overlaps

    def _reach_left(self) -> Mask:
        """Return which campaigns could take something that a cell has left.

        A cell that showed it before is looked at first; who reaches nothing any more never will again.
        """
        some = self.left > 0
        reach = (self._witness >= 0) & some[self._witness]
        for campaign in np.flatnonzero(~reach & (self._witness >= 0)).tolist():
            cells = self._cells[campaign]
            at = int(np.argmax(some[cells]))
            reach[campaign] = some[cells[at]]
            self._witness[campaign] = cells[at] if reach[campaign] else -1
        late = [
            bool(np.any(some[self._cells[each]] & (self._room(each, 0) > 0)))
            for each in range(self._eligible.campaigns, len(self))
        ]
        return np.append(reach, late).astype(np.bool_)

    def _spread_out(self, campaign: int, units: Units) -> Units:
        """Return units of a campaign's cells as units of all cells, on an array that `_gather` takes back."""
        spread = self._spare.pop() if self._spare else np.zeros_like(self.left)
        spread[self._cells[campaign]] = units
        return spread

    def _gather(self, campaign: int, spread: Units) -> Units:
        """Return what an array says of a campaign's cells, and clear it for its next use."""
        gathered = spread[self._cells[campaign]]
        spread[self._cells[campaign]] = 0
        self._spare.append(spread)
        return gathered

    def _push(self, campaign: int, want: int, chains: _Chains) -> None:
        """Let a campaign have up to `want` more along shortest chains.

        A chain may be longer than the interpreter's stack, so its links are generators on a list.
        """
        links = [self._link(campaign, want, chains)]
        got: int | None = None
        while links:
            try:
                asked = next(links[-1]) if got is None else links[-1].send(got)
                links.append(self._link(*asked, chains))
                got = None
            except StopIteration as end:
                links.pop()
                got = end.value

    def _link(self, campaign: int, want: int, chains: _Chains) -> _Link:
        """Take units over from the next in the chains; yields (who shall get more first, how many).

        One of `yielding` makes room in any case: who asked takes over units that it held.
        """
        if chains.levels[campaign] == 1:
            got = self._take_left(campaign, want)
            return want if campaign in chains.yielding else got
        missing, before = want, self._room(campaign, want)
        room = self._spread_out(campaign, before)
        for other in chains.next_of(campaign).tolist():
            cells = self._cells[other]
            movable = np.minimum(self._held[other], room[cells])
            total = int(movable.sum())
            asked = min(missing, total)
            got = (yield other, asked) if asked else 0
            if got < asked:
                chains.levels[other] = 0
            if got:
                moved = movable if got == total else _first(movable, got)
                self._hold(other, self._held[other] - moved, -got)
                room[cells] -= moved
                missing -= got
            if not missing:
                break
        gained = before - self._gather(campaign, room)
        self._hold(campaign, self._held[campaign] + gained, want - missing)
        return want - missing

    def _take_left(self, campaign: int, want: int) -> int:
        """Let a campaign have up to `want` more of what its cells have left; return how many it got."""
        cells = self._cells[campaign]
        taken = self.left[cells]
        if campaign >= self._eligible.campaigns:
            taken = np.minimum(taken, self._room(campaign, want))
        got = int(taken.sum())
        if got > want:
            taken, got = _first(taken, want), max(0, want)
        if not got:
            return 0
        self.left[cells] -= taken
        self._hold(campaign, self._held[campaign] + taken, got)
        return got

    def _hold(self, campaign: int, held: Units, more: int) -> None:
        self._held[campaign] = held
        self.placed[campaign] += more
        self._changed.add(campaign)


def _first(units: Units, most: int) -> Units:
    """Return the units from the first cells on, `most` in total at most."""
    before = np.cumsum(units) - units
    first: Units = np.minimum(units, np.maximum(most - before, 0))
    return first
